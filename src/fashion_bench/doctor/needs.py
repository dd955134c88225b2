"""Lo que pide cada motor para calcular en una GPU NVIDIA: la única tabla, con sus fuentes.

Comprobada el 29 de noviembre de 2026. Los archivos de versiones fijas, el README y los entornos
de conda dicen lo mismo: lo vigilan las pruebas. Lo que un motor instalado cuenta de sí mismo manda
sobre la tabla.
"""

from typing import NamedTuple

Version = tuple[int, ...]


class Need(NamedTuple):
    """Lo que pide un motor."""

    version: str
    """La que fija el proyecto; de otra se supone lo mismo."""
    cuda: str
    """CUDA con la que se construye."""
    cudnn: str
    """La versión más antigua de cuDNN que admite."""
    oldest: tuple[int, int]
    """La menor capacidad de cómputo para la que trae código."""
    newest: int
    """La mayor, sin lo que va detrás del punto."""


NEEDS = {
    # https://www.tensorflow.org/install/source#gpu y tf.sysconfig.get_build_info()
    "tensorflow": Need("2.21", "12.5", "9.3", (6, 0), 9),
    # https://github.com/pytorch/pytorch/blob/main/RELEASE.md y torch.cuda.get_arch_list()
    "torch": Need("2.10", "12.8", "9.10", (7, 0), 12),
    # https://docs.jax.dev/en/latest/installation.html
    "jax": Need("0.10", "12", "9.8", (5, 2), 12),
}


class Driver(NamedTuple):
    """El controlador más antiguo que vale, en Linux y en Windows (también para WSL2)."""

    linux: str
    windows: str


DRIVERS = {
    12: Driver("525.60.13", "528.33"),
    13: Driver("580.65.06", "580"),
}
OLDEST_CARD = {12: (5, 0), 13: (7, 5)}
"""El controlador más antiguo y la menor capacidad de cómputo que admite cada generación de CUDA.

https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/, en sus tablas de compatibilidad y de
GPU que se dejan.
"""

NEW_CARD = (9, 0)
NEW_CARD_DRIVER = Driver("555.42.02", "555.85")
"""El que pide TensorFlow desde esa capacidad: no trae código para ellas, sino PTX de CUDA 12.5, que
traduce el controlador, y uno anterior a esa CUDA no lo entiende (misma página).
"""

CUDNN_WITHOUT_OLD_CARDS: Version = (9, 11)
FIRST_NEW_CARD = (7, 5)
"""Desde esa versión, cuDNN solo trae código para GPU de esa capacidad (Turing) o mayor.

https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/support-matrix.html
"""

LAST_OLD_DRIVER = 580
OLD_CARDS = range(0x1340, 0x1E02)
"""La última rama del controlador que admite las anteriores (GTX 9 y 10, Volta) y sus códigos PCI.

Turing empieza en el 1E02: https://github.com/NVIDIA/open-gpu-kernel-modules#compatible-gpus. Las
ramas siguientes no cargan: https://github.com/NixOS/nixos-hardware/issues/1880.
"""

TORCH_WHEEL = "torch==2.10.0+{0} --index-url https://download.pytorch.org/whl/{0}"
"""El PyTorch que usa la GPU en Windows, para `cu126` o `cu128`: solo está en pytorch.org.

El primero trae código de la capacidad 5.0 a la 9.0, y el segundo, de la 7.0 a la 12.0
(https://github.com/pytorch/pytorch/pull/175253). Hay que decir la versión, porque ya no se publican
para `cu128` desde la 2.12 ni para `cu126` desde la 2.15 (#178665 y #190385 de pytorch).
"""

OTHER_GPUS = {"AMD": ("ROCm", r"1002:"), "Intel": ("XPU", r"8086:(56|64|7d|b0|e2)")}
"""Las demás GPU que PyTorch puede usar: con qué, y cómo empieza su código PCI.

De AMD no se distingue por él cuáles; de Intel, las Arc y los gráficos de los Core Ultra, según
https://docs.pytorch.org/docs/stable/notes/get_start_xpu.html y, para los códigos,
https://github.com/torvalds/linux/blob/master/include/drm/intel/pciids.h
"""

JETSON = "https://docs.nvidia.com/deeplearning/frameworks/install-pytorch-jetson-platform/"
"""El PyTorch que NVIDIA publica para sus placas: el corriente no trae código para ellas
(https://github.com/nvidia-holoscan/holohub/pull/1687).
"""

PYTHONS = ((3, 11), (3, 13))
"""Primer y último Python que admite el proyecto."""

FIRST_TENSORFLOW_WITHOUT_METAL = (2, 20)
"""Desde esa versión, tensorflow-metal impide importarlo (tensorflow#126360)."""

OLDEST_GLIBC = (2, 27)
"""La que pide TensorFlow en Linux: la dice el nombre de sus paquetes, `manylinux_2_27`."""

INSTALL_DISK_GIB = {
    "requirements.txt": 2.5,
    "requirements-macos.txt": 3,
    "requirements-cuda.txt": 10,
    "requirements-torch.txt": 11,
    "requirements-jax.txt": 8,
}
"""Sitio para instalarlos: lo que ocupan y lo que pip guarda de lo descargado, hacia arriba.

Medido en Linux x86_64 con Python 3.12: 1.7 y 0.4 GiB; 6.0 y 3.1; y, encima del primero, 6.8 y 3.8
con PyTorch, y 4.8 y 2.8 con JAX. Al de los Mac se le supone lo que al primero, y PyTorch sin CUDA.
"""
