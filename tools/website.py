"""Construye el curso como sitio web: `python tools/website.py [carpeta]`.

Lee los cuadernos con los resultados que tienen guardados, sin ejecutarlos, y los registros de
`results/`. Lo que sale (por defecto, en `runs/sitio/`) lleva dentro todo lo que necesita.
"""

import json
import re
import shutil
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath, relpath
from textwrap import shorten
from typing import Any

import board
import PIL.Image
import vocabulary
from docutils import nodes
from itables.utils import read_package_file
from sphinx.application import Sphinx

from fashion_bench.charts.style import SHARPNESS
from fashion_bench.compare import files
from fashion_bench.figures import Record
from fashion_bench.install import address
from fashion_bench.script import report

ROOT = Path(__file__).resolve().parents[1]
SITE, RESULTS = ROOT / "site", ROOT / "results"
PLACES = {
    "notebooks": "notebooks",
    "src/fashion_bench/datasets/fashion-mnist": "datos",
    "src/fashion_bench/browser": "_static",  # lo hace `npm --prefix browser run build`
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/clock.png": "clock.png",
    "CHANGELOG.md": "cambios.md",
    "site": "",
}
"""Dónde está en el sitio lo que se enseña del repositorio."""
UNSEARCHED = ("cambios", "404")
"""Lo que no busca nadie: quien busca una palabra no quiere saber cuándo cambió."""
SHOWN = ("text/html", "image/png", "text/plain")
"""Lo que se enseña de un resultado; lo demás es para otros programas."""
LINK = re.compile(r"(!?\[(?:[^][]|\[[^][]*\])*\])\(([^)\s:#]+)(#[^)\s]*)?\)")
"""Un enlace a un archivo: lo que se lee, su ruta y su ancla."""
CHOOSE = re.compile(r"<!-- elige tu equipo -->.*?<!-- fin -->", re.DOTALL)
CHOICES = re.compile(r"^## Elige tu equipo\n.*?(?=^¿)", re.DOTALL | re.MULTILINE)
"""Lo que la página de instalar toma del README, que es su única fuente."""
UNTRANSLATED = {
    '="Descarga esta pagina': '="Descargar esta página',
    '="Launch interactive content': '="Abrir para ejecutarlo',
    '="Launch on ': '="Abrir en ',
    '="Link to this heading': '="Enlace a este apartado',
    '="Toggle primary sidebar': '="Mostrar u ocultar el índice',
    '="Toggle secondary sidebar': '="Mostrar u ocultar los apartados',
    '<summary><span class="toctree-toggle"': (
        '<summary aria-label="Mostrar u ocultar sus páginas"><span class="toctree-toggle"'
    ),
    "?title=Issue%20on%20page%20%2F": "?title=",
    "&amp;body=Your%20issue%20content%20here.": "",
}
"""Lo que el tema deja en inglés, mal escrito o sin nombre, en los botones."""
EXPORT = re.compile(r"export\{[^}]*?(\w+) as default[^}]*\};?")


def build(folder: Path) -> None:
    """Construye el sitio en `folder`, que queda solo con él.

    Raises:
        SystemExit: si Sphinx avisa de algo, como un enlace que no lleva a ninguna parte, o si algo
            de lo que se copia es un enlace, que podría publicar un archivo de fuera.
    """
    refuse_links(RESULTS, *(ROOT / source for source in PLACES))
    shutil.rmtree(folder, ignore_errors=True)
    records, _ = files.load_folder(RESULTS)
    with tempfile.TemporaryDirectory() as temporary:
        sources = Path(temporary, "fuentes")
        for source, place in PLACES.items():
            copy(ROOT / source, sources / place)
        rows = board.rows(records)
        write_board(sources, records, rows)
        write_choices(sources / "instalar.md")
        app = Sphinx(
            srcdir=sources,
            confdir=sources,
            outdir=folder,
            doctreedir=Path(temporary, "doctrees"),
            buildername="html",
            status=None,
            exception_on_warning=False,
        )
        app.connect("source-read", adapt)
        app.connect("doctree-read", vocabulary.link)
        app.connect("html-collect-pages", lambda _: pages(records))
        app.connect("html-page-context", describe, priority=1)  # antes que los botones del tema
        app.build()
    if app.statuscode or app._warncount:
        raise SystemExit("El sitio se ha construido con avisos: están aquí arriba.")
    finish(folder)
    (folder / "results").mkdir()
    for record in records:
        page = folder / "results" / f"{record.run_id}.json"
        page.write_text(files.stored(record), encoding="utf-8")  # lo leído, esté donde esté
    (folder / "tablero.csv").write_text(board.as_csv(rows), encoding="utf-8")
    (folder / "tablero.json").write_text(board.as_json(rows), encoding="utf-8")


