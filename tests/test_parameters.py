import ast
import subprocess
import symtable
import sys
from pathlib import Path
from typing import get_args, get_origin

import nbformat
import pytest
from conftest import NOTEBOOK, NOTEBOOKS, Cells, child_environment

from fashion_bench import lesson, parameters
from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends

TRAINING = parameters.DEFAULTS
EXPLANATION = {
    "quick": False,
    "device": "auto",
    "backend": "auto",
    "other_name": "RTX 3060",
    "other_tflops": 12.7,
    "other_gb_per_second": 360.0,
    "other_stack": "tensorflow-windows",
}
COMPARISON = {"results_dir": "../results", "baseline": "", "metric": "median_epoch"}
ACCELERATION = {
    "quick": False,
    "device": "auto",
    "backend": "auto",
    "precision": "auto",
    "seed": 42,
}
DISTRIBUTION = {
    "workers": 2,
    "epochs": 5,
    "batch_size": 128,
    "train_samples": 60_000,
    "device": "auto",
    "seed": 42,
    "address": "",
    "storage": "",
    "machine_name": "",
    "results_dir": "../results",
}
USE = {"quick": False, "device": "auto", "backend": "auto", "seed": 42}
DEFAULTS = {
    parameters.Training: TRAINING,
    parameters.Explanation: EXPLANATION,
    parameters.Comparison: COMPARISON,
    parameters.Acceleration: ACCELERATION,
    parameters.Distribution: DISTRIBUTION,
    parameters.Use: USE,
}
EACH = list(zip(NOTEBOOKS, DEFAULTS, strict=True))
"""Cada cuaderno y la clase de sus parámetros."""


def ids(value: object) -> str:
    return value.name if isinstance(value, Path) else getattr(value, "__name__", repr(value))


@pytest.mark.parametrize(("notebook", "kind"), EACH, ids=ids)
def test_a_notebook_declares_exactly_its_parameters_each_with_its_comment(
    notebook: Path, kind: type[parameters.Checked]
) -> None:
    found = lesson.defaults(nbformat.read(notebook, as_version=4))
    values = {name: value for name, (value, _) in found.items()}
    assert values == DEFAULTS[kind]
    assert values.keys() == kind.model_fields.keys()
    chosen = {"backend": backends.resolve("auto", "auto")} if "backend" in values else {}
    assert kind.check(values).model_dump() == values | chosen
    for name, (_, comment) in found.items():
        assert len(comment.split()) >= 3, name


@pytest.mark.parametrize(("notebook", "kind"), EACH, ids=ids)
def test_the_type_written_beside_a_parameter_is_its_type(
    notebook: Path, kind: type[parameters.Checked]
) -> None:
    written = {
        line.target.id: line.annotation.id
        for line in ast.parse(Cells(notebook).sources["parameters"]).body
    }
    kinds = {name: field.annotation for name, field in kind.model_fields.items()}
    for name, annotation in kinds.items():
        if get_origin(annotation):  # Literal["auto", "cpu"…]
            [annotation] = {type(value) for value in get_args(annotation)}
        assert written[name] == annotation.__name__


def names_in(source: str) -> set[str]:
    """Los nombres que un código lee, asigna o define, de la forma que sea."""
    tables, found = [symtable.symtable(source, "celda", "exec")], set()
    for table in tables:
        found |= set(table.get_identifiers())
        tables += table.get_children()
    return found


@pytest.mark.parametrize(("notebook", "kind"), EACH, ids=ids)
def test_no_other_cell_uses_the_name_of_a_parameter(
    notebook: Path, kind: type[parameters.Checked]
) -> None:
    others = Cells(notebook).sources
    del others["parameters"], others["comprobar"]
    used = {cell: names_in(source) & kind.model_fields.keys() for cell, source in others.items()}
    assert {cell: names for cell, names in used.items() if names} == {}


