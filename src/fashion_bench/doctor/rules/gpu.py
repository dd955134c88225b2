"""Reglas sobre la GPU, cuando el motor ya se importa."""

import re

from fashion_bench import install
from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, capability, numbers
from fashion_bench.doctor.finding import (
    CONTAINER_PAGE,
    CUDA_ERRORS_PAGE,
    CUDNN_PAGE,
    DRIVER_PAGE,
    METAL_PAGE,
    NEW_GPU_PAGE,
    PYTORCH_PAGE,
    TENSORFLOW_GPU_PAGE,
    TENSORFLOW_PAGE,
    VISIBLE_DEVICES_PAGE,
    WSL_DRIVER_PAGE,
    WSL_PAGE,
    Finding,
    fine,
    warning,
)
from fashion_bench.doctor.rules.installation import PAGES, unset
from fashion_bench.machine.backends import TITLES
from fashion_bench.record import Accelerator

OUT_OF_MEMORY = r"OUT_OF_MEMORY|RESOURCE_EXHAUSTED|out of memory"
NO_CODE = r"no kernel image|INVALID_PTX|NO_BINARY_FOR_GPU|UNSUPPORTED_PTX|invalid device function"
CUDNN = r"CUDNN_STATUS|cudnn|DNN library"

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


# --- El motor ve una GPU ---


def gpu_ready(facts: Facts) -> Finding | None:
    """La ve y, si se ha probado, calcula bien en ella."""
    engine = facts.engine
    if not engine.gpus or engine.failed or (engine.tried_on is None and _without_code(facts)):
        return None
    title, name = TITLES[engine.name], engine.gpus[0]
    sentence = f"{title} ve tu {name} y entrenará en ella"
    if facts.system == "Darwin":
        sentence = f"{title} ve la GPU de tu Mac por Metal y entrenará en ella"
    if engine.agrees:
        sentence += "; un paso de entrenamiento de prueba coincide con el de la CPU"
    return fine(
        id="gpu-ready",
        sentence=sentence,
        url=METAL_PAGE if facts.system == "Darwin" else TENSORFLOW_GPU_PAGE,
    )


def several_gpus(facts: Facts) -> Finding | None:
    """Ve varias."""
    gpus = facts.engine.gpus
    if len(gpus) < 2:
        return None
    return fine(
        id="several-gpus",
        sentence=f"{TITLES[facts.engine.name]} ve {len(gpus)} GPU y el cuaderno usa la primera, "
        f"{gpus[0]}",
        url=TENSORFLOW_GPU_PAGE,
    )


# --- Una GPU para la que el motor no trae código, la vea o no ---


def gpu_too_old(facts: Facts) -> Finding | None:
    """Ya no trae código para ella."""
    card, oldest = facts.card, facts.capabilities[0]
    if not card or not card.compute_capability or _works(facts):
        return None
    if capability(card.compute_capability) >= oldest:
        return None
    other = _another_engine(facts)
    return warning(
        id="gpu-too-old",
        sentence=f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es demasiado "
        f"antigua para {_version(facts)}, que pide la {_written(oldest)} o posterior; "
        + (other[0] if other else "se entrena en la CPU"),
        cure=other[1] if other else "",
        url=f"{TENSORFLOW_PAGE}#hardware-requirements",
    )


def gpu_too_new(facts: Facts) -> Finding | None:
    """Aún no trae código para ella."""
    card, newest = facts.card, facts.capabilities[1]
    if not card or not card.compute_capability or _works(facts):
        return None
    if capability(card.compute_capability)[0] <= newest:
        return None
    other = _another_engine(facts)
    return warning(
        id="gpu-too-new",
        sentence=f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es más nueva "
        f"que {_version(facts)}, que no trae código para ella; "
        + (other[0] if other else "se entrena en la CPU"),
        cure=other[1] if other else "",
        url=NEW_GPU_PAGE,
    )


def cudnn_too_new(facts: Facts) -> Finding | None:
    """El cuDNN instalado ya no trae código para ella: fallaría la primera convolución."""
    card, found = facts.card, _cudnn(facts)
    if not card or not card.compute_capability or not found or _works(facts):
        return None
    modern = capability(card.compute_capability) >= needs.FIRST_CARD_OF_NEW_CUDNN
    if modern or numbers(found) < needs.CUDNN_WITHOUT_OLD_CARDS:
        return None
    return warning(
        id="cudnn-too-new",
        sentence=f"el cuDNN instalado, {found}, no trae código para tu {card.name} (capacidad de "
        f"cómputo {card.compute_capability}), y la primera convolución fallaría; instala el que "
        "fija el proyecto",
        cure=facts.install(facts.addition),
        url=CUDNN_PAGE,
    )


