"""Las cuentas que se corrigen solas y las apuestas, con lo que de verdad escribe la gente."""

import importlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import nbformat
import pytest
from conftest import NOTEBOOKS

from fashion_bench import lesson
from fashion_bench.errors import TutorialError
from fashion_bench.exercises import sums as exercises
from fashion_bench.exercises.bets import Bets
from fashion_bench.exercises.sums import ARITHMETIC, check, network_tasks
from fashion_bench.experiments import ladder
from fashion_bench.machine import profiling

TASKS = network_tasks() | dict(ARITHMETIC)
EVERY_TASK = pytest.mark.parametrize("name", TASKS)

CONV_1, CONV_2 = "pesos de la primera convolución", "pesos de la segunda convolución"
DENSE = "pesos de la primera densa"
STEPS = "pasos por época con lotes de 128"
TIMES = "veces más rápido si un equipo tarda 12 s y el otro 15 s"
AMDAHL = "veces más rápido un paso si el 80 % de él va el doble de deprisa"
ROUND_UP = "redondea hacia arriba"
RIGHT, SLIP, WRONG = "¡sí!", "casi", "Pista"


@pytest.mark.parametrize(
    ("name", "answer", "verdict", "written"),
    [
        (DENSE, 401_537, WRONG, "401\xa0537"),
        (AMDAHL, 1.67, RIGHT, ""),
        ("pasos por época con lotes de 512", 106, RIGHT, ""),
        # La coma de los decimales y los millares separados.
        (TIMES, (1, 25), RIGHT, "se escribe 1.25"),
        (TIMES, "1,25", RIGHT, "se escribe 1.25"),
        (TIMES, " 1.25 ", RIGHT, "se escribe 1.25"),
        (CONV_2, 18.496, RIGHT, "se escribe 18496"),
        (CONV_2, "18.496", RIGHT, "se escribe 18496"),
        (CONV_2, "18 496", RIGHT, "se escribe 18496"),
        (CONV_2, "18\xa0496", RIGHT, "se escribe 18496"),
        (CONV_2, (18, 496), RIGHT, "se escribe 18496"),
        ("multiplicaciones de la segunda convolución", (3, 612, 672), RIGHT, "3612672"),
        (CONV_2, 18.432, SLIP, "18\xa0432"),
        (TIMES, (0, 8), SLIP, "0.8"),
        # Lo que se escribe nunca se redondea.
        (STEPS, 54_000 / 128, SLIP, f"421.875, un paso a medias también es un paso: {ROUND_UP}"),
        (STEPS, 421.9, SLIP, ROUND_UP),
        (STEPS, 421, SLIP, "el último lote"),
        (STEPS, 420, WRONG, "420 es poco"),
        (STEPS, 469, SLIP, "469, 60\xa0000"),
        (CONV_1, 320.4, WRONG, "320.4 es demasiado"),
    ],
    ids=repr,
)
def test_people_write_numbers_in_their_own_way(
    name: str, answer: object, verdict: str, written: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(name, *answer if isinstance(answer, tuple) else (answer,))
    told = capsys.readouterr().out
    assert [each for each in (RIGHT, SLIP, WRONG) if each in told] == [verdict]
    assert written in told


@pytest.mark.parametrize(
    "answer", ["320 pesos", "", math.nan, math.inf, "inf", True, [320], 320j, (1, "25")], ids=repr
)
def test_an_answer_that_is_not_a_number_is_told(answer: object) -> None:
    with pytest.raises(TutorialError, match=rf"^{CONV_1}: {re.escape(repr(answer))} no es"):
        check(CONV_1, *answer if isinstance(answer, tuple) else (answer,))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("pesos de la primera convolucion", CONV_1),
        ("Pesos de la segunda convolución ", CONV_2),
    ],
)
def test_a_name_that_is_not_right_gets_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(TutorialError, match=f"¿querías decir '{meant}'") as caught:
        check(name, 320)
    assert len(str(caught.value)) < 150
    with pytest.raises(TutorialError, match="¿querías decir"):
        check("xyz", None)


