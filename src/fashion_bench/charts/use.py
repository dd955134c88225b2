"""Los gráficos del cuaderno 06: lo que cuesta preguntar a una red y cuándo dejar de entrenarla."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_bench.charts.style import BLUE, LINES, ORANGE, draw_bets, note
from fashion_bench.text import NO_BREAK, shortest


def middle_90(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Da la mediana y entre qué valores caen noventa de cada cien."""
    low, middle, high = np.percentile(seconds, (5, 50, 95))
    return float(middle), float(low), float(high)


def calls(seconds: Mapping[str, Sequence[float]], bets: Mapping[str, float | None]) -> Figure:
    """Dibuja los milisegundos de cada manera de preguntar, y lo que se apostó.

    Args:
        seconds: de cada manera, los segundos de sus llamadas.
        bets: los milisegundos apostados; `None`, o sin manera, no se dibuja.
    """
    figure = Figure(figsize=(6.4, 1.5 + 0.5 * len(seconds)))
    axis = figure.subplots()
    for position, each in enumerate(seconds.values()):
        middle, low, high = (1000 * value for value in middle_90(each))
        axis.plot([low, high], [position] * 2, color="black", marker="|")
        axis.plot(middle, position, "o", ms=9, color=BLUE)
        note(axis, f"{shortest(middle)}{NO_BREAK}ms", (max(high, middle), position), (9, 0))
    names = list(seconds)
    placed = [(bet, names.index(name)) for name, bet in bets.items() if bet and name in seconds]
    draw_bets(axis, placed)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set(xscale="log")
    left, right = axis.get_xlim()
    axis.set_xlim(left / 1.5, 5 * right)
    axis.margins(y=0.15)
    axis.xaxis.set_major_formatter(shortest)
    axis.xaxis.set_minor_formatter("")
    axis.set_xlabel(
        "Milisegundos por llamada (escala logarítmica)\n(punto: mediana; línea: 90 de cada 100)"
    )
    axis.grid(axis="x")
    return figure


def latency(measured: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Dibuja los milisegundos por llamada según el lote, una línea por dispositivo.

    Args:
        measured: de cada dispositivo y lote, los segundos de sus llamadas.
    """
    figure = Figure(figsize=(6.4, 4))
    axis = figure.subplots()
    for (name, by_batch), (color, marker) in zip(measured.items(), LINES, strict=False):
        spread = 1000 * np.array([middle_90(each) for each in by_batch.values()])
        middle, low, high = spread.T
        axis.errorbar(
            list(by_batch),
            middle,
            [middle - low, high - middle],
            color=color,
            marker=marker,
            ms=7,
            capsize=4,
            label=name,
        )
    axis.set(xscale="log", yscale="log")
    batches = sorted({batch for by_batch in measured.values() for batch in by_batch})
    axis.set_xticks(batches, map(str, batches))
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(shortest)
    axis.set_xlabel("Imágenes por llamada (escala logarítmica)")
    axis.set_ylabel("Milisegundos por llamada\n(escala logarítmica)")
    axis.grid()
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def early_stopping(losses: Sequence[float], best: int, stopped: int) -> Figure:
    """Dibuja la pérdida en validación de cada época, y dónde se habría parado.

    Args:
        losses: las de todas las épocas.
        best: época, desde 1, cuyos pesos se recuperan.
        stopped: época, desde 1, tras la que se deja de entrenar.
    """
    figure = Figure(figsize=(6.4, 3.4))
    axis = figure.subplots()
    epochs = np.arange(1, len(losses) + 1)
    axis.plot(epochs, losses, "o-", color=BLUE, ms=4, label="Sin parar")
    axis.plot(
        best, losses[best - 1], "D", ms=11, mfc="none", mec=ORANGE, mew=2, label="Se recupera"
    )
    axis.axvline(stopped, color="black", ls="--", label="Se para")
    axis.set_xlabel("Época")
    axis.set_ylabel("Pérdida en validación")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y")
    figure.legend(loc="outside upper right", ncols=3)
    return figure
