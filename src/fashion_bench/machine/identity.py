"""Qué procesador es este: lo que decide lo rápido que calcula y lo que lo distingue de otro."""

import os
import platform
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import archspec.cpu.detect
import psutil
import pynvml

from fashion_bench.record import clean

Answer = TypeVar("Answer")

READING_FAILS = (
    *(OSError, RuntimeError, ValueError, LookupError, ArithmeticError, AssertionError),
    *(AttributeError, TypeError, psutil.Error, subprocess.SubprocessError),
    # Un controlador que no conoce la pregunta; WSL2 contesta además cosas ilegibles (`ValueError`).
    *(pynvml.NVMLError, pynvml.NVMLLibraryMismatchError),
)
"""Lo que lanzan el sistema, `psutil` y el controlador de NVIDIA cuando no pueden decir algo."""

INSTRUCTION_SETS = {
    "avx": "AVX",
    "avx2": "AVX2",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "amx_tile": "AMX",
    "amx_bf16": "AMX-BF16",
    "asimd": "NEON",
    "neon": "NEON",
    "bf16": "NEON-BF16",
    "sve": "SVE",
    "sve2": "SVE2",
}
"""Los que deciden lo rápido que se multiplican matrices, con el nombre que les da el sistema."""

SETTINGS = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE"),
    *("TF_ENABLE_ZENDNN_OPTS", "TF_USE_DEEP_CONV2D", "TF_OVERRIDE_GLOBAL_THREADPOOL"),
    *("OMP_NUM_THREADS", "OMP_PROC_BIND", "KMP_AFFINITY", "KMP_BLOCKTIME", "MKL_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_DISABLE_MKL"),
    *("TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TF_CUDNN_USE_AUTOTUNE"),
    *("TF_ENABLE_AUTO_MIXED_PRECISION", "TF_XLA_FLAGS", "XLA_FLAGS"),
    *("JAX_ENABLE_X64", "JAX_DISABLE_JIT", "JAX_DEFAULT_MATMUL_PRECISION"),
    *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "NVIDIA_TF32_OVERRIDE", "CUDA_LAUNCH_BLOCKING"),
)
"""Variables de entorno que cambian las cuentas o lo rápido que se hacen."""

CPUINFO = Path("/proc/cpuinfo")
CPU_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
CGROUP = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
"""Dónde cuenta Linux los límites de cada grupo de procesos, y en qué grupos está este."""


def known(question: Callable[..., Answer], *arguments: object) -> Answer | None:
    """Responde a una pregunta sobre el sistema; `None` si falla, por lo que sea: no hace falta."""
    try:
        return question(*arguments)
    except READING_FAILS:
        return None


def key_file() -> Path:
    """Dónde se guarda el código al azar que distingue este equipo de otro igual.

    La carpeta personal la dice el sistema: una terminal puede cambiar `HOME` y `XDG_DATA_HOME`.
    """
    if sys.platform == "win32":
        home = Path.home()
    else:
        import pwd

        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    return home / ".local" / "share" / "fashion-bench" / "machine-key"


def machine_key() -> str | None:
    """Devuelve el código al azar de este equipo, y lo crea la primera vez.

    No sale de nada personal: para cambiarlo basta con borrar el archivo. Donde no se puede
    guardar es `None`. Si dos programas lo crean a la vez, los dos se quedan con el mismo.
    """
    file = known(key_file)
    key = _read(file) if file else None
    if not file or re.fullmatch(r"[0-9a-f]{32}", key or ""):
        return key
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if key is not None:  # está dañado
            file.unlink(missing_ok=True)
        draft.write_text(f"{secrets.token_hex(16)}\n", encoding="ascii")
        with suppress(FileExistsError):  # otro lo ha creado antes: vale el suyo
            os.link(draft, file)
    except OSError:  # sin permiso para escribir en ella, o sin enlaces
        return None
    finally:
        known(draft.unlink)
    return _read(file)


def instruction_sets() -> list[str]:
    """Devuelve los juegos de instrucciones del procesador que deciden lo rápido que calcula."""
    features = set(archspec.cpu.detect.detected_info().features)
    if platform.machine().lower() in ("arm64", "aarch64"):
        features.add("asimd")  # todos los de 64 bits lo tienen
    found = {name for feature, name in INSTRUCTION_SETS.items() if feature in features}
    return [name for name in dict.fromkeys(INSTRUCTION_SETS.values()) if name in found]


