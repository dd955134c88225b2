"""Piezas comunes: TensorFlow callado, un registro de ejemplo y cómo ejecutar cuadernos y script."""

import copy
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from fashion_bench.machine.engines import quiet
from fashion_bench.record import Accelerator

if TYPE_CHECKING:  # no hace falta para las demás pruebas
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOK = NOTEBOOKS[0]
SOLUTIONS = sorted((ROOT / "notebooks" / "soluciones").glob("*.ipynb"))
SCREENSHOTS = ROOT / "runs" / "capturas"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BROWSER = bool(CHROMIUM and find_spec("playwright"))
"""Si las pruebas en un navegador se pueden hacer."""
SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"

RTX = Accelerator(
    name="NVIDIA GeForce RTX 3060",
    memory_gib=12.0,
    driver="560.35.03",
    compute_capability="8.6",
    power_limit_w=170.0,
    mig=None,
)
"""La GPU de las pruebas, tal como la cuenta su controlador."""

CALM = {
    "usable_cores": 4,
    "own_cpu_seconds": 3.5,
    "other_cpu_seconds": 0.1,
    "stolen_cpu_seconds": 0.0,
    "waiting_seconds": None,
    "swapped_mb": 0,
    "temperature_c": None,
    "frequency_mhz": None,
    "gpu": None,
}
FAST = {
    "float32_flops": 2e11,
    "precision_flops": 2e11,
    "bytes_per_second": 4e10,
    "order_seconds": 1e-4,
}
"""Cómo estaba el equipo en una época, y lo que daba."""

RECORD = {
    "schema_version": 2,
    "run_id": "20261123T162119Z-685e8f16",
    "created_utc": "2026-11-23T16:21:19Z",
    "status": "ok",
    "reason": None,
    "code": {
        "version": "0.2.0",
        "git_commit": "8c0580ea761b",
        "notebook": "01_fashion_mnist_cnn.ipynb",
        "notebook_sha256": "0" * 64,
    },
    "label": "Equipo de prueba",
    "machine": {
        "key": "0" * 32,
        "os": "Debian GNU/Linux 12",
        "architecture": "x86_64",
        "cpu": "CPU inventada",
        "vendor": "Inventos",
        "family": 25,
        "model": 17,
        "microarchitecture": "x86_64_v3",
        "instruction_sets": ["AVX", "AVX2"],
        "cache_mib": [0.031, 1.0, 32.0],
        "physical_cores": 2,
        "logical_cores": 4,
        "usable_cores": 4,
        "virtual": False,
        "settings": {},
        "memory_gib": 23.5,
        "power": None,
    },
    "accelerator": None,
    "software": {
        "python": "3.12.1",
        "tensorflow": "2.21.0",
        "keras": "3.15.1",
        "backend": "tensorflow",
        "cuda": None,
        "cudnn": None,
        "onednn": True,
        "tf32": None,
    },
    "parameters": {
        "epochs": 2,
        "batch_size": 128,
        "train_samples": 3000,
        "precision": "float32",
        "repeats": 1,
        "seed": 42,
    },
    "data": {
        "sha256": "1" * 64,
        "training_images": 2700,
        "validation_images": 300,
        "test_images": 10000,
    },
    "network": {
        "layers": ["Dense units=10"],
        "optimizer": "adam",
        "weights": 7850,
        "training_operations": 15_680,
    },
    "repeats": [
        {
            "seed": 42,
            "setup_seconds": 0.8,
            "epoch_seconds": [1.0, 2.0],
            "test_correct": 9100,
            "test_loss": 0.3,
            "energy_joules": None,
            "surroundings": [CALM, CALM],
        }
    ],
    "agreement": None,
    "calibration": [FAST, FAST],
}


def consistent(content: dict) -> dict:
    """El mismo registro, con lo que tiene que cuadrar con lo que se le haya cambiado.

    Es decir: su identificador con su fecha, su semilla, un entorno por época y el CUDA de su GPU.
    """
    stamp = datetime.fromisoformat(content["created_utc"]).strftime("%Y%m%dT%H%M%SZ")
    repeats = [
        each
        if each["surroundings"] != [CALM, CALM]
        else each | {"surroundings": [CALM | {"own_cpu_seconds": s} for s in each["epoch_seconds"]]}
        for each in content["repeats"]
    ]
    cuda = {"cuda": "12.8"} if content["accelerator"] else {}
    seed = {"seed": repeats[0]["seed"]} if repeats else {}
    return content | {
        "run_id": stamp + content["run_id"][16:],
        "repeats": repeats,
        "parameters": content["parameters"] | seed,
        "software": content["software"] | cuda,
    }


