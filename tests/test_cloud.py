"""Binder, el contenedor de desarrollo y la integración continua: qué usan y qué instalan."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
BINDER = ROOT / ".binder"
WORKFLOWS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
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


@pytest.mark.skipif(os.name == "nt", reason="el contenedor es un Linux")
@pytest.mark.parametrize(
    ("gpu", "base"),
    [
        ("exit 0", "requirements-cuda.txt"),
        ("exit 9", "requirements.txt"),  # sin controlador
        (None, "requirements.txt"),
    ],
    ids=["con GPU", "sin que responda", "sin GPU"],
)
def test_the_container_installs_for_the_gpu_it_gets(
    tmp_path: Path, gpu: str | None, base: str
) -> None:
    assert CONTAINER["hostRequirements"] == {"gpu": "optional"}
    programs = {"python": f'echo "$@" > {tmp_path}/orden', "nvidia-smi": gpu and f"echo GPU; {gpu}"}
    for name, script in programs.items():
        if script:
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
    command = ["/bin/sh", "-c", CONTAINER["postCreateCommand"]]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = (tmp_path / "orden").read_text()
    assert written == f"-m pip install -r {base} -r requirements-dev.txt\n"
    assert all((ROOT / word).is_file() for word in written.split() if word.endswith(".txt"))


def test_binder_installs_the_lock_without_gpu() -> None:
    option, lock = (BINDER / "requirements.txt").read_text("utf-8").splitlines()[-1].split()
    assert option == "-r"
    assert (BINDER / lock).resolve() == ROOT / "requirements.txt"


def test_what_is_to_come_may_fail() -> None:
    workflow = yaml.safe_load(WORKFLOWS["prereleases"])
    assert workflow[True].keys() == {"push", "schedule", "workflow_dispatch"}  # `on`, para YAML
    [job] = workflow["jobs"].values()
    assert job["continue-on-error"]


def test_every_allowed_python_is_tested() -> None:
    tested = yaml.safe_load(WORKFLOWS["ci"])["jobs"]["todo"]["strategy"]["matrix"]["python"]
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert tested == [python for minor in range(30) if (python := f"3.{minor}") in allowed]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_cannot_change_under_us(name: str) -> None:
    used = re.findall(r"uses: (\S+)", WORKFLOWS[name])
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert yaml.safe_load(WORKFLOWS[name])["permissions"] == {"contents": "read"}


def test_a_commit_is_checked_as_the_gate_checks_it() -> None:
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert local["hooks"]
    for hook in local["hooks"]:
        assert f" -m {hook['entry'].removeprefix('python -m ')}\n" in GATE


def test_the_gate_runs_the_test_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [(locks, tests)] = re.findall(r"pip install (-r .*) && \S+ -m (pytest.*)", readme)
    assert f"pip install --quiet {locks}\n" in GATE
    assert f" -m {tests}\n" in GATE
