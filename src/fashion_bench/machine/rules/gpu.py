"""Reglas sobre la GPU, cuando TensorFlow ya se importa."""

from fashion_bench.machine.facts import Facts, capability, numbers
from fashion_bench.machine.finding import (
    DRIVER_PAGE,
    METAL_PAGE,
    NEW_GPU_PAGE,
    TENSORFLOW_GPU_PAGE,
    TENSORFLOW_PAGE,
    WSL_DRIVER_PAGE,
    WSL_PAGE,
    Finding,
    fine,
    warning,
)

MIN_DRIVER, MIN_WSL_DRIVER = "525.60.13", "528.33"


# --- TensorFlow ve una GPU ---


def metal_ready(facts: Facts) -> Finding | None:
    """La ve en un Mac."""
    if not facts.tensorflow.gpus or facts.system != "Darwin":
        return None
    return fine(
        id="metal-ready",
        sentence="TensorFlow ve la GPU de tu Mac por Metal; antes de entrenar, el cuaderno "
        "comprueba que calcula bien",
        url=METAL_PAGE,
    )


def gpu_too_new(facts: Facts) -> Finding | None:
    """La ve, pero no trae código para ella."""
    build = _compiled_for(facts)
    used = facts.tensorflow.gpus[:1]
    card = next((card for card in facts.nvidia_cards if card.name in used), None)
    if not build or not card or not card.compute_capability:
        return None
    if capability(card.compute_capability)[0] <= max(build)[0]:
        return None
    return warning(
        id="gpu-too-new",
        sentence=f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es más nueva "
        f"que este TensorFlow, preparado hasta la {_written(max(build))}: puede tardar más de "
        "media hora en arrancar o fallar; si te ocurre, entrena en la CPU",
        cure=f"{facts.python_command} fashion_mnist_cnn.py --device cpu",
        url=NEW_GPU_PAGE,
    )


def gpu_ready(facts: Facts) -> Finding | None:
    """La ve y puede entrenar en ella."""
    if not facts.tensorflow.gpus:
        return None
    return fine(
        id="gpu-ready",
        sentence=f"TensorFlow ve tu {facts.tensorflow.gpus[0]} y entrenará en ella",
        url=TENSORFLOW_GPU_PAGE,
    )


def several_gpus(facts: Facts) -> Finding | None:
    """Ve varias."""
    gpus = facts.tensorflow.gpus
    if len(gpus) < 2:
        return None
    return fine(
        id="several-gpus",
        sentence=f"TensorFlow ve {len(gpus)} GPU y el cuaderno usa la primera: {gpus[0]}",
        url=TENSORFLOW_GPU_PAGE,
    )


# --- Un Mac cuya GPU no ve ---


def metal_not_seen(facts: Facts) -> Finding | None:
    """El complemento está, pero no sirve."""
    if not _unused_metal(facts) or "tensorflow-metal" not in facts.distributions:
        return None
    return warning(
        id="metal-not-seen",
        sentence="tensorflow-metal está instalado, pero TensorFlow no ve la GPU de tu Mac; "
        "vuelve a instalar la pareja que funciona",
        cure=facts.install("requirements-macos.txt", "--force-reinstall"),
        url=METAL_PAGE,
    )


def metal_missing(facts: Facts) -> Finding | None:
    """El complemento no está."""
    if not _unused_metal(facts):
        return None
    sentence = "falta tensorflow-metal, con el que TensorFlow usa la GPU de tu Mac; instálalo"
    if facts.python_fits_metal:
        cure = facts.install("requirements-macos.txt")
    else:
        sentence += " en un entorno con Python 3.12, porque no existe para versiones posteriores"
        cure = facts.new_environment
    return warning(id="metal-missing", sentence=sentence, cure=cure, url=METAL_PAGE)


# --- Una tarjeta NVIDIA que responde y que no ve ---


def windows_native(facts: Facts) -> Finding | None:
    """Windows, sin WSL2."""
    card = facts.unused_card
    if not card or facts.system != "Windows":
        return None
    return warning(
        id="windows-native",
        sentence=f"este equipo tiene una {card.name}, pero TensorFlow no usa la GPU en Windows "
        "desde la versión 2.11; instala WSL2, un Linux dentro de Windows, y sigue en él los "
        "pasos de Linux",
        cure="wsl --install",
        url=WSL_PAGE,
    )


