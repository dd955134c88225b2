"""La primera celda del cuaderno 01: en Colab instala el proyecto; donde ya está, no hace nada."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import NOTEBOOK, ROOT, Cells

CELL = Cells(NOTEBOOK).sources["colab"]


@pytest.mark.slow
def test_it_asks_for_the_project_and_installs_it(tmp_path: Path) -> None:
    """En un Python desnudo, con lo justo para instalar el proyecto sin lo que este necesita."""
    environment, work = tmp_path / "entorno", tmp_path / "sesión"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "-U", "pip", "hatchling", "editables"], check=True
    )

    def run_cell() -> subprocess.CompletedProcess:
        return subprocess.run(
            [python, "-c", f"{CELL}\nimport fashion_bench; print(fashion_bench.PROJECT_DIR)"],
            cwd=work,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=os.environ
            | {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONIOENCODING": "utf-8"},
        )

    alone = run_cell()
    assert alone.returncode == 1
    assert alone.stderr.startswith("Falta el proyecto: sube su .zip")
    subprocess.run(
        ["git", "archive", "--prefix=proyecto-main/", "-o", work / "x.zip", "HEAD"],
        cwd=ROOT,
        check=True,
    )
    installed = run_cell()
    assert installed.returncode == 0, installed.stderr
    assert Path(installed.stdout.strip()) == work / "proyecto" / "proyecto-main"


def test_where_the_project_is_installed_it_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CELL], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []
