"""Si un registro que manda otra persona se puede publicar, y por qué no cuando no se puede.

`Record` ya rechaza lo que se contradice, y sus `doubts` dicen lo que no puede ser; aquí se mira lo
demás: si está repetido, si llegó al final, si es de esta lección y si sus textos son inofensivos.
"""

import json
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import chain

from fashion_bench import data
from fashion_bench.compare.files import parse
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.text import written

RISKY = re.compile(r"://|www\.|\]\s*\(|!\[|[`|*]|~~|(?<!\w)_\w|:[a-z]\w*:|@\w|&#?\w+;")
"""Lo que en Markdown, HTML o una tabla deja de ser texto: enlaces, imágenes, menciones, código."""
PATHS = re.compile(r"\.\.[/\\]|(?:^|[\s=:;])(?:~|[A-Za-z]:)?[/\\]\w|[/\\](?:home|Users)[/\\]")
SETTING = re.compile(r"[A-Z0-9_]+=([\w.,:=+-]+|(--[\w.,:=+-]+|…)( (--[\w.,:=+-]+|…))*)")
"""Una variable de entorno, con una palabra o unas opciones, y no lo que alguien quiera contar."""


def refusals(content: bytes, published: Sequence[Record]) -> list[str]:
    """Dice por qué no se puede publicar un registro; si se puede, no devuelve nada.

    Cada razón completa la frase «este registro…». La red y el cuaderno tienen que ser los de alguno
    ya publicado.
    """
    try:
        record = parse(content)
    except TutorialError as error:
        return [str(error)]
    others = [other for other in published if other.run_id != record.run_id]
    reasons = chain(
        _whole(record, published),
        _lesson(record, published),
        _texts(record),
        record.beside(others).doubts,
    )
    return list(dict.fromkeys(reasons))


def _whole(record: Record, published: Sequence[Record]) -> Iterator[str]:
    for other in published:
        if other.run_id == record.run_id:
            same = other.model_dump() == record.model_dump()
            yield f"ya está publicado{'' if same else ', y dice otra cosa'}: el {record.run_id}"
    if record.status != "ok":
        yield f"no llegó al final: {record.reason}"


def _lesson(record: Record, published: Sequence[Record]) -> Iterator[str]:
    """Con el código, las imágenes y la red de la lección."""
    code, told = record.code, record.data
    if published and code.notebook not in [other.code.notebook for other in published]:
        yield "se hizo con un cuaderno con el que no se mide"
    if (code.git_commit or "").endswith("-dirty"):
        yield "se midió con el código del paquete cambiado"
    if _numbers(code.version) > _numbers(version("fashion-bench")):
        yield f"se hizo con una versión que aún no existe, la {code.version}"
    if told.sha256 != data.fingerprint():
        yield "no se hizo con las imágenes de Fashion-MNIST: su huella es otra"
    if told.test_images != data.TEST_IMAGES:
        yield f"no se evaluó con las {written(data.TEST_IMAGES)} imágenes de prueba"
    if told.validation_images != data.validation_size(record.parameters.train_samples):
        yield "no aparta para validar las imágenes que aparta la lección"
    if published and record.network not in [other.network for other in published]:
        yield "no se entrenó la red de la lección"


def _texts(record: Record) -> Iterator[str]:
    told = record.model_dump_json()
    texts = [json.loads(text) for text in re.findall(r'"(?:[^"\\]|\\.)*"', told)]
    if any(RISKY.search(text) for text in texts):
        yield "lleva un enlace, una mención o marcas de Markdown o de HTML"
    if any(PATHS.search(text) for text in texts):
        yield "lleva la ruta de un archivo"
    if not all(SETTING.fullmatch(f"{name}={v}") for name, v in record.machine.settings.items()):
        yield "sus variables de entorno llevan un texto"


def _numbers(version: str) -> list[int]:
    return list(map(int, re.findall(r"\d+", version)))
