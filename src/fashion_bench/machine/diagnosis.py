"""¿Por qué no se ve mi GPU? De los hechos de un equipo deduce qué arreglar y cómo.

Aquí solo se razona: con los mismos hechos, los mismos hallazgos.
"""

import re
import signal
from functools import partial
from typing import Literal

from fashion_bench.machine.facts import IMPORT_TIMEOUT_SECONDS, Facts
from fashion_bench.values import Frozen

PYTHONS = ((3, 11), (3, 13))
"""Primera y última versión de Python para las que se publica TensorFlow 2.21."""
LAST_METAL_PYTHON = (3, 12)
FIRST_TENSORFLOW_WITHOUT_METAL = (2, 20)
MIN_DRIVER, MIN_WSL_DRIVER = "525.60.13", "528.33"
MIN_FREE_MEMORY_GIB = 1.5
"""Medido: la lección entera, sin GPU, llega a 1.1 GiB."""
MIN_FREE_DISK_GIB = 0.5
INSTALL_DISK_GIB = {"requirements.txt": 2, "requirements-macos.txt": 2, "requirements-cuda.txt": 4}
ILLEGAL_INSTRUCTION = (-signal.SIGILL, 0xC000001D)
"""Así muere un proceso cuya CPU no tiene una instrucción: en Linux y macOS, y en Windows."""

TENSORFLOW_PAGE = "https://www.tensorflow.org/install/pip"
TENSORFLOW_ERRORS_PAGE = "https://www.tensorflow.org/install/errors"
TENSORFLOW_GPU_PAGE = "https://www.tensorflow.org/guide/gpu"
NEW_GPU_PAGE = "https://github.com/tensorflow/tensorflow/issues/89272"
DRIVER_PAGE = "https://www.nvidia.com/drivers"
WSL_DRIVER_PAGE = "https://docs.nvidia.com/cuda/wsl-user-guide/index.html"
WSL_PAGE = "https://learn.microsoft.com/windows/wsl/install"
METAL_PAGE = "https://developer.apple.com/metal/tensorflow-plugin/"
VISUAL_CPP_PAGE = "https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist"
PYTHON_PAGE = "https://www.python.org/downloads/"
PIP_CACHE_PAGE = "https://pip.pypa.io/en/stable/cli/pip_cache/"

Severity = Literal["error", "warning", "ok"]
"""`error`: no se puede entrenar; `warning`: se puede, pero algo va peor; `ok`: todo bien."""


class Finding(Frozen):
    """Algo que conviene saber: qué pasa, qué orden lo arregla y dónde lo explican.

    La frase no empieza por mayúscula, para que valga detrás de dos puntos.
    """

    id: str
    severity: Severity
    sentence: str
    cure: str = ""
    url: str = ""

    @property
    def line(self) -> str:
        """Frase y orden en una sola línea."""
        return f"{self.sentence}: {self.cure}" if self.cure else self.sentence


_error = partial(Finding, severity="error")
_warning = partial(Finding, severity="warning")
_fine = partial(Finding, severity="ok")


def findings(facts: Facts) -> list[Finding]:
    """Dice qué se deduce de los hechos: primero, lo más grave."""
    found = [verdict(facts), *besides(facts)]
    return sorted(found, key=lambda finding: ("error", "warning", "ok").index(finding.severity))


def verdict(facts: Facts) -> Finding:
    """Dice qué pasa con la GPU; mientras falle una pieza no juzga las que se apoyan en ella."""
    return _python_problem(facts) or _tensorflow_problem(facts) or _gpu_verdict(facts)


def besides(facts: Facts) -> list[Finding]:
    """Dice lo que, además del veredicto, conviene saber antes de entrenar."""
    return [*_several_gpus(facts), *_scarcity(facts)]


