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
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import board
import PIL.Image
from itables.utils import read_package_file
from sphinx.application import Sphinx

from fashion_bench.charts.style import SHARPNESS
from fashion_bench.compare import files
from fashion_bench.figures import Record
from fashion_bench.install import repository

ROOT = Path(__file__).resolve().parents[1]
SOURCES, RESULTS = ROOT / "site", ROOT / "results"
DATA = ROOT / "src" / "fashion_bench" / "datasets" / "fashion-mnist"
MEASURER = ROOT / "src" / "fashion_bench" / "browser"
"""Lo que mide la GPU en una página: lo hace `npm --prefix browser run build`."""
MOVED = {
    "notebooks": "notebooks",
    "src/fashion_bench/datasets/fashion-mnist": "datos",
    "src/fashion_bench/browser": "_static",
}
"""Las carpetas del repositorio que en el sitio están en otra parte."""
SHOWN = ("text/html", "image/png", "text/plain")
"""Lo que se enseña de un resultado; lo demás es para otros programas."""
OUTSIDE = re.compile(r"\]\((?:\.\./)+((?:README\.md|benchmarks/)[^)]*)\)")
"""Los enlaces a páginas del repositorio que no están en el sitio."""
CHOOSE = re.compile(r"<!-- elige tu equipo -->.*?<!-- fin -->", re.DOTALL)
CHOICES = re.compile(r"^## Elige tu equipo\n+(.*?)^¿", re.DOTALL | re.MULTILINE)
"""Lo que la página de instalar toma del README, que es su única fuente."""
UNTRANSLATED = {
    "Descarga esta pagina": "Descargar esta página",
    "Launch interactive content": "Abrir para ejecutarlo",
    "Launch on ": "Abrir en ",
    "Link to this heading": "Enlace a este apartado",
    "Toggle primary sidebar": "Mostrar u ocultar el índice",
    "Toggle secondary sidebar": "Mostrar u ocultar los apartados",
}
"""Lo que el tema deja en inglés, o mal escrito, en los botones."""
EXPORT = re.compile(r"export\{[^}]*?(\w+) as default[^}]*\};?")
TOOLBAR = """<link rel="stylesheet" href="_static/tablas.css">
<script defer src="_static/tablas.js"></script>
<script defer src="_static/tablero.js"></script>
<div class="filtros" id="filtros"></div>
"""


def build(folder: Path) -> None:
    """Construye el sitio en `folder`, que queda solo con él.

    Raises:
        SystemExit: si Sphinx avisa de algo, como un enlace que no lleva a ninguna parte, o si algo
            de lo que se copia es un enlace, que podría publicar un archivo de fuera.
    """
    refuse_links(SOURCES, RESULTS, DATA, MEASURER, ROOT / "notebooks")
    shutil.rmtree(folder, ignore_errors=True)
    records, _ = files.load_folder(RESULTS)
    with tempfile.TemporaryDirectory() as temporary:
        sources = Path(temporary, "fuentes")
        shutil.copytree(SOURCES, sources)
        shutil.copytree(DATA, sources / "datos")
        shutil.copytree(
            ROOT / "notebooks", sources / "notebooks", ignore=shutil.ignore_patterns(".*")
        )
        shutil.copytree(MEASURER, sources / "_static", dirs_exist_ok=True)
        write_board(sources, records)
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
        app.build()
    if app.statuscode or app._warncount:
        raise SystemExit("El sitio se ha construido con avisos: están aquí arriba.")
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for english, spanish in UNTRANSLATED.items():
            text = text.replace(f'="{english}', f'="{spanish}')
        page.write_text(text, encoding="utf-8")
    (folder / "results").mkdir()
    for record in records:
        page = folder / "results" / f"{record.run_id}.json"
        page.write_text(files.stored(record), encoding="utf-8")  # lo leído, esté donde esté


def refuse_links(*folders: Path) -> None:
    """Se detiene si en esas carpetas hay algún enlace a otro sitio."""
    if links := [str(path) for each in folders for path in each.rglob("*") if path.is_symlink()]:
        raise SystemExit(f"No se publica ningún enlace a otro archivo: quita {', '.join(links)}.")


def write_board(sources: Path, records: Sequence[Record]) -> None:
    """Escribe el tablero: su gráfico y su tabla, en su página, y la biblioteca que usa."""
    page, static = sources / "tablero.md", sources / "_static"
    picture, alt = board.chart(records)
    (static / "tablero.png").write_bytes(picture)
    width = PIL.Image.open(BytesIO(picture)).width // SHARPNESS
    text = page.read_text(encoding="utf-8")
    text = text.replace("<!-- gráfico -->", image("_static/tablero.png", alt, width))
    text = text.replace("<!-- tabla -->", f"{TOOLBAR}\n{board.table(records)}\n")
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
    text, changed = CHOOSE.subn(lambda _: choices, page.read_text(encoding="utf-8"))
    if changed != 1:
        raise SystemExit(f"{page.name} ya no dice dónde va «Elige tu equipo»: pon sus marcas.")
    page.write_text(text, encoding="utf-8")


def adapt(app: Sphinx, name: str, content: list[str]) -> None:
    """Deja listo para el sitio el texto de una página, que sigue igual en su descarga."""
    if app.env.doc2path(name).suffix != ".ipynb":
        content[0] = moved(content[0])
        return
    notebook = json.loads(content[0])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = moved("".join(cell["source"]))
        for output in cell.get("outputs", []):
            if "data" in output:
                output["data"] = shown(output, app.outdir, "../" * name.count("/"))
    content[0] = json.dumps(notebook)


def moved(text: str) -> str:
    """Cambia los enlaces de una página, que parten de donde está en el repositorio.

    Lo de `site/` queda en la raíz del sitio; lo que no está en él, en el repositorio.
    """
    text = OUTSIDE.sub(rf"]({repository()}/blob/main/\1)", text)
    text = re.sub(r"\]\(((?:\.\./)+)site/", r"](\1", text)
    for folder, place in MOVED.items():
        text = text.replace(f"](../{folder}/", f"]({place}/")
    return text


def shown(output: dict[str, Any], folder: Path, up: str) -> dict[str, str]:
    """Elige lo que se enseña de un resultado; un gráfico se guarda en el sitio, en `folder`.

    De la página a esa carpeta se va por `up`.
    """
    kind = next(kind for kind in SHOWN if kind in output["data"])
    content = "".join(output["data"][kind])
    if kind != "image/png":
        return {kind: content}
    picture, told = b64decode(content), output["metadata"][kind]
    path = folder / "_images" / f"{sha256(picture).hexdigest()[:16]}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    return {"text/html": image(f"{up}_images/{path.name}", told["alt"], told["width"])}


def image(address: str, alt: str, width: int) -> str:
    """Escribe un gráfico en HTML."""
    classes = "grafico dark-light"  # la segunda le pide al tema oscuro que no lo cambie
    return f'<img class="{classes}" src="{address}" alt="{escape(alt)}" width="{width}">'


if __name__ == "__main__":
    destination = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "runs" / "sitio"
    build(destination)
    print(destination / "index.html")
