"""Reúne los hechos de este equipo con los que se diagnostica su GPU."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path, PurePath

import psutil

from fashion_bench import PROJECT_DIR
from fashion_bench.machine import hardware
from fashion_bench.machine.facts import IMPORT_TIMEOUT_SECONDS, Facts, TensorFlow

PCI_DEVICES = Path("/sys/bus/pci/devices")
CPUINFO = Path("/proc/cpuinfo")


def gather(tensorflow: TensorFlow | None = None) -> Facts:
    """Reúne los hechos de este equipo.

    Args:
        tensorflow: lo que ya se sabe de TensorFlow; si no se da, lo importa un proceso
            aparte, y así lo peor que puede pasar es que ese proceso se rompa.
    """
    cards, nvidia_error = hardware.ask_nvidia()
    return Facts(
        os=hardware.operating_system(),
        system=platform.system(),
        architecture=platform.machine(),
        wsl=hardware.is_wsl(),
        virtual_machine=_is_virtual_machine(),
        rosetta=_is_rosetta(),
        python=platform.python_version(),
        python_bits=64 if sys.maxsize > 2**32 else 32,
        python_command=python_command(_this_python(), PROJECT_DIR),
        distributions=_distributions(),
        missing_cuda_wheels=_missing_cuda_wheels(),
        tensorflow=tensorflow or _import_in_a_child(),
        nvidia_cards=tuple(cards),
        nvidia_error=nvidia_error,
        nvidia_hardware=_has_nvidia_hardware(),
        gpus_hidden=os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"),
        ld_library_path=bool(os.environ.get("LD_LIBRARY_PATH")),
        free_memory_gib=round(psutil.virtual_memory().available / 2**30, 1),
        free_disk_gib=round(shutil.disk_usage(PROJECT_DIR).free / 2**30, 1),
    )


def ask_tensorflow() -> TensorFlow:
    """Importa TensorFlow en este mismo proceso y cuenta qué GPU ve."""
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    return TensorFlow(
        version=tf.__version__,
        built_with_cuda=tf.test.is_built_with_cuda(),
        compute_capabilities=tuple(build.get("cuda_compute_capabilities", ())),
        gpus=tuple(
            tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
            for gpu in tf.config.list_physical_devices("GPU")
        ),
    )


def python_command(executable: PurePath, project: PurePath) -> str:
    """Cómo se llama a este Python desde la carpeta del proyecto, sin rutas personales."""
    if executable.is_relative_to(project):
        return str(executable.relative_to(project))
    return "python"


def anonymous(text: str) -> str:
    """Quita de un texto las carpetas personales, el nombre del usuario y el del equipo."""
    home, host = Path.home(), socket.gethostname().partition(".")[0]
    for folder, alias in ((sys.prefix, "<entorno>"), (PROJECT_DIR, "<proyecto>"), (home, "~")):
        for written in (str(folder), str(folder).replace("\\", "\\\\")):
            text = text.replace(written, alias)
    text = re.sub(rf"(?<=[/\\]){re.escape(home.name)}(?=[/\\])", "<usuario>", text)
    return re.sub(rf"\b{re.escape(host)}\b", "<equipo>", text)


def _import_in_a_child() -> TensorFlow:
    code = (
        "from fashion_bench.machine import probe; print(probe.ask_tensorflow().model_dump_json())"
    )
    # De TensorFlow, avisos y errores, sin lo demás; y en UTF-8, para reconocer qué hay que quitar.
    chosen = {"TF_CPP_MIN_LOG_LEVEL": "1", "PYTHONIOENCODING": "utf-8"}
    try:
        child = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | chosen,
            timeout=IMPORT_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return TensorFlow(version=None, exit_code=None)
    messages = anonymous(child.stderr)
    if child.returncode:
        return TensorFlow(version=None, exit_code=child.returncode, messages=messages)
    answer = TensorFlow.model_validate_json(child.stdout.splitlines()[-1])
    return answer.model_copy(update={"messages": messages})


def _this_python() -> Path:
    executable = Path(sys.executable)  # en un entorno virtual es un enlace: no hay que seguirlo
    return executable.parent.resolve() / executable.name


def _distributions() -> dict[str, str]:
    wanted = re.compile(r"(tensorflow|tf-nightly).*|keras|numpy|protobuf|nvidia-.*-cu12")
    installed = {
        (found.name or "").lower().replace("_", "-"): found.version
        for found in importlib.metadata.distributions()
    }
    return {name: version for name, version in sorted(installed.items()) if wanted.fullmatch(name)}


def _missing_cuda_wheels() -> tuple[str, ...]:
    """Bibliotecas CUDA que el propio TensorFlow pide en `tensorflow[and-cuda]` y no están."""
    try:
        required = importlib.metadata.requires("tensorflow") or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    names = {re.split(r"[^\w-]", line)[0] for line in required if "and-cuda" in line}
    return tuple(sorted(names - _distributions().keys()))


def _has_nvidia_hardware() -> bool:
    if hardware.is_wsl():
        return Path("/dev/dxg").exists()
    return any(
        (device / "vendor").read_text().strip() == "0x10de"
        and (device / "class").read_text().startswith("0x03")  # pantalla o cálculo; no sonido
        for device in PCI_DEVICES.glob("*")
    )


def _is_virtual_machine() -> bool:
    return CPUINFO.exists() and not hardware.is_wsl() and "hypervisor" in CPUINFO.read_text()


def _is_rosetta() -> bool:
    if platform.system() != "Darwin":
        return False
    asked = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "sysctl.proc_translated"], capture_output=True, text=True
    )
    return asked.stdout.strip() == "1"
