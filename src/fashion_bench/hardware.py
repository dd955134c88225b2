"""Las piezas del equipo que se pueden preguntar sin TensorFlow: el sistema y las tarjetas."""

import platform

import pynvml
from pydantic import BaseModel, ConfigDict, Field

from fashion_bench.text import Text, clean


class Facts(BaseModel):
    """Datos que no cambian durante una ejecución."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Accelerator(Facts):
    """Una GPU. Lo que el sistema no cuenta queda en `None`."""

    name: Text
    memory_gib: float | None = Field(gt=0, le=1e6)
    driver: Text | None
    compute_capability: Text | None


def operating_system() -> str:
    """Nombre y versión del sistema; en WSL2, también eso."""
    if platform.system() == "Linux":
        try:
            name = platform.freedesktop_os_release()["PRETTY_NAME"]
        except (OSError, KeyError):
            name = "Linux"
        return f"{name}, WSL2" if is_wsl() else name
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.release()}"


def is_wsl() -> bool:
    """Dice si este Linux corre dentro de Windows: el núcleo lo lleva en el nombre."""
    return "microsoft" in platform.release().lower()


def nvidia_cards() -> list[Accelerator]:
    """Pregunta al controlador de NVIDIA (NVML) qué tarjetas hay; sin controlador, ninguna."""
    try:
        return ask_nvidia()
    except pynvml.NVMLError:
        return []


def ask_nvidia() -> list[Accelerator]:
    """Como `nvidia_cards`, pero dice qué falla.

    Raises:
        NVMLError: si el controlador falta o no responde.
    """
    pynvml.nvmlInit()
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        return [_card(index, driver) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def _card(index: int, driver: str) -> Accelerator:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Accelerator(
        name=clean(pynvml.nvmlDeviceGetName(handle)),
        memory_gib=round(pynvml.nvmlDeviceGetMemoryInfo(handle).total / 2**30, 1),
        driver=clean(driver),
        compute_capability=f"{major}.{minor}",
    )
