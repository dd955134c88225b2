"""Reglas sobre la GPU NVIDIA que el motor no ve: la que responde a su controlador y la que no."""

import re

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, has_code
from fashion_bench.doctor.finding import (
    CONTAINER_PAGE,
    DRIVER_PAGE,
    TENSORFLOW_PAGE,
    WSL_DRIVER_PAGE,
    WSL_PAGE,
    Told,
    engine_page,
    fine,
    warning,
)

CUDA_ERRORS_PAGE = "https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html"
CUDA_ERRORS = {
    "CUDA_ERROR_UNKNOWN": (
        "el módulo nvidia_uvm no responde (CUDA_ERROR_UNKNOWN), como ocurre tras suspender el "
        "equipo; recárgalo",
        "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm",
    ),
    "CUDA_ERROR_SYSTEM_NOT_READY": (
        "falta poner en marcha el servicio que une las GPU (CUDA_ERROR_SYSTEM_NOT_READY)",
        "sudo systemctl start nvidia-fabricmanager",
    ),
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": (
        "el controlador en marcha no es el instalado (CUDA_ERROR_SYSTEM_DRIVER_MISMATCH); reinicia",
        "sudo reboot",
    ),
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": (
        "se está usando una biblioteca de compatibilidad (cuda-compat) que no sirve para esta "
        "GPU (CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE); quítala",
        "ldconfig -p | grep libcuda.so",
    ),
}
"""Lo que significan los errores de CUDA al arrancar que tienen arreglo conocido, y cuál."""

WITH_GPU = "docker run --gpus all …"


# --- Responde, y el motor no la ve ---


@warning(WSL_PAGE)
def windows_native(facts: Facts) -> Told | None:
    """Windows, sin WSL2, con un motor que ahí no usa la GPU."""
    card = facts.unused_card
    if not card or facts.system != "Windows" or facts.engine.name == "torch":
        return None
    since = " desde la versión 2.11" if facts.engine.name == "tensorflow" else ""
    sentence = (
        f"este equipo tiene una {card.name}, pero {facts.title} no usa la GPU en Windows{since}; "
        "instala WSL2, un Linux dentro de Windows, y sigue en él los pasos de Linux"
    )
    if has_code(needs.need("torch"), card):
        sentence += (
            ", o usa PyTorch, que sí la usa, como explica site/instalar.md en «NVIDIA en Windows»"
        )
    return Told(sentence, "wsl --install")


@warning(TENSORFLOW_PAGE)
def nvidia_arm(facts: Facts) -> Told | None:
    """Un procesador para el que no se publica TensorFlow con CUDA."""
    card = facts.unused_card
    tensorflow = facts.engine.name == "tensorflow"
    if not card or not tensorflow or facts.architecture.lower() in ("x86_64", "amd64"):
        return None
    return Told(
        f"este equipo tiene una {card.name}, pero TensorFlow con CUDA solo se publica para "
        f"procesadores x86_64 y el tuyo es {facts.architecture}"
    )


@warning(engine_page)
def cpu_build(facts: Facts) -> Told | None:
    """Un motor sin CUDA."""
    card, name = facts.unused_card, facts.engine.name
    if not card or facts.engine.cuda:
        return None
    where, cure = "instala la versión con CUDA", facts.install(f"requirements-{name}.txt")
    if name == "tensorflow":
        cure = (
            f"{facts.python_command} -m pip uninstall -y tensorflow tensorflow-cpu && "
            + facts.install("requirements-cuda.txt")
        )
    elif facts.system == "Windows":
        where, cure = "instala la que usa CUDA con la orden que da pytorch.org", ""
    return Told(
        f"este equipo tiene una {card.name}, pero el {facts.title} instalado es solo para CPU; "
        f"{where}",
        cure,
    )


@warning(
    "https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/environment-variables.html"
)
def gpu_hidden(facts: Facts) -> Told | None:
    """Una variable la esconde."""
    card = facts.unused_card
    innocent = facts.in_the_way is not None and not any(
        cause.startswith("CUDA_VISIBLE_DEVICES=") for cause in facts.in_the_way
    )
    if not card or facts.visible_devices is None or innocent:
        return None
    return Told(
        f"la variable CUDA_VISIBLE_DEVICES vale «{facts.visible_devices}» y esconde tu "
        f"{card.name}; bórrala en la terminal desde la que arrancas Python",
        facts.unset(["CUDA_VISIBLE_DEVICES"]),
    )


