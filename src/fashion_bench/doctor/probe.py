"""Reúne los hechos de este equipo con los que se diagnostica su GPU."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from fashion_bench import NOTEBOOKS_DIR, PROJECT_DIR, folders, install
from fashion_bench.doctor import trial
from fashion_bench.doctor.facts import Engine, Facts
from fashion_bench.folders import shown
from fashion_bench.machine import hardware, identity
from fashion_bench.machine.engines import hiding_files
from fashion_bench.machine.identity import known
from fashion_bench.measure import surroundings
from fashion_bench.record import TITLES, Backend

PCI_DEVICES = Path("/sys/bus/pci/devices")
KERNEL_MODULES = Path("/sys/module")
EFI_VARIABLES = Path("/sys/firmware/efi/efivars")
PRIME = Path("/etc/prime-discrete")
TEGRA = Path("/etc/nv_tegra_release")

STRAY = (
    "PYTHON",
    *("TF_", "XLA_", "KERAS_", "JAX_", "TORCH_", "PYTORCH_", "CUDA_", "CUDNN_", "NCCL_", "TPU_"),
    *("ONEDNN_", "DNNL_", "MKL_", "OMP_", "KMP_", "GOMP_", "LD_", "DYLD_", "MPL"),
)
"""Cómo empiezan las variables con las que alguien puede cambiar lo que hacen los motores."""

TERRAFORM = ("TF_VAR_", "TF_CLI_", "TF_TOKEN_", "TF_LOG", "TF_INPUT", "TF_PLUGIN_", "TF_DATA_DIR")
"""Cómo empiezan las de otro programa, Terraform, que los motores no leen."""

OURS = {
    *("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND", "PYTHONIOENCODING", "PYTHONUTF8"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
}
"""Las que pone la prueba, o no cambian lo que se calcula."""

RELEVANT = re.compile(r"tensorflow.*|tf-nightly.*|keras|torch|jax.*|numpy|protobuf|nvidia-.*-cu\d+")
"""Los paquetes que deciden si se puede entrenar."""


def gather(
    backend: Backend = "tensorflow",
    engine: Engine | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Facts:
    """Reúne los hechos de este equipo.

    Args:
        backend: el motor que interesa.
        engine: lo que ya se sabe de él; si no se da, lo prueba un proceso aparte y, si no va
            bien, busca qué variable o qué archivo de la persona lo impide.
        tell: a quién se le cuenta que empieza cada prueba, que puede tardar.
    """
    cards, nvidia_error = hardware.ask_nvidia()
    machine, seen, memory = hardware.machine(), surroundings.snapshot(), known(identity.memory)
    read = {
        "la memoria": memory,
        "la memoria de intercambio": seen.swapped,
        "el procesador en uso": seen.busy,
    }
    hiding = [*hiding_files(NOTEBOOKS_DIR), *hiding_files(PROJECT_DIR)]
    in_the_way: tuple[str, ...] | None = None
    if engine is None:
        folder = hiding[0].parent if hiding else NOTEBOOKS_DIR
        tell(f"Probando {TITLES[backend]}…")
        engine, in_the_way = trial.run(backend, folder), ()
        if engine.agrees is not True or (cards and not engine.gpus):
            engine, in_the_way = _in_the_way(engine, folder, hiding, tell)
    installed = _distributions()
    return Facts(
        os=machine.os,
        system=platform.system(),
        architecture=machine.architecture,
        libc=_libc(),
        wsl=_wsl(),
        container=install.is_container(),
        rosetta=known(_is_rosetta),
        python=platform.python_version(),
        python_bits=64 if sys.maxsize > 2**32 else 32,
        python_kind=_python_kind(),
        python_managed=install.is_managed(),
        python_command=install.this_python(),
        distributions=installed,
        missing_cuda_wheels=_missing_cuda_wheels(installed),
        engine=engine,
        in_the_way=in_the_way,
        nvidia_cards=tuple(cards),
        nvidia_error=nvidia_error,
        nvidia_hardware=known(_has_nvidia_hardware),
        nvidia_module=known(_nvidia_module),
        pci_gpus=known(_pci_gpus),
        nouveau=known((KERNEL_MODULES / "nouveau").exists),
        secure_boot=known(_has_secure_boot),
        prime=known(lambda: PRIME.read_text(errors="replace").strip()),
        cuda_sees=any(card.mig for card in cards) and bool(hardware.first_cuda_uuid()),
        jetson=known(TEGRA.exists),
        virtual=machine.virtual,
        visible_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
        free_memory_gib=_gib(memory and memory[1]),
        free_disk_gib=_gib(known(lambda: shutil.disk_usage(PROJECT_DIR).free)),
        free_temp_gib=_gib(known(lambda: shutil.disk_usage(tempfile.gettempdir()).free)),
        unread=tuple(name for name, value in read.items() if value is None),
    )


def _gib(size: int | None) -> float | None:
    return None if size is None else round(size / 2**30, 1)


def _in_the_way(
    first: Engine, folder: Path, hiding: list[Path], tell: Callable[[str], None]
) -> tuple[Engine, tuple[str, ...]]:
    """Busca, probando, la variable o el archivo que impide que un motor llegue más lejos.

    Antes lo prueba otra vez con todo: un fallo que no se repite no acusa a nadie. Solo acusa a lo
    que falla dos veces sin lo demás o, si nada falla así, a todo a la vez.

    Returns:
        La prueba que vale y lo que estorba.
    """
    variables = [
        name
        for name in os.environ
        if name.startswith(STRAY) and name not in OURS and not name.startswith(TERRAFORM)
    ]
    causes: list[str | Path] = [*hiding, *variables]

    def run(kept: list[str | Path]) -> Engine:
        tell(f"Probando solo con {', '.join(map(_named, kept)) or 'lo imprescindible'}…")
        with tempfile.TemporaryDirectory() as empty:
            for file in {each for each in kept if isinstance(each, Path)}:
                Path(empty, file.name).symlink_to(file)
            return trial.run(first.name, Path(empty), {*variables} - {*kept})

    tell("No ha ido bien; probando otra vez…")
    again = trial.run(first.name, folder)
    engine = max(first, again, key=lambda each: each.progress)
    if first.progress != again.progress or not causes:
        return engine, ()
    best = run([])
    if best.progress <= engine.progress:
        return engine, ()
    for guilty in (*([cause] for cause in causes), causes):
        if run(guilty).progress < best.progress and run(guilty).progress < best.progress:
            return engine, tuple(map(_named, guilty))
    return best, ()


def _named(cause: str | Path) -> str:
    return cause if isinstance(cause, str) else shown(cause) + "/" * cause.is_dir()


def _python_kind() -> str:
    """Qué tiene de raro este Python, si no es el corriente."""
    if sys.implementation.name != "cpython":
        return f"({platform.python_implementation()})"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "sin GIL"
    return "de MSYS2" if sysconfig.get_platform().startswith(("mingw", "msys", "cygwin")) else ""


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


def _has_nvidia_hardware() -> bool | None:
    if platform.system() == "Windows":  # allí no se mira
        return None
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
    return identity.sysctl("sysctl.proc_translated") == ["1"]
