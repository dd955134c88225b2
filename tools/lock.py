"""Regenera los `requirements*.txt` a partir de pyproject.toml: `python tools/lock.py`.

Con `--upgrade` sube además cada versión a la última que cabe.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

UNIVERSAL = ["--universal", "--python-version=3.11"]
APPLE_SILICON = ["--python-platform=aarch64-apple-darwin", "--python-version=3.12"]

LOCKS = {
    "requirements.txt": ("cpu", UNIVERSAL),
    "requirements-dev.txt": ("cpu,dev", UNIVERSAL),
    "requirements-cuda.txt": ("cuda", UNIVERSAL),
    "requirements-torch.txt": ("torch", UNIVERSAL),
    "requirements-jax.txt": ("jax", UNIVERSAL),
    "requirements-distributed.txt": ("distributed", UNIVERSAL),
    "requirements-macos.txt": ("macos", APPLE_SILICON),
}
"""De cada fichero, los extras que instala y para qué plataformas se resuelve."""


def compile_lock(name: str, output: Path, *options: str) -> None:
    """Escribe en `output` el fichero `name`; respeta las versiones que `output` ya fija.

    Los que se resuelven para las mismas plataformas que `requirements.txt` no pueden
    contradecirlo, porque unos se instalan encima de otros.

    Raises:
        subprocess.CalledProcessError: si las dependencias no se pueden resolver.
    """
    extras, platform = LOCKS[name]
    shared = []
    if platform is UNIVERSAL and name != "requirements.txt":
        pins = (ROOT / "requirements.txt").read_text().splitlines()
        shared = [pin for pin in pins if pin != "-e ."]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(shared))
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header",
             "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", *platform, *options,
             "--constraint", constraints, "--output-file", output, "-"],
            input=f"-e .[{extras}]\n", text=True, check=True, cwd=ROOT,
        )  # fmt: skip


if __name__ == "__main__":
    for lock in LOCKS:
        compile_lock(lock, ROOT / lock, *sys.argv[1:])
        print(lock)
