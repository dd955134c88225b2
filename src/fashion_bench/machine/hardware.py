"""Las piezas del equipo que se pueden preguntar sin TensorFlow: el sistema y las GPU."""

import ctypes
import os
import platform
from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID

import archspec.cpu
import psutil
import pynvml

from fashion_bench.machine import identity
from fashion_bench.machine.identity import known
from fashion_bench.record import Accelerator, GpuState, Machine, clean

WSL_MARKS = ("/run/WSL", "/dev/dxg", "/proc/sys/fs/binfmt_misc/WSLInterop")
"""Archivos que solo hay en WSL."""


def machine() -> Machine:
    """Describe este equipo."""
    family, model = known(identity.family_and_model) or (None, None)
    family_name = known(lambda: archspec.cpu.host().name) or ""
    memory, power = known(identity.memory), known(_power)
    return Machine(
        os=clean(known(operating_system) or ""),
        architecture=clean(platform.machine()),
        cpu=clean(known(archspec.cpu.brand_string) or family_name),
        key=identity.machine_key(),
        vendor=known(identity.vendor),
        family=family,
        model=model,
        microarchitecture=clean(family_name),
        instruction_sets=known(identity.instruction_sets) or [],
        cache_mib=known(identity.cache_mib) or [],
        physical_cores=known(psutil.cpu_count, False) or None,
        logical_cores=os.cpu_count() or 1,
        usable_cores=identity.usable_cores(),
        virtual=known(identity.is_virtual),
        settings=identity.settings(),
        memory_gib=_gib(memory[0]) if memory else None,
        power=power,
    )


def operating_system() -> str:
    """Nombre y versión del sistema; en WSL2, también eso."""
    if platform.system() == "Linux":
        name = known(lambda: platform.freedesktop_os_release()["PRETTY_NAME"]) or "Linux"
        return f"{name}, WSL2" if is_wsl() else name
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.release()}"


def is_wsl() -> bool:
    """Dice si este Linux corre dentro de Windows, aunque su núcleo no sea el de Microsoft."""
    return "microsoft" in platform.release().lower() or any(map(os.path.exists, WSL_MARKS))


class Card(NamedTuple):
    """Una GPU NVIDIA: lo que se cuenta de ella y lo que la distingue de otra igual."""

    accelerator: Accelerator
    uuid: str | None = None
    handle: object = None
    """Con qué se le pregunta; una parte de una GPU partida (MIG) no lo tiene."""


def ask_nvidia() -> tuple[list[Accelerator], str | None]:
    """Pregunta al controlador de NVIDIA qué GPU hay y qué falla: él mismo o una de ellas."""
    cards, problem = _cards()
    return [card.accelerator for card in cards], problem


def find_accelerator(name: str) -> Accelerator | None:
    """Describe la GPU NVIDIA que el motor llama `name`; `None` si no se sabe cuál es."""
    card = _find_card(name)
    return card and card.accelerator


def match_card(cards: Sequence[Card], name: str, cuda_uuid: str | None = None) -> Card | None:
    """Busca la GPU que el motor llama `name`; `None` si no se sabe con certeza cuál es.

    De una parte de una GPU partida (MIG) se cuenta lo que comparte con la GPU entera. Entre las
    que se llaman igual decide `cuda_uuid`, la primera que ve CUDA.
    """
    whole, is_slice, _ = name.partition(" MIG ")
    same = [card for card in cards if card.accelerator.name == whole]
    if same and is_slice:
        changes = {"name": name, "memory_gib": None, "power_limit_w": None, "mig": True}
        return Card(same[0].accelerator.model_copy(update=changes))
    if len(same) > 1:
        same = [card for card in same if card.uuid and card.uuid == cuda_uuid]
    return same[0] if len(same) == 1 else None