# --- La ve, se ha probado y no calcula, o calcula mal ---


def gpu_computes_wrong(facts: Facts) -> Finding | None:
    """El paso acaba, pero no coincide con el de la CPU."""
    if facts.engine.tried_on != "gpu" or facts.engine.agrees is not False:
        return None
    return warning(
        id="gpu-computes-wrong",
        sentence=f"{TITLES[facts.engine.name]} ve tu {facts.engine.gpus[0]}, pero un paso de "
        "entrenamiento en ella no da lo mismo que en la CPU, y su tiempo no contaría; entrena en "
        "la CPU",
        cure=_on_cpu(facts),
        url=METAL_PAGE if facts.system == "Darwin" else PAGES[facts.engine.name],
    )


def gpu_memory_taken(facts: Facts) -> Finding | None:
    """No le queda memoria."""
    if not _step_fails_with(OUT_OF_MEMORY, facts):
        return None
    return warning(
        id="gpu-memory-taken",
        sentence=f"tu {facts.engine.gpus[0]} no tiene memoria libre ni para un paso de "
        "entrenamiento pequeño, porque la ocupan otros programas; ciérralos"
        + ("" if facts.system == "Darwin" else ", que son los que enseña esta orden"),
        cure="" if facts.system == "Darwin" else "nvidia-smi",
        url=TENSORFLOW_GPU_PAGE,
    )


def gpu_without_code(facts: Facts) -> Finding | None:
    """El controlador no encuentra código que sirva para ella."""
    if not _step_fails_with(NO_CODE, facts):
        return None
    other = _another_engine(facts)
    return warning(
        id="gpu-without-code",
        sentence=f"{_version(facts)} ve tu {facts.engine.gpus[0]}, pero no trae código que sirva "
        f"para ella ni con el controlador que tienes; {other[0] if other else 'entrena en la CPU'}",
        cure=other[1] if other else _on_cpu(facts),
        url=PAGES[facts.engine.name],
    )


def cudnn_broken(facts: Facts) -> Finding | None:
    """Es cuDNN la que falla."""
    if not _step_fails_with(CUDNN, facts):
        return None
    found, needed = _cudnn(facts), facts.needs.cudnn
    told = f"la instalada es la {found}" if found else "no hay ninguna en este entorno"
    return warning(
        id="cudnn-broken",
        sentence=f"{_version(facts)} ve tu {facts.engine.gpus[0]}, pero cuDNN, la biblioteca de "
        f"las convoluciones, falla; pide la {needed} o posterior y {told}, así que instala la "
        "que fija el proyecto",
        cure=facts.install(facts.addition),
        url=CUDNN_PAGE,
    )


def gpu_does_not_compute(facts: Facts) -> Finding | None:
    """No acaba el paso, y no se sabe más."""
    if facts.engine.tried_on != "gpu" or facts.engine.agrees is not None:
        return None
    line = facts.engine.last_line
    how = f"falla en ella («{line}»)" if line else "falla en ella"
    if facts.engine.exit_code is None:
        how = "no acaba en ella a tiempo"
    return warning(
        id="gpu-does-not-compute",
        sentence=f"{TITLES[facts.engine.name]} ve tu {facts.engine.gpus[0]}, pero un paso de "
        f"entrenamiento {how}; mientras no se arregle, entrena en la CPU",
        cure=_on_cpu(facts),
        url=PAGES[facts.engine.name],
    )


# --- Un Mac cuya GPU no ve ---


def jax_on_mac(facts: Facts) -> Finding | None:
    """JAX no usa la GPU de los Mac."""
    if not _unused_metal(facts) or facts.engine.name != "jax":
        return None
    return warning(
        id="jax-on-mac",
        sentence="JAX entrena aquí en la CPU, porque la GPU de los Mac solo la usan TensorFlow, "
        "con tensorflow-metal, y PyTorch; prueba con PyTorch",
        cure=_install_and_train(facts, "torch"),
        url=PYTORCH_PAGE,
    )


