"""Reglas sobre la GPU que el motor no ve: la de un Mac y la NVIDIA, responda o no."""

import re
from collections.abc import Iterator
from functools import partial

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, capability, numbers
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

CUDA_FAILS = r"call to cuInit|CUDA_ERROR_|CUDA (?:unknown )?error|Error \d+: "
"""Lo que se lee cuando CUDA no arranca, y no porque no haya dispositivos a la vista."""

CUDA_ERRORS = (
    (
        "SYSTEM_NOT_READY|Error 802",
        "falta nvidia-fabricmanager, el servicio que une las GPU (error 802); arráncalo",
        "sudo systemctl restart nvidia-fabricmanager",
    ),
    (
        "DRIVER_MISMATCH|Error 803",
        "el controlador se actualizó y el que está en marcha es otro (error 803); reinicia",
        "sudo reboot",
    ),
    (
        "COMPAT_NOT_SUPPORTED|Error 804",
        "cuda-compat no vale para ella (error 804); quítalo y, si hace falta, sube el controlador",
        "unset LD_LIBRARY_PATH",
    ),
)
"""Los que tienen un arreglo, con las palabras de TensorFlow y JAX y las de PyTorch.

https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html
"""

driver = partial(warning, url=DRIVER_PAGE)

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
        why, cure = "está en una máquina virtual, que no la tiene", facts.script_on_cpu
        if numbers(facts.os)[:1] < (14,):
            why = f"pide macOS 14 o posterior y tienes {facts.os}; actualiza el sistema"
        elif not facts.virtual:
            why = "no se sabe por qué; instálalo otra vez"
            cure = facts.install_gpu("--force-reinstall")
        yield warning(
            "mps-not-seen",
            f"PyTorch no ve la GPU de tu Mac ({why}); mientras tanto, entrena en la CPU",
            cure,
            PYTORCH_PAGE,
        )
    yield warning(
        "mac-without-torch",
        f"{facts.title} no ve la GPU de tu Mac; PyTorch la usa sin complementos, así que prueba "
        "con él",
        facts.install_and_train("torch"),
        PYTORCH_PAGE,
    )


