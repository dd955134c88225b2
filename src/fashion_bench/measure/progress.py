"""Lo que se escribe mientras se entrena y al acabar."""

import os
from collections.abc import Sequence
from statistics import median
from time import perf_counter

import keras

from fashion_bench.figures import accuracy_in
from fashion_bench.machine.engines import is_attended
from fashion_bench.measure.clock import EpochClock
from fashion_bench.text import written

PROGRESS_SECONDS = 0.5
"""Cada cuánto se dice cómo va la época."""


class EpochLine(keras.callbacks.Callback):
    """Escribe una línea por época y, si alguien mira, cómo va la que está en marcha.

    Mira alguien si el cuaderno está abierto en un editor o si el script, que lo dice con la
    variable `FASHION_BENCH_PROGRESS`, escribe en una terminal: su valor son las columnas que tiene.
    Cada aviso se corta para que quepa en una fila y se escribe encima del anterior, y la línea de
    la época, encima del último. De lo que Keras no haya medido no dice nada.
    """

    def __init__(self, clock: EpochClock) -> None:
        super().__init__()
        self.clock = clock
        columns = os.environ.get("FASHION_BENCH_PROGRESS")
        self.live = columns is not None or is_attended()
        self._columns = int(columns) - 1 if columns else None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Anota cuándo empieza la época."""
        self._name = f"Época {epoch + 1:>{len(str(self.params['epochs']))}}/{self.params['epochs']}"
        self._start, self._said = perf_counter(), 0
        self._next = self._start + PROGRESS_SECONDS

    # No al acabar el lote: Keras entrega entonces la pérdida, y pedirla haría esperar a la GPU.
    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Dice cómo va la época, si toca."""
        if self.live and batch and self.params["steps"] and (now := perf_counter()) >= self._next:
            self._next = now + PROGRESS_SECONDS
            done, seconds = batch / self.params["steps"], now - self._start
            text = (
                f"{self._name}: {100 * done:3.0f} %, "
                f"{written(self.clock.images * done / seconds):>7} imágenes/s, quedan "
                f"{seconds / done - seconds:3.0f} s "
            )
            self._said = len(text := text[: self._columns])
            print(f"\r{text}", end="", flush=True)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Escribe la línea de la época que acaba de terminar."""
        seconds = f"{self.clock.stop():6.2f} s"
        known = {
            "pérdida": logs.get("loss"),
            "exactitud": accuracy_in(logs),
            "validación": accuracy_in(logs, "val_"),
        }
        told = [f"{name} {value:.4f}" for name, value in known.items() if value is not None]
        line = f"{self._name}: {', '.join([seconds, *told])}".ljust(self._said)
        print(f"{chr(13) * self.live}{line}", flush=True)


def final_line(totals: Sequence[float]) -> str:
    """Devuelve la línea final, con la mediana de los segundos de todas las repeticiones."""
    return f"--- Entrenamiento finalizado en {median(totals):.2f} segundos ---"