def nvidia_arm(facts: Facts) -> Finding | None:
    """Un procesador para el que no se publica TensorFlow con CUDA."""
    card = facts.unused_card
    if not card or facts.architecture == "x86_64":
        return None
    return warning(
        id="nvidia-arm",
        sentence=f"este equipo tiene una {card.name}, pero TensorFlow con CUDA solo se publica "
        f"para procesadores x86_64 y el tuyo es {facts.architecture}",
        url=TENSORFLOW_PAGE,
    )


def driver_old(facts: Facts) -> Finding | None:
    """Un controlador anterior al que pide TensorFlow."""
    card = facts.unused_card
    minimum = MIN_WSL_DRIVER if facts.wsl else MIN_DRIVER
    if not card or not card.driver or numbers(card.driver) >= numbers(minimum):
        return None
    return warning(
        id="driver-old",
        sentence=f"el controlador de tu {card.name} es el {card.driver} y TensorFlow necesita "
        f"el {minimum} o posterior; actualízalo{' en Windows' if facts.wsl else ''}",
        cure=_install_driver(facts),
        url=WSL_DRIVER_PAGE if facts.wsl else DRIVER_PAGE,
    )


def cpu_build(facts: Facts) -> Finding | None:
    """Un TensorFlow sin CUDA."""
    card = facts.unused_card
    if not card or facts.tensorflow.built_with_cuda:
        return None
    return warning(
        id="cpu-build",
        sentence=f"este equipo tiene una {card.name}, pero el TensorFlow instalado es solo "
        "para CPU; instala la versión con CUDA",
        cure=f"{facts.python_command} -m pip uninstall -y tensorflow tensorflow-cpu && "
        + facts.install("requirements-cuda.txt"),
        url=TENSORFLOW_PAGE,
    )


def gpu_hidden(facts: Facts) -> Finding | None:
    """Una variable la esconde."""
    card = facts.unused_card
    if not card or not facts.gpus_hidden:
        return None
    return warning(
        id="gpu-hidden",
        sentence=f"la variable CUDA_VISIBLE_DEVICES esconde tu {card.name}; bórrala en el "
        "terminal desde el que arrancas Python",
        cure="unset CUDA_VISIBLE_DEVICES",
        url=TENSORFLOW_GPU_PAGE,
    )


def gpu_too_old(facts: Facts) -> Finding | None:
    """TensorFlow ya no trae código para ella."""
    card, build = facts.unused_card, _compiled_for(facts)
    if not card or not card.compute_capability or not build:
        return None
    if capability(card.compute_capability) >= min(build):
        return None
    return warning(
        id="gpu-too-old",
        sentence=f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es "
        f"demasiado antigua para este TensorFlow, que pide la {_written(min(build))}: se entrena "
        "en la CPU",
        url=f"{TENSORFLOW_PAGE}#hardware-requirements",
    )


def cuda_wheels_missing(facts: Facts) -> Finding | None:
    """Faltan bibliotecas."""
    card = facts.unused_card
    if not card or not facts.missing_cuda_wheels:
        return None
    return warning(
        id="cuda-wheels-missing",
        sentence=f"este equipo tiene una {card.name}, pero faltan bibliotecas CUDA que "
        f"TensorFlow necesita, como {facts.missing_cuda_wheels[0]}; instálalas",
        cure=facts.install("requirements-cuda.txt"),
        url=TENSORFLOW_PAGE,
    )


def cuda_not_starting(facts: Facts) -> Finding | None:
    """El controlador responde, pero CUDA no."""
    card = facts.unused_card
    if not card or "call to cuInit" not in facts.tensorflow.messages:
        return None
    return warning(
        id="cuda-not-starting",
        sentence=f"el controlador ve tu {card.name}, pero CUDA no arranca, lo que suele "
        "ocurrir tras suspender o actualizar el equipo; reinícialo",
        cure="wsl.exe --shutdown" if facts.wsl else "sudo reboot",
        url=WSL_DRIVER_PAGE if facts.wsl else TENSORFLOW_PAGE,
    )


