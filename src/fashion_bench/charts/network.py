"""Los gráficos de la red: qué forma sale de cada capa y qué parte se lleva cada una."""

from collections.abc import Mapping, Sequence
from math import log10, prod
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from fashion_bench.charts.style import BLUE, GREY, ORANGE, SKY, hide_frame, name_rows, new
from fashion_bench.text import Table, written

Shape = tuple[int, ...]
"""La forma de lo que sale de una capa, sin el lote."""

DEPTH, RISE = 0.5, 0.15
"""Lo que cada canal alarga un bloque hacia el fondo: a la derecha y hacia arriba, en píxeles."""
ROW, GAP, TEXT = 4, 10, 66
"""Alto de una fila de números, sitio de cada flecha y dónde va el texto, en píxeles."""
INCHES = 0.034
"""Lo que ocupa un píxel de los bloques."""


def shapes(name: str, shape: Shape, layers: Sequence[tuple[str, Shape]]) -> Figure:
    """Dibuja, de arriba abajo, la forma de los números que salen de cada capa.

    Una imagen es un bloque: de frente, su alto y su ancho; de fondo, sus canales. Los bloques
    están a escala; las filas de números, no: su largo va en escala logarítmica. Una capa que no
    cambia la forma va con la siguiente que sí, o, si no la hay, con la última.
    """
    stages, waiting = [(name, shape)], list[str]()
    for number, (title, after) in enumerate(layers, 1):
        waiting.append(title)
        if after != stages[-1][1] or number == len(layers):
            many = [waiting[0], "…", f"{waiting[-1]} ({len(waiting)} capas)"]
            stages.append((" + ".join(waiting if len(waiting) < 4 else many), after))
            waiting = []
    figure, axis = new(1)
    hide_frame(axis)
    y = 0.0
    for number, (title, after) in enumerate(stages):
        if number:
            axis.annotate("", (14, y + GAP - 1), (14, y + 1), arrowprops={"arrowstyle": "->"})
            y += GAP
        axis.text(17 if number else TEXT, y - GAP / 2 if number else -2, title, va="center")
        faces = _faces(after, y)
        for corners, color in faces:
            axis.add_patch(Polygon(corners, fc=color, ec="white"))
        front = faces[-1][0]
        numbers = written(prod(after))
        block = len(after) == 3
        label = "×".join(map(str, after)) if block else numbers
        middle = (y + front[:, 1].max()) / 2
        axis.text(TEXT, middle, label, va="bottom", weight="bold")
        detail = f"{numbers} números" if block else "números en fila"
        axis.text(TEXT, middle + 1, detail, va="top", fontsize=9)
        y = front[:, 1].max()
    axis.set(xlim=(-1, 123), ylim=(y + 1, -6), aspect="equal")
    figure.set_size_inches(124 * INCHES, (y + 7) * INCHES)
    return figure


def summary(layers: Sequence[tuple[str, Shape, int]]) -> Table:
    """Devuelve una tabla con lo que sale de cada capa y los pesos que aprende."""
    total = sum(weights for _, _, weights in layers)
    rows = [(name, "×".join(map(str, shape)), written(weights)) for name, shape, weights in layers]
    return Table(
        f"La red, capa a capa: {written(total)} pesos",
        [("Capa", "Sale", "Pesos"), *rows, ("Total", "", written(total))],
    )


def deep_filter(shape: Shape, side: int, filters: int) -> Figure:
    """Dibuja un filtro que mira a la vez todos los canales de lo que le llega."""
    height, width, channels = shape
    figure, axis = new(2.4)
    hide_frame(axis)
    blocks = (
        (shape, 0.0, 0.0, f"Llega:\n{height}×{width}×{channels}"),
        ((side, side, channels), 42.0, 6.0, f"Un filtro:\n{side}×{side}×{channels}"),
        ((height, width, 1), 78.0, 0.0, f"Su mapa:\n{height}×{width}"),
    )
    for block, left, drop, text in blocks:
        for corners, color in _faces(block, drop):
            axis.add_patch(Polygon(corners + np.array([left, 0.0]), fc=color, ec="white"))
        axis.text(left, -3, text, va="bottom")
    for x, sign in ((35, "×"), (70, "→")):
        axis.text(x, 11, sign, va="center", fontsize=14)
    numbers = side * side * channels
    told = (
        f"{side} × {side} × {channels} = {numbers} números y un sesgo; la capa tiene {filters} así"
    )
    axis.text(0, 25, told)
    axis.set(xlim=(-1, 112), ylim=(28, -13), aspect="equal")
    return figure


def _faces(shape: Shape, top: float) -> list[tuple[np.ndarray, str]]:
    """Las caras que se ven de un bloque o de una fila, con su color; la última, la de delante."""
    if len(shape) == 3:
        height, width, channels = map(float, shape)
        right, rise = DEPTH * channels, RISE * channels
    else:
        height, width, right, rise = ROW, 16 * log10(max(shape[0], 2)), 0, 0
    low = top + rise
    front = np.array([(0, low), (width, low), (width, low + height), (0, low + height)])
    back = front + np.array([right, -rise])
    return [
        (np.array([front[0], front[1], back[1], back[0]]), SKY),
        (np.array([front[1], front[2], back[2], back[1]]), GREY),
        (front, BLUE),
    ]


def shares(names: Sequence[str], parts: Mapping[str, Sequence[float]]) -> Figure:
    """Dibuja qué parte del total se lleva cada capa, en tanto por ciento.

    No se dibujan las que no llegan al 1 % en nada. Se reparten cuatro cosas, como mucho.
    """
    shared = {title: each for title, each in parts.items() if sum(each)}
    percents = {title: 100 * np.array(each) / sum(each) for title, each in shared.items()}
    drawn = np.flatnonzero(np.max(list(percents.values()), axis=0) >= 1).tolist()
    figure, axis = new(1.1 + (0.1 + 0.2 * len(parts)) * len(drawn))
    height = 0.84 / len(parts)
    styles = ((BLUE, ""), (ORANGE, "//"), (SKY, ".."), (GREY, "xx"))
    for number, (title, percent) in enumerate(percents.items()):
        color, hatch = styles[number]
        places = np.arange(len(drawn)) + (number - (len(parts) - 1) / 2) * height
        look: dict[str, Any] = {"color": color, "hatch": hatch, "ec": "white", "label": title}
        bars = axis.barh(places, percent[drawn], height, **look)
        texts = [written(value, 0, "%") if value >= 0.5 else "" for value in percent[drawn]]
        axis.bar_label(bars, texts, padding=3, fontsize=9)
    name_rows(axis, [names[index] for index in drawn])
    axis.set_xlim(0, 112)
    axis.set_xlabel("Parte del total (%)\n(sin las capas que no llegan al 1 % en nada)")
    figure.legend(loc="outside upper left", ncols=len(parts))
    return figure
