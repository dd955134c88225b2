"""Si un registro que manda otra persona se puede publicar, y por qué no cuando no se puede.

`Record` ya rechaza lo que se contradice, y su `flaw` dice si cuenta; aquí se mira lo demás: si
está repetido, si es de esta lección, si sus textos son inofensivos y si sus tiempos cuadran con lo
que él mismo dice de su equipo. Una mentira verosímil no se descubre así: para eso está repetir la
medida.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from unicodedata import category

from fashion_bench import NOTEBOOKS_DIR, data
from fashion_bench.compare.files import MAX_BYTES, MAX_MFU, parse
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.text import written

FIRST_DAY = datetime(2026, 11, 23, tzinfo=UTC)
"""El día en que nació el proyecto."""

RISKY = re.compile(r"://|www\.|\]\s*\(|!\[|[`|]|@[^\W\d]|&#?\w+;")
"""Lo que en Markdown, HTML o una tabla deja de ser texto: enlaces, imágenes, menciones, código."""
PATHS = re.compile(r"\.\.[/\\]|(?:^|[\s=:;])(?:~|[A-Za-z]:)?[/\\]\w|[/\\](?:home|Users)[/\\]")


def refusals(content: bytes, published: Sequence[Record]) -> list[str]:
    """Dice por qué no se puede publicar un registro; si se puede, no devuelve nada.

    Cada razón completa la frase «este registro…». La red tiene que ser la de alguno ya publicado.
    """
    try:
        record = parse(content)
    except TutorialError as error:
        return [str(error)]
    reasons = chain(
        _repeated(record, published),
        _lesson(record, published),
        *(check(record) for check in (_dates, _texts, _whole, _coherent)),
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


def _dates(record: Record) -> Iterator[str]:
    created = record.created_utc.astimezone(UTC)
    if created < FIRST_DAY:
        yield f"dice ser del {created:%Y-%m-%d}, y el proyecto es del {FIRST_DAY:%Y-%m-%d}"
    if created > datetime.now(UTC) + timedelta(days=1):  # un reloj puede ir mal, pero no tanto
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


def _whole(record: Record) -> Iterator[str]:
    """Lo que `Recorder` anota siempre, y nada más grande de lo que se puede leer."""
    if len(record.model_dump_json(indent=1).encode()) > MAX_BYTES:
        yield f"ocupa más de {written(MAX_BYTES / 1000, unit='kB')}, y no se podría leer"
    if record.status != "ok":
        yield f"no llegó al final: {record.reason}"
        return
    if record.repeats[0].seed != record.parameters.seed:
        yield "su primera semilla no es la que dice"
    if getattr(record.software, record.software.backend) is None:
        yield "no dice la versión del motor con el que entrenó"
    if record.parameters.workers > 1:  # varios procesos, quizá de varios equipos
        return
    if len(record.calibration) != 2:
        yield "le falta lo que da su dispositivo, que se mide antes y después de entrenar"
    if any(repeat.surroundings is None for repeat in record.repeats):
        yield "no dice qué más pasaba en el equipo durante sus épocas"


def _coherent(record: Record) -> Iterator[str]:
    """Que sus tiempos cuadren con lo que él mismo dice de su equipo."""
    machine, told = record.machine, record.parameters
    if machine.usable_cores > machine.logical_cores:
        yield "usa más núcleos de los que tiene"
    if not record.accelerator and any(repeat.energy_joules for repeat in record.repeats):
        yield "cuenta la energía de una GPU que no usó"
    for each in record.calibration:
        if told.precision == "float32" and each.float32_flops != each.precision_flops:
            yield "su producto de matrices en float32 tiene dos valores"
    if record.calibration:
        limit = max(each.precision_flops for each in record.calibration)
        work = record.network.training_operations * record.data.training_images
        done = max((work / seconds for seconds in record.epoch_seconds), default=0)
        if done > MAX_MFU * limit * told.workers:
            needs, gives = (written(flops / 1e9, unit="GFLOP/s") for flops in (done, limit))
            yield (
                f"entrena más deprisa de lo que su equipo calcula: necesita {needs} y su producto "
                f"de matrices da {gives}"
            )
    for repeat in record.repeats:
        for around, seconds in zip(repeat.surroundings or [], repeat.epoch_seconds, strict=False):
            if around.own_cpu_seconds > 1.1 * machine.logical_cores * seconds + 1:
                yield "gastó más tiempo de procesador del que había"