def refuse_links(*folders: Path) -> None:
    """Se detiene si en esas carpetas hay algún enlace a otro sitio."""
    paths = [path for each in folders for path in (each, *each.rglob("*"))]
    if links := [str(path) for path in paths if path.is_symlink()]:
        raise SystemExit(f"No se publica ningún enlace a otro archivo: quita {', '.join(links)}.")


def copy(source: Path, place: Path) -> None:
    """Copia un archivo o una carpeta; si esta ya está, se suma."""
    if source.is_dir():
        hidden = shutil.ignore_patterns(".*")
        shutil.copytree(source, place, ignore=hidden, dirs_exist_ok=True)
    else:
        shutil.copy(source, place)


def write_board(sources: Path, records: Sequence[Record], rows: Sequence[board.Row]) -> None:
    """Escribe el tablero: su gráfico y su tabla, en su página, y la biblioteca que usa."""
    page, static = sources / "tablero.md", sources / "_static"
    picture, alt = board.chart(records)
    (static / "tablero.png").write_bytes(picture)
    text = page.read_text(encoding="utf-8")
    text = text.replace("<!-- gráfico -->", image("_static/tablero.png", picture, alt))
    text = text.replace("<!-- tabla -->", board.table(rows))
    page.write_text(text, encoding="utf-8")
    # La de itables es un módulo, y una página abierta desde el disco no puede importarlos.
    bundle = read_package_file("html/dt_bundle.js")
    bundle, changed = EXPORT.subn(r";globalThis.DataTable=\1;", bundle)
    if changed != 1:
        raise SystemExit("itables ya no exporta DataTables como hasta ahora: mira EXPORT.")
    (static / "tablas.js").write_text(f"(() => {{{bundle}}})();", encoding="utf-8")
    (static / "tablas.css").write_text(read_package_file("html/dt_bundle.css"), encoding="utf-8")


def write_choices(page: Path) -> None:
    """Pone en la página de instalar la línea de cada equipo."""
    [choices] = CHOICES.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    if not address("Repository"):
        told = "(aún no hay de dónde: pídeselo a quien te dio esta página)"
        choices = choices.replace("(*Code → Download ZIP*)", told)
    text, changed = CHOOSE.subn(lambda _: choices, page.read_text(encoding="utf-8"))
    if changed != 1:
        raise SystemExit(f"{page.name} ya no dice dónde va «Elige tu equipo»: pon sus marcas.")
    page.write_text(text, encoding="utf-8")


def adapt(app: Sphinx, name: str, content: list[str]) -> None:
    """Deja listo para el sitio el texto de una página, que sigue igual en su descarga."""
    page = str(app.env.doc2path(name, base=False))
    if not page.endswith(".ipynb"):
        content[0] = moved(content[0], page)
        if name in UNSEARCHED:
            content[0] = f"---\norphan: true\nnosearch: true\n---\n{content[0]}"
        return
    notebook = json.loads(content[0])
    parts = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = moved("".join(cell["source"]), page)
            parts += bool(re.search("^# ", text, re.MULTILINE))
            # Una página tiene un solo título: el de la segunda parte y los suyos bajan un nivel.
            cell["source"] = re.sub("^#", "##", text, flags=re.MULTILINE) if parts > 1 else text
        for output in cell.get("outputs", []):
            if "data" in output:
                output["data"] = shown(output, app.outdir, "../" * name.count("/"))
    content[0] = json.dumps(notebook)


def across(path: str, places: Mapping[str, str]) -> str | None:
    """Lleva una ruta del repositorio al sitio, o al revés; `None` si allí no está."""
    for start, end in places.items():
        if PurePosixPath(path).is_relative_to(start):
            return str(PurePosixPath(end, PurePosixPath(path).relative_to(start)))
    return None


def origin(page: str) -> str:
    """De qué archivo del repositorio sale una página del sitio."""
    return across(page, {place: source for source, place in PLACES.items()}) or page