def foreign_libraries(facts: Facts) -> Finding | None:
    """Una variable que cambia las bibliotecas por otras."""
    card = facts.unused_card
    if not card or not facts.ld_library_path:
        return None
    return warning(
        id="foreign-libraries",
        sentence=f"TensorFlow no puede cargar las bibliotecas CUDA para tu {card.name}, "
        "seguramente porque la variable LD_LIBRARY_PATH le hace tomar otras; bórrala en el "
        "terminal desde el que arrancas Python",
        cure="unset LD_LIBRARY_PATH",
        url=TENSORFLOW_PAGE,
    )


def libraries_not_found(facts: Facts) -> Finding | None:
    """No falta nada, y sin embargo no la ve."""
    card = facts.unused_card
    if not card:
        return None
    return warning(
        id="libraries-not-found",
        sentence=f"las bibliotecas CUDA están instaladas, pero TensorFlow no las encuentra y no "
        f"puede usar tu {card.name}; enlázalas junto a TensorFlow",
        cure=f"""(cd "$({facts.python_command} -c 'import sysconfig; """
        """print(sysconfig.get_path("platlib"))')/tensorflow" && ln -sf ../nvidia/*/lib/*.so* .)""",
        url=TENSORFLOW_PAGE,
    )


# --- Una tarjeta NVIDIA cuyo controlador no responde ---


def wsl_driver_missing(facts: Facts) -> Finding | None:
    """El de Windows no llega a WSL2."""
    if not _silent_card(facts) or not facts.wsl:
        return None
    return warning(
        id="wsl-driver-missing",
        sentence="WSL2 no encuentra el controlador de NVIDIA; si tu PC tiene una de sus "
        f"tarjetas, instala en Windows el controlador {MIN_WSL_DRIVER} o posterior (dentro de "
        "Linux, ninguno) y actualiza WSL",
        cure="wsl.exe --update && wsl.exe --shutdown",
        url=WSL_DRIVER_PAGE,
    )


def driver_missing(facts: Facts) -> Finding | None:
    """No está instalado."""
    if not _silent_card(facts) or "Library Not Found" not in (facts.nvidia_error or ""):
        return None
    return warning(
        id="driver-missing",
        sentence="este equipo tiene una tarjeta NVIDIA, pero falta su controlador; instala el "
        f"{MIN_DRIVER} o posterior y comprueba que la orden nvidia-smi la muestra",
        cure=_install_driver(facts),
        url=DRIVER_PAGE,
    )


def driver_not_loaded(facts: Facts) -> Finding | None:
    """Está instalado, pero calla."""
    if not _silent_card(facts):
        return None
    return warning(
        id="driver-not-loaded",
        sentence="el controlador de NVIDIA está instalado, pero no responde, algo normal si se "
        "acaba de instalar o actualizar; reinicia el equipo",
        cure="sudo reboot",
        url=DRIVER_PAGE,
    )


def no_gpu(facts: Facts) -> Finding:
    """No hay ninguna que TensorFlow pueda usar."""
    return fine(
        id="no-gpu",
        sentence=f"{'esta máquina virtual' if facts.virtual_machine else 'este equipo'} no tiene "
        "ninguna GPU que TensorFlow pueda usar, así que se entrena en la CPU: el tutorial "
        "funciona igual, solo que más despacio",
        url=TENSORFLOW_PAGE,
    )


def _unused_metal(facts: Facts) -> bool:
    apple_silicon = facts.system == "Darwin" and facts.architecture == "arm64"
    return apple_silicon and not facts.tensorflow.gpus


def _silent_card(facts: Facts) -> bool:
    return facts.nvidia_hardware and not facts.nvidia_cards and not facts.tensorflow.gpus


def _compiled_for(facts: Facts) -> list[tuple[int, int]]:
    return [capability(text) for text in facts.tensorflow.compute_capabilities]


def _written(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _install_driver(facts: Facts) -> str:
    """Orden que instala el controlador, donde la hay."""
    if facts.os.startswith("Ubuntu") and not facts.wsl:
        return "sudo ubuntu-drivers install && sudo reboot"
    return ""


RULES = (
    metal_ready,
    gpu_too_new,
    gpu_ready,
    metal_not_seen,
    metal_missing,
    windows_native,
    nvidia_arm,
    driver_old,
    cpu_build,
    gpu_hidden,
    gpu_too_old,
    cuda_wheels_missing,
    cuda_not_starting,
    foreign_libraries,
    libraries_not_found,
    wsl_driver_missing,
    driver_missing,
    driver_not_loaded,
    no_gpu,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""
