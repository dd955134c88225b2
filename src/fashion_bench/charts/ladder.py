"""Los gráficos del cuaderno 02: la escalera de una convolución y lo que predice el modelo."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    LINES,
    ORANGE,
    SKY,
    bet_rows,
    draw_row,
    log_axes,
    log_values,
    name_rows,
    new,
    note,
)
from fashion_bench.text import shortest, written

TICKS = (1, 4, 16, 64, 256, 1024, 4096)

PARTS = ((GREY, ""), (ORANGE, "///"), (BLUE, ""), (SKY, "..."))
"""El color y la trama de cada parte de un paso, en su orden."""

Curve = tuple[Sequence[int], Sequence[float]]
"""Tamaños de lote y segundos por imagen de cada uno."""


def ladder(rungs: Mapping[str, float], bets: Mapping[str, float | None]) -> Figure:
    """Dibuja los GFLOP/s de cada peldaño, en escala logarítmica, y lo que se apostó.

    Son puntos y no barras, porque en esa escala el largo de una barra no dice nada; al lado de
    cada uno va cuántas veces más rápido es que el primero. De cada uno se dan sus operaciones por
    segundo y, si se apostó, los GFLOP/s apostados.
    """
    figure, axis = new(1.4 + 0.42 * len(rungs))
    speeds = [speed / 1e9 for speed in rungs.values()]
    for row, speed in enumerate(speeds):
        times = f" (×{written(speed / speeds[0])})" if row else ""
        draw_row(axis, row, speed, (), shortest(speed) + times, {"marker": "o", "color": BLUE})
    name_rows(axis, [name.replace(", ", ",\n") for name in rungs])
    log_values(axis)
    reached = [*speeds, *bet_rows(axis, rungs, bets)]
    axis.set_xlim(min(reached) / 2, max(200 * max(speeds), 2 * max(reached)))
    axis.xaxis.set_major_locator(LogLocator(numticks=4))
    told = "GFLOP/s (escala logarítmica)\n(entre paréntesis, veces el primer peldaño)"
    axis.set_xlabel(told, loc="right")
    return figure


def lanes(seconds: Mapping[int, float]) -> Figure:
    """Dibuja lo que tarda la convolución según sus filtros."""
    figure, axis = new(3.2)
    filters, milliseconds = list(seconds), [1000 * value for value in seconds.values()]
    axis.plot(filters, milliseconds, "o-", color=BLUE, label="Medido")
    most = filters[-1]
    proportional = [milliseconds[-1] * each / most for each in (0, most)]
    axis.plot((0, most), proportional, "--", color=GREY, label="Si costara según los filtros")
    axis.set_xticks(range(0, most + 1, 8))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("Filtros")
    axis.set_ylabel("Milisegundos")
    axis.grid()
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def orders(traced: int, kept: Mapping[str, int]) -> Figure:
    """Dibuja cuántas peticiones tiene un paso, y de quién son las que quedan tras optimizarlo."""
    figure, axis = new(2.2)
    axis.barh(0, traced, 0.6, color=GREY)
    note(axis, str(traced), (traced, 0), (6, 0))
    start = 0
    for (owner, count), (color, hatch) in zip(kept.items(), PARTS[2:0:-1], strict=True):
        look: dict[str, Any] = {"color": color, "hatch": hatch, "edgecolor": "white"}
        axis.barh(1, count, 0.6, left=start, label=f"{owner}: {count}", **look)
        start += count
    note(axis, str(start), (start, 1), (6, 0))
    name_rows(axis, ["Al trazarlo", "Optimizado"])
    axis.margins(x=0.12)
    axis.set_xlabel("Peticiones de un paso", loc="right")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def throughput(
    measured: Mapping[str, Curve],
    predicted: Mapping[str, Curve],
    others: Mapping[str, Curve],
    margin: float,
) -> Figure:
    """Dibuja imágenes por segundo según el lote: lo medido aquí y lo predicho, aquí y en otros.

    El intervalo de los otros va de lo predicho entre `margin` a lo predicho por `margin`.
    """
    figure, axis = new(5)
    names = dict.fromkeys([*predicted, *others])
    looks = dict(zip(names, LINES, strict=False))
    for curves, line, label in (
        (predicted, "-", "modelo"),
        (measured, "", "medido"),
        (others, "--", "predicho"),
    ):
        for name, (batches, seconds) in curves.items():
            color, marker = looks[name]
            look: dict[str, Any] = {"color": color, "ls": line, "marker": "" if line else marker}
            speeds = [1 / each for each in seconds]
            axis.plot(batches, speeds, **look, label=f"{name}: {label}")
            if name in others:
                low, high = ([by * each for each in speeds] for by in (1 / margin, margin))
                axis.fill_between(batches, low, high, color=color, alpha=0.2, lw=0)
    log_axes(axis, TICKS)
    axis.set_xlabel("Imágenes por lote (escala logarítmica)")
    axis.set_ylabel("Imágenes por segundo (escala logarítmica)")
    figure.legend(loc="outside upper left", ncols=2, fontsize="small")
    return figure


def parts(steps: Mapping[str, Mapping[str, float]]) -> Figure:
    """Dibuja en qué se va un paso en cada dispositivo, en milisegundos, una parte tras otra."""
    figure, axis = new(1.6 + 0.5 * len(steps))
    for row, pieces in enumerate(steps.values()):
        start = 0.0
        for (name, seconds), (color, hatch) in zip(pieces.items(), PARTS, strict=True):
            label = "" if row else name
            look: dict[str, Any] = {"color": color, "hatch": hatch, "edgecolor": "white"}
            axis.barh(row, 1000 * seconds, 0.6, left=1000 * start, label=label, **look)
            start += seconds
        note(axis, written(1000 * start, 1, "ms"), (1000 * start, row), (6, 0))
    name_rows(axis, steps)
    axis.margins(x=0.25)
    axis.set_xlabel("Milisegundos de un paso", loc="right")
    figure.legend(loc="outside upper right", ncols=2)
    return figure