def _python_problem(facts: Facts) -> Finding | None:
    major, minor = _numbers(facts.python)[:2]
    if facts.rosetta:
        return _error(
            id="python-rosetta",
            sentence="tu Mac tiene Apple silicon, pero este Python es para Intel y funciona "
            "traducido por Rosetta; instala el de Apple silicon y crea el entorno con él",
            cure="arch -arm64 python3.12 -m venv --clear .venv && arch -arm64 .venv/bin/python "
            "-m pip install -r requirements-macos.txt",
            url=METAL_PAGE,
        )
    if facts.system == "Darwin" and facts.architecture == "x86_64" and not facts.tensorflow.version:
        return _error(
            id="intel-mac",
            sentence="TensorFlow ya no se publica para los Mac con procesador Intel (la última "
            "versión fue la 2.16.2), así que este tutorial necesita otro ordenador",
            url=TENSORFLOW_PAGE,
        )
    if facts.python_bits == 32:
        return _error(
            id="python-32-bit",
            sentence="este Python es de 32 bits y TensorFlow solo existe para el de 64; instala "
            "Python 3.12 de 64 bits y crea el entorno con él",
            cure=_new_environment(facts),
            url=PYTHON_PAGE,
        )
    if not PYTHONS[0] <= (major, minor) <= PYTHONS[1]:
        return _error(
            id="python-unsupported",
            sentence=f"tienes Python {facts.python} y este tutorial necesita Python 3.11, 3.12 o "
            "3.13; instala Python 3.12 y crea el entorno con él",
            cure=_new_environment(facts),
            url=PYTHON_PAGE,
        )
    return None


def _tensorflow_problem(facts: Facts) -> Finding | None:
    tensorflow, messages = facts.tensorflow, facts.tensorflow.messages
    if tensorflow.version:
        return None
    version = _numbers(facts.distributions.get("tensorflow", "0"))
    if "libmetal_plugin" in messages or (
        "tensorflow-metal" in facts.distributions and version >= FIRST_TENSORFLOW_WITHOUT_METAL
    ):
        return _error(
            id="metal-breaks-tensorflow",
            sentence="tensorflow-metal no se entiende con el TensorFlow instalado e impide "
            "importarlo; instala la última pareja que funciona, TensorFlow 2.19.1 con "
            "tensorflow-metal 1.2.0",
            cure=_install_metal(facts),
            url=METAL_PAGE,
        )
    if "No module named 'tensorflow'" in messages:
        return _error(
            id="tensorflow-missing",
            sentence="TensorFlow no está instalado en este Python; instálalo",
            cure=_install(facts, _lock(facts)),
            url=TENSORFLOW_PAGE,
        )
    if tensorflow.exit_code in ILLEGAL_INSTRUCTION or "compiled to use AVX" in messages:
        return _error(
            id="no-avx",
            sentence="el procesador no tiene las instrucciones AVX que TensorFlow necesita (o la "
            "máquina virtual no se las deja ver), así que este tutorial necesita otro ordenador",
            url=f"{TENSORFLOW_PAGE}#hardware-requirements",
        )
    if "DLL load failed" in messages:
        return _error(
            id="visual-cpp-missing",
            sentence="Windows no puede cargar TensorFlow: casi siempre es que faltan, o son "
            "antiguas, las bibliotecas de Microsoft Visual C++",
            cure="winget install Microsoft.VCRedist.2015+.x64",
            url=VISUAL_CPP_PAGE,
        )
    if re.search(r"google\.protobuf|Protobuf Gencode|Descriptors cannot be created", messages):
        return _version_conflict(facts, "protobuf")
    if re.search(
        r"_ARRAY_API|compiled using NumPy|numpy\.dtype size|numpy\.core\.\w+ failed", messages
    ):
        return _version_conflict(facts, "numpy")
    if tensorflow.exit_code is None:
        return _error(
            id="tensorflow-slow",
            sentence=f"TensorFlow no ha terminado de importarse en {IMPORT_TIMEOUT_SECONDS} "
            "segundos; la primera vez es la más lenta, así que repite el diagnóstico",
            cure=f"{facts.python_command} -m fashion_bench",
            url=TENSORFLOW_ERRORS_PAGE,
        )
    return _error(
        id="tensorflow-broken",
        sentence="TensorFlow está instalado, pero su importación falla por una causa que este "
        "diagnóstico no conoce; vuelve a instalarlo",
        cure=_install(facts, _lock(facts), "--force-reinstall"),
        url=TENSORFLOW_ERRORS_PAGE,
    )


