"""El informe de una ejecución, para compartirlo: una página web y su gráfico principal."""

from base64 import b64decode
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode

TEMPLATE = Path(__file__).with_name("report.html.j2")
MAIN_CHART = "equipos"
"""Celda del cuaderno 01 que compara este equipo con los demás."""


def write(notebook: NotebookNode, executed: Path) -> tuple[Path, Path]:
    """Escribe el informe al lado del cuaderno ejecutado.

    La página lleva dentro todo lo que necesita: se abre sin conexión. El código no se ve hasta
    que se pide.

    Args:
        notebook: el cuaderno 01, ejecutado.
        executed: dónde está guardado.

    Returns:
        Las rutas de la página (`.html`) y del gráfico principal (`.png`).

    Raises:
        OSError: si no se puede escribir.
    """
    exporter = HTMLExporter(raw_template=TEMPLATE.read_text(encoding="utf-8"), language_code="es")
    title = f"Fashion-MNIST contra el reloj, {executed.stem}"
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    html, png = executed.with_suffix(".html"), executed.with_suffix(".png")
    html.write_text(page, encoding="utf-8")
    [cell] = [cell for cell in notebook.cells if cell.id == MAIN_CHART]
    [picture] = [output.data["image/png"] for output in cell.outputs if "data" in output]
    png.write_bytes(b64decode(picture))
    return html, png
