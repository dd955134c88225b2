"""El tablero del sitio: todos los equipos de `results/` y los que solo están predichos."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from bs4 import BeautifulSoup

from fashion_bench import lesson
from fashion_bench.charts import style
from fashion_bench.charts.machines import measured_and_predicted
from fashion_bench.compare import comparison
from fashion_bench.compare.comparison import Contender
from fashion_bench.figures import Record
from fashion_bench.machine.engines import quiet
from fashion_bench.record import TITLES
from fashion_bench.text import written

with quiet():
    from fashion_bench.experiments.prediction import SHEETS, Device

NOTEBOOK, CELL = "02_por_que_gana_la_gpu.ipynb", "otro-epoca"
"""De dónde salen las predicciones: de los resultados de esa celda, que están confirmados."""
METRIC = "median_epoch"
BATCH, PRECISION, IMAGES = 128, "float32", 54_000
"""Con qué se compara de entrada: los valores por defecto del cuaderno 01."""

COLUMNS: tuple[tuple[str, str | None], ...] = (
    ("Equipo", None),
    ("¿Cuenta?", ""),
    ("s/época", None),
    ("Intervalo del 95 %", None),
    ("Sesiones", None),
    ("Imágenes/s", None),
    ("Exactitud", None),
    ("MFU", None),
    ("Julios/época", None),
    ("Imágenes/julio", None),
    ("Instrucciones", ""),
    ("Dispositivo", ""),
    ("Motor", ""),
    ("Lote", str(BATCH)),
    ("Precisión", PRECISION),
    ("Imágenes", str(IMAGES)),
)
"""El título de cada columna y, si se puede filtrar por ella, por qué valor empieza filtrada."""


class Cell(NamedTuple):
    """Lo que se lee en una casilla de la tabla."""

    html: str
    order: float | str | None = None
    """Por lo que se ordena, si no es por lo que se lee; `inf` deja la fila al final."""
    choice: str | None = None
    """Por lo que se filtra, si no es por lo que se lee."""


class Prediction(NamedTuple):
    """Lo que el modelo del cuaderno 02 dice de un dispositivo que nadie ha medido."""

    device: Device
    batch: int
    seconds: float
    """De una época de `IMAGES` imágenes."""


MISSING = Cell('<span aria-label="no se sabe">-</span>', float("inf"), "-")


def contenders(records: Sequence[Record]) -> list[Contender]:
    """Da todas las filas medidas: cada equipo en cada grupo y, sueltos, los que no cuentan."""
    rows = [each for group in comparison.groups(records, METRIC) for each in group]
    told = {record.run_id for row in rows for record in row.records}
    return rows + [Contender(r.name, [r]) for r in records if r.run_id not in told]


def predictions(records: Sequence[Record]) -> list[Prediction]:
    """Lee del cuaderno 02 las predicciones de los dispositivos que aún no tienen registros.

    Son las que calculó `fashion_bench.experiments.prediction` con la ficha de cada fabricante.
    """
    measured = " ".join(
        record.accelerator.name for record in records if record.accelerator and not record.flaw
    )
    sheets = {sheet.name: sheet for sheet in SHEETS if sheet.name not in measured}
    [cell] = [cell for cell in lesson.read(NOTEBOOK).cells if cell.id == CELL]
    table = BeautifulSoup(cell.outputs[0].data["text/html"], "html.parser")
    names = [title.text for title in table.select("thead th")]
    rows = [
        dict(zip(names, (each.text for each in row.select("th, td")), strict=True))
        for row in table.select("tbody tr")
    ]
    return [
        Prediction(sheets[row["Dispositivo"]], int(row["Lote"]), float(row["Segundos"]))
        for row in rows
        if row["Dispositivo"] in sheets
    ]


def chart(records: Sequence[Record]) -> tuple[bytes, str]:
    """Dibuja los equipos medidos y los predichos: el PNG y su texto alternativo."""
    group = [
        each
        for each in contenders(records)
        if each.latest.repeats
        and (each.latest.parameters.batch_size, each.latest.parameters.precision)
        == (BATCH, PRECISION)
        and each.latest.data.training_images == IMAGES
        and not each.flaw
    ]
    told = {each.device.name: each.seconds for each in predictions(records) if each.batch == BATCH}
    alt = "Segundos por época, en escala logarítmica. Medidos: " + ", ".join(
        f"{each.name}, {each.estimate(METRIC).value:.2f}" for each in group
    )
    alt += ". Predichos: " + ", ".join(f"{name}, {value:.2f}" for name, value in told.items())
    return style.png(measured_and_predicted(group, told))[0], f"{alt}."


def table(records: Sequence[Record]) -> str:
    """Escribe la tabla en HTML: se lee también sin JavaScript."""
    head = "".join(
        f'<th scope="col">{title}</th>'
        if first is None
        else f'<th scope="col" data-filter="{first}">{title}</th>'
        for title, first in COLUMNS
    )
    rows = [*map(measured_row, contenders(records)), *map(predicted_row, predictions(records))]
    body = "\n".join(f"<tr{kind}>{''.join(cells(row))}</tr>" for kind, row in rows)
    return (
        '<div class="tablero" tabindex="0" role="region" aria-label="Tabla de equipos">\n'
        f'<table id="tablero">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n'
        "</table>\n</div>"
    )


def cells(row: Sequence[Cell]) -> Iterator[str]:
    """Escribe las casillas de una fila; la primera es su título."""
    for number, cell in enumerate(row):
        tag, scope = ("td", "") if number else ("th", ' scope="row"')
        order = "" if cell.order is None else f' data-order="{escape(str(cell.order))}"'
        choice = "" if cell.choice is None else f' data-search="{escape(cell.choice)}"'
        yield f"<{tag}{scope}{order}{choice}>{cell.html}</{tag}>"


def measured_row(contender: Contender) -> tuple[str, list[Cell]]:
    """La fila de un equipo medido, con un enlace a cada uno de sus registros."""
    record, told = contender.latest, contender.latest.parameters
    row = [
        Cell(
            f"{escape(contender.name)}<br><small>{escape(contender.place)}</small>", contender.name
        ),
        verdict(contender),
        *figures(contender),
        Cell(escape(record.machine.isa)),
        Cell(record.device),
        Cell(escape(record.software.engine), choice=TITLES[record.software.backend]),
        Cell(str(told.batch_size)),
        Cell(told.precision),
        images_used(record.data.training_images),
    ]
    return (' class="no-cuenta"' if contender.flaw else ""), row


def figures(contender: Contender) -> list[Cell]:
    """Las cifras de un equipo medido: las que no se saben, con un guion."""
    record = contender.latest
    if not record.repeats:
        return [*[MISSING] * 2, Cell("0"), *[MISSING] * 5]
    [row] = comparison.rows([contender], contender, METRIC)
    seconds, images = row.estimate, record.images_per_joule
    between = Cell(f"{seconds.low:.2f}-{seconds.high:.2f}", seconds.low)
    return [
        Cell(f"{seconds.value:.2f}"),
        between if seconds.sessions > 1 else MISSING,
        Cell(str(seconds.sessions)),
        figure(contender.estimate("images_per_second").value),
        MISSING if contender.accuracy is None else Cell(row.accuracy),
        Cell(row.mfu, contender.mfu) if contender.mfu else MISSING,
        figure(record.data.training_images / images) if images else MISSING,
        figure(images, 1) if images else MISSING,
    ]


def figure(value: float, decimals: int = 0, unit: str = "") -> Cell:
    """Una cifra, escrita como en todo el curso; se ordena por su valor."""
    return Cell(written(value, decimals, unit), value)


def images_used(number: int) -> Cell:
    """Con cuántas imágenes se entrena: se filtra por el número sin espacios."""
    return Cell(written(number), number, str(number))


def verdict(contender: Contender) -> Cell:
    """Si un equipo cuenta y, de cada uno de sus registros, su enlace y si cuenta."""
    counts = "No" if contender.flaw else "Sí"
    number = len(contender.records)
    records = f"{number} registro{'s' * (number > 1)}"
    lines = "".join(
        f'<li><a href="results/{record.run_id}.json">{record.created_utc:%Y-%m-%d %H:%M}</a>: '
        f"{escape(record.flaw or 'cuenta')}</li>"
        for record in contender.records
    )
    return Cell(
        f"<details><summary>{counts}: {records}</summary><ul>{lines}</ul></details>",
        counts,
        counts,
    )


def predicted_row(told: Prediction) -> tuple[str, list[Cell]]:
    """La fila de un dispositivo que nadie ha medido, con la ficha de la que sale."""
    address, *more = told.device.source.split(" ", 1)
    source = " ".join([f'<a href="{address}">la ficha de su fabricante</a>', *more])
    speed = float(f"{IMAGES / told.seconds:.3g}")  # los segundos tienen tres cifras
    lesson_page = f"notebooks/{NOTEBOOK.removesuffix('.ipynb')}.html"
    why = (
        f"<details><summary>Predicción</summary>Nadie lo ha medido: sale de {source} y del "
        f'modelo del <a href="{lesson_page}">cuaderno 02</a>.</details>'
    )
    row = [
        Cell(f"{told.device.name}<br><small>sin medir</small>", told.device.name),
        Cell(why, "Predicción", "Predicción"),
        Cell(f"{told.seconds:.2f}"),
        MISSING,
        Cell("0"),
        figure(speed),
        *[MISSING] * 5,
        Cell("GPU"),
        MISSING,
        Cell(str(told.batch)),
        Cell(PRECISION),
        images_used(IMAGES),
    ]
    return ' class="prediccion"', row
