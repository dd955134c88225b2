"""Lo que acompaña a los cuadernos: respuestas plegadas, soluciones y glosario."""

import re
import unicodedata
from functools import cache
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT, SOLUTIONS, child_environment
from papermill import execute_notebook
from test_links import markdown

from fashion_bench import lesson

FOLD = re.compile(r"<details><summary>.+?</summary>\n\n.+?\n\n</details>", re.DOTALL)
GLOSSARY = (ROOT / "notebooks" / "glosario.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^- \*\*(.+?)\*\* · \[.+?\]\((.+?)\)\. (.+)$", re.MULTILINE)


def exercises(path: Path) -> list[str]:
    """Los números de los ejercicios de un cuaderno."""
    [section] = re.findall(r"^## [\d. ]*Ejercicios\n(.*?)(?=^## |\Z)", markdown(path), re.M | re.S)
    return re.findall(r"^(\d+)\. ", FOLD.sub("", section), re.M)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_is_solved(path: Path) -> None:
    solution = path.parent / "soluciones" / path.name
    assert exercises(path)
    assert re.findall(r"^## (\d+)\. ", markdown(solution), re.M) == exercises(path)
    assert f"](soluciones/{path.name})" in markdown(path)
    assert f"](../{path.name})" in markdown(solution)


def test_there_are_no_solutions_of_nothing() -> None:
    assert [path.name for path in SOLUTIONS] == [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_is_small(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert len(list(filter(None, cell.source.splitlines()))) <= 20, cell.id
    assert lesson.defaults(notebook)["quick"][0] is False


@pytest.mark.slow
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in child_environment().items():
        monkeypatch.setenv(name, value)
    done = tmp_path / path.name
    execute_notebook(path, done, {"quick": True}, cwd=path.parent, progress_bar=False)
    cells = nbformat.read(done, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert outputs


@pytest.mark.parametrize("path", NOTEBOOKS[1:5], ids=lambda path: path.stem)
def test_every_question_has_its_answer_under_a_fold(path: Path) -> None:
    """Salvo los títulos, que contesta lo de debajo, y los ejercicios, que se resuelven aparte."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"^#+ .*$", "", cell.source, flags=re.M)
            asked = FOLD.sub("", text.partition("Inténtalos antes de mirar")[0])
            assert "¿" not in asked or FOLD.search(text), cell.id
            assert cell.source.count("<details>") == len(FOLD.findall(cell.source)), cell.id


@cache
def whole(path: Path) -> str:
    """Todo lo escrito en un cuaderno, texto y código, sin tildes."""
    return plain("\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells))


def plain(text: str) -> str:
    return unicodedata.normalize("NFD", text.lower()).encode("ascii", "ignore").decode()


def named(term: str, text: str) -> bool:
    """Si un término está en un texto, en singular o en plural."""
    words = r"\s+".join(rf"{re.escape(word)}(?:e?s)?" for word in plain(term).split())
    return bool(re.search(rf"\b{words}(?!\w)", text))


def test_the_glossary_is_in_order_and_every_line_of_it_is_an_entry() -> None:
    terms = [plain(term) for term, _, _ in ENTRY.findall(GLOSSARY)]
    assert terms == sorted(set(terms))
    assert len(terms) == GLOSSARY.count("\n- ")
    assert len(terms) > 60


@pytest.mark.parametrize(("term", "first", "_"), ENTRY.findall(GLOSSARY))
def test_a_term_is_first_used_where_the_glossary_says(term: str, first: str, _: str) -> None:
    """En un texto o en una celda de código; si no sale en ninguno, en la página del proyecto."""
    page = ROOT / "notebooks" / first
    used = [path for path in NOTEBOOKS if named(term, whole(path))]
    if page.suffix == ".md":
        assert not used
        assert named(term, plain(page.read_text(encoding="utf-8")))
    else:
        assert used[0] == page
