import math
import re
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOKS

from fashion_bench import exercises, lesson
from fashion_bench.errors import TutorialError
from fashion_bench.exercises import TASKS, check

EVERY_TASK = pytest.mark.parametrize("task", TASKS)


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("pesos de la primera convolución", 320),
        ("pesos de la segunda convolución", 18_496),
        ("números que entran en la primera densa", 3136),
        ("pesos de la primera densa", 401_536),
        ("multiplicaciones de la segunda convolución", 3_612_672),
        ("operaciones por foto de la primera convolución", 451_584),
        ("milésimas de segundo de la segunda convolución a 100 GFLOP/s", 0.072),
        ("imágenes/s si una época de 54 000 imágenes dura 12 s", 4500),
        ("pasos por época con lotes de 128", 422),
        ("pasos por época con lotes de 512", 106),
        ("veces más rápido un paso si el 80 % de él va el doble de deprisa", 5 / 3),
        ("MB de los gradientes de la red", 1.7),
        ("mensajes seguidos del anillo con 4 procesos", 6),
    ],
)
def test_the_formulas_give_what_is_worked_out_apart(
    task: str, answer: float, capsys: pytest.CaptureFixture[str]
) -> None:
    check(task, answer)
    assert capsys.readouterr().out.startswith(f"{task}: ¡sí! ")


def test_the_tasks_are_about_the_network_of_the_lesson() -> None:
    model = lesson.load("importar", "red").build_model()
    learning = [layer for layer in model.layers if layer.weights]
    assert [layer.count_params() for layer in learning[:3]] == [
        exercises.FIRST_WEIGHTS,
        exercises.SECOND_WEIGHTS,
        exercises.DENSE_WEIGHTS,
    ]
    assert model.count_params() == exercises.WEIGHTS
    assert learning[2].input.shape[1] == exercises.FLATTENED
    assert learning[0].output.shape[1:] == (exercises.FIRST_SIDE,) * 2 + (exercises.FILTERS[0],)
    assert learning[1].output.shape[1:] == (exercises.SECOND_SIDE,) * 2 + (exercises.FILTERS[1],)


@EVERY_TASK
def test_each_answer_gets_what_it_deserves(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected, why, hint, slips = TASKS[task]
    check(task, expected)
    assert capsys.readouterr().out.endswith(f", porque {why}\n")
    for wrong, told in slips.items():
        check(task, wrong)
        assert capsys.readouterr().out.endswith(f", {told}\n"), wrong
    for wrong, size in ((expected * 7777 + 0.3, "demasiado"), (-1, "poco")):
        check(task, wrong)
        assert capsys.readouterr().out.endswith(f" es {size}. Pista: {hint}\n")


@EVERY_TASK
def test_no_message_gives_the_answer_away(task: str) -> None:
    """Ni la pista ni lo que se dice de un despiste llevan la respuesta escrita."""
    expected, _, hint, slips = TASKS[task]
    answer = f"{expected:.3g}" if expected % 1 else f"{expected:.0f}"
    for text in (hint, *slips.values()):
        assert answer not in re.findall(r"[\d.]+", text.replace(" ", "")), text


def test_an_integer_has_to_be_exact_and_the_rest_only_close(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check("pesos de la primera densa", 401_537)
    check("veces más rápido un paso si el 80 % de él va el doble de deprisa", 1.67)
    first, second = capsys.readouterr().out.splitlines()
    assert "¡sí!" not in first
    assert "¡sí!" in second
    check("pesos de la primera densa", math.nan)
    assert "¡sí!" not in capsys.readouterr().out


def test_an_unknown_task_names_the_ones_there_are() -> None:
    with pytest.raises(TutorialError) as caught:
        check("pesos", 320)
    assert all(task in str(caught.value) for task in TASKS)


def test_an_answer_that_is_not_a_number_is_told() -> None:
    with pytest.raises(TutorialError, match=r"^'320 pesos' no es válido: escribe un número"):
        check("pesos de la primera convolución", "320 pesos")


@pytest.mark.parametrize("path", NOTEBOOKS[1:5], ids=lambda path: path.stem)
def test_the_tasks_of_a_notebook_exist_and_come_without_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exercises, "is_attended", lambda: True)
    cells = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    exec(cells["cuentas"], {})
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 3
    assert all("cambia None por tu respuesta" in line for line in lines)


def test_without_anybody_to_answer_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    for task in TASKS:
        check(task, None)
    assert capsys.readouterr().out == ""
