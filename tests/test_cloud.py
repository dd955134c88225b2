"""Binder, el contenedor de desarrollo y la integración continua: qué usan y qué instalan."""

import json
import re
import tomllib

import pytest
import yaml
from conftest import ROOT
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
BINDER = ROOT / ".binder"
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
GATE = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


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


def test_every_allowed_python_is_tested() -> None:
    tested = yaml.safe_load(WORKFLOW)["jobs"]["todo"]["strategy"]["matrix"]["python"]
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert tested == [python for minor in range(30) if (python := f"3.{minor}") in allowed]


def test_actions_cannot_change_under_us() -> None:
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)


def test_a_commit_is_checked_as_the_gate_checks_it() -> None:
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    style = GATE.split('echo "== ')[1]
    commands = [line.split(" -m ")[1] for line in style.splitlines() if " -m " in line]
    assert [hook["entry"].split(" -m ")[1] for hook in local["hooks"]] == commands


def test_the_gate_runs_the_test_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [(locks, tests)] = re.findall(r"pip install (-r .*) && \S+ -m (pytest.*)", readme)
    assert f"pip install --quiet {locks}\n" in GATE
    assert f" -m {tests}\n" in GATE
