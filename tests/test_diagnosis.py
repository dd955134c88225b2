import errno
import importlib.metadata
import json
import os
import platform
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from typing import NoReturn

import pytest
from conftest import ROOT, RTX, child_environment

from fashion_bench import folders, install
from fashion_bench.doctor import command as diagnose
from fashion_bench.doctor import diagnosis, needs, probe, trial
from fashion_bench.doctor.diagnosis import findings
from fashion_bench.doctor.facts import Engine, Facts, capability
from fashion_bench.doctor.finding import Finding
from fashion_bench.doctor.rules.sees import driver_old
from fashion_bench.errors import MEANINGS
from fashion_bench.machine import backends, hardware

Changes = dict[str, object]

RULES = Path(diagnosis.__file__).parent / "rules"

CUDA = Engine(
    name="tensorflow",
    version="2.21.0",
    keras="3.15.1",
    cuda="12.5.1",
    capabilities=("sm_60", "sm_70", "sm_80", "sm_89", "compute_90"),
    gpus=(RTX.name,),
    tried_on="gpu",
    agrees=True,
)
CPU = Engine(name="tensorflow", version="2.21.0", keras="3.15.1", tried_on="cpu", agrees=True)

LINUX = Facts(
    os="Ubuntu 24.04.1 LTS",
    system="Linux",
    architecture="x86_64",
    libc="glibc 2.39",
    wsl=0,
    container=False,
    rosetta=False,
    python="3.12.7",
    python_bits=64,
    python_command=".venv/bin/python",
    distributions={
        "keras": "3.15.1",
        "numpy": "2.4.6",
        "nvidia-cudnn-cu12": "9.10.2.21",
        "protobuf": "7.36.2",
        "tensorflow": "2.21.0",
    },
    missing_cuda_wheels=(),
    engine=CUDA,
    in_the_way=None,
    nvidia_cards=(RTX,),
    nvidia_error=None,
    nvidia_hardware=True,
    nvidia_module="560.35.03",
    pci_gpus=("10de:2504",),
    nouveau=False,
    secure_boot=False,
    prime=None,
    visible_devices=None,
    free_memory_gib=12.0,
    free_disk_gib=80.0,
)


def having(base: Facts, changes: Changes) -> Facts:
    """Los mismos hechos con otros valores; los que son del motor se cambian en él."""
    inside = {name: value for name, value in changes.items() if name in Engine.model_fields}
    engine = changes.get("engine", base.engine)
    facts = {name: value for name, value in changes.items() if name in Facts.model_fields}
    facts["engine"] = engine.model_copy(update=inside)
    assert set(changes) <= Engine.model_fields.keys() | Facts.model_fields.keys()
    return base.model_copy(update=facts)


BARE = having(
    LINUX,
    {
        "engine": CPU,
        "distributions": {"tensorflow-cpu": "2.21.0", "keras": "3.15.1"},
        "nvidia_cards": (),
        "nvidia_error": "NVML Shared Library Not Found",
        "nvidia_hardware": False,
        "nvidia_module": None,
        "pci_gpus": (),
    },
)
NO_LIBRARY = "NVML Shared Library Not Found"
WSL = having(
    LINUX,
    {
        "os": "Ubuntu 24.04.1 LTS, WSL2",
        "wsl": 2,
        "nvidia_cards": (RTX.model_copy(update={"driver": "566.36"}),),
    },
)
MAC = having(
    BARE,
    {
        "os": "macOS 15.1",
        "system": "Darwin",
        "architecture": "arm64",
        "libc": "",
        "name": "torch",
        "version": "2.15.0",
        "gpus": (backends.MPS,),
        "tried_on": "gpu",
        "distributions": {"tensorflow": "2.21.0", "torch": "2.15.0"},
    },
)
MAC_CPU = having(MAC, {"engine": CPU, "distributions": {"tensorflow": "2.21.0"}})
MAC_METAL = having(MAC, {"name": "tensorflow", "version": "2.19.1", "gpus": ("METAL",)})
WINDOWS = having(
    BARE,
    {
        "os": "Windows 11",
        "system": "Windows",
        "architecture": "AMD64",
        "libc": "",
        "python_command": r".venv\Scripts\python.exe",
        "nvidia_cards": (RTX.model_copy(update={"driver": "566.36"}),),
        "nvidia_error": None,
    },
)
TORCH = having(
    LINUX,
    {
        "name": "torch",
        "version": "2.10.0+cu128",
        "cuda": "12.8",
        "capabilities": (),
    },
)
ARM = having(BARE, {"architecture": "aarch64", "nvidia_cards": (RTX,), "nvidia_hardware": True})
TORCH_13 = having(TORCH, {"version": "2.15.0+cu130", "cuda": "13.0"})
JAX = having(LINUX, {"name": "jax", "version": "0.10.2", "cuda": "12.8.90", "capabilities": ()})

BLIND: Changes = {"gpus": (), "tried_on": "cpu"}
"""El motor calcula, pero en la CPU: no ve la GPU."""


NOT_TRIED: Changes = {"tried_on": None, "agrees": None}


def card(**changes: str | None) -> Changes:
    return {"nvidia_cards": (RTX.model_copy(update=changes),)}


def seen(changes: dict[str, str]) -> Changes:
    """El motor ve otra GPU."""
    return card(**changes) | {"gpus": (changes["name"],)}


def broken(messages: str = "", exit_code: int | None = 1) -> Changes:
    """Importación fallida; los mensajes son los que el motor o Python escriben de verdad."""
    failed = Engine(name="tensorflow", exit_code=exit_code, messages=messages)
    return {"engine": failed}


def silenced(error: str | None = NO_LIBRARY, **changes: object) -> Changes:
    """Hay una GPU NVIDIA, pero su controlador no responde."""
    return {"nvidia_hardware": True, "nvidia_error": error} | changes


def hidden(visible_devices: str, **changes: object) -> Changes:
    """CUDA_VISIBLE_DEVICES está puesta, y el motor no ve ninguna GPU."""
    return BLIND | {"visible_devices": visible_devices} | changes


def metal(tensorflow: str) -> Changes:
    return {"distributions": {"tensorflow": tensorflow, "tensorflow-metal": "1.2.0"}}


def step_fails(messages: str = "", exit_code: int | None = 1) -> Changes:
    """Todo se importa y se ve la GPU, pero el paso de prueba no acaba."""
    return {"agrees": None, "exit_code": exit_code, "messages": messages}


DLOPEN = (
    "W0000 00:00:1744212707.411665 14 gpu_device.cc:2341] Cannot dlopen some GPU libraries. "
    "Please make sure the missing libraries mentioned above are installed properly if you would "
    "like to use GPU."
)
CUINIT = (
    "E0000 00:00:1744212707.411665 14 cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA "
    "error: Failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error"
)
NO_DEVICE = CUINIT.replace("CUDA_ERROR_UNKNOWN: unknown error", "CUDA_ERROR_NO_DEVICE: no device")
METAL = (
    "tensorflow.python.framework.errors_impl.NotFoundError: dlopen(<entorno>/lib/python3.12/"
    "site-packages/tensorflow-plugins/libmetal_plugin.dylib, 0x0006): Symbol not found"
)
AVX = (
    "F tensorflow/core/platform/cpu_feature_guard.cc:35] The TensorFlow library was compiled to "
    "use AVX instructions, but these aren't available on your machine."
)
DLL = "ImportError: DLL load failed while importing _pywrap_tensorflow_internal"
PROTOBUF = "ImportError: cannot import name 'runtime_version' from 'google.protobuf'"
GENCODE = "VersionError: Detected incompatible Protobuf Gencode/Runtime versions when loading"
NUMPY = "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.1.3 as it may crash."
MISSING = "ModuleNotFoundError: No module named 'tensorflow'"
CUDNN = "Loaded runtime CuDNN library: 9.1.0 but source was compiled with: 9.3.0. CUDNN_STATUS_..."
MEMORY = "tensorflow.python.framework.errors_impl.InternalError: CUDA_ERROR_OUT_OF_MEMORY: out of"
KERNEL = "InternalError: 'cuLaunchKernel' failed with 'CUDA_ERROR_INVALID_PTX'"
XLA = "Unknown flag in TF_XLA_FLAGS: --xla_gpu_cuda_data_dir=/usr/local/cuda"

