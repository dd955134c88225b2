"""Reglas sobre lo que impide importar el motor: el Python que lo llama o su instalación."""

import re
import signal

from fashion_bench import install
from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, numbers
from fashion_bench.doctor.finding import (
    METAL_PAGE,
    PYTHON_PAGE,
    TENSORFLOW_ERRORS_PAGE,
    TENSORFLOW_PAGE,
    WSL_PAGE,
    Severity,
    Told,
    engine_page,
    error,
    rule,
)
from fashion_bench.doctor.trial import TIMEOUT_SECONDS
from fashion_bench.machine.engines import X86

ILLEGAL_INSTRUCTION = (-signal.SIGILL, 0xC000001D)
"""Así muere un proceso cuya CPU no tiene una instrucción: en Linux y macOS, y en Windows."""

LONGEST_FILE = 185
"""Letras de la ruta más larga de TensorFlow dentro de su entorno; lo comprueba una prueba."""

LONGEST_PATH = 260


@error(WSL_PAGE, lambda facts: facts.wsl == 1)
def wsl_1(facts: Facts) -> Told:
    """WSL 1, que no lleva un Linux de verdad."""
    return Told(
        "esto es WSL 1, que no llega a la GPU ni ejecuta todo lo que pide un motor de cálculo; "
        "pasa tu Linux a WSL 2 desde Windows (wsl -l -v dice cómo se llama)",
        "wsl.exe --set-version Ubuntu 2",
    )


@error(METAL_PAGE, lambda facts: facts.rosetta)
def python_rosetta(facts: Facts) -> Told:
    """Un Python para Intel en un Mac que no lo es."""
    return Told(
        "tu Mac tiene Apple silicon, pero este Python es para Intel y funciona traducido por "
        "Rosetta; instala el de Apple silicon y crea el entorno con él",
        "arch -arm64 python3.12 -m venv --clear .venv && arch -arm64 .venv/bin/python -m pip "
        f"install {install.pip_anew('requirements-macos.txt')}",
    )


@error(TENSORFLOW_PAGE)
def intel_mac(facts: Facts) -> Told | None:
    """Un Mac para el que ya no se publica TensorFlow."""
    intel = facts.system == "Darwin" and facts.architecture == "x86_64"
    if not intel or facts.engine.version:
        return None
    return Told(
        "TensorFlow ya no se publica para los Mac con procesador Intel (la última versión fue la "
        "2.16.2), así que este curso necesita otro equipo"
    )


@error(PYTHON_PAGE, lambda facts: facts.python_bits == 32)
def python_32_bit(facts: Facts) -> Told:
    """Un Python de 32 bits."""
    return Told(
        "este Python es de 32 bits y TensorFlow solo existe para el de 64; instala Python 3.12 de "
        "64 bits y crea el entorno con él",
        facts.new_environment,
    )


@error(TENSORFLOW_PAGE)
def system_unsupported(facts: Facts) -> Told | None:
    """Un procesador o un Linux para los que no se publica TensorFlow."""
    why = _not_published_for(facts)
    if not why or facts.engine.version:
        return None
    return Told(f"TensorFlow no se publica para {why}; necesitas otro sistema u otro equipo")


@error(PYTHON_PAGE)
def python_unsupported(facts: Facts) -> Told | None:
    """Un Python para el que no se publica este TensorFlow."""
    if needs.PYTHONS[0] <= numbers(facts.python)[:2] <= needs.PYTHONS[1]:
        return None
    return Told(
        f"tienes Python {facts.python} y este curso necesita Python 3.11, 3.12 o 3.13; instala "
        "Python 3.12 y crea el entorno con él",
        facts.new_environment,
    )


@error("https://docs.python.org/3/tutorial/modules.html#the-module-search-path")
def file_in_the_way(facts: Facts) -> Told | None:
    """Un archivo de la persona tapa a una biblioteca: se ha probado sin él y va mejor."""
    files = [cause for cause in facts.in_the_way or () if "=" not in cause]
    if not files:
        return None
    return Told(
        f"el archivo {files[0]} se llama como una biblioteca y Python lo importa en su lugar; "
        "cámbiale el nombre"
    )


def _if_it_trains(facts: Facts) -> Severity:
    return "warning" if facts.engine.agrees else "error"


@rule(_if_it_trains, engine_page)
def variable_in_the_way(facts: Facts) -> Told | None:
    """Una variable de entorno estropea el motor: se ha probado sin ella y va mejor."""
    causes = [cause for cause in facts.in_the_way or () if "=" in cause]
    names = [cause.partition("=")[0] for cause in causes]
    if not names or names == ["CUDA_VISIBLE_DEVICES"]:
        return None
    one, told = len(names) == 1, " y ".join(causes)
    return Told(
        f"{'con la variable' if one else 'con las variables'} {told} {facts.title} no funciona "
        f"bien, y sin {'ella' if one else 'ellas'}, sí; {'bórrala' if one else 'bórralas'} en la "
        "terminal desde la que arrancas Python",
        facts.unset(names),
    )


@error(METAL_PAGE)
def metal_breaks_tensorflow(facts: Facts) -> Told | None:
    """Un complemento Metal que no es para este TensorFlow."""
    together = (
        facts.engine.version is None
        and "tensorflow-metal" in facts.distributions
        and numbers(facts.distributions.get("tensorflow", "0"))
        >= needs.FIRST_TENSORFLOW_WITHOUT_METAL
    )
    if not together and not _fails_with("libmetal_plugin", facts):
        return None
    return Told(
        "tensorflow-metal no es compatible con el TensorFlow instalado e impide importarlo; "
        f"instala la última pareja que funciona, TensorFlow {needs.METAL_TENSORFLOW} con "
        f"tensorflow-metal {needs.METAL_PLUGIN}",
        facts.install("requirements-macos.txt")
        if facts.python_fits_metal
        else facts.new_environment,
    )