def vendor() -> str | None:
    """Devuelve quién hizo el procesador."""
    found = archspec.cpu.detect.detected_info().vendor
    return clean(found) if found and found != "generic" else None


def family_and_model() -> tuple[int | None, int | None]:
    """Devuelve la familia y el modelo de un procesador `x86`, si el sistema los cuenta."""
    told = platform.processor()  # en Windows, `AMD64 Family 25 Model 17 Stepping 1`
    if platform.system() == "Linux":
        told = _read(CPUINFO) or ""
    family = re.search(r"(?:cpu family\s*:|Family)\s*(\d+)", told)
    model = re.search(r"(?:^model\s*:|Model)\s*(\d+)", told, re.MULTILINE)
    return (int(family[1]) if family else None, int(model[1]) if model else None)


def cache_mib() -> list[float]:
    """Devuelve las cachés de datos de un núcleo, de la más pequeña a la mayor, en MiB."""
    if platform.system() == "Darwin":
        told = sysctl("hw.l1dcachesize", "hw.l2cachesize", "hw.l3cachesize")
        return [round(int(size) / 2**20, 3) for size in told if int(size)]
    found = []
    for folder in sorted(CPU_CACHES.glob("index*")):
        kind, size = (_read(folder / name) for name in ("type", "size"))
        if kind and size and kind != "Instruction":
            found.append(int(size.rstrip("KM")) * (1 if size.endswith("M") else 1 / 1024))
    return [round(size, 3) for size in sorted(found)]


def usable_cores() -> float:
    """Devuelve cuántos núcleos puede usar este programa: los de su afinidad y su cuota."""
    allowed: float = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    for group in own_groups("cpu"):
        told = _read(group / "cpu.max") or " ".join(
            _read(group / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")
        )
        if re.fullmatch(r"\d+ \d+", told):  # sin cuota, «max» o «-1»
            quota, period = map(int, told.split())
            allowed = min(allowed, quota / period)
    return allowed


def memory() -> tuple[int, int]:
    """Devuelve los bytes de memoria que hay y los que quedan libres para este programa.

    En un contenedor, los de su límite.
    """
    told = psutil.virtual_memory()
    total, free = told.total, told.available
    for group in own_groups("memory"):
        limit = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes") or "max"
        if limit != "max" and int(limit) < told.total:
            used = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes") or 0
            # La que ocupan los archivos ya leídos se puede recuperar.
            files = re.search(r"inactive_file (\d+)", _read(group / "memory.stat") or "")
            total = min(total, int(limit))
            free = min(free, int(limit) - int(used) + int(files[1] if files else 0))
    return total, max(free, 0)


def own_groups(resource: str) -> Iterator[Path]:
    """Las carpetas de los grupos de este proceso que reparten algo: el suyo y los que lo contienen.

    Los límites de todos cuentan. Linux los escribe de dos formas, según la versión de cgroup; en
    un contenedor, la ruta puede ser la de fuera y no estar.
    """
    for line in (_read(OWN_GROUPS) or "0::/").splitlines():
        _, names, path = line.split(":", 2)
        if not names or resource in names.split(","):
            root = CGROUP / resource if names else CGROUP
            group = root / path.strip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def settings() -> dict[str, str]:
    """Devuelve las variables de entorno puestas que cambian las cuentas, sin rutas."""
    return {
        name: clean(re.sub(r"\S*[/\\]\S*", "…", os.environ[name]))
        for name in SETTINGS
        if os.environ.get(name)
    }


def is_virtual() -> bool | None:
    """Dice si esto es una máquina virtual, como lo es también WSL2; `None` si no se sabe."""
    if platform.system() == "Darwin":
        return sysctl("kern.hv_vmm_present") == ["1"]
    told = _read(CPUINFO) if platform.system() == "Linux" else None
    return None if told is None else "hypervisor" in told


def sysctl(*names: str) -> list[str]:
    """Lo que contesta macOS a unos nombres; calla los que no conoce."""
    command = ["/usr/sbin/sysctl", "-n", *names]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


def _read(path: Path) -> str | None:
    """Lo que dice un archivo; `None` si no lo hay o no se deja leer."""
    return known(lambda: path.read_text(encoding="utf-8", errors="replace").strip())
