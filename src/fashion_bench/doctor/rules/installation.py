"""Reglas sobre lo que impide importar el motor: el Python que lo llama o su instalación."""

import re
import signal

from fashion_bench import install
from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, numbers
from fashion_bench.doctor.finding import (
    JAX_PAGE,
    KERAS_PAGE,
    LONG_PATHS_PAGE,
    METAL_PAGE,
    PYTHON_PAGE,
    PYTORCH_PAGE,
    SHADOWING_PAGE,
    TENSORFLOW_ERRORS_PAGE,
    TENSORFLOW_PAGE,
    VISUAL_CPP_PAGE,
    WSL_PAGE,
    Finding,
    error,
    warning,
)
from fashion_bench.doctor.trial import TIMEOUT_SECONDS
from fashion_bench.jupyter import X86
from fashion_bench.machine.backends import TITLES

ILLEGAL_INSTRUCTION = (-signal.SIGILL, 0xC000001D)
"""Así muere un proceso cuya CPU no tiene una instrucción: en Linux y macOS, y en Windows."""

LONGEST_FILE = 185
"""Letras de la ruta más larga de TensorFlow dentro de su entorno; lo comprueba una prueba."""

LONGEST_PATH = 260

PAGES = {"tensorflow": TENSORFLOW_PAGE, "torch": PYTORCH_PAGE, "jax": JAX_PAGE}


def wsl_1(facts: Facts) -> Finding | None:
    """WSL 1, que no lleva un Linux de verdad."""
    if facts.wsl != 1:
        return None
    return error(
        id="wsl-1",
        sentence="esto es WSL 1, que no llega a la GPU ni ejecuta todo lo que pide un motor de "
        "cálculo; pasa tu Linux a WSL 2 desde Windows (wsl -l -v dice cómo se llama)",
        cure="wsl.exe --set-version Ubuntu 2",
        url=WSL_PAGE,
    )


def rosetta(facts: Facts) -> Finding | None:
    """Un Python para Intel en un Mac que no lo es."""
    if not facts.rosetta:
        return None
    return error(
        id="python-rosetta",
        sentence="tu Mac tiene Apple silicon, pero este Python es para Intel y funciona "
        "traducido por Rosetta; instala el de Apple silicon y crea el entorno con él",
        cure="arch -arm64 python3.12 -m venv --clear .venv && arch -arm64 .venv/bin/python "
        f"-m pip install {install.pip_anew('requirements-macos.txt')}",
        url=METAL_PAGE,
    )