def moved(text: str, page: str) -> str:
    """Cambia los enlaces de una página, que parten de donde está en el repositorio.

    Lo que no está en el sitio está en el repositorio; si aún no tiene dirección, no se enlaza.
    """
    places = {"README.md": "instalar.md"} | PLACES

    def link(found: re.Match[str]) -> str:
        words, path, anchor = found[1], found[2], found[3] or ""
        target = normpath(join(dirname(origin(page)), path))
        if not (ROOT / target).exists():
            return found[0]
        if place := across(target, places):
            return f"{words}({relpath(place, dirname(page))}{anchor})"
        repository = address("Repository")
        return f"{words}({repository}/blob/main/{target}{anchor})" if repository else words[1:-1]

    return LINK.sub(link, text)


def shown(output: dict[str, Any], folder: Path, up: str) -> dict[str, str]:
    """Elige lo que se enseña de un resultado; un gráfico se guarda en el sitio, en `folder`.

    De la página a esa carpeta se va por `up`.
    """
    kind = next(kind for kind in SHOWN if kind in output["data"])
    content = "".join(output["data"][kind])
    if kind != "image/png":
        return {kind: content}
    picture = b64decode(content)
    path = folder / "_images" / f"{sha256(picture).hexdigest()[:16]}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    alt = output["metadata"][kind]["alt"]
    return {"text/html": image(f"{up}_images/{path.name}", picture, alt)}


def image(place: str, picture: bytes, alt: str) -> str:
    """Escribe un gráfico en HTML, con un enlace a su tamaño entero."""
    width, height = (side // SHARPNESS for side in PIL.Image.open(BytesIO(picture)).size)
    return (
        f'<a class="entero" href="{place}"><img class="grafico dark-light" src="{place}" '
        f'alt="{escape(alt)}" width="{width}" height="{height}" loading="lazy"></a>'
    )  # la segunda clase le pide al tema oscuro que no lo cambie


def pages(records: Sequence[Record]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Da una página por registro: su ficha, para enseñársela a alguien."""
    for record in records:
        card = report.card(record, records)
        told = {"title": card.name, "body": board.page(record, card)}
        told["description"] = f"{card.name}: {card.headline}"
        yield f"registro/{record.run_id}", told, "page.html"


def describe(
    app: Sphinx, name: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Pone en una página lo que enseña quien la enlaza, y de qué archivo sale."""
    context["origin"] = origin(f"{name}{context.get('page_source_suffix', '')}")
    paragraphs = tree.findall(nodes.paragraph) if tree else ()
    first = next((each.astext() for each in paragraphs), context.get("description", ""))
    told = {"og:title": context.get("title", ""), "og:description": shorten(first, 200)}
    told |= {"og:locale": "es_ES", "og:site_name": app.config.project}
    if site := address("Documentation"):
        told["og:url"] = f"{site}/{name}.html"
        told["og:image"] = f"{site}/_static/prendas.png"
    tags = [f'<meta property="{key}" content="{escape(value)}">' for key, value in told.items()]
    tags.append(f'<meta name="description" content="{escape(told["og:description"])}">')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def finish(folder: Path) -> None:
    """Corrige lo que el tema y Sphinx hacen mal, y quita lo que nadie pide."""
    found = [page for page in sorted(folder.rglob("*.html")) if "_static" not in page.parts]
    for page in found:
        text = page.read_text(encoding="utf-8")
        for english, spanish in UNTRANSLATED.items():
            text = text.replace(english, spanish)
        page.write_text(text, encoding="utf-8")
    # El buscador enseñaba, con el texto de cada página, los botones del tema.
    search = folder / "_static" / "searchtools.js"
    text = search.read_text(encoding="utf-8")
    search.write_text(text.replace('[role="main"]', "article.bd-article"), encoding="utf-8")
    shutil.rmtree(folder / "_static" / "locales", ignore_errors=True)
    for path in folder.rglob("*.map"):
        path.unlink()
    if not (site := address("Documentation")):
        return
    missing = folder / "404.html"  # se enseña en cualquier carpeta: sus enlaces, desde la raíz
    text = missing.read_text(encoding="utf-8")
    missing.write_text(text.replace("<head>", f'<head><base href="{site}/">', 1), encoding="utf-8")
    told = [page.relative_to(folder).as_posix() for page in found]
    places = [f"<url><loc>{site}/{page}</loc></url>" for page in told if page != "404.html"]
    schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
    lines = "\n".join(places)
    (folder / "sitemap.xml").write_text(f'<urlset xmlns="{schema}">\n{lines}\n</urlset>\n', "utf-8")
    (folder / "robots.txt").write_text(f"Sitemap: {site}/sitemap.xml\n", encoding="utf-8")


if __name__ == "__main__":
    destination = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "runs" / "sitio"
    build(destination)
    print(destination / "index.html")
