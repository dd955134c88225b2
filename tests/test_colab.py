"""La primera celda del cuaderno 01: en Colab instala el proyecto; donde ya está, no hace nada."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOK, ROOT

[CELL] = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if cell.id == "colab"]


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Un Python sin el proyecto, con lo justo para instalarlo sin lo que necesita."""
    folder = tmp_path_factory.mktemp("entorno")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "hatchling"], check=True)
    return python


def test_it_installs_the_uploaded_project(bare_python: Path, tmp_path: Path) -> None:
    subprocess.run(
        ["git", "archive", "--prefix=proyecto-main/", "-o", tmp_path / "x.zip", "HEAD"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    done = subprocess.run(
        [bare_python, "-c", f"{CELL}\nimport fashion_bench; print(fashion_bench.PROJECT_DIR)"],
        cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"},
    )  # fmt: skip
    assert Path(done.stdout.strip()) == tmp_path / "proyecto" / "proyecto-main"


def test_without_the_project_it_says_what_to_do(bare_python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [bare_python, "-c", CELL], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Falta el proyecto: sube su .zip")


def test_where_the_project_is_installed_it_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CELL], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []
