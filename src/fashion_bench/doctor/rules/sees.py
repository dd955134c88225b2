"""Reglas sobre la GPU que el motor ve, o para la que no trae código, la vea o no."""

import re
from collections.abc import Iterator

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, capability, has_code, numbers
from fashion_bench.doctor.finding import (
    CUDNN_PAGE,
    DRIVER_PAGE,
    ENGINE_PAGES,
    TENSORFLOW_GPU_PAGE,
    TENSORFLOW_PAGE,
    WSL_DRIVER_PAGE,
    Finding,
    fine,
    warning,
)
from fashion_bench.record import TITLES, Backend

OUT_OF_MEMORY = r"OUT_OF_MEMORY|RESOURCE_EXHAUSTED|out of memory"
NO_CODE = r"no kernel image|INVALID_PTX|NO_BINARY_FOR_GPU|UNSUPPORTED_PTX|invalid device function"
CUDNN = r"CUDNN_STATUS|cudnn|DNN library"
NVCC = r"libdevice|ptxas"
TOO_OLD = r"driver on your system is too old|INSUFFICIENT_DRIVER|driver version is insufficient"

OTHERS: tuple[Backend, ...] = ("torch", "tensorflow", "jax")
"""Los motores que se proponen si el elegido no trae código para la GPU, por orden."""


def ready(facts: Facts) -> Iterator[Finding]:
    """La ve y, si se ha probado, calcula bien en ella."""
    engine, mac = facts.engine, facts.system == "Darwin"
    doubtful = engine.tried_on is None and any(without_code(facts))
    if engine.gpus and not engine.failed and not doubtful:
        tried = "; un paso de entrenamiento de prueba coincide con el de la CPU"
        card = "la GPU de tu Mac por Metal" if mac else f"tu {engine.gpus[0]}"
        yield fine(
            "gpu-ready",
            f"{facts.title} ve {card} y entrenará en ella{tried if engine.agrees else ''}",
            url=ENGINE_PAGES[engine.name],
        )


def without_code(facts: Facts) -> Iterator[Finding]:
    """El motor o su cuDNN no traen código para ella: ya no, o todavía no."""
    card = facts.card
    if not card or not card.compute_capability or (facts.engine.gpus and facts.engine.agrees):
        return
    found = capability(card.compute_capability)
    oldest, newest = facts.capabilities
    named = f"tu {card.name} (capacidad de cómputo {card.compute_capability})"
    advice, cure = _another_engine(facts)
    if found < oldest:
        yield warning(
            "gpu-too-old",
            f"{named} es demasiado antigua para {facts.titled_version}, que pide la "
            f"{oldest[0]}.{oldest[1]} o posterior{advice}",
            cure,
            f"{TENSORFLOW_PAGE}#hardware-requirements",
        )
    if found[0] > newest:
        yield warning(
            "gpu-too-new",
            f"{named} es más nueva que {facts.titled_version}, que no trae código para "
            f"ella{advice}",
            cure,
            "https://github.com/tensorflow/tensorflow/issues/89272",
        )
    old = found < needs.FIRST_NEW_CARD
    if old and numbers(facts.cudnn or "0") >= needs.CUDNN_WITHOUT_OLD_CARDS:
        yield warning(
            "cudnn-too-new",
            f"la cuDNN instalada, {facts.cudnn}, no trae código para {named}, y la primera "
            "convolución fallaría; instala la que fija el proyecto",
            facts.install_gpu(),
            CUDNN_PAGE,
        )


