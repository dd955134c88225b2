"""Reglas sobre lo que impide importar TensorFlow: el Python que lo llama o su instalación."""

import re
import signal

from fashion_bench.machine.facts import IMPORT_TIMEOUT_SECONDS, Facts, numbers
from fashion_bench.machine.finding import (
    METAL_PAGE,
    PYTHON_PAGE,
    TENSORFLOW_ERRORS_PAGE,
    TENSORFLOW_PAGE,
    VISUAL_CPP_PAGE,
    Finding,
    error,
)

PYTHONS = ((3, 11), (3, 13))
"""Primera y última versión de Python para las que se publica TensorFlow 2.21."""
FIRST_TENSORFLOW_WITHOUT_METAL = (2, 20)
ILLEGAL_INSTRUCTION = (-signal.SIGILL, 0xC000001D)
"""Así muere un proceso cuya CPU no tiene una instrucción: en Linux y macOS, y en Windows."""


def rosetta(facts: Facts) -> Finding | None:
    """Un Python para Intel en un Mac que no lo es."""
    if not facts.rosetta:
        return None
    return error(
        id="python-rosetta",
        sentence="tu Mac tiene Apple silicon, pero este Python es para Intel y funciona "
        "traducido por Rosetta; instala el de Apple silicon y crea el entorno con él",
        cure="arch -arm64 python3.12 -m venv --clear .venv && arch -arm64 .venv/bin/python "
        "-m pip install -r requirements-macos.txt",
        url=METAL_PAGE,
    )


def intel_mac(facts: Facts) -> Finding | None:
    """Un Mac para el que ya no se publica TensorFlow."""
    intel = facts.system == "Darwin" and facts.architecture == "x86_64"
    if not intel or facts.tensorflow.version:
        return None
    return error(
        id="intel-mac",
        sentence="TensorFlow ya no se publica para los Mac con procesador Intel (la última "
        "versión fue la 2.16.2), así que este tutorial necesita otro ordenador",
        url=TENSORFLOW_PAGE,
    )


def python_32_bit(facts: Facts) -> Finding | None:
    """Un Python de 32 bits."""
    if facts.python_bits != 32:
        return None
    return error(
        id="python-32-bit",
        sentence="este Python es de 32 bits y TensorFlow solo existe para el de 64; instala "
        "Python 3.12 de 64 bits y crea el entorno con él",
        cure=facts.new_environment,
        url=PYTHON_PAGE,
    )


def python_unsupported(facts: Facts) -> Finding | None:
    """Un Python para el que no se publica este TensorFlow."""
    if PYTHONS[0] <= numbers(facts.python)[:2] <= PYTHONS[1]:
        return None
    return error(
        id="python-unsupported",
        sentence=f"tienes Python {facts.python} y este tutorial necesita Python 3.11, 3.12 o "
        "3.13; instala Python 3.12 y crea el entorno con él",
        cure=facts.new_environment,
        url=PYTHON_PAGE,
    )


def metal_breaks_tensorflow(facts: Facts) -> Finding | None:
    """Un complemento Metal que no es para este TensorFlow."""
    together = (
        facts.tensorflow.version is None
        and "tensorflow-metal" in facts.distributions
        and numbers(facts.distributions.get("tensorflow", "0")) >= FIRST_TENSORFLOW_WITHOUT_METAL
    )
    if not together and not _import_fails_with("libmetal_plugin", facts):
        return None
    return error(
        id="metal-breaks-tensorflow",
        sentence="tensorflow-metal no se entiende con el TensorFlow instalado e impide "
        "importarlo; instala la última pareja que funciona, TensorFlow 2.19.1 con "
        "tensorflow-metal 1.2.0",
        cure=facts.install("requirements-macos.txt")
        if facts.python_fits_metal
        else facts.new_environment,
        url=METAL_PAGE,
    )


