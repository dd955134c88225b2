"""Si lo que dice un registro se puede repetir aquí y qué significa que salga, o que no salga.

Repetirlo comprueba lo que se calculó (sus pérdidas), no lo que se tardó.

No hay tolerancia, porque en la CPU no hace falta. En un AMD EPYC de 2 núcleos con AVX-512, con
TensorFlow 2.21 (noviembre de 2026) y los parámetros por defecto, la pérdida de la primera época es
0.5111587643623352 las dos veces; con un solo hilo, 0.5123 y, limitado a AVX2, 0.5102: un 0.2 % en
los dos casos, que empieza siendo un redondeo (en el primer lote aún no se ve) y crece. Por eso
con otras instrucciones no se intenta, y con otros núcleos solo se concluye algo si sale igual.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fashion_bench.lesson import NOTEBOOK
from fashion_bench.parts import Accelerator, Code, Data, Machine, Network, Software
from fashion_bench.record import Record
from fashion_bench.tables import Table

START_SECONDS = 15
"""Importar Keras y preparar las imágenes, en el equipo en el que se midieron las pérdidas."""


class Place(NamedTuple):
    """Con qué se entrenaría aquí, dados los parámetros de un registro."""

    code: Code
    machine: Machine
    accelerator: Accelerator | None
    software: Software
    network: Network
    data: Data


class Replayed(NamedTuple):
    """Una cifra de un registro y la que ha salido aquí."""

    name: str
    told: float | None
    seen: float


class Verdict(NamedTuple):
    """Lo que se concluye: `True`, reproducido; `False`, no; `None`, no es comparable aquí."""

    reproduced: bool | None
    text: str


def epochs_to_replay(record: Record) -> int:
    """Cuántas épocas hay que entrenar: si el registro dice sus pérdidas, solo la primera.

    Los anteriores al 26 de noviembre de 2026 no las dicen: se repite entera su primera repetición
    y se comparan los resultados de su evaluación.
    """
    return 1 if record.repeats[0].epoch_losses else record.parameters.epochs


def expected_seconds(record: Record) -> float:
    """Segundos que se tardaría si este equipo fuera tan rápido como el del registro."""
    training = epochs_to_replay(record) * record.median_epoch_seconds
    return START_SECONDS + record.repeats[0].setup_seconds + training


def unrepeatable(record: Record) -> str | None:
    """Por qué un registro no se puede repetir en ningún equipo, o `None` si se puede."""
    if record.parameters.workers > 1:
        return f"se entrenó en {record.parameters.workers} procesos a la vez; aquí, en uno"
    if record.code.notebook != NOTEBOOK:
        return f"se entrenó con {record.code.notebook}; aquí se repite {NOTEBOOK}"
    if not record.repeats:
        return "no terminó ninguna época"
    first = record.repeats[0]
    if not first.epoch_losses and (first.test_loss is None or first.test_correct is None):
        return "no dice ninguna pérdida"
    return None


def obstacles(record: Record, here: Place) -> list[str]:
    """Dice lo que aquí es distinto y cambia las cuentas: con algo de esto, no se intenta.

    Args:
        record: el registro.
        here: con qué se entrenaría aquí.
    """
    told, seen = record.software, here.software
    pairs: list[tuple[str, object, object]] = [
        ("calculó la {} y aquí sería la {}", _device(record.accelerator), _device(here.accelerator))
    ]
    pairs += [
        (f"{title} era {{}} y aquí es {{}}", getattr(told, name), getattr(seen, name))
        for name, title in (
            ("backend", "el motor"),
            ("tensorflow", "la versión de TensorFlow"),
            ("keras", "la de Keras"),
            ("torch", "la de PyTorch"),
            ("jax", "la de JAX"),
        )
    ]
    if record.accelerator:
        pairs += [
            ("la versión de CUDA era {} y aquí es {}", told.cuda, seen.cuda),
            ("la de cuDNN era {} y aquí es {}", told.cudnn, seen.cudnn),
            ("TF32 estaba {} y aquí, {}", _switch(told.tf32), _switch(seen.tf32)),
        ]
    else:
        pairs += [
            ("calculó con {} y aquí sería con {}", record.machine.isa, here.machine.isa),
            ("oneDNN estaba {} y aquí, {}", _switch(told.onednn), _switch(seen.onednn)),
        ]
    were, are = _settings(record.machine), _settings(here.machine)
    pairs.append(("variables de entorno: allí, {}; aquí, {}; ponlas igual y repite", were, are))
    found = _different(pairs)
    if record.network != here.network:
        found.append("su red no es la del cuaderno 01 que hay aquí")
    if record.data != here.data:
        found.append("sus imágenes no son las que hay aquí")
    return found


def doubts(record: Record, here: Place) -> list[str]:
    """Dice lo que aquí es distinto y quizá cambie las cuentas: si salen iguales, da lo mismo."""
    told, seen = record.machine, here.machine
    found = _different(
        [
            ("el procesador era {} y aquí es {}", told.cpu, seen.cpu),
            (
                "sus instrucciones eran {} y aquí son {}",
                ", ".join(told.instruction_sets),
                ", ".join(seen.instruction_sets),
            ),
            ("usaba {} núcleos y aquí, {}", f"{told.usable_cores:g}", f"{seen.usable_cores:g}"),
            ("el sistema era {} y aquí es {}", told.os, seen.os),
            ("el proyecto era el {} y aquí es el {}", record.code.version, here.code.version),
        ]
    )
    if record.code.notebook_sha256 != here.code.notebook_sha256:
        commit = record.code.git_commit
        where = f" (el de entonces está en git: {commit.removesuffix('-dirty')})" if commit else ""
        found.append(f"el código del cuaderno 01 no es el mismo{where}")
    if record.accelerator:
        found.append("no hemos medido si una GPU repite sus cuentas cifra por cifra")
    return found


def judge(replayed: Sequence[Replayed], doubts: Sequence[str]) -> Verdict:
    """Concluye de lo que ha salido; las cifras han de ser iguales, sin tolerancia.

    Args:
        replayed: las cifras del registro y las de aquí.
        doubts: lo que podría explicar que no fueran iguales.
    """
    if all(each.told == each.seen for each in replayed):
        told = " y ".join(f"{each.name}, {each.seen!r}" for each in replayed)
        return Verdict(True, f"Reproducido, cifra por cifra: {told}.")
    table = Table(
        "Lo que dice el registro y lo que sale aquí",
        [
            ("Cifra", "Registro", "Aquí"),
            *((each.name, repr(each.told), repr(each.seen)) for each in replayed),
        ],
    )
    if doubts:
        return Verdict(None, f"{table}\n{not_comparable(doubts).text}")
    return Verdict(False, f"{table}\nNo reproducido: con lo mismo, aquí sale otra cosa.")


def not_comparable(reasons: Sequence[str]) -> Verdict:
    """Concluye que un registro no se puede comprobar aquí, y por qué."""
    return Verdict(None, "\n".join(["No comparable aquí:", *(f"- {each}" for each in reasons)]))


def _different(pairs: Sequence[tuple[str, object, object]]) -> list[str]:
    return [
        text.format(*("desconocido" if value is None else value for value in (told, seen)))
        for text, told, seen in pairs
        if told != seen
    ]


def _device(accelerator: Accelerator | None) -> str:
    return f"GPU {accelerator.name}" if accelerator else "CPU"


def _switch(on: bool | None) -> str | None:
    return None if on is None else ("encendido" if on else "apagado")


def _settings(machine: Machine) -> str:
    shown = ", ".join(f"{name}={value}" for name, value in sorted(machine.settings.items()))
    return shown or "ninguna"
