"""Cómo se encuentran los procesos que entrenan: TensorFlow lee en `TF_CONFIG` dónde está cada uno.

El `TensorflowConfig` de Ray hace lo mismo, pero importa TensorFlow también en el proceso que solo
coloca a los demás, y todos lo esperan. Por eso este módulo no lo importa.
"""

import json
import os
import socket
from typing import Any

from ray.train.backend import Backend, BackendConfig
from ray.util import get_node_ip_address


class Meeting(BackendConfig):
    """Lo que se le da a Ray Train para que los procesos se encuentren."""

    @property
    def backend_cls(self) -> type[Backend]:
        """Quien los presenta."""
        return Introducer


class Introducer(Backend):
    """Da a cada proceso las direcciones de todos, antes de que empiece."""

    def on_start(self, worker_group: Any, backend_config: BackendConfig) -> None:  # noqa: ANN401
        """La llama Ray, cuando los procesos ya están en marcha."""
        addresses = worker_group.execute(free_address)
        for rank in range(len(addresses)):
            worker_group.execute_single(rank, introduce, addresses, rank)


def free_address() -> str:
    """Devuelve la dirección, con un puerto libre, del equipo que la ejecuta."""
    ip = get_node_ip_address()
    version_6 = ":" in ip
    with socket.socket(socket.AF_INET6 if version_6 else socket.AF_INET) as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    return f"[{ip}]:{port}" if version_6 else f"{ip}:{port}"


def introduce(addresses: list[str], rank: int) -> None:
    """Deja escrito para TensorFlow dónde están todos los procesos y cuál es este."""
    task = {"type": "worker", "index": rank}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