def tensorflow_missing(facts: Facts) -> Finding | None:
    """TensorFlow no está."""
    if not _import_fails_with("No module named 'tensorflow'", facts):
        return None
    return error(
        id="tensorflow-missing",
        sentence="TensorFlow no está instalado en este Python; instálalo",
        cure=facts.install(facts.lock),
        url=TENSORFLOW_PAGE,
    )


def no_avx(facts: Facts) -> Finding | None:
    """Un procesador al que le faltan instrucciones."""
    killed = facts.tensorflow.exit_code in ILLEGAL_INSTRUCTION
    if not killed and not _import_fails_with("compiled to use AVX", facts):
        return None
    return error(
        id="no-avx",
        sentence="el procesador no tiene las instrucciones AVX que TensorFlow necesita (o la "
        "máquina virtual no se las deja ver), así que este tutorial necesita otro ordenador",
        url=f"{TENSORFLOW_PAGE}#hardware-requirements",
    )


def visual_cpp_missing(facts: Facts) -> Finding | None:
    """Un Windows sin las bibliotecas de Visual C++."""
    if not _import_fails_with("DLL load failed", facts):
        return None
    return error(
        id="visual-cpp-missing",
        sentence="Windows no puede cargar TensorFlow: casi siempre es que faltan, o son "
        "antiguas, las bibliotecas de Microsoft Visual C++",
        cure="winget install Microsoft.VCRedist.2015+.x64",
        url=VISUAL_CPP_PAGE,
    )


def protobuf_conflict(facts: Facts) -> Finding | None:
    """Una versión de protobuf que no es la suya."""
    known = r"google\.protobuf|Protobuf Gencode|Descriptors cannot be created"
    return _version_conflict("protobuf", facts) if _import_fails_with(known, facts) else None


def numpy_conflict(facts: Facts) -> Finding | None:
    """Una versión de NumPy que no es la suya."""
    known = r"_ARRAY_API|compiled using NumPy|numpy\.dtype size|numpy\.core\.\w+ failed"
    return _version_conflict("numpy", facts) if _import_fails_with(known, facts) else None


def tensorflow_slow(facts: Facts) -> Finding | None:
    """La importación no termina."""
    if facts.tensorflow.exit_code is not None:
        return None
    return error(
        id="tensorflow-slow",
        sentence=f"TensorFlow no ha terminado de importarse en {IMPORT_TIMEOUT_SECONDS} "
        "segundos; la primera vez es la más lenta, así que repite el diagnóstico",
        cure=f"{facts.python_command} -m fashion_bench",
        url=TENSORFLOW_ERRORS_PAGE,
    )


def tensorflow_broken(facts: Facts) -> Finding | None:
    """La importación falla y ninguna regla anterior sabe por qué."""
    if facts.tensorflow.version:
        return None
    return error(
        id="tensorflow-broken",
        sentence="TensorFlow está instalado, pero su importación falla por una causa que este "
        "diagnóstico no conoce; vuelve a instalarlo",
        cure=facts.install(facts.lock, "--force-reinstall"),
        url=TENSORFLOW_ERRORS_PAGE,
    )


def _import_fails_with(pattern: str, facts: Facts) -> bool:
    failed = facts.tensorflow.version is None
    return failed and re.search(pattern, facts.tensorflow.messages) is not None


def _version_conflict(package: str, facts: Facts) -> Finding:
    version = facts.distributions.get(package, "que hay")
    return error(
        id=f"{package}-conflict",
        sentence=f"TensorFlow no se entiende con la versión {version} de {package}; instala las "
        "versiones fijas del proyecto",
        cure=facts.install(facts.lock),
        url=TENSORFLOW_ERRORS_PAGE,
    )


RULES = (
    rosetta,
    intel_mac,
    python_32_bit,
    python_unsupported,
    metal_breaks_tensorflow,
    tensorflow_missing,
    no_avx,
    visual_cpp_missing,
    protobuf_conflict,
    numpy_conflict,
    tensorflow_slow,
    tensorflow_broken,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""
