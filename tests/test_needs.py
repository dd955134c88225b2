"""La tabla de lo que pide cada motor, contra los archivos de versiones fijas y lo instalado."""

import re
from importlib.metadata import distribution, version

import pytest
from conftest import ROOT

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import numbers
from fashion_bench.doctor.rules import installation

LOCKS = {
    "tensorflow": "requirements-cuda.txt",
    "torch": "requirements-torch.txt",
    "jax": "requirements-jax.txt",
}


def pinned(lock: str, package: str) -> str:
    """La versión que un archivo fija de un paquete."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    [found] = re.findall(rf"^{package}==(\S+)", text, re.MULTILINE)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_each_engine_is_in_the_table_with_the_version_that_is_pinned(name: str) -> None:
    needed = needs.need(name)
    assert f"{pinned(LOCKS[name], name)}.".startswith(f"{needed.version}.")
    assert needs.need(name, pinned(LOCKS[name], name)) == needed
    assert needed.source.startswith("https://")


@pytest.mark.parametrize("name", LOCKS)
def test_the_pinned_libraries_of_nvidia_are_those_it_asks_for(name: str) -> None:
    needed, lock = needs.need(name), LOCKS[name]
    cudnn = numbers(pinned(lock, "nvidia-cudnn-cu12"))
    assert numbers(needed.cudnn) <= cudnn < needs.CUDNN_WITHOUT_OLD_CARDS
    assert numbers(needed.cuda)[0] == numbers(pinned(lock, "nvidia-cuda-runtime-cu12"))[0] == 12


@pytest.mark.parametrize("name", LOCKS)
def test_every_python_of_the_project_serves(name: str) -> None:
    first, last = needs.need(name).pythons
    assert first <= needs.PYTHONS[0] <= needs.PYTHONS[1] <= last


def test_an_unknown_version_is_judged_as_the_newest() -> None:
    rows = [row for row in needs.NEEDS if row.backend == "tensorflow"]
    assert rows == sorted(rows, key=lambda row: numbers(row.version))
    assert needs.need("tensorflow", "2.22.0rc0") == rows[-1]
    assert needs.need("tensorflow", "2.2.0") == rows[-1]  # no es la 2.20
    assert needs.need("tensorflow", "2.20.0").version == "2.20"


def test_metal_and_keras_are_those_that_are_pinned() -> None:
    assert pinned("requirements-macos.txt", "tensorflow") == needs.METAL_TENSORFLOW
    assert pinned("requirements-macos.txt", "tensorflow-metal") == needs.METAL_PLUGIN
    for lock in ("requirements.txt", "requirements-cuda.txt", "requirements-macos.txt"):
        assert pinned(lock, "keras").startswith(f"{needs.KERAS}.")


def test_the_longest_path_is_that_of_the_installed_tensorflow() -> None:
    try:
        found = distribution("tensorflow-cpu")
    except ModuleNotFoundError:
        found = distribution("tensorflow")
    if not version(found.metadata["Name"]).startswith(needs.need("tensorflow").version):
        pytest.skip("no es la versión que fija el proyecto")
    inside = len("/Lib/site-packages/")
    longest = max(len(str(file)) for file in found.files or []) + inside
    assert longest <= installation.LONGEST_FILE < longest + 20
