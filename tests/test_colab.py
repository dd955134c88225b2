"""La primera celda del cuaderno 01: en Colab instala el proyecto; donde ya está, no hace nada."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOK, ROOT, Cells, child_environment

from fashion_bench import install
from fashion_bench.errors import TutorialError

CELL = Cells(NOTEBOOK).sources["colab"]

VERSIONS = """\
import json
from importlib import metadata
print(json.dumps({each.name: each.version for each in metadata.distributions()}))"""

KERNEL = """\
import google.colab
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()"""
"""El kernel de Colab carga `google.colab` antes de la primera celda."""

UPLOAD = """\
from io import BytesIO
import PIL.Image
garment, sent, seen = PIL.Image.new("L", (60, 60), 255), BytesIO(), []
garment.paste(0, (15, 15, 45, 45))
garment.save(sent, format="png")
photos.is_attended = lambda: True
uploader = photos.upload_button(seen.append).children[0].children[0]
state = {"metadata": [{"name": "prenda.png"}], "data": [memoryview(sent.getvalue())]}
uploader.set_state(state | {"_counter": 1})
print([picture.pixels.shape for picture in seen])"""
"""Una foto subida con el botón: lo que envía el navegador con la versión de ipywidgets de Colab."""


def run_cell(folder: Path, before: str = "") -> subprocess.CompletedProcess:
    """Ejecuta la celda en un Python sin paquetes; después de `before`, si se da."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys\n{before}\n{CELL}"],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip


def pack(archive: Path, *names: str) -> None:
    """Hace un .zip con archivos vacíos de esos nombres."""
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            opened.writestr(name, "")


def test_where_the_project_is_installed_it_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CELL], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_outside_colab_a_kernel_without_the_project_is_told(tmp_path: Path) -> None:
    pack(tmp_path / "fashion-bench.zip", "src/fashion_bench/install.py")
    done = run_cell(tmp_path)
    assert done.returncode
    assert "README.md" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fashion-bench.zip"]


def test_in_colab_it_asks_for_the_zip_of_this_project(tmp_path: Path) -> None:
    """Ni un .zip ajeno ni uno a medio subir valen."""
    pack(tmp_path / "ajeno.zip", "otro/pyproject.toml", "otro/src/otro/__init__.py")
    (tmp_path / "medio.whl").write_bytes((tmp_path / "ajeno.zip").read_bytes()[:50])
    done = run_cell(tmp_path, "sys.modules['google.colab'] = sys")
    assert done.returncode
    assert "sube su .whl" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ajeno.zip", "medio.whl"]


def test_of_several_files_it_takes_the_newest(tmp_path: Path) -> None:
    """Y se puede repetir: si pip falla, vuelve a intentarlo. El .whl es un .zip como los demás."""
    inside = {"b.zip": "p/src/", "a (1).whl": "", "c.zip": "p/src/"}
    for time, (name, where) in enumerate(inside.items()):
        with zipfile.ZipFile(tmp_path / name, "w") as opened:
            opened.writestr(f"{where}fashion_bench/__init__.py", "")
            script = "from pathlib import Path\n"
            script += "def in_colab(archive): print(Path(archive).name)"
            opened.writestr(f"{where}fashion_bench/install.py", script if time else "")
        os.utime(tmp_path / name, (time % 2, time % 2))
    for _ in range(2):
        done = run_cell(tmp_path, "sys.modules['google.colab'] = sys")
        assert (done.returncode, done.stdout, done.stderr) == (0, "a (1).whl\n", "")


def test_pip_gets_the_folder_of_a_zip_or_a_wheel_with_its_own_name_and_may_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    codes = iter((0, 0, 1))

    def pip(command: list[str]) -> subprocess.CompletedProcess:
        asked[:] = command
        return subprocess.CompletedProcess(command, next(codes))

    monkeypatch.setattr(subprocess, "run", pip)
    install.in_colab("x.zip")
    assert asked[-2:] == ["-e", str(ROOT)]
    twice = tmp_path / "fashion_bench-0.2.0-py3-none-any (1).whl"
    twice.touch()
    monkeypatch.setattr(install, "CHECKOUT", None)
    install.in_colab(str(twice))
    assert Path(asked[-1]).name == install.wheel()
    assert "--no-deps" in asked
    with pytest.raises(TutorialError):
        install.in_colab(str(twice))


def colab_python() -> str:
    """Un Python de la versión de Colab, si lo hay; si no, este."""
    command = [sys.executable, "-m", "uv", "python", "find", "--quiet", "--no-project", "3.13"]
    found = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    return found or next((str(each) for each in pyenv.glob("3.13*/bin/python")), sys.executable)


@pytest.mark.slow
@pytest.mark.usefixtures("registry")
def test_the_notebook_runs_with_what_colab_has(tmp_path: Path, wheel: Path) -> None:
    """Con los paquetes de `colab.txt`: la celda solo añade, y lo demás funciona con ellos."""
    environment, session = tmp_path / "entorno", tmp_path / "content"
    session.mkdir()
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", colab_python(), environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run(
        [*uv, "pip", "install", "-q", "--python", python, "-r", ROOT / "tests" / "colab.txt"],
        check=True,
    )
    show_packages = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(show_packages, capture_output=True, text=True, check=True).stdout
    stub = Path(packages.strip(), "google", "colab")
    stub.mkdir(parents=True)
    (stub / "__init__.py").touch()
    spec = tmp_path / "kernels" / "colab"
    spec.mkdir(parents=True)
    command = [str(python), "-c", KERNEL, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Colab"}))
    pack(session / "ajeno.zip", "otro/pyproject.toml", "otro/src/otro/__init__.py")
    shutil.copy(wheel, session / wheel.name.replace(".whl", " (1).whl"))  # subido dos veces

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = [cell.id for cell in notebook.cells].index("colab")
    again = [nbformat.v4.new_code_cell(source) for source in (CELL, VERSIONS)]
    notebook.cells[place + 1 : place + 1] = again
    notebook.cells.insert(place, nbformat.v4.new_code_cell(VERSIONS))
    notebook.cells.append(nbformat.v4.new_code_cell(UPLOAD))
    nbformat.write(notebook, tmp_path / "cuaderno.ipynb")
    run = [sys.executable, "-m", "papermill", tmp_path / "cuaderno.ipynb", tmp_path / "hecho.ipynb"]
    run += ["-k", "colab", "--cwd", session, "-p", "epochs", "1", "-p", "train_samples", "1000"]
    done = subprocess.run(
        run, capture_output=True, text=True, encoding="utf-8",
        env=child_environment(JUPYTER_PATH=str(tmp_path), JPY_SESSION_NAME="cuaderno.ipynb"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    cells = nbformat.read(tmp_path / "hecho.ipynb", as_version=4).cells
    before, first, second, after = (cell.outputs for cell in cells[place : place + 4])
    assert (first, second) == ([], [])
    had, has = (json.loads(outputs[0].text) for outputs in (before, after))
    assert has.items() >= had.items()
    assert has.keys() - had.keys() == {"fashion-bench", *install.NOT_IN_COLAB}
    assert cells[-1].outputs[-1].text == "[(28, 28)]\n"
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output.metadata for output in outputs if "image/png" in output.get("data", {})]
    assert len(shown) > 8
    assert all(metadata["image/png"]["alt"] for metadata in shown)
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert len(list((session / "results").iterdir())) == 1
