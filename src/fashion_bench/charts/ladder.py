"""Los gráficos del cuaderno 02: la escalera de una convolución y lo que predice el modelo."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from fashion_bench.charts.style import BLUE, GREY, LINES, WIDTH, draw_bets, note
from fashion_bench.text import shortest, written

TICKS = (1, 4, 16, 64, 256, 1024, 4096)

Curve = tuple[Sequence[int], Sequence[float]]
"""Tamaños de lote y segundos por imagen de cada uno."""


def ladder(rungs: Mapping[str, float], bets: Mapping[str, float | None]) -> Figure:
    """Dibuja los GFLOP/s de cada peldaño, en escala logarítmica, y lo que se apostó.

    Son puntos y no barras, porque en esa escala el largo de una barra no dice nada; al lado de
    cada uno va cuántas veces más rápido es que el primero.

    Args:
        rungs: de cada peldaño, sus operaciones por segundo.
        bets: los GFLOP/s apostados; `None`, o sin peldaño, no se dibuja. El eje llega a todos.
    """
    figure = Figure(figsize=(WIDTH, 1.4 + 0.42 * len(rungs)))
    axis = figure.subplots()
    speeds = [speed / 1e9 for speed in rungs.values()]
    axis.plot(speeds, range(len(rungs)), "o", ms=10, color=BLUE, ls="none")
    for position, speed in enumerate(speeds):
        times = f" (×{written(speed / speeds[0])})" if position else ""
        note(axis, shortest(speed) + times, (speed, position), (9, 0))
    placed = [(bet, list(rungs).index(name)) for name, bet in bets.items() if bet and name in rungs]
    draw_bets(axis, placed)
    axis.set_yticks(range(len(rungs)), rungs)
    axis.invert_yaxis()
    axis.set(xscale="log")
    reached = [*speeds, *(bet for bet, _ in placed)]
    axis.set_xlim(min(reached) / 2, max(20 * max(speeds), 2 * max(reached)))
    axis.margins(y=0.1)
    axis.xaxis.set_major_locator(LogLocator(numticks=4))
    axis.xaxis.set_major_formatter(shortest)
    axis.xaxis.set_minor_formatter("")
    axis.set_xlabel("GFLOP/s (escala logarítmica)\n(entre paréntesis, veces el primer peldaño)")
    axis.grid(axis="x")
    return figure


def lanes(seconds: Mapping[int, float]) -> Figure:
    """Dibuja lo que tarda la convolución según los canales de su entrada."""
    figure = Figure(figsize=(WIDTH, 3.2))
    axis = figure.subplots()
    first = min(seconds)
    channels, milliseconds = list(seconds), [1000 * value for value in seconds.values()]
    axis.plot(channels, milliseconds, "o-", color=BLUE, label="Medido")
    proportional = [milliseconds[0] * each / first for each in channels]
    axis.plot(channels, proportional, "--", color=GREY, label="Si costara según las cuentas")
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    axis.set_xticks(channels, map(str, channels))
    axis.yaxis.set_major_formatter(shortest)
    axis.set_xlabel("Canales de la entrada (escala logarítmica)")
    axis.set_ylabel("Milisegundos (escala logarítmica)")
    axis.grid(axis="y")
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
    figure = Figure(figsize=(WIDTH, 4.8))
    axis = figure.subplots()
    handles = []
    names = [*predicted, *(name for name in sheets if name not in predicted)]
    colors = {name: LINES[number % len(LINES)] for number, name in enumerate(names)}
    for name, (batches, seconds) in predicted.items():
        axis.plot(batches, [1 / each for each in seconds], "-", color=colors[name][0])
        handles.append(Line2D([], [], color=colors[name][0], label=f"{name}: modelo"))
    for name, (batches, seconds) in measured.items():
        color, marker = colors[name]
        axis.plot(batches, [1 / each for each in seconds], marker, color=color, ms=7)
        handles.append(Line2D([], [], color=color, marker=marker, ls="", label=f"{name}: medido"))
    for name, (batches, seconds) in sheets.items():
        color = colors[name][0]
        axis.plot(batches, [1 / each for each in seconds], "--", color=color)
        handles.append(Line2D([], [], color=color, ls="--", label=f"{name}: predicho con su ficha"))
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(TICKS, map(str, TICKS))
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(shortest)
    axis.set_xlabel("Imágenes por lote (escala logarítmica)")
    axis.set_ylabel("Imágenes por segundo (escala logarítmica)")
    axis.grid(alpha=0.3)
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize="small")
    return figure