def step_fails(facts: Facts) -> Iterator[Finding]:
    """La ve, se ha probado y no calcula, o calcula mal."""
    engine = facts.engine
    if engine.tried_on != "gpu" or not engine.failed:
        return
    gpu, page = engine.gpus[0], ENGINE_PAGES[engine.name]

    def tells(pattern: str) -> bool:
        return re.search(pattern, engine.messages, re.IGNORECASE) is not None

    if engine.agrees is False:
        yield warning(
            "gpu-computes-wrong",
            f"{facts.title} ve tu {gpu}, pero un paso de entrenamiento en ella no da lo mismo que "
            "en la CPU, y su tiempo no contaría; entrena en la CPU",
            facts.script_on_cpu,
            page,
        )
    if tells(OUT_OF_MEMORY):
        yield warning(
            "gpu-memory-taken",
            f"tu {gpu} no tiene memoria libre ni para un paso de entrenamiento pequeño, porque la "
            "ocupan otros programas; ciérralos",
            "nvidia-smi" if facts.card else "",
            TENSORFLOW_GPU_PAGE,
        )
    if tells(NO_CODE):
        advice, cure = _another_engine(facts)
        yield warning(
            "gpu-without-code",
            f"{facts.titled_version} ve tu {gpu}, pero no trae código que sirva para ella ni con "
            f"el controlador que tienes{advice or '; entrena en la CPU'}",
            cure or facts.script_on_cpu,
            page,
        )
    if tells(CUDNN):
        told = f"la instalada es la {facts.cudnn}" if facts.cudnn else "no hay ninguna aquí"
        yield warning(
            "cudnn-broken",
            f"{facts.titled_version} ve tu {gpu}, pero cuDNN, la biblioteca de las convoluciones, "
            f"falla; pide la {facts.needs.cudnn} o posterior y {told}, así que instala la que fija "
            "el proyecto",
            facts.install_gpu(),
            CUDNN_PAGE,
        )
    if tells(NVCC):
        yield warning(
            "nvcc-missing",
            f"{facts.titled_version} ve tu {gpu}, pero no encuentra ptxas o libdevice, con los que "
            "prepara las cuentas; van en nvidia-cuda-nvcc-cu12, que instala el proyecto",
            facts.install_gpu("--force-reinstall"),
            page,
        )
    yield from driver_old(facts)
    how = f"falla en ella («{engine.last_line}»)" if engine.last_line else "falla en ella"
    if engine.exit_code is None:
        how = "no acaba en ella a tiempo"
    yield warning(
        "gpu-does-not-compute",
        f"{facts.title} ve tu {gpu}, pero un paso de entrenamiento {how}; mientras no se arregle, "
        "entrena en la CPU",
        facts.script_on_cpu,
        page,
    )


def driver_old(facts: Facts) -> Iterator[Finding]:
    """Un controlador anterior al que pide el motor, vea la GPU o no."""
    card, installed, asked = facts.card, "", ""
    if card and card.driver:
        installed = f", el {card.driver},"
        if numbers(card.driver) < numbers(facts.driver_needed):
            asked = f", que pide el {facts.drivers}"
    if card and (asked or re.search(TOO_OLD, facts.engine.messages)):
        yield warning(
            "driver-old",
            f"el controlador de tu {card.name}{installed} es demasiado antiguo para "
            f"{facts.titled_version}{asked}; actualízalo{' en Windows' if facts.wsl else ''}",
            facts.install_driver,
            WSL_DRIVER_PAGE if facts.wsl else DRIVER_PAGE,
        )


def _another_engine(facts: Facts) -> tuple[str, str]:
    """Otro motor que sí trae código para la GPU: qué decir y con qué orden se usa; o nada."""
    card = facts.card
    if not card:
        return "", ""
    windows = facts.system == "Windows"  # allí la usa solo PyTorch, y a cada una le toca el suyo
    if windows and capability(card.compute_capability or "0.0") >= needs.OLDEST_CARD[12]:
        return "; el PyTorch de esta orden sí; instálalo", facts.install_and_train("torch")
    # En ARM, los demás se instalan sin CUDA.
    for name in OTHERS[:1] if facts.architecture.lower() == "aarch64" else OTHERS:
        if not windows and name != facts.engine.name and has_code(name, card):
            return f"; {TITLES[name]} sí; úsalo", facts.install_and_train(name)
    return "", ""