def mps_not_seen(facts: Facts) -> Finding | None:
    """PyTorch no la ve."""
    if not _unused_metal(facts) or facts.engine.name != "torch":
        return None
    return warning(
        id="mps-not-seen",
        sentence="PyTorch no ve la GPU de tu Mac, porque pide macOS 14 o posterior y tienes "
        f"{facts.os}; actualiza el sistema o entrena en la CPU",
        url=PYTORCH_PAGE,
    )


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


# --- Una GPU NVIDIA que responde y que no ve ---


def windows_native(facts: Facts) -> Finding | None:
    """Windows, sin WSL2, con un motor que ahí no usa la GPU."""
    card = facts.unused_card
    if not card or facts.system != "Windows" or facts.engine.name == "torch":
        return None
    since = " desde la versión 2.11" if facts.engine.name == "tensorflow" else ""
    sentence = (
        f"este equipo tiene una {card.name}, pero {TITLES[facts.engine.name]} no usa la GPU en "
        f"Windows{since}; instala WSL2, un Linux dentro de Windows, y sigue en él los pasos de "
        "Linux"
    )
    if _has_code(needs.need("torch"), card):
        sentence += (
            ", o usa PyTorch, que sí la usa, como explica el README en «Equipo con NVIDIA, en "
            "Windows»"
        )
    return warning(
        id="windows-native",
        sentence=sentence,
        cure="wsl --install",
        url=WSL_PAGE,
    )


def nvidia_arm(facts: Facts) -> Finding | None:
    """Un procesador para el que no se publica TensorFlow con CUDA."""
    card = facts.unused_card
    tensorflow = facts.engine.name == "tensorflow"
    if not card or not tensorflow or facts.architecture.lower() in ("x86_64", "amd64"):
        return None
    return warning(
        id="nvidia-arm",
        sentence=f"este equipo tiene una {card.name}, pero TensorFlow con CUDA solo se publica "
        f"para procesadores x86_64 y el tuyo es {facts.architecture}; entrena en la CPU",
        url=TENSORFLOW_PAGE,
    )


def driver_old(facts: Facts) -> Finding | None:
    """Un controlador anterior al que pide el motor."""
    card, minimum = facts.card, facts.driver_needed
    if not card or not card.driver or _works(facts):
        return None
    if numbers(card.driver) >= numbers(minimum):
        return None
    return warning(
        id="driver-old",
        sentence=f"el controlador de tu {card.name} es el {card.driver} y {_version(facts)} "
        f"necesita el {minimum} o posterior; actualízalo{' en Windows' if facts.wsl else ''}",
        cure=_install_driver(facts),
        url=WSL_DRIVER_PAGE if facts.wsl else DRIVER_PAGE,
    )


def cpu_build(facts: Facts) -> Finding | None:
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
    return warning(
        id="cpu-build",
        sentence=f"este equipo tiene una {card.name}, pero el {TITLES[name]} instalado es solo "
        f"para CPU; {where}",
        cure=cure,
        url=PAGES[name],
    )


def gpu_hidden(facts: Facts) -> Finding | None:
    """Una variable la esconde."""
    card = facts.unused_card
    innocent = facts.in_the_way is not None and not any(
        cause.startswith("CUDA_VISIBLE_DEVICES=") for cause in facts.in_the_way
    )
    if not card or facts.visible_devices is None or innocent:
        return None
    return warning(
        id="gpu-hidden",
        sentence=f"la variable CUDA_VISIBLE_DEVICES vale «{facts.visible_devices}» y esconde tu "
        f"{card.name}; bórrala en la terminal desde la que arrancas Python",
        cure=unset(facts, ["CUDA_VISIBLE_DEVICES"]),
        url=VISIBLE_DEVICES_PAGE,
    )


def cuda_wheels_missing(facts: Facts) -> Finding | None:
    """Faltan bibliotecas."""
    card = facts.unused_card
    if not card or facts.engine.name != "tensorflow" or not facts.missing_cuda_wheels:
        return None
    return warning(
        id="cuda-wheels-missing",
        sentence=f"este equipo tiene una {card.name}, pero faltan bibliotecas CUDA que "
        f"TensorFlow necesita, como {facts.missing_cuda_wheels[0]}; instálalas",
        cure=facts.install("requirements-cuda.txt"),
        url=TENSORFLOW_PAGE,
    )


