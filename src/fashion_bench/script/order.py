"""En qué orden ejecuta el script las celdas del cuaderno: las que pueden esperar, tras entrenar."""

from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fashion_bench.folders import write_atomically

TRAINING = "entrenar"
"""El identificador de la celda que entrena."""

CAN_WAIT = "can-wait"
"""La etiqueta de una celda que no hace falta para entrenar: ni a esa celda ni a las de antes."""

ANYWAY = "raises-exception"
"""La etiqueta con la que Jupyter, si una celda falla, ejecuta las siguientes."""


def training_first(notebook: NotebookNode) -> NotebookNode:
    """Devuelve el cuaderno con las celdas que pueden esperar justo detrás de la que entrena.

    De las que van tras ella, la que falle no detiene a las demás: lo entrenado ya está ahí. Si esa
    celda no está, porque alguien la ha quitado, el orden no cambia.
    """
    cells = notebook.cells
    places = [place for place, cell in enumerate(cells) if cell.id == TRAINING]
    if not places:
        return notebook
    before, after = cells[: places[0]], cells[places[0] + 1 :]
    waiting = [cell for cell in before if CAN_WAIT in cell.metadata.get("tags", [])]
    soon = [cell for cell in before if cell not in waiting]
    later = deepcopy([*waiting, *after])
    for cell in later:
        cell.metadata.tags = [*cell.metadata.get("tags", []), ANYWAY]
    return NotebookNode(notebook | {"cells": [*soon, cells[places[0]], *later]})


def restore(path: Path, notebook: NotebookNode) -> NotebookNode:
    """Devuelve a su orden, el de `notebook`, las celdas de un cuaderno ejecutado, y lo guarda.

    Las celdas que papermill le ha añadido siguen a la misma de antes.

    Raises:
        OSError: si no se puede leer o escribir.
    """
    executed = nbformat.read(path, as_version=4)
    places = {cell.id: place for place, cell in enumerate(notebook.cells)}
    last, order = -1, {}
    for cell in executed.cells:
        if ANYWAY in cell.metadata.get("tags", []):
            cell.metadata.tags.remove(ANYWAY)
        last = places.get(cell.id, last)
        order[cell.id] = last
    executed.cells.sort(key=lambda cell: order[cell.id])
    write_atomically(path, nbformat.writes(executed) + "\n")
    return executed