GTX_1080 = {"name": "NVIDIA GeForce GTX 1080 Ti", "compute_capability": "6.1"}
V100 = {"name": "Tesla V100-SXM2-16GB", "compute_capability": "7.0"}
T4 = {"name": "Tesla T4", "compute_capability": "7.5"}
GT_710 = {"name": "NVIDIA GeForce GT 710", "compute_capability": "3.5", "driver": "470.256.02"}
GTX_960M = {"name": "NVIDIA GeForce GTX 960M", "compute_capability": "5.0"}
RTX_5090 = {"name": "NVIDIA GeForce RTX 5090", "compute_capability": "12.0", "driver": "580.95.05"}
GB10 = {"name": "NVIDIA GB10", "compute_capability": "12.1", "driver": "580.95.05"}
RADEON, ARC, UHD = "1002:744c", "8086:56a0", "8086:3ea0"
OLD_PCI = {"pci_gpus": ("8086:3ea0", "10de:1b80")}
"""Una GTX 1080."""
MIG, NVCC, NOT_FOUND = "mig-without-instance", "nvcc-missing", "libraries-not-found"
GFX: Changes = {"capabilities": ("gfx90a", "gfx1100")}
H100 = {"name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "driver": "535.1"}


def cudnn(version: str) -> Changes:
    return {"distributions": LINUX.distributions | {"nvidia-cudnn-cu12": version}}


NEW_CUDNN = cudnn("9.28.0.41")

NO_WHEELS: Changes = {"missing_cuda_wheels": ("nvidia-cudnn-cu12",)}
UNTOLD: Changes = {"version": "2.22.0", "capabilities": ()}

Case = tuple[Facts, Changes, str]

CASES: list[Case] = [
    (LINUX, {}, "gpu-ready"),
    (LINUX, NOT_TRIED, "gpu-ready"),
    (LINUX, BLIND | card(driver="520.61.05"), "driver-old"),
    (LINUX, {"engine": CPU}, "cpu-build"),
    (LINUX, BLIND | NO_WHEELS, "cuda-wheels-missing"),
    (LINUX, BLIND | {"messages": DLOPEN}, "libraries-not-found"),
    (LINUX, BLIND | {"messages": CUINIT}, "cuda-not-starting"),
    (LINUX, hidden("-1"), "gpu-hidden"),
    (LINUX, BLIND | card(compute_capability="5.2"), "gpu-too-old"),
    (ARM, {}, "nvidia-arm"),
    (ARM, card(**GB10), "gpu-too-new"),
    (ARM, {"name": "jax", "cuda": None}, "nvidia-arm"),
    (LINUX, broken(MISSING), "engine-missing"),
    (LINUX, broken(exit_code=-signal.SIGILL), "illegal-instruction"),
    (LINUX, broken(AVX, exit_code=-signal.SIGABRT), "illegal-instruction"),
    (LINUX, broken(GENCODE), "version-conflict"),
    (LINUX, broken(NUMPY), "version-conflict"),
    (LINUX, broken(exit_code=-signal.SIGSEGV), "engine-broken"),
    (LINUX, broken(exit_code=None), "engine-slow"),
    (LINUX, {"python": "3.14.0"} | broken(MISSING), "python-unsupported"),
    (LINUX, {"python": "3.10.12"}, "python-unsupported"),
    (BARE, {}, "no-gpu"),
    (BARE, {"pci_gpus": (ARC,)}, "other-gpu"),
    (BARE, {"pci_gpus": (UHD, RADEON)}, "other-gpu"),
    (BARE, {"pci_gpus": (UHD,)}, "no-gpu"),
    (BARE, silenced(), "driver-missing"),
    (WSL, {}, "gpu-ready"),
    (WSL, BLIND | card(driver="527.41"), "driver-old"),
    (WSL, BLIND | {"nvidia_cards": (), "nvidia_error": NO_LIBRARY}, "wsl-driver-missing"),
    (WINDOWS, {}, "windows-native"),
    (WINDOWS, {"nvidia_cards": ()}, "no-gpu"),
    (WINDOWS, broken(DLL), "visual-cpp-missing"),
    (WINDOWS, broken(exit_code=0xC000001D), "illegal-instruction"),
    (WINDOWS, {"python_bits": 32} | broken(MISSING), "python-unsupported"),
    (MAC, {}, "gpu-ready"),
    (MAC, metal("2.21.0") | broken(METAL), "metal-breaks-tensorflow"),
    (MAC, metal("2.20.0") | broken(exit_code=-signal.SIGABRT), "metal-breaks-tensorflow"),
    (MAC_CPU, metal("2.19.1"), "mac-without-torch"),
    (MAC_CPU, {}, "mac-without-torch"),
    (MAC, {"rosetta": True, "architecture": "x86_64"} | broken(AVX), "python-rosetta"),
    (MAC, {"architecture": "x86_64"} | broken(MISSING), "system-unsupported"),
    (MAC_CPU, {"architecture": "x86_64", "version": "2.16.2"}, "no-gpu"),
]
REPORTED: list[Case] = [
    # Los casos de informes públicos, con su número en la revisión.
    (LINUX, NEW_CUDNN | step_fails() | seen(GTX_1080), "cudnn-too-new"),  # E1
    (LINUX, seen(GTX_1080), "gpu-ready"),
    (LINUX, NEW_CUDNN | seen(T4) | NOT_TRIED, "gpu-ready"),  # la primera para la que trae código
    (LINUX, broken("x") | {"in_the_way": ("notebooks/tensorflow.py",)}, "file-in-the-way"),  # E5
    (LINUX, NOT_TRIED | {"keras": None, "exit_code": 1, "gpus": ()}, "engine-broken"),  # E6
    (LINUX, {"engine": CPU} | step_fails("x"), "engine-broken"),
    (LINUX, broken(XLA, -6) | {"in_the_way": ("TF_XLA_FLAGS",)}, "variable-in-the-way"),  # E7
    (LINUX, BLIND | {"in_the_way": ("LD_LIBRARY_PATH",)}, "variable-in-the-way"),
    (LINUX, BLIND | card(**GT_710), "gpu-too-old"),  # E8
    (LINUX, {"engine": CPU} | card(**GT_710), "gpu-too-old"),
    (WINDOWS, card(**GT_710), "gpu-too-old"),
    (LINUX, hidden("NoDevFiles", messages=NO_DEVICE), "gpu-hidden"),  # E10
    (LINUX, hidden("1", in_the_way=("CUDA_VISIBLE_DEVICES",)), "gpu-hidden"),
    # Se ha probado sin ella, y tampoco se ve: no es la variable.
    (LINUX, hidden("0", in_the_way=(), messages=CUINIT), "cuda-not-starting"),
    (BARE, silenced(container=True), "container-without-gpu"),  # E13
    (BARE, {"container": True}, "no-gpu"),
    (LINUX, BLIND | {"container": True, "messages": CUINIT}, "container-without-gpu"),
    (TORCH_13, BLIND, "driver-old"),  # E14
    (TORCH, BLIND | {"cuda": None}, "cpu-build"),
    (TORCH, {}, "gpu-ready"),
    (TORCH, BLIND | {"messages": "UserWarning: CUDA initialization"}, "engine-blind"),
    (TORCH_13, BLIND | card(**V100, driver="580.95.05"), "gpu-too-old"),
    (JAX, BLIND | {"cuda": None}, "cpu-build"),
    (JAX, BLIND | card(driver="515.1"), "driver-old"),
    (MAC_CPU, {"name": "jax"}, "mac-without-torch"),
    (MAC_CPU, {"name": "torch"}, "mps-not-seen"),
    # Con ROCm y XPU, la GPU no es de NVIDIA: nada de lo suyo la acusa.
    (TORCH, {"cuda": None, "gpus": ("AMD Radeon RX 7900 XTX",), "nvidia_cards": ()}, "gpu-ready"),
    (BARE, {"name": "torch", "gpus": ("Intel(R) Arc(TM) A770 Graphics",)}, "gpu-ready"),
    (BARE, {"name": "torch", "version": "2.10.0+cpu", "pci_gpus": (ARC,)}, "other-gpu"),
    (having(WINDOWS, {"name": "torch"}), {}, "cpu-build"),
    (having(WINDOWS, {"name": "jax"}), {}, "windows-native"),
    (LINUX, step_fails(CUDNN), "cudnn-broken"),  # E16
    (LINUX, step_fails(MEMORY), "gpu-memory-taken"),
    (LINUX, step_fails(f"CUDNN_STATUS_ALLOC_FAILED\n{MEMORY}"), "gpu-memory-taken"),
    (LINUX, step_fails(KERNEL), "gpu-without-code"),
    (LINUX, step_fails(exit_code=-signal.SIGSEGV), "gpu-does-not-compute"),
    (LINUX, step_fails(exit_code=None), "gpu-does-not-compute"),
    (LINUX, {"agrees": False}, "gpu-computes-wrong"),
    (MAC, {"agrees": False}, "gpu-computes-wrong"),
    (MAC, step_fails("RuntimeError: MPS backend out of memory"), "gpu-memory-taken"),
    (LINUX, broken(exit_code=-signal.SIGILL) | {"architecture": "aarch64"}, "illegal-instruction"),
    (having(BARE, {"os": "Ubuntu 22.04, WSL"}), {"wsl": 1}, "wsl-1"),  # E24
    (BARE, silenced(prime="off"), "prime-off"),  # E25
    (BARE, silenced(nouveau=True), "nouveau-in-use"),
    (BARE, silenced("Driver Not Loaded", secure_boot=True), "secure-boot"),
    (BARE, silenced("Driver Not Loaded"), "driver-not-loaded"),
    (BARE, silenced("Driver/library version mismatch"), "driver-mismatch"),
    (BARE, silenced("Insufficient Permissions"), "driver-forbidden"),
    (BARE, {"nvidia_error": "Insufficient Permissions"}, "driver-forbidden"),  # sin verla, contesta
    (BARE, {"nvidia_error": "Driver Not Loaded"}, "no-gpu"),
    (BARE, silenced("GPU is lost"), "gpu-lost"),
    # `nixos-hardware#1880`: la rama 595 no carga con una GTX 10.
    (BARE, silenced("Driver Not Loaded", nvidia_module="595.71.05", **OLD_PCI), "driver-too-new"),
    (
        BARE,
        silenced("Driver Not Loaded", nvidia_module="580.95.05", **OLD_PCI),
        "driver-not-loaded",
    ),
    (
        BARE,
        silenced("Driver Not Loaded", nvidia_module="595.71.05", pci_gpus=("10de:2504",)),
        "driver-not-loaded",
    ),
    (LINUX, step_fails() | seen(RTX_5090), "gpu-too-new"),  # E28
    (LINUX, BLIND | card(**RTX_5090), "gpu-too-new"),
    (WINDOWS, card(**RTX_5090), "gpu-too-new"),
    (having(WINDOWS, {"name": "torch", "cuda": "12.8"}), card(**GTX_1080), "gpu-too-old"),
    (LINUX, seen(RTX_5090), "gpu-ready"),  # ha calculado
    # Lo que el motor cuenta de sí mismo manda sobre la tabla.
    (LINUX, BLIND | card(**RTX_5090) | {"capabilities": ("sm_120",)}, "libraries-not-found"),
    (LINUX, BLIND | card(**V100) | {"capabilities": ("sm_75", "compute_90")}, "gpu-too-old"),
    (TORCH, seen(RTX_5090), "gpu-ready"),
    (LINUX, {"architecture": "armv7l"} | broken(MISSING), "system-unsupported"),  # E29
    (LINUX, {"libc": "musl"} | broken(MISSING), "system-unsupported"),
    (LINUX, {"libc": "glibc 2.26"} | broken(MISSING), "system-unsupported"),
    (LINUX, {"libc": "glibc 2.27"} | broken(MISSING), "engine-missing"),
    (WINDOWS, {"architecture": "ARM64"} | broken(MISSING), "system-unsupported"),
    # TensorFlow 2.22 ya no cuenta para qué se compiló: vale la tabla.
    (LINUX, BLIND | UNTOLD | card(**GTX_960M), "gpu-too-old"),  # E30
    # Desde Hopper, TensorFlow depende de lo que traduzca el controlador.
    (LINUX, step_fails() | seen(H100), "driver-old"),
    (LINUX, seen(H100), "gpu-ready"),
    (LINUX, step_fails() | seen(H100 | {"driver": "554.99"}), "driver-old"),
    (LINUX, step_fails() | seen(H100 | {"driver": "555.42.01"}), "driver-old"),
    (LINUX, step_fails() | seen(H100 | {"driver": "555.42.02"}), "gpu-does-not-compute"),
    (WSL, step_fails() | seen(H100 | {"driver": "555.84"}), "driver-old"),
    (WSL, step_fails() | seen(H100 | {"driver": "555.85"}), "gpu-does-not-compute"),
    # Desde la 9.11, cuDNN no trae código para las anteriores a Turing.
    (LINUX, cudnn("9.11.0.98") | seen(V100) | NOT_TRIED, "cudnn-too-new"),
    (LINUX, cudnn("9.10.2.21") | seen(V100) | NOT_TRIED, "gpu-ready"),
]
DOWN: Changes = {"keras": "3.15.1", "version": "2.21.0", "tried_on": "cpu"}
"""Se importa todo, y el paso en la CPU no acaba."""
AS_TORCH: Changes = {"name": "torch"}


def torch_warns(told: str) -> Changes:
    """PyTorch no ve la GPU y dice por qué, en un aviso al que sigue la línea de su código."""
    warned = f"/x/torch/cuda/__init__.py:182: UserWarning: CUDA initialization: {told} (Triggered"
    return BLIND | {"messages": f"{warned} at x)\n  return torch._C._cuda_getDeviceCount() > 0"}


UNEXPECTED = "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before? "
UNKNOWN = "CUDA unknown error - this may be due to an incorrectly set up environment."
DRIVER_12020 = "The NVIDIA driver on your system is too old (found version 12020)."
PAGING = "[WinError 1455] El archivo de paginación es demasiado pequeño para completar la operación"
STATIC_TLS = "ImportError: /x/libgomp-d22c30c5.so.1: cannot allocate memory in static TLS block"
GLIBCXX = "ImportError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by x.so)"
OMP = "OMP: Error #15: Initializing libiomp5.so, but found one already.\nOMP: Hint This means that"
NOEXEC = "Original error was: /x/_multiarray_umath.so: failed to map segment from shared object"
EMFILE = "OSError: [Errno 24] Too many open files: '/x/keras/__init__.py'"
WDAC = "ImportError: DLL load failed while importing x: Una directiva de Control de aplicaciones"
GATEKEEPER = "ImportError: dlopen(x.so): code signature in x.so not valid for use in process"
WRONG_CPU = "mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64')"

HUNTED: list[Case] = [
    # La segunda caza, con su número en la revisión.
    (TORCH, torch_warns(f"{UNEXPECTED}Error 802: system not yet initialized"), "cuda-not-starting"),
    (TORCH, torch_warns(f"{UNEXPECTED}Error 803: driver / library mismatch"), "cuda-not-starting"),
    (TORCH, torch_warns(f"{UNEXPECTED}Error 804: forward compatibility"), "cuda-not-starting"),
    (TORCH, torch_warns(f"{UNEXPECTED}Error 999: unknown error"), "cuda-not-starting"),  # V9
    (TORCH, torch_warns(DRIVER_12020), "driver-old"),
    (WINDOWS, broken(f"OSError: {PAGING}") | AS_TORCH, "no-memory"),  # V12
    (WINDOWS, broken(f"{DLL}: {PAGING}"), "no-memory"),
    (WINDOWS, broken("OSError: [WinError 1114] c10.dll") | AS_TORCH, "visual-cpp-missing"),  # V14
    (LINUX, broken(exit_code=-9), "no-memory"),  # V15
    (LINUX, broken("MemoryError"), "no-memory"),
    (LINUX, broken("terminate called: 'std::bad_alloc'", -6), "no-memory"),
    (BARE, DOWN | {"agrees": None, "exit_code": -9}, "no-memory"),
    (BARE, {"exit_code": None}, "no-gpu"),  # V17: acabó el paso, y el proceso no
    (LINUX, {"exit_code": None}, "gpu-ready"),
    (BARE, {"exit_code": -signal.SIGILL}, "no-gpu"),
    (MAC_CPU, AS_TORCH | {"os": "macOS 26.1"}, "mps-not-seen"),  # V28
    (BARE, {"python": "3.13.5", "python_kind": "sin GIL"} | broken(MISSING), "python-unsupported"),
    (WINDOWS, {"python_kind": "de MSYS2"} | broken(MISSING), "python-unsupported"),  # V30
    (LINUX, broken(EMFILE), "too-many-files"),  # V33
    (LINUX, broken("ModuleNotFoundError: No module named '_ctypes'"), "python-incomplete"),  # V37
    (LINUX, broken(NOEXEC), "disk-noexec"),  # V38
    (LINUX, broken(GLIBCXX), "another-libstdc"),  # V39
    (LINUX, broken(STATIC_TLS), "static-tls"),
    (LINUX, broken(OMP, -6), "two-openmp"),
    (BARE, silenced(None, pci_gpus=("10de:2b85",)), "card-refused"),  # V40
    (BARE, silenced(**OLD_PCI), "driver-missing"),  # V41
    (LINUX, BLIND | {"nvidia_cards": (RTX.model_copy(update={"mig": True}),)}, MIG),  # V42
    (TORCH, BLIND | {"nvidia_cards": (RTX.model_copy(update={"mig": True}),)}, MIG),
    (having(BARE, {"architecture": "aarch64"}), {"jetson": True}, "jetson"),
    (TORCH, BLIND | {"version": "2.10.0+rocm6.4", "cuda": None} | GFX, "cpu-build"),
    (LINUX, step_fails("JIT compilation failed: libdevice not found at ./libdevice.10.bc"), NVCC),
    (LINUX, step_fails("Couldn't invoke ptxas --version"), NVCC),
]
OWN: list[Case] = [
    # Otros de las mismas clases.
    (TORCH, torch_warns(UNKNOWN), "cuda-not-starting"),
    (TORCH, torch_warns(f"{UNEXPECTED}Error 802: x") | {"container": True}, "cuda-not-starting"),
    (JAX, BLIND | {"messages": "INTERNAL: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}, "cuda-not-starting"),
    (JAX, BLIND | {"messages": "CUDA driver version is insufficient for CUDA"}, "driver-old"),
    (LINUX, broken("OSError: [Errno 12] Cannot allocate memory"), "no-memory"),
    (LINUX, broken(f"{NOEXEC}: Cannot allocate memory"), "no-memory"),  # ulimit -v, no el disco
    (LINUX, broken(exit_code=137), "no-memory"),
    (WINDOWS, broken(exit_code=0xC000012D), "no-memory"),
    (BARE, DOWN | step_fails("OOM when allocating tensor on CPU:0 by allocator cpu"), "no-memory"),
    (LINUX, step_fails("torch.OutOfMemoryError: CUDA out of memory"), "gpu-memory-taken"),
    (WINDOWS, broken(WDAC), "blocked-by-system"),  # no son las bibliotecas de Visual C++
    (MAC, broken(GATEKEEPER), "blocked-by-system"),
    (MAC, broken(f"ImportError: dlopen(x.so): ({WRONG_CPU})"), "wrong-architecture"),
    (LINUX, broken("OSError: x.so: wrong ELF class: ELFCLASS32"), "wrong-architecture"),
    (LINUX, broken("ImportError: libc.so.6: version `GLIBC_2.38' not found"), "another-libstdc"),
    (LINUX, broken("ModuleNotFoundError: No module named '_lzma'"), "python-incomplete"),
    (LINUX, broken("ModuleNotFoundError: No module named 'tensorflow.python'"), "engine-broken"),
    (LINUX, {"python": "3.11.13", "python_kind": "(PyPy)"} | broken(MISSING), "python-unsupported"),
    (LINUX, {"python_kind": "sin GIL"}, "gpu-ready"),  # quien ha logrado instalarlo, entrena
    (ARM, card(name="Orin (nvgpu)", compute_capability="8.7") | {"jetson": True}, "jetson"),
    (ARM, card(name="Thor", compute_capability="11.0") | {"jetson": True}, "gpu-too-new"),
    (ARM, AS_TORCH | {"version": "2.13.0+cpu"}, "cpu-build"),
    (WINDOWS, {"nvidia_cards": (), "nvidia_hardware": None, "nvidia_error": NO_LIBRARY}, "no-gpu"),
    (LINUX, BLIND | {"nvidia_cards": (RTX.model_copy(update={"mig": False}),)}, NOT_FOUND),
]
OLD = RTX.model_copy(update={"name": "NVIDIA GeForce GTX 960", "compute_capability": "5.2"})
ORDER_CASES: list[Case] = [
    # Dos problemas a la vez: se dice el que impide arreglar el otro.
    (MAC, {"rosetta": True, "architecture": "x86_64", "python": "3.14.0"}, "python-rosetta"),
    (MAC, {"architecture": "x86_64", "python": "3.14.0"} | broken(MISSING), "system-unsupported"),
    (WINDOWS, {"python_bits": 32, "python": "3.14.0"} | broken(MISSING), "python-unsupported"),
    (LINUX, {"python": "3.14.0"} | broken(AVX), "python-unsupported"),
    (WINDOWS, broken(DLL + PROTOBUF), "visual-cpp-missing"),
    (WINDOWS, card(driver="400.1"), "windows-native"),
    (ARM, card(driver="400.1"), "nvidia-arm"),
    (LINUX, {"engine": CPU} | card(driver="400.1"), "driver-old"),
    (LINUX, {"engine": CPU, "visible_devices": "-1"}, "cpu-build"),
    (LINUX, BLIND | NO_WHEELS | card(compute_capability="5.2"), "gpu-too-old"),
    (LINUX, BLIND | NO_WHEELS | {"messages": CUINIT}, "cuda-wheels-missing"),
    (BARE, silenced(nouveau=True, prime="off", secure_boot=True), "prime-off"),
    # Si todo va bien, lo que escriba TensorFlow, o una variable que sobra, da igual.
    (LINUX, {"messages": NUMPY + CUINIT}, "gpu-ready"),
    (LINUX, {"visible_devices": "0"}, "gpu-ready"),
    (MAC_METAL, metal("2.21.0"), "gpu-ready"),
    # Justo en el límite.
    (LINUX, BLIND | card(driver="525.60.13"), "libraries-not-found"),
    (WSL, BLIND | card(driver="528.33"), "libraries-not-found"),
    (WSL, BLIND | card(driver="528.32"), "driver-old"),
    (LINUX, BLIND | card(compute_capability="6.0"), "libraries-not-found"),
    (TORCH_13, BLIND | card(driver="580.65.06"), "engine-blind"),
    (LINUX, {"python": "3.11.0"}, "gpu-ready"),
    (LINUX, {"python": "3.13.9"}, "gpu-ready"),
    # Con lo que el controlador no cuenta no se juzga.
    (LINUX, card(compute_capability=None), "gpu-ready"),
    (LINUX, BLIND | card(compute_capability=None, driver=None), "libraries-not-found"),
    # De varias GPU se juzga la que ve el motor o, si no ve ninguna, la más capaz.
    (LINUX, {"nvidia_cards": (OLD, RTX)}, "gpu-ready"),
    (LINUX, BLIND | {"nvidia_cards": (OLD, RTX)}, "libraries-not-found"),
    (LINUX, BLIND | {"nvidia_cards": (OLD, OLD)}, "gpu-too-old"),
    (LINUX, {"nvidia_cards": (RTX.model_copy(update=RTX_5090), RTX)}, "gpu-ready"),
    (LINUX, NOT_TRIED | {"nvidia_cards": (OLD, OLD), "gpus": (OLD.name,)}, "gpu-too-old"),
    (LINUX, NOT_TRIED | {"nvidia_cards": (OLD, RTX), "gpus": (RTX.name,)}, "gpu-ready"),
    # Los nombres de unas están dentro de los de otras.
    (LINUX, NOT_TRIED | {"nvidia_cards": (OLD, RTX), "gpus": ("NVIDIA GeForce",)}, "gpu-ready"),
    # Una parte de una GPU partida vale lo que ella.
    (
        LINUX,
        NOT_TRIED | {"nvidia_cards": (RTX, OLD), "gpus": (f"{OLD.name} MIG 1g",)},
        "gpu-too-old",
    ),
    # Una GPU callada entre otras que responden no es un controlador que falta.
    (LINUX, {"nvidia_error": "GPU is lost"}, "gpu-ready"),
    # Con lo justo, basta.
    (LINUX, {"free_memory_gib": 1.5, "free_disk_gib": 0.5}, "gpu-ready"),
    (BARE, silenced(None), "card-refused"),  # responde, y no admite ninguna (V40)
]
EXTRA_CASES: list[Case] = [
    (LINUX, {"free_memory_gib": 0.7}, "low-memory"),
    (LINUX, {"free_disk_gib": 0.1}, "low-disk"),
    (BARE, {"free_disk_gib": 1.0} | broken(MISSING), "low-disk"),
    (BARE, {"free_disk_gib": 9.0, "engine": Engine(name="torch", exit_code=1)}, "low-disk"),
    (LINUX, {"gpus": (RTX.name, "NVIDIA T400")}, "several-gpus"),
    (BARE, {"free_temp_gib": 0.4} | broken(MISSING), "low-temp"),  # V25
    (WSL, {"free_memory_gib": 1.0}, "low-memory"),  # V31
]
ALL = CASES + REPORTED + HUNTED + OWN + ORDER_CASES + EXTRA_CASES


def everything() -> list[Finding]:
    """Los hallazgos de todos los casos."""
    return [finding for base, changes, _ in ALL for finding in findings(having(base, changes))]


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    CASES + REPORTED + HUNTED + OWN + ORDER_CASES,
    ids=lambda value: value.os.replace(" ", "_") if isinstance(value, Facts) else None,
)
def test_each_machine_has_one_main_finding(base: Facts, changes: Changes, expected: str) -> None:
    assert [finding.id for finding in findings(having(base, changes))] == [expected]


@pytest.mark.parametrize(("base", "changes", "expected"), EXTRA_CASES)
def test_some_findings_come_besides_the_main_one(
    base: Facts, changes: Changes, expected: str
) -> None:
    facts = having(base, changes)
    assert [finding.id for finding in diagnosis.besides(facts)] == [expected]
    assert {finding.id for finding in findings(facts)} == {expected, diagnosis.verdict(facts).id}


def test_every_rule_has_its_case() -> None:
    """Si falta uno, dice cuál."""
    sources = [file.read_text(encoding="utf-8") for file in RULES.glob("*.py")]
    written = re.findall(r'\b(?:error|warning|fine|told|driver)\(\s*"([\w-]+)"', "".join(sources))
    assert len(written) > 40
    assert {finding.id for finding in everything()} == set(written) | MEANINGS.keys()
    assert len({*written, *MEANINGS}) == len(written) + len(MEANINGS)


def test_the_gravest_comes_first() -> None:
    poor = having(LINUX, {"free_memory_gib": 0.7} | broken(MISSING))
    assert [finding.severity for finding in findings(poor)] == ["error", "warning"]
    assert [finding.severity for finding in findings(BARE)] == ["ok"]


CUINIT_BLIND = BLIND | {"messages": CUINIT}
VARIABLES: Changes = {"in_the_way": ("TF_XLA_FLAGS", "A")}
KILLED = broken(exit_code=-signal.SIGILL)
PIP = ".venv/bin/python -m pip install -r requirements"
UNINSTALL = ".venv/bin/python -m pip uninstall"
NEW_VENV = f"python3.12 -m venv .venv && {PIP}-cuda.txt"
UVM = "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm"
SCRIPT = ".venv/bin/python fashion_mnist_cnn.py"
CU126, CU128 = (
    rf".venv\Scripts\python.exe -m pip install {needs.TORCH_WHEEL.format(cuda)}"
    for cuda in ("cu126", "cu128")
)
TRAIN = r".venv\Scripts\python.exe fashion_mnist_cnn.py --backend torch"


@pytest.mark.parametrize(
    ("base", "changes", "told"),
    [
        (LINUX, broken(PROTOBUF), "7.36.2"),
        (LINUX, broken(NUMPY), "2.4.6"),
        (LINUX, broken(f"{NUMPY}\n{PROTOBUF}"), "protobuf"),  # lo de NumPy era un aviso
        (LINUX, broken(XLA, -6) | VARIABLES, "TF_XLA_FLAGS y A"),
        (LINUX, broken() | {"in_the_way": ("notebooks/keras.py",)}, "notebooks/keras.py"),
        (LINUX, BLIND | {"messages": NO_DEVICE}, "CUDA_ERROR_NO_DEVICE"),
        (LINUX, KILLED, "AVX"),
        (LINUX, KILLED | {"architecture": "aarch64"}, "!AVX"),
        (WSL, BLIND | card(driver="527.41"), "en Windows"),
        (MAC_CPU, {"name": "torch", "os": "macOS 13.7"}, "macOS 14"),  # V28
        (MAC_CPU, {"name": "torch", "os": "macOS 26.1"}, "!macOS"),
        (MAC_CPU, {"name": "torch", "os": "macOS 15.5", "virtual": True}, "virtual"),
        (BARE, broken(exit_code=-9) | {"free_memory_gib": 0.7}, "0.7\xa0GiB"),  # V15
        (WSL, broken(exit_code=-9), ".wslconfig"),
        (BARE, broken(exit_code=-9) | {"container": True}, "--memory"),
        (TORCH, torch_warns("Error 802: system not yet initialized"), "fabricmanager"),  # V9
        (TORCH, torch_warns("Error 46: all CUDA-capable devices are busy"), "devices are busy"),
        (LINUX, broken(OMP), "!Hint"),  # V39
        (BARE, silenced(None), "-open"),  # V40
        (LINUX, BLIND | card(driver="520.1"), "!Windows"),
        (BARE, {}, "este equipo"),
        (BARE, {"container": True}, "--gpus all"),
        (BARE, {"nvidia_hardware": None}, "no se sabe"),
        (BARE, {"pci_gpus": (ARC,)}, "XPU"),
        (BARE, {"pci_gpus": (RADEON,)}, "ROCm"),
        (WINDOWS, {}, "PyTorch"),
        (BARE, silenced(**OLD_PCI), "580 como mucho"),
        (BARE, silenced("Driver Not Loaded", nvidia_module="595.71.05", **OLD_PCI), "580"),
        (TORCH, BLIND | card(**GTX_1080), "TensorFlow"),
    ],
)
def test_a_finding_says_what_it_found(base: Facts, changes: Changes, told: str) -> None:
    sentence = diagnosis.verdict(having(base, changes)).sentence
    assert (told.removeprefix("!") in sentence) is not told.startswith("!"), sentence


@pytest.mark.parametrize(
    ("base", "changes", "cure"),
    [
        (WSL, BLIND | card(driver="527.41"), ""),
        (BARE, silenced(), "sudo ubuntu-drivers install && sudo reboot"),
        (BARE, silenced(os="Fedora Linux 43"), ""),
        (LINUX, CUINIT_BLIND, UVM),
        (WSL, CUINIT_BLIND, "wsl.exe --shutdown"),
        (TORCH, torch_warns("Error 999: unknown error"), UVM),  # V9
        (TORCH, torch_warns(f"{UNKNOWN} Setting the available devices to be zero."), UVM),
        (LINUX, {"engine": CPU, "python_managed": True}, NEW_VENV),  # V11
        (LINUX, {"python_managed": True} | broken(MISSING), NEW_VENV),
        (LINUX, broken(STATIC_TLS), "export LD_PRELOAD=/x/libgomp-d22c30c5.so.1"),  # V39
        (TORCH, BLIND | {"cuda": None}, f"{UNINSTALL} -y torch && {PIP}-torch.txt"),
        (ARM, card(**GB10), f"{PIP}-torch.txt && {SCRIPT} --backend torch"),  # V8
        (LINUX, BLIND | {"messages": NO_DEVICE}, ""),
        (WSL, BLIND | {"messages": NO_DEVICE}, ""),
        (LINUX, broken(XLA, -6) | VARIABLES, "unset TF_XLA_FLAGS A"),
        (WINDOWS, broken() | VARIABLES, "set TF_XLA_FLAGS= && set A="),
        (LINUX, broken(NUMPY), f"{PIP}-cuda.txt"),
        (MAC_CPU, {}, f"{PIP}-torch.txt && {SCRIPT} --backend torch"),
        (ARM, {}, f"{PIP}-torch.txt && {SCRIPT} --backend torch"),
        (
            LINUX,
            {"engine": CPU},
            f"{UNINSTALL} -y tensorflow tensorflow-cpu && {PIP}-cuda.txt",
        ),
        # Quien tiene una GPU sin código va a un motor que sí lo trae, si lo hay.
        (LINUX, BLIND | card(**RTX_5090), f"{PIP}-torch.txt && {SCRIPT} --backend torch"),
        (TORCH, BLIND | card(**GTX_1080), f"{PIP}-cuda.txt && {SCRIPT} --backend tensorflow"),
        (WINDOWS, {}, f"{CU128} && {TRAIN}"),
        (WINDOWS, card(**RTX_5090), f"{CU128} && {TRAIN}"),
        (WINDOWS, card(**GTX_960M), f"{CU126} && {TRAIN}"),
        (having(WINDOWS, {"name": "torch"}), card(**GTX_1080), f"{CU126} && {TRAIN}"),
        (having(WINDOWS, {"name": "torch"}), {}, CU128),
        (LINUX, BLIND | card(**GT_710), ""),
        (LINUX, {"agrees": False}, f"{SCRIPT} --backend tensorflow --device cpu"),
        (TORCH, {"agrees": False}, f"{SCRIPT} --backend torch --device cpu"),
        # El TensorFlow que falta se instala con las versiones fijas de cada equipo.
        (LINUX, broken(MISSING), f"{PIP}-cuda.txt"),
        (BARE, broken(MISSING), f"{PIP}.txt"),
        (BARE, broken(MISSING) | silenced(), f"{PIP}-cuda.txt"),
        (LINUX, broken(MISSING) | {"architecture": "aarch64"}, f"{PIP}.txt"),
        (WSL, broken(MISSING), f"{PIP}-cuda.txt"),
        (WSL, broken(MISSING) | {"nvidia_cards": ()}, f"{PIP}.txt"),
        (
            WINDOWS,
            broken(MISSING),
            r".venv\Scripts\python.exe -m pip install -r requirements.txt",
        ),
        (MAC, broken(MISSING), f"{PIP}-macos.txt"),
    ],
)
def test_a_finding_gives_the_order_that_cures_it(base: Facts, changes: Changes, cure: str) -> None:
    finding = diagnosis.verdict(having(base, changes))
    assert finding.cure == cure
    assert finding.line == finding.sentence + (f" («{cure}»)" if cure else "")


def test_a_variable_is_grave_only_if_it_stops_the_training() -> None:
    in_the_way = {"in_the_way": ("LD_LIBRARY_PATH",)}
    assert diagnosis.verdict(having(LINUX, BLIND | in_the_way)).severity == "warning"
    assert diagnosis.verdict(having(LINUX, broken(XLA, -6) | in_the_way)).severity == "error"


WHEELS = {
    "cu126": ("torch", "12.6", ("sm_50", "sm_90")),
    "cu128": ("torch", "12.8", ("sm_70", "sm_120")),
    "requirements-torch": ("torch", "12.8", ("sm_70", "sm_120")),
    "requirements-jax": ("jax", "12.8", ()),
    "requirements-cuda": ("tensorflow", "12.5.1", CUDA.capabilities),
    "requirements-macos": ("torch", None, ()),
    "requirements.txt": ("tensorflow", None, ()),
}
"""Lo que instala cada orden: el motor, su CUDA y para qué GPU trae código."""
ENDS = r"^\S+ fashion_mnist_cnn.py|^(?:docker run|nvidia-smi|ls |sudo dmesg)"
"""La orden que ya solo entrena, o la que solo pregunta."""


def obeyed(facts: Facts, cure: str) -> Facts:
    """El mismo equipo, después de obedecer: con lo que la orden instala, arranca o borra."""
    known: Changes = {"name": facts.engine.name, "cuda": facts.engine.cuda}
    known |= {"capabilities": facts.engine.capabilities}
    wheel = next((each for lock, each in WHEELS.items() if lock in cure), None)
    anew = re.search("uninstall|--force-reinstall|venv|index-url", cure) or not facts.engine.version
    if wheel and (anew or wheel[0] != facts.engine.name):  # si no, pip no toca lo que ya está
        known = dict(zip(known, wheel, strict=True))
    if known["name"] == "torch" and facts.architecture == "aarch64":
        known |= {"cuda": "13.0", "capabilities": ("sm_80", "sm_121")}
    if "index-url" not in cure and facts.system != "Linux":
        known |= {"cuda": None, "capabilities": ()}
    changes: Changes = known | {"version": "2.21.0", "keras": "3.15.1", "messages": ""}
    changes |= {"exit_code": 0, "agrees": True} | BLIND | LINUX.model_dump(include=CURABLE)
    changes |= {"distributions": LINUX.distributions}
    if created := re.search(r"(?:python|py -)(3\.\d+) -m venv", cure):
        mac = {"architecture": "arm64"} if facts.rosetta else {}
        changes |= {"python": f"{created[1]}.1", "python_kind": "", "python_bits": 64} | mac
        changes |= {"rosetta": False}
    if re.search("drivers install|wsl.exe|reboot|modprobe|mig 0", cure):
        cards = facts.nvidia_cards or ((RTX,) if facts.nvidia_hardware else ())
        driver = having(facts, changes | {"nvidia_cards": cards}).driver_needed
        new = tuple(each.model_copy(update={"driver": driver, "mig": None}) for each in cards)
        changes |= {"nvidia_cards": new, "nvidia_error": None, "wsl": 2 if facts.wsl else 0}
    after = having(facts, changes)
    card, system = after.card, after.system
    found = capability(card.compute_capability or "8.6") if card else (0, 0)
    told = having(after, {"gpus": (card.name,)}).capabilities if card else ((9, 9), 0)
    if known["cuda"] and (system == "Linux" or known["name"] == "torch") and not card.mig:
        reaches = told[0] <= found and found[0] <= told[1] and not list(driver_old(after))
        return having(after, {"gpus": (card.name,), "tried_on": "gpu"} if reaches else {})
    if system == "Darwin" and known["name"] == "torch" and after.os >= "macOS 14":
        return having(after, {} if after.virtual else {"gpus": (backends.MPS,), "tried_on": "gpu"})
    return after


CURABLE = {"in_the_way", "visible_devices", "python_managed", "missing_cuda_wheels"}
"""Lo que queda como en un equipo sano."""


@pytest.mark.parametrize(("base", "changes", "_"), ALL)
def test_no_advice_sends_anyone_round_in_a_circle(base: Facts, changes: Changes, _: str) -> None:
    facts, orders = having(base, changes), list[str]()
    while True:
        finding = diagnosis.verdict(facts)
        if finding.severity == "ok" or not finding.cure or re.match(ENDS, finding.cure):
            return
        assert finding.cure not in orders
        orders.append(finding.cure)
        facts = obeyed(facts, finding.cure)


NAMES = {"TensorFlow", "PyTorch", "JAX", "Keras", "WSL2", "Windows", "Linux"}


def test_every_finding_reads_well_and_cites_an_official_page() -> None:
    official = re.compile(
        r"https://(www\.tensorflow\.org|github\.com/tensorflow|www\.nvidia\.com|docs\.nvidia\.com"
        r"|developer\.apple\.com|learn\.microsoft\.com|(www|docs)\.python\.org|pip\.pypa\.io"
        r"|pytorch\.org|docs\.jax\.dev|keras\.io)/"
    )
    for finding in everything():
        first = finding.sentence.split()[0]
        assert first == first.lower() or first in NAMES
        assert not finding.sentence.endswith("."), finding.sentence
        ours = re.sub("«.*?»", "", finding.sentence)
        assert ": " not in ours, finding.sentence  # va siempre detrás de otros dos puntos
        assert "\n" not in finding.sentence + finding.cure
        assert official.match(finding.url) or finding.id == "low-memory"
        assert finding.severity != "ok" or not finding.cure
        assert finding.cure == "" or shlex.split(finding.cure)


@pytest.mark.skipif(sys.platform == "win32", reason="la orden es para Linux")
def test_the_cure_for_lost_libraries_links_them_beside_tensorflow(tmp_path: Path) -> None:
    venv = tmp_path / "mi entorno" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "tensorflow").mkdir()
    library = packages / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9"
    library.parent.mkdir(parents=True)
    library.touch()
    [finding] = findings(having(LINUX, BLIND | {"messages": DLOPEN}))
    subprocess.run(["bash", "-c", finding.cure], cwd=venv.parent, check=True)
    assert (packages / "tensorflow" / "libcudnn.so.9").resolve() == library


# --- Lo que dicen el README y los entornos de conda es lo mismo que dicen los hallazgos ---


def test_readme_and_environments_give_the_same_minimum_drivers() -> None:
    driver = needs.DRIVERS[12]
    for name in ("site/instalar.md", "environment-cuda.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert f"{driver.linux} o posterior" in text
        assert f"{driver.windows} o posterior" in text
        assert set(re.findall(r"\d{3}\.\d{2}(?:\.\d{2})?\b", text)) == set(driver)


def test_readme_and_environments_give_the_orders_of_the_findings() -> None:
    readme = "".join((ROOT / name).read_text("utf-8") for name in ("README.md", "site/instalar.md"))
    cures = {finding.cure for finding in everything()}
    locks = {lock for cure in cures for lock in re.findall(r"-r (req\S+)", cure)}
    bases = {"requirements.txt", "requirements-cuda.txt", "requirements-macos.txt"}
    assert locks == bases | {"requirements-torch.txt", "requirements-jax.txt"}
    assert all((ROOT / lock).exists() and lock in readme for lock in locks)
    assert all(f"&& python -m pip install -r {lock} &&" in readme for lock in bases)
    assert "`wsl --install`" in readme
    assert "`python -m fashion_bench`" in readme
    for name, lock in (("cuda", "requirements-cuda.txt"), ("macos", "requirements-macos.txt")):
        text = (ROOT / f"environment-{name}.yml").read_text(encoding="utf-8")
        assert f"- -r {lock}" in text
        assert "python -m fashion_bench" in text


def test_the_supported_pythons_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (first, last) = needs.PYTHONS
    assert project["project"]["requires-python"] == f">=3.{first[1]},<3.{last[1] + 1}"


# --- Los hechos ---


def test_the_facts_of_this_machine() -> None:
    found = probe.gather(engine=CPU)
    assert found.engine == CPU
    assert found.system == platform.system()
    assert found.python == platform.python_version()
    assert {"keras", "numpy", "protobuf"} < set(found.distributions)
    assert found.free_memory_gib > 0


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles", None])
def test_a_variable_that_may_hide_the_gpus_is_a_fact(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert probe.gather(engine=CPU).visible_devices == value


@pytest.mark.parametrize(
    ("system", "release", "libc", "wsl", "told"),
    [
        ("Linux", "4.4.0-19041-Microsoft", ("glibc", "2.39"), 1, "glibc 2.39"),
        ("Linux", "5.15.153.1-microsoft-standard-WSL2", ("glibc", "2.39"), 2, "glibc 2.39"),
        ("Linux", "6.6.87.2-mi-nucleo-microsoft", ("glibc", "2.39"), 2, "glibc 2.39"),
        ("Linux", "4.4.0-210-generic", ("", ""), 0, "musl"),
        ("Darwin", "24.1.0", ("", ""), 0, ""),
    ],
)
def test_the_system_is_a_fact(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    release: str,
    libc: tuple[str, str],
    wsl: int,
    told: str,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    monkeypatch.setattr(probe, "_is_rosetta", lambda: False)
    found = probe.gather(engine=CPU)
    assert (found.wsl, found.libc, "WSL" in found.os) == (wsl, told, wsl > 0)


PLACES = ("KERNEL_MODULES", "EFI_VARIABLES", "PRIME", "PCI_DEVICES")


@pytest.fixture
def a_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Un Linux cuyos archivos del sistema están, o faltan, en una carpeta."""
    for name in PLACES:
        monkeypatch.setattr(probe, name, tmp_path / name)
    monkeypatch.setattr(install, "CONTAINER_MARKS", (str(tmp_path / "marca"),))
    monkeypatch.setattr(hardware, "WSL_MARKS", ())
    monkeypatch.setattr(platform, "release", lambda: "6.8.0-45-generic")
    return tmp_path


def about_the_card(found: Facts) -> tuple[object, ...]:
    return found.nvidia_hardware, found.nouveau, found.secure_boot, found.prime, found.container


def test_what_linux_does_with_the_card_is_a_fact(a_linux: Path) -> None:
    assert about_the_card(probe.gather(engine=CPU)) == (False, False, False, None, False)
    (a_linux / "KERNEL_MODULES" / "nouveau").mkdir(parents=True)
    (a_linux / "EFI_VARIABLES").mkdir()
    secure_boot = a_linux / "EFI_VARIABLES" / "SecureBoot-8be4df61"
    secure_boot.write_bytes(b"\x06\0\0\0\x01")
    (a_linux / "PRIME").write_text("off\n")
    (a_linux / "marca").touch()
    for name, *told in (
        ("0000:00:02.0", "0x8086", "0x3ea0", "0x030000"),  # gráficos de Intel
        ("0000:01:00.1", "0x10de", "0x2504", "0x040300"),  # sonido de NVIDIA
    ):
        device = a_linux / "PCI_DEVICES" / name
        device.mkdir(parents=True)
        for file, text in zip(("vendor", "device", "class"), told, strict=True):
            (device / file).write_text(f"{text}\n")
    assert probe.gather(engine=CPU).pci_gpus == (UHD,)
    assert about_the_card(probe.gather(engine=CPU)) == (False, True, True, "off", True)
    (device / "class").write_text("0x030000\n")
    secure_boot.write_bytes(b"\x06\0\0\0\x00")
    assert about_the_card(probe.gather(engine=CPU)) == (True, True, False, "off", True)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EIO])
def test_what_the_system_does_not_let_read_is_unknown_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class Denied(type(Path())):  # type: ignore[misc]
        """Un archivo, y lo que cuelga de él, que no se deja leer."""

        def _deny(self, *_: object, **__: object) -> NoReturn:
            raise OSError(code, os.strerror(code))

        read_text = read_bytes = stat = exists = _deny

        def glob(self, pattern: str) -> list[Path]:
            return [self / pattern]

    for name in PLACES:
        monkeypatch.setattr(probe, name, Denied("/x"))
    monkeypatch.setattr(install, "is_container", lambda: None)
    monkeypatch.setattr(hardware, "WSL_MARKS", ())
    monkeypatch.setattr(platform, "release", lambda: "6.8.0-45-generic")
    monkeypatch.setattr(probe, "_is_rosetta", Denied("/x").read_text)
    monkeypatch.setattr(hardware, "ask_nvidia", lambda: ([], NO_LIBRARY))
    found = probe.gather(engine=CPU)
    assert (*about_the_card(found), found.pci_gpus) == (None,) * 6
    assert found.rosetta is None
    assert diagnosis.verdict(found).id == "no-gpu"


@pytest.mark.parametrize(("answer", "expected"), [("1\n", True), ("0\n", False), ("", False)])
def test_rosetta_is_asked_to_the_system(
    monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=answer))
    assert probe._is_rosetta() is expected


def test_the_version_that_python_imports_is_the_first_it_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [
        SimpleNamespace(name="numpy", version="1.26.4"),
        SimpleNamespace(name="NumPy", version="2.4.6"),
        SimpleNamespace(name="keras", version="3.15.1"),
    ]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    assert probe.gather(engine=CPU).distributions == {"keras": "3.15.1", "numpy": "1.26.4"}


def test_the_cuda_libraries_that_tensorflow_asks_for_and_are_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = [
        "numpy>=1.26.0",
        'nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
        'nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"',
        'nvidia-nccl-cu12 (<3,>=2.27.7) ; extra == "and-cuda"',
    ]
    installed = [
        SimpleNamespace(name="nvidia_cudnn_cu12", version="9.10.2.21"),
        SimpleNamespace(name=None, version=None),
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: asked)
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: installed)
    found = probe.gather(engine=CPU)
    assert found.missing_cuda_wheels == ("nvidia-cublas-cu12", "nvidia-nccl-cu12")
    assert found.distributions == {"nvidia-cudnn-cu12": "9.10.2.21"}

    def missing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert probe.gather(engine=CPU).missing_cuda_wheels == ()


def test_what_tensorflow_tells_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    import tensorflow as tf

    build = {"cuda_compute_capabilities": ["sm_60", "compute_90"]}
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: build)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [RTX.name, ""])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda name: {"device_name": name} if name else {},
    )
    monkeypatch.setattr(backends, "_installed", lambda pattern: "12.8.90")
    assert trial.ask("tensorflow") == Engine(
        name="tensorflow",
        version=tf.__version__,
        keras=keras.__version__,
        cuda="12.8.90",  # TensorFlow 2.22 ya no dice la suya: vale la instalada
        capabilities=("sm_60", "compute_90"),
        gpus=(RTX.name, "GPU"),
    )
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: {"cuda_version": "12.5.1"})
    assert trial.ask("tensorflow").capabilities == ()
    assert trial.ask("tensorflow").cuda == "12.5.1"
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: False)
    monkeypatch.setattr(tf.sysconfig, "get_build_info", dict)
    assert trial.ask("tensorflow").cuda is None


@pytest.mark.parametrize(
    ("cuda", "xpu", "mps", "built_for", "told"),
    [
        ([RTX.name], [], False, "12.8", (["sm_80"], [RTX.name])),
        (["AMD Radeon RX 7900 XTX"], [], False, None, ([], ["AMD Radeon RX 7900 XTX"])),  # ROCm
        ([], ["Intel(R) Arc(TM) A770"], False, None, ([], ["Intel(R) Arc(TM) A770"])),
        ([], [], True, None, ([], [backends.MPS])),
    ],
)
def test_what_pytorch_tells_of_itself(
    monkeypatch: pytest.MonkeyPatch,
    cuda: list[str],
    xpu: list[str],
    mps: bool,
    built_for: str | None,
    told: tuple[list[str], list[str]],
) -> None:
    fake = SimpleNamespace(
        version=SimpleNamespace(cuda=built_for),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )
    for name, gpus in (("cuda", cuda), ("xpu", xpu)):
        kind = {"device_count": gpus.__len__, "get_device_name": gpus.__getitem__}
        setattr(fake, name, SimpleNamespace(get_arch_list=lambda: ["sm_80"], **kind))
    monkeypatch.setitem(sys.modules, "torch", fake)
    assert trial._ask_torch() == told


@pytest.mark.parametrize(
    ("executable", "project", "expected"),
    [
        (
            PurePosixPath("/home/ana/curso/.venv/bin/python"),
            PurePosixPath("/home/ana/curso"),
            ".venv/bin/python",
        ),
        (
            PurePosixPath("/home/ana/miniforge3/bin/python"),
            PurePosixPath("/home/ana/curso"),
            "python",
        ),
        # Debian no tiene ningún `python` (V11).
        (PurePosixPath("/usr/bin/python3"), PurePosixPath("/home/ana/curso"), "python3"),
        (
            PureWindowsPath(r"C:\Users\Ana\curso\.venv\Scripts\python.exe"),
            PureWindowsPath(r"c:\users\ana\curso"),
            r".venv\Scripts\python.exe",
        ),
        (PureWindowsPath(r"C:\Python312\python.exe"), PureWindowsPath(r"D:\curso"), "python"),
    ],
)
def test_python_is_named_from_the_project_folder(
    executable: PurePosixPath, project: PurePosixPath, expected: str
) -> None:
    assert install.python_command(executable, project) == expected


@pytest.mark.parametrize(
    ("home", "prefix", "text"),
    [
        (
            PurePosixPath("/home/ana"),
            "/home/ana/curso/.venv",
            'File "/home/ana/curso/.venv/lib/x.py"; host: torre-ana; /mnt/c/Users/ana/y',
        ),
        (
            PureWindowsPath(r"C:\Users\ana"),
            r"D:\curso\.venv",
            r"File D:\curso\.venv\Lib\x.py; 'C:\\Users\\ana\\AppData'; hostname: torre-ana",
        ),
    ],
)
def test_messages_lose_whatever_names_their_owner(
    monkeypatch: pytest.MonkeyPatch, home: PurePosixPath, prefix: str, text: str
) -> None:
    monkeypatch.setattr(folders, "_homes", lambda: {home})
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(socket, "gethostname", lambda: "torre-ana.local")
    clean = probe.anonymous(text)
    assert "ana" not in clean
    assert "<entorno>" in clean
    assert "x.py" in clean


@pytest.mark.parametrize(("home", "host"), [(Path("/"), "a"), (Path("/"), "localhost"), (None, "")])
def test_trivial_names_are_not_replaced(
    monkeypatch: pytest.MonkeyPatch, home: Path | None, host: str
) -> None:
    def no_home() -> Path:
        if home is None:
            raise RuntimeError("Could not determine home directory.")
        return home

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    text = "https://localhost:8888/a/b no es una ruta de nadie"
    assert probe.anonymous(text) == text


# --- La prueba en un proceso aparte ---


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> Engine:
    """Lo que se deduce de un proceso que, en vez de probar el motor, ejecuta `code`."""
    monkeypatch.setattr(trial, "CODE", code.replace("{", "{{").replace("}", "}}"))
    return trial.run("tensorflow", ROOT)


def test_a_trial_says_how_far_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = CUDA.model_copy(update={"agrees": None})
    first, last = reached.model_dump_json(), CUDA.model_dump_json()
    assert child(monkeypatch, f"print('ruido'); print({first!r}); print({last!r})") == CUDA
    got = child(monkeypatch, f"import os; print({first!r}, flush=True); os._exit(3)")
    assert got == reached.model_copy(update={"exit_code": 3})
    assert got.failed
    got = child(monkeypatch, "import tensorflow_inventado")
    assert (got.version, got.exit_code) == (None, 1)
    assert "No module named 'tensorflow_inventado'" in got.messages


@pytest.mark.skipif(sys.platform == "win32", reason="las señales son de Linux y macOS")
def test_a_fatal_signal_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    got = child(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    [finding] = findings(having(LINUX, {"engine": got}))
    assert finding.id == "illegal-instruction"


def test_a_child_that_hangs_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TIMEOUT_SECONDS", 1)
    reached = CPU.model_copy(update={"agrees": None}).model_dump_json()
    got = child(monkeypatch, f"import time; print({reached!r}, flush=True); time.sleep(60)")
    assert (got.version, got.exit_code) == ("2.21.0", None)


def quick_trials(monkeypatch: pytest.MonkeyPatch, fails_with: set[str], hiding: list[Path]) -> None:
    """Hace que el motor falle con esas variables o archivos."""

    def run(backend: str, folder: Path, without: Iterable[str] = ()) -> Engine:
        there = {name for name in ("TF_XLA_FLAGS", "TF_INOCENTE") if name in os.environ}
        present = there - set(without) | {file.name for file in folder.glob("*.py")}
        return CPU if not present & fails_with else Engine(name="tensorflow", exit_code=1)

    monkeypatch.setattr(trial, "run", run)
    monkeypatch.setattr(
        probe, "hiding_files", lambda folder: [file for file in hiding if file.parent == folder]
    )
    for name in [name for name in os.environ if name.startswith(probe.STRAY)]:
        monkeypatch.delenv(name)


def test_the_variable_in_the_way_is_found_by_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_trials(monkeypatch, {"TF_XLA_FLAGS"}, [])
    monkeypatch.setenv("TF_XLA_FLAGS", "--x")
    monkeypatch.setenv("TF_INOCENTE", "1")
    monkeypatch.setenv("TF_TOKEN_app_terraform_io", "abc.SECRETO")  # de Terraform (V1)
    told: list[str] = []
    found = probe.gather(tell=told.append)
    assert found.in_the_way == ("TF_XLA_FLAGS",)
    everything = f"{found} {told} {findings(found)}"
    assert "--x" not in everything
    assert "SECRETO" not in everything
    assert "TF_TOKEN" not in everything
    broken = Engine(name="tensorflow", exit_code=1)
    monkeypatch.setattr(trial, "run", lambda *_: broken)  # con ellas y sin ellas
    assert probe.gather().in_the_way == ()


@pytest.mark.parametrize("variables", [{"TF_UNA": "1"}, {"TF_UNA": "1", "TF_OTRA": "2"}, {}])
@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_failure_that_does_not_repeat_accuses_nobody(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], fails: int
) -> None:
    """Falla las primeras veces, por lo que sea (V1); si son dos, ya no es una casualidad."""
    quick_trials(monkeypatch, set(), [])
    monkeypatch.setattr(os, "environ", os.environ | variables)
    dead = Engine(name="tensorflow", exit_code=137)
    left = [dead] * fails
    monkeypatch.setattr(trial, "run", lambda *_: left.pop() if left else CPU)
    found = probe.gather()
    assert found.in_the_way == ()
    stays = fails > 2 or (fails == 2 and not variables)  # sin nada que quitar, no hay más pruebas
    assert found.engine == (dead if stays else CPU)


def test_variables_that_only_fail_together_are_told_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick_trials(monkeypatch, set(), [])
    monkeypatch.setattr(os, "environ", os.environ | {"TF_UNA": "1", "TF_OTRA": "2"})
    dead = Engine(name="tensorflow", exit_code=1)
    monkeypatch.setattr(trial, "run", lambda _, __, without=(): CPU if without else dead)
    assert probe.gather().in_the_way == ("TF_UNA", "TF_OTRA")


def test_the_file_in_the_way_is_found_by_trying(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "keras.py").touch()
    quick_trials(monkeypatch, {"keras.py"}, [tmp_path / "keras.py"])
    monkeypatch.setattr(probe, "NOTEBOOKS_DIR", tmp_path)
    monkeypatch.setenv("TF_INOCENTE", "1")
    assert probe.gather().in_the_way == (folders.shown(tmp_path / "keras.py"),)


@pytest.mark.slow
def test_a_file_of_the_person_named_as_a_library_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("random.py", "tensorflow.py"):  # la primera ya la importó antes el kernel
        (tmp_path / name).write_text("mío = 1\n", encoding="utf-8")
    monkeypatch.setattr(probe, "NOTEBOOKS_DIR", tmp_path)
    for name in [name for name in os.environ if name.startswith(probe.STRAY)]:
        monkeypatch.delenv(name)
    found = probe.gather()
    assert diagnosis.verdict(found).id == "file-in-the-way"
    assert found.in_the_way == (folders.shown(tmp_path / "tensorflow.py"),)


@pytest.mark.slow
def test_the_keras_file_and_variables_of_the_person_decide_nothing(tmp_path: Path) -> None:
    config = {"floatx": "float16", "epsilon": 0.5, "image_data_format": "no existe"}
    (tmp_path / "keras.json").write_text(json.dumps(config | {"backend": "torch"}))
    code = (
        "from fashion_bench.machine.engines import quiet\n"
        "with quiet(): import keras\n"
        "print(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),"
        " keras.backend.backend(), keras.config.max_epochs())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=child_environment(KERAS_HOME=str(tmp_path), KERAS_BACKEND="jax", KERAS_MAX_EPOCHS="1"),
    )
    assert done.stdout == "float32 1e-07 channels_last tensorflow None\n", done.stderr


# --- La orden ---


def ask(*arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fashion_bench", *arguments],
        capture_output=True,
        env=child_environment(**environ),
    )


@pytest.mark.skipif(find_spec("jax") is not None, reason="aquí sí está JAX")
def test_the_order_writes_a_table_that_survives_a_cp1252_console() -> None:
    done = ask("--backend", "jax", PYTHONIOENCODING="cp1252")
    text = done.stdout.decode("cp1252")
    assert done.returncode == 1
    assert done.stderr.decode("cp1252").count("JAX…") == 1  # dice que lo está probando (V17)
    assert "JAX:            no está instalado" in text
    assert "Keras:          no se ha llegado a probar" in text
    assert "FALLO  JAX no está instalado en este Python; instálalo." in text
    assert "Ejecuta las órdenes en una terminal abierta en la carpeta del proyecto." in text


def test_the_report_for_bugs_names_nobody(tmp_path: Path) -> None:
    home = tmp_path / "ana-maría"
    home.mkdir()
    (home / "jax.py").write_text(f"raise RuntimeError({str(home)!r})\n", encoding="utf-8")
    done = ask(
        *("--json", "--backend", "jax"),
        PYTHONIOENCODING="cp1252",
        HOME=str(home),
        USERPROFILE=str(home),
        PYTHONPATH=str(home),
    )
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert "RuntimeError: ~" in report["facts"]["engine"]["messages"]
    text = json.dumps(report, ensure_ascii=False)
    for secret in (str(ROOT), sys.prefix, str(home), home.name, platform.node()):
        assert secret not in text


@pytest.mark.parametrize(("base", "code"), [(LINUX, 0), (BARE, 0), (WINDOWS, 1)])
def test_the_exit_code_says_whether_there_is_something_to_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], base: Facts, code: int
) -> None:
    monkeypatch.setattr(diagnose, "gather", lambda backend, tell: base)
    assert diagnose.main() == code
    assert base.os in capsys.readouterr().out


def test_orders_and_addresses_are_never_broken() -> None:
    for base, changes, _ in ALL:
        machine = having(base, changes)
        lines = diagnose.table(machine, findings(machine), width=50).splitlines()
        for finding in findings(machine):
            assert not finding.cure or f"       Ejecuta:  {finding.cure}" in lines
            assert not finding.url or f"       Más en:   {finding.url}" in lines


def test_the_table_names_the_cards_with_what_is_known_of_them() -> None:
    other = RTX.model_copy(update={"name": "NVIDIA T400", "driver": None})
    machine = LINUX.model_copy(update={"nvidia_cards": (RTX, other)})
    lines = diagnose.table(machine, [], width=80).splitlines()
    assert f"NVIDIA:         {RTX.name}, controlador {RTX.driver}; NVIDIA T400" in lines
    assert f"TensorFlow ve:  {RTX.name}" in lines
    lines = diagnose.table(BARE, [], width=80).splitlines()
    assert "NVIDIA:         ninguna GPU a la vista" in lines
    assert "TensorFlow ve:  ninguna GPU" in lines
