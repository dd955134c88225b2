"""Lo que pide cada motor para calcular en una GPU NVIDIA: la única tabla, con sus fuentes.

Comprobada el 26 de noviembre de 2026. Los archivos de versiones fijas, el README y los entornos
de conda dicen lo mismo: lo vigilan las pruebas. Lo que un motor instalado cuenta de sí mismo manda
sobre la tabla.
"""

from typing import NamedTuple

Version = tuple[int, ...]


class Need(NamedTuple):
    """Lo que pide una versión de un motor."""

    backend: str
    version: str
    """Cómo empieza: vale para todas las que empiezan así."""
    pythons: tuple[Version, Version]
    """Primero y último Python para los que se publica."""
    cuda: str
    """CUDA con la que se construye."""
    cudnn: str
    """La versión más antigua de cuDNN que admite."""
    oldest: tuple[int, int]
    """La menor capacidad de cómputo para la que trae código."""
    newest: int
    """La mayor, sin lo que va detrás del punto."""
    source: str


NEEDS = (
    Need(
        *("tensorflow", "2.19", ((3, 9), (3, 12)), "12.5", "9.3", (6, 0), 9),
        "https://www.tensorflow.org/install/source#gpu y tf.sysconfig.get_build_info()",
    ),
    Need(
        *("tensorflow", "2.20", ((3, 9), (3, 13)), "12.5", "9.3", (6, 0), 9),
        "https://www.tensorflow.org/install/source#gpu y tf.sysconfig.get_build_info()",
    ),
    Need(
        *("tensorflow", "2.21", ((3, 10), (3, 13)), "12.5", "9.3", (6, 0), 9),
        "https://www.tensorflow.org/install/source#gpu y tf.sysconfig.get_build_info()",
    ),
    Need(
        *("torch", "2.10", ((3, 10), (3, 14)), "12.8", "9.10", (7, 0), 12),
        "https://github.com/pytorch/pytorch/blob/main/RELEASE.md y torch.cuda.get_arch_list()",
    ),
    Need(
        *("jax", "0.10", ((3, 11), (3, 14)), "12", "9.8", (5, 2), 12),
        "https://docs.jax.dev/en/latest/installation.html",
    ),
)
"""De cada motor, de la más antigua a la más nueva."""


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
FIRST_CARD_OF_NEW_CUDNN = (7, 5)
"""Desde esa versión, cuDNN solo trae código para GPU de esa capacidad o mayor.

https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/support-matrix.html
"""

PYTHONS = ((3, 11), (3, 13))
"""Primer y último Python que admite el proyecto; los motores, al menos esos."""

KERAS = "3.15"

METAL_TENSORFLOW, METAL_PLUGIN, METAL_LAST_PYTHON = "2.19.1", "1.2.0", (3, 12)
"""La última pareja que usa la GPU de un Mac, y hasta qué Python.

https://developer.apple.com/metal/tensorflow-plugin/
"""

FIRST_TENSORFLOW_WITHOUT_METAL = (2, 20)

OLDEST_GLIBC = (2, 27)
"""La que pide TensorFlow en Linux: la dice el nombre de sus paquetes, `manylinux_2_27`."""

INSTALL_DISK_GIB = {
    "requirements.txt": 2.5,
    "requirements-macos.txt": 2.5,
    "requirements-cuda.txt": 10,
    "requirements-torch.txt": 11,
    "requirements-jax.txt": 8,
}
"""Sitio para instalarlos: lo que ocupan y lo que pip guarda de lo descargado, hacia arriba.

Medido en Linux x86_64 con Python 3.12: 1.7 y 0.4 GiB; 6.0 y 3.1; y, encima del primero, 6.8 y 3.8
con PyTorch, y 4.8 y 2.8 con JAX. Al de los Mac se le supone lo mismo que al primero.
"""


def need(backend: str, version: str | None = None) -> Need:
    """Devuelve lo que pide un motor.

    Args:
        backend: `tensorflow`, `torch` o `jax`.
        version: la instalada; si no se da o no está en la tabla, vale la más nueva.
    """
    rows = [row for row in NEEDS if row.backend == backend]
    known = [row for row in rows if version and f"{version}.".startswith(f"{row.version}.")]
    return (known or rows)[-1]
