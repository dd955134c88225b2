"""Los gráficos de los cuadernos 01 y 03: unos equipos al lado de otros."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    LINES,
    ORANGE,
    SKY,
    WIDTH,
    draw_row,
    headline,
    log_values,
    name_rows,
    new,
    note,
)
from fashion_bench.compare import comparison
from fashion_bench.compare.comparison import Contender
from fashion_bench.figures import Record
from fashion_bench.text import written

MOST_ROWS = 20
"""Equipos que caben en un gráfico."""
LINE = 24
"""Letras que caben en cada renglón del nombre de una fila."""


def compare_machines(group: Sequence[Contender], this: Record | None = None) -> Figure:
    """Dibuja los segundos por época de cada equipo: un rombo, la época típica, y cada época.

    Un punto relleno es una época tranquila; uno hueco, una perturbada. Si hay varias sesiones, la
    línea del rombo es su intervalo del 95 %. Un rombo hueco es un tiempo que no cuenta, con su
    razón.

    Args:
        group: equipos comparables entre sí, al menos uno, en el orden en que se dibujan.
        this: registro cuyo equipo se resalta; si no cabe con los primeros, se dibuja tras ellos.
    """
    late = [contender for contender in group[MOST_ROWS:] if this in contender.records]
    chosen = [*group[: MOST_ROWS - len(late)], *late]
    figure, axis = new(1)
    for row, contender in enumerate(chosen):
        color = GREY if contender.flaw else BLUE
        if this is not None and this not in contender.records and not contender.flaw:
            color = SKY
        typical = contender.estimate("median_epoch")
        fill = "none" if contender.flaw else color
        text = written(typical.value, 2, "s")
        ends = (typical.low, typical.high) if typical.sessions > 1 else ()
        draw_row(axis, row, typical.value, ends, text, {"marker": "D", "color": color, "mfc": fill})
        _dots(axis, row + 0.28, contender.records)
    _name_rows(figure, [_lines(contender, this) for contender in chosen], len(group))
    axis.set_xlim(0, 1.45 * axis.dataLim.x1)
    axis.grid(axis="x")
    told = "Segundos por época; cuanto menos, mejor\n(puntos: cada época; hueco, perturbada)"
    axis.set_xlabel(told, loc="right")
    setting = chosen[0].latest.parameters
    condition = f"Lote de {setting.batch_size}, precisión {setting.precision}"
    headline(figure, "\n".join([*_who_wins(chosen, this), condition]))
    return figure


def measured_and_predicted(
    group: Sequence[Contender], predicted: Mapping[str, tuple[float, float, float]]
) -> tuple[Figure, list[str]]:
    """Dibuja los segundos por época de los equipos medidos y, debajo, los que solo se predicen.

    Un rombo relleno es una medida, con su intervalo del 95 % si es de varias sesiones; un círculo
    hueco, una predicción, con el suyo del 80 %: `predicted` da la cifra y sus dos extremos. Si no
    caben todos los medidos, están los más rápidos, y lo dice.

    Returns:
        El gráfico y los nombres de lo dibujado.
    """
    figure, axis = new(1)
    typical = {each.name: each.estimate("median_epoch") for each in group}
    values = {name: found.value for name, found in typical.items()}
    fastest = sorted(values, key=values.__getitem__)[:MOST_ROWS]
    chosen = [*fastest, *sorted(predicted, key=predicted.__getitem__)]
    measured: dict[str, Any] = {"marker": "D", "color": BLUE, "label": "Medido"}
    hollow: dict[str, Any] = {"marker": "o", "color": ORANGE, "mfc": "none", "mew": 2}
    hollow |= {"label": "Predicho"}
    ends: Sequence[float]
    for row, name in enumerate(chosen):
        if found := typical.get(name):
            seconds, look = found.value, measured
            ends = (found.low, found.high) if found.sessions > 1 else ()
        else:
            seconds, *both = predicted[name]
            ends, look = tuple(both), hollow
        draw_row(axis, row, seconds, ends, written(seconds, 2, "s"), look)
    _name_rows(figure, [textwrap.wrap(name, LINE) for name in chosen], len(chosen))
    log_values(axis)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.margins(x=0.3)
    axis.set_xlabel("Segundos por época (escala logarítmica);\ncuanto menos, mejor", loc="right")
    shown = {str(line.get_label()): line for line in axis.get_legend_handles_labels()[0]}
    figure.legend(shown.values(), shown, loc="outside lower left", ncols=2)
    which = "Equipos medidos"
    if len(values) > len(fastest):
        which = f"Los {len(fastest)} equipos más rápidos de {len(values)} medidos"
    headline(figure, f"{which} y, debajo, los que solo están predichos")
    return figure, chosen


def throughput_by_batch(sweeps: Sequence[Sequence[Record]]) -> Figure:
    """Dibuja las imágenes/s según el lote, una línea por serie.

    Un aspa tacha las medidas que no cuentan. Se dibujan las ocho primeras series.
    """
    shown = sweeps[: len(LINES)]
    figure, axis = new(1)
    for line, (color, marker) in zip(shown, LINES, strict=False):
        first = line[0]
        label = f"{first.name} · {first.parameters.precision} · {first.created_utc:%Y-%m-%d}"
        axis.plot(*_speeds(line), marker=marker, color=color, label=textwrap.fill(label, 36))
    flawed = [record for line in shown for record in line if record.flaw]
    if flawed:
        why = ", ".join(sorted({str(record.flaw) for record in flawed}))
        label = textwrap.fill(textwrap.shorten(f"No cuenta: {why}", 180, placeholder="…"), 36)
        axis.plot(*_speeds(flawed), "x", color="black", ms=12, label=label)
    axis.set_xscale("log", base=2)
    batches = sorted({record.parameters.batch_size for line in shown for record in line})
    axis.set_xticks(batches, map(str, batches))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("Imágenes por lote (escala logarítmica)")
    axis.set_ylabel("Imágenes por segundo")
    axis.grid(axis="y")
    title = f"{len(shown)} de {len(sweeps)} líneas" if len(sweeps) > len(shown) else None
    look: dict[str, Any] = {"fontsize": "small", "title": title, "alignment": "left"}
    legend = figure.legend(loc="outside lower left", **look)
    rows = sum(1 + text.get_text().count("\n") for text in legend.get_texts())
    figure.set_size_inches(WIDTH, 3.8 + 0.2 * rows)
    counting = [record for line in shown for record in line if not record.flaw]
    if counting:
        best = max(counting, key=lambda record: record.images_per_second)
        headline(
            figure,
            f"Lo más rápido: lote de {best.parameters.batch_size} con "
            f"{best.parameters.precision}, {written(best.images_per_second, 0, 'imágenes/s')}",
        )
    return figure


def images_per_joule(group: Sequence[Contender]) -> Figure:
    """Dibuja cuántas imágenes procesa cada equipo con un julio, según su último registro.

    No se dibujan los que no saben su energía, y ha de haber alguno que la sepa.
    """
    known = [(each, images) for each in group if (images := each.latest.images_per_joule)]
    chosen = known[:MOST_ROWS]
    figure, axis = new(1)
    for position, (contender, images) in enumerate(chosen):
        look: dict[str, Any] = {"color": BLUE}
        if contender.flaw:
            look = {"color": "none", "edgecolor": GREY, "hatch": "///"}
        axis.barh(position, images, 0.6, **look)
        note(axis, f"{images:.2f}", (images, position), (8, 0))
    _name_rows(figure, [_lines(contender, None) for contender, _ in chosen], len(known))
    axis.margins(x=0.2)
    axis.set_xlabel("Imágenes por julio que gasta la GPU;\ncuanto más, mejor", loc="right")
    return figure


def _who_wins(chosen: Sequence[Contender], this: Record | None) -> list[str]:
    """Dice cuánto más rápido es el equipo de `this`, o el primero, si hay con quién compararlo."""
    counting = [contender for contender in chosen if contender.flaw is None]
    own = [contender for contender in counting if this in contender.records]
    if not counting or (this and not own):
        return []
    mine = own[0] if own else counting[0]
    base = comparison.rival(mine, chosen)
    if not base:
        return []
    ratio = comparison.speedup(mine, base, "median_epoch")
    return [f"«{mine.name}», frente a «{base.name}»: {comparison.tell_speedup(ratio)}"]


def _name_rows(figure: Figure, names: Sequence[Sequence[str]], total: int) -> None:
    """Pone nombre a las filas y da al gráfico el alto que piden; si no caben todas, lo dice."""
    row = max(0.55, 0.1 + 0.15 * max(map(len, names)))
    figure.set_size_inches(WIDTH, 2 + row * len(names))
    [axis] = figure.axes
    name_rows(axis, ["\n".join(lines) for lines in names], "small")
    if total > len(names):
        axis.set_ylabel(f"{len(names)} de {total} equipos")


def _lines(contender: Contender, this: Record | None) -> list[str]:
    lines = textwrap.wrap(contender.name, LINE)
    if this in contender.records:
        lines.append("(esta ejecución)")
    if (sessions := len(contender.seconds("median_epoch"))) > 1:
        lines.append(f"{sessions} sesiones")
    if contender.flaw:
        lines += textwrap.wrap(f"no cuenta: {contender.flaw}", LINE)
    return lines


def _dots(axis: Axes, height: float, records: Sequence[Record]) -> None:
    """Dibuja un punto por época: relleno si el equipo estaba tranquilo y hueco si no."""
    for hollow in (False, True):
        seconds = [
            second
            for record in records
            for second, reason in zip(record.epoch_seconds, record.disturbed, strict=True)
            if bool(reason) is hollow
        ]
        look: dict[str, Any] = {
            "color": "black",
            "mfc": "none" if hollow else "black",
            "alpha": 0.6,
        }
        axis.plot(seconds, [height] * len(seconds), "o", ms=4, **look)


def _speeds(records: Sequence[Record]) -> tuple[list[int], list[float]]:
    """Los lotes, de menor a mayor, y sus imágenes/s."""
    points = sorted((record.parameters.batch_size, record.images_per_second) for record in records)
    return [batch for batch, _ in points], [speed for _, speed in points]
