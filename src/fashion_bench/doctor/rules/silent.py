"""Reglas sobre la GPU que el motor no ve: la de un Mac y la NVIDIA, responda o no."""

import re
from collections.abc import Iterator

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, numbers
from fashion_bench.doctor.finding import (
    CONTAINER_PAGE,
    DRIVER_PAGE,
    ENGINE_PAGES,
    PYTORCH_PAGE,
    TENSORFLOW_PAGE,
    WSL_DRIVER_PAGE,
    Finding,
    fine,
    warning,
)
from fashion_bench.doctor.rules.sees import driver_old

CUDA_FAILS = r"call to cuInit|CUDA_ERROR_|CUDA error"
"""Lo que se lee cuando CUDA no arranca, y no porque no haya dispositivos a la vista."""

CONTAINER_WITHOUT_GPU = warning(
    "container-without-gpu",
    "el equipo tiene una GPU NVIDIA, pero este contenedor no llega a ella; el controlador va fuera "
    "del contenedor, con NVIDIA Container Toolkit; instálalo y arranca el contenedor con "
    "--gpus all",
    "docker run --gpus all …",
    CONTAINER_PAGE,
)
"""Se arrancó sin la GPU, o la ha perdido."""


def mac(facts: Facts) -> Iterator[Finding]:
    """La de un Mac con Apple silicon."""
    if facts.system != "Darwin" or facts.architecture != "arm64" or facts.engine.gpus:
        return
    if facts.engine.name == "torch":
        yield warning(
            "mps-not-seen",
            "PyTorch no ve la GPU de tu Mac, porque pide macOS 14 o posterior y tienes "
            f"{facts.os}; actualiza el sistema o entrena en la CPU",
            url=PYTORCH_PAGE,
        )
    yield warning(
        "mac-without-torch",
        f"{facts.title} no ve la GPU de tu Mac; PyTorch la usa sin complementos, así que prueba "
        "con él",
        facts.install_and_train("torch"),
        PYTORCH_PAGE,
    )


def nvidia_unused(facts: Facts) -> Iterator[Finding]:
    """Una NVIDIA que responde a su controlador, y el motor no la ve."""
    engine, card = facts.engine, facts.card
    if engine.gpus or not card:
        return
    tensorflow, windows = engine.name == "tensorflow", facts.system == "Windows"
    if windows and engine.name != "torch":
        since = " desde la versión 2.11" if tensorflow else ""
        yield warning(
            "windows-native",
            f"este equipo tiene una {card.name}, pero {facts.title} no usa la GPU en Windows"
            f"{since}; PyTorch sí, así que instálalo (el otro camino, WSL2, está en "
            "site/instalar.md)",
            facts.install_and_train("torch"),
            PYTORCH_PAGE,
        )
    if engine.name != "torch" and facts.architecture.lower() == "aarch64":
        yield warning(
            "nvidia-arm",
            f"este equipo tiene una {card.name}, pero este curso instala {facts.title} sin CUDA en "
            f"los procesadores {facts.architecture}; PyTorch sí la trae, así que instálalo",
            facts.install_and_train("torch"),
            PYTORCH_PAGE,
        )
    yield from driver_old(facts)
    if not engine.cuda:
        cure = facts.install_gpu()
        if tensorflow:
            uninstall = "-m pip uninstall -y tensorflow tensorflow-cpu"
            cure = f"{facts.python_command} {uninstall} && {cure}"
        yield warning(
            "cpu-build",
            f"este equipo tiene una {card.name}, pero el {facts.title} instalado es solo para CPU; "
            "instala el que usa CUDA",
            cure,
            ENGINE_PAGES[engine.name],
        )
    innocent = facts.in_the_way is not None and not any(
        cause.startswith("CUDA_VISIBLE_DEVICES=") for cause in facts.in_the_way
    )
    if facts.visible_devices is not None and not innocent:
        yield warning(
            "gpu-hidden",
            f"la variable CUDA_VISIBLE_DEVICES vale «{facts.visible_devices}» y esconde tu "
            f"{card.name}; bórrala en la terminal desde la que arrancas Python",
            facts.unset(["CUDA_VISIBLE_DEVICES"]),
            "https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/"
            "environment-variables.html",
        )
    if tensorflow and facts.missing_cuda_wheels:
        yield warning(
            "cuda-wheels-missing",
            f"este equipo tiene una {card.name}, pero faltan bibliotecas CUDA que TensorFlow "
            f"necesita, como {facts.missing_cuda_wheels[0]}; instálalas",
            facts.install_gpu(),
            TENSORFLOW_PAGE,
        )
    if re.search(CUDA_FAILS, engine.messages):
        if facts.container:
            yield CONTAINER_WITHOUT_GPU
        yield _cuda_not_starting(facts, card.name)
    if tensorflow:
        yield warning(
            "libraries-not-found",
            "las bibliotecas CUDA están instaladas, pero TensorFlow no las encuentra y no puede "
            f"usar tu {card.name}; enlázalas junto a TensorFlow",
            f"""(cd "$({facts.python_command} -c 'import sysconfig; """
            """print(sysconfig.get_path("platlib"))')/tensorflow" """
            """&& ln -sf ../nvidia/*/lib/*.so* .)""",
            TENSORFLOW_PAGE,
        )
    told = f" («{engine.last_line}»)" if engine.last_line else ""
    yield warning(
        "engine-blind",
        f"{facts.titled_version} no ve tu {card.name}{told}; instala otra vez las bibliotecas que "
        "fija el proyecto",
        facts.install_gpu("--force-reinstall"),
        ENGINE_PAGES[engine.name],
    )


