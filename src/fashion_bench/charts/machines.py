"""Los gráficos de los cuadernos 01 y 03: unos equipos al lado de otros."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fashion_bench.charts.style import (
    BLUE,
    FEW_LINES,
    GREY,
    LINES,
    ORANGE,
    SKY,
    WIDTH,
    headline,
    note,
)
from fashion_bench.compare import comparison
from fashion_bench.compare.comparison import Contender
from fashion_bench.figures import Record
from fashion_bench.text import written

MOST_ROWS = 20
"""Equipos que caben en un gráfico."""
LONGEST_NAME = 34
"""Letras que caben del nombre de un equipo en el título o la leyenda de un gráfico."""


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
    figure = Figure()
    axis = figure.subplots()
    farthest = 0.0
    for position, contender in enumerate(chosen):
        color = GREY if contender.flaw else BLUE
        if this is not None and this not in contender.records and not contender.flaw:
            color = SKY
        typical = contender.estimate("median_epoch")
        end = max(second for record in contender.records for second in record.epoch_seconds)
        if typical.sessions > 1:
            end = max(end, typical.high)
            axis.plot((typical.low, typical.high), [position] * 2, "|-", color=color, ms=10, lw=2)
        fill = "none" if contender.flaw else color
        axis.plot(typical.value, position, "D", color=color, mfc=fill, ms=9)
        _dots(axis, position + 0.28, contender.records)
        note(axis, written(typical.value, 2, "s"), (end, position), (9, 0))
        farthest = max(farthest, end)
    _name_rows(axis, chosen, len(group), this)
    axis.set_xlim(0, 1.3 * farthest)
    axis.grid(axis="x")
    told = "Segundos por época; cuanto menos, mejor\n(puntos: cada época; hueco, perturbada)"
    axis.set_xlabel(told, loc="right")
    setting = chosen[0].latest.parameters
    condition = f"Lote de {setting.batch_size}, precisión {setting.precision}"
    headline(figure, "\n".join([*_who_wins(chosen, this), condition]))
    return figure


def measured_and_predicted(group: Sequence[Contender], predicted: Mapping[str, float]) -> Figure:
    """Dibuja los segundos por época de los equipos medidos y los de los que solo se predicen.

    Un rombo relleno es una medida, con su intervalo del 95 % si es de varias sesiones; un círculo
    hueco, una predicción.

    Args:
        group: equipos comparables que cuentan.
        predicted: de cada equipo sin medir, los segundos que se predicen.
    """
    figure = Figure()
    axis = figure.subplots()
    typical = {each.name: each.estimate("median_epoch") for each in group}
    seconds = {name: found.value for name, found in typical.items()} | dict(predicted)
    chosen = sorted(seconds, key=seconds.__getitem__)[:MOST_ROWS]
    for position, name in enumerate(chosen):
        farthest = seconds[name]
        if name in typical:
            axis.plot(seconds[name], position, "D", color=BLUE, ms=9)
            if typical[name].sessions > 1:
                farthest = typical[name].high
                interval = (typical[name].low, farthest)
                axis.plot(interval, [position] * 2, "|-", color=BLUE, ms=10, lw=2)
        else:
            axis.plot(seconds[name], position, "o", mfc="none", mec=ORANGE, mew=2, ms=9)
        note(axis, written(seconds[name], 2, "s"), (farthest, position), (9, 0))
    axis.plot([], [], "D", color=BLUE, ms=9, label="Medido")
    axis.plot([], [], "o", ls="none", mfc="none", mec=ORANGE, mew=2, ms=9, label="Predicho")
    figure.set_size_inches(WIDTH, 2 + 0.45 * len(chosen))
    titles = ["\n".join(textwrap.wrap(name, 30)) for name in chosen]
    axis.set_yticks(range(len(chosen)), titles, fontsize="small")
    axis.set_ylim(len(chosen) - 0.5, -0.5)
    if len(seconds) > len(chosen):
        axis.set_ylabel(f"{len(chosen)} de {len(seconds)} equipos")
    axis.set_xscale("log")
    axis.margins(x=0.3)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    axis.grid(axis="x")
    axis.set_xlabel("Segundos por época (escala logarítmica); cuanto menos, mejor", loc="right")
    figure.legend(loc="outside lower left", ncols=2)
    headline(figure, "Equipos medidos y equipos que solo están predichos")
    return figure


def first_epoch(group: Sequence[Contender]) -> Figure:
    """Dibuja, por equipo, lo que cuesta arrancar: el calentamiento y lo de más de la primera época.

    Junto a cada barra van sus segundos y a cuántas épocas normales equivalen.

    Args:
        group: equipos comparables cuyo último registro tiene dos épocas o más, al menos uno.
    """
    chosen = group[:MOST_ROWS]
    figure = Figure()
    axis = figure.subplots()
    epochs = []
    for position, contender in enumerate(chosen):
        setup, first, usual = _setup_first_and_others(contender.latest)
        extra = max(0.0, first - usual)
        epochs.append((setup + extra) / usual)
        for offset, seconds, color, hatch, label in (
            (-0.2, setup, ORANGE, "//", "Calentamiento"),
            (0.2, extra, BLUE, None, "De más en la primera época"),
        ):
            told = f"{written(seconds, 2, 's')} ({seconds / usual:.2f})"
            shown = "_" if position else label
            look: dict[str, Any] = {"color": color, "hatch": hatch, "edgecolor": "white"}
            axis.barh(position + offset, seconds, 0.36, label=shown, **look)
            note(axis, told, (seconds, position + offset), (5, 0), "small")
    _name_rows(axis, chosen, len(group))
    axis.set_xlim(0, 2.4 * axis.dataLim.x1)
    told = "Segundos que no se repiten en las demás épocas\n(entre paréntesis, en épocas)"
    axis.set_xlabel(told, loc="right")
    figure.legend(loc="outside lower left", ncols=2)
    most = max(range(len(chosen)), key=epochs.__getitem__)
    headline(
        figure,
        f"Donde más cuesta arrancar es en «{_short(chosen[most].name)}»: "
        f"{epochs[most]:.1f} épocas de más",
    )
    return figure


def throughput_by_batch(sweeps: Sequence[Sequence[Record]]) -> Figure:
    """Dibuja las imágenes/s según el lote, una línea por serie.

    Un aspa tacha las medidas que no cuentan.

    Args:
        sweeps: series de `comparison.sweeps`, cada una de una sola sesión, al menos una; se
            dibujan las ocho primeras.
    """
    shown = sweeps[: len(LINES)]
    figure = Figure()
    axis = figure.subplots()
    looks = FEW_LINES if len(shown) <= len(FEW_LINES) else LINES
    for line, (color, marker) in zip(shown, looks, strict=False):
        first = line[0]
        known = (_short(first.name), first.parameters.precision, f"{first.created_utc:%Y-%m-%d}")
        label = " · ".join(known)
        axis.plot(*_speeds(line), marker=marker, color=color, label=textwrap.fill(label, 50))
    flawed = [record for line in shown for record in line if record.flaw]
    if flawed:
        why = ", ".join(sorted({str(record.flaw) for record in flawed}))
        label = textwrap.fill(textwrap.shorten(f"No cuenta: {why}", 180, placeholder="…"), 50)
        axis.plot(*_speeds(flawed), "x", color="black", ms=12, label=label)
    axis.set_xscale("log", base=2)
    batches = sorted({record.parameters.batch_size for line in shown for record in line})
    axis.set_xticks(batches, map(str, batches))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("Imágenes por lote (escala logarítmica)")
    axis.set_ylabel("Imágenes por segundo")
    axis.grid(axis="y")
    title = f"{len(shown)} de {len(sweeps)} líneas" if len(sweeps) > len(shown) else None
    legend = figure.legend(
        loc="outside lower left", fontsize="small", title=title, alignment="left"
    )
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

    Args:
        group: equipos comparables entre sí; no se dibujan los que no saben su energía, y ha de
            haber alguno que la sepa.
    """
    known = [(each, images) for each in group if (images := each.latest.images_per_joule)]
    chosen = known[:MOST_ROWS]
    figure = Figure()
    axis = figure.subplots()
    for position, (contender, images) in enumerate(chosen):
        look: dict[str, Any] = {"color": BLUE}
        if contender.flaw:
            look = {"color": "none", "edgecolor": GREY, "hatch": "///"}
        axis.barh(position, images, 0.6, **look)
        note(axis, f"{images:.2f}", (images, position), (8, 0))
    _name_rows(axis, [contender for contender, _ in chosen], len(known))
    axis.margins(x=0.2)
    axis.set_xlabel("Imágenes por julio que gasta la GPU; cuanto más, mejor", loc="right")
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
    names = f"«{_short(mine.name)}», frente a «{_short(base.name)}»"
    return [f"{names}: {comparison.tell_speedup(ratio)}"]


