"""Detener un entrenamiento sin cortarlo en mitad de un lote."""

import signal
import threading
from types import FrameType
from typing import Any


class Stopped(KeyboardInterrupt):
    """Alguien ha detenido el entrenamiento; en un cuaderno se lee una frase, y no una traza."""

    def _render_traceback_(self) -> list[str]:
        return [
            "Has detenido el entrenamiento: su registro queda como interrumpido y no cuenta. Para "
            "empezar otra vez, ejecuta esta celda."
        ]


class Listener:
    """Atiende a Ctrl-C, o al botón de detener, y espera a que acabe el lote en marcha.

    Si cortan a TensorFlow en mitad de un paso, a veces muere el proceso entero. La segunda vez ya
    no se espera.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def listen(self) -> None:
        """Empieza a atender, si alguien atendía."""
        self._asked = False
        main = threading.current_thread() is threading.main_thread()  # solo él recibe Ctrl-C
        if main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._ask)

    def stop_if_asked(self) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        if self._asked:
            raise Stopped

    def leave(self) -> None:
        """Devuelve Ctrl-C a quien lo tenía."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        self.leave()