def jetson(facts: Facts) -> Iterator[Finding]:
    """Una placa de NVIDIA que no admite los paquetes corrientes."""
    card = facts.card
    old = not card or capability(card.compute_capability or "8.7") < needs.NEW_CARD
    if facts.jetson and old and not facts.engine.gpus:
        yield warning(
            "jetson",
            f"esto es una Jetson, y {facts.titled_version} no trae código para su GPU; instala el "
            "PyTorch que NVIDIA publica para ella o entrena en la CPU",
            url=needs.JETSON,
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
        if not windows and not facts.python_managed:  # pip daría por buena la misma versión
            names = "tensorflow tensorflow-cpu" if tensorflow else engine.name
            cure = f"{facts.python_command} -m pip uninstall -y {names} && {cure}"
        yield warning(
            "cpu-build",
            f"este equipo tiene una {card.name}, pero el {facts.title} instalado no trae CUDA; "
            "instala el que la usa",
            cure,
            ENGINE_PAGES[engine.name],
        )
    innocent = facts.in_the_way is not None and "CUDA_VISIBLE_DEVICES" not in facts.in_the_way
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
    if card.mig and not facts.cuda_sees:
        yield warning(
            "mig-without-instance",
            f"tu {card.name} está en modo MIG, que la reparte, y no tiene ninguna parte hecha; haz "
            "una («nvidia-smi mig -lgip» dice cuáles caben) o quita ese modo",
            "sudo nvidia-smi -mig 0",
            "https://docs.nvidia.com/datacenter/tesla/mig-user-guide/",
        )
    if re.search(CUDA_FAILS, engine.messages):
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
    told = facts.engine.messages
    known = [each[1:] for each in CUDA_ERRORS if re.search(each[0], told)]
    if facts.container and not known:
        return CONTAINER_WITHOUT_GPU
    meaning, cure = known[0] if known else (f"«{facts.engine.last_line}»", "")
    if facts.container or facts.system == "Windows":
        cure = ""
    elif re.search("CUDA_ERROR_UNKNOWN|Error 999|CUDA unknown error", told):
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
        yield driver(
            "driver-mismatch",
            "el controlador de NVIDIA se ha actualizado, pero el que está en marcha es todavía el "
            "anterior; reinicia el equipo",
            "" if facts.container else "sudo reboot",
        )
    if "permission" in told:
        yield driver(
            "driver-forbidden",
            "tu usuario no tiene permiso para usar la GPU NVIDIA de este equipo "
            f"(«{facts.nvidia_error}»); pídeselo a quien lo administra",
            "ls -l /dev/nvidia*",
        )
    if facts.container:
        yield CONTAINER_WITHOUT_GPU
    if facts.wsl:
        yield driver(
            "wsl-driver-missing",
            "WSL2 no encuentra el controlador de NVIDIA; si tu equipo tiene una de sus GPU, "
            f"instala en Windows el controlador {needs.DRIVERS[12].windows} o posterior (dentro de "
            "Linux, ninguno) y actualiza WSL",
            "wsl.exe --update && wsl.exe --shutdown",
            url=WSL_DRIVER_PAGE,
        )
    if not told:  # responde, pero sin ninguna GPU
        yield driver(
            "card-refused",
            "el controlador de NVIDIA funciona, pero no admite la GPU de este equipo; las RTX 50 "
            "piden sus módulos abiertos (los paquetes acabados en -open), y las anteriores a las "
            "RTX 20, los cerrados; esta orden dice por qué la rechaza",
            "sudo dmesg | grep NVRM",
        )
    if "lost" in told:
        yield driver(
            "gpu-lost",
            "la GPU NVIDIA ha dejado de responder («GPU is lost»); apaga el equipo, revisa que "
            "esté bien enchufada, con su cable de corriente, y enciéndelo",
        )
    if facts.old_card and numbers(facts.nvidia_module or "0")[0] > needs.LAST_OLD_DRIVER:
        yield driver(
            "driver-too-new",
            f"el controlador de NVIDIA instalado, el {facts.nvidia_module}, ya no admite la GPU de "
            f"este equipo, que es de las GTX 9 o 10 o de su época; la última rama que la admite es "
            f"la {needs.LAST_OLD_DRIVER}, así que instala esa",
            facts.install_driver,
        )
    if facts.prime == "off":
        yield driver(
            "prime-off",
            "este portátil tiene apagada la GPU NVIDIA y usa los gráficos del procesador; "
            "enciéndela y reinicia",
            "sudo prime-select on-demand && sudo reboot",
        )
    if facts.nouveau:
        yield driver(
            "nouveau-in-use",
            "Linux usa tu GPU NVIDIA con nouveau, el controlador libre, que no tiene CUDA; instala "
            f"el de NVIDIA, {facts.drivers}, y reinicia",
            facts.install_driver,
        )
    if "library not found" in told:
        yield driver(
            "driver-missing",
            "este equipo tiene una GPU NVIDIA, pero falta su controlador; instala el "
            f"{facts.drivers}, y comprueba que la orden nvidia-smi la muestra",
            facts.install_driver,
        )
    if facts.secure_boot:
        yield driver(
            "secure-boot",
            "el controlador de NVIDIA está instalado, pero no se carga, y el arranque seguro está "
            "puesto y solo deja cargar módulos firmados; fírmalo, como explica tu distribución, o "
            "apaga el arranque seguro en la BIOS; esta orden dice qué pasó",
            "sudo dmesg | grep -iE 'nvidia|module verification'",
        )
    why = f" («{facts.nvidia_error}»)" if facts.nvidia_error else ""
    yield driver(
        "driver-not-loaded",
        f"el controlador de NVIDIA está instalado, pero no responde{why}; si lo acabas de instalar "
        "o actualizar, reinicia, y si no, mira qué dice al cargarlo",
        "sudo modprobe nvidia",
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
