"""El proyecto sin clonar: qué lleva el paquete suelto y dónde trabaja quien lo instala."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT, SOLUTIONS, child_environment
from packaging.requirements import Requirement
from test_diagnosis import LINUX, WINDOWS

from fashion_bench import LESSON, NOTEBOOKS_DIR, install
from fashion_bench.compare import files
from fashion_bench.data import NAMES
from fashion_bench.errors import FAILED, FINE, TutorialError
from fashion_bench.script import copies as notebooks

WHERE = """
import json, fashion_bench as package
places = package.CHECKOUT, package.PROJECT_DIR, package.NOTEBOOKS_DIR
print(json.dumps([place and str(place) for place in places]))"""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """El paquete instalado en una carpeta suya, en la que no se puede escribir."""
    folder = tmp_path_factory.mktemp("instalado")
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--python", sys.executable, "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Lo que hay en una carpeta, con su tamaño y su hora: al administrador no se le niega nada."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def run(installed: Path, folder: Path, *command: str) -> subprocess.CompletedProcess:
    """Ejecuta algo en una carpeta, con el paquete instalado en vez del de este proyecto."""
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(PYTHONPATH=str(installed), PYTHONDONTWRITEBYTECODE="1"),
        timeout=300,
    )


def pinned(name: str) -> dict[str, str]:
    """Las versiones que fija un archivo."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ;")[0].split("==") for line in lines if "==" in line.split(" ;")[0])


# Lo que lleva.


@pytest.mark.slow
def test_the_wheel_carries_the_course_and_nothing_else(wheel: Path) -> None:
    assert wheel.stat().st_size < 100_000_000
    assert wheel.name == install.wheel()
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    course = [*NOTEBOOKS, *SOLUTIONS, *(ROOT / "notebooks").glob("*.md")]
    course += [ROOT / "results" / name for name in ("schema.json", "resultados.png")]
    course += (ROOT / "results").glob("2*.json")
    assert {f"fashion_bench/course/{path.relative_to(ROOT).as_posix()}" for path in course} <= names
    assert {f"fashion_bench/datasets/fashion-mnist/{name}" for name in (*NAMES, "LICENSE")} <= names
    templates = (ROOT / "src").rglob("*.j2")
    assert {path.relative_to(ROOT / "src").as_posix() for path in templates} <= names
    settings = ("jupyter/jupyter_server_config.d/fashion_bench", "ipython/ipython_kernel_config")
    assert all(any(n.endswith(f"/etc/{name}.json") for n in names) for name in settings)
    tops = {re.sub(r"fashion_bench-[\d.]+\d\.", "", name.split("/")[0]) for name in names}
    assert tops == {"fashion_bench", "dist-info", "data"}
    assert not [name for name in names if "checkpoint" in name or "/test" in name or "runs" in name]


def test_the_wheel_brings_a_tensorflow_that_every_extra_can_use() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needs = [*project["project"]["dependencies"], *wheel["hooks"]["custom"]["needs"]]
    base = {need.name: need.specifier for need in map(Requirement, needs)}
    assert "tensorflow-cpu" not in base  # ocuparía el sitio del de CUDA
    colab = pinned("tests/colab.txt")
    locks = [pinned(name) for name in ("requirements-cuda.txt", "requirements-metal.txt")]
    for versions in (*locks, colab | {"tensorflow": colab["tensorflow-cpu"]}):
        for name in ("tensorflow", "keras", "numpy"):
            assert versions[name] in base[name]


# Dónde trabaja.


@pytest.mark.slow
def test_it_works_where_it_is_used(installed: Path, tmp_path: Path) -> None:
    course, inside = installed / "fashion_bench" / "course", tmp_path / "notebooks"
    (inside / "soluciones").mkdir(parents=True)

    def places(folder: Path) -> list[str | None]:
        return json.loads(run(installed, folder, sys.executable, "-c", WHERE).stdout)

    packaged = [None, str(tmp_path), str(course / "notebooks")]
    assert places(tmp_path) == packaged
    assert places(inside) == [None, str(inside), packaged[2]]  # se llama así, pero no es del curso
    for folder in (inside, inside / "soluciones"):
        (folder / LESSON).touch()
    for folder in (tmp_path, inside, inside / "soluciones"):
        assert places(folder) == [None, str(tmp_path), str(inside)]


