"""Los gráficos del cuaderno 06: lo que cuesta preguntar a una red y cuándo dejar de entrenarla."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fashion_bench.charts.style import (
    BLUE,
    LINES,
    bet_rows,
    count_epochs,
    draw_row,
    label_right,
    log_axes,
    log_values,
    name_rows,
    new,
)
from fashion_bench.text import NO_BREAK, shortest


def middle_90(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Da la mediana y entre qué valores caen noventa de cada cien."""
    low, middle, high = np.percentile(seconds, (5, 50, 95))
    return float(middle), float(low), float(high)


def calls(seconds: Mapping[str, Sequence[float]], bets: Mapping[str, float | None]) -> Figure:
    """Dibuja los milisegundos de cada manera de preguntar, y los que se apostaron."""
    figure, axis = new(1.6 + 0.5 * len(seconds))
    for row, each in enumerate(seconds.values()):
        middle, *ends = (1000 * value for value in middle_90(each))
        text = f"{shortest(middle)}{NO_BREAK}ms"
        draw_row(axis, row, middle, ends, text, {"marker": "o", "color": BLUE})
    name_rows(axis, seconds)
    log_values(axis)
    bet_rows(axis, seconds, bets)
    left, right = axis.get_xlim()
    axis.set_xlim(left / 1.5, 8 * right)
    told = "Milisegundos por llamada (escala logarítmica)\n(punto: mediana; línea: 90 de cada 100)"
    axis.set_xlabel(told, loc="right")
    return figure


def latency(measured: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Dibuja los milisegundos por llamada según el lote, una línea por dispositivo."""
    figure, axis = new(4)
    for (name, by_batch), (color, marker) in zip(measured.items(), LINES, strict=False):
        middle, low, high = 1000 * np.array([middle_90(each) for each in by_batch.values()]).T
        spread = [middle - low, high - middle]
        look: dict[str, Any] = {"color": color, "marker": marker, "label": name}
        axis.errorbar(list(by_batch), middle, spread, ms=7, capsize=4, **look)
    log_axes(axis, sorted({batch for by_batch in measured.values() for batch in by_batch}))
    axis.set_xlabel("Imágenes por llamada (escala logarítmica)")
    axis.set_ylabel("Milisegundos por llamada\n(escala logarítmica)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def overfitting(runs: Mapping[str, dict[str, list[float]]], best: int | None = None) -> Figure:
    """Dibuja la pérdida de cada época: la de entrenamiento, seguida, y la de validación, a trazos.

    Args:
        runs: de cada manera de entrenar, dos o tres, el `history.history` de su `fit`.
        best: la época, desde 1, que se marca en la validación; si no se da, la mejor de cada una.
    """
    figure, axis = new(3.8)
    ends = []
    for (name, history), (color, marker) in zip(runs.items(), LINES, strict=False):
        for key, dashes, told in (("loss", "-", "entrenar"), ("val_loss", "--", "validar")):
            losses = history[key]
            axis.plot(range(1, len(losses) + 1), losses, ls=dashes, color=color)
            ends.append((len(losses), losses[-1], f"{name}\nal {told}", color))
        chosen = best or int(np.argmin(losses)) + 1
        look: dict[str, Any] = {"ls": "none", "ms": 9, "color": color, "marker": marker}
        axis.plot(chosen, losses[chosen - 1], **look, label=f"{name}: época {chosen}")
    count_epochs(axis)
    axis.set_ylabel("Pérdida")
    figure.legend(
        loc="outside upper left", ncols=2, title="Lo mejor en validación", alignment="left"
    )
    label_right(axis, ends)
    return figure
