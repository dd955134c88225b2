"""Los `requirements*.txt` y los entornos de conda, contra pyproject.toml y el registro."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement

sys.path.insert(0, str(ROOT / "tools"))
import lock

LINUX, ARM, WINDOWS, MAC = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
)
TARGETS = [
    *[
        ("requirements.txt", platform, python)
        for platform in (LINUX, ARM, WINDOWS, MAC)
        for python in ("3.11", "3.13")
    ],
    *[("requirements-cuda.txt", LINUX, python) for python in ("3.11", "3.13")],
    *[("requirements-macos.txt", MAC, python) for python in ("3.11", "3.13")],
    *[("requirements-metal.txt", MAC, python) for python in ("3.11", "3.12")],
]
"""Cada archivo que instala el proyecto, con los equipos y los Python extremos para los que está."""

ENVIRONMENTS = {"environment-cuda.yml": "fashion-cuda", "environment-macos.yml": "fashion-macos"}

OLDER_THAN_TENSORFLOW_ASKS = {"nvidia-nccl-cu12": "PyTorch exige justo la 2.27.5"}


def resolve(*locks: str, platform: str, python: str) -> list[str]:
    """Resuelve a la vez varios archivos para un equipo: los «paquete==versión» que instala.

    Solo valen paquetes publicados ya compilados para ese equipo: al instalar no se compila nada.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    command += ["--no-annotate", "--only-binary", ":all:", "--python", sys.executable]
    command += ["--python-platform", platform, "--python-version", python, *locks]
    macos = os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # el que pide PyTorch
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, env=macos)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line != "-e ."]


def compiled(name: str, folder: Path) -> str:
    """Lo que `tools/lock.py` escribiría ahora en un archivo."""
    copy = Path(shutil.copy(ROOT / name, folder / name))
    lock.compile_lock(name, copy)
    return copy.read_text()


def compiled_builders(folder: Path) -> str:
    copy = Path(shutil.copy(ROOT / lock.BUILDERS, folder))
    lock.compile_builders(copy)
    return copy.read_text()


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory, registry: None
) -> Iterator[dict[object, Future]]:
    """Todo lo que se pregunta al registro, a la vez: lo que tarda es la red."""
    folder = tmp_path_factory.mktemp("candados")
    with ThreadPoolExecutor(8) as pool:
        fresh = {name: pool.submit(compiled, name, folder) for name in lock.LOCKS}
        together = {
            (base, platform, python): pool.submit(
                resolve, base, *lock.ADDITIONS, platform=platform, python=python
            )
            for base, platform, python in TARGETS
        }
        fresh[lock.BUILDERS] = pool.submit(compiled_builders, folder)
        yield fresh | together


def pinned(*locks: str) -> set[str]:
    """Los «paquete==versión» que fijan esos archivos en algún equipo."""
    return {pin.split(" ;")[0] for name in locks for pin in lock.pins(ROOT / name)}


def test_every_lock_is_known() -> None:
    assert {path.name for path in ROOT.glob("requirements*.txt")} == set(lock.LOCKS)
    assert {name for name, _, _ in TARGETS} == set(lock.LOCKS) - set(lock.ADDITIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*lock.LOCKS, lock.BUILDERS])
def test_lock_is_fresh_against_pyproject(asked: dict[object, Future], name: str) -> None:
    assert asked[name].result() == (ROOT / name).read_text(), "ejecuta python tools/lock.py"


@pytest.mark.parametrize("name", lock.LOCKS)
def test_lock_pins_everything_and_only_a_base_installs_the_package(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert ("-e ." in lines) == (name not in lock.ADDITIONS)
    assert all(re.match(r"[a-z0-9-]+==[\w.]+( ; |$)", line) for line in lock.pins(ROOT / name))


def test_the_builders_are_pinned_by_their_hashes_and_agree_with_the_rest() -> None:
    """Las demás no pueden llevarlas: `python -m pip install -r requirements.txt` dejaría de ir."""
    blocks = re.split(r"\n(?=\S)", (ROOT / lock.BUILDERS).read_text().strip())
    assert all(
        re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", block)
        for block in blocks
    )
    names = {block.split("==")[0] for block in blocks}
    shared = {block.split(" \\")[0].split(" ;")[0] for block in blocks} - pinned("requirements.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {Requirement(need).name for need in project["build-system"]["requires"]} < names
    assert {pin.split("==")[0] for pin in shared} & {"numpy", "pydantic", "pydantic-core"} == set()


@pytest.mark.slow
@pytest.mark.parametrize(("base", "platform", "python"), TARGETS)
def test_additions_fit_over_the_base(
    asked: dict[object, Future], base: str, platform: str, python: str
) -> None:
    """Como caben todos a la vez, cabe cada uno: ninguno cambia una versión de la base."""
    resolved = asked[base, platform, python].result()
    assert set(resolved) <= pinned(base, *lock.ADDITIONS)
    cpu_only = base == "requirements.txt" and platform == LINUX
    tensorflows = [pin.split("==")[0] for pin in resolved if re.match("tensorflow(-cpu)?==", pin)]
    assert tensorflows == ["tensorflow-cpu" if cpu_only else "tensorflow"]


@pytest.mark.parametrize("addition", lock.ADDITIONS)
def test_addition_writes_over_no_file_of_the_base(addition: str) -> None:
    # En ARM no pisan nada, porque TensorFlow no trae CUDA.
    pins = [pin for pin in lock.pins(ROOT / addition) if "== 'aarch64' and sys" not in pin]
    names = {pin.split("==")[0] for pin in pins}
    assert not {name for name in names if name.startswith("tensorflow")}
    # El cuDNN y el NCCL de CUDA 12 y los de CUDA 13 se instalan en las mismas carpetas.
    assert not {name for name in names if name.startswith("nvidia-") and not name.endswith("-cu12")}


def test_cuda_lock_has_what_tensorflow_asks_for() -> None:
    pins = dict(pin.split("==") for pin in pinned("requirements-cuda.txt") if "nvidia-" in pin)
    asked = [Requirement(text) for text in requires("tensorflow-cpu") if "and-cuda" in text]
    assert asked
    older = {need.name for need in asked if pins[need.name] not in need.specifier}
    assert older == set(OLDER_THAN_TENSORFLOW_ASKS)


@pytest.mark.parametrize("name", ["requirements-cuda.txt", "requirements-jax.txt"])
def test_cudnn_still_has_code_for_old_cards(name: str) -> None:
    [cudnn] = [pin for pin in pinned(name) if pin.startswith("nvidia-cudnn-")]
    major, minor = cudnn.split("==")[1].split(".")[:2]
    assert (int(major), int(minor)) < (9, 11)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_environment_takes_the_lock_of_its_platform(name: str) -> None:
    environment = yaml.safe_load((ROOT / name).read_text())
    assert environment["name"] == ENVIRONMENTS[name]
    assert environment["channels"] == ["conda-forge"]
    python, pip, packages = environment["dependencies"]
    lock_file = f"requirements-{name.removeprefix('environment-').removesuffix('.yml')}.txt"
    assert pip == "pip"
    assert packages == {"pip": [f"-r {lock_file}"]}
    pythons = [python for base, _, python in TARGETS if base == lock_file]
    assert min(pythons) <= python.removeprefix("python=") <= max(pythons)