@error(engine_page, lambda facts: _fails_with(f"No module named '{facts.engine.name}'", facts))
def engine_missing(facts: Facts) -> Told:
    """El motor no está."""
    return Told(
        f"{facts.title} no está instalado en este Python; instálalo",
        facts.install(facts.engine_lock),
    )


@error(f"{TENSORFLOW_PAGE}#hardware-requirements")
def illegal_instruction(facts: Facts) -> Told | None:
    """Un procesador al que le faltan instrucciones."""
    killed = facts.engine.exit_code in ILLEGAL_INSTRUCTION
    if not killed and not _fails_with("compiled to use AVX", facts):
        return None
    missing = "las instrucciones AVX" if facts.architecture.lower() in X86 else "una instrucción"
    return Told(
        f"el procesador no tiene {missing} que {facts.title} necesita (o la máquina virtual no se "
        "lo deja ver), así que este curso necesita otro equipo"
    )


@error("https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation")
def path_too_long(facts: Facts) -> Told | None:
    """Un Windows sin rutas largas y un entorno en una carpeta muy honda."""
    fits = facts.path_length + LONGEST_FILE < LONGEST_PATH
    if facts.engine.version or facts.long_paths is not False or fits:
        return None
    return Told(
        f"Windows no admite rutas de más de {LONGEST_PATH} letras y, desde esta carpeta, las de "
        "TensorFlow lo son; mueve el proyecto a una carpeta corta, como C:\\curso, o activa las "
        "rutas largas, y crea el entorno otra vez",
        facts.new_environment,
    )


@error(
    "https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist",
    lambda facts: _fails_with("DLL load failed|WinError 126", facts),
)
def visual_cpp_missing(facts: Facts) -> Told:
    """Un Windows sin las bibliotecas de Visual C++."""
    return Told(
        f"Windows no puede cargar {facts.title}, casi siempre porque faltan, o son antiguas, las "
        "bibliotecas de Microsoft Visual C++; instálalas",
        "winget install Microsoft.VCRedist.2015+.x64",
    )


@error(TENSORFLOW_ERRORS_PAGE)
def protobuf_conflict(facts: Facts) -> Told | None:
    """Una versión de protobuf que no es la suya."""
    known = r"google\.protobuf|Protobuf Gencode|Descriptors cannot be created"
    return _version_conflict("protobuf", facts) if _fails_with(known, facts) else None


@error(TENSORFLOW_ERRORS_PAGE)
def numpy_conflict(facts: Facts) -> Told | None:
    """Una versión de NumPy que no es la suya."""
    known = r"_ARRAY_API|compiled using NumPy|numpy\.dtype size|numpy\.core\.\w+ failed"
    return _version_conflict("numpy", facts) if _fails_with(known, facts) else None


@error(TENSORFLOW_ERRORS_PAGE)
def engine_slow(facts: Facts) -> Told | None:
    """La importación no termina."""
    if facts.engine.exit_code is not None or facts.engine.tried_on == "gpu":
        return None
    return Told(
        f"{facts.title} no ha terminado de ponerse en marcha en {TIMEOUT_SECONDS} segundos; la "
        "primera vez es la más lenta, así que repite el diagnóstico",
        f"{facts.python_command} -m fashion_bench",
    )


@error(TENSORFLOW_ERRORS_PAGE, lambda facts: not facts.engine.version)
def engine_broken(facts: Facts) -> Told:
    """La importación falla y ninguna regla anterior sabe por qué."""
    return Told(
        f"la importación de {facts.title} falla{_quoted(facts)}, y este diagnóstico no conoce la "
        "causa; crea el entorno otra vez",
        facts.new_environment,
    )


@error(
    "https://keras.io/getting_started/",
    lambda facts: not facts.engine.keras and facts.engine.exit_code != 0,
)
def keras_broken(facts: Facts) -> Told:
    """El motor se importa, pero Keras no."""
    found = facts.distributions.get("keras")
    told = f"Keras {found}" if found else "Keras"
    return Told(
        f"{facts.title} se importa, pero {told} no{_quoted(facts)}; instala otra vez el del "
        "proyecto",
        f"{facts.python_command} -m pip install --force-reinstall --no-deps keras~={needs.KERAS}.0",
    )


@error(TENSORFLOW_ERRORS_PAGE, lambda facts: facts.engine.tried_on == "cpu" and facts.engine.failed)
def cpu_does_not_compute(facts: Facts) -> Told:
    """Todo se importa, pero un paso de entrenamiento falla en la propia CPU."""
    return Told(
        f"{facts.title} y Keras se importan, pero un paso de entrenamiento falla en la "
        f"CPU{_quoted(facts)}; crea el entorno otra vez",
        facts.new_environment,
    )


def _quoted(facts: Facts) -> str:
    line = facts.engine.last_line
    return f" («{line}»)" if line else f" (código de salida {facts.engine.exit_code})"


def _fails_with(pattern: str, facts: Facts) -> bool:
    failed = facts.engine.version is None
    return failed and re.search(pattern, facts.engine.messages) is not None


def _version_conflict(package: str, facts: Facts) -> Told:
    version = facts.distributions.get(package, "que hay")
    folder = facts.outside.get(package)
    where = f" (la de {folder}, fuera de su entorno)" if folder else ""
    return Told(
        f"{facts.title} no es compatible con la versión {version} de {package}{where}; instala "
        "las versiones fijas del proyecto"
        + (" en un entorno que no mire esa carpeta" if folder else ""),
        facts.new_environment if folder else facts.install(facts.lock),
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