def _version_conflict(facts: Facts, package: str) -> Finding:
    version = facts.distributions.get(package, "que hay")
    return _error(
        id=f"{package}-conflict",
        sentence=f"TensorFlow no se entiende con la versión {version} de {package}; instala las "
        "versiones fijas del proyecto",
        cure=_install(facts, _lock(facts)),
        url=TENSORFLOW_ERRORS_PAGE,
    )


def _gpu_verdict(facts: Facts) -> Finding:
    if facts.tensorflow.gpus:
        return _gpu_in_sight(facts)
    if facts.system == "Darwin" and facts.architecture == "arm64":
        return _metal_problem(facts)
    if facts.nvidia_cards:
        return _unused_card(facts)
    if facts.nvidia_hardware:
        return _driver_problem(facts)
    return _fine(
        id="no-gpu",
        sentence=f"{'esta máquina virtual' if facts.virtual_machine else 'este equipo'} no tiene "
        "ninguna GPU que TensorFlow pueda usar, así que se entrena en la CPU: el tutorial "
        "funciona igual, solo que más despacio",
        url=TENSORFLOW_PAGE,
    )


def _gpu_in_sight(facts: Facts) -> Finding:
    if facts.system == "Darwin":
        return _fine(
            id="metal-ready",
            sentence="TensorFlow ve la GPU de tu Mac por Metal; antes de entrenar, el cuaderno "
            "comprueba que calcula bien",
            url=METAL_PAGE,
        )
    name = facts.tensorflow.gpus[0]
    build = [_capability(text) for text in facts.tensorflow.compute_capabilities]
    card = next((card for card in facts.nvidia_cards if card.name == name), None)
    if build and card and _capability(card.compute_capability)[0] > max(build)[0]:
        newest = ".".join(map(str, max(build)))
        return _warning(
            id="gpu-too-new",
            sentence=f"tu {name} (capacidad de cómputo {card.compute_capability}) es más nueva "
            f"que este TensorFlow, preparado hasta la {newest}: puede tardar más de media hora en "
            "arrancar o fallar; si te ocurre, entrena en la CPU",
            cure=f"{facts.python_command} fashion_mnist_cnn.py --device cpu",
            url=NEW_GPU_PAGE,
        )
    return _fine(
        id="gpu-ready",
        sentence=f"TensorFlow ve tu {name} y entrenará en ella",
        url=TENSORFLOW_GPU_PAGE,
    )


def _metal_problem(facts: Facts) -> Finding:
    if "tensorflow-metal" in facts.distributions:
        return _warning(
            id="metal-not-seen",
            sentence="tensorflow-metal está instalado, pero TensorFlow no ve la GPU de tu Mac; "
            "vuelve a instalar la pareja que funciona",
            cure=_install(facts, "requirements-macos.txt", "--force-reinstall"),
            url=METAL_PAGE,
        )
    sentence = "falta tensorflow-metal, con el que TensorFlow usa la GPU de tu Mac; instálalo"
    if _numbers(facts.python)[:2] > LAST_METAL_PYTHON:
        sentence += " en un entorno con Python 3.12, porque no existe para versiones posteriores"
    return _warning(
        id="metal-missing", sentence=sentence, cure=_install_metal(facts), url=METAL_PAGE
    )


