"""La página de una clase: el cuaderno 03, ejecutado con los registros de una carpeta."""

from contextlib import closing
from copy import deepcopy
from datetime import date
from pathlib import Path

from nbformat import NotebookNode, v4
from papermill import PapermillExecutionError, execute_notebook

from fashion_bench import FOLDER_VARIABLE, NOTEBOOKS_DIR, PROJECT_DIR, install, lesson
from fashion_bench.compare import files
from fashion_bench.errors import TutorialError, cause
from fashion_bench.folders import portable, shown, write_atomically
from fashion_bench.script import report
from fashion_bench.script.kernel import Kernel

NOTEBOOK = "03_comparar_equipos.ipynb"
PAGE = "comparacion.html"
VERDICTS = ("tablas", "barras")
"""Las celdas que dicen quién gana: la página empieza por ellas."""


def compare(folder: Path) -> Path:
    """Compara los registros de una carpeta en una página, que deja donde estás, y da su ruta.

    Si ya la había, la sustituye.

    Raises:
        TutorialError: si en la carpeta no hay registros o no se puede hacer la página.
    """
    if not files.load_folder(folder)[0]:
        raise TutorialError(
            f"En {shown(folder)} no hay ningún registro que se pueda leer; escribe la ruta de una "
            "carpeta con los registros de cada equipo, que los deja en results/."
        )
    page = Path.cwd() / PAGE
    content = report.page(_executed(folder), "Comparación de equipos")
    try:
        return write_atomically(page, content)
    except OSError as error:
        raise TutorialError(
            f"No se puede escribir {shown(page)} ({cause(error)}); ejecuta la orden en otra "
            "carpeta, libera espacio o cambia los permisos."
        ) from None


def _executed(folder: Path) -> NotebookNode:
    """El cuaderno ejecutado, con los veredictos delante y sin decir de qué carpeta salen."""
    with closing(Kernel({FOLDER_VARIABLE: str(PROJECT_DIR)})) as kernel:
        try:
            executed = execute_notebook(
                lesson.read(NOTEBOOK),
                None,
                {"results_dir": portable(folder)},
                kernel_name="python3",
                language="python",
                cwd=NOTEBOOKS_DIR,
                progress_bar=False,
                km=kernel,
            )
        except (PapermillExecutionError, RuntimeError) as error:
            raise TutorialError(
                f"El cuaderno {NOTEBOOK} ha fallado ({getattr(error, 'evalue', error)}); si lo has "
                f"cambiado, recupéralo {install.restore(f'notebooks/{NOTEBOOK}')}."
            ) from None
    executed.cells = [
        cell
        for cell in executed.cells
        if "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    verdicts = deepcopy([cell for cell in executed.cells if cell.id in VERDICTS])
    for cell in verdicts:
        cell.id = f"{cell.id}-delante"
    title = v4.new_markdown_cell(f"# Comparación de equipos, {date.today()}")
    executed.cells[0].source = executed.cells[0].source.replace("# ", "## La lección: ", 1)
    executed.cells = [title, *verdicts, *executed.cells]
    return executed
