"""El kernel en el que el script ejecuta el cuaderno."""

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import run_sync
from traitlets import Type

from fashion_bench.folders import anonymous

NOT_INHERITED = ("JPY_", "MPLBACKEND", "PYTHONWARNINGS")
"""Cómo empiezan las variables que cada kernel pone para sí, o que convierten en error un aviso."""
SILENCE = "--log-level=50"
"""Lo que le pasa al kernel lo cuenta el script, no él."""


class _Output(AsyncZMQSocketChannel):
    """Lo que enseña el kernel, sin las carpetas personales: se guarda y quizá se comparta."""

    kernel: "Kernel"

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        message = await super().get_msg(timeout)
        content = message["content"]
        if message["msg_type"] == "execute_input":
            self.kernel.when_cell_runs()
        elif content.get("execution_state") == "idle":
            self.kernel.when_cell_ends()
        for name in {"text", "evalue"} & content.keys():
            content[name] = anonymous(content[name])
        if "traceback" in content:
            content["traceback"] = [anonymous(line) for line in content["traceback"]]
        if "data" in content:
            content["data"] = {
                kind: anonymous(shown) if kind.startswith("text/") else shown
                for kind, shown in content["data"].items()
            }
        return message


class _Client(AsyncKernelClient):
    iopub_channel_class = Type(_Output)
    parent: "Kernel"

    @property
    def iopub_channel(self) -> _Output:
        channel = super().iopub_channel
        channel.kernel = self.parent
        return channel


class Kernel(AsyncKernelManager):
    """Un kernel con este mismo Python, haya los que haya instalados para Jupyter.

    Papermill no cierra el kernel que se le da: hay que acabar con `close`.

    Args:
        variables: las de entorno que se le añaden.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            transport_encryption="auto",
            client_factory=_Client,
        )
        self.when_cell_runs: Callable[[], None] = lambda: None
        """Lo que se hace cuando una celda empieza a ejecutarse."""
        self.when_cell_ends: Callable[[], None] = lambda: None
        """Lo que se hace cuando ya no se ejecuta ninguna."""
        self._variables = variables
        self._clients: list[AsyncKernelClient] = []

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Pone en marcha el kernel."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)
        }
        options["extra_arguments"] = [*options.get("extra_arguments", []), SILENCE]
        await super().start_kernel(env={**inherited, **self._variables}, **options)

    def client(self, **options: Any) -> AsyncKernelClient:  # type: ignore[override]  # noqa: ANN401
        """Devuelve con qué hablar con el kernel."""
        self._clients.append(super().client(**options))
        return self._clients[-1]

    def interrupt_now(self) -> None:
        """Detiene la celda en marcha; se puede llamar al atender una señal."""
        if self.has_kernel:
            _finish(self.interrupt_kernel())

    def kill_now(self) -> None:
        """Mata el kernel; se puede llamar al atender una señal."""
        if self.has_kernel and self.provisioner:
            _finish(self.provisioner.kill())

    def close(self) -> None:
        """Termina el kernel, si está en marcha, y las conexiones con él."""
        if self.has_kernel:
            run_sync(self.shutdown_kernel)(now=True)
        for client in self._clients:
            client.stop_channels()


def _finish(coroutine: Awaitable[None]) -> None:
    """Ejecuta hasta el final una función asíncrona que no espera a nada: no hace falta un bucle."""
    with suppress(StopIteration):
        coroutine.__await__().send(None)
