"""Qué procesador es este: lo que decide lo rápido que calcula y lo que lo distingue de otro."""

import os
import platform
import re
import secrets
import subprocess
from contextlib import suppress
from pathlib import Path

import archspec.cpu.detect
import platformdirs
import psutil

from fashion_bench.record import clean

KEY_FILE = platformdirs.user_data_path("fashion-bench") / "machine-key"
"""Dónde se guarda el código al azar que distingue este equipo de otro igual."""

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
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"),
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
CPU_QUOTAS = (
    [CGROUP / "cpu.max"],
    [CGROUP / "cpu" / "cpu.cfs_quota_us", CGROUP / "cpu" / "cpu.cfs_period_us"],
)
"""Dónde está la cuota de procesador de un contenedor, y cada cuánto se cuenta."""


def machine_key() -> str | None:
    """Devuelve el código al azar de este equipo, y lo crea la primera vez.

    No sale de nada personal: para cambiarlo basta con borrar el archivo. Donde no se puede
    guardar es `None`. Si dos programas lo crean a la vez, los dos se quedan con el mismo.
    """
    key = _read(KEY_FILE)
    if key and re.fullmatch(r"[0-9a-f]{32}", key):
        return key
    draft = KEY_FILE.with_name(f".{KEY_FILE.name}.{secrets.token_hex(4)}.tmp")
    try:
        KEY_FILE.parent.mkdir(parents=True, exist_ok=True)
        if key is not None:  # está dañado
            KEY_FILE.unlink(missing_ok=True)
        draft.write_text(f"{secrets.token_hex(16)}\n", encoding="ascii")
        with suppress(FileExistsError):  # otro lo ha creado antes: vale el suyo
            os.link(draft, KEY_FILE)
        draft.unlink()
    except OSError:  # sin carpeta personal, sin permiso para escribir en ella o sin enlaces
        return None
    return _read(KEY_FILE)


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
        names = ("hw.l1dcachesize", "hw.l2cachesize", "hw.l3cachesize")
        command = ["/usr/sbin/sysctl", "-n", *names]  # calla las que no conoce
        told = subprocess.run(command, capture_output=True, text=True).stdout
        return [round(int(size) / 2**20, 3) for size in told.split() if int(size)]
    found = []
    for folder in sorted(CPU_CACHES.glob("index*")):
        kind, size = (_read(folder / name) for name in ("type", "size"))
        if kind and size and kind != "Instruction":
            found.append(int(size.rstrip("KM")) * (1 if size.endswith("M") else 1 / 1024))
    return [round(size, 3) for size in sorted(found)]


def usable_cores() -> float:
    """Devuelve cuántos núcleos puede usar este programa: los de su afinidad y su cuota."""
    allowed: float = psutil.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    for files in CPU_QUOTAS:
        words = " ".join(_read(file) or "" for file in files).split()
        if words and words[0] not in ("max", "-1"):
            quota, period = map(int, words)
            allowed = min(allowed, quota / period)
    return allowed


def settings() -> dict[str, str]:
    """Devuelve las variables de entorno puestas que cambian las cuentas, sin rutas."""
    return {
        name: clean(re.sub(r"\S*[/\\]\S*", "…", os.environ[name]))
        for name in SETTINGS
        if os.environ.get(name)
    }


def is_virtual() -> bool | None:
    """Dice si esto es una máquina virtual, como lo es también WSL2; `None` si no se sabe."""
    told = _read(CPUINFO) if platform.system() == "Linux" else None
    return None if told is None else "hypervisor" in told


def _read(path: Path) -> str | None:
    """Lo que dice un archivo; `None` si no lo hay o no se deja leer."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
