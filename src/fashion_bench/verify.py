"""Si lo que dice un registro sale también aquí, y qué significa que salga o que no.

Repetirlo comprueba lo que se calculó (sus pérdidas y sus aciertos), no lo que se tardó.

No hay tolerancia, porque en la CPU no hace falta. En un AMD EPYC de 2 núcleos con AVX-512, con
TensorFlow 2.21 (noviembre de 2026) y los parámetros por defecto, la pérdida de la primera época
sale igual, con sus 16 cifras, las dos veces; con un solo hilo o limitado a AVX2 se aparta un
0.2 %, que empieza siendo un redondeo (en el primer lote aún no se ve) y crece. Por eso con otras
instrucciones no se intenta, y con otros núcleos solo se concluye algo si sale igual.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from fashion_bench import lesson
from fashion_bench.compare import files
from fashion_bench.doctor.device import choose_device
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.machine import backends, hardware
from fashion_bench.record import Accelerator, Code, Data, Machine, Network, Repeat, Software
from fashion_bench.share import refusals as validation
from fashion_bench.text import Table, written

START_SECONDS = 15
"""Importar Keras y preparar las imágenes, en el equipo en el que se midieron las pérdidas."""

WALKED = ("0.1.0", "0.2.0")
"""Versiones que recorrían los lotes antes de entrenar y así los barajaban una vez más."""


class Place(NamedTuple):
    """Con qué se entrenaría aquí, dados los parámetros de un registro."""

    code: Code
    machine: Machine
    accelerator: Accelerator | None
    software: Software
    network: Network
    data: Data


Fact = Callable[[Record | Place], object]

DECISIVE: dict[str, Fact] = {
    "dispositivo": lambda at: at.accelerator.name if at.accelerator else "CPU",
    "motor": lambda at: at.software.backend,
    "TensorFlow": lambda at: at.software.tensorflow,
    "Keras": lambda at: at.software.keras,
    "PyTorch": lambda at: at.software.torch,
    "JAX": lambda at: at.software.jax,
    "CUDA": lambda at: at.software.cuda if at.accelerator else None,
    "cuDNN": lambda at: at.software.cudnn if at.accelerator else None,
    "TF32": lambda at: at.software.tf32 if at.accelerator else None,
    "instrucciones con las que calcula": lambda at: None if at.accelerator else at.machine.isa,
    "con oneDNN": lambda at: None if at.accelerator else at.software.onednn,
    "variables de entorno (ponlas igual y repite)": lambda at: at.machine.settings,
}
"""Lo que cambia las cuentas."""

PERHAPS: dict[str, Fact] = {
    "procesador": lambda at: at.machine.cpu,
    "instrucciones que tiene": lambda at: at.machine.instruction_sets,
    "núcleos": lambda at: f"{at.machine.usable_cores:g}",
    "sistema": lambda at: at.machine.os,
    "versión del proyecto": lambda at: at.code.version,
}
"""Lo que quizá las cambie."""


class Replayed(NamedTuple):
    """Una cifra de un registro y la que ha salido aquí."""

    name: str
    told: float
    seen: float


class Verdict(NamedTuple):
    """Lo que se concluye: `True`, reproducido; `False`, no; `None`, no es comparable aquí."""

    reproduced: bool | None
    text: str


def verify(path: Path, *, first_epoch_only: bool = False) -> bool | None:
    """Repite un registro, escribe el veredicto y lo devuelve: ver `Verdict`.

    Args:
        path: su archivo.
        first_epoch_only: repite solo la primera época, y no la evaluación.

    Raises:
        TutorialError: si no es un registro.
    """
    record = files.load_file(path)
    print(record)
    impossible = validation.refusals(record.model_dump_json().encode(), [])
    for reason in impossible:
        print(f"Aviso: este registro {reason}.")
    try:
        verdict = _verdict(record, impossible, first_epoch_only)
    except TutorialError as error:
        verdict = not_comparable([str(error)])
    print(verdict.text)
    return verdict.reproduced


def _verdict(record: Record, impossible: list[str], first_epoch_only: bool) -> Verdict:
    if reason := unrepeatable(record):
        return not_comparable([reason])
    if sys.stdout.isatty():
        os.environ["FASHION_BENCH_PROGRESS"] = str(shutil.get_terminal_size().columns)
    names, here = _load(record)
    if reasons := obstacles(record, here):
        return not_comparable(reasons)
    repeats = record.repeats[:1] if first_epoch_only else record.repeats
    what = "su primera época" if first_epoch_only else "entero"
    training = record.epoch_seconds[0] if first_epoch_only else sum(record.epoch_seconds)
    seconds = written(START_SECONDS + repeats[0].setup_seconds + training, unit="s")
    print(f"Se va a repetir {what}: en un equipo igual de rápido, unos {seconds}.", flush=True)
    replayed = [each for repeat in repeats for each in _train(names, repeat, first_epoch_only)]
    return judge(replayed, doubts(record, here), impossible, unchecked(record, first_epoch_only))


def _load(record: Record) -> tuple[SimpleNamespace, Place]:
    """El cuaderno 01 con los parámetros de un registro, listo para entrenar, y con qué lo haría."""
    chosen = {"device": record.device.lower(), "backend": record.software.backend}
    lesson.load("importar", **chosen)  # elige el motor
    choose_device(record.device.lower(), record.software.backend)
    told = record.parameters.model_dump(exclude={"repeats", "workers"})
    names = lesson.load(*lesson.PREPARE, "calentar", **chosen, **told)
    from fashion_bench.measure import provenance  # importa Keras: el motor ya está elegido

    model = names.compile_model(names.build_model())
    return names, Place(
        code=provenance.code(lesson.NOTEBOOK),
        machine=hardware.machine(),
        accelerator=backends.accelerator_of(model),
        software=backends.software(),
        network=provenance.describe_network(model),
        data=provenance.describe_data(len(names.train_labels), len(names.validation_labels)),
    )


def _train(names: SimpleNamespace, told: Repeat, first_epoch_only: bool) -> list[Replayed]:
    """Entrena como la celda `entrenar` y devuelve las cifras que se pueden comparar.

    Escribe una línea por época, como el cuaderno.
    """
    from fashion_bench.measure.clock import EpochClock
    from fashion_bench.measure.progress import EpochLine

    model, _ = names.prepare(told.seed)
    clock = EpochClock(len(names.train_labels))
    losses = model.fit(
        names.make_dataset(names.train_images, names.train_labels, told.seed),
        validation_data=names.validation_data,
        epochs=1 if first_epoch_only else len(told.epoch_seconds),
        shuffle=False,
        verbose=0,
        callbacks=[clock, EpochLine(clock)],
    ).history["loss"]
    known: list[tuple[str, float | None, float]] = [
        (f"pérdida de la época {number}", *pair)
        for number, pair in enumerate(zip(told.epoch_losses or [], losses, strict=False), 1)
    ]
    if not first_epoch_only:
        loss, accuracy = model.evaluate(names.test_data, verbose=0)
        hits = round(accuracy * len(names.test_labels))
        known.append(("pérdida en prueba", told.test_loss, loss))
        known.append(("aciertos en prueba", told.test_correct, hits))
    return [
        Replayed(f"semilla {told.seed}, {name}", there, here)
        for name, there, here in known
        if there is not None
    ]


def unrepeatable(record: Record) -> str | None:
    """Por qué un registro no se puede repetir en ningún equipo, o `None` si se puede."""
    if record.parameters.workers > 1:
        return f"se entrenó en {record.parameters.workers} procesos a la vez; aquí, en uno"
    if record.code.notebook != lesson.NOTEBOOK:
        return f"se entrenó con {record.code.notebook}; aquí se repite {lesson.NOTEBOOK}"
    if record.code.version in WALKED:
        return (
            f"se hizo con la versión {record.code.version}, que recorría los lotes antes de "
            "entrenar; ahora no se recorren, y salen en otro orden"
        )
    if not record.repeats:
        return "no terminó ninguna época"
    if not record.repeats[0].epoch_losses:
        return "no dice ninguna pérdida"
    return None


def unchecked(record: Record, first_epoch_only: bool) -> str:
    """Dice lo que no se ha comprobado de un registro al repetirlo."""
    missing = ["los segundos ni nada que salga de ellos"]
    if first_epoch_only:
        missing.append("las demás épocas")
    elif any(len(each.epoch_losses or []) < len(each.epoch_seconds) for each in record.repeats):
        missing.append("las épocas de las que no dice la pérdida")
    if first_epoch_only or any(repeat.test_correct is None for repeat in record.repeats):
        missing.append("la exactitud")
    return f"No se han comprobado {' ni '.join(missing)}."


def obstacles(record: Record, here: Place) -> list[str]:
    """Dice lo que aquí es distinto y cambia las cuentas: con algo de esto, no se intenta.

    Args:
        record: el registro.
        here: con qué se entrenaría aquí.
    """
    found = _different(DECISIVE, record, here)
    if bool(record.accelerator) != bool(here.accelerator):
        return found[:1]  # con otro dispositivo, lo demás no se puede comparar
    if record.network != here.network:
        found.append("su red no es la del cuaderno 01 que hay aquí")
    if record.data != here.data:
        found.append("sus imágenes no son las que hay aquí")
    return found


def doubts(record: Record, here: Place) -> list[str]:
    """Dice lo que aquí es distinto y quizá cambie las cuentas: si salen iguales, da lo mismo."""
    found = _different(PERHAPS, record, here)
    if record.code.notebook_sha256 != here.code.notebook_sha256:
        commit = record.code.git_commit
        where = f" (el de entonces está en git: {commit.removesuffix('-dirty')})" if commit else ""
        found.append(f"el código del cuaderno 01 no es el mismo{where}")
    if record.accelerator:
        found.append("no hemos medido si una GPU repite sus cuentas cifra por cifra")
    return found


def judge(
    replayed: Sequence[Replayed], doubts: Sequence[str], impossible: Sequence[str], unchecked: str
) -> Verdict:
    """Concluye de lo que ha salido; las cifras han de ser iguales, sin tolerancia.

    Args:
        replayed: las cifras del registro y las de aquí.
        doubts: lo que podría explicar que no fueran iguales.
        impossible: lo que del registro no puede ser verdad.
        unchecked: una frase con lo que no se ha comprobado.
    """
    different = [each for each in replayed if each.told != each.seen]
    if different:
        rows = [(name, repr(told), repr(seen)) for name, told, seen in different]
        caption = "Lo que dice el registro y lo que sale aquí"
        table = Table(caption, [("Cifra", "Registro", "Aquí"), *rows])
        if doubts:
            return Verdict(None, f"{table}\n{not_comparable(doubts).text}")
        return Verdict(False, f"{table}\nNo reproducido: con lo mismo, aquí sale otra cosa.")
    last = replayed[-1]
    same = f"salen sus {len(replayed)} cifras ({last.name}, {last.seen!r}…)"
    if impossible:
        refused = f"No se da por bueno: aquí {same}, pero este registro {'; '.join(impossible)}"
        return Verdict(False, f"{refused}. {unchecked}")
    return Verdict(True, f"Reproducido: aquí {same}. {unchecked}")


def not_comparable(reasons: Sequence[str]) -> Verdict:
    """Concluye que un registro no se puede comprobar aquí, y por qué."""
    return Verdict(None, "\n".join(["No comparable aquí:", *(f"- {each}" for each in reasons)]))


def _different(facts: Mapping[str, Fact], record: Record, here: Place) -> list[str]:
    pairs = ((title, _told(fact(record)), _told(fact(here))) for title, fact in facts.items())
    return [
        f"{title}: allí, {there}; aquí, {seen}" for title, there, seen in pairs if there != seen
    ]


def _told(fact: object) -> str:
    match fact:
        case bool():
            return "sí" if fact else "no"
        case dict():
            return ", ".join(f"{name}={value}" for name, value in sorted(fact.items())) or "ninguna"
        case list():
            return ", ".join(fact)
    return "desconocido" if fact is None else f"{fact}"
