"""Los gráficos del cuaderno 04: adónde se va el tiempo y qué se gana con cada palanca."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fashion_bench.charts.style import BLUE, GREY, ORANGE, WIDTH, headline, note, note_apart
from fashion_bench.text import NO_BREAK, shortest, written

if TYPE_CHECKING:  # importarlo de verdad traería TensorFlow
    from fashion_bench.machine.profiling import LayerCost

SHORTEST_SECONDS = 1e-5
"""Lo menos que, con varias llamadas por medida, se distingue de una llamada vacía."""

LAYERS = {
    "conv2d": "Convolución",
    "dense": "Densa",
    "dropout": "Dropout",
    "flatten": "Aplanar",
    "max_pooling2d": "MaxPooling",
    "re_lu": "ReLU",
    "rescaling": "Reescalar",
}
"""Cómo se llama en los gráficos una capa que Keras llama así."""

TEST_IMAGES = 10_000
"""Con cuántas fotos se mide la exactitud: de ahí lo que puede cambiar por azar."""


def layer_titles(names: Sequence[str]) -> list[str]:
    """Nombra las capas de una red, con su número las que son varias: «Convolución 2».

    Args:
        names: como las llama Keras, en orden; el número que les pone no cuenta.
    """
    kinds = [re.sub(r"_\d+$", "", name) for name in names]
    seen: Counter[str] = Counter()
    titles = []
    for kind in kinds:
        seen[kind] += 1
        number = f" {seen[kind]}" if kinds.count(kind) > 1 else ""
        titles.append(LAYERS.get(kind, kind) + number)
    return titles


def layer_costs(costs: "Sequence[LayerCost]") -> Figure:
    """Dibuja los milisegundos de cada capa por lote, hacia delante y hacia atrás.

    Junto a cada barra están su suma y qué parte es de la de todas.
    """
    figure = Figure(figsize=(WIDTH, 1.8 + 0.32 * len(costs)))
    axis = figure.subplots()
    names = layer_titles([cost.name for cost in costs])
    rows = range(len(costs))
    forward = np.array([1000 * cost.forward_seconds for cost in costs])
    backward = np.array([1000 * cost.backward_seconds for cost in costs])
    axis.barh(rows, forward, color=BLUE, label="Hacia delante")
    look: dict[str, Any] = {"color": ORANGE, "hatch": "//", "edgecolor": "white"}
    axis.barh(rows, backward, left=forward, label="Hacia atrás", **look)
    both = forward + backward
    shares = 100 * both / both.sum()
    for row, (cost, share) in enumerate(zip(both, shares, strict=True)):
        note(
            axis,
            f"{written(cost, 2, 'ms')}, {written(share, 0, '%')}",
            (cost, row),
            (5, 0),
            "small",
        )
    axis.set_yticks(rows, names)
    axis.invert_yaxis()
    axis.set_xlim(right=1.4 * both.max())
    axis.set_xlabel("Milisegundos por lote")
    figure.legend(loc="outside lower left", ncols=2)
    most = int(both.argmax())
    headline(figure, f"{names[most]}: el {written(shares[most], 0, '%')} de lo que suman las capas")
    return figure


def roofline(costs: "Sequence[LayerCost]", peak: float, bandwidth: float) -> Figure:
    """Dibuja dónde queda cada capa, hacia delante, bajo los dos límites del equipo.

    Args:
        costs: lo que cuesta cada capa; no se dibujan las que no hacen operaciones ni las que no
            se distinguen de una llamada vacía.
        peak: operaciones por segundo del producto de matrices.
        bandwidth: bytes por segundo de la memoria.
    """
    figure = Figure(figsize=(WIDTH, 4.8))
    axis = figure.subplots()
    ridge = peak / bandwidth
    ends = np.array([0.05, ridge, 100 * ridge])
    roof = np.minimum(peak, bandwidth * ends) / 1e9
    axis.plot(ends, roof, color="black")
    for color, part in ((ORANGE, slice(0, 2)), (BLUE, slice(1, 3))):
        axis.fill_between(ends[part], roof[part] / 1e6, roof[part], color=color, alpha=0.08, lw=0)
    points = [
        (
            cost.operations / cost.bytes_moved,
            cost.operations / cost.forward_seconds / 1e9,
            name,
        )
        for cost, name in zip(costs, layer_titles([cost.name for cost in costs]), strict=True)
        if cost.operations and cost.forward_seconds > SHORTEST_SECONDS
    ]
    points.sort(key=lambda point: (point[0], -point[1]))
    for memory_bound, color, marker, label in (
        (True, ORANGE, "s", f"La limita la memoria: {written(bandwidth / 1e9, 0, 'GB/s')}"),
        (False, BLUE, "o", f"La limitan las cuentas: {written(peak / 1e9, 0, 'GFLOP/s')}"),
    ):
        chosen = [(x, y) for x, y, _ in points if (x < ridge) == memory_bound]
        axis.plot(*np.reshape(chosen, (-1, 2)).T, marker, color=color, label=label)
    axis.set(xscale="log", yscale="log")
    axis.set_xlim(0.8 * ends[0], 5 * ends[-1])
    axis.set_ylim(bottom=min([y for _, y, _ in points] + [roof[0]]) / 2, top=3 * roof[-1])
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(shortest)
    shares = [100 * y / min(peak / 1e9, bandwidth * x / 1e9) for x, y, _ in points]
    told = [
        (x, y, f"{name}, {written(share, 0, '%')}")
        for (x, y, name), share in zip(points, shares, strict=True)
    ]
    axis.set_xlabel(
        "Operaciones por byte (escala logarítmica)\nde cada capa, a qué parte del techo llega"
    )
    axis.set_ylabel("GFLOP/s (escala logarítmica)")
    axis.grid(alpha=0.3)
    figure.legend(loc="outside lower left")
    if points:
        best, worst = int(np.argmax(shares)), int(np.argmin(shares))
        headline(
            figure,
            f"Lo más cerca del techo, {points[best][2]} ({written(shares[best], 0, '%')}); "
            f"lo más lejos, {points[worst][2]} ({written(shares[worst], 0, '%')})",
        )
    figure.draw_without_rendering()  # los sitios definitivos, para que los nombres no se pisen
    note_apart(axis, told, peak / 1e9)
    return figure


def lever_gains(gains: Mapping[str, Sequence[float]]) -> Figure:
    """Dibuja cuántas veces más rápida es cada palanca: la mediana y los extremos.

    Si los dos extremos quedan a lados distintos del 1, no se sabe si se gana, y va en gris.

    Args:
        gains: de cada palanca, los cocientes de todas las rondas; más de 1 es ganar.
    """
    figure = Figure(figsize=(WIDTH, 1.9 + 0.4 * len(gains)))
    axis = figure.subplots()
    kinds = {
        (True, False): (BLUE, "o", "Gana en todas las rondas"),
        (False, True): (ORANGE, "s", "Pierde en todas"),
        (False, False): (GREY, "D", "No se sabe"),
    }
    found: dict[str, list[str]] = {}
    for position, (name, values) in enumerate(gains.items()):
        color, marker, label = kinds[min(values) > 1, max(values) < 1]
        axis.plot([min(values), max(values)], [position] * 2, "|-", color=color, lw=2, ms=9)
        first = "_" if label in found else label  # con «_», Matplotlib no lo pone en la leyenda
        axis.plot(median(values), position, marker, color=color, ms=8, label=first)
        note(axis, f"{median(values):.2f}×", (max(values), position), (7, 0))
        found.setdefault(label, []).append(name)
    axis.axvline(1, color="black", ls="--", lw=1)
    axis.set_yticks(range(len(gains)), gains)
    axis.set_ylim(len(gains) - 0.5, -0.5)
    axis.set_xlim(0, 1.2 * max(map(max, gains.values())))
    axis.set_xlabel(
        "Veces más rápido (1: como antes)\nmarca: mediana; línea: todas las rondas", loc="right"
    )
    figure.legend(loc="outside lower left", ncols=3, fontsize="small", handletextpad=0.2)
    counts = [f"{label.lower()}, {len(names)}" for label, names in found.items()]
    headline(figure, f"De {len(gains)} palancas: {'; '.join(counts)}")
    return figure


def race(
    reference: tuple[float, float], runs: Sequence[tuple[float, float]], goal: float
) -> Figure:
    """Dibuja segundos y exactitud en prueba de la referencia y de cada ejecución rápida.

    La franja es lo que puede cambiar la exactitud por las fotos que han tocado en la prueba: con
    `n` fotos y una exactitud `p`, `1.96·√(p·q/n)`, con `q` lo que falta hasta 1: el 95 % de una
    binomial.

    Args:
        reference: segundos y exactitud del cuaderno 01.
        runs: los de cada semilla de la receta.
        goal: la exactitud a la que se quiere llegar.
    """
    figure = Figure(figsize=(WIDTH, 4.2))
    axis = figure.subplots()
    chance = 1.96 * (goal * (1 - goal) / TEST_IMAGES) ** 0.5
    label = f"Lo que cambia por azar con {written(TEST_IMAGES)} fotos"
    axis.axhspan(goal - chance, goal + chance, color=GREY, alpha=0.15, lw=0, label=label)
    axis.axhline(goal, color=GREY, ls="--", label=f"Meta: {written(100 * goal, 0, '%')}")
    axis.plot(*reference, "s", color=ORANGE, ms=9, label="Cuaderno 01")
    axis.plot(*zip(*runs, strict=True), "o", color=BLUE, ms=7, label="Receta rápida (semillas)")
    axis.set_xlim(0, 1.1 * max(reference[0], *(seconds for seconds, _ in runs)))
    every = [accuracy for _, accuracy in (reference, *runs)]
    axis.set_ylim(min(goal - 0.03, *every) - 0.005, min(1.0, max(goal + 0.03, *every) + 0.005))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=f"{NO_BREAK}%"))
    axis.set_xlabel("Segundos, desde cero")
    axis.set_ylabel("Exactitud en prueba")
    axis.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=2, fontsize="small")
    times = reference[0] / median(seconds for seconds, _ in runs)
    told = f"{times:.1f} veces menos" if times >= 1 else f"{1 / times:.1f} veces más"
    mean = sum(accuracy for _, accuracy in runs) / len(runs)
    headline(
        figure,
        f"La receta rápida tarda {told} que el cuaderno 01;\nexactitud media, "
        f"{written(100 * mean, 1, '%')} frente a {written(100 * reference[1], 1, '%')}",
    )
    return figure
