"""`python -m fashion_bench compare CARPETA`: los registros de una clase, en una página."""

import sys
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment

from fashion_bench.charts import style
from fashion_bench.charts.machines import compare_machines
from fashion_bench.commands import BAD_USAGE, FAILED, FINE
from fashion_bench.errors import cause
from fashion_bench.folders import expanded, shown, write_atomically
from fashion_bench.machine.backends import TITLES
from fashion_bench.record import Record
from fashion_bench.results import comparison, files
from fashion_bench.results.comparison import Contender
from fashion_bench.results.files import Rejected
from fashion_bench.results.statistics import CONFIDENCE
from fashion_bench.tables import Table
from fashion_bench.typography import written

METRIC = "median_epoch"
PAGE = "comparacion.html"
TEMPLATE = Path(__file__).with_name("compare.html.j2")

USAGE = f"""Uso: python -m fashion_bench compare CARPETA

Compara los registros de una carpeta en una página, {PAGE}, que se escribe en la carpeta
en la que estás (si ya la había, la sustituye) y se abre sin conexión."""


class Section(NamedTuple):
    """Un grupo de equipos comparables, tal como sale en la página."""

    table: Table
    chart: str | None
    """El gráfico, un PNG en base 64; `None` si no hay dos equipos."""
    width: int
    """Su ancho, en puntos de la pantalla."""
    by_chance: str | None
    """Lo que hay que saber antes de creerse tantos veredictos."""


def main(arguments: list[str]) -> int:
    """Escribe la página y devuelve el código de salida."""
    match arguments:
        case ["-h" | "--help"]:
            print(USAGE)
            return FINE
        case [name] if not name.startswith("-"):
            folder = expanded(name)
        case _:
            print(USAGE, file=sys.stderr)
            return BAD_USAGE
    if not folder.is_dir():
        print(
            f"{shown(folder)} no existe o no es una carpeta; escribe la ruta de la que tiene los "
            "registros.",
            file=sys.stderr,
        )
        return BAD_USAGE
    found, rejected = files.load_folder(folder)
    for file in rejected:
        print(f"No se usa {file.name}: {file.reason}", file=sys.stderr)
    if not found:
        print(
            f"En {shown(folder)} no hay ningún registro que se pueda leer; copia en ella los "
            "registros de cada equipo, que están en su carpeta results/.",
            file=sys.stderr,
        )
        return FAILED
    page = Path.cwd() / PAGE
    try:
        write_atomically(page, html(found, rejected))
    except OSError as error:
        print(
            f"No se puede escribir {shown(page)} ({cause(error)}); ejecuta la orden en otra "
            "carpeta, libera espacio o cambia los permisos.",
            file=sys.stderr,
        )
        return FAILED
    print(f"Registros leídos: {len(found)}. Ábrela en un navegador: {page}")
    return FINE


def html(found: Sequence[Record], rejected: Sequence[Rejected]) -> str:
    """Compone la página, que lleva dentro todo lo que necesita.

    Args:
        found: los registros, al menos uno; de los repetidos cuenta uno.
        rejected: los archivos que no se han podido leer.
    """
    records = list({record.run_id: record for record in found}.values())
    groups = comparison.groups(records, METRIC)
    machines = {each.name: each for group in reversed(groups) for each in group}
    latest = {name: each.latest for name, each in machines.items()}
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return template.render(
        records=records,
        repeated=len(found) - len(records),
        counting=sum(record.flaw is None for record in records),
        machines=machines,
        sections=[_section(group) for group in groups],
        equipment=comparison.machines_table(latest) if latest else None,
        every=_every(records, machines.values()),
        doubts=_doubts(machines.values()),
        rejected=rejected,
    )


def _section(group: Sequence[Contender]) -> Section:
    base = comparison.baseline_of(group, "")
    caption, rows = comparison.table(group, base, METRIC)
    told = [("Dispositivo", "Motor", "MFU"), *map(_told, group)]
    wide = [(*row, *more) for row, more in zip(rows, told, strict=True)]
    chart, width = None, 0
    if len(group) > 1:
        content, width = style.png(compare_machines(group))
        chart = b64encode(content).decode()
    return Section(Table(caption, wide), chart, width, _by_chance(group, base))


def _told(contender: Contender) -> tuple[str, str, str]:
    """Dispositivo, motor y MFU de un equipo."""
    record = contender.latest
    software = record.software
    return (
        record.accelerator.name if record.accelerator else record.machine.cpu,
        f"{TITLES[software.backend]} {getattr(software, software.backend)}",
        written(100 * contender.mfu, unit="%") if contender.mfu else "-",
    )


def _by_chance(group: Sequence[Contender], base: Contender) -> str | None:
    """Avisa de que, con muchas comparaciones, alguna sale distinta aunque todos sean iguales."""
    ratios = [
        comparison.speedup(each, base, METRIC)
        for each in group
        if each is not base and each.flaw is None
    ]
    judged = sum(ratio.sessions > 1 for ratio in ratios)
    if judged < 2:
        return None
    return (
        f"Son {judged} veredictos, cada uno con un intervalo del "
        f"{written(100 * CONFIDENCE, unit='%')}: aunque "
        "todos los equipos fueran iguales, saldrían distintos por casualidad, de media, "
        f"{judged * (1 - CONFIDENCE):.1f}."
    )


def _every(records: Sequence[Record], machines: Iterable[Contender]) -> Table:
    """La tabla de los registros: de qué equipo es cada cual, por el orden de estos, y si cuenta."""
    names = {each.latest.machine_key: each.name for each in machines}
    places = {name: place for place, name in enumerate(names.values())}
    rows = [
        (
            names.get(record.machine_key, record.name),
            f"{record.run_id}.json",
            f"no: {record.flaw}" if record.flaw else "sí",
        )
        for record in records
    ]
    rows.sort(key=lambda row: places.get(row[0], len(places)))
    return Table("Los registros, uno a uno", [("Equipo", "Archivo", "¿Cuenta?"), *rows])


def _doubts(machines: Iterable[Contender]) -> list[str]:
    """De qué filas no se sabe si son un equipo o varios."""
    found = []
    for contender in machines:
        labels = sorted({record.label for record in contender.records})
        if len(labels) > 1:
            found.append(
                f"«{contender.name}» se ha llamado también de otro modo ({', '.join(labels)}) y se "
                "toma por un solo equipo, porque su código es el mismo. Si son varios con el disco "
                "clonado, borra ese código en cada uno (el README dice dónde está) y mide otra vez."
            )
        if contender.latest.machine.key is None and len(contender.records) > 1:
            found.append(
                f"Los {len(contender.records)} registros de «{contender.name}» no llevan código de "
                "equipo y coinciden en todo lo demás: se toman por uno solo. Si son varios, mide "
                "otra vez en cada uno con su nombre (`machine_name`)."
            )
    return found
