"""Los gráficos del cuaderno 05: entrenar entre varios."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fashion_bench.charts.style import BLUE, GREY, LINES, ORANGE, SKY, draw_image, hide_frame


def data_parallelism(images: Sequence[np.ndarray]) -> Figure:
    """Dibuja un paso con dos réplicas: repartir el lote, calcular, sumar y dar el mismo paso.

    Args:
        images: ocho imágenes `(28, 28)`, las de un lote pequeño.
    """
    figure = Figure(figsize=(8, 3.6))
    axis = figure.subplots()
    for replica, color in enumerate((BLUE, ORANGE)):
        drop = 0.5 * replica
        for place in range(4):
            inset = axis.inset_axes((0.02 + 0.055 * place, 0.62 - drop, 0.05, 0.2))
            draw_image(inset, images[4 * replica + place])
            hide_frame(inset)
        for start, width, text in (
            (0.3, 0.17, f"Réplica {replica + 1}\nla red entera"),
            (0.54, 0.14, "Sus\ngradientes"),
            (0.84, 0.15, "Los mismos\npesos nuevos"),
        ):
            _box(axis, start, 0.57 - drop, width, 0.3, text, color)
        middle, sum_edge = 0.72 - drop, 0.6 - 0.26 * replica
        for tail, head in (
            ((0.25, middle), (0.3, middle)),
            ((0.47, middle), (0.54, middle)),
            ((0.68, middle), (0.71, sum_edge)),
            ((0.8, sum_edge), (0.84, middle)),
        ):
            axis.annotate("", xy=head, xytext=tail, arrowprops={"arrowstyle": "->"})
    _box(axis, 0.7, 0.32, 0.11, 0.3, "Suma\n(all-reduce)", SKY)
    for left, title in (
        (0.02, "Su parte del lote"),
        (0.3, "Calcula"),
        (0.54, "Propone"),
        (0.7, "Todas suman"),
        (0.84, "Dan el mismo paso"),
    ):
        axis.text(left, 0.94, title, fontsize="small")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    hide_frame(axis)
    return figure


def worker_speeds(measured: Mapping[int, float], predicted: Mapping[int, float]) -> Figure:
    """Dibuja las imágenes/s según el número de procesos: las medidas, el ideal y el modelo.

    Args:
        measured: imágenes/s de cada número de procesos; el menor es la referencia del ideal.
        predicted: lo que dice el modelo para los mismos números.
    """
    figure = Figure(figsize=(8, 3.4))
    axis = figure.subplots()
    numbers = sorted(measured)
    positions = np.arange(len(numbers))
    bars = axis.bar(positions, [measured[n] for n in numbers], 0.5, color=BLUE, label="Medido")
    axis.bar_label(bars, fmt="%.0f", label_type="center", color="white")
    ideal = [measured[numbers[0]] * n / numbers[0] for n in numbers]
    axis.plot(positions, ideal, color=GREY, ls="--", marker="o", label="Ideal")
    axis.plot(
        positions,
        [predicted[n] for n in numbers],
        color=ORANGE,
        ls="none",
        marker="D",
        ms=8,
        label="Modelo",
    )
    axis.set_xticks(positions, map(str, numbers))
    axis.set_xlabel("Procesos")
    axis.set_ylabel("Imágenes por segundo")
    axis.margins(y=0.12)
    axis.grid(axis="y")
    axis.legend(loc="upper left")
    return figure


def predicted_gains(curves: Mapping[str, Mapping[int, float]], title: str) -> Figure:
    """Dibuja cuántas veces más rápido se iría con más procesos, según el modelo.

    Args:
        curves: de cada red, ocho como mucho, las veces más rápido que un solo proceso con cada
            número de ellos.
        title: qué se mantiene igual al añadir procesos.
    """
    figure = Figure(figsize=(8, 3.8))
    axis = figure.subplots()
    workers = sorted(set().union(*curves.values()))
    axis.plot(workers, workers, color=GREY, ls="--", label="Ideal")
    for number, (name, gains) in enumerate(curves.items()):
        color, marker = LINES[number]
        axis.plot(list(gains), list(gains.values()), color=color, marker=marker, label=name)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter("{x:g}")
    axis.set_xticks(workers)
    axis.set_title(title)
    axis.set_xlabel("Procesos, cada uno en su ordenador (escala logarítmica)")
    axis.set_ylabel("Veces más rápido que uno\n(escala logarítmica)")
    axis.grid()
    axis.legend(loc="upper left")
    return figure


def _box(
    axis: Axes, left: float, bottom: float, width: float, height: float, text: str, color: str
) -> None:
    axis.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=color, lw=2))
    axis.text(
        left + width / 2, bottom + height / 2, text, ha="center", va="center", fontsize="small"
    )