def intel_mac(facts: Facts) -> Finding | None:
    """Un Mac para el que ya no se publica TensorFlow."""
    intel = facts.system == "Darwin" and facts.architecture == "x86_64"
    if not intel or facts.engine.version:
        return None
    return error(
        id="intel-mac",
        sentence="TensorFlow ya no se publica para los Mac con procesador Intel (la última "
        "versión fue la 2.16.2), así que este tutorial necesita otro equipo",
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


def system_unsupported(facts: Facts) -> Finding | None:
    """Un procesador o un Linux para los que no se publica TensorFlow."""
    why = _not_published_for(facts)
    if not why or facts.engine.version:
        return None
    return error(
        id="system-unsupported",
        sentence=f"TensorFlow no se publica para {why}; necesitas otro sistema u otro equipo",
        url=TENSORFLOW_PAGE,
    )


def python_unsupported(facts: Facts) -> Finding | None:
    """Un Python para el que no se publica este TensorFlow."""
    if needs.PYTHONS[0] <= numbers(facts.python)[:2] <= needs.PYTHONS[1]:
        return None
    return error(
        id="python-unsupported",
        sentence=f"tienes Python {facts.python} y este tutorial necesita Python 3.11, 3.12 o "
        "3.13; instala Python 3.12 y crea el entorno con él",
        cure=facts.new_environment,
        url=PYTHON_PAGE,
    )


def file_in_the_way(facts: Facts) -> Finding | None:
    """Un archivo de la persona tapa a una biblioteca: se ha probado sin él y va mejor."""
    files = [cause for cause in facts.in_the_way or () if "=" not in cause]
    if not files:
        return None
    return error(
        id="file-in-the-way",
        sentence=f"el archivo {files[0]} se llama como una biblioteca y Python lo importa en su "
        "lugar; cámbiale el nombre",
        url=SHADOWING_PAGE,
    )


def variable_in_the_way(facts: Facts) -> Finding | None:
    """Una variable de entorno estropea el motor: se ha probado sin ella y va mejor."""
    causes = [cause for cause in facts.in_the_way or () if "=" in cause]
    names = [cause.partition("=")[0] for cause in causes]
    if not names or names == ["CUDA_VISIBLE_DEVICES"]:
        return None
    one, told = len(names) == 1, " y ".join(causes)
    severity = warning if facts.engine.agrees else error
    return severity(
        id="variable-in-the-way",
        sentence=f"{'con la variable' if one else 'con las variables'} {told} "
        f"{TITLES[facts.engine.name]} no funciona bien, y sin {'ella' if one else 'ellas'}, sí; "
        f"{'bórrala' if one else 'bórralas'} en la terminal desde la que arrancas Python",
        cure=unset(facts, names),
        url=PAGES[facts.engine.name],
    )


def metal_breaks_tensorflow(facts: Facts) -> Finding | None:
    """Un complemento Metal que no es para este TensorFlow."""
    together = (
        facts.engine.version is None
        and "tensorflow-metal" in facts.distributions
        and numbers(facts.distributions.get("tensorflow", "0"))
        >= needs.FIRST_TENSORFLOW_WITHOUT_METAL
    )
    if not together and not _import_fails_with("libmetal_plugin", facts):
        return None
    return error(
        id="metal-breaks-tensorflow",
        sentence="tensorflow-metal no es compatible con el TensorFlow instalado e impide "
        f"importarlo; instala la última pareja que funciona, TensorFlow {needs.METAL_TENSORFLOW} "
        f"con tensorflow-metal {needs.METAL_PLUGIN}",
        cure=facts.install("requirements-macos.txt")
        if facts.python_fits_metal
        else facts.new_environment,
        url=METAL_PAGE,
    )


def engine_missing(facts: Facts) -> Finding | None:
    """El motor no está."""
    name = facts.engine.name
    if not _import_fails_with(f"No module named '{name}'", facts):
        return None
    return error(
        id="engine-missing",
        sentence=f"{TITLES[name]} no está instalado en este Python; instálalo",
        cure=facts.install(facts.engine_lock),
        url=PAGES[name],
    )


def illegal_instruction(facts: Facts) -> Finding | None:
    """Un procesador al que le faltan instrucciones."""
    killed = facts.engine.exit_code in ILLEGAL_INSTRUCTION
    if not killed and not _import_fails_with("compiled to use AVX", facts):
        return None
    missing = "las instrucciones AVX" if facts.architecture.lower() in X86 else "una instrucción"
    return error(
        id="illegal-instruction",
        sentence=f"el procesador no tiene {missing} que {TITLES[facts.engine.name]} necesita (o "
        "la máquina virtual no se lo deja ver), así que este tutorial necesita otro equipo",
        url=f"{TENSORFLOW_PAGE}#hardware-requirements",
    )


def path_too_long(facts: Facts) -> Finding | None:
    """Un Windows sin rutas largas y un entorno en una carpeta muy honda."""
    fits = facts.path_length + LONGEST_FILE < LONGEST_PATH
    if facts.engine.version or facts.long_paths or fits:
        return None
    return error(
        id="path-too-long",
        sentence=f"Windows no admite rutas de más de {LONGEST_PATH} letras y, desde esta carpeta, "
        "las de TensorFlow lo son; mueve el proyecto a una carpeta corta, como C:\\curso, o "
        "activa las rutas largas, y crea el entorno otra vez",
        cure=facts.new_environment,
        url=LONG_PATHS_PAGE,
    )


def visual_cpp_missing(facts: Facts) -> Finding | None:
    """Un Windows sin las bibliotecas de Visual C++."""
    if not _import_fails_with("DLL load failed|WinError 126", facts):
        return None
    return error(
        id="visual-cpp-missing",
        sentence=f"Windows no puede cargar {TITLES[facts.engine.name]}, casi siempre porque "
        "faltan, o son antiguas, las bibliotecas de Microsoft Visual C++; instálalas",
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


def engine_slow(facts: Facts) -> Finding | None:
    """La importación no termina."""
    if facts.engine.exit_code is not None or facts.engine.tried_on == "gpu":
        return None
    return error(
        id="engine-slow",
        sentence=f"{TITLES[facts.engine.name]} no ha terminado de ponerse en marcha en "
        f"{TIMEOUT_SECONDS} segundos; la primera vez es la más lenta, así que repite el "
        "diagnóstico",
        cure=f"{facts.python_command} -m fashion_bench",
        url=TENSORFLOW_ERRORS_PAGE,
    )


def engine_broken(facts: Facts) -> Finding | None:
    """La importación falla y ninguna regla anterior sabe por qué."""
    if facts.engine.version:
        return None
    return error(
        id="engine-broken",
        sentence=f"la importación de {TITLES[facts.engine.name]} falla{_quoted(facts)}, y este "
        "diagnóstico no conoce la causa; crea el entorno otra vez",
        cure=facts.new_environment,
        url=TENSORFLOW_ERRORS_PAGE,
    )


def keras_broken(facts: Facts) -> Finding | None:
    """El motor se importa, pero Keras no."""
    if facts.engine.keras or facts.engine.exit_code == 0:
        return None
    found = facts.distributions.get("keras")
    told = f"Keras {found}" if found else "Keras"
    return error(
        id="keras-broken",
        sentence=f"{TITLES[facts.engine.name]} se importa, pero {told} no{_quoted(facts)}; "
        "instala otra vez el del proyecto",
        cure=f"{facts.python_command} -m pip install --force-reinstall --no-deps "
        f"keras~={needs.KERAS}.0",
        url=KERAS_PAGE,
    )


def cpu_does_not_compute(facts: Facts) -> Finding | None:
    """Todo se importa, pero un paso de entrenamiento falla en la propia CPU."""
    if facts.engine.tried_on != "cpu" or not facts.engine.failed:
        return None
    return error(
        id="cpu-does-not-compute",
        sentence=f"{TITLES[facts.engine.name]} y Keras se importan, pero un paso de entrenamiento "
        f"falla en la CPU{_quoted(facts)}; crea el entorno otra vez",
        cure=facts.new_environment,
        url=TENSORFLOW_ERRORS_PAGE,
    )


def unset(facts: Facts, names: list[str]) -> str:
    """Orden que borra unas variables de la terminal."""
    if facts.system == "Windows":
        return " && ".join(f"set {name}=" for name in names)
    return f"unset {' '.join(names)}"


def _quoted(facts: Facts) -> str:
    line = facts.engine.last_line
    return f" («{line}»)" if line else f" (código de salida {facts.engine.exit_code})"


def _import_fails_with(pattern: str, facts: Facts) -> bool:
    failed = facts.engine.version is None
    return failed and re.search(pattern, facts.engine.messages) is not None


def _version_conflict(package: str, facts: Facts) -> Finding:
    version = facts.distributions.get(package, "que hay")
    folder = facts.outside.get(package)
    where = f" (la de {folder}, fuera de su entorno)" if folder else ""
    return error(
        id=f"{package}-conflict",
        sentence=f"{TITLES[facts.engine.name]} no es compatible con la versión {version} de "
        f"{package}{where}; instala las versiones fijas del proyecto"
        + (" en un entorno que no mire esa carpeta" if folder else ""),
        cure=facts.new_environment if folder else facts.install(facts.lock),
        url=TENSORFLOW_ERRORS_PAGE,
    )


def _not_published_for(facts: Facts) -> str | None:
    architecture = facts.architecture.lower()
    if facts.system == "Windows" and architecture not in X86:
        return f"Windows con procesador {facts.architecture}"
    if facts.system != "Linux":
        return None
    if architecture not in (*X86, "aarch64"):
        return f"procesadores {facts.architecture}"
    if not facts.libc.startswith("glibc"):
        return "los Linux con musl, como Alpine"
    if numbers(facts.libc) < needs.OLDEST_GLIBC:
        return (
            f"un Linux con {facts.libc}, porque pide glibc {'.'.join(map(str, needs.OLDEST_GLIBC))}"
        )
    return None


RULES = (
    wsl_1,
    rosetta,
    intel_mac,
    python_32_bit,
    system_unsupported,
    python_unsupported,
    file_in_the_way,
    variable_in_the_way,
    metal_breaks_tensorflow,
    engine_missing,
    illegal_instruction,
    path_too_long,
    visual_cpp_missing,
    protobuf_conflict,
    numpy_conflict,
    engine_slow,
    engine_broken,
    keras_broken,
    cpu_does_not_compute,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""