def _cuda_not_starting(facts: Facts, name: str) -> Finding:
    meaning, cure = f"«{facts.engine.last_line}»", ""
    if "CUDA_ERROR_UNKNOWN" in facts.engine.messages:
        meaning, cure = "reinicia WSL (CUDA_ERROR_UNKNOWN)", "wsl.exe --shutdown"
        if not facts.wsl:
            meaning = (
                "el módulo nvidia_uvm no responde (CUDA_ERROR_UNKNOWN), como ocurre tras suspender "
                "el equipo; recárgalo"
            )
            cure = "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm"
    return warning(
        "cuda-not-starting",
        f"el controlador ve tu {name}, pero CUDA no arranca; {meaning}",
        cure,
        WSL_DRIVER_PAGE
        if facts.wsl
        else "https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html",
    )


def driver_silent(facts: Facts) -> Iterator[Finding]:
    """Hay una NVIDIA, porque se ve o porque su controlador contesta, que no responde."""
    told = (facts.nvidia_error or "").lower()
    answers = told and not re.search("library not found|driver not loaded", told)
    if facts.nvidia_cards or facts.engine.gpus or not (facts.nvidia_hardware or answers):
        return
    if "version mismatch" in told:
        yield warning(
            "driver-mismatch",
            "el controlador de NVIDIA se ha actualizado, pero el que está en marcha es todavía el "
            "anterior; reinicia el equipo",
            "sudo reboot",
            DRIVER_PAGE,
        )
    if facts.container:
        yield CONTAINER_WITHOUT_GPU
    if facts.wsl:
        yield warning(
            "wsl-driver-missing",
            "WSL2 no encuentra el controlador de NVIDIA; si tu equipo tiene una de sus GPU, "
            f"instala en Windows el controlador {needs.DRIVERS[12].windows} o posterior (dentro de "
            "Linux, ninguno) y actualiza WSL",
            "wsl.exe --update && wsl.exe --shutdown",
            WSL_DRIVER_PAGE,
        )
    if "permission" in told:
        yield warning(
            "driver-forbidden",
            "tu usuario no tiene permiso para usar la GPU NVIDIA de este equipo "
            f"(«{facts.nvidia_error}»); pídeselo a quien lo administra",
            "ls -l /dev/nvidia*",
            DRIVER_PAGE,
        )
    if "lost" in told:
        yield warning(
            "gpu-lost",
            "la GPU NVIDIA ha dejado de responder («GPU is lost»); apaga el equipo, revisa que "
            "esté bien enchufada, con su cable de corriente, y enciéndelo",
            url=DRIVER_PAGE,
        )
    if facts.old_card and numbers(facts.nvidia_module or "0")[0] > needs.LAST_OLD_DRIVER:
        yield warning(
            "driver-too-new",
            f"el controlador de NVIDIA instalado, el {facts.nvidia_module}, ya no admite la GPU de "
            f"este equipo, que es de las GTX 9 o 10 o de su época; la última rama que la admite es "
            f"la {needs.LAST_OLD_DRIVER}, así que instala esa",
            facts.install_driver,
            DRIVER_PAGE,
        )
    if facts.prime == "off":
        yield warning(
            "prime-off",
            "este portátil tiene apagada la GPU NVIDIA y usa los gráficos del procesador; "
            "enciéndela y reinicia",
            "sudo prime-select on-demand && sudo reboot",
            DRIVER_PAGE,
        )
    if facts.nouveau:
        yield warning(
            "nouveau-in-use",
            "Linux usa tu GPU NVIDIA con nouveau, el controlador libre, que no tiene CUDA; instala "
            f"el de NVIDIA, {facts.drivers}, y reinicia",
            facts.install_driver,
            DRIVER_PAGE,
        )
    if "library not found" in told:
        yield warning(
            "driver-missing",
            "este equipo tiene una GPU NVIDIA, pero falta su controlador; instala el "
            f"{facts.drivers}, y comprueba que la orden nvidia-smi la muestra",
            facts.install_driver,
            DRIVER_PAGE,
        )
    if facts.secure_boot:
        yield warning(
            "secure-boot",
            "el controlador de NVIDIA está instalado, pero no se carga, y el arranque seguro está "
            "puesto y solo deja cargar módulos firmados; fírmalo, como explica tu distribución, o "
            "apaga el arranque seguro en la BIOS; esta orden dice qué pasó",
            "sudo dmesg | grep -iE 'nvidia|module verification'",
            DRIVER_PAGE,
        )
    why = f" («{facts.nvidia_error}»)" if facts.nvidia_error else ""
    yield warning(
        "driver-not-loaded",
        f"el controlador de NVIDIA está instalado, pero no responde{why}; si lo acabas de instalar "
        "o actualizar, reinicia, y si no, mira qué dice al cargarlo",
        "sudo modprobe nvidia",
        DRIVER_PAGE,
    )


