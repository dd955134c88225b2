"""Reglas sobre la GPU que el motor ve, o para la que no trae código, la vea o no."""

import re

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, capability, has_code, numbers
from fashion_bench.doctor.finding import (
    CUDNN_PAGE,
    METAL_PAGE,
    TENSORFLOW_GPU_PAGE,
    TENSORFLOW_PAGE,
    Told,
    driver_page,
    engine_page,
    fine,
    gpu_page,
    warning,
)
from fashion_bench.record import TITLES, Backend

OUT_OF_MEMORY = r"OUT_OF_MEMORY|RESOURCE_EXHAUSTED|out of memory"
NO_CODE = r"no kernel image|INVALID_PTX|NO_BINARY_FOR_GPU|UNSUPPORTED_PTX|invalid device function"
CUDNN = r"CUDNN_STATUS|cudnn|DNN library"

OTHERS: tuple[Backend, ...] = ("torch", "tensorflow", "jax")
"""Los motores que se proponen si el elegido no trae código para la GPU, por orden."""


# --- Calcula bien en ella ---


@fine(lambda facts: METAL_PAGE if facts.system == "Darwin" else TENSORFLOW_GPU_PAGE)
def gpu_ready(facts: Facts) -> Told | None:
    """La ve y, si se ha probado, calcula bien en ella."""
    engine = facts.engine
    if not engine.gpus or engine.failed or (engine.tried_on is None and _without_code(facts)):
        return None
    which = "la GPU de tu Mac por Metal" if facts.system == "Darwin" else f"tu {engine.gpus[0]}"
    tried = "; un paso de entrenamiento de prueba coincide con el de la CPU"
    return Told(f"{facts.title} ve {which} y entrenará en ella{tried if engine.agrees else ''}")


@fine(TENSORFLOW_GPU_PAGE, lambda facts: len(facts.engine.gpus) > 1)
def several_gpus(facts: Facts) -> Told:
    """Ve varias."""
    gpus = facts.engine.gpus
    return Told(f"{facts.title} ve {len(gpus)} GPU y el cuaderno usa la primera, {gpus[0]}")


# --- No trae código para ella, la vea o no ---


@warning(f"{TENSORFLOW_PAGE}#hardware-requirements")
def gpu_too_old(facts: Facts) -> Told | None:
    """Ya no trae código para ella."""
    card, oldest = facts.card, facts.capabilities[0]
    if not card or not card.compute_capability or _works(facts):
        return None
    if capability(card.compute_capability) >= oldest:
        return None
    advice, cure = _another_engine(facts)
    wanted = ".".join(map(str, oldest))
    return Told(
        f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es demasiado antigua "
        f"para {facts.titled_version}, que pide la {wanted} o posterior{advice}",
        cure,
    )


@warning("https://github.com/tensorflow/tensorflow/issues/89272")
def gpu_too_new(facts: Facts) -> Told | None:
    """Aún no trae código para ella."""
    card, newest = facts.card, facts.capabilities[1]
    if not card or not card.compute_capability or _works(facts):
        return None
    if capability(card.compute_capability)[0] <= newest:
        return None
    advice, cure = _another_engine(facts)
    return Told(
        f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es más nueva que "
        f"{facts.titled_version}, que no trae código para ella{advice}",
        cure,
    )


@warning(CUDNN_PAGE)
def cudnn_too_new(facts: Facts) -> Told | None:
    """La cuDNN instalada ya no trae código para ella: fallaría la primera convolución."""
    card, found = facts.card, _cudnn(facts)
    if not card or not card.compute_capability or not found or _works(facts):
        return None
    modern = capability(card.compute_capability) >= needs.FIRST_CARD_OF_NEW_CUDNN
    if modern or numbers(found) < needs.CUDNN_WITHOUT_OLD_CARDS:
        return None
    return Told(
        f"la cuDNN instalada, {found}, no trae código para tu {card.name} (capacidad de cómputo "
        f"{card.compute_capability}), y la primera convolución fallaría; instala la que fija el "
        "proyecto",
        facts.install(facts.addition),
    )


# --- La ve, se ha probado y no calcula, o calcula mal ---


def _step_fails(facts: Facts, pattern: str = "") -> bool:
    if facts.engine.tried_on != "gpu" or facts.engine.agrees is not None:
        return False
    return re.search(pattern, facts.engine.messages, re.IGNORECASE) is not None