def _short(name: str) -> str:
    """El nombre, recortado si es largo, pero con el número que lo distingue de otro igual."""
    if len(name) <= LONGEST_NAME:
        return name
    number = re.search(r"( #\d+)?$", name)
    tail = number[0] if number else ""
    return f"{name[: LONGEST_NAME - 1 - len(tail)]}…{tail}"


def _name_rows(
    axis: Axes, chosen: Sequence[Contender], total: int, this: Record | None = None
) -> None:
    """Pone nombre a las filas y da al gráfico el alto que piden; si no caben todas, lo dice."""
    names = [_lines(contender, this) for contender in chosen]
    row = max(0.55, 0.1 + 0.14 * max(map(len, names)))
    figure = axis.get_figure(root=True)
    if figure:
        figure.set_size_inches(WIDTH, 2 + row * len(names))
    axis.set_yticks(range(len(names)), ["\n".join(lines) for lines in names], fontsize="small")
    axis.set_ylim(len(names) - 0.5, -0.5)
    if total > len(names):
        axis.set_ylabel(f"{len(names)} de {total} equipos")


def _lines(contender: Contender, this: Record | None) -> list[str]:
    lines = textwrap.wrap(contender.name, 30)
    if this in contender.records:
        lines.append("(esta ejecución)")
    if (sessions := len(contender.seconds("median_epoch"))) > 1:
        lines.append(f"{sessions} sesiones")
    if contender.flaw:
        lines += textwrap.wrap(f"no cuenta: {contender.flaw}", 30)
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
        fill = "none" if hollow else "black"
        axis.plot(
            seconds,
            [height] * len(seconds),
            "o",
            ms=4,
            markerfacecolor=fill,
            markeredgecolor="black",
            alpha=0.6,
        )


def _setup_first_and_others(record: Record) -> tuple[float, float, float]:
    """Segundos, medianas de todas las repeticiones: calentamiento, primera época y las demás."""
    repeats = record.repeats
    return (
        median(repeat.setup_seconds for repeat in repeats),
        median(repeat.epoch_seconds[0] for repeat in repeats),
        median(seconds for repeat in repeats for seconds in repeat.epoch_seconds[1:]),
    )


def _speeds(records: Sequence[Record]) -> tuple[list[int], list[float]]:
    """Los lotes, de menor a mayor, y sus imágenes/s."""
    points = sorted((record.parameters.batch_size, record.images_per_second) for record in records)
    return [batch for batch, _ in points], [speed for _, speed in points]
