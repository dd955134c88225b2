"""Los `requirements*.txt` y los entornos de conda, contra pyproject.toml y el registro."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import lock

PLATFORMS = {
    "requirements.txt": ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc",
                         "aarch64-apple-darwin"],
    "requirements-dev.txt": ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc",
                             "aarch64-apple-darwin"],
    "requirements-cuda.txt": ["x86_64-unknown-linux-gnu"],
    "requirements-torch.txt": ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc",
                               "aarch64-apple-darwin"],
    "requirements-jax.txt": ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"],
    "requirements-macos.txt": ["aarch64-apple-darwin"],
    "requirements-distributed.txt": ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc",
                                     "aarch64-apple-darwin"],
}  # fmt: skip
ENVIRONMENTS = {"environment-cuda.yml": "fashion-cuda", "environment-macos.yml": "fashion-macos"}


@pytest.fixture(scope="module", autouse=True)
def registry() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-cache", "-"],
        input="nbval", text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("sin acceso al registro de paquetes no se pueden resolver las versiones")


def resolve(lock_file: Path, platform: str, python: str) -> str:
    """Resuelve un fichero de versiones fijas para una plataforma y devuelve el resultado."""
    return subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate",
         "--python-platform", platform, "--python-version", python, lock_file],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"},  # PyTorch lo exige en el Mac
    ).stdout  # fmt: skip


def test_every_lock_is_known() -> None:
    assert {path.name for path in ROOT.glob("requirements*.txt")} == set(lock.LOCKS)
    assert set(PLATFORMS) == set(lock.LOCKS)


@pytest.mark.parametrize("name", lock.LOCKS)
def test_lock_is_fresh_against_pyproject(tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copy(ROOT / name, tmp_path / name))
    lock.compile_lock(name, copy)
    assert copy.read_text() == (ROOT / name).read_text(), "ejecuta python tools/lock.py"


@pytest.mark.parametrize("name", lock.LOCKS)
def test_lock_pins_everything_installs_the_package_and_has_no_url(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert lines[0] == "-e ."
    assert all("==" in line for line in lines[1:])
    assert not [line for line in lines if "://" in line or "--" in line]


@pytest.mark.parametrize(
    ("name", "platform"),
    [(name, platform) for name, all_ in PLATFORMS.items() for platform in all_],
)
def test_lock_resolves_for_its_platform(name: str, platform: str) -> None:
    for python in ["3.12"] if name == "requirements-macos.txt" else ["3.11", "3.13"]:
        resolved = resolve(ROOT / name, platform, python)
        if name == "requirements-distributed.txt":  # va además de uno de los otros
            assert "\nray==" in resolved
            assert "tensorflow" not in resolved
            continue
        wheel = "tensorflow-cpu==" if "linux" in platform and "cuda" not in name else "tensorflow=="
        assert f"\n{wheel}" in resolved


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_environment_takes_the_lock_of_its_platform(name: str) -> None:
    environment = yaml.safe_load((ROOT / name).read_text())
    assert environment["name"] == ENVIRONMENTS[name]
    assert environment["channels"] == ["conda-forge"]
    python, pip, packages = environment["dependencies"]
    lock_file = f"requirements-{name.removeprefix('environment-').removesuffix('.yml')}.txt"
    assert pip == "pip"
    assert packages == {"pip": [f"-r {lock_file}"]}
    [platform] = PLATFORMS[lock_file]
    assert resolve(ROOT / lock_file, platform, python.removeprefix("python="))
