"""Los gráficos de los cuadernos 01 y 03: unos equipos al lado de otros."""

import textwrap
from collections.abc import Sequence
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fashion_bench.charts.style import BLUE, GREY, LINES, ORANGE, SKY, note
from fashion_bench.record import Record
from fashion_bench.results.comparison import Contender

MOST_BARS = 20
"""Equipos que caben en un gráfico de barras."""


def compare_machines(group: Sequence[Contender], this: Record | None = None) -> Figure:
    """Dibuja los segundos por época de cada equipo: una barra hasta la época típica y cada época.

    Un punto relleno es una época tranquila; uno hueco, una molestada. Si hay varias sesiones, una
    línea negra es el intervalo del 95 %. Una barra rayada es un tiempo que no cuenta, con su razón.

    Args:
        group: equipos comparables entre sí, al menos uno, en el orden en que se dibujan.
        this: registro cuyo equipo se resalta; si no cabe con los primeros, se dibuja tras ellos.
    """
    late = [contender for contender in group[MOST_BARS:] if this in contender.records]
    chosen = [*group[: MOST_BARS - len(late)], *late]
    figure = Figure()
    axis = figure.subplots()
    for position, contender in enumerate(chosen):
        color = BLUE if this is None or this in contender.records else SKY
        typical = contender.estimate("median_epoch")
        _bar(axis, position, typical.value, f"{typical.value:.2f} s", color, contender.flaw)
        if typical.sessions > 1:
            interval = (typical.low, typical.high)
            axis.plot(interval, [position - 0.2] * 2, "|-", color="black", ms=8, lw=1.5)
        _dots(axis, position + 0.2, contender.records)
    _name_bars(axis, chosen, len(group), this)
    every = [
        second for contender in chosen for r in contender.records for second in r.epoch_seconds
    ]
    highs = [contender.estimate("median_epoch").high for contender in chosen]
    axis.set_xlim(0, 1.2 * max(*every, *highs))
    axis.set_xlabel(
        "Segundos por época; menos es mejor\n(puntos: cada época; hueco, con el equipo molestado)"
    )
    setting = chosen[0].latest.parameters
    axis.set_title(f"Lote de {setting.batch_size}, precisión {setting.precision}")
    return figure


def first_epoch(group: Sequence[Contender]) -> Figure:
    """Dibuja, por equipo, el calentamiento, la primera época y la mediana de las demás.

    Args:
        group: equipos comparables cuyo último registro tiene dos épocas o más, al menos uno.
    """
    chosen = group[:MOST_BARS]
    medians = np.array([_setup_first_and_others(contender.latest) for contender in chosen])
    figure = Figure()
    axis = figure.subplots()
    for column, (offset, name, color, hatch) in enumerate(
        (
            (-0.27, "Calentamiento", ORANGE, "//"),
            (0, "Primera época", BLUE, None),
            (0.27, "Las demás (mediana)", SKY, ".."),
        )
    ):
        bars = axis.barh(
            np.arange(len(chosen)) + offset,
            medians[:, column],
            0.25,
            color=color,
            hatch=hatch,
            edgecolor="white",
            label=name,
        )
        axis.bar_label(bars, fmt="%.2f s", padding=3, fontsize="small")
    _name_bars(axis, chosen, len(group))
    axis.margins(x=0.12)
    axis.set_xlabel("Segundos")
    figure.legend(loc="outside upper right", ncols=3)
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
    for line, (color, marker) in zip(shown, LINES, strict=False):
        label = f"{line[0].name} · {line[0].parameters.precision} · {line[0].created_utc:%Y-%m-%d}"
        axis.plot(*_speeds(line), marker=marker, color=color, label=textwrap.fill(label, 60))
    flawed = [record for line in shown for record in line if record.flaw]
    if flawed:
        why = ", ".join(sorted({str(record.flaw) for record in flawed}))
        label = textwrap.fill(textwrap.shorten(f"No cuenta: {why}", 180, placeholder="…"), 60)
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
        loc="outside upper left", fontsize="small", title=title, alignment="left"
    )
    rows = sum(1 + text.get_text().count("\n") for text in legend.get_texts())
    figure.set_size_inches(8, 3.4 + 0.2 * rows)
    return figure


def images_per_joule(group: Sequence[Contender]) -> Figure:
    """Dibuja cuántas imágenes entrena cada equipo con un julio, según su último registro.

    Args:
        group: equipos comparables entre sí; no se dibujan los que no saben su energía, y ha de
            haber alguno que la sepa.
    """
    known = [(each, images) for each in group if (images := each.latest.images_per_joule)]
    chosen = known[:MOST_BARS]
    figure = Figure()
    axis = figure.subplots()
    for position, (contender, images) in enumerate(chosen):
        _bar(axis, position, images, f"{images:.2f}", BLUE, contender.flaw)
    _name_bars(axis, [contender for contender, _ in chosen], len(known))
    axis.margins(x=0.2)
    axis.set_xlabel("Imágenes por julio que gasta la GPU; más es mejor")
    return figure


def _bar(axis: Axes, position: int, value: float, text: str, color: str, flaw: str | None) -> None:
    """Dibuja una barra y, tras ella, un texto; si no cuenta, gris y rayada."""
    if flaw:
        axis.barh(position, value, 0.6, color="none", edgecolor=GREY, hatch="///")
    else:
        axis.barh(position, value, 0.6, color=color)
    note(axis, text, (value, position), (8, 2))


def _name_bars(
    axis: Axes, chosen: Sequence[Contender], total: int, this: Record | None = None
) -> None:
    """Pone nombre a las barras y da al gráfico el alto que piden; si no caben todas, lo dice."""
    names = [_lines(contender, this) for contender in chosen]
    row = max(0.5, 0.1 + 0.14 * max(map(len, names)))
    figure = axis.get_figure(root=True)
    if figure:
        figure.set_size_inches(8, 1.4 + row * len(names))
    axis.set_yticks(range(len(names)), ["\n".join(lines) for lines in names], fontsize="small")
    axis.set_ylim(len(names) - 0.5, -0.5)
    if total > len(names):
        axis.set_ylabel(f"{len(names)} de {total} equipos")


def _lines(contender: Contender, this: Record | None) -> list[str]:
    lines = textwrap.wrap(contender.name, 32)
    if this in contender.records:
        lines.append("(esta ejecución)")
    if (sessions := len(contender.sessions("median_epoch"))) > 1:
        lines.append(f"{sessions} sesiones")
    if contender.flaw:
        lines += textwrap.wrap(f"no cuenta: {contender.flaw}", 32)
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
