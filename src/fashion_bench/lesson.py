"""La red y los datos del cuaderno 01, sacados de él para medirlos: no se escriben otra vez."""

from contextlib import redirect_stdout
from io import StringIO
from time import perf_counter
from types import SimpleNamespace

import nbformat

from fashion_bench import NOTEBOOKS_DIR, parameters

PREPARE = ("importar", "datos", "repartir", "lotes", "red", "compilar")
"""Las celdas que preparan los datos y definen la red."""


def load(*cells: str, **chosen: object) -> SimpleNamespace:
    """Ejecuta la celda de los parámetros del cuaderno y otras, por orden.

    Args:
        cells: identificadores de las otras celdas; sin ninguno, las de `PREPARE`.
        chosen: parámetros que sustituyen a los de su celda.

    Returns:
        Lo que esas celdas definen (`make_dataset`, `train_images`…), los parámetros ya
        comprobados (`config`) y, en `cell_seconds`, los segundos que ha tardado cada celda.

    Raises:
        TutorialError: si un parámetro no vale.
    """
    notebook = nbformat.read(NOTEBOOKS_DIR / "01_fashion_mnist_cnn.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    names: dict[str, object] = {}
    exec(sources["parameters"], names)
    names["config"] = parameters.Training.check(names | chosen)
    seconds: dict[str, float] = {}
    for cell in cells or PREPARE:
        start = perf_counter()
        with redirect_stdout(StringIO()):
            exec(sources[cell], names)
        seconds[cell] = perf_counter() - start
    return SimpleNamespace(**names, cell_seconds=seconds)
