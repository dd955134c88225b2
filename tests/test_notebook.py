import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import CHROMIUM, NOTEBOOK, RECORD, ROOT, SANITIZE, child_environment

from fashion_bench import records

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """El cuaderno 01 ejecutado con papermill desde la raíz, en pequeño."""
    folder = tmp_path_factory.mktemp("cuaderno")
    (folder / "registros").mkdir()
    subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOK, folder / "01.ipynb", "-p", "epochs", "1",
         "-p", "train_samples", "1000", "-p", "repeats", "2",
         "-p", "results_dir", str(folder / "registros"), "--no-progress-bar"],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip
    return folder / "01.ipynb"


def test_papermill_runs_it_and_leaves_one_good_record(executed: Path) -> None:
    found, rejected = records.load_folder(executed.parent / "registros")
    assert rejected == []
    assert len(found) == 1
    assert found[0].status == "ok"
    assert found[0].parameters.epochs == 1
    assert found[0].data.training_images == 900
    assert found[0].network.weights == 421_642
    assert [repeat.seed for repeat in found[0].repeats] == [42, 43]
    assert all(len(repeat.epoch_seconds) == 1 for repeat in found[0].repeats)


def test_no_cell_writes_to_stderr(executed: Path) -> None:
    outputs = [
        output for cell in nbformat.read(executed, 4).cells for output in cell.get("outputs", [])
    ]
    assert len([output for output in outputs if "image/png" in output.get("data", {})]) == 11
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_nbval_reproduces_what_papermill_wrote(executed: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-sanitize-with", SANITIZE,
         "-p", "no:cacheprovider", "-q", executed],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip


def test_nbval_finds_a_false_output(executed: Path) -> None:
    notebook = nbformat.read(executed, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    cells["repartir"].outputs[0].text = "Imágenes: 901 para entrenar, 100 para validar\n"
    notebook.cells = notebook.cells[: notebook.cells.index(cells["lotes"])]
    false = executed.with_name("falso.ipynb")
    nbformat.write(notebook, false)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-sanitize-with", SANITIZE,
         "-p", "no:cacheprovider", "-q", false],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert "1 failed" in done.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebook_is_executed_small_and_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert path.stat().st_size < 500_000
    assert all(len(list(filter(None, cell.source.splitlines()))) <= 20 for cell in code)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_the_committed_run_is_a_full_default_run_that_learns() -> None:
    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    assert cells["repartir"].outputs[0].text == "Imágenes: 54000 para entrenar, 6000 para validar\n"
    training = cells["entrenar"].outputs[0].text.splitlines()
    assert len(training) == 11
    assert training[9].startswith("Época 10/10: ")
    verdict = cells["nota"].outputs[0].text.splitlines()
    assert float(verdict[0].split()[-1]) >= 0.915
    assert verdict[1] == "Mínimo de 0.90: alcanzado"