@warning(gpu_page, lambda facts: facts.engine.tried_on == "gpu" and facts.engine.agrees is False)
def gpu_computes_wrong(facts: Facts) -> Told:
    """El paso acaba, pero no coincide con el de la CPU."""
    return Told(
        f"{facts.title} ve tu {facts.engine.gpus[0]}, pero un paso de entrenamiento en ella no da "
        "lo mismo que en la CPU, y su tiempo no contaría; entrena en la CPU",
        facts.script_on_cpu,
    )


@warning(TENSORFLOW_GPU_PAGE, lambda facts: _step_fails(facts, OUT_OF_MEMORY))
def gpu_memory_taken(facts: Facts) -> Told:
    """No le queda memoria."""
    sentence = (
        f"tu {facts.engine.gpus[0]} no tiene memoria libre ni para un paso de entrenamiento "
        "pequeño, porque la ocupan otros programas; ciérralos"
    )
    if facts.system == "Darwin":
        return Told(sentence)
    return Told(f"{sentence}, que son los que enseña esta orden", "nvidia-smi")


@warning(engine_page, lambda facts: _step_fails(facts, NO_CODE))
def gpu_without_code(facts: Facts) -> Told:
    """El controlador no encuentra código que sirva para ella."""
    advice, cure = _another_engine(facts)
    return Told(
        f"{facts.titled_version} ve tu {facts.engine.gpus[0]}, pero no trae código que sirva para "
        f"ella ni con el controlador que tienes{advice or '; entrena en la CPU'}",
        cure or facts.script_on_cpu,
    )


@warning(CUDNN_PAGE, lambda facts: _step_fails(facts, CUDNN))
def cudnn_broken(facts: Facts) -> Told:
    """Es cuDNN la que falla."""
    found, needed = _cudnn(facts), facts.needs.cudnn
    told = f"la instalada es la {found}" if found else "no hay ninguna en este entorno"
    return Told(
        f"{facts.titled_version} ve tu {facts.engine.gpus[0]}, pero cuDNN, la biblioteca de las "
        f"convoluciones, falla; pide la {needed} o posterior y {told}, así que instala la que fija "
        "el proyecto",
        facts.install(facts.addition),
    )


@warning(driver_page)
def driver_old(facts: Facts) -> Told | None:
    """Un controlador anterior al que pide el motor, vea la GPU o no."""
    card, minimum = facts.card, facts.driver_needed
    if not card or not card.driver or _works(facts):
        return None
    if numbers(card.driver) >= numbers(minimum):
        return None
    return Told(
        f"el controlador de tu {card.name} es el {card.driver} y {facts.titled_version} necesita "
        f"el {minimum} o posterior; actualízalo{' en Windows' if facts.wsl else ''}",
        facts.install_driver,
    )


@warning(engine_page, _step_fails)
def gpu_does_not_compute(facts: Facts) -> Told:
    """No acaba el paso, y no se sabe más."""
    line = facts.engine.last_line
    how = f"falla en ella («{line}»)" if line else "falla en ella"
    if facts.engine.exit_code is None:
        how = "no acaba en ella a tiempo"
    return Told(
        f"{facts.title} ve tu {facts.engine.gpus[0]}, pero un paso de entrenamiento {how}; "
        "mientras no se arregle, entrena en la CPU",
        facts.script_on_cpu,
    )


def _works(facts: Facts) -> bool:
    return bool(facts.engine.gpus and facts.engine.agrees)


def _without_code(facts: Facts) -> bool:
    """Dice si, sin probar, se sabe que el motor o cuDNN no traen código para la GPU."""
    return any(rule(facts) for rule in (gpu_too_old, gpu_too_new, cudnn_too_new))


def _cudnn(facts: Facts) -> str | None:
    names = [name for name in facts.distributions if name.startswith("nvidia-cudnn-cu")]
    return facts.distributions[names[0]] if names else None


def _another_engine(facts: Facts) -> tuple[str, str]:
    """Otro motor que sí trae código para la GPU: qué decir y con qué orden se usa; o nada."""
    card = facts.card
    if not card or not card.compute_capability:
        return "", ""
    for name in OTHERS:
        published = facts.system == "Linux" or (name == "torch" and facts.system == "Windows")
        if name == facts.engine.name or not published or not has_code(needs.need(name), card):
            continue
        if facts.system == "Windows":
            how = f"instálalo con la orden que da pytorch.org y añade --backend {name}"
            return f"; {TITLES[name]} sí; {how}", facts.script(name)
        return f"; {TITLES[name]} sí; úsalo", facts.install_and_train(name)
    return "", ""
