"""El orden en el que el script ejecuta las celdas: el mismo cuaderno, con otro turno."""

from pathlib import Path

import nbformat
from nbformat import v4

from fashion_bench import lesson
from fashion_bench.script import order


def cell(name: str, *tags: str, source: str = "") -> nbformat.NotebookNode:
    return v4.new_code_cell(source, id=name, metadata={"tags": [*tags]})


def names(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.id for cell in notebook.cells]


NOTEBOOK = v4.new_notebook(
    cells=[
        cell("parametros", "parameters"),
        cell("dibujo", "can-wait"),
        cell("red"),
        cell("otro", "can-wait"),
        cell("entrenar"),
        cell("nota"),
    ]
)


def test_what_can_wait_is_done_right_after_training() -> None:
    assert names(order.training_first(NOTEBOOK)) == [
        "parametros", "red", "entrenar", "dibujo", "otro", "nota",
    ]  # fmt: skip
    assert names(NOTEBOOK)[1] == "dibujo"  # el de partida no cambia


def test_only_after_training_a_cell_may_fail_without_stopping_the_others() -> None:
    told = [order.ANYWAY in cell.metadata.tags for cell in order.training_first(NOTEBOOK).cells]
    assert told == [False] * 3 + [True] * 3


def test_without_the_training_cell_the_order_stays() -> None:
    cut = v4.new_notebook(cells=[cell("red"), cell("dibujo", "can-wait"), cell("nota")])
    assert names(order.training_first(cut)) == names(cut)


def test_an_executed_notebook_goes_back_to_the_order_of_the_lesson(tmp_path: Path) -> None:
    executed = order.training_first(NOTEBOOK)
    executed.cells = [*executed.cells]
    executed.cells.insert(1, cell("nueva", "injected-parameters"))
    path = tmp_path / "ejecutado.ipynb"
    nbformat.write(executed, path)
    told = order.restore(path, NOTEBOOK)
    expected = names(NOTEBOOK)
    expected.insert(1, "nueva")
    assert names(told) == names(nbformat.read(path, as_version=4)) == expected
    assert not [each for each in told.cells if order.ANYWAY in each.metadata.tags]


def test_the_lesson_says_what_can_wait() -> None:
    notebook = lesson.read()
    moved = names(order.training_first(notebook))
    waiting = [
        each.id for each in notebook.cells if order.CAN_WAIT in each.metadata.get("tags", [])
    ]
    assert waiting
    place = moved.index(order.TRAINING) + 1
    assert moved[place : place + len(waiting)] == waiting