BAD: list[tuple[str, object]] = [
    *[("epochs", value) for value in (0, -1, 1001, 1.5, "diez", None, True)],
    *[("batch_size", value) for value in (0, -128, 54_001, 12.5, "", [128])],
    *[("train_samples", value) for value in (0, 99, 60_001, 1e9, "todas")],
    *[("device", value) for value in ("tpu", "GPU", "", 0, None)],
    *[("backend", value) for value in ("pytorch", "", None)],
    *[("precision", value) for value in ("float16", "FLOAT32", "", 32)],
    *[("repeats", value) for value in (0, 101, 2.5, "dos")],
    *[("margin", value) for value in (-1, 51, 2.5, "poco")],
    *[("seed", value) for value in (-1, 2**31, 0.5, "azar")],
    *[("photo", value) for value in ("a\x00b", None, b"a")],
    *[("results_dir", value) for value in ("", "a\x00b", None)],
    *[
        ("machine_name", value)
        for value in ("a/b", "a\\b", "<b>", "$x$", "a\nb", "\u202eabc", "x" * 61, None)
    ],
]
BAD_ELSEWHERE = [
    *[(parameters.Comparison, "results_dir", value) for value in ("", None)],
    *[(parameters.Comparison, "baseline", value) for value in ("a/b", None)],
    *[(parameters.Comparison, "metric", value) for value in ("segundos", "", 1)],
    *[(parameters.Acceleration, "quick", value) for value in ("sí", 1)],
    (parameters.Acceleration, "device", "tpu"),
    (parameters.Acceleration, "precision", "mixed_float16"),
    (parameters.Acceleration, "seed", -1),
    *[(parameters.Distribution, "workers", value) for value in (1, 65, 2.0)],
    *[
        (parameters.Distribution, "address", value)
        for value in ("ray://192.168.1.10:10001", "192.168.1.10", "pc:123456")
    ],
    *[(parameters.Use, "quick", value) for value in ("sí", 1)],
    *[(parameters.Use, "device", value) for value in ("gpu", "")],
    (parameters.Use, "seed", -1),
    (parameters.Distribution, "storage", "\0"),
    (parameters.Distribution, "epochs", 0),
    (parameters.Distribution, "machine_name", "a/b"),
    (parameters.Distribution, "results_dir", ""),
]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [*[(parameters.Training, *bad) for bad in BAD], *BAD_ELSEWHERE],
    ids=ids,
)
def test_a_bad_value_is_refused_naming_parameter_value_and_what_is_allowed(
    kind: type[parameters.Checked], name: str, value: object
) -> None:
    with pytest.raises(TutorialError) as caught:
        kind.check(DEFAULTS[kind] | {name: value})
    allowed = kind.model_fields[name].description
    told = str(caught.value)
    assert told.startswith(f"{name}={value!r} no es válido: ")
    assert told.endswith(f"debe ser {allowed}.")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (parameters.Training, "machine_name", "PC de María #2 (aula=3)"),
        (parameters.Training, "seed", 0),
        *[(parameters.Training, "margin", margin) for margin in (0, 50)],
        (parameters.Comparison, "baseline", "20261123T162119Z-685e8f16"),
        (parameters.Distribution, "address", "mi-pc.local:6379"),
        (parameters.Distribution, "storage", "/mnt/compartida"),
    ],
)
def test_a_good_value_is_kept(kind: type[parameters.Checked], name: str, value: object) -> None:
    assert getattr(kind.check(DEFAULTS[kind] | {name: value}), name) == value


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *[(parameters.Training, name) for name in ("machine_name", "photo", "results_dir")],
        *[(parameters.Comparison, name) for name in ("baseline", "results_dir")],
        *[(parameters.Distribution, name) for name in ("machine_name", "storage", "results_dir")],
    ],
)
def test_a_text_that_papermill_takes_for_something_else_is_a_text(
    kind: type[parameters.Checked], name: str
) -> None:
    for value in (3060, 0.5, True):
        assert getattr(kind.check(DEFAULTS[kind] | {name: value}), name) == str(value)


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(TutorialError) as caught:
        parameters.Training.check(TRAINING | {"epochs": 0, "device": "tpu"})
    assert len(str(caught.value).splitlines()) == 2


