"""`python -m fashion_bench verify REGISTRO.json`: si lo que dice un registro sale también aquí."""

import os
import shutil
import sys

from fashion_bench import lesson
from fashion_bench.commands import BAD_USAGE, FAILED, FINE
from fashion_bench.errors import TutorialError
from fashion_bench.folders import expanded, shown
from fashion_bench.record import Record
from fashion_bench.results import files, reproduction
from fashion_bench.results.reproduction import Verdict
from fashion_bench.typography import written

NOT_COMPARABLE = 3
"""Código de salida: aquí no se puede saber."""

USAGE = f"""Uso: python -m fashion_bench verify REGISTRO.json

Entrena otra vez con los parámetros del registro y dice si salen las mismas pérdidas, cifra por
cifra; lo que se tarda no lo comprueba. Códigos de salida:
  {FINE}  reproducido
  {FAILED}  no reproducido, o detenido antes de saberlo
  {BAD_USAGE}  la orden o el registro no valen
  {NOT_COMPARABLE}  no comparable aquí, y por qué"""


def main(arguments: list[str]) -> int:
    """Repite un registro, escribe el veredicto y devuelve el código de salida."""
    match arguments:
        case ["-h" | "--help"]:
            print(USAGE)
            return FINE
        case [file] if not file.startswith("-"):
            path = expanded(file)
        case _:
            print(USAGE, file=sys.stderr)
            return BAD_USAGE
    try:
        record = files.load_file(path)
    except TutorialError as error:
        print(f"{shown(path)} no es válido como registro: {error}.", file=sys.stderr)
        return BAD_USAGE
    print(record)
    try:
        verdict = _verify(record)
    except TutorialError as error:
        verdict = reproduction.not_comparable([str(error)])
    except KeyboardInterrupt:
        print("\nDetenido: no se ha llegado a saber.", file=sys.stderr)
        return FAILED
    print(verdict.text)
    return {True: FINE, False: FAILED, None: NOT_COMPARABLE}[verdict.reproduced]


def _verify(record: Record) -> Verdict:
    if reason := reproduction.unrepeatable(record):
        return reproduction.not_comparable([reason])
    if sys.stdout.isatty():
        os.environ["FASHION_BENCH_PROGRESS"] = str(shutil.get_terminal_size().columns)
    # Elige el motor, que hay que hacerlo antes de importar Keras.
    lesson.load("importar", device=record.device.lower(), backend=record.software.backend)
    from fashion_bench.measure.replay import Replay

    replay = Replay(record)
    if reasons := reproduction.obstacles(record, replay.here):
        return reproduction.not_comparable(reasons)
    epochs, seconds = (
        reproduction.epochs_to_replay(record),
        reproduction.expected_seconds(record),
    )
    what = "Se va a repetir su primera época" if epochs == 1 else f"Se repiten sus {epochs} épocas"
    print(f"{what}: en un equipo igual de rápido, unos {written(seconds, unit='s')}.", flush=True)
    return reproduction.judge(replay.train(), reproduction.doubts(record, replay.here))
