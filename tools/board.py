"""El tablero del sitio: todos los equipos de `results/` y los que solo están predichos."""

from collections.abc import Sequence
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
from fashion_bench.text import NO_BREAK, written

with quiet():
    from fashion_bench.experiments import published

NOTEBOOK, CELL = "02_por_que_gana_la_gpu.ipynb", "otro-epoca"
"""De dónde salen las predicciones: de los resultados de esa celda, que están confirmados."""
METRIC = "median_epoch"
BATCH, PRECISION, IMAGES = 128, "float32", 54_000
"""Con qué se compara de entrada: los valores por defecto del cuaderno 01."""

COLUMNS = {
    "Equipo": None,
    "¿Cuenta?": "",
    "s/época": None,
    "Intervalo": None,
    "Sesiones": None,
    "Imágenes/s": None,
    "Exactitud": None,
    "MFU": None,
    "Julios/época": None,
    "Imágenes/julio": None,
    "Instrucciones": "",
    "Dispositivo": "",
    "Motor": "",
    "Lote": str(BATCH),
    "Precisión": PRECISION,
    "Imágenes": str(IMAGES),
}
"""El título de cada columna y, si se puede filtrar por ella, por qué valor empieza filtrada."""


def contenders(records: Sequence[Record]) -> list[Contender]:
    """Da todas las filas medidas: cada equipo en cada grupo y, sueltos, los que no cuentan."""
    rows = [each for group in comparison.groups(records, METRIC) for each in group]
    told = {record.run_id for row in rows for record in row.records}
    return rows + [Contender(r.name, [r]) for r in records if r.run_id not in told]


class Prediction(NamedTuple):
    """Lo que el cuaderno 02 predice de un dispositivo que aún no tiene registros."""

    name: str
    batch: int
    seconds: float
    """De una época de `IMAGES`."""
    between: str
    """El intervalo del 80 %."""


def predictions(records: Sequence[Record]) -> list[Prediction]:
    """Lee del cuaderno 02 lo que predice, quitados los dispositivos que ya tienen registros."""
    measured = " ".join(
        record.accelerator.name for record in records if record.accelerator and not record.flaw
    )
    [result] = [cell for cell in lesson.read(NOTEBOOK).cells if cell.id == CELL]
    table = BeautifulSoup(result.outputs[0].data["text/html"], "html.parser")
    names = [title.text for title in table.select("thead th")]
    rows = [
        dict(zip(names, (each.text for each in row.select("th, td")), strict=True))
        for row in table.select("tbody tr")
    ]
    return [
        Prediction(
            name, int(row["Lote"]), float(row["Segundos"]), row[f"Intervalo del 80{NO_BREAK}%"]
        )
        for row in rows
        if (name := row["Dispositivo"]) not in measured
    ]


def chart(records: Sequence[Record]) -> tuple[bytes, str]:
    """Dibuja los equipos medidos y los predichos: el PNG y su texto alternativo."""
    group = [
        each
        for each in contenders(records)
        if each.latest.parameters.batch_size == BATCH
        and each.latest.parameters.precision == PRECISION
        and each.latest.data.training_images == IMAGES
        and not each.flaw
    ]
    told = {each.name: each.seconds for each in predictions(records) if each.batch == BATCH}
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
        for title, first in COLUMNS.items()
    )
    rows = [measured_row(each) for each in contenders(records)]
    rows += [predicted_row(each) for each in predictions(records)]
    body = "\n".join(rows)
    return (
        '<div class="tablero" tabindex="0" role="region" aria-label="Tabla de equipos">\n'
        f'<table id="tablero">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n'
        "</table>\n</div>"
    )


def cell(html: str, order: float | str | None = None, choice: str | None = None) -> str:
    """Escribe una casilla.

    Args:
        html: lo que se lee.
        order: por lo que se ordena, si no es por eso; `inf` deja la fila al final.
        choice: por lo que se filtra, si no es por lo que se lee.
    """
    by = "" if order is None else f' data-order="{escape(str(order))}"'
    by += "" if choice is None else f' data-search="{escape(choice)}"'
    return f"<td{by}>{html}</td>"


