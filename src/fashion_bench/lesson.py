"""La red y los datos del cuaderno 01, sacados de él para medirlos: no se escriben otra vez."""

from contextlib import redirect_stdout
from io import StringIO
from time import perf_counter
from types import SimpleNamespace

import nbformat

from fashion_bench import NOTEBOOKS_DIR

PREPARE = ("parameters", "importar", "datos", "repartir", "lotes", "red", "compilar")
"""Las celdas que preparan los datos y definen la red."""


def load(*cells: str, **parameters: object) -> SimpleNamespace:
    """Ejecuta celdas del cuaderno, por orden.

    Args:
        cells: identificadores de las celdas; sin ninguno, las de `PREPARE`.
        parameters: los que sustituyen a los de la celda `parameters`.

    Returns:
        Lo que esas celdas definen (`make_dataset`, `train_images`…) y, en `cell_seconds`, los
        segundos que ha tardado cada una.
    """
    notebook = nbformat.read(NOTEBOOKS_DIR / "01_fashion_mnist_cnn.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    names: dict[str, object] = {"cell_seconds": {}}
    for cell in cells or PREPARE:
        start = perf_counter()
        with redirect_stdout(StringIO()):
            exec(sources[cell], names)
        names["cell_seconds"][cell] = perf_counter() - start
        if cell == "parameters":
            names.update(parameters)
    return SimpleNamespace(**names)