def container_lost_gpu(facts: Facts) -> Finding | None:
    """Dentro de un contenedor, CUDA no llega a la GPU."""
    card = facts.unused_card
    if not card or not facts.container or not _cuda_fails(facts):
        return None
    return warning(
        id="container-lost-gpu",
        sentence=f"este contenedor ve tu {card.name}, pero CUDA no llega a ella; fuera de él, "
        "arráncalo otra vez con --gpus all",
        cure="docker run --gpus all …",
        url=CONTAINER_PAGE,
    )


def cuda_not_starting(facts: Facts) -> Finding | None:
    """El controlador responde, pero CUDA no."""
    card = facts.unused_card
    if not card or not _cuda_fails(facts):
        return None
    told = re.search("|".join(CUDA_ERRORS), facts.engine.messages)
    meaning, cure = CUDA_ERRORS[told[0]] if told else (f"«{facts.engine.last_line}»", "")
    if facts.wsl and cure:
        meaning, cure = f"{told[0] if told else ''}; reinicia WSL", "wsl.exe --shutdown"
    return warning(
        id="cuda-not-starting",
        sentence=f"el controlador ve tu {card.name}, pero CUDA no arranca; {meaning}",
        cure=cure,
        url=WSL_DRIVER_PAGE if facts.wsl else CUDA_ERRORS_PAGE,
    )


def libraries_not_found(facts: Facts) -> Finding | None:
    """No falta nada, y sin embargo no la ve."""
    card = facts.unused_card
    if not card or facts.engine.name != "tensorflow":
        return None
    return warning(
        id="libraries-not-found",
        sentence=f"las bibliotecas CUDA están instaladas, pero TensorFlow no las encuentra y no "
        f"puede usar tu {card.name}; enlázalas junto a TensorFlow",
        cure=f"""(cd "$({facts.python_command} -c 'import sysconfig; """
        """print(sysconfig.get_path("platlib"))')/tensorflow" && ln -sf ../nvidia/*/lib/*.so* .)""",
        url=TENSORFLOW_PAGE,
    )


def engine_blind(facts: Facts) -> Finding | None:
    """El motor, con CUDA y controlador, no la ve y no dice por qué."""
    card = facts.unused_card
    if not card:
        return None
    told = f" («{facts.engine.last_line}»)" if facts.engine.last_line else ""
    return warning(
        id="engine-blind",
        sentence=f"{_version(facts)} no ve tu {card.name}{told}; "
        "instala otra vez las bibliotecas que fija el proyecto",
        cure=facts.install(facts.addition, "--force-reinstall"),
        url=PAGES[facts.engine.name],
    )


# --- Una GPU NVIDIA cuyo controlador no responde ---


def wsl_driver_missing(facts: Facts) -> Finding | None:
    """El de Windows no llega a WSL2."""
    if not _silent_card(facts) or not facts.wsl:
        return None
    return warning(
        id="wsl-driver-missing",
        sentence="WSL2 no encuentra el controlador de NVIDIA; si tu equipo tiene una de sus "
        f"GPU, instala en Windows el controlador {needs.DRIVERS[12].windows} o posterior "
        "(dentro de Linux, ninguno) y actualiza WSL",
        cure="wsl.exe --update && wsl.exe --shutdown",
        url=WSL_DRIVER_PAGE,
    )


def container_without_gpu(facts: Facts) -> Finding | None:
    """El contenedor se arrancó sin la GPU, o la ha perdido."""
    if not facts.container or not _silent_card(facts):
        return None
    return warning(
        id="container-without-gpu",
        sentence="el equipo tiene una GPU NVIDIA, pero este contenedor no llega a ella; el "
        "controlador va fuera del contenedor, con NVIDIA Container Toolkit; instálalo y arranca "
        "el contenedor con --gpus all",
        cure="docker run --gpus all …",
        url=CONTAINER_PAGE,
    )


def driver_mismatch(facts: Facts) -> Finding | None:
    """El controlador se ha actualizado y el que está en marcha es todavía el anterior."""
    if not _silent_card(facts) or "version mismatch" not in (facts.nvidia_error or "").lower():
        return None
    return warning(
        id="driver-mismatch",
        sentence="el controlador de NVIDIA se ha actualizado, pero el que está en marcha es "
        "todavía el anterior; reinicia el equipo",
        cure="sudo reboot",
        url=DRIVER_PAGE,
    )


