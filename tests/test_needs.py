"""La tabla de lo que pide cada motor, contra los archivos de versiones fijas y lo instalado."""

import re

import pytest
from conftest import ROOT

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import numbers

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


@pytest.mark.parametrize(("name", "lock"), LOCKS.items())
def test_the_table_is_about_what_is_pinned(name: str, lock: str) -> None:
    needed = needs.NEEDS[name]
    assert f"{pinned(lock, name)}.".startswith(f"{needed.version}.")
    cudnn = numbers(pinned(lock, "nvidia-cudnn-cu12"))
    assert numbers(needed.cudnn) <= cudnn < needs.CUDNN_WITHOUT_OLD_CARDS
    assert numbers(needed.cuda)[0] == numbers(pinned(lock, "nvidia-cuda-runtime-cu12"))[0] == 12


def test_metal_is_the_one_that_is_pinned() -> None:
    assert pinned("requirements-macos.txt", "tensorflow") == needs.METAL_TENSORFLOW
    assert pinned("requirements-macos.txt", "tensorflow-metal") == needs.METAL_PLUGIN
