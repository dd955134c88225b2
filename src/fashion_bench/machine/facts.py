"""Los hechos de un equipo que deciden si TensorFlow ve su GPU, sin nada personal.

Aquí está su forma y lo que de ellos se sigue sin más; los reúne `probe` y los juzga `diagnosis`.
"""

import re

from fashion_bench.record import Accelerator
from fashion_bench.values import Frozen

IMPORT_TIMEOUT_SECONDS = 120
LAST_METAL_PYTHON = (3, 12)


class TensorFlow(Frozen):
    """Lo que cuenta TensorFlow cuando se importa."""

    version: str | None
    """`None` si la importación falla."""
    built_with_cuda: bool = False
    compute_capabilities: tuple[str, ...] = ()
    """Para qué GPU se compiló: `sm_80`, `compute_90`…"""
    gpus: tuple[str, ...] = ()
    exit_code: int | None = 0
    """`None` si la importación no terminó en `IMPORT_TIMEOUT_SECONDS`."""
    messages: str = ""
    """Lo que escribió en la salida de errores, sin rutas personales."""


class Facts(Frozen):
    """Todo lo que hace falta saber de un equipo, sin nada que identifique a su dueño."""

    os: str
    system: str
    architecture: str
    wsl: bool
    virtual_machine: bool
    rosetta: bool
    """Un Python para Intel que un Mac con Apple silicon traduce al vuelo."""
    python: str
    python_bits: int
    python_command: str
    distributions: dict[str, str]
    """Versión instalada de TensorFlow, de lo que más choca con él y de las bibliotecas CUDA."""
    missing_cuda_wheels: tuple[str, ...]
    tensorflow: TensorFlow
    nvidia_cards: tuple[Accelerator, ...]
    nvidia_error: str | None
    """Por qué no responde el controlador de NVIDIA o una de sus tarjetas."""
    nvidia_hardware: bool
    """Hay una tarjeta NVIDIA enchufada (o, en WSL2, una GPU compartida), con o sin controlador."""
    gpus_hidden: bool
    """La variable CUDA_VISIBLE_DEVICES las esconde todas."""
    ld_library_path: bool
    free_memory_gib: float
    free_disk_gib: float

    @property
    def unused_card(self) -> Accelerator | None:
        """La tarjeta más capaz de las que responden, si TensorFlow no ve ninguna GPU."""
        if self.tensorflow.gpus:
            return None
        return max(
            self.nvidia_cards,
            key=lambda card: capability(card.compute_capability or "0.0"),
            default=None,
        )

    @property
    def python_fits_metal(self) -> bool:
        """Dice si hay tensorflow-metal para este Python."""
        return numbers(self.python)[:2] <= LAST_METAL_PYTHON

    @property
    def lock(self) -> str:
        """Fichero de versiones fijas que le toca a este equipo."""
        if self.system == "Darwin" and self.python_fits_metal:
            return "requirements-macos.txt"
        nvidia = self.nvidia_cards or (self.nvidia_hardware and not self.wsl)
        if self.system == "Linux" and self.architecture == "x86_64" and nvidia:
            return "requirements-cuda.txt"
        return "requirements.txt"

    def install(self, lock: str, option: str = "") -> str:
        """Orden que instala un fichero de versiones fijas."""
        return " ".join(filter(None, [self.python_command, "-m pip install", option, "-r", lock]))

    @property
    def new_environment(self) -> str:
        """Orden que rehace `.venv` con Python 3.12."""
        if self.system == "Windows":
            return (
                r"py -3.12 -m venv --clear .venv && .venv\Scripts\python -m pip install "
                "-r requirements.txt"
            )
        lock = "requirements-macos.txt" if self.system == "Darwin" else self.lock
        return f"python3.12 -m venv --clear .venv && .venv/bin/python -m pip install -r {lock}"


def numbers(version: str) -> tuple[int, ...]:
    """Los números de una versión, para compararla con otra."""
    return tuple(map(int, re.findall(r"\d+", version)))


def capability(text: str) -> tuple[int, int]:
    """Capacidad de cómputo escrita como `8.6`, `sm_86` o `compute_86`."""
    digits = re.sub(r"\D", "", text)
    return int(digits[:-1]), int(digits[-1])