def _unused_card(facts: Facts) -> Finding:
    """Hay tarjeta y su controlador responde, pero TensorFlow no la ve."""
    card = facts.nvidia_cards[0]
    minimum = MIN_WSL_DRIVER if facts.wsl else MIN_DRIVER
    build = [_capability(text) for text in facts.tensorflow.compute_capabilities]
    if facts.system == "Windows":
        return _warning(
            id="windows-native",
            sentence=f"este equipo tiene una {card.name}, pero TensorFlow no usa la GPU en Windows "
            "desde la versión 2.11; instala WSL2, un Linux dentro de Windows, y sigue en él los "
            "pasos de Linux",
            cure="wsl --install",
            url=WSL_PAGE,
        )
    if facts.architecture != "x86_64":
        return _warning(
            id="nvidia-arm",
            sentence=f"este equipo tiene una {card.name}, pero TensorFlow con CUDA solo se publica "
            f"para procesadores x86_64 y el tuyo es {facts.architecture}",
            url=TENSORFLOW_PAGE,
        )
    if _numbers(card.driver) < _numbers(minimum):
        return _warning(
            id="driver-old",
            sentence=f"el controlador de tu {card.name} es el {card.driver} y TensorFlow necesita "
            f"el {minimum} o posterior; actualízalo{' en Windows' if facts.wsl else ''}",
            cure=_install_driver(facts),
            url=WSL_DRIVER_PAGE if facts.wsl else DRIVER_PAGE,
        )
    if not facts.tensorflow.built_with_cuda:
        return _warning(
            id="cpu-build",
            sentence=f"este equipo tiene una {card.name}, pero el TensorFlow instalado es solo "
            "para CPU; instala la versión con CUDA",
            cure=f"{facts.python_command} -m pip uninstall -y tensorflow tensorflow-cpu && "
            + _install(facts, "requirements-cuda.txt"),
            url=TENSORFLOW_PAGE,
        )
    if facts.gpus_hidden:
        return _warning(
            id="gpu-hidden",
            sentence=f"la variable CUDA_VISIBLE_DEVICES esconde tu {card.name}; bórrala en el "
            "terminal desde el que arrancas Python",
            cure="unset CUDA_VISIBLE_DEVICES",
            url=TENSORFLOW_GPU_PAGE,
        )
    if build and _capability(card.compute_capability) < min(build):
        oldest = ".".join(map(str, min(build)))
        return _warning(
            id="gpu-too-old",
            sentence=f"tu {card.name} (capacidad de cómputo {card.compute_capability}) es "
            f"demasiado antigua para este TensorFlow, que pide la {oldest}: se entrena en la CPU",
            url=f"{TENSORFLOW_PAGE}#hardware-requirements",
        )
    if facts.missing_cuda_wheels:
        return _warning(
            id="cuda-wheels-missing",
            sentence=f"este equipo tiene una {card.name}, pero faltan bibliotecas CUDA que "
            f"TensorFlow necesita, como {facts.missing_cuda_wheels[0]}; instálalas",
            cure=_install(facts, "requirements-cuda.txt"),
            url=TENSORFLOW_PAGE,
        )
    if "call to cuInit" in facts.tensorflow.messages:
        return _warning(
            id="cuda-not-starting",
            sentence=f"el controlador ve tu {card.name}, pero CUDA no arranca, lo que suele "
            "ocurrir tras suspender o actualizar el equipo; reinícialo",
            cure="wsl.exe --shutdown" if facts.wsl else "sudo reboot",
            url=WSL_DRIVER_PAGE if facts.wsl else TENSORFLOW_PAGE,
        )
    if facts.ld_library_path:
        return _warning(
            id="foreign-libraries",
            sentence=f"TensorFlow no puede cargar las bibliotecas CUDA para tu {card.name}, "
            "seguramente porque la variable LD_LIBRARY_PATH le hace tomar otras; bórrala en el "
            "terminal desde el que arrancas Python",
            cure="unset LD_LIBRARY_PATH",
            url=TENSORFLOW_PAGE,
        )
    return _warning(
        id="libraries-not-found",
        sentence=f"las bibliotecas CUDA están instaladas, pero TensorFlow no las encuentra y no "
        f"puede usar tu {card.name}; enlázalas junto a TensorFlow",
        cure=f"""(cd "$({facts.python_command} -c 'import sysconfig; """
        """print(sysconfig.get_path("platlib"))')/tensorflow" && ln -sf ../nvidia/*/lib/*.so* .)""",
        url=TENSORFLOW_PAGE,
    )