def pytest_configure() -> None:
    """Deja todo preparado para que Keras, donde haga falta, se importe como en la lección."""
    with quiet():
        pass


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pone delante los archivos con más pruebas lentas, para que los procesos acaben a la vez."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def attended() -> Iterator[None]:
    """Atiende a Ctrl-C, que en un trabajo de fondo no se atiende, y los hijos lo heredan."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def record() -> dict:
    """Un registro válido, inventado para las pruebas, que se puede modificar."""
    return copy.deepcopy(RECORD)


@pytest.fixture(scope="module")  # mientras vive, en este hilo no cabe otro bucle de asyncio
def browser() -> Iterator["Browser"]:
    """Un Chromium de verdad, sin ventana."""
    if not BROWSER:
        pytest.skip("hacen falta Chromium y Playwright")
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Un controlador de NVIDIA de mentira: dado un equipo, el entorno de un hijo que lo ve.

    Los equipos están en `tests/driver/nvidia.c`. De este entorno quita lo que las escondería.
    """
    if sys.platform != "linux":
        pytest.skip("el controlador de mentira se compila como los de Linux")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("hace falta un compilador de C: apt install gcc libc6-dev")
    folder = tmp_path_factory.mktemp("driver")
    nvml = folder / "libnvidia-ml.so.1"
    source = ROOT / "tests" / "driver" / "nvidia.c"
    subprocess.run([compiler, "-Wall", "-shared", "-fPIC", "-o", nvml, source], check=True)
    shutil.copy(nvml, folder / "libcuda.so.1")

    def environment(machine: str) -> dict[str, str]:
        inherited = child_environment(LD_LIBRARY_PATH=str(folder), FAKE_DRIVER=machine)
        hiding = {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"}
        return {name: value for name, value in inherited.items() if name not in hiding}

    return environment


@pytest.fixture
def committed_results() -> None:
    """Salta la prueba si `results/` tiene registros que git no guarda."""
    done = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if {f"results/{path.name}" for path in (ROOT / "results").iterdir()} - set(done.stdout.split()):
        pytest.skip("results/ tiene registros que git no guarda y lo publicado saldría distinto")


@pytest.fixture(scope="session")
def registry() -> None:
    """Salta la prueba si no se llega al registro de paquetes."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-cache", "-"]
    done = subprocess.run(command, input="nbval", text=True, capture_output=True)
    if done.returncode:
        pytest.skip("sin acceso al registro de paquetes no se puede instalar ni resolver nada")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory, registry: None) -> Path:
    """El paquete suelto, hecho con lo que hay en esta carpeta."""
    folder = tmp_path_factory.mktemp("paquete")
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", folder]
    subprocess.run(command, cwd=ROOT, check=True)
    [built] = folder.glob("*.whl")
    return built


@cache
def weights() -> int:
    """Los pesos de la red del curso, según el registro que enseña el cuaderno 01 confirmado."""
    from fashion_bench.script import report

    shown = report.record_of(nbformat.read(NOTEBOOK, as_version=4))
    assert shown is not None
    return shown.network.weights


class Cells:
    """Las celdas de código de un cuaderno, para ejecutarlas aquí mismo, sin kernel.

    Args:
        notebook: el cuaderno.
        chosen: parámetros que sustituyen a los de su celda, que ya queda ejecutada.
    """

    def __init__(self, notebook: Path, **chosen: object) -> None:
        cells = nbformat.read(notebook, as_version=4).cells
        self.sources = {cell.id: cell.source for cell in cells if cell.cell_type == "code"}
        self.names: dict[str, Any] = {}
        self.run("parameters")
        self.names |= chosen

    def run(self, *cells: str) -> None:
        """Ejecuta unas celdas, en ese orden."""
        for cell in cells:
            exec(self.sources[cell], self.names)


def run_script(*arguments: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess:
    """Ejecuta `python fashion_mnist_cnn.py` hasta el final y recoge lo que escribe."""
    return subprocess.run(
        [sys.executable, ROOT / "fashion_mnist_cnn.py", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(**environ),
        timeout=300,
    )


def child_environment(**extra: str) -> dict[str, str]:
    """Entorno de un proceso hijo: sin GPU y sin lo que Ray haya dejado puesto en este."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return here | {"CUDA_VISIBLE_DEVICES": "-1", "PYTHONIOENCODING": "utf-8"} | extra


def serious(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """De lo que axe encuentra en una página, lo grave: la regla, el elemento y qué le pasa."""
    return [
        (each["id"], node["html"][:200], node["failureSummary"])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
