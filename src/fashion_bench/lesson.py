"""La red y los datos del cuaderno 01, sacados de él para medirlos: no se escriben otra vez."""

import re
import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from types import SimpleNamespace

import nbformat

from fashion_bench import LESSON, NOTEBOOKS_DIR, install, parameters
from fashion_bench.errors import TutorialError, cause

NOTEBOOK = LESSON
PREPARE = ("importar", "datos", "repartir", "lotes", "red", "compilar")
"""Las celdas que preparan los datos y definen la red."""

MARKS = {
    "importar": "backends.prepare(",
    "datos": "= data.load()",
    "red": "def build_model(",
    "repartir": "data.stratified_sample(",
    "lotes": "def make_dataset(",
    "compilar": "def compile_model(",
    "calentar": "def prepare(",
    "entrenar": "with Recorder(",
}
"""Lo que hay en algunas celdas del cuaderno 01 y en ninguna otra: así se las conoce si un programa
(nbstripout, jupytext o un editor) les ha cambiado el identificador."""


LAYERS = "Rescaling Conv2D MaxPooling2D Conv2D MaxPooling2D Flatten Dense Dropout Dense"
"""Las capas de la red del curso."""


def read(name: str = NOTEBOOK) -> nbformat.NotebookNode:
    """Lee un cuaderno de `notebooks/`, sin los parámetros que papermill le haya inyectado.

    Si otro programa ha quitado los identificadores o las etiquetas de sus celdas, devuelve los que
    hacen falta.

    Raises:
        TutorialError: si no está o no es un cuaderno.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # otro editor puede haber quitado los identificadores
            text = (NOTEBOOKS_DIR / name).read_text(encoding="utf-8-sig")
            notebook = nbformat.reads(text, as_version=4)
            notebook = nbformat.v4.upgrade(notebook)
    except OSError as error:
        raise _damaged(f"no se puede leer ({cause(error)})", name) from None
    except ValueError:  # por ejemplo, con las marcas de una mezcla de git a medias
        raise _damaged("no es JSON válido", name) from None
    notebook.cells = [cell for cell in notebook.cells if not _has_tag(cell, "injected-parameters")]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    known = {cell.get("id") for cell in code}
    for lost in MARKS.keys() - known if name == NOTEBOOK else ():
        for cell in code:
            if MARKS[lost] in cell.source:
                cell.id = lost
    if not any(_has_tag(cell, "parameters") for cell in code):
        typed = [cell for cell in code if re.fullmatch(r"(\w+: \w+ = .*\s*)+", cell.source)]
        for cell in typed[:1]:
            cell.metadata.tags = [*cell.metadata.get("tags", []), "parameters"]
    return notebook


def defaults(notebook: nbformat.NotebookNode) -> dict[str, tuple[object, str]]:
    """Lee de la celda de los parámetros, por orden, sus valores y lo que se dice de cada uno.

    Raises:
        TutorialError: si no hay una celda con la etiqueta `parameters` o no es Python válido.
    """
    cells = [cell for cell in notebook.cells if _has_tag(cell, "parameters")]
    if len(cells) != 1:
        raise _damaged(f"tiene {len(cells)} celdas con la etiqueta «parameters», y debe tener una")
    values = dict[str, object]()
    try:
        exec(cells[0].source, values)
    except (ArithmeticError, NameError, SyntaxError, TypeError, ValueError) as error:
        raise _damaged(f"tiene una celda de parámetros que no es Python válido ({error})") from None
    comments = dict(re.findall(r"^(\w+).*  # (.+)$", cells[0].source, re.MULTILINE))
    return {
        name: (value, comments.get(name, ""))
        for name, value in values.items()
        if not name.startswith("__")
    }


def load(*cells: str, **chosen: object) -> SimpleNamespace:
    """Comprueba los parámetros del cuaderno 01 y ejecuta sus celdas, por orden.

    Como `borrow`, pero sin `cells` son las de `PREPARE`, y deja los parámetros en `config`.

    Raises:
        TutorialError: si un parámetro no vale o falta una celda.
    """
    values = {name: default for name, (default, _) in defaults(read()).items()}
    config = parameters.Training.check(values | chosen)
    return borrow(NOTEBOOK, *(cells or PREPARE), config=config, **chosen)


def borrow(name: str, *cells: str, **chosen: object) -> SimpleNamespace:
    """Ejecuta en silencio unas celdas de un cuaderno, para no escribir otra vez lo que definen.

    Args:
        name: el cuaderno, de la carpeta `notebooks/`.
        cells: los identificadores de sus celdas, por orden.
        chosen: parámetros que sustituyen a los de su celda, y lo demás que las celdas necesiten.

    Raises:
        TutorialError: si falta el cuaderno o una celda.
    """
    notebook = read(name)
    names = {parameter: default for parameter, (default, _) in defaults(notebook).items()} | chosen
    with redirect_stdout(StringIO()):
        for source in _sources(notebook, name, cells):
            exec(source, names)
    return SimpleNamespace(**names)


def sizes() -> tuple[int, int, list[int], int]:
    """Lee los tamaños de la red en la celda `red`, sin ejecutarla ni importar Keras.

    Returns:
        Los lados de una foto y de los filtros, los filtros de cada convolución y las neuronas de
        la primera densa.

    Raises:
        TutorialError: si la celda falta o no los escribe con números.
    """
    source = _network_cell()
    sides = re.findall(r"\bInput\(\((\d+)", source)
    filters = re.findall(r"\bConv2D\((\d+), (\d+)", source)
    neurons = re.findall(r"\bDense\((\d+)", source)
    if not (sides and filters and neurons) or len(filters) != source.count("Conv2D("):
        raise _damaged("no dice con números, en la celda «red», los tamaños de su red")
    return int(sides[0]), int(filters[0][1]), [int(each) for each, _ in filters], int(neurons[0])


def changed() -> bool:
    """Dice si las capas de la celda `red` ya no son las del curso, sean como sean de grandes."""
    source = _network_cell()
    kinds = " ".join(re.findall(r"layers\.(\w+)\(", source))
    sides = re.findall(r'Conv2D\(\d+, (\d+), padding="same", activation', source)
    pools = source.count("MaxPooling2D()")
    return kinds != LAYERS or pools != 2 or len(sides) != 2 or sides[0] != sides[1]


def _network_cell() -> str:
    """La celda `red`: la última que se ha ejecutado en este kernel o, si no, la del cuaderno."""
    from IPython import get_ipython

    shell = get_ipython()
    ran = [each for each in (shell.user_ns["In"] if shell else []) if MARKS["red"] in each]
    return ran[-1] if ran else _sources(read(), NOTEBOOK, ["red"])[0]


def _sources(notebook: nbformat.NotebookNode, name: str, cells: Iterable[str]) -> list[str]:
    found = {cell.get("id"): cell.source for cell in notebook.cells}
    if missing := [cell for cell in cells if cell not in found]:
        raise _damaged(f"no tiene la celda «{missing[0]}»", name)
    return [found[cell] for cell in cells]


def _has_tag(cell: nbformat.NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def _damaged(what: str, name: str = NOTEBOOK) -> TutorialError:
    recover = install.restore(f"notebooks/{name}")
    return TutorialError(f"{name} {what}: corrígelo o recupéralo {recover}.")
