"""¿Se puede fiar uno del reloj? `python benchmarks/clock.py`, unos dos minutos en dos núcleos.

Mide, en un solo proceso y alternando:

1. una época de `model.fit` con tablas de NumPy, cronometrada desde fuera como haría
   cualquiera, y la misma época según el reloj del proyecto, con distintas cantidades de
   imágenes;
2. cuánto cuesta el propio reloj: la misma época con él y sin él, y lo que tarda por dentro;
3. cuánto cuesta decir cómo va cada época, que solo se dice si alguien mira;
4. en qué se va cada segundo de la celda de entrenar del cuaderno: no debe haber una cola
   escondida.

Escribe las cifras y el gráfico `benchmarks/clock.png`.
"""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from fashion_bench import charts, environment, lesson

with environment.quiet():
    import keras

    from fashion_bench import timing


class Row(NamedTuple):
    """Una época, según el reloj y desde fuera de `fit`, en segundos."""

    images: int
    mode: str
    epoch: float
    outside: float


CHART = Path(__file__).with_suffix(".png")
SIZES = (5_000, 10_000, 20_000, 40_000)
PAIRS = 9


def main() -> None:
    """Mide, escribe las tablas y dibuja el gráfico."""
    names = lesson.load()
    print("Imágenes  Modo                 Época (s)  Desde fuera (s)  Cola (s)  Fuera/época")
    rows = [row for size in SIZES for row in compare(names, size)]
    for row in rows:
        print(
            f"{row.images:8}  {row.mode:19}  {row.epoch:9.2f}  {row.outside:15.2f}"
            f"  {row.outside - row.epoch:8.2f}  {row.outside / row.epoch:11.2f}"
        )
    draw(rows).savefig(CHART)
    size = SIZES[0]
    ratios = clock_cost(names, size)
    print(
        f"\nÉpoca de {size} imágenes con reloj entre la misma sin él, {PAIRS} parejas: "
        f"mediana {median(ratios):.3f}, de {min(ratios):.3f} a {max(ratios):.3f}"
    )
    seconds = own_seconds(names)
    print(
        f"Dentro del reloj se pasan {1000 * seconds:.2f} ms por época, "
        f"el {seconds / rows[1].epoch:.3%} de esa época"
    )
    progress, whole = progress_cost(names, SIZES[-1])
    print(
        f"Decir cómo va una época de {SIZES[-1]} imágenes cuesta {1000 * progress:.2f} ms, "
        f"el {progress / whole:.3%} de lo que dura"
    )
    cell_gap()


def compare(names: SimpleNamespace, size: int) -> list[Row]:
    """Entrena una época con `size` imágenes de las dos formas; la red ya está caliente."""
    images, labels = names.train_images[:size], names.train_labels[:size]
    tables = images[..., np.newaxis]
    rows = []
    for mode in ("fit con NumPy", "proyecto"):
        model = names.compile_model(names.build_model())
        warm_up(names, model)
        dataset = names.make_dataset(images, labels, 0)
        clock = timing.EpochClock(size)
        start = perf_counter()
        if mode == "proyecto":
            model.fit(dataset, shuffle=False, verbose=0, callbacks=[clock])
        else:
            model.fit(tables, labels, names.batch_size, verbose=0, callbacks=[clock])
        rows.append(Row(size, mode, clock.total_seconds, perf_counter() - start))
    return rows


def clock_cost(names: SimpleNamespace, size: int) -> list[float]:
    """Devuelve, por parejas, la duración de una época con reloj entre la de una sin él."""
    model = names.compile_model(names.build_model())
    warm_up(names, model)
    dataset = names.make_dataset(names.train_images[:size], names.train_labels[:size], 0)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * PAIRS):
        with_clock = number % 4 in (0, 3)  # A B B A: una deriva lenta no favorece a nadie
        callbacks = [timing.EpochClock(size)] if with_clock else []
        start = perf_counter()
        model.fit(dataset, shuffle=False, verbose=0, callbacks=callbacks)
        seconds[with_clock].append(perf_counter() - start)
    return [a / b for a, b in zip(seconds[True], seconds[False], strict=True)]


