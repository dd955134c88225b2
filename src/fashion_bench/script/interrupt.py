"""Detener el cuaderno a mitad: con Ctrl-C o porque ya no se puede contar nada."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType

import click

from fashion_bench.script.kernel import Kernel

PATIENCE_SECONDS = 2
"""Lo que se espera a la respuesta de una celda que ya ha acabado."""
DEADLINE_SECONDS = 30
"""Lo que se espera, desde la interrupción, a que la celda acabe: basta para el lote en marcha."""


class StoppedError(Exception):
    """Se ha pedido parar y no se empieza ninguna celda más."""


class Brake:
    """Detiene el cuaderno.

    La celda en marcha recibe lo mismo que con el botón de detener: guarda lo que ya ha medido.
    Papermill guarda entonces el cuaderno a medias. Fuera de las celdas nada se corta: solo queda
    anotado, y no se empieza otra.

    Args:
        kernel: el que ejecuta el cuaderno.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.pressed = False
        """Si se ha pulsado Ctrl-C."""
        self._asked = self._running = False
        self._watchdogs: list[Timer] = []
        self._kernel = kernel
        kernel.when_cell_runs, kernel.when_cell_ends = self._cell_runs, self._cell_ends

    @contextmanager
    def ctrl_c(self) -> Iterator[None]:
        """Contexto en el que Ctrl-C detiene el cuaderno; la segunda vez corta sin más.

        Si quien lanzó el script le hizo no atender a Ctrl-C (como `nohup`), sigue sin atenderlo.
        """
        previous = signal.getsignal(signal.SIGINT)

        def cut(number: int, frame: FrameType | None) -> None:
            self._kernel.kill_now()
            signal.signal(signal.SIGINT, previous)
            signal.raise_signal(signal.SIGINT)

        def press(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, cut)
            self.pressed = True
            print("\nInterrumpido: se detiene el entrenamiento…", file=sys.stderr, flush=True)
            self.stop()

        try:
            if previous is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, press)
            yield
        finally:
            for watchdog in self._watchdogs:
                watchdog.cancel()
            signal.signal(signal.SIGINT, previous)

    def stop(self) -> None:
        """Detiene la celda en marcha, si la hay, y no deja empezar otra."""
        self._asked = True
        if self._running:  # un kernel sin ninguna celda en marcha no haría caso o moriría
            self._interrupt()

    def before_cell(self, **_: object) -> None:
        """Antes de cada celda, si se ha pedido parar, lanza `StoppedError`."""
        self._running = False
        if self._asked:
            raise StoppedError

    def _cell_runs(self) -> None:
        self._running = True
        if self._asked:  # justo mientras se le pedía al kernel que la empezara
            self._interrupt()

    def _cell_ends(self) -> None:
        self._running = False
        # Si la interrupción le llega al kernel al empezar o al acabar una celda, no responde nunca.
        if len(self._watchdogs) == 1:
            self._kill_after(PATIENCE_SECONDS)

    def _interrupt(self) -> None:
        if not self._watchdogs:
            self._kernel.interrupt_now()
            # Si le llega mientras importa una biblioteca, a veces se queda a medias para siempre.
            self._kill_after(DEADLINE_SECONDS)

    def _kill_after(self, seconds: float) -> None:
        watchdog = Timer(seconds, self._kernel.kill_now)
        watchdog.daemon = True
        self._watchdogs.append(watchdog)
        watchdog.start()


class Relay:
    """Lleva a la salida lo que escribe un cuaderno; si la salida se pierde, lo detiene.

    Si no es una terminal, de lo que se escribe encima de otra cosa solo lleva lo último.
    """

    def __init__(self, brake: Brake) -> None:
        self.lost: OSError | None = None
        self.quiet = False
        """Si lo que se escribe ahora no es para la terminal."""
        self.final = ""
        """La línea final, que espera a que acabe todo lo demás."""
        self._brake = brake
        self.pending = ""

    def write(self, text: str) -> None:
        """Escribe un texto; fuera de una terminal, cuando acaba su renglón."""
        if self.quiet:
            return
        if found := re.search(r"^--- .+---\n?", text, re.MULTILINE):
            self.final, text = found[0].strip(), text.replace(found[0], "")
        if not (sys.stdout and sys.stdout.isatty()):
            *lines, self.pending = (self.pending + text).split("\n")
            text = "".join(f"{click.unstyle(line.rpartition(chr(13))[2])}\n" for line in lines)
        try:
            print(text, end="", flush=True)
        except OSError as error:
            self.lost = error
            self._brake.stop()

    def flush(self) -> None:
        """Papermill lo pide, y nada se queda pendiente."""
