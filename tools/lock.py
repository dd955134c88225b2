"""Regenera los `requirements*.txt` a partir de pyproject.toml: `python tools/lock.py`.

Con `--upgrade` sube además cada versión a la última que cabe. No llevan huellas (*hashes*): con una
sola, pip las pide para todo, y no admite `-e .`, el proyecto, que no es un archivo. Las llevan los
constructores, `tools/builders.txt`, con los que se hacen el paquete suelto y el juez de registros.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

LOCKS = {
    "requirements.txt": "cpu",
    "requirements-torch.txt": "cpu,torch",  # sus bibliotecas de NVIDIA son las de CUDA y JAX
    "requirements-cuda.txt": "cuda",
    "requirements-jax.txt": "cpu,jax",
    "requirements-distributed.txt": "cpu,distributed",
    "requirements-dev.txt": "cpu,dev",
    "requirements-macos.txt": "macos",
    "requirements-metal.txt": "metal",
}
"""Los extras de cada archivo, en el orden en que se resuelven: ninguno contradice a los anteriores.

El de Metal es la excepción, porque su TensorFlow es más antiguo.
"""

ADDITIONS = [name for name, extras in LOCKS.items() if "," in extras]
"""Los que se instalan encima de cualquiera de los otros y solo llevan lo que le añaden."""


BUILDERS, BUILDING = "tools/builders.txt", "hatchling\nnumpy\npydantic\n"


def pins(lock: Path) -> list[str]:
    """Las versiones que fija `lock`, una por línea."""
    return [line for line in lock.read_text(encoding="utf-8").splitlines() if line != "-e ."]


def compile_lock(name: str, output: Path, *options: str) -> None:
    """Escribe en `output` el archivo `name`; respeta las versiones que `output` ya fija.

    Raises:
        subprocess.CalledProcessError: si las dependencias no se pueden resolver.
    """
    order = list(LOCKS)
    earlier = [] if name == "requirements-metal.txt" else order[: order.index(name)]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(pin for lock in earlier for pin in pins(ROOT / lock)))
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
        command += ["--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--universal", "--python-version=3.11", *options]
        command += ["--constraint", str(constraints), "--output-file", str(output), "-"]
        subprocess.run(command, input=f"-e .[{LOCKS[name]}]\n", text=True, check=True, cwd=ROOT)
    if name in ADDITIONS:
        known = set(pins(ROOT / "requirements.txt"))
        added = [pin for pin in pins(output) if pin not in known]
        output.write_text("".join(f"{pin}\n" for pin in added), encoding="utf-8")


def compile_builders(output: Path, *options: str) -> None:
    """Escribe en `output` los constructores, con sus huellas y las versiones de las demás."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    command += ["--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--universal"]
    command += ["--generate-hashes", "--python-version=3.11", *options]
    command += ["--output-file", str(output), "-"]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(pins(ROOT / "requirements.txt")))
        command += ["--constraint", str(constraints)]
        subprocess.run(command, input=BUILDING, text=True, check=True, cwd=ROOT)


if __name__ == "__main__":
    compile_builders(ROOT / BUILDERS, *sys.argv[1:])
    for lock in LOCKS:
        compile_lock(lock, ROOT / lock, *sys.argv[1:])
        print(lock)