def driver_forbidden(facts: Facts) -> Finding | None:
    """Sin permiso para preguntarle."""
    if not _silent_card(facts) or "permission" not in (facts.nvidia_error or "").lower():
        return None
    return warning(
        id="driver-forbidden",
        sentence="tu usuario no tiene permiso para usar la GPU NVIDIA de este equipo "
        f"(«{facts.nvidia_error}»); pídeselo a quien lo administra",
        cure="ls -l /dev/nvidia*",
        url=DRIVER_PAGE,
    )


def gpu_lost(facts: Facts) -> Finding | None:
    """La GPU ha dejado de responder."""
    if not _silent_card(facts) or "lost" not in (facts.nvidia_error or "").lower():
        return None
    return warning(
        id="gpu-lost",
        sentence="la GPU NVIDIA ha dejado de responder («GPU is lost»); apaga el equipo, "
        "revisa que esté bien enchufada, con su cable de corriente, y enciéndelo",
        url=DRIVER_PAGE,
    )


def prime_off(facts: Facts) -> Finding | None:
    """Un portátil con dos gráficos que tiene apagados los de NVIDIA."""
    if not _silent_card(facts) or facts.prime != "off":
        return None
    return warning(
        id="prime-off",
        sentence="este portátil tiene apagada la GPU NVIDIA y usa los gráficos del "
        "procesador; enciéndela y reinicia",
        cure="sudo prime-select on-demand && sudo reboot",
        url=DRIVER_PAGE,
    )


def nouveau_in_use(facts: Facts) -> Finding | None:
    """Linux usa la GPU con nouveau."""
    if not _silent_card(facts) or not facts.nouveau:
        return None
    return warning(
        id="nouveau-in-use",
        sentence="Linux usa tu GPU NVIDIA con nouveau, el controlador libre, que no tiene "
        f"CUDA; instala el de NVIDIA, {facts.driver_needed} o posterior, y reinicia",
        cure=_install_driver(facts),
        url=DRIVER_PAGE,
    )


def driver_missing(facts: Facts) -> Finding | None:
    """No está instalado."""
    if not _silent_card(facts) or "Library Not Found" not in (facts.nvidia_error or ""):
        return None
    return warning(
        id="driver-missing",
        sentence="este equipo tiene una GPU NVIDIA, pero falta su controlador; instala el "
        f"{facts.driver_needed} o posterior y comprueba que la orden nvidia-smi la muestra",
        cure=_install_driver(facts),
        url=DRIVER_PAGE,
    )


def secure_boot_blocks(facts: Facts) -> Finding | None:
    """Está instalado, pero el arranque seguro puede no dejar que se cargue."""
    if not _silent_card(facts) or not facts.secure_boot:
        return None
    return warning(
        id="secure-boot",
        sentence="el controlador de NVIDIA está instalado, pero no se carga, y el arranque seguro "
        "está puesto y solo deja cargar módulos firmados; fírmalo, como explica tu distribución, o "
        "apaga el arranque seguro en la BIOS; esta orden dice qué pasó",
        cure="sudo dmesg | grep -iE 'nvidia|module verification'",
        url=DRIVER_PAGE,
    )


def driver_not_loaded(facts: Facts) -> Finding | None:
    """Está instalado, pero calla."""
    if not _silent_card(facts):
        return None
    told = f" («{facts.nvidia_error}»)" if facts.nvidia_error else ""
    return warning(
        id="driver-not-loaded",
        sentence=f"el controlador de NVIDIA está instalado, pero no responde{told}; si lo acabas "
        "de instalar o actualizar, reinicia, y si no, mira qué dice al cargarlo",
        cure="sudo modprobe nvidia",
        url=DRIVER_PAGE,
    )


def no_gpu(facts: Facts) -> Finding:
    """No hay ninguna que el motor pueda usar."""
    place = "esta máquina virtual" if facts.virtual_machine else "este equipo"
    hint = ""
    if facts.container:
        place = "este contenedor"
        hint = " (si el equipo tiene una NVIDIA, arranca el contenedor con --gpus all)"
    return fine(
        id="no-gpu",
        sentence=f"{place} no tiene ninguna GPU que {TITLES[facts.engine.name]} pueda usar{hint}, "
        "así que se entrena en la CPU, donde el tutorial funciona igual, aunque más despacio",
        url=CONTAINER_PAGE if facts.container else PAGES[facts.engine.name],
    )


def _works(facts: Facts) -> bool:
    return bool(facts.engine.gpus and facts.engine.agrees)