def test_a_long_bad_value_is_cut() -> None:
    with pytest.raises(TutorialError) as caught:
        parameters.Training.check(TRAINING | {"machine_name": "x" * 10_000})
    assert len(str(caught.value)) < 250


def test_a_batch_larger_than_the_training_part_is_refused() -> None:
    few = {"train_samples": 100}
    for kind in (parameters.Training, parameters.Distribution):
        with pytest.raises(
            TutorialError, match=r"^batch_size=91 no es válido: debe ser como mucho 90,"
        ):
            kind.check(DEFAULTS[kind] | few | {"batch_size": 91})
        assert kind.check(DEFAULTS[kind] | few | {"batch_size": 90}).batch_size == 90


def test_every_worker_has_images_in_every_step() -> None:
    with pytest.raises(
        TutorialError, match=r"^batch_size=15 no es válido: .* debe ser al menos 16,"
    ):
        parameters.Distribution.check(DISTRIBUTION | {"workers": 8, "batch_size": 15})
    parameters.Distribution.check(DISTRIBUTION | {"workers": 8, "batch_size": 16})


def test_of_the_other_names_of_the_notebook_nothing_is_said() -> None:
    given = TRAINING | {"backend": "jax"}
    assert parameters.Training.check(given | {"np": object()}).model_dump() == given


def test_without_the_parameters_cell_one_sentence_is_told() -> None:
    with pytest.raises(TutorialError) as told:
        parameters.Training.check({})
    [line] = str(told.value).splitlines()
    assert line.startswith("Faltan device, backend, epochs, ")


def test_a_missing_parameter_is_told() -> None:
    some = {name: value for name, value in TRAINING.items() if name != "seed"}
    with pytest.raises(TutorialError, match=r"^Falta seed: ejecuta antes la celda de los par"):
        parameters.Training.check(some)


def test_text_from_the_command_line_gets_its_type() -> None:
    given = TRAINING | {"backend": "jax"}
    texts = {name: str(value) for name, value in given.items()}
    assert parameters.Training.check(texts, strings=True).model_dump() == given
    with pytest.raises(TutorialError, match=r"^epochs='1\.5' no es válido"):
        parameters.Training.check(texts | {"epochs": "1.5"}, strings=True)


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("photo", "/no/existe.jpg"), ("results_dir", "/no/existe")]
)
def test_the_checking_cell_refuses_a_bad_value(name: str, value: object) -> None:
    """De un parámetro, lo que dice su clase; de una foto y de una carpeta, además, si están."""
    with pytest.raises(TutorialError, match=f"^{name}={value!r} no es válido: "):
        Cells(NOTEBOOK, **{name: value}).run("comprobar")


WITHOUT_TENSORFLOW = """
import sys
for cells in sys.argv[1:]:
    exec(cells, {})
print({*sys.modules} & {"tensorflow", "keras", "torch", "jax"})
"""


def test_the_checking_cells_come_first_and_do_without_tensorflow() -> None:
    first = []
    for notebook in NOTEBOOKS:
        cells = Cells(notebook).sources
        order = list(cells)
        last = order.index("comprobar")
        assert order[last - 1] == "parameters"
        first.append("\n".join(cells[cell] for cell in order[: last + 1]))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *first],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=NOTEBOOK.parent,
        env=child_environment(),
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.slow
def test_papermill_stops_at_the_checking_cell_with_its_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "papermill", NOTEBOOK, tmp_path / "01.ipynb"),
            *("-p", "epochs", "0", "-p", "machine_name", "3060"),
            *("--no-progress-bar", "--log-level", "ERROR"),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(),
    )
    cells = nbformat.read(tmp_path / "01.ipynb", as_version=4).cells
    tried = [cell.id for cell in cells if cell.get("execution_count")]
    assert tried[-1] == "comprobar"
    assert done.returncode == 1
    assert "epochs=0 no es válido: debe ser un número entero de 1 a 1000." in done.stderr
    assert "machine_name=" not in done.stderr
    assert "Traceback (most recent call last):\n  Cell" not in done.stderr
