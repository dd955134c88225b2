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
    found = re.findall(
        rf"^{package}==(\S+)(?! ; platform_machine == 'aarch64')", text, re.MULTILINE
    )
    return found[0]


@pytest.mark.parametrize(("name", "lock"), LOCKS.items())
def test_the_table_is_about_what_is_pinned(name: str, lock: str) -> None:
    needed = needs.NEEDS[name]
    assert f"{pinned(lock, name)}.".startswith(f"{needed.version}.")
    cudnn = numbers(pinned(lock, "nvidia-cudnn-cu12"))
    assert numbers(needed.cudnn) <= cudnn < needs.CUDNN_WITHOUT_OLD_CARDS
    assert numbers(needed.cuda)[0] == numbers(pinned(lock, "nvidia-cuda-runtime-cu12"))[0] == 12


def test_windows_gets_the_same_pytorch_and_every_page_says_so() -> None:
    assert needs.TORCH_WHEEL.startswith(f"torch=={pinned('requirements-torch.txt', 'torch')}+")
    for page, wheels in (("README.md", {"cu128"}), ("site/instalar.md", {"cu126", "cu128"})):
        told = re.findall(r"torch==.*?whl/\w+", (ROOT / page).read_text(encoding="utf-8"))
        assert set(told) == {needs.TORCH_WHEEL.format(wheel) for wheel in wheels}


def test_every_page_names_the_pair_that_metal_pins() -> None:
    page = (ROOT / "site" / "instalar.md").read_text(encoding="utf-8").replace("`", "")
    [pair] = re.findall(r"TensorFlow (\d\S+) y tensorflow-metal (\d\.\d\.\d)", page)
    assert pair == tuple(
        pinned("requirements-metal.txt", name) for name in ("tensorflow", "tensorflow-metal")
    )