MISSING = cell('<span aria-label="no se sabe">-</span>', float("inf"), "-")


def figure(value: float, decimals: int = 0) -> str:
    """Una cifra, escrita como en todo el curso; se ordena por su valor."""
    return cell(written(value, decimals), value)


def row(kind: str, name: str, small: str, cells: Sequence[str]) -> str:
    """Escribe una fila: su título, con algo en pequeño debajo, y sus casillas."""
    classes = f' class="{kind}"' if kind else ""
    title = f'<th scope="row" data-order="{escape(name)}">{escape(name)}<br>'
    return f"<tr{classes}>{title}<small>{escape(small)}</small></th>{''.join(cells)}</tr>"


def conditions(batch: int, precision: str, images: int) -> list[str]:
    """Con qué se entrena: las imágenes se filtran por su número sin espacios."""
    return [cell(str(batch)), cell(precision), cell(written(images), images, str(images))]


def measured_row(contender: Contender) -> str:
    """La fila de un equipo medido, con un enlace a cada uno de sus registros."""
    record, told = contender.latest, contender.latest.parameters
    cells = [
        verdict(contender),
        *figures(contender),
        cell(escape(record.machine.isa)),
        cell(record.device),
        cell(escape(record.software.engine), choice=TITLES[record.software.backend]),
        *conditions(told.batch_size, told.precision, record.data.training_images),
    ]
    return row("no-cuenta" if contender.flaw else "", contender.name, contender.place, cells)


def figures(contender: Contender) -> list[str]:
    """Las cifras de un equipo medido: las que no se saben, con un guion."""
    record = contender.latest
    if not record.repeats:
        return [MISSING, MISSING, cell("0"), *[MISSING] * 5]
    [told] = comparison.rows([contender], contender, METRIC)
    seconds, images = told.estimate, record.images_per_joule
    between = cell(f"{seconds.low:.2f}-{seconds.high:.2f}", seconds.low)
    return [
        cell(f"{seconds.value:.2f}"),
        between if seconds.sessions > 1 else MISSING,
        cell(str(seconds.sessions)),
        figure(contender.estimate("images_per_second").value),
        MISSING if contender.accuracy is None else cell(told.accuracy),
        cell(told.mfu, contender.mfu) if contender.mfu else MISSING,
        figure(record.data.training_images / images) if images else MISSING,
        figure(images, 1) if images else MISSING,
    ]


def verdict(contender: Contender) -> str:
    """Si un equipo cuenta y, de cada uno de sus registros, su enlace y si cuenta."""
    counts = "No" if contender.flaw else "Sí"
    number = len(contender.records)
    lines = "".join(
        f'<li><a href="results/{record.run_id}.json">{record.created_utc:%Y-%m-%d %H:%M}</a>: '
        f"{escape(record.flaw or 'cuenta')}</li>"
        for record in contender.records
    )
    summary = f"{counts}: {number} registro{'s' * (number > 1)}"
    return cell(f"<details><summary>{summary}</summary><ul>{lines}</ul></details>", counts, counts)


def predicted_row(told: Prediction) -> str:
    """La fila de un dispositivo que nadie ha medido, con su ficha y el error que se comete."""
    lesson_page = f"notebooks/{NOTEBOOK.removesuffix('.ipynb')}.html"
    why = (
        "<details><summary>Predicción</summary>Nadie lo ha medido: se aprende de lo que otros han "
        f'publicado de equipos parecidos y de <a href="{published.sheet(told.name)[2]}">su '
        f'ficha</a>, como cuenta el <a href="{lesson_page}">cuaderno 02</a>. El intervalo es del '
        "80 %, el de los errores con equipos que no se habían visto.</details>"
    )
    cells = [
        cell(why, "Predicción", "Predicción"),
        cell(f"{told.seconds:.2f}"),
        cell(f"{told.between} (80 %)", float(told.between.split("-")[0])),
        cell("0"),
        figure(float(f"{IMAGES / told.seconds:.3g}")),  # los segundos tienen tres cifras
        *[MISSING] * 5,
        cell("GPU"),
        MISSING,
        *conditions(told.batch, PRECISION, IMAGES),
    ]
    return row("prediccion", told.name, "sin medir", cells)
