"""Los gráficos del cuaderno 05: entrenar entre varios."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    LINES,
    ORANGE,
    SKY,
    draw_image,
    headline,
    hide_frame,
    label_right,
    log_axes,
    new,
)
from fashion_bench.experiments.scaling import WORTH_IT, best_number
from fashion_bench.text import shortest, written


def data_parallelism(images: Sequence[np.ndarray]) -> Figure:
    """Dibuja un paso con dos réplicas: repartir ocho imágenes, calcular, sumar y dar el paso."""
    figure, axis = new(5)
    for replica, color in enumerate((BLUE, ORANGE)):
        left = 0.02 + 0.52 * replica
        middle = left + 0.22
        for place in range(4):
            inset = axis.inset_axes((left + 0.11 * place, 0.84, 0.1, 0.11))
            draw_image(inset, images[4 * replica + place])
        for bottom, height, text in (
            (0.6, 0.14, f"Réplica {replica + 1}: calcula\ncon la red entera"),
            (0.41, 0.1, "Propone: sus gradientes"),
            (0, 0.14, "Da el mismo paso:\nlos mismos pesos nuevos"),
        ):
            _box(axis, left, bottom, 0.44, height, text, color)
        sum_edge = 0.42 + 0.16 * replica
        for tail, head in (
            ((middle, 0.83), (middle, 0.74)),
            ((middle, 0.6), (middle, 0.51)),
            ((middle, 0.41), (sum_edge, 0.32)),
            ((sum_edge, 0.22), (middle, 0.14)),
        ):
            axis.annotate("", xy=head, xytext=tail, arrowprops={"arrowstyle": "->"})
        axis.text(left, 0.97, f"Parte {replica + 1} del lote")
    _box(axis, 0.25, 0.22, 0.5, 0.1, "Todas suman (all-reduce)", SKY)
    axis.set(xlim=(0, 1), ylim=(0, 1))
    hide_frame(axis)
    return figure


def worker_speeds(
    measured: Mapping[int, float], predicted: Mapping[int, float], places: int, whole: float
) -> Figure:
    """Dibuja las imágenes/s según el número de procesos: las medidas, las del modelo y el ideal.

    Args:
        measured: imágenes/s de cada número de procesos; el menor es la referencia del ideal.
        predicted: lo que dice el modelo para los mismos números.
        places: núcleos, o GPU, que hay para ellos; con más procesos no hay ideal.
        whole: imágenes/s de un solo proceso que los usa todos.
    """
    figure, axis = new(4.4)
    numbers = sorted(measured)
    ideal = {n: measured[numbers[0]] * n / numbers[0] for n in numbers if n <= places}
    top = 1.3 * max(*measured.values(), *predicted.values(), *ideal.values(), whole)
    axis.axhline(whole, color="black", ls=":", lw=2, label="Uno con todo el equipo")
    for position, number in enumerate(numbers):
        if number in ideal:
            box = Rectangle((position - 0.45, 0), 0.9, ideal[number], fill=False, ls="--", lw=1.5)
            box.set(edgecolor=GREY, label="" if position else "Ideal")
            axis.add_patch(box)
        else:
            axis.axvspan(position - 0.5, position + 0.5, color=GREY, alpha=0.15, lw=0)
            told = f"Sin ideal:\naquí solo hay\n{places} núcleo{'s' * (places > 1)}"
            axis.text(position, 0.97 * top, told, ha="center", va="top")
    positions = np.arange(len(numbers))
    for side, speeds, color, hatch, label in (
        (-0.2, measured, BLUE, "", "Medido"),
        (0.2, predicted, ORANGE, "//", "Modelo"),
    ):
        heights = [speeds[number] for number in numbers]
        look: dict[str, Any] = {"color": color, "ec": "white", "hatch": hatch, "label": label}
        bars = axis.bar(positions + side, heights, 0.4, **look)
        for text in axis.bar_label(bars, fmt=written, padding=2, fontsize="small"):
            text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    axis.set_xticks(positions, map(str, numbers))
    axis.set(xlim=(-0.5, len(numbers) - 0.5), ylim=(0, top))
    axis.set(xlabel="Procesos", ylabel="Imágenes por segundo")
    axis.yaxis.set_major_formatter(shortest)
    axis.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=2)
    most = max(numbers, key=measured.__getitem__)
    times = written(measured[most] / whole, 2)
    told = f"El mejor reparto, con {most} proceso{'s' * (most > 1)}"
    headline(figure, f"{told}: {times} veces lo de uno con todo el equipo")
    return figure


def predicted_gains(curves: Mapping[str, Mapping[int, float]], title: str) -> Figure:
    """Dibuja cuántas veces más rápido se iría con más equipos, según el modelo.

    Junto a cada curva están su nombre y lo mejor de ella.

    Args:
        curves: de cada red, cuatro como mucho, las veces más rápido que uno solo con cada
            número de ellos.
        title: lo que se aprende del gráfico.
    """
    figure, axis = new(4.4)
    workers = sorted(set().union(*curves.values()))
    axis.plot(workers, workers, color=GREY, ls="--")
    ends = [(workers[-1], float(workers[-1]), "Ideal", GREY)]
    for number, (name, gains) in enumerate(curves.items()):
        color, marker = LINES[number]
        size = 11 - 2.5 * number  # si dos se tapan, asoma la de debajo
        axis.plot(list(gains), list(gains.values()), color=color, marker=marker, ms=size)
        best = best_number(gains)
        told = f"{gains[best]:.1f}× con {best}" if gains[best] >= WORTH_IT else "no compensa"
        last = max(gains)
        ends.append((last, gains[last], f"{name}\n{told}", color))
    log_axes(axis, workers, base=2)
    axis.set_xlabel("Equipos enteros (escalas logarítmicas)", loc="left")
    axis.set_ylabel("Veces más rápido que uno")
    headline(figure, title)
    label_right(axis, ends)
    return figure


def _box(
    axis: Axes, left: float, bottom: float, width: float, height: float, text: str, color: str
) -> None:
    axis.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=color, lw=2))
    axis.text(left + width / 2, bottom + height / 2, text, ha="center", va="center")