def compare(folder: Path, *parameters: str) -> subprocess.CompletedProcess:
    """Ejecuta el cuaderno 02 sobre los registros de `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOKS[1], folder / "02.ipynb",
         "-p", "results_dir", str(folder), *parameters, "--no-progress-bar"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip


def outputs_of(notebook: Path) -> dict[str, list]:
    return {cell.id: cell.get("outputs", []) for cell in nbformat.read(notebook, 4).cells}


def make_records(folder: Path, count: int) -> None:
    for number in range(count):
        seconds = 1 + number % 7
        repeat = RECORD["repeats"][0] | {
            "epoch_seconds": [seconds, seconds], "total_seconds": 2 * seconds,
            "images_per_second": 2700 / seconds, "energy_joules": 50.0,
        }  # fmt: skip
        parameters = RECORD["parameters"] | {"batch_size": (128, 512)[number % 2]}
        content = RECORD | {
            "run_id": f"20261123T162119Z-{number:08x}", "label": f"{number:03}" + "x" * 57,
            "repeats": [repeat], "parameters": parameters,
        }  # fmt: skip
        (folder / f"{number}.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(("count", "charts"), [(0, 0), (1, 3), (2, 5), (200, 5)])
def test_comparing_any_number_of_records(tmp_path: Path, count: int, charts: int) -> None:
    make_records(tmp_path, count)
    (tmp_path / "roto.json").write_text("{")
    done = compare(tmp_path)
    assert done.returncode == 0, done.stderr
    outputs = outputs_of(tmp_path / "02.ipynb")
    told = outputs["leer"][0].text
    assert f"Registros leídos: {count}" in told
    assert "No se usa roto.json: no es JSON válido" in told
    assert ("ejecuta «python fashion_mnist_cnn.py»" in told) == (count == 0)
    drawn = [o for cell in outputs.values() for o in cell if "image/png" in o.get("data", {})]
    assert len(drawn) == charts


@pytest.mark.parametrize(
    ("name", "value"),
    [("metric", "rápido"), ("baseline", "a/b"), ("baseline", "No está"),
     ("results_dir", "/no/existe")],
)  # fmt: skip
def test_comparing_refuses_bad_values(tmp_path: Path, name: str, value: str) -> None:
    make_records(tmp_path, 1)
    done = compare(tmp_path, "-p", name, value)
    assert done.returncode == 1
    assert f"{name}='{value}' no vale: " in done.stderr


@pytest.mark.usefixtures("committed_results")
def test_nbval_strictly_proves_the_committed_comparison() -> None:
    subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", "-q", NOTEBOOKS[1]],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def accelerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """El cuaderno 03 ejecutado con papermill, en pequeño."""
    path = tmp_path_factory.mktemp("acelerar") / "03.ipynb"
    subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOKS[2], path, "-p", "quick", "True",
         "--no-progress-bar"],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip
    return path


def test_the_third_notebook_measures_every_lever_and_runs_the_race(accelerated: Path) -> None:
    outputs = outputs_of(accelerated)
    told = "".join(o.get("text", "") for cell in outputs.values() for o in cell)
    assert len(re.findall(r": \d+\.\d\d× \(de \d+\.\d\d× a \d+\.\d\d×\)", told)) == 7
    assert "Cuaderno 01: " in told
    assert "veces más rápido que el cuaderno 01" in told
    drawn = [o for cell in outputs.values() for o in cell if "image/png" in o.get("data", {})]
    assert len(drawn) == 4
    assert [o for cell in outputs.values() for o in cell if o.get("name") == "stderr"] == []


def test_nbval_reproduces_the_third_notebook(accelerated: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", "-q", accelerated],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip


def test_the_committed_race_reaches_its_goal() -> None:
    cells = outputs_of(NOTEBOOKS[2])
    runs = cells["carrera"][0].text.splitlines()
    assert len(runs) == 5
    accuracies = [float(line.split()[-1]) for line in runs]
    assert sum(accuracies) / 5 >= 0.92


def check_the_fourth(path: Path, results: Path) -> None:
    """Lo que no depende del equipo coincide con lo guardado, como en nbval, y deja su registro."""
    here, committed = outputs_of(path), nbformat.read(NOTEBOOKS[3], 4).cells
    stable = [
        cell
        for cell in committed
        if cell.get("outputs") and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    ]
    assert {"comparar-mitades", "iguales", "bien", "corazon"} <= {cell.id for cell in stable}
    for cell in stable:
        if "image/png" not in cell.outputs[0].get("data", {}):
            assert here[cell.id] == cell.outputs, cell.id
    drawn = [o for cell in here.values() for o in cell if "image/png" in o.get("data", {})]
    assert len(drawn) == 4
    assert [o for cell in here.values() for o in cell if o.get("name") == "stderr"] == []
    found, rejected = records.load_folder(results)
    assert rejected == []
    [record] = [record for record in found if record.parameters.workers == 2]
    assert record.status == "ok"
    assert record.name.endswith(" · CPU · 2 procesos")
    assert record.data.training_images == 900
    assert record.network.weights == 421_642


@pytest.mark.skipif(CHROMIUM is not None, reason="ya lo ejecuta y comprueba test_browser.py")
def test_papermill_runs_the_fourth_notebook(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray no está instalado: requirements-distributed.txt")
    (tmp_path / "registros").mkdir()
    subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOKS[3], tmp_path / "04.ipynb", "-p", "epochs",
         "1", "-p", "train_samples", "1000", "-p", "results_dir", str(tmp_path / "registros"),
         "--no-progress-bar"],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip
    check_the_fourth(tmp_path / "04.ipynb", tmp_path / "registros")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("workers", "1", "workers=1 no vale"),
        ("storage", str(NOTEBOOK), "no es una carpeta, sino un fichero"),
    ],
)
def test_the_fourth_notebook_refuses_bad_parameters(
    tmp_path: Path, name: str, value: str, problem: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOKS[3], tmp_path / "04.ipynb", "-p", name, value,
         "--no-progress-bar"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip
    assert done.returncode != 0
    assert problem in done.stderr
