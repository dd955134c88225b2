"""El informe de una ejecución, para compartirlo: una página web y su gráfico principal."""

from base64 import b64decode
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode

from fashion_bench.folders import naming
from fashion_bench.record import MAIN_CHART, MIME, Record

TEMPLATE = Path(__file__).with_name("report.html.j2")


def record_of(notebook: NotebookNode) -> Record | None:
    """Devuelve el registro que enseña un cuaderno ejecutado, esté en la celda que esté.

    Si enseña varios, el último; si ninguno, `None`.
    """
    found = [output.data[MIME] for output in _shown(notebook) if MIME in output.data]
    return Record.model_validate(found[-1]) if found else None


def write(notebook: NotebookNode, executed: Path) -> tuple[Path, Path | None]:
    """Escribe el informe al lado del cuaderno ejecutado.

    La página lleva dentro todo lo que necesita: se abre sin conexión. El código no se ve hasta
    que se pide.

    Args:
        notebook: el cuaderno 01, ejecutado.
        executed: dónde está guardado.

    Returns:
        Las rutas de la página (`.html`) y del gráfico principal (`.png`), que es `None` si el
        cuaderno no lo dibuja.

    Raises:
        OSError: si no se puede escribir.
    """
    exporter = HTMLExporter(raw_template=TEMPLATE.read_text(encoding="utf-8"), language_code="es")
    title = f"Fashion-MNIST contra el reloj, {executed.stem}"
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    html, png = executed.with_suffix(".html"), executed.with_suffix(".png")
    with naming(html):
        html.write_text(page, encoding="utf-8")
    pictures = [
        output.data["image/png"]
        for output in _shown(notebook)
        if output.metadata.get("image/png", {}).get(MAIN_CHART)
    ]
    if not pictures:
        return html, None
    with naming(png):
        png.write_bytes(b64decode(pictures[-1]))
    return html, png


def _shown(notebook: NotebookNode) -> list[NotebookNode]:
    """Los resultados de las celdas que no son solo texto."""
    return [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output
    ]