@warning(TENSORFLOW_PAGE)
def cuda_wheels_missing(facts: Facts) -> Told | None:
    """Faltan bibliotecas."""
    card = facts.unused_card
    if not card or facts.engine.name != "tensorflow" or not facts.missing_cuda_wheels:
        return None
    return Told(
        f"este equipo tiene una {card.name}, pero faltan bibliotecas CUDA que TensorFlow necesita, "
        f"como {facts.missing_cuda_wheels[0]}; instálalas",
        facts.install("requirements-cuda.txt"),
    )


@warning(CONTAINER_PAGE, lambda facts: facts.unused_card and facts.container and _cuda_fails(facts))
def container_lost_gpu(facts: Facts) -> Told:
    """Dentro de un contenedor, CUDA no llega a la GPU."""
    return Told(
        f"este contenedor ve tu {facts.card_name}, pero CUDA no llega a ella; fuera de él, "
        "arráncalo otra vez con --gpus all",
        WITH_GPU,
    )


@warning(
    lambda facts: WSL_DRIVER_PAGE if facts.wsl else CUDA_ERRORS_PAGE,
    lambda facts: facts.unused_card and _cuda_fails(facts),
)
def cuda_not_starting(facts: Facts) -> Told:
    """El controlador responde, pero CUDA no."""
    told = re.search("|".join(CUDA_ERRORS), facts.engine.messages)
    meaning, cure = CUDA_ERRORS[told[0]] if told else (f"«{facts.engine.last_line}»", "")
    if facts.wsl and told:
        meaning, cure = f"{told[0]}; reinicia WSL", "wsl.exe --shutdown"
    return Told(f"el controlador ve tu {facts.card_name}, pero CUDA no arranca; {meaning}", cure)


@warning(TENSORFLOW_PAGE, lambda facts: facts.unused_card and facts.engine.name == "tensorflow")
def libraries_not_found(facts: Facts) -> Told:
    """No falta nada, y sin embargo no la ve."""
    return Told(
        "las bibliotecas CUDA están instaladas, pero TensorFlow no las encuentra y no puede usar "
        f"tu {facts.card_name}; enlázalas junto a TensorFlow",
        f"""(cd "$({facts.python_command} -c 'import sysconfig; """
        """print(sysconfig.get_path("platlib"))')/tensorflow" && ln -sf ../nvidia/*/lib/*.so* .)""",
    )


@warning(engine_page, lambda facts: facts.unused_card)
def engine_blind(facts: Facts) -> Told:
    """El motor, con CUDA y controlador, no la ve y no dice por qué."""
    told = f" («{facts.engine.last_line}»)" if facts.engine.last_line else ""
    return Told(
        f"{facts.titled_version} no ve tu {facts.card_name}{told}; instala otra vez las "
        "bibliotecas que fija el proyecto",
        facts.install(facts.addition, "--force-reinstall"),
    )


# --- Su controlador no responde ---


def _silent(facts: Facts, error: str = "") -> bool:
    """Dice si hay una GPU, porque se ve o porque su controlador contesta, que no responde.

    Args:
        facts: los hechos.
        error: lo que además tiene que decir el controlador, en minúsculas.
    """
    told = (facts.nvidia_error or "").lower()
    answers = told and not re.search("library not found|driver not loaded", told)
    there = facts.nvidia_hardware or bool(answers)
    return there and not facts.nvidia_cards and not facts.engine.gpus and error in told


@warning(WSL_DRIVER_PAGE, lambda facts: _silent(facts) and facts.wsl)
def wsl_driver_missing(facts: Facts) -> Told:
    """El de Windows no llega a WSL2."""
    return Told(
        "WSL2 no encuentra el controlador de NVIDIA; si tu equipo tiene una de sus GPU, instala en "
        f"Windows el controlador {needs.DRIVERS[12].windows} o posterior (dentro de Linux, "
        "ninguno) y actualiza WSL",
        "wsl.exe --update && wsl.exe --shutdown",
    )


