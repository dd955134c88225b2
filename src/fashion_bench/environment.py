"""Qué equipo es este, qué programas tiene y en qué dispositivo se va a entrenar."""

import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Literal

import cpuinfo
import psutil
import pynvml
from pydantic import Field

from fashion_bench import backends, diagnosis
from fashion_bench.errors import TutorialError
from fashion_bench.facts import Facts as DiagnosticFacts
from fashion_bench.facts import ask_tensorflow, gather
from fashion_bench.hardware import Accelerator, Facts, nvidia_cards, operating_system
from fashion_bench.text import Text, clean


class Machine(Facts):
    """El equipo, sin nada que identifique a su dueño (ni su nombre de red, ni rutas)."""

    os: Text
    architecture: Text
    cpu: Text
    physical_cores: int | None = Field(ge=1, le=100_000)
    logical_cores: int = Field(ge=1, le=100_000)
    memory_gib: float = Field(gt=0, le=1e6)
    power: Literal["mains", "battery"] | None
    """Corriente o batería, donde el sistema lo dice: a batería muchos portátiles van más lentos."""


class Software(Facts):
    """Versiones de lo que ejecuta el entrenamiento."""

    python: Text
    tensorflow: Text
    keras: Text
    backend: Text
    torch: Text | None = None
    jax: Text | None = None
    cuda: Text | None
    cudnn: Text | None


