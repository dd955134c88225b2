"""Las piezas del equipo que se pueden preguntar sin TensorFlow: el sistema y las tarjetas."""

import platform

import archspec.cpu
import psutil
import pynvml

from fashion_bench.record import Accelerator, Machine
from fashion_bench.values import clean


def machine() -> Machine:
    """Describe este equipo."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return Machine(
        os=clean(operating_system()),
        architecture=clean(platform.machine()),
        cpu=clean(archspec.cpu.brand_string() or platform.processor()),
        physical_cores=psutil.cpu_count(logical=False),
        logical_cores=psutil.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        power=None if battery is None else ("mains" if battery.power_plugged else "battery"),
    )


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


class EnergyMeter:
    """Contador de energía de la tarjeta NVIDIA en la que se entrena (NVML).

    Cuenta la tarjeta entera, no el resto del equipo.

    Args:
        accelerator: la GPU, o `None` si se entrena en la CPU.
    """

    def __init__(self, accelerator: Accelerator | None) -> None:
        self._handle = None
        cards = nvidia_cards() if accelerator else []
        if accelerator in cards:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByIndex(cards.index(accelerator))

    def joules(self) -> float | None:
        """Devuelve lo gastado desde que arrancó el controlador; `None` si no se sabe."""
        if self._handle is None:
            return None
        try:
            return pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) / 1000
        except pynvml.NVMLError:  # tarjetas anteriores a Volta no lo cuentan
            return None
