"""Dónde se ejecuta este Python y cómo callar a TensorFlow mientras se importa."""

import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from fashion_bench.errors import TutorialError

X86 = ("x86_64", "amd64")
"""Cómo llaman los sistemas a los procesadores que pueden calcular con oneDNN."""


def in_jupyterlab() -> bool:
    """Dice si este Python es el kernel de un cuaderno abierto en JupyterLab."""
    return "JPY_SESSION_NAME" in os.environ


def is_attended() -> bool:
    """Dice si quien ha pedido ejecutar esta celda es un editor con una persona delante.

    Cada petición dice si se le puede preguntar algo a alguien: es el `allow_stdin` del protocolo
    de Jupyter, el que permite usar `input`. JupyterLab, Notebook, VS Code y Colab dicen que sí;
    papermill, nbclient, nbconvert, nbval y el script, que no. Fuera de un kernel no hay petición.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(kernel and kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


@contextmanager
def quiet() -> Iterator[None]:
    """Prepara la importación de TensorFlow: sin avisos técnicos en inglés y con oneDNN.

    oneDNN es su biblioteca de cálculo para CPU. TensorFlow solo la enciende por su cuenta en
    algunos procesadores, según sus instrucciones, y hay que decidirlo antes de importarlo; quien
    ponga `TF_ENABLE_ONEDNN_OPTS=0` la apaga.

    TensorFlow los escribe desde C++, antes de que se le pueda pedir silencio: hay que
    desviar el descriptor de fichero 2.

    Raises:
        TutorialError: si la importación falla; entonces los avisos se muestran.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if platform.machine().lower() in X86:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except Exception as error:  # el complemento Metal, por ejemplo, no da un ImportError
            os.dup2(stderr, 2)  # sys.stderr puede ser ese mismo descriptor
            notices.seek(0)
            sys.stderr.write(notices.read().decode(errors="replace"))
            raise TutorialError(
                f"TensorFlow no se puede importar ({error}); instálalo con «pip install -r "
                "requirements.txt» en el mismo entorno que usa este cuaderno. Si ya lo está, "
                "«python -m fashion_bench» dice qué falla y cómo arreglarlo."
            ) from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
