"""Ctrl-C mientras el script ejecuta el cuaderno."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from jupyter_core.utils import ensure_async

from fashion_bench.script.kernel import Kernel


class CtrlC:
    """Qué hacer con Ctrl-C: la primera vez, detener la celda; la segunda, cortar sin más.

    El cuaderno guarda entonces lo que ya ha medido y papermill, el cuaderno a medias. Si quien
    lanzó el script le hizo no atender a Ctrl-C (como `nohup`), sigue sin atenderlo.

    Args:
        kernel: el que ejecuta el cuaderno.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.pressed = False
        self._started = False
        self._kernel = kernel

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Contexto en el que se atiende a Ctrl-C; al salir todo queda como estaba."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            yield
            return
        previous = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def before_cell(self, **_: object) -> None:
        """Se detiene aquí si se pulsó entre dos celdas o mientras arrancaba el kernel."""
        if self.pressed:
            raise KeyboardInterrupt
        self._started = True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.pressed = True
        print("\nInterrumpido: se detiene el entrenamiento…", file=sys.stderr, flush=True)
        loop = _running_loop()
        if self._started and loop:  # interrumpir un kernel que aún arranca lo mata
            asyncio.run_coroutine_threadsafe(ensure_async(self._kernel.interrupt_kernel()), loop)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # papermill guarda el cuaderno entre dos celdas: no hay celda que detener
        return None