def _driver_problem(facts: Facts) -> Finding:
    if facts.wsl:
        return _warning(
            id="wsl-driver-missing",
            sentence="WSL2 no encuentra el controlador de NVIDIA; si tu PC tiene una de sus "
            f"tarjetas, instala en Windows el controlador {MIN_WSL_DRIVER} o posterior (dentro de "
            "Linux, ninguno) y actualiza WSL",
            cure="wsl.exe --update && wsl.exe --shutdown",
            url=WSL_DRIVER_PAGE,
        )
    if facts.nvidia_error and "Not Found" in facts.nvidia_error:
        return _warning(
            id="driver-missing",
            sentence="este equipo tiene una tarjeta NVIDIA, pero falta su controlador; instala el "
            f"{MIN_DRIVER} o posterior y comprueba que la orden nvidia-smi la muestra",
            cure=_install_driver(facts),
            url=DRIVER_PAGE,
        )
    return _warning(
        id="driver-not-loaded",
        sentence="el controlador de NVIDIA está instalado, pero no responde, algo normal si se "
        "acaba de instalar o actualizar; reinicia el equipo",
        cure="sudo reboot",
        url=DRIVER_PAGE,
    )


def _several_gpus(facts: Facts) -> list[Finding]:
    gpus = facts.tensorflow.gpus
    if len(gpus) < 2:
        return []
    return [
        _fine(
            id="several-gpus",
            sentence=f"TensorFlow ve {len(gpus)} GPU y el cuaderno usa la primera: {gpus[0]}",
            url=TENSORFLOW_GPU_PAGE,
        )
    ]


def _scarcity(facts: Facts) -> list[Finding]:
    found = []
    if facts.free_memory_gib < MIN_FREE_MEMORY_GIB:
        found.append(
            _warning(
                id="low-memory",
                sentence=f"solo quedan {facts.free_memory_gib:.1f} GiB de memoria libre y entrenar "
                f"necesita alrededor de {MIN_FREE_MEMORY_GIB:.1f}; cierra otros programas",
            )
        )
    lock = _lock(facts)
    needed = MIN_FREE_DISK_GIB if facts.tensorflow.version else INSTALL_DISK_GIB[lock]
    if facts.free_disk_gib < needed:
        purpose = "guardar los resultados" if facts.tensorflow.version else f"instalar {lock}"
        found.append(
            _warning(
                id="low-disk",
                sentence=f"en el disco solo quedan {facts.free_disk_gib:.1f} GiB libres y "
                f"{purpose} necesita {needed} GiB; vacía la caché de pip",
                cure=f"{facts.python_command} -m pip cache purge",
                url=PIP_CACHE_PAGE,
            )
        )
    return found


def _lock(facts: Facts) -> str:
    """Fichero de versiones fijas que le toca a este equipo."""
    if facts.system == "Darwin" and _numbers(facts.python)[:2] <= LAST_METAL_PYTHON:
        return "requirements-macos.txt"
    nvidia = facts.nvidia_cards or (facts.nvidia_hardware and not facts.wsl)
    if facts.system == "Linux" and facts.architecture == "x86_64" and nvidia:
        return "requirements-cuda.txt"
    return "requirements.txt"


def _install(facts: Facts, lock: str, option: str = "") -> str:
    return " ".join(filter(None, [facts.python_command, "-m pip install", option, "-r", lock]))


def _new_environment(facts: Facts) -> str:
    """Orden que rehace `.venv` con Python 3.12."""
    if facts.system == "Windows":
        return (
            r"py -3.12 -m venv --clear .venv && .venv\Scripts\python -m pip install "
            "-r requirements.txt"
        )
    lock = "requirements-macos.txt" if facts.system == "Darwin" else _lock(facts)
    return f"python3.12 -m venv --clear .venv && .venv/bin/python -m pip install -r {lock}"


def _install_metal(facts: Facts) -> str:
    if _numbers(facts.python)[:2] > LAST_METAL_PYTHON:
        return _new_environment(facts)
    return _install(facts, "requirements-macos.txt")


def _install_driver(facts: Facts) -> str:
    """Orden que instala el controlador, donde la hay."""
    if facts.os.startswith("Ubuntu") and not facts.wsl:
        return "sudo ubuntu-drivers install && sudo reboot"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _capability(text: str) -> tuple[int, int]:
    """Capacidad de cómputo escrita como `8.6`, `sm_86` o `compute_86`."""
    digits = re.sub(r"\D", "", text)
    return int(digits[:-1]), int(digits[-1])
