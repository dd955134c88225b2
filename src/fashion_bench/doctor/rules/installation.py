"""Reglas sobre lo que impide importar el motor: el Python que lo llama o su instalación."""

import re
import signal
from collections.abc import Iterator

from fashion_bench import install
from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts, numbers
from fashion_bench.doctor.finding import (
    ENGINE_PAGES,
    METAL_PAGE,
    PYTHON_PAGE,
    TENSORFLOW_ERRORS_PAGE,
    TENSORFLOW_PAGE,
    WSL_PAGE,
    Finding,
    error,
    warning,
)
from fashion_bench.doctor.rules.resources import MIN_FREE_MEMORY_GIB
from fashion_bench.doctor.trial import TIMEOUT_SECONDS
from fashion_bench.errors import MEANINGS
from fashion_bench.machine.engines import X86
from fashion_bench.text import written

ILLEGAL_INSTRUCTION = (-signal.SIGILL, 128 + signal.SIGILL, 0xC000001D)
KILLED = (-9, 128 + 9, 0xC0000017, 0xC000012D)
"""Así muere un proceso cuya CPU no tiene una instrucción, o al que se le niega la memoria: en Linux
y macOS, igual si lo arranca una terminal, y en Windows."""

CONFLICTS = {
    "protobuf": r"google\.protobuf|Protobuf Gencode|Descriptors cannot be created",
    "numpy": r"_ARRAY_API|compiled using NumPy|numpy\.dtype size|numpy\.core\.\w+ failed",
}
"""Qué se lee cuando la versión de un paquete no es la que pide el motor."""


def system(facts: Facts) -> Iterator[Finding]:
    """El sistema, el procesador y el Python."""
    if facts.wsl == 1:
        yield error(
            "wsl-1",
            "esto es WSL 1, que no llega a la GPU ni ejecuta todo lo que pide un motor de "
            "cálculo; pasa tu Linux a WSL 2 desde Windows (wsl -l -v dice cómo se llama)",
            "wsl.exe --set-version Ubuntu 2",
            WSL_PAGE,
        )
    if facts.rosetta:
        yield error(
            "python-rosetta",
            "tu Mac tiene Apple silicon, pero este Python es para Intel y funciona traducido por "
            "Rosetta; instala el de Apple silicon y crea el entorno con él",
            "arch -arm64 python3.12 -m venv --clear .venv && arch -arm64 .venv/bin/python -m pip "
            f"install {install.pip_anew('requirements-macos.txt')}",
            PYTHON_PAGE,
        )
    unpublished = _unpublished(facts)
    if unpublished and not facts.engine.version:
        yield error(
            "system-unsupported",
            f"TensorFlow no se publica para {unpublished}; necesitas otro sistema u otro equipo",
            url=TENSORFLOW_PAGE,
        )
    first, last = needs.PYTHONS
    kind = facts.python_kind or f"de {facts.python_bits} bits"
    right = first <= numbers(facts.python)[:2] <= last and kind == "de 64 bits"
    if not right and not (facts.python_kind and facts.engine.agrees):
        yield error(
            "python-unsupported",
            f"tienes Python {facts.python} {kind} y este curso necesita el corriente, Python 3.11, "
            "3.12 o 3.13 de 64 bits; instala Python 3.12 y crea el entorno con él",
            facts.new_environment,
            PYTHON_PAGE,
        )


def _unpublished(facts: Facts) -> str | None:
    """El procesador o el sistema para los que no se publica TensorFlow, si es uno de ellos."""
    architecture = facts.architecture.lower()
    if facts.system == "Darwin" and architecture in X86:
        return "los Mac con procesador Intel"
    if facts.system == "Windows" and architecture not in X86:
        return f"Windows con procesador {facts.architecture}"
    if facts.system != "Linux":
        return None
    if architecture not in (*X86, "aarch64"):
        return f"procesadores {facts.architecture}"
    if not facts.libc.startswith("glibc"):
        return "los Linux con musl, como Alpine"
    if numbers(facts.libc) < needs.OLDEST_GLIBC:
        return f"un Linux con {facts.libc}, que es demasiado antigua"
    return None


def in_the_way(facts: Facts) -> Iterator[Finding]:
    """Lo que, quitándolo, ha dejado llegar más lejos al motor."""
    names = []
    for cause in facts.in_the_way or ():
        if cause.isidentifier():
            names.append(cause)
            continue
        yield error(
            "file-in-the-way",
            f"{cause} se llama como una biblioteca y Python lo importa en su lugar; cámbiale el "
            "nombre",
            url="https://docs.python.org/3/tutorial/modules.html#the-module-search-path",
        )
    if names and names != ["CUDA_VISIBLE_DEVICES"]:
        told = warning if facts.engine.agrees else error
        yield told(
            "variable-in-the-way",
            f"si la terminal tiene {' y '.join(names)}, {facts.title} no funciona bien, y sin eso, "
            "sí; bórralo antes de arrancar Python",
            facts.unset(names),
            ENGINE_PAGES[facts.engine.name],
        )


