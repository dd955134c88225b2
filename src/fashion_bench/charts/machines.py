"""Los gráficos de los cuadernos 01 y 02: unos equipos al lado de otros."""

import textwrap
from collections.abc import Sequence
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fashion_bench.charts.style import BLUE, GREY, LINES, ORANGE, SKY, note
from fashion_bench.record import Record

MOST_BARS = 20
"""Equipos que caben en un gráfico de barras."""


def compare_machines(records: Sequence[Record], this: Record | None = None) -> Figure:
    """Dibuja los segundos por época de cada equipo: una barra hasta la mediana y cada época.

    Una barra rayada es un tiempo que no cuenta, con su razón.

    Args:
        records: registros comparables entre sí, al menos uno, en el orden en que se dibujan.
        this: registro que se resalta; si no cabe con los primeros, se dibuja tras ellos.
    """
    late = [record for record in records[MOST_BARS:] if this and record.run_id == this.run_id]
    chosen = [*records[: MOST_BARS - len(late)], *late]
    figure = Figure()
    axis = figure.subplots()
    for position, record in enumerate(chosen):
        color = BLUE if this is None or record.run_id == this.run_id else SKY
        middle, seconds = record.median_epoch_seconds, record.epoch_seconds
        _bar(axis, position, middle, f"{middle:.2f} s", color, record.flaw)
        axis.plot(seconds, [position + 0.25] * len(seconds), "|", color="black", alpha=0.5, ms=6)
    _name_bars(axis, chosen, len(records), this)
    axis.set_xlim(0, 1.2 * max(max(record.epoch_seconds) for record in chosen))
    axis.set_xlabel("Segundos por época; menos es mejor\n(barra: mediana; rayitas: cada época)")
    setting = chosen[0].parameters
    axis.set_title(f"Lote de {setting.batch_size}, precisión {setting.precision}")
    return figure


def first_epoch(records: Sequence[Record]) -> Figure:
    """Dibuja, por equipo, el calentamiento, la primera época y la mediana de las demás.

    Args:
        records: registros comparables con dos épocas o más, al menos uno.
    """
    chosen = records[:MOST_BARS]
    medians = np.array([_setup_first_and_others(record) for record in chosen])
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
    _name_bars(axis, chosen, len(records))
    axis.margins(x=0.12)
    axis.set_xlabel("Segundos")
    figure.legend(loc="outside upper right", ncols=3)
    return figure


def throughput_by_batch(records: Sequence[Record]) -> Figure:
    """Dibuja las imágenes/s según el lote, una línea por equipo y precisión.

    Un aspa tacha las medidas que no cuentan.

    Args:
        records: registros que solo difieren en el equipo, el lote y la precisión; se dibujan las
            ocho primeras líneas.
    """
    lines: dict[tuple[object, str], list[Record]] = {}
    for record in records:
        lines.setdefault((record.machine_key, record.parameters.precision), []).append(record)
    shown = list(lines.values())[: len(LINES)]
    figure = Figure()
    axis = figure.subplots()
    for line, (color, marker) in zip(shown, LINES, strict=False):
        label = f"{line[0].name} · {line[0].parameters.precision}"
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
    title = f"{len(shown)} de {len(lines)} líneas" if len(lines) > len(shown) else None
    legend = figure.legend(
        loc="outside upper left", fontsize="small", title=title, alignment="left"
    )
    rows = sum(1 + text.get_text().count("\n") for text in legend.get_texts())
    figure.set_size_inches(8, 3.4 + 0.2 * rows)
    return figure


def images_per_joule(records: Sequence[Record]) -> Figure:
    """Dibuja cuántas imágenes se entrenan con un julio.

    Args:
        records: registros comparables entre sí; no se dibujan los que no saben su energía, y ha
            de haber alguno que la sepa.
    """
    known = [(record, images) for record in records if (images := record.images_per_joule)]
    chosen = known[:MOST_BARS]
    figure = Figure()
    axis = figure.subplots()
    for position, (record, images) in enumerate(chosen):
        _bar(axis, position, images, f"{images:.2f}", BLUE, record.flaw)
    _name_bars(axis, [record for record, _ in chosen], len(known))
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
    axis: Axes, chosen: Sequence[Record], total: int, this: Record | None = None
) -> None:
    """Pone nombre a las barras y da al gráfico el alto que piden; si no caben todas, lo dice."""
    names = [_lines(record, this) for record in chosen]
    row = max(0.5, 0.1 + 0.14 * max(map(len, names)))
    axis.get_figure().set_size_inches(8, 1.4 + row * len(names))
    axis.set_yticks(range(len(names)), ["\n".join(lines) for lines in names], fontsize="small")
    axis.set_ylim(len(names) - 0.5, -0.5)
    if total > len(names):
        axis.set_ylabel(f"{len(names)} de {total} equipos")


def _lines(record: Record, this: Record | None) -> list[str]:
    lines = textwrap.wrap(record.name, 32)
    if this and record.run_id == this.run_id:
        lines.append("(esta ejecución)")
    if record.flaw:
        lines += textwrap.wrap(f"no cuenta: {record.flaw}", 32)
    return lines


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