def machine() -> Machine:
    """Describe este equipo."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    power = None if battery is None else ("mains" if battery.power_plugged else "battery")
    try:
        processor = look_at_processor().result()
    except OSError:  # alguna rara vez falla si TensorFlow se está importando: ya no
        processor = cpuinfo.get_cpu_info()
    return Machine(
        os=clean(operating_system()),
        architecture=clean(platform.machine()),
        cpu=clean(processor.get("brand_raw") or platform.processor()),
        physical_cores=psutil.cpu_count(logical=False),
        logical_cores=psutil.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        power=power,
    )


@cache
def look_at_processor() -> Future[dict]:
    """Empieza a mirar el procesador, sin esperar: py-cpuinfo tarda más de un segundo."""
    return ThreadPoolExecutor(1).submit(cpuinfo.get_cpu_info)


def in_jupyterlab() -> bool:
    """Dice si este Python es el kernel de un cuaderno abierto en JupyterLab."""
    return "JPY_SESSION_NAME" in os.environ


@contextmanager
def quiet() -> Iterator[None]:
    """Calla los avisos técnicos, en inglés, que TensorFlow escribe al importarlo.

    TensorFlow los escribe desde C++, antes de que se le pueda pedir silencio: hay que
    desviar el descriptor de fichero 2.

    Raises:
        TutorialError: si la importación falla; entonces los avisos se muestran.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except Exception as error:  # el complemento Metal, por ejemplo, no da un ImportError
            notices.seek(0)
            sys.stderr.write(notices.read().decode(errors="replace"))
            raise TutorialError(
                f"TensorFlow no se puede importar ({error}); instálalo con «pip install -r "
                "requirements.txt» en el mismo entorno que usa este cuaderno. Si ya lo está, "
                "«python -m fashion_bench» dice qué falla y cómo arreglarlo."
            ) from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def choose_device(requested: str, backend: str) -> Literal["cpu", "gpu"]:
    """Deja a la vista solo el dispositivo pedido.

    Args:
        requested: `auto` (la GPU si la hay), `cpu` (esconde la GPU) o `gpu`.
        backend: motor de Keras, ya importado.

    Returns:
        El dispositivo en el que se entrenará.

    Raises:
        TutorialError: si se pide una GPU y el motor no ve ninguna, o si TensorFlow ya está
            en marcha con otro dispositivo.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")[:1]
    if backend != "tensorflow" or requested == "cpu":
        gpus = []  # TensorFlow solo prepara los lotes: que no ocupe la memoria de la GPU
    try:
        tf.config.set_visible_devices(gpus, "GPU")
    except RuntimeError:
        raise TutorialError(
            "TensorFlow ya está en marcha con otro dispositivo: reinicia el kernel "
            "(en el menú Kernel) y vuelve a ejecutar el cuaderno."
        ) from None
    device = "cpu" if backends.gpu_name(backend) is None else "gpu"
    if requested == "gpu" and device == "cpu":
        raise TutorialError(
            "device='gpu' no es posible; elige device='auto' o device='cpu': "
            f"{why_no_gpu(backend, _facts())}"
        )
    return device


def accelerator(backend: str) -> Accelerator | None:
    """Describe la GPU en la que se entrena, o `None` si se entrena en la CPU."""
    name = backends.gpu_name(backend)
    if name is None:
        return None
    for card in nvidia_cards():
        if card.name == name:
            return card
    return Accelerator(name=clean(name), memory_gib=None, driver=None, compute_capability=None)


def why_no_gpu(backend: str, facts: DiagnosticFacts) -> str:
    """Explica en una línea por qué el motor no ve ninguna GPU y qué hacer."""
    if backend == "tensorflow" or not facts.nvidia_cards:
        return diagnosis.verdict(facts).line
    return (
        f"este equipo tiene una {facts.nvidia_cards[0].name}, pero el {backends.TITLES[backend]} "
        "instalado es solo para CPU; instala el que usa CUDA, como explica el README en «Otros "
        "motores»"
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


def software() -> Software:
    """Describe las versiones instaladas."""
    import keras
    import tensorflow as tf

    backend = keras.backend.backend()
    return Software(
        python=platform.python_version(),
        tensorflow=tf.__version__,
        keras=keras.__version__,
        backend=backend,
        **backends.versions(backend),
    )


def report(
    machine: Machine,
    software: Software,
    accelerator: Accelerator | None,
    requested: str,
    precision: str,
) -> str:
    """Resume el entorno en unas líneas: primero, si hay GPU; después, lo que conviene arreglar."""
    facts = _facts()
    notices = diagnosis.besides(facts)
    if accelerator:
        verdict = diagnosis.verdict(facts)
        if software.backend == "tensorflow" and verdict.severity != "ok":
            notices = [verdict, *notices]
        details = [
            f"{accelerator.memory_gib:.0f} GiB" if accelerator.memory_gib else None,
            f"capacidad de cómputo {accelerator.compute_capability}"
            if accelerator.compute_capability
            else None,
            f"controlador {accelerator.driver}" if accelerator.driver else None,
        ]
        known = ", ".join(filter(None, details))
        first = f"GPU detectada: {accelerator.name}" + (f" ({known})" if known else "")
    elif requested == "cpu":
        first = "GPU no usada: has pedido device='cpu'"
    else:
        first = f"GPU no detectada: {why_no_gpu(software.backend, facts)}"
    cores = machine.physical_cores or machine.logical_cores
    warnings = [f"Aviso: {notice.line}" for notice in notices]
    if precision == "mixed_float16" and not accelerator:
        warnings.append(
            "Aviso: casi ninguna CPU calcula en float16; irá muchas veces más lenta que en float32"
        )
    return "\n".join(
        [
            first,
            *warnings,
            f"Se entrena en:  {'la GPU' if accelerator else 'la CPU'}",
            f"Sistema:        {machine.os} ({machine.architecture})",
            f"CPU:            {machine.cpu}, {cores} núcleos",
            f"Memoria:        {machine.memory_gib:.1f} GiB",
            f"Python:         {software.python}",
            f"TensorFlow:     {software.tensorflow}",
            f"Keras:          {software.keras} sobre {_engine(software)}",
        ]
    )


def _facts() -> DiagnosticFacts:
    """Los hechos con los que se juzga, una vez elegido el dispositivo."""
    facts = gather(ask_tensorflow())
    if diagnosis.verdict(facts).severity == "ok":
        return facts
    return gather()  # en un proceso nuevo, TensorFlow dice además qué le falla


def _engine(software: Software) -> str:
    version = getattr(software, software.backend)
    cuda = f" (CUDA {software.cuda}, cuDNN {software.cudnn})" if software.cuda else ""
    return f"{backends.TITLES[software.backend]} {version}{cuda}"
