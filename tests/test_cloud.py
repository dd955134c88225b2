"""Binder y el contenedor de desarrollo: qué Python usan y qué instalan."""

import json
import tomllib

import pytest
from conftest import ROOT
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
BINDER = ROOT / ".binder"


@pytest.mark.parametrize(
    "python",
    [
        CONTAINER["image"].removeprefix("python:"),
        (BINDER / "runtime.txt").read_text().strip().removeprefix("python-"),
    ],
    ids=["contenedor", "binder"],
)
def test_its_python_is_allowed(python: str) -> None:
    assert python in SpecifierSet(PROJECT["requires-python"])


def test_what_they_install_exists() -> None:
    command = "python -m pip install -r requirements.txt -r requirements-dev.txt"
    assert CONTAINER["postCreateCommand"] == command
    assert all((ROOT / word).is_file() for word in command.split() if word.endswith(".txt"))
    option, lock = (BINDER / "requirements.txt").read_text("utf-8").splitlines()[-1].split()
    assert option == "-r"
    assert (BINDER / lock).resolve() == ROOT / "requirements.txt"
