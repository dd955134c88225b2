"""Si un registro que manda otra persona se puede publicar, y por qué no cuando no se puede.

`Record` ya rechaza lo que se contradice, y su `flaw` dice si cuenta; aquí se mira lo demás: si
está repetido, si es de esta lección y si un equipo de verdad puede haberlo medido. Una mentira
verosímil no se descubre así: para eso está repetir la medida.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import log
from unicodedata import category

import archspec.cpu

from fashion_bench import NOTEBOOKS_DIR, data
from fashion_bench.errors import TutorialError
from fashion_bench.machine.identity import INSTRUCTION_SETS, SETTINGS
from fashion_bench.parts import ISAS
from fashion_bench.record import Record
from fashion_bench.results.files import parse
from fashion_bench.typography import written

FIRST_DAY = datetime(2026, 11, 23, tzinfo=UTC)
"""El día en que nació el proyecto."""

WINOGRAD = 3.1
"""Cuántas veces menos operaciones de las que pide puede hacer la red de la lección.

Las convoluciones de 3×3 tienen un atajo, el de Winograd, que con teselas de 4×4 hace cuatro veces
menos productos (Lavin y Gray, 2015, arXiv:1509.09308). Ellas son el 90 % de lo que pide la red; lo
demás no mengua.
"""

MAX_FLOPS = 1e16
"""Cuatro veces lo que da, en 16 bits, la GPU con la ficha más alta que conocemos, la GB200 (2.5e15,
https://www.nvidia.com/en-us/data-center/gb200-nvl72/)."""
MAX_BYTES_PER_SECOND = 8e13
"""Diez veces la memoria de esa misma GPU (8 TB/s), por si las tablas caben en una caché."""
MIN_ORDER_SECONDS = 1e-7
"""Llamar a una función de Python, sin que haga nada, ya cuesta la mitad."""

OPERATIONS_PER_CYCLE = {"AMX": 1024, "AVX-512": 128, "AVX2": 32, "AVX": 16}
"""Lo más que hace un núcleo `x86` en cada ciclo, en la precisión que más le rinde.

Con vectores, dos unidades que multiplican y suman (https://stackoverflow.com/q/15655835 cita los
manuales); con AMX, 16×16×32 productos y sus sumas cada 16 ciclos (Intel, *Optimization Reference
Manual*, capítulo de AMX).
"""
MAX_HERTZ = 6.5e9
"""Ningún procesador a la venta pasa de 6.2 GHz (el `Core i9-14900KS`, de Intel)."""

MAX_WATTS, OVER_LIMIT = 2000.0, 1.5
"""Lo que gasta como mucho una GPU que no dice su límite (la GB200, 1200 W) y cuánto puede pasarse
de él la que lo dice: su contador de energía se actualiza a saltos."""

MAX_ACCURACY = 0.97
"""La mejor red de https://github.com/zalandoresearch/fashion-mnist#benchmark, con veinte veces más
pesos que la de la lección, acierta el 96.7 %."""

RISKY = re.compile(r"://|www\.|\]\s*\(|!\[|[`|]|@[^\W\d]|&#?\w+;")
"""Lo que en Markdown, HTML o una tabla deja de ser texto: enlaces, imágenes, menciones, código."""
PATHS = re.compile(r"\.\.[/\\]|(?:^|[\s=:;])(?:~|[A-Za-z]:)?[/\\]\w|[/\\](?:home|Users)[/\\]")


def refusals(content: bytes, published: Sequence[Record], now: datetime | None = None) -> list[str]:
    """Dice por qué no se puede publicar un registro; si se puede, no devuelve nada.

    Cada razón completa la frase «este registro…».

    Args:
        content: lo que ha mandado alguien; puede ser cualquier cosa.
        published: los registros ya publicados; la red tiene que ser la de alguno de ellos.
        now: el momento en que se juzga; por defecto, ahora.
    """
    try:
        record = parse(content)
    except TutorialError as error:
        return [str(error)]
    reasons = (
        *_repeated(record, published),
        *_dates(record, now or datetime.now(UTC)),
        *_lesson(record, published),
        *_texts(record),
        *_machine(record),
        *_whole(record),
        *_limits(record),
    )
    return list(dict.fromkeys(reasons))


def _repeated(record: Record, published: Sequence[Record]) -> Iterator[str]:
    if any(record.run_id == other.run_id for other in published):
        yield f"ya está publicado: el {record.run_id}"
        return
    mine = set(record.epoch_seconds)
    for other in published:  # un reloj de verdad no da dos veces los mismos segundos
        if len(mine & set(other.epoch_seconds)) > len(mine) / 2:
            yield f"lleva los mismos tiempos que otro ya publicado, el {other.run_id}"


def _dates(record: Record, now: datetime) -> Iterator[str]:
    created = record.created_utc.astimezone(UTC)
    if created < FIRST_DAY:
        yield f"dice ser del {created:%Y-%m-%d}, y el proyecto es del {FIRST_DAY:%Y-%m-%d}"
    if created > now + timedelta(days=1):  # un reloj puede ir mal, pero no tanto
        yield f"dice ser del {created:%Y-%m-%d}, que aún no ha llegado"
    if not record.run_id.startswith(f"{created:%Y%m%dT%H%M%SZ}-"):
        yield "su identificador y su fecha no concuerdan"


def _lesson(record: Record, published: Sequence[Record]) -> Iterator[str]:
    """Con el código, las imágenes y la red de la lección."""
    code, told = record.code, record.data
    if not (NOTEBOOKS_DIR / code.notebook).is_file():
        yield "se hizo con un cuaderno que el proyecto no tiene"
    if (code.git_commit or "").endswith("-dirty"):
        yield "se midió con el código del paquete cambiado"
    if told.sha256 != data.fingerprint():
        yield "no se hizo con las imágenes de Fashion-MNIST: su huella es otra"
    if told.test_images != data.TEST_IMAGES:
        yield f"no se evaluó con las {written(data.TEST_IMAGES)} imágenes de prueba"
    if told.validation_images != data.validation_size(record.parameters.train_samples):
        yield "no aparta para validar las imágenes que aparta la lección"
    if published and record.network not in [other.network for other in published]:
        yield "no se entrenó la red de la lección"


def _texts(record: Record) -> Iterator[str]:
    texts = set(_strings(record.model_dump()))
    if any(category(char)[0] == "C" for text in texts for char in text):
        yield "lleva caracteres que no se ven"
    if any(RISKY.search(text) for text in texts):
        yield "lleva un enlace, una mención o marcas de Markdown o de HTML"
    if any(PATHS.search(text) for text in texts):
        yield "lleva la ruta de un archivo"


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for child in value.values():
                yield from _strings(child)
        case list() | tuple():
            for child in value:
                yield from _strings(child)


def _machine(record: Record) -> Iterator[str]:
    machine, software = record.machine, record.software
    sets = set(machine.instruction_sets)
    if unknown := sets - set(INSTRUCTION_SETS.values()):
        yield f"tiene instrucciones que no existen: {', '.join(sorted(unknown))}"
    arm = machine.architecture.lower() in ("arm64", "aarch64")
    if any(name.startswith(("NEON", "SVE")) != arm for name in sets - unknown):
        yield f"sus instrucciones no son de un procesador {machine.architecture}"
    elif missing := _implied(machine.microarchitecture, sets, arm) - sets:
        yield f"le faltan instrucciones que su procesador tiene: {', '.join(sorted(missing))}"
    if machine.vendor in ("GenuineIntel", "AuthenticAMD") and arm:
        yield f"el fabricante de su procesador no los hace {machine.architecture}"
    if machine.vendor == "AuthenticAMD" and "AMX" in sets:
        yield "tiene AMX, que es de Intel, en un procesador de AMD"
    if machine.usable_cores > machine.logical_cores:
        yield "usa más núcleos de los que tiene"
    if unknown := machine.settings.keys() - set(SETTINGS):
        yield f"lleva variables de entorno que no se anotan: {', '.join(sorted(unknown))}"
    engine = {"tensorflow": software.tensorflow, "torch": software.torch, "jax": software.jax}
    if engine[software.backend] is None:
        yield "no dice la versión del motor con el que entrenó"


def _implied(microarchitecture: str, sets: set[str], arm: bool) -> set[str]:
    """Las instrucciones que un procesador no puede dejar de tener, por las otras y por su nombre.

    El nombre lo pone archspec, que en `x86` exige todas las suyas.
    """
    parts = {"AVX2": "AVX", "AVX-512": "AVX2", "AVX-VNNI": "AVX2", "SVE": "NEON"}
    parts |= {name: "AVX-512" for name in sets if name.startswith("AVX512-")}
    parts |= {"AMX-BF16": "AMX", "NEON-BF16": "NEON", "SVE2": "SVE"}
    implied = {parts[name] for name in sets if name in parts}
    target = archspec.cpu.TARGETS.get(microarchitecture)
    if target and not arm:
        implied |= {INSTRUCTION_SETS[each] for each in target.features if each in INSTRUCTION_SETS}
    return implied


def _whole(record: Record) -> Iterator[str]:
    """Lo que `Recorder` anota siempre y quien inventa un registro puede olvidar."""
    if record.status != "ok":
        yield f"no llegó al final: {record.reason}"
        return
    if record.repeats[0].seed != record.parameters.seed:
        yield "su primera semilla no es la que dice"
    for repeat in record.repeats:
        if len(repeat.epoch_seconds) > 2 and len(set(repeat.epoch_seconds)) == 1:
            yield "todas sus épocas duran exactamente lo mismo"
        wrong = 1 - (repeat.test_correct or 0) / data.TEST_IMAGES
        if 1 - wrong > MAX_ACCURACY:
            most = written(100 * MAX_ACCURACY, unit="%")
            yield f"acierta más del {most}, que con esta red no se alcanza"
        # A la clase verdadera de una imagen fallada le toca, como mucho, la mitad.
        if (repeat.test_loss or 0) < 0.99 * wrong * log(2):
            yield "su pérdida es demasiado baja para las imágenes que falla"
    if record.parameters.workers > 1:  # varios procesos, quizá de varios equipos
        return
    if len(record.calibration) != 2:
        yield "le falta lo que da su dispositivo, que se mide antes y después de entrenar"
    if any(repeat.surroundings is None for repeat in record.repeats):
        yield "no dice qué más pasaba en el equipo durante sus épocas"


def _limits(record: Record) -> Iterator[str]:
    """Lo que ningún equipo puede hacer."""
    machine, told = record.machine, record.parameters
    ceiling = MAX_FLOPS
    best = next((name for name in ISAS if name in machine.instruction_sets), "")
    if not record.accelerator and best in OPERATIONS_PER_CYCLE:
        ceiling = machine.logical_cores * MAX_HERTZ * OPERATIONS_PER_CYCLE[best]
    for each in record.calibration:
        fastest = max(each.float32_flops, each.precision_flops)
        if fastest > ceiling:
            yield f"su producto de matrices, {_flops(fastest)}, no lo da ningún equipo como el suyo"
        if each.bytes_per_second > MAX_BYTES_PER_SECOND:
            yield "su memoria es más rápida que ninguna"
        if each.order_seconds < MIN_ORDER_SECONDS:
            yield "sus peticiones cuestan menos que llamar a una función"
        if told.precision == "float32" and each.float32_flops != each.precision_flops:
            yield "su producto de matrices en float32 tiene dos valores"
    limit = max((each.precision_flops for each in record.calibration), default=ceiling)
    work = record.network.training_operations * record.data.training_images
    done = max((work / seconds for seconds in record.epoch_seconds), default=0)
    if done > WINOGRAD * limit * told.workers:
        yield (
            f"entrena más deprisa de lo que su equipo puede calcular: necesita {_flops(done)} y "
            f"su producto de matrices da {_flops(limit)}"
        )
    for repeat in record.repeats:
        yield from _energy(record, repeat.energy_joules, repeat.total_seconds)
        pairs = zip(repeat.surroundings or [], repeat.epoch_seconds, strict=False)
        for around, seconds in pairs:
            if around.own_cpu_seconds > 1.1 * machine.logical_cores * seconds + 1:
                yield "gastó más tiempo de procesador del que había"


def _energy(record: Record, joules: float | None, seconds: float) -> Iterator[str]:
    if joules is None:
        return
    if not record.accelerator:
        yield "cuenta la energía de una GPU que no usó"
        return
    limit = record.accelerator.power_limit_w
    if joules / seconds > (OVER_LIMIT * limit if limit else MAX_WATTS):
        yield f"su GPU gastó {written(joules / seconds, unit='W')}, más de lo que puede"


def _flops(flops: float) -> str:
    return written(flops / 1e9, unit="GFLOP/s")
