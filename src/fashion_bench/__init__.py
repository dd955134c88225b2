"""Lo que rodea a la lección: datos, entorno, reloj, registros y gráficos."""

import os
from pathlib import Path

LESSON = "01_fashion_mnist_cnn.ipynb"
"""El cuaderno con la red y los datos."""

MAIN_CHART = "fashion-bench-main"
"""Con esta marca lleva un cuaderno, en sus metadatos, los gráficos de sus resultados."""

FOLDER_VARIABLE = "FASHION_BENCH_FOLDER"
"""Variable con la que el script le dice a su kernel cuál es `PROJECT_DIR`."""

_PACKAGE = Path(__file__).resolve().parent
_SOURCES = _PACKAGE.parents[1]

CHECKOUT = _SOURCES if (_SOURCES / "notebooks" / LESSON).is_file() else None
"""Carpeta del proyecto descargado (`pip install -e .`), si el paquete está en ella."""

ORIGINALS = CHECKOUT or _PACKAGE / "course"
"""Dónde están los cuadernos (`notebooks/`) y los registros (`results/`) que trae el curso.

Si el paquete se instaló suelto, están dentro de él, y ahí no se escribe nunca.
"""


def _project() -> Path:
    here = Path(os.environ.get(FOLDER_VARIABLE) or Path.cwd())
    for folder in (here.parent, here):  # `soluciones/` también tiene un cuaderno 01
        if folder.name == "notebooks" and (folder / LESSON).is_file():
            return folder.parent
    return here


PROJECT_DIR = CHECKOUT or _project()
"""Carpeta en la que quedan `results/` y `runs/`.

Es la del proyecto descargado o, si el paquete se instaló suelto, aquella desde la que se usa: la
que contiene los cuadernos copiados o, si no los hay, la de la terminal.
"""

_COPIED = PROJECT_DIR / "notebooks"

NOTEBOOKS_DIR = _COPIED if (_COPIED / LESSON).is_file() else ORIGINALS / "notebooks"
"""De dónde se leen los cuadernos: los de `PROJECT_DIR` o, si no los tiene, los del paquete."""