def cell_gap() -> None:
    """Ejecuta la celda de entrenar del cuaderno y dice en qué se va cada segundo."""
    with tempfile.TemporaryDirectory() as folder:
        names = lesson.load(
            "parameters", "comprobar", "importar", "entorno", "datos", "repartir", "lotes", "red",
            "resumen", "compilar", "correcto", "calentar", "entrenar",
            epochs=3, train_samples=20_000, results_dir=folder,
        )  # fmt: skip
    start = perf_counter()
    names.model.evaluate(names.test_data, verbose=0)
    exam = perf_counter() - start
    whole = names.cell_seconds["entrenar"]
    epochs, validation = names.clock.total_seconds, sum(names.clock.validation_seconds)
    rest = whole - epochs - validation - exam
    print(
        f"\nLa celda de entrenar tarda {whole:.2f} s: épocas {epochs:.2f}, validación "
        f"{validation:.2f}, examen {exam:.2f} y el resto {rest:.2f} s, el {rest / whole:.1%}"
    )


def own_seconds(names: SimpleNamespace) -> float:
    """Devuelve los segundos que el reloj gasta por época: la mediana de 200 llamadas."""
    clock = timing.EpochClock(1)
    clock.set_model(names.compile_model(names.build_model()))
    seconds = []
    for epoch in range(200):
        start = perf_counter()
        clock.on_epoch_begin(epoch)
        clock.on_epoch_end(epoch)
        seconds.append(perf_counter() - start)
    return median(seconds)


class Weighed(timing.EpochLine):
    """Mide lo que tarda en decir cómo va la época."""

    spent = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Suma lo que tarda la llamada de verdad."""
        start = perf_counter()
        super().on_train_batch_begin(batch, logs)
        self.spent += perf_counter() - start


def progress_cost(names: SimpleNamespace, size: int) -> tuple[float, float]:
    """Devuelve los segundos que cuesta decir cómo va una época y los que dura la época."""
    model = names.compile_model(names.build_model())
    warm_up(names, model)
    dataset = names.make_dataset(names.train_images[:size], names.train_labels[:size], 0)
    few = names.make_dataset(names.train_images[:100], names.train_labels[:100])
    clock = timing.EpochClock(size)
    line = Weighed(clock)
    line.live = True
    model.fit(dataset, validation_data=few, shuffle=False, verbose=0, callbacks=[clock, line])
    return line.spent, clock.total_seconds


def warm_up(names: SimpleNamespace, model: keras.Model) -> None:
    """Calienta la red para lotes enteros y para el último, más corto."""
    few = names.batch_size + 8
    dataset = names.make_dataset(names.train_images[:few], names.train_labels[:few])
    timing.warm_up(model, dataset)


def draw(rows: list[Row]) -> Figure:
    """Dibuja lo que se entrena y la cola que `fit` añade, por cantidad de imágenes."""
    figure = Figure(figsize=(8, 3.6))
    axis = figure.subplots()
    for position, row in enumerate(rows):
        first = position == 0
        axis.barh(position, row.epoch, color=charts.BLUE, label="La época" if first else None)
        axis.barh(
            position, row.outside - row.epoch, left=row.epoch, color=charts.ORANGE, hatch="//",
            edgecolor="white", label="Lo que fit tarda de más en volver" if first else None,
        )  # fmt: skip
        axis.annotate(f"{row.outside / row.epoch:.2f}×", (row.outside, position), xytext=(4, 0),
                      textcoords="offset points", va="center")  # fmt: skip
    axis.set_yticks(range(len(rows)), [f"{row.images} imágenes, {row.mode}" for row in rows])
    axis.invert_yaxis()
    axis.margins(x=0.1)
    axis.set_xlabel("Segundos, vistos desde fuera de fit")
    axis.legend(loc="upper right")
    return figure


if __name__ == "__main__":
    main()