def engine_not_imported(facts: Facts) -> Iterator[Finding]:
    """El motor falla al importarlo, o muere por una instrucción que la CPU no tiene."""
    engine, distributions = facts.engine, facts.distributions
    if engine.agrees:
        return

    def tells(pattern: str) -> bool:
        return re.search(pattern, engine.messages) is not None

    without_avx = not engine.version and tells("compiled to use AVX")
    if engine.exit_code in ILLEGAL_INSTRUCTION or without_avx:
        x86 = facts.architecture.lower() in X86
        yield error(
            "illegal-instruction",
            f"el procesador no tiene {'las instrucciones AVX' if x86 else 'una instrucción'} que "
            f"{facts.title} necesita (o la máquina virtual no se lo deja ver), así que este curso "
            "necesita otro equipo",
            url=f"{TENSORFLOW_PAGE}#hardware-requirements",
        )
    yield from _known(facts)
    if engine.version:
        return
    too_new = (
        "tensorflow-metal" in distributions
        and numbers(distributions.get("tensorflow", "0")) >= needs.FIRST_TENSORFLOW_WITHOUT_METAL
    )
    if too_new or tells("libmetal_plugin"):
        yield error(
            "metal-breaks-tensorflow",
            "tensorflow-metal no es compatible con el TensorFlow instalado e impide importarlo; "
            "bórralo y usa PyTorch, que no lo necesita para calcular en la GPU",
            f"{facts.python_command} -m pip uninstall -y tensorflow-metal && "
            + facts.install_and_train("torch"),
            METAL_PAGE,
        )
    if tells(f"No module named '{engine.name}'"):
        yield error(
            "engine-missing",
            f"{facts.title} no está instalado en este Python; instálalo",
            facts.install(facts.lock) if engine.name == "tensorflow" else facts.install_gpu(),
            ENGINE_PAGES[engine.name],
        )
    if tells("DLL load failed|WinError (126|127|1114)"):
        yield error(
            "visual-cpp-missing",
            f"Windows no puede cargar {facts.title}, casi siempre porque faltan, o son antiguas, "
            "las bibliotecas de Microsoft Visual C++; instálalas",
            "winget install Microsoft.VCRedist.2015+.x64",
            "https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist",
        )
    for package, pattern in CONFLICTS.items():
        if tells(pattern):
            yield error(
                "version-conflict",
                f"{facts.title} no es compatible con la versión "
                f"{distributions.get(package, 'que hay')} de {package}; instala las versiones "
                "fijas del proyecto",
                facts.install(facts.lock),
                TENSORFLOW_ERRORS_PAGE,
            )


def _known(facts: Facts) -> Iterator[Finding]:
    """Lo que se reconoce por sus palabras, sean del motor, de Python o del sistema."""
    engine = facts.engine
    library = re.search(r"(/\S+): cannot allocate memory in static TLS", engine.messages)
    cures = {
        "static-tls": f"export LD_PRELOAD={library[1]}" if library else "",
        **dict.fromkeys(("two-openmp", "wrong-architecture"), facts.new_environment),
    }
    for name, (pattern, sentence) in MEANINGS.items():
        dead = name == "no-memory" and engine.exit_code in KILLED
        if not dead and not re.search(pattern, engine.messages):
            continue
        if name == "no-memory":
            free, needed = facts.free_memory_gib, written(MIN_FREE_MEMORY_GIB, 1, "GiB")
            left = f" y ahora quedan {written(free, 1, 'GiB')}" if free is not None else ""
            sentence = (
                f"a {facts.title} le ha faltado memoria (entrenar necesita alrededor de {needed}"
                f"{left}); {facts.more_memory}"
            )
        yield error(name, sentence, cures.get(name, ""), TENSORFLOW_ERRORS_PAGE)


def cannot_train(facts: Facts) -> Iterator[Finding]:
    """Ni en la CPU acaba un paso de entrenamiento, y no se sabe más."""
    engine = facts.engine
    keras_fails = not engine.keras and engine.exit_code != 0
    fails = not engine.version or keras_fails or engine.failed
    if not fails or engine.tried_on == "gpu":
        return
    if engine.exit_code is None:
        yield error(
            "engine-slow",
            f"{facts.title} no ha terminado de ponerse en marcha en {TIMEOUT_SECONDS} segundos, en "
            "dos intentos; cierra otros programas y repite el diagnóstico",
            f"{facts.python_command} -m fashion_bench",
            TENSORFLOW_ERRORS_PAGE,
        )
    what = f"la importación de {facts.title} falla"
    if engine.keras:
        what = f"{facts.title} y Keras se importan, pero un paso de entrenamiento falla en la CPU"
    elif engine.version:
        what = f"{facts.title} se importa, pero Keras no"
    quoted = f"«{engine.last_line}»" if engine.last_line else f"código {engine.exit_code}"
    yield error(
        "engine-broken",
        f"{what} ({quoted}), y este diagnóstico no conoce la causa; crea el entorno otra vez y, si "
        "ya lo has hecho, cuéntalo con lo que diga «python -m fashion_bench --json»",
        facts.new_environment,
        TENSORFLOW_ERRORS_PAGE,
    )