def other_gpu(facts: Facts) -> Iterator[Finding]:
    """Una que no es de NVIDIA y que PyTorch puede usar."""
    for maker, (torch, codes) in needs.OTHER_GPUS.items():
        if any(re.match(codes, pci) for pci in facts.pci_gpus or ()):
            yield fine(
                "other-gpu",
                f"{facts.titled_version} no usa la GPU de {maker} de este equipo; el PyTorch para "
                f"{torch} puede, si es de las que admite, como explica site/instalar.md en «AMD e "
                "Intel»",
                url=PYTORCH_PAGE,
            )


def no_gpu(facts: Facts) -> Iterator[Finding]:
    """No hay ninguna que el motor pueda usar o, si no se sabe, no se ve."""
    none, page = f"ninguna GPU que {facts.title} pueda usar", ENGINE_PAGES[facts.engine.name]
    sentence = f"este equipo no tiene {none}"
    if facts.container:
        advice = "si el equipo tiene una NVIDIA, arráncalo con --gpus all"
        sentence, page = f"este contenedor no tiene {none}; {advice}", CONTAINER_PAGE
    elif facts.nvidia_hardware is None:
        sentence = f"no se sabe si este equipo tiene una GPU NVIDIA, y no se ve {none}"
    yield fine("no-gpu", sentence, url=page)
