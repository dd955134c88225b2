"""Los gráficos del cuaderno 04: adónde se va el tiempo y qué se gana con cada palanca."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fashion_bench.charts.style import BLUE, GREY, ORANGE, note, note_apart
from fashion_bench.record import LayerCost

SHORTEST_SECONDS = 1e-5
"""Lo menos que, con varias llamadas por medida, se distingue de una llamada vacía."""


def layer_costs(costs: Sequence[LayerCost]) -> Figure:
    """Dibuja los milisegundos de cada capa por lote, hacia delante y hacia atrás."""
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(costs)))
    axis = figure.subplots()
    names = [cost.name for cost in costs]
    forward = np.array([1000 * cost.forward_seconds for cost in costs])
    backward = np.array([1000 * cost.backward_seconds for cost in costs])
    axis.barh(names, forward, color=BLUE, label="Hacia delante")
    axis.barh(
        names,
        backward,
        left=forward,
        color=ORANGE,
        hatch="//",
        edgecolor="white",
        label="Hacia atrás",
    )
    axis.invert_yaxis()
    axis.set_xlabel("Milisegundos por lote")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def roofline(costs: Sequence[LayerCost], peak: float, bandwidth: float) -> Figure:
    """Dibuja dónde queda cada capa, hacia delante, bajo los dos límites del equipo.

    Args:
        costs: lo que cuesta cada capa; no se dibujan las que no hacen operaciones ni las que no
            se distinguen de una llamada vacía.
        peak: operaciones por segundo del producto de matrices.
        bandwidth: bytes por segundo de la memoria.
    """
    figure = Figure(figsize=(8, 4.2))
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
            cost.name,
        )
        for cost in costs
        if cost.operations and cost.forward_seconds > SHORTEST_SECONDS
    ]
    points.sort(key=lambda point: (point[0], -point[1]))
    for memory_bound, color, marker, label in (
        (True, ORANGE, "s", "Depende de la memoria"),
        (False, BLUE, "o", "Depende de las cuentas"),
    ):
        chosen = [(x, y) for x, y, _ in points if (x < ridge) == memory_bound]
        axis.plot(*np.reshape(chosen, (-1, 2)).T, marker, color=color, label=label)
    note(axis, f"Cuentas: {peak / 1e9:.0f} GFLOP/s", (ridge, peak / 1e9), (0, 9))
    left, low = ends[0], bandwidth * ends[0] / 1e9
    note(axis, f"Memoria: {bandwidth / 1e9:.0f} GB/s", (left, low), (0, -12))
    axis.margins(y=0.12)
    axis.set(xscale="log", yscale="log")
    axis.set_ylim(bottom=min([y for _, y, _ in points] + [roof[0]]) / 2, top=3 * roof[-1])
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter("{x:g}")
    told = [
        (x, y, f"{name}, {100 * y / min(peak / 1e9, bandwidth * x / 1e9):.0f} %")
        for x, y, name in points
    ]
    note_apart(axis, told, peak / 1e9)
    axis.set_xlabel(
        "Operaciones por byte (escala logarítmica)\nde cada capa, a qué parte del techo llega"
    )
    axis.set_ylabel("GFLOP/s (escala logarítmica)")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    return figure


def lever_gains(gains: Mapping[str, Sequence[float]]) -> Figure:
    """Dibuja cuántas veces más rápida es cada palanca: la mediana y los extremos.

    Args:
        gains: de cada palanca, los cocientes de todas las vueltas; más de 1 es ganar.
    """
    figure = Figure(figsize=(8, 1.2 + 0.4 * len(gains)))
    axis = figure.subplots()
    for position, values in enumerate(gains.values()):
        middle = float(np.median(values))
        axis.barh(position, middle, 0.6, color=BLUE if middle >= 1 else GREY)
        axis.plot([min(values), max(values)], [position] * 2, color="black", marker="|")
        note(axis, f"{middle:.2f}×", (max(values), position), (6, 0))
    axis.axvline(1, color=ORANGE, ls="--", label="Como antes")
    axis.set_yticks(range(len(gains)), gains)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel("Veces más rápido\n(barra: mediana; línea negra: de la peor a la mejor vuelta)")
    figure.legend(loc="outside upper right")
    return figure


def race(
    reference: tuple[float, float], runs: Sequence[tuple[float, float]], goal: float
) -> Figure:
    """Dibuja segundos y exactitud en prueba de la referencia y de cada ejecución rápida."""
    figure = Figure(figsize=(8, 3.6))
    axis = figure.subplots()
    axis.plot(*reference, "s", color=ORANGE, ms=9, label="Cuaderno 01")
    axis.plot(*zip(*runs, strict=True), "o", color=BLUE, ms=7, label="Receta rápida (semillas)")
    axis.axhline(goal, color=GREY, ls="--", label=f"Meta: {100 * goal:.0f} %")
    axis.set_xlim(left=0)
    axis.margins(y=0.3)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=" %"))
    axis.set_xlabel("Segundos, desde cero")
    axis.set_ylabel("Exactitud en prueba")
    axis.grid(axis="y")
    figure.legend(loc="outside upper right", ncols=3)
    return figure
