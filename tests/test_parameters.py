import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOK, child_environment, run_script
from papermill import inspect_notebook

from fashion_bench import cli, parameters
from fashion_bench.errors import TutorialError

GOOD = {
    "epochs": 10,
    "batch_size": 128,
    "train_samples": 60_000,
    "device": "auto",
    "backend": "tensorflow",
    "precision": "float32",
    "repeats": 1,
    "seed": 42,
    "machine_name": "",
    "photo": "",
    "results_dir": "../results",
}

BAD = [
    *[("epochs", value) for value in (0, -1, 1001, 1.5, "diez", None, True)],
    *[("batch_size", value) for value in (0, -128, 54_001, 12.5, "", [])],
    *[("train_samples", value) for value in (0, 99, 60_001, 1e9, "todas")],
    *[("device", value) for value in ("tpu", "GPU", "", 0, None)],
    *[("backend", value) for value in ("pytorch", "", None)],
    *[("precision", value) for value in ("float16", "FLOAT32", "", 32)],
    *[("repeats", value) for value in (0, 101, 2.5, "dos")],
    *[("seed", value) for value in (-1, 2**31, 0.5, "azar")],
    *[
        ("machine_name", value)
        for value in ("a/b", "a\\b", "<b>", "$x$", "a\nb", "\x1b[31m", "\u202eabc", "x" * 61, 3)
    ],
    *[("results_dir", value) for value in ("", "a\x00b", 3, None)],
]


def test_the_notebook_declares_exactly_these_parameters_and_defaults() -> None:
    found = {
        name: ast.literal_eval(info["default"]) for name, info in inspect_notebook(NOTEBOOK).items()
    }
    assert found == GOOD
    assert list(parameters.Training.model_fields) == list(GOOD)
    assert parameters.Training.check(**GOOD).model_dump() == GOOD


def test_every_parameter_has_spanish_help_and_a_type() -> None:
    for info in inspect_notebook(NOTEBOOK).values():
        assert info["inferred_type_name"] in ("int", "str")
        assert len(info["help"]) > 20


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_value_is_refused_naming_parameter_value_and_what_is_allowed(
    name: str, value: object
) -> None:
    with pytest.raises(TutorialError) as caught:
        parameters.Training.check(**GOOD | {name: value})
    allowed = parameters.Training.model_fields[name].description
    assert str(caught.value) == f"{name}={value!r} no vale: debe ser {allowed}."


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(TutorialError) as caught:
        parameters.Training.check(**GOOD | {"epochs": 0, "device": "tpu"})
    assert len(str(caught.value).splitlines()) == 2


def test_a_batch_larger_than_the_training_part_is_refused() -> None:
    with pytest.raises(TutorialError, match="batch_size=91 no vale: debe ser como mucho 90"):
        parameters.Training.check(**GOOD | {"train_samples": 100, "batch_size": 91})
    parameters.Training.check(**GOOD | {"train_samples": 100, "batch_size": 90})


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(TutorialError, match="El parámetro epocas no existe"):
        parameters.Training.check(**GOOD, epocas=3)


def test_text_from_the_command_line_gets_its_type() -> None:
    texts = {name: str(value) for name, value in GOOD.items()}
    assert parameters.Training.check_strings(texts).model_dump() == GOOD
    with pytest.raises(TutorialError, match=r"epochs='1\.5' no vale"):
        parameters.Training.check_strings(texts | {"epochs": "1.5"})


ONE_BAD_OF_EACH = [
    ("epochs", "0"),
    ("batch_size", "-1"),
    ("train_samples", "muchas"),
    ("device", "tpu"),
    ("backend", "pytorch"),
    ("precision", "float16"),
    ("repeats", "0"),
    ("seed", "-1"),
    ("machine_name", "a/b"),
    ("results_dir", "/no/existe"),
]


@pytest.mark.parametrize(("name", "value"), ONE_BAD_OF_EACH)
def test_the_script_refuses_bad_values_before_any_kernel(name: str, value: str) -> None:
    before = set(cli.RUNS_DIR.glob("*.ipynb"))
    done = run_script(f"--{name.replace('_', '-')}", value)
    assert set(cli.RUNS_DIR.glob("*.ipynb")) == before
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {name}='{value}' no vale: ")
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("name", "value"), ONE_BAD_OF_EACH)
def test_papermill_refuses_bad_values_before_tensorflow(
    tmp_path: Path, name: str, value: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOK, tmp_path / "01.ipynb", "-p", name, value,
         "--no-progress-bar", "--log-level", "ERROR"],
        capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip
    cells = nbformat.read(tmp_path / "01.ipynb", 4).cells
    tried = [cell.id for cell in cells if cell.get("execution_count")]
    assert tried[-1] == "comprobar"
    assert done.returncode == 1
    assert f"{name}=" in done.stderr
    assert "no vale:" in done.stderr
    assert "Traceback (most recent call last):\n  Cell" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quick", "sí"),
        ("quick", 1),
        ("device", "tpu"),
        ("precision", "mixed_float16"),
        ("seed", -1),
    ],
)
def test_the_third_notebook_refuses_bad_values(name: str, value: object) -> None:
    good = {"quick": False, "device": "auto", "precision": "float32", "seed": 42}
    parameters.Acceleration.check(**good)
    with pytest.raises(TutorialError, match=f"^{name}={value!r} no vale: debe ser "):
        parameters.Acceleration.check(**good | {name: value})


DISTRIBUTION = {
    "workers": 2,
    "epochs": 3,
    "batch_size": 128,
    "train_samples": 60_000,
    "device": "auto",
    "seed": 42,
    "address": "",
    "storage": "",
    "machine_name": "",
    "results_dir": "../results",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 1),
        ("workers", 65),
        ("address", "ray://192.168.1.10:10001"),
        ("address", "192.168.1.10"),
        ("storage", "\0"),
        ("epochs", 0),
        ("results_dir", ""),
    ],
)
def test_the_fourth_notebook_refuses_bad_values(name: str, value: object) -> None:
    parameters.Distribution.check(**DISTRIBUTION | {"address": "mi-pc.local:6379"})
    with pytest.raises(TutorialError) as caught:
        parameters.Distribution.check(**DISTRIBUTION | {name: value})
    assert str(caught.value).startswith(f"{name}={value!r} no vale: debe ser ")


def test_every_worker_has_images_in_every_step() -> None:
    with pytest.raises(TutorialError, match=r"^batch_size=15 no vale: .* debe ser al menos 16"):
        parameters.Distribution.check(**DISTRIBUTION | {"workers": 8, "batch_size": 15})
    with pytest.raises(TutorialError, match="batch_size=91 no vale: debe ser como mucho 90"):
        parameters.Distribution.check(**DISTRIBUTION | {"train_samples": 100, "batch_size": 91})
