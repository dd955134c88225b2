"""La salida del script, que se puede cerrar o llenar a mitad."""

import os
from io import TextIOBase
from typing import TextIO

from fashion_bench.errors import cause
from fashion_bench.script.interrupt import Brake


class OutputLostError(Exception):
    """Ya no se puede escribir en la salida; `cause` dice por qué."""

    def __init__(self, error: OSError) -> None:
        super().__init__(cause(error))
        self.cause = error


class Console(TextIOBase):
    """La salida del script.

    Args:
        stream: la de siempre; `None` si está cerrada, y entonces no se escribe nada.

    Raises:
        OutputLostError: al escribir, si ya no se puede.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        """Escribe un texto sin esperar a tener más."""
        if self._stream is None:
            return len(text)
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            # Lo que no ha cabido sigue pendiente, y Python lo intentaría otra vez al terminar.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise OutputLostError(error) from None
        return len(text)

    def isatty(self) -> bool:
        """Dice si es una terminal."""
        return self._stream is not None and self._stream.isatty()


class Relay:
    """Lleva a la salida lo que escribe un cuaderno; si la salida se pierde, lo detiene."""

    def __init__(self, stream: TextIO | None, brake: Brake) -> None:
        self.lost: OutputLostError | None = None
        self._stream = stream
        self._brake = brake

    def write(self, text: str) -> None:
        """Escribe un texto."""
        try:
            print(text, end="", file=self._stream, flush=True)
        except OutputLostError as error:
            self.lost = error
            self._brake.stop()

    def flush(self) -> None:
        """No hace falta: nada se queda pendiente."""
