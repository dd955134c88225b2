"""Los gráficos del cuaderno 02: la escalera de una convolución y lo que predice el modelo."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    LINES,
    bet_rows,
    draw_row,
    log_axes,
    log_values,
    name_rows,
    new,
)
from fashion_bench.text import shortest, written

TICKS = (1, 4, 16, 64, 256, 1024, 4096)

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
    """Dibuja lo que tarda la convolución según los canales de su entrada."""
    figure, axis = new(3.2)
    first = min(seconds)
    channels, milliseconds = list(seconds), [1000 * value for value in seconds.values()]
    axis.plot(channels, milliseconds, "o-", color=BLUE, label="Medido")
    proportional = [milliseconds[0] * each / first for each in channels]
    axis.plot(channels, proportional, "--", color=GREY, label="Si costara según las cuentas")
    log_axes(axis, channels, base=2)
    axis.set_xlabel("Canales de la entrada (escala logarítmica)")
    axis.set_ylabel("Milisegundos\n(escala logarítmica)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def throughput(
    measured: Mapping[str, Curve], predicted: Mapping[str, Curve], sheets: Mapping[str, Curve]
) -> Figure:
    """Dibuja imágenes por segundo según el lote: lo medido, lo que dice el modelo y las fichas.

    Args:
        measured: de cada dispositivo de este equipo, lo medido.
        predicted: de esos mismos, lo que predice el modelo.
        sheets: de los que no están aquí, lo que predice el modelo con su ficha.
    """
    figure, axis = new(5)
    names = dict.fromkeys([*predicted, *sheets])
    looks = dict(zip(names, LINES, strict=False))
    for curves, line, label in (
        (predicted, "-", "modelo"),
        (measured, "", "medido"),
        (sheets, "--", "según su ficha"),
    ):
        for name, (batches, seconds) in curves.items():
            color, marker = looks[name]
            look: dict[str, Any] = {"color": color, "ls": line, "marker": "" if line else marker}
            speeds = [1 / each for each in seconds]
            axis.plot(batches, speeds, **look, label=f"{name}: {label}")
    log_axes(axis, TICKS)
    axis.set_xlabel("Imágenes por lote (escala logarítmica)")
    axis.set_ylabel("Imágenes por segundo (escala logarítmica)")
    figure.legend(loc="outside upper left", ncols=2, fontsize="small")
    return figure