def test_without_the_files_of_the_project_it_is_installed_and_recovered_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(install, "CHECKOUT", None)
    assert install.pip("requirements.txt") == '"fashion-bench"'
    assert LINUX.install("requirements-torch.txt").endswith('pip install "fashion-bench[torch]"')
    assert WINDOWS.new_environment.endswith(f'pip install "{install.wheel()}"')
    assert install.script("python") == "fashion-mnist-cnn"
    assert "fashion_bench notebooks" in install.restore(f"notebooks/{LESSON}")  # está copiado
    monkeypatch.setattr(install, "PROJECT_DIR", ROOT / "runs")
    assert "fashion_bench notebooks" not in install.restore(f"notebooks/{LESSON}")


# La copia de los cuadernos.


def test_the_notebooks_are_copied_and_what_is_changed_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mi curso"
    assert notebooks.main(str(folder)) == FINE
    copied = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert {path.relative_to(ROOT) for path in (*NOTEBOOKS, *SOLUTIONS)} <= copied
    assert files.load_folder(folder / "results")[0]
    mine, lost = folder / "notebooks" / LESSON, folder / "notebooks" / "glosario.md"
    mine.write_text("mío", encoding="utf-8")
    lost.unlink()
    capsys.readouterr()
    assert notebooks.main(str(folder)) == FAILED
    assert str(mine) in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "mío"
    assert lost.read_bytes() == (NOTEBOOKS_DIR / lost.name).read_bytes()
    mine.unlink()
    assert notebooks.main(str(folder)) == FINE
    assert capsys.readouterr().err == ""


def test_the_copies_do_not_tell_what_there_is_to_bet(tmp_path: Path) -> None:
    """Van sin resultados; las soluciones, que se miran, con los suyos. Y nada queda a medias."""
    assert notebooks.main(str(tmp_path)) == FINE
    for original in NOTEBOOKS:
        copied, whole = (
            nbformat.read(folder / original.name, as_version=4)
            for folder in (tmp_path / "notebooks", original.parent)
        )
        assert [cell.source for cell in copied.cells] == [cell.source for cell in whole.cells]
        code = [cell for cell in copied.cells if cell.cell_type == "code"]
        assert not any(cell.outputs or cell.execution_count for cell in code)
    for original in SOLUTIONS:
        copy = tmp_path / "notebooks" / "soluciones" / original.name
        assert copy.read_bytes() == original.read_bytes()
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_disk_that_fills_leaves_no_notebook_half_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Se dice qué no cabe, no de dónde sale, y con sitio otra vez se acaba de copiar."""
    room = iter([True, True, False])

    def fills(_: int) -> None:
        if not next(room):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fills)
    with pytest.raises(TutorialError, match=rf"{tmp_path.name}/notebooks/.*no queda espacio"):
        notebooks.main(str(tmp_path))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2
    monkeypatch.undo()
    assert notebooks.main(str(tmp_path)) == FINE


def test_a_folder_in_which_nothing_can_be_copied_is_told(tmp_path: Path) -> None:
    (tmp_path / "archivo").touch()
    with pytest.raises(TutorialError, match="archivo"):
        notebooks.main(str(tmp_path / "archivo"))


# De principio a fin.


@pytest.mark.slow
def test_in_an_empty_folder_it_trains_and_the_copied_notebooks_work(
    installed: Path, tmp_path: Path
) -> None:
    before = snapshot(installed)
    for name in ("random.py", "keras.py"):
        (tmp_path / name).write_text("mío = 1\n", encoding="utf-8")
    script = shutil.which("fashion-mnist-cnn", path=os.pathsep.join(map(str, installed.iterdir())))
    done = run(installed, tmp_path, script, "--epochs", "1", "--train-samples", "1000")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    [record], rejected = files.load_folder(tmp_path / "results")
    assert rejected == []
    assert record.code.git_commit is None
    runs = {path.suffix: path for path in (tmp_path / "runs").iterdir()}
    assert runs.keys() == {".ipynb", ".html", ".png"}
    assert f"Informe: runs/{runs['.html'].name}" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        *("random.py", "keras.py", "results", "runs"),
    }

    copied = run(installed, tmp_path, sys.executable, "-m", "fashion_bench", "notebooks")
    assert (copied.returncode, copied.stderr) == (0, "")
    third = "03_comparar_equipos.ipynb"
    command = (sys.executable, "-m", "papermill", third, "../hecho.ipynb", "--no-progress-bar")
    done = run(installed, tmp_path / "notebooks", *command)
    assert done.returncode == 0, done.stderr
    read = len(files.load_folder(tmp_path / "results")[0])
    assert read == len(files.load_folder(ROOT / "results")[0]) + 1
    assert f"Registros leídos: {read}" in (tmp_path / "hecho.ipynb").read_text(encoding="utf-8")
    assert snapshot(installed) == before
