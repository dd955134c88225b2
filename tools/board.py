"""El tablero del sitio: todos los equipos de `results/` y los que solo están predichos."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from io import StringIO
from typing import Any, NamedTuple

from bs4 import BeautifulSoup

from fashion_bench import lesson
from fashion_bench.charts import style
from fashion_bench.charts.machines import measured_and_predicted
from fashion_bench.compare import comparison
from fashion_bench.compare.comparison import Contender
from fashion_bench.figures import Record
from fashion_bench.machine.engines import quiet
from fashion_bench.record import TITLES
from fashion_bench.script.report import Card
from fashion_bench.text import NO_BREAK, written

with quiet():
    from fashion_bench.experiments import published

NOTEBOOK, CELL = "02_por_que_gana_la_gpu.ipynb", "otro-epoca"
"""De dónde salen las predicciones: de los resultados de esa celda, que están confirmados."""
METRIC = "median_epoch"
USUAL = {"lote": 128, "precision": "float32", "imagenes": 54_000}
"""Con qué se compara de entrada: los valores por defecto del cuaderno 01."""

EPOCHS = 10
"""Las de siempre: las de otro equipo se dicen, porque también cambian la exactitud."""

Row = dict[str, Any]
"""Lo que se sabe de un equipo que entrena de una forma; lo que no, es `None`."""


class Column(NamedTuple):
    """Una columna de la tabla."""

    title: str
    key: str
    """Qué enseña de la fila, y cómo se llama en la dirección de la página."""
    written: Callable[[Any], str] = str
    first: object = None
    """Por qué valor empieza filtrada, si se puede filtrar por ella; `""` es por ninguno."""


COLUMNS = [
    Column("s/época", "segundos", "{:.2f}".format),
    Column("¿Cuenta?", "cuenta", first="Sí"),
    Column("Intervalo", "desde"),
    Column("Sesiones", "sesiones"),
    Column("Imágenes/s", "imagenes_por_segundo", written),
    Column("Exactitud", "exactitud", "{:.4f}".format),
    Column("MFU", "mfu", lambda value: written(100 * value, 0, "%")),
    Column("Julios/época", "julios", written),
    Column("Imágenes/julio", "imagenes_por_julio", lambda value: written(value, 1)),
    Column("Lote", "lote", first=USUAL["lote"]),
    Column("Precisión", "precision", first=USUAL["precision"]),
    Column("Imágenes", "imagenes", written, first=USUAL["imagenes"]),
    Column("Motor", "motor", first=""),
    Column("Instrucciones", "instrucciones", first=""),
    Column("Dispositivo", "dispositivo", first=""),
]
"""Las de la tabla, detrás del nombre del equipo. La que no tiene ningún valor no se enseña."""


def rows(records: Sequence[Record]) -> list[Row]:
    """Da las filas: las que cuentan, las que no y las predichas, de la más rápida a la más lenta.

    Van delante las de las condiciones de siempre. La que no cuenta lleva su fecha.
    """
    found = [measured(each) for each in contenders(records)]
    found += [predicted(each) for each in predictions(records)]
    kinds = ["Sí", "No", "Predicción"]
    told = ("equipo", "condiciones", "cuenta")
    repeated = Counter(tuple(row[key] for key in told) for row in found)
    for row in found:
        if row["cuenta"] == "No" or repeated[tuple(row[key] for key in told)] > 1:
            row["condiciones"] = " · ".join(filter(None, (row["condiciones"], row["fecha"])))

    def place(row: Row) -> tuple:
        usual = USUAL.items() <= row.items()
        return kinds.index(row["cuenta"]), not usual, row["segundos"] or float("inf")

    return sorted(found, key=place)


def contenders(records: Sequence[Record]) -> list[Contender]:
    """Da todas las filas medidas: cada equipo en cada grupo y, sueltos, los que no cuentan."""
    rows = [each for group in comparison.groups(records, METRIC) for each in group]
    told = {record.run_id for row in rows for record in row.records}
    return rows + [Contender(r.name, [r]) for r in records if r.run_id not in told]


def conditions(batch: int, precision: str, images: int, epochs: int = EPOCHS) -> Row:
    """Con qué se entrena, y en qué se aparta de lo de siempre."""
    told = {"lote": batch, "precision": precision, "imagenes": images}
    texts = [f"lote {batch}", precision, written(images, 0, "imágenes")]
    unusual = [text for key, text in zip(told, texts, strict=True) if told[key] != USUAL[key]]
    unusual += [f"{epochs} épocas"] * (epochs != EPOCHS)
    return told | {"condiciones": " · ".join(unusual)}


def measured(contender: Contender) -> Row:
    """La fila de un equipo medido, con sus registros y por qué no cuenta cada uno."""
    record, told = contender.latest, contender.latest.parameters
    row = {
        "equipo": contender.name,
        "cuenta": "No" if contender.flaw else "Sí",
        "registros": {each.run_id: each.flaw for each in contender.records},
        "fecha": f"{record.created_utc:%Y-%m-%d %H:%M}",
        "segundos": None, "desde": None, "hasta": None, "sesiones": 0,
        "imagenes_por_segundo": None, "exactitud": contender.accuracy, "mfu": contender.mfu,
        "julios": None, "imagenes_por_julio": record.images_per_joule,
        "motor": TITLES[record.software.backend],
        "instrucciones": record.machine.isa,
        "dispositivo": record.device,
    }  # fmt: skip
    images = record.data.training_images
    row |= conditions(told.batch_size, told.precision, images, told.epochs)
    if record.repeats:
        seconds = contender.estimate(METRIC)
        row |= {"segundos": seconds.value, "sesiones": seconds.sessions}
        row["imagenes_por_segundo"] = contender.estimate("images_per_second").value
        if seconds.sessions > 1:
            row |= {"desde": seconds.low, "hasta": seconds.high}
    if record.images_per_joule:
        row["julios"] = images / record.images_per_joule
    return row


class Prediction(NamedTuple):
    """Lo que el cuaderno 02 predice de un dispositivo que aún no tiene registros."""

    name: str
    batch: int
    seconds: float
    """De una época de las imágenes de siempre."""
    between: tuple[float, float]
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
        Prediction(name, int(row["Lote"]), float(row["Segundos"]), (float(low), float(high)))
        for row in rows
        for low, high in [row[f"Intervalo del 80{NO_BREAK}%"].split("-")]
        if (name := row["Dispositivo"]) not in measured
    ]


def predicted(told: Prediction) -> Row:
    """La fila de un dispositivo que nadie ha medido."""
    low, high = told.between
    row: Row = dict.fromkeys(
        ("fecha", "exactitud", "mfu", "julios", "imagenes_por_julio", "instrucciones")
    )
    row |= conditions(told.batch, str(USUAL["precision"]), 54_000)
    usual = filter(None, ("TensorFlow, en WSL2 o Metal", row["condiciones"]))
    row["condiciones"] = " · ".join(usual)
    speed = float(f"{row['imagenes'] / told.seconds:.3g}")  # los segundos tienen tres cifras
    return row | {
        "equipo": told.name, "cuenta": "Predicción", "registros": {}, "dispositivo": "GPU",
        "motor": TITLES["tensorflow"],
        "segundos": told.seconds, "desde": low, "hasta": high, "sesiones": 0,
        "imagenes_por_segundo": speed,
    }  # fmt: skip


def chart(records: Sequence[Record]) -> tuple[bytes, str]:
    """Dibuja los equipos medidos y los predichos: el PNG y su texto alternativo."""
    group = [
        each
        for each in contenders(records)
        if each.latest.parameters.batch_size == USUAL["lote"]
        and each.latest.parameters.precision == USUAL["precision"]
        and each.latest.data.training_images == USUAL["imagenes"]
        and not each.flaw
    ]
    told = {
        each.name: (each.seconds, *each.between)
        for each in predictions(records)
        if each.batch == USUAL["lote"]
    }
    figure, names = measured_and_predicted(group, told)
    alt = "Segundos por época, en escala logarítmica. Medidos: " + ", ".join(
        f"{each.name}, {each.estimate(METRIC).value:.2f}" for each in group if each.name in names
    )
    alt += ". Predichos: " + ", ".join(f"{name}, {value:.2f}" for name, (value, *_) in told.items())
    return style.png(figure)[0], f"{alt}."


def as_json(rows: Sequence[Row]) -> str:
    """Escribe las filas en JSON."""
    return json.dumps(rows, ensure_ascii=False, indent=1)


def as_csv(rows: Sequence[Row]) -> str:
    """Escribe las filas en CSV; los registros de cada una, separados por espacios."""
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"registros": " ".join(row["registros"])} for row in rows)
    return text.getvalue()


def table(rows: Sequence[Row]) -> str:
    """Escribe la tabla en HTML: se lee también sin JavaScript."""
    shown = [column for column in COLUMNS if any(row[column.key] is not None for row in rows)]
    head = '<th scope="col" data-key="equipo">Equipo</th>'
    for column in shown:
        first = "" if column.first is None else f' data-filter="{column.first}"'
        head += f'<th scope="col" data-key="{column.key}"{first}>{column.title}</th>'
    body = "\n".join(line(row, shown) for row in rows)
    return (
        '<div class="tablero" tabindex="0" role="region" aria-label="Tabla de equipos">\n'
        f'<table id="tablero">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n'
        '</table>\n</div>\n<p>La tabla entera, para tus cuentas: <a href="tablero.csv" download>CSV'
        '</a> o <a href="tablero.json" download>JSON</a>. Lo que eliges queda en la dirección de '
        "la página, para enseñar lo mismo a otra persona.</p>"
    )


def line(row: Row, columns: Sequence[Column]) -> str:
    """Escribe una fila: el equipo, con las condiciones que no son las de siempre, y lo demás."""
    kind = {"Sí": "cuenta", "No": "no-cuenta", "Predicción": "prediccion"}[row["cuenta"]]
    small = f"<br><small>{escape(row['condiciones'])}</small>" if row["condiciones"] else ""
    badge = '<br><small class="marca">predicho</small>' if kind == "prediccion" else ""
    name = escape(row["equipo"])
    cells = "".join(cell(row, column) for column in columns)
    title = f'<th scope="row" data-order="{name}">{name}{badge}{small}</th>'
    return f'<tr class="{kind}">{title}{cells}</tr>'


def cell(row: Row, column: Column) -> str:
    """Escribe una casilla. Lo que no se sabe es un guion y, al ordenar, va al final."""
    value = row[column.key]
    # Las columnas por las que no se filtra son todas de cifras.
    number = ' class="cifra"' if column.first is None or isinstance(value, int) else ""
    if value is None:
        unknown = '<span role="img" aria-label="no se sabe">-</span>'
        return f'<td{number} data-order="inf" data-search="-">{unknown}</td>'
    text = escape(column.written(value))
    if column.key == "cuenta":
        text = why(row)
    elif column.key == "desde":
        text = f"{row['desde']:.2f}-{row['hasta']:.2f}"
        text += f" (80{NO_BREAK}%)" if row["cuenta"] == "Predicción" else ""
    value = escape(str(value))
    return f'<td{number} data-order="{value}" data-search="{value}">{text}</td>'


def why(row: Row) -> str:
    """Si una fila cuenta y, de cada registro suyo, su página y si cuenta."""
    if not row["registros"]:
        lesson_page = f"notebooks/{NOTEBOOK.removesuffix('.ipynb')}.html"
        return (
            "<details><summary>Predicción</summary>Nadie lo ha medido: se aprende de lo que otros "
            "han publicado de equipos parecidos y de "
            f'<a href="{published.sheet(row["equipo"])[2]}">su ficha</a>, como cuenta el '
            f'<a href="{lesson_page}">cuaderno 02</a>. El intervalo es del 80{NO_BREAK}%, el de '
            "los errores con equipos que no se habían visto.</details>"
        )
    number = len(row["registros"])
    lines = "".join(
        f'<li><a href="registro/{run_id}.html">{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]} '
        f"{run_id[9:11]}:{run_id[11:13]}</a>: {escape(flaw or 'cuenta')}</li>"
        for run_id, flaw in row["registros"].items()
    )
    summary = f"{row['cuenta']}: {number} registro{'s' * (number > 1)}"
    return f"<details><summary>{summary}</summary><ul>{lines}</ul></details>"


def page(record: Record, card: Card) -> str:
    """Escribe la página de un registro: la ficha de su informe, para enseñársela a alguien."""
    told = record.parameters
    lines = "".join(f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in card.rows)
    kind = "cuenta" if card.counts else "no-cuenta"
    verdict = f'<span class="{kind}">{escape(card.verdict)}</span>'
    similar = f"lote={told.batch_size}&amp;precision={told.precision}"
    similar += f"&amp;imagenes={record.data.training_images}"
    file = f"../results/{record.run_id}.json"
    return (
        f'<section class="ficha"><h1>{escape(card.name)}</h1>'
        f'<p class="dato">{escape(card.headline)} {verdict}</p><dl>{lines}</dl>'
        f'<p><a href="../tablero.html?{similar}">Los demás, en el tablero</a> · '
        f'<a href="{file}">El registro entero, en JSON</a> · '
        '<a href="../anade_tu_equipo.html">Añade tu equipo</a></p></section>'
    )