@EVERY_TASK
def test_each_answer_gets_what_it_deserves(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected, why, hint, slips = TASKS[name]
    check(name, expected)
    assert capsys.readouterr().out.endswith(f", porque {why}\n")
    for wrong, told in slips.items():
        check(name, wrong)
        assert capsys.readouterr().out.endswith(f", {told}\n"), wrong
    for wrong, size in ((expected * 7777 + 0.3, "demasiado"), (-1, "poco")):
        check(name, wrong)
        assert capsys.readouterr().out.endswith(f" es {size}. Pista: {hint}\n")


@EVERY_TASK
def test_no_message_gives_the_answer_away(name: str) -> None:
    """Ni la pista ni lo que se dice de un despiste llevan la respuesta escrita."""
    expected, _, hint, slips = TASKS[name]
    answer = f"{expected:.3g}" if expected % 1 else f"{expected:.0f}"
    for text in (hint, *slips.values()):
        assert answer not in re.findall(r"[\d.]+", text.replace(" ", "")), text


@pytest.fixture(params=["la del curso", "otra"])
def network(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[keras.Sequential]:
    """La red del cuaderno 01, o de uno con otra en su celda `red`; lo que dice `load` de ella."""
    if request.param == "otra":
        text = NOTEBOOKS[0].read_text(encoding="utf-8")
        for old, new in (("Conv2D(32", "Conv2D(48"), ("Conv2D(64", "Conv2D(80")):
            text = text.replace(old, new)
        text = text.replace("Dense(128", "Dense(96")
        (tmp_path / lesson.NOTEBOOK).write_text(text, encoding="utf-8")
        monkeypatch.setattr(lesson, "NOTEBOOKS_DIR", tmp_path)
    network_tasks.cache_clear()
    importlib.reload(ladder)
    yield lesson.load("importar", "red").build_model()
    monkeypatch.undo()
    network_tasks.cache_clear()
    importlib.reload(ladder)


def test_the_tasks_and_the_ladder_are_about_the_network_of_the_lesson(
    network: keras.Sequential,
) -> None:
    first, second, dense, _ = [layer for layer in network.layers if layer.weights]
    products = [step.multiply_adds for step in profiling.walk(network) if step.multiply_adds]
    tasks = network_tasks()
    assert [task.expected for task in tasks.values()] == [
        first.count_params(),
        second.count_params(),
        dense.input.shape[1],
        dense.count_params(),
        products[1],
        2 * products[0],
        pytest.approx(2 * products[1] / 1e8),
        pytest.approx(4 * network.count_params() / 1e6),
    ]
    assert f"los {first.filters} filtros" in tasks[CONV_1].why
    assert f"las {dense.units} neuronas" in tasks[DENSE].why
    assert ladder.operations(5) == 5 * 2 * products[1]
    assert second.input.shape[1:] == (ladder.SIDE, ladder.SIDE, ladder.CHANNELS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("layers.Flatten()", "layers.BatchNormalization(), layers.Flatten()"),
        ("layers.MaxPooling2D()", "layers.MaxPooling2D(3)"),
        ('padding=\\"same\\"', 'padding=\\"valid\\"'),
        ("Conv2D(64, 3", "Conv2D(64, 5"),
        ("layers.Dropout(0.4),", ""),
    ],
)
def test_of_another_network_no_sum_is_checked(
    old: str,
    new: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    text = (lesson.NOTEBOOKS_DIR / lesson.NOTEBOOK).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / lesson.NOTEBOOK).write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(lesson, "NOTEBOOKS_DIR", tmp_path)
    check(CONV_1, 320)
    check("mensajes seguidos del anillo con 4 procesos", 6)
    first, second = capsys.readouterr().out.splitlines()
    assert "ya no define la red del curso" in first
    assert "¡sí!" in second


@pytest.mark.parametrize("source", ["Conv2D(", "layers.Conv2D(many, 3)", "keras.Input((28, 28))"])
def test_a_network_without_its_sizes_is_told(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson, "_sources", lambda *_: [source])
    with pytest.raises(TutorialError, match="celda «red»"):
        lesson.sizes()


@pytest.mark.parametrize("path", NOTEBOOKS[1:5], ids=lambda path: path.stem)
def test_the_tasks_of_a_notebook_exist_and_come_without_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    for attended in (False, True):
        monkeypatch.setattr(exercises, "is_attended", lambda told=attended: told)
        exec(cells["cuentas"], {})
        told = capsys.readouterr().out.splitlines()
        assert len(told) == attended * cells["cuentas"].count("None")


BETS = {"Exactitud": 0.9, "Segundos por época": 12, "Cuántas fotos": 3, "Veces": None, "NumPy": 2.5}


def test_bets_are_a_dictionary_of_numbers() -> None:
    assert Bets(BETS) == BETS
    assert Bets({"Exactitud": "0,9", "Segundos": (1, 5), "GFLOP/s": "12 000"}) == {
        "Exactitud": 0.9,
        "Segundos": 1.5,
        "GFLOP/s": 12_000,
    }


@pytest.mark.parametrize(
    ("name", "bet", "told"),
    [
        ("Exactitud de la red densa", 97, r"0\.97\?"),
        ("Exactitud de la red densa", "85,5", r"0\.855\?"),
        ("Exactitud de la red densa", 970, "de 0 a 1"),
        ("Exactitud de la red densa", -0.1, "de 0 a 1"),
        ("Segundos por época", 0, "mayor que 0"),
        ("Segundos por época", -3, "mayor que 0"),
        ("Segundos por época", "doce", "'doce' no es un número"),
        ("Veces más rápido", math.nan, "no es un número"),
        ("Veces más rápido", True, "no es un número"),
        ("Número de errores", 2.5, "entero"),
        ("Cuántas fotos", -1, "entero"),
    ],
)
def test_a_bet_that_cannot_be_is_told_at_once(name: str, bet: object, told: str) -> None:
    with pytest.raises(TutorialError, match=f"^{name}: .*{told}"):
        Bets(BETS | {name: bet})
