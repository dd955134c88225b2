"""¿Se puede fiar uno del reloj? `python benchmarks/clock.py`, unos dos minutos en dos núcleos.

Mide, en un solo proceso:

1. una época de `model.fit` con tablas de NumPy, cronometrada desde fuera como haría
   cualquiera, y la misma época según el reloj del proyecto, con distintas cantidades de
   imágenes;
2. lo que el propio reloj gasta por época;
3. en qué se va cada segundo de la celda de entrenar del cuaderno: no debe haber una cola
   escondida.

Escribe las cifras y el gráfico `benchmarks/clock.png`.
"""

import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import NamedTuple

import harness
import numpy as np
from matplotlib.figure import Figure

from fashion_bench import lesson
from fashion_bench.charts import style
from fashion_bench.machine.engines import quiet
from fashion_bench.text import written

with quiet():
    from fashion_bench.measure.clock import EpochClock

CHART = Path(__file__).with_suffix(".png")
SIZES = (5_000, 10_000, 20_000, 40_000)
SAMPLES = 20_000
"""Imágenes con las que se ejecuta la celda de entrenar del cuaderno."""
BEFORE_TRAINING = (*lesson.PREPARE, "calentar")


class Row(NamedTuple):
    """Una época, según el reloj y desde fuera de `fit`, en segundos."""

    images: int
    mode: str
    epoch: float
    outside: float


def compare(sizes: Sequence[int] = SIZES, samples: int = SAMPLES, chart: Path = CHART) -> None:
    """Mide, escribe las tablas y dibuja el gráfico."""
    names = lesson.load()
    print("Imágenes  Modo                 Época (s)  Desde fuera (s)  Cola (s)  Fuera/época")
    rows = [row for size in sizes for row in two_ways(names, size)]
    for row in rows:
        print(
            f"{written(row.images):>8}  {row.mode:19}  {row.epoch:9.2f}  {row.outside:15.2f}"
            f"  {row.outside - row.epoch:8.2f}  {row.outside / row.epoch:11.2f}"
        )
    draw(rows).savefig(chart)
    seconds = own_seconds(names)
    print(
        f"\nDentro del reloj se pasan {written(1000 * seconds, 2, 'ms')} por época, "
        f"el {seconds / rows[1].epoch:.3%} de esa época"
    )
    cell_gap(samples)


def two_ways(names: SimpleNamespace, size: int) -> list[Row]:
    """Entrena una época con `size` imágenes de las dos formas; la red ya está caliente."""
    images, labels = names.train_images[:size, ..., np.newaxis], names.train_labels[:size]
    rows = []
    for mode in ("fit con NumPy", "proyecto"):
        model, _ = harness.warm_network(names, size)
        dataset = harness.first(names, size, seed=0)
        clock = EpochClock(size)
        start = perf_counter()
        if mode == "proyecto":
            model.fit(dataset, shuffle=False, verbose=0, callbacks=[clock])
        else:
            model.fit(images, labels, names.config.batch_size, verbose=0, callbacks=[clock])
        rows.append(Row(size, mode, clock.total_seconds, perf_counter() - start))
    return rows


def own_seconds(names: SimpleNamespace) -> float:
    """Devuelve los segundos que el reloj gasta por época: la mediana de 200 llamadas."""
    clock = EpochClock(1)
    clock.set_model(names.compile_model(names.build_model()))
    clock.on_train_begin()
    seconds = []
    for epoch in range(200):
        start = perf_counter()
        clock.on_epoch_begin(epoch)
        clock.on_epoch_end(epoch)
        seconds.append(perf_counter() - start)
    return median(seconds)


def cell_gap(samples: int) -> None:
    """Ejecuta la celda de entrenar del cuaderno y dice en qué se va cada segundo."""
    names = lesson.load(*BEFORE_TRAINING, epochs=3, train_samples=samples)
    [cell] = [cell.source for cell in lesson.read().cells if cell.id == "entrenar"]
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        scope = vars(names) | {"results_folder": Path(folder), "agreement": None}
        start = perf_counter()
        exec(cell, scope)
        whole = perf_counter() - start - scope["setup_seconds"]
    start = perf_counter()
    scope["model"].evaluate(names.test_data, verbose=0)
    exam = perf_counter() - start
    epochs, validation = scope["clock"].total_seconds, sum(scope["clock"].validation_seconds)
    rest = whole - epochs - validation - exam
    print(
        f"\nLa celda de entrenar tarda, sin el calentamiento, {written(whole, 2, 's')}: "
        f"épocas {epochs:.2f}, validación {validation:.2f}, evaluación {exam:.2f} y el resto "
        f"{written(rest, 2, 's')}, el {written(100 * rest / whole, 1, '%')}"
    )


def draw(rows: list[Row]) -> Figure:
    """Dibuja lo que se entrena y la cola que `fit` añade, por cantidad de imágenes."""
    figure = Figure(figsize=(8, 3.6))
    axis = figure.subplots()
    places = range(len(rows))
    epochs = [row.epoch for row in rows]
    axis.barh(places, epochs, color=style.BLUE, label="La época")
    axis.barh(
        places,
        [row.outside - row.epoch for row in rows],
        left=epochs,
        color=style.ORANGE,
        hatch="//",
        edgecolor="white",
        label="Lo que fit tarda de más en acabar",
    )
    for place, row in zip(places, rows, strict=True):
        style.note(axis, f"{row.outside / row.epoch:.2f}×", (row.outside, place), (4, 0))
    axis.set_yticks(places, [f"{written(row.images)} imágenes, {row.mode}" for row in rows])
    axis.invert_yaxis()
    axis.margins(x=0.1)
    axis.set_xlabel("Segundos, vistos desde fuera de fit")
    axis.legend(loc="upper right")
    return figure


if __name__ == "__main__":
    harness.main(compare)