def _without_code(facts: Facts) -> bool:
    """Dice si, sin probar, se sabe que el motor o cuDNN no traen código para la GPU."""
    return any(rule(facts) for rule in (gpu_too_old, gpu_too_new, cudnn_too_new))


def _step_fails_with(pattern: str, facts: Facts) -> bool:
    if facts.engine.tried_on != "gpu" or facts.engine.agrees is not None:
        return False
    return re.search(pattern, facts.engine.messages, re.IGNORECASE) is not None


def _cuda_fails(facts: Facts) -> bool:
    """Dice si CUDA no arranca, y no porque no haya dispositivos a la vista."""
    return re.search(r"call to cuInit|CUDA_ERROR_|CUDA error", facts.engine.messages) is not None


def _unused_metal(facts: Facts) -> bool:
    apple_silicon = facts.system == "Darwin" and facts.architecture == "arm64"
    return apple_silicon and not facts.engine.gpus


def _silent_card(facts: Facts) -> bool:
    """Dice si hay una GPU, porque se ve o porque su controlador contesta, que no responde."""
    silent = ("Library Not Found", "Driver Not Loaded")
    answers = facts.nvidia_error and not any(told in facts.nvidia_error for told in silent)
    there = facts.nvidia_hardware or bool(answers)
    return there and not facts.nvidia_cards and not facts.engine.gpus


def _cudnn(facts: Facts) -> str | None:
    found = [
        version
        for name, version in facts.distributions.items()
        if name.startswith("nvidia-cudnn-cu")
    ]
    return found[0] if found else None


def _another_engine(facts: Facts) -> tuple[str, str] | None:
    """Otro motor que sí trae código para la GPU: qué decir y con qué orden se usa."""
    card = facts.card
    if not card or not card.compute_capability:
        return None
    for name in ("torch", "tensorflow", "jax"):
        needed = needs.need(name)
        published = facts.system == "Linux" or (name == "torch" and facts.system == "Windows")
        if name == facts.engine.name or not published or not _has_code(needed, card):
            continue
        if facts.system == "Windows":
            told = f"{TITLES[name]} sí; instálalo con la orden que da pytorch.org y añade "
            return f"{told}--backend {name}", _script(facts, name)
        return f"{TITLES[name]} sí; úsalo", _install_and_train(facts, name)
    return None


def _has_code(needed: needs.Need, card: Accelerator) -> bool:
    found = capability(card.compute_capability or "0.0")
    return needed.oldest <= found and found[0] <= needed.newest


def _install_and_train(facts: Facts, name: str) -> str:
    lock = "requirements-cuda.txt" if name == "tensorflow" else f"requirements-{name}.txt"
    return f"{facts.install(lock)} && {_script(facts, name)}"


def _script(facts: Facts, name: str) -> str:
    return install.script(facts.python_command) + (
        "" if name == "tensorflow" else f" --backend {name}"
    )


def _on_cpu(facts: Facts) -> str:
    return f"{_script(facts, facts.engine.name)} --device cpu"


def _version(facts: Facts) -> str:
    cuda = f" (CUDA {facts.engine.cuda})" if facts.engine.cuda else ""
    return f"{TITLES[facts.engine.name]} {facts.engine.version}{cuda}"


def _written(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _install_driver(facts: Facts) -> str:
    """Orden que instala el controlador, donde la hay."""
    if facts.os.startswith("Ubuntu") and not facts.wsl:
        return "sudo ubuntu-drivers install && sudo reboot"
    return ""


RULES = (
    gpu_ready,
    gpu_too_old,
    gpu_too_new,
    cudnn_too_new,
    gpu_computes_wrong,
    gpu_memory_taken,
    gpu_without_code,
    cudnn_broken,
    jax_on_mac,
    mps_not_seen,
    metal_not_seen,
    metal_missing,
    windows_native,
    nvidia_arm,
    driver_old,
    gpu_does_not_compute,
    cpu_build,
    gpu_hidden,
    cuda_wheels_missing,
    container_lost_gpu,
    cuda_not_starting,
    libraries_not_found,
    engine_blind,
    driver_mismatch,
    container_without_gpu,
    wsl_driver_missing,
    driver_forbidden,
    gpu_lost,
    prime_off,
    nouveau_in_use,
    driver_missing,
    secure_boot_blocks,
    driver_not_loaded,
    no_gpu,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""
