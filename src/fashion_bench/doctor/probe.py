"""Reúne los hechos de este equipo con los que se diagnostica su GPU."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Literal, TypeVar

import psutil

from fashion_bench import NOTEBOOKS_DIR, PROJECT_DIR, folders
from fashion_bench.doctor import trial
from fashion_bench.doctor.facts import Engine, Facts
from fashion_bench.folders import shown
from fashion_bench.machine import hardware
from fashion_bench.machine.engines import hiding_files
from fashion_bench.record import Backend

Answer = TypeVar("Answer")

PCI_DEVICES = Path("/sys/bus/pci/devices")
KERNEL_MODULES = Path("/sys/module")
EFI_VARIABLES = Path("/sys/firmware/efi/efivars")
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
PRIME = Path("/etc/prime-discrete")

STRAY = (
    "PYTHON",
    *("TF_", "XLA_", "KERAS_", "JAX_", "TORCH_", "PYTORCH_", "CUDA_", "CUDNN_", "NCCL_", "TPU_"),
    *("ONEDNN_", "DNNL_", "MKL_", "OMP_", "KMP_", "GOMP_", "LD_", "DYLD_", "MPL"),
)
"""Cómo empiezan las variables con las que alguien puede cambiar lo que hacen los motores."""

OURS = {
    *("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND", "PYTHONIOENCODING", "PYTHONUTF8"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
}
"""Las que pone la prueba, o no cambian lo que se calcula."""

RELEVANT = re.compile(r"tensorflow.*|tf-nightly.*|keras|torch|jax.*|numpy|protobuf|nvidia-.*-cu\d+")
"""Los paquetes que deciden si se puede entrenar."""


def gather(backend: Backend = "tensorflow", engine: Engine | None = None) -> Facts:
    """Reúne los hechos de este equipo.

    Args:
        backend: el motor que interesa.
        engine: lo que ya se sabe de él; si no se da, lo prueba un proceso aparte y, si no va
            bien, busca qué variable o qué archivo de la persona lo impide.
    """
    cards, nvidia_error = hardware.ask_nvidia()
    hiding = [*hiding_files(NOTEBOOKS_DIR), *hiding_files(PROJECT_DIR)]
    in_the_way: tuple[str, ...] | None = None
    if engine is None:
        folder = hiding[0].parent if hiding else NOTEBOOKS_DIR
        engine, in_the_way = trial.run(backend, folder), ()
        if engine.agrees is not True or (cards and not engine.gpus):
            in_the_way = _in_the_way(engine, hiding)
    installed = _distributions()
    executable = Path(sys.executable)  # en un entorno virtual es un enlace: no hay que seguirlo
    return Facts(
        os=hardware.operating_system(),
        system=platform.system(),
        architecture=platform.machine(),
        libc=_libc(),
        wsl=_wsl(),
        container=_if_readable(lambda: any(mark.exists() for mark in CONTAINER_MARKS)),
        rosetta=_if_readable(_is_rosetta),
        python=platform.python_version(),
        python_bits=64 if sys.maxsize > 2**32 else 32,
        python_command=python_command(executable.parent.resolve() / executable.name, PROJECT_DIR),
        distributions=installed,
        missing_cuda_wheels=_missing_cuda_wheels(installed),
        engine=engine,
        in_the_way=in_the_way,
        nvidia_cards=tuple(cards),
        nvidia_error=nvidia_error,
        nvidia_hardware=_if_readable(_has_nvidia_hardware),
        nvidia_module=_if_readable(_nvidia_module),
        pci_gpus=_if_readable(_pci_gpus),
        nouveau=_if_readable((KERNEL_MODULES / "nouveau").exists),
        secure_boot=_if_readable(_has_secure_boot),
        prime=_if_readable(lambda: PRIME.read_text(errors="replace").strip()),
        visible_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
        free_memory_gib=round(psutil.virtual_memory().available / 2**30, 1),
        free_disk_gib=round(shutil.disk_usage(PROJECT_DIR).free / 2**30, 1),
    )


def _in_the_way(engine: Engine, hiding: list[Path]) -> tuple[str, ...]:
    """Busca, probando, la variable o el archivo que impide que un motor llegue más lejos."""
    variables = [name for name in os.environ if name.startswith(STRAY) and name not in OURS]
    causes: list[str | Path] = [*hiding, *variables]
    if not causes:
        return ()

    def progress(kept: str | Path | None) -> tuple[bool, ...]:
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(kept, Path):
                Path(folder, kept.name).symlink_to(kept)
            without = [name for name in variables if name != kept]
            return trial.run(engine.name, Path(folder), without).progress

    best = progress(None)
    if best <= engine.progress:
        return ()
    alone = None if len(causes) == 1 else next((c for c in causes if progress(c) < best), None)
    return tuple(  # si ninguna lo estropea por sí sola, son varias a la vez
        shown(cause) if isinstance(cause, Path) else f"{cause}={os.environ[cause]}"
        for cause in ([alone] if alone else causes)
    )


def python_command(executable: PurePath, project: PurePath) -> str:
    """Cómo se llama a este Python desde la carpeta del proyecto, sin rutas personales."""
    if executable.is_relative_to(project):
        return str(executable.relative_to(project))
    return "python"


def anonymous(text: str) -> str:
    """Quita de un texto las carpetas personales, el nombre del usuario y el del equipo.

    El nombre de un equipo que es una sola letra, o «localhost», se deja: no dice de quién es.
    """
    for written in (sys.prefix, sys.prefix.replace("\\", "\\\\")):
        text = text.replace(written, "<entorno>")
    text = folders.anonymous(text)
    host = socket.gethostname().partition(".")[0]
    if len(host) > 1 and host != "localhost":
        text = re.sub(rf"\b{re.escape(host)}\b", "<equipo>", text)
    return text


def _distributions() -> dict[str, str]:
    """Las versiones que Python importa: de cada paquete, la primera que encuentra."""
    installed: dict[str, str] = {}
    for found in importlib.metadata.distributions():
        name = (found.name or "").lower().replace("_", "-")
        if RELEVANT.fullmatch(name):
            installed.setdefault(name, found.version)
    return dict(sorted(installed.items()))


def _missing_cuda_wheels(installed: dict[str, str]) -> tuple[str, ...]:
    """Bibliotecas CUDA que el propio TensorFlow pide en `tensorflow[and-cuda]` y no están."""
    try:
        required = importlib.metadata.requires("tensorflow") or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    names = {re.split(r"[^\w-]", line)[0] for line in required if "and-cuda" in line}
    return tuple(sorted(names - installed.keys()))


def _if_readable(question: Callable[[], Answer]) -> Answer | None:
    """Responde a una pregunta sobre el sistema; `None` si no deja leer la respuesta."""
    try:
        return question()
    except OSError:
        return None


def _has_nvidia_hardware() -> bool:
    if hardware.is_wsl():
        return Path("/dev/dxg").exists()
    return any(pci.startswith("10de:") for pci in _pci_gpus())


def _pci_gpus() -> tuple[str, ...]:
    return tuple(
        ":".join((device / name).read_text().strip()[2:] for name in ("vendor", "device"))
        for device in sorted(PCI_DEVICES.glob("*"))
        if (device / "class").read_text().startswith("0x03")  # pantalla o cálculo; no sonido
    )


def _nvidia_module() -> str:
    asked = ["/sbin/modinfo", "-F", "version", "nvidia"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip()


def _wsl() -> Literal[0, 1, 2]:
    """La versión de WSL: la 1 no lleva un Linux de verdad y se presenta siempre como el 4.4.0."""
    if not hardware.is_wsl():
        return 0
    return 1 if platform.release().startswith("4.4.0-") else 2


def _libc() -> str:
    if platform.system() != "Linux":
        return ""
    name, version = platform.libc_ver()
    return f"{name} {version}".strip() or "musl"


def _has_secure_boot() -> bool:
    """Lo dice el último byte de una variable de la UEFI."""
    values = [path.read_bytes()[-1:] for path in EFI_VARIABLES.glob("SecureBoot-*")]
    return values == [b"\x01"]


def _is_rosetta() -> bool:
    if platform.system() != "Darwin":
        return False
    asked = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "sysctl.proc_translated"], capture_output=True, text=True
    )
    return asked.stdout.strip() == "1"
