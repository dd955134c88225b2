"""Los gráficos del cuaderno 04: adónde se va el tiempo y qué se gana con cada palanca."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    ORANGE,
    WIDTH,
    draw_row,
    headline,
    label_right,
    name_rows,
    new,
    note,
    percent,
)
from fashion_bench.data import TEST_IMAGES
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


def layer_titles(names: Sequence[str]) -> list[str]:
    """Nombra las capas de una red, con su número las que son varias: «Convolución 2».

    El número que les pone Keras no cuenta.
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
    figure, axis = new(1.8 + 0.32 * len(costs))
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
        text = f"{written(cost, 2, 'ms')}, {written(share, 0, '%')}"
        note(axis, text, (cost, row), (5, 0), size="small")
    name_rows(axis, names)
    axis.set_xlim(right=1.5 * both.max())
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
    figure, axis = new(4.8)
    ridge = peak / bandwidth
    ends = np.array([0.05, ridge, 100 * ridge])
    roof = np.minimum(peak, bandwidth * ends) / 1e9
    axis.plot(ends, roof, color="black")
    points = [
        (cost.operations / cost.bytes_moved, cost.operations / cost.forward_seconds / 1e9, name)
        for cost, name in zip(costs, layer_titles([cost.name for cost in costs]), strict=True)
        if cost.operations and cost.forward_seconds > SHORTEST_SECONDS
    ]
    colors = [ORANGE if x < ridge else BLUE for x, _, _ in points]
    for color, marker, part, label in (
        (ORANGE, "s", slice(0, 2), f"La limita la memoria: {written(bandwidth / 1e9, 0, 'GB/s')}"),
        (BLUE, "o", slice(1, 3), f"La limitan las cuentas: {written(peak / 1e9, 0, 'GFLOP/s')}"),
    ):
        axis.fill_between(ends[part], roof[part] / 1e6, roof[part], color=color, alpha=0.08, lw=0)
        chosen = [(x, y) for (x, y, _), own in zip(points, colors, strict=True) if own == color]
        axis.plot(*np.reshape(chosen, (-1, 2)).T, marker, color=color, label=label)
    axis.set(xscale="log", yscale="log", xlim=(0.8 * ends[0], ends[-1]))
    axis.set_ylim(bottom=min([y for _, y, _ in points] + [roof[0]]) / 2, top=3 * roof[-1])
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(shortest)
    axis.set_xlabel(
        "Operaciones por byte (escala logarítmica)\n(de cada capa, a qué parte del techo llega)",
        loc="right",
    )
    axis.set_ylabel("GFLOP/s (escala logarítmica)")
    axis.grid()
    figure.legend(loc="outside lower left")
    shares = [100 * y / min(peak / 1e9, bandwidth * x / 1e9) for x, y, _ in points]
    names = [name for *_, name in points]
    told = [f"{name}, {written(each, 0, '%')}" for name, each in zip(names, shares, strict=True)]
    if points:
        best, worst = int(np.argmax(shares)), int(np.argmin(shares))
        headline(figure, f"Lo más cerca del techo, {told[best]}; lo más lejos, {told[worst]}")
    label_right(
        axis,
        [
            (x, y, text.replace(", ", "\n"), color)
            for (x, y, _), text, color in zip(points, told, colors, strict=True)
        ],
    )
    return figure


def lever_gains(gains: Mapping[str, Sequence[float]]) -> Figure:
    """Dibuja cuántas veces más rápida es cada palanca: la mediana y los extremos.

    Si los dos extremos quedan a lados distintos del 1, no se sabe si se gana, y va en gris.
    """
    figure, axis = new(2.2 + 0.4 * len(gains))
    kinds = {
        (True, False): (BLUE, "o", "Gana en todas"),
        (False, True): (ORANGE, "s", "Pierde en todas"),
        (False, False): (GREY, "D", "No se sabe"),
    }
    found: Counter[str] = Counter()
    for row, values in enumerate(gains.values()):
        color, marker, label = kinds[min(values) > 1, max(values) < 1]
        shown = "_" if found[label] else label  # con «_», Matplotlib no lo pone en la leyenda
        ends, middle = (min(values), max(values)), median(values)
        look = {"marker": marker, "color": color, "label": shown}
        draw_row(axis, row, middle, ends, f"{middle:.2f}×", look)
        found[label] += 1
    axis.axvline(1, color="black", ls="--", lw=1)
    name_rows(axis, gains)
    axis.set_xlim(0, 1.3 * max(map(max, gains.values())))
    told = "Veces más rápido (1: como antes)\nmarca: mediana; línea: todas las rondas"
    axis.set_xlabel(told, loc="right")
    figure.legend(loc="outside lower left", ncols=3, fontsize="small", handletextpad=0.2)
    counts = [f"{label.lower()},{NO_BREAK}{count}" for label, count in found.items()]
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
    figure = Figure(figsize=(WIDTH, 5))
    times, hits = figure.subplots(2, 1, sharey=True)
    rows = range(len(runs))
    for axis, taken, base in zip((times, hits), zip(*runs, strict=True), reference, strict=True):
        axis.axvline(base, color=ORANGE, lw=2, label="Cuaderno 01")
        axis.plot(taken, rows, "o", color=BLUE, label="Receta rápida")
        axis.set(yticks=[], ylim=(len(runs), -1), ylabel="Cada semilla,\nen su fila")
    times.set_xlim(0, 1.1 * max(reference[0], *(seconds for seconds, _ in runs)))
    times.set_xlabel("Segundos, desde cero")
    chance = 1.96 * (goal * (1 - goal) / TEST_IMAGES) ** 0.5
    hits.axvspan(
        goal - chance, goal + chance, color=GREY, alpha=0.15, lw=0, label="Cambio por azar"
    )
    hits.axvline(goal, color=GREY, ls="--", label=f"Meta: {written(100 * goal, 0, '%')}")
    hits.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    hits.xaxis.set_major_formatter(percent)
    hits.set_xlabel(f"Exactitud en prueba, con {written(TEST_IMAGES)} fotos")
    figure.legend(*hits.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    ratio = reference[0] / median(seconds for seconds, _ in runs)
    told = f"{ratio:.1f} veces menos" if ratio >= 1 else f"{1 / ratio:.1f} veces más"
    mean = sum(accuracy for _, accuracy in runs) / len(runs)
    headline(
        figure,
        f"La receta rápida tarda {told} que el cuaderno 01;\nexactitud media, "
        f"{written(100 * mean, 1, '%')} frente a {written(100 * reference[1], 1, '%')}",
    )
    return figure
