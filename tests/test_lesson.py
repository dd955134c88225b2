import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from conftest import weights
from nbformat import NotebookNode, v4

from fashion_bench import NOTEBOOKS_DIR, lesson
from fashion_bench.errors import TutorialError
from fashion_bench.script import order

RESTORE = f"corrígelo o recupéralo con «git restore notebooks/{lesson.NOTEBOOK}»."


def notebook_with(*sources: str) -> NotebookNode:
    """Un cuaderno con una celda de parámetros por cada texto."""
    return v4.new_notebook(
        cells=[v4.new_code_cell(source, metadata={"tags": ["parameters"]}) for source in sources]
    )


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Una copia del cuaderno 01 que se puede estropear y que es la que se lee."""
    copy = tmp_path / lesson.NOTEBOOK
    copy.write_bytes((NOTEBOOKS_DIR / lesson.NOTEBOOK).read_bytes())
    monkeypatch.setattr(lesson, "NOTEBOOKS_DIR", tmp_path)
    return copy


def test_of_each_parameter_its_value_and_what_is_told_of_it_are_read() -> None:
    source = """# título

epochs: int = 2 * 5  # pasadas (antes = 5)
machine_name: str = "PC #2"  # su nombre
seed: int = 1"""
    assert lesson.defaults(notebook_with(source)) == {
        "epochs": (10, "pasadas (antes = 5)"),
        "machine_name": ("PC #2", "su nombre"),
        "seed": (1, ""),
    }


@pytest.mark.parametrize(
    "sources",
    [
        *([bad] for bad in ("epochs: int =", "epochs: int = diez", "epochs: int = 1 / 0", "%time")),
        *([], ["epochs: int = 1", "seed: int = 1"]),
    ],
)
def test_without_one_parameters_cell_of_python_it_is_told(sources: list[str]) -> None:
    with pytest.raises(TutorialError, match=re.escape(RESTORE)):
        lesson.defaults(notebook_with(*sources))


def test_what_papermill_injected_the_last_time_is_ignored(saved: Path) -> None:
    before = lesson.read()
    notebook = json.loads(saved.read_text(encoding="utf-8"))
    injected = v4.new_code_cell("epochs = 1", metadata={"tags": ["injected-parameters"]})
    at = next(n for n, cell in enumerate(notebook["cells"]) if cell["id"] == "parameters")
    notebook["cells"].insert(at + 1, injected)
    saved.write_text(json.dumps(notebook), encoding="utf-8")
    assert lesson.read() == before


def lose_ids(notebook: dict) -> None:
    for cell in notebook["cells"]:
        del cell["id"]


def number_ids(notebook: dict) -> None:
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = str(number)


def lose_metadata(notebook: dict) -> None:
    number_ids(notebook)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    notebook["metadata"] = {}


def random_ids(notebook: dict) -> None:
    """Como Colab: identificadores al azar y otra copia en los metadatos."""
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"{number:012x}"
        cell["metadata"] |= {"id": cell["id"], "colab": {"base_uri": "https://localhost/"}}


@pytest.mark.parametrize(
    ("rewrite", "minor", "encoding"),
    [
        (lose_ids, 4, "utf-8"),
        (lose_ids, 5, "utf-8"),
        (number_ids, 5, "utf-8"),
        (random_ids, 5, "utf-8"),
        (lose_metadata, 5, "utf-8"),
        (lambda notebook: None, 5, "utf-8-sig"),
    ],
    ids=["nbformat 4.4", "sin id", "nbstripout", "Colab", "nb-clean", "PowerShell"],
)
def test_a_notebook_rewritten_by_another_program_is_the_same(
    saved: Path, rewrite: Callable[[dict], None], minor: int, encoding: str
) -> None:
    before = lesson.read()
    notebook = json.loads(saved.read_text(encoding="utf-8")) | {"nbformat_minor": minor}
    rewrite(notebook)
    saved.write_text(json.dumps(notebook), encoding=encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after = lesson.read()
    nbformat.validate(after)
    assert [cell.source for cell in after.cells] == [cell.source for cell in before.cells]
    assert lesson.defaults(after) == lesson.defaults(before)
    names = lesson.load(train_samples=500, batch_size=50)
    assert names.compile_model(names.build_model()).count_params() == weights()
    again = order.training_first(after)
    assert [cell.id for cell in again.cells].index(order.TRAINING) > 10


def test_a_broken_notebook_is_told(saved: Path) -> None:
    saved.write_text("<<<<<<< HEAD\n" + saved.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(TutorialError, match=f"^{lesson.NOTEBOOK} no es JSON válido: {RESTORE}$"):
        lesson.read()
    saved.unlink()
    with pytest.raises(TutorialError, match=rf"no se puede leer \(no existe\): {RESTORE}$"):
        lesson.read()


def test_load_runs_in_silence_the_cells_of_the_lesson_with_the_chosen_parameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loaded = lesson.load(train_samples=500, batch_size=50)
    assert (loaded.config.train_samples, loaded.config.seed) == (500, 42)
    assert loaded.train_images.shape == (450, 28, 28)
    assert len(loaded.make_dataset(loaded.train_images, loaded.train_labels)) == 9
    assert loaded.compile_model(loaded.build_model()).count_params() == weights()
    assert capsys.readouterr().out == ""


def test_load_refuses_a_bad_parameter_before_any_cell() -> None:
    with pytest.raises(TutorialError, match="epochs=0 no es válido"):
        lesson.load("convolucion", epochs=0)  # que, sin las anteriores, fallaría


def test_a_notebook_borrows_cells_of_another_one(capsys: pytest.CaptureFixture[str]) -> None:
    name = "02_por_que_gana_la_gpu.ipynb"
    borrowed = lesson.borrow(name, "comprobar", quick=True, other_name="Otra")
    assert borrowed.batches == [1, 16, 64, 256]
    assert borrowed.config.other_name == "Otra"
    assert capsys.readouterr().out == ""
    with pytest.raises(TutorialError, match=rf"^{name} no tiene la celda «x»: "):
        lesson.borrow(name, "comprobar", "x")