@warning(CONTAINER_PAGE, lambda facts: _silent(facts) and facts.container)
def container_without_gpu(facts: Facts) -> Told:
    """El contenedor se arrancó sin la GPU, o la ha perdido."""
    return Told(
        "el equipo tiene una GPU NVIDIA, pero este contenedor no llega a ella; el controlador va "
        "fuera del contenedor, con NVIDIA Container Toolkit; instálalo y arranca el contenedor con "
        "--gpus all",
        WITH_GPU,
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts, "version mismatch"))
def driver_mismatch(facts: Facts) -> Told:
    """El controlador se ha actualizado y el que está en marcha es todavía el anterior."""
    return Told(
        "el controlador de NVIDIA se ha actualizado, pero el que está en marcha es todavía el "
        "anterior; reinicia el equipo",
        "sudo reboot",
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts, "permission"))
def driver_forbidden(facts: Facts) -> Told:
    """Sin permiso para preguntarle."""
    return Told(
        "tu usuario no tiene permiso para usar la GPU NVIDIA de este equipo "
        f"(«{facts.nvidia_error}»); pídeselo a quien lo administra",
        "ls -l /dev/nvidia*",
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts, "lost"))
def gpu_lost(facts: Facts) -> Told:
    """La GPU ha dejado de responder."""
    return Told(
        "la GPU NVIDIA ha dejado de responder («GPU is lost»); apaga el equipo, revisa que esté "
        "bien enchufada, con su cable de corriente, y enciéndelo"
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts) and facts.prime == "off")
def prime_off(facts: Facts) -> Told:
    """Un portátil con dos gráficos que tiene apagados los de NVIDIA."""
    return Told(
        "este portátil tiene apagada la GPU NVIDIA y usa los gráficos del procesador; enciéndela y "
        "reinicia",
        "sudo prime-select on-demand && sudo reboot",
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts) and facts.nouveau)
def nouveau_in_use(facts: Facts) -> Told:
    """Linux usa la GPU con nouveau."""
    return Told(
        "Linux usa tu GPU NVIDIA con nouveau, el controlador libre, que no tiene CUDA; instala el "
        f"de NVIDIA, {facts.driver_needed} o posterior, y reinicia",
        facts.install_driver,
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts, "library not found"))
def driver_missing(facts: Facts) -> Told:
    """No está instalado."""
    return Told(
        "este equipo tiene una GPU NVIDIA, pero falta su controlador; instala el "
        f"{facts.driver_needed} o posterior y comprueba que la orden nvidia-smi la muestra",
        facts.install_driver,
    )


@warning(DRIVER_PAGE, lambda facts: _silent(facts) and facts.secure_boot)
def secure_boot(facts: Facts) -> Told:
    """Está instalado, pero el arranque seguro puede no dejar que se cargue."""
    return Told(
        "el controlador de NVIDIA está instalado, pero no se carga, y el arranque seguro está "
        "puesto y solo deja cargar módulos firmados; fírmalo, como explica tu distribución, o "
        "apaga el arranque seguro en la BIOS; esta orden dice qué pasó",
        "sudo dmesg | grep -iE 'nvidia|module verification'",
    )


@warning(DRIVER_PAGE, _silent)
def driver_not_loaded(facts: Facts) -> Told:
    """Está instalado, pero calla."""
    told = f" («{facts.nvidia_error}»)" if facts.nvidia_error else ""
    return Told(
        f"el controlador de NVIDIA está instalado, pero no responde{told}; si lo acabas de "
        "instalar o actualizar, reinicia, y si no, mira qué dice al cargarlo",
        "sudo modprobe nvidia",
    )


# --- No la hay ---


@fine(lambda facts: CONTAINER_PAGE if facts.container else engine_page(facts))
def no_gpu(facts: Facts) -> Told:
    """No hay ninguna que el motor pueda usar o, si no se sabe, no se ve."""
    place = "esta máquina virtual" if facts.virtual_machine and not facts.wsl else "este equipo"
    none = f"ninguna GPU que {facts.title} pueda usar"
    if facts.container:
        hint = "si el equipo tiene una NVIDIA, arranca el contenedor con --gpus all"
        return Told(f"este contenedor no tiene {none}", hint=hint)
    if facts.nvidia_hardware is None:
        return Told(f"no se sabe si {place} tiene una GPU NVIDIA, y no se ve {none}")
    return Told(f"{place} no tiene {none}")


def _cuda_fails(facts: Facts) -> bool:
    """Dice si CUDA no arranca, y no porque no haya dispositivos a la vista."""
    return re.search(r"call to cuInit|CUDA_ERROR_|CUDA error", facts.engine.messages) is not None