def first_cuda_uuid() -> str | None:
    """Pregunta a CUDA el UUID de la primera GPU que ve, que es en la que entrenan los motores.

    CUDA cuenta solo las que deja ver CUDA_VISIBLE_DEVICES, y en su propio orden; el controlador
    (NVML), todas y en el suyo.
    """
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1")
        get_uuid = cuda.cuDeviceGetUuid_v2  # si la GPU está repartida (MIG), da el del trozo
    except (OSError, AttributeError):  # no hay CUDA, o es anterior a esa función
        return None
    device, uuid = ctypes.c_int(), ctypes.create_string_buffer(16)
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0) or get_uuid(uuid, device):
        return None
    return f"GPU-{UUID(bytes=uuid.raw)}"


SLOWDOWNS = {
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown: "se calentaba demasiado",
    pynvml.nvmlClocksThrottleReasonSwThermalSlowdown: "se calentaba demasiado",
    pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: "la fuente no le daba más corriente",
}
"""Por qué baja su frecuencia una GPU cuando algo va mal; su límite de consumo es lo normal."""


class CardWatcher:
    """Lo que cuenta de sí misma la GPU NVIDIA en la que se entrena (NVML); en la CPU, nada.

    La energía es la de la GPU entera, no la del resto del equipo.
    """

    def __init__(self, accelerator: Accelerator | None) -> None:
        card = _find_card(accelerator.name) if accelerator else None
        self._handle = card and card.handle

    def joules(self) -> float | None:
        """Devuelve lo gastado desde que arrancó el controlador; `None` si no se sabe."""
        if self._handle is None:
            return None
        # Las GPU anteriores a Volta no lo cuentan.
        millijoules = known(pynvml.nvmlDeviceGetTotalEnergyConsumption, self._handle)
        return None if millijoules is None else millijoules / 1000

    def state(self) -> GpuState | None:
        """Devuelve cómo está ahora; `None` si no se sabe qué GPU es."""
        handle = self._handle
        if handle is None:
            return None
        reasons = known(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
        slowed = {why for bit, why in SLOWDOWNS.items() if reasons & bit}
        programs = known(pynvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        pids = [program.pid for program in programs]
        return GpuState(
            clock_mhz=known(pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_SM),
            temperature_c=known(
                pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU
            ),
            slowed_by=" y ".join(sorted(slowed)) or None,
            # Si falta este, los números son los de fuera del contenedor y no se sabe cuál es cuál.
            other_programs=len(pids) - 1 if os.getpid() in pids else None,
        )


def _power() -> Literal["mains", "battery"] | None:
    battery = psutil.sensors_battery()
    if battery is None or battery.power_plugged is None:  # no tiene, o no sabe si está enchufada
        return None
    return "mains" if battery.power_plugged else "battery"


def _find_card(name: str) -> Card | None:
    cards, _ = _cards()
    return match_card(cards, name, first_cuda_uuid())


def _cards() -> tuple[list[Card], str | None]:
    """Las GPU que responden y, si el controlador o alguna no responde, por qué.

    NVML queda abierto: cerrarlo anularía las GPU.
    """
    cards, problem = [], None
    try:
        pynvml.nvmlInit()
        driver = known(pynvml.nvmlSystemGetDriverVersion)
        for index in range(pynvml.nvmlDeviceGetCount()):
            try:
                cards.append(_card(pynvml.nvmlDeviceGetHandleByIndex(index), driver))
            except pynvml.NVMLError as error:
                problem = str(error)
    except pynvml.NVMLError as error:
        problem = str(error)
    return cards, problem


def _card(handle: object, driver: str | None) -> Card:
    memory = known(pynvml.nvmlDeviceGetMemoryInfo, handle)
    capability = known(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    power = known(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    mig = known(pynvml.nvmlDeviceGetMigMode, handle)
    return Card(
        Accelerator(
            name=clean(known(pynvml.nvmlDeviceGetName, handle) or "GPU de NVIDIA"),
            memory_gib=(_gib(memory.total) or None) if memory else None,
            driver=clean(driver) if driver else None,
            compute_capability="{}.{}".format(*capability) if capability else None,
            power_limit_w=power / 1000 if power else None,
            mig=None if mig is None else mig[0] == pynvml.NVML_DEVICE_MIG_ENABLE,
        ),
        uuid=known(pynvml.nvmlDeviceGetUUID, handle),
        handle=handle,
    )


def _gib(size: int) -> float:
    return round(size / 2**30, 1)
