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
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from fashion_bench import lesson
from fashion_bench.compare import files
from fashion_bench.doctor.device import choose_device
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record, accuracy_in
from fashion_bench.machine import backends, hardware
from fashion_bench.record import Repeat
from fashion_bench.share.refusals import refusals
from fashion_bench.text import Table, written

START_SECONDS = 15
"""Importar Keras y preparar las imágenes, en el equipo en el que se midieron las pérdidas."""

WALKED = ("0.1.0", "0.2.0")
"""Versiones que recorrían los lotes antes de entrenar y así los barajaban una vez más."""

Verdict = tuple[bool | None, str]
"""`True`, reproducido; `False`, no; `None`, no es comparable aquí; y lo que se lee."""


def verify(path: Path, *, first_epoch_only: bool = False) -> bool | None:
    """Repite un registro, escribe el veredicto y lo devuelve: ver `Verdict`.

    Con `first_epoch_only` no repite más que la primera época, ni evalúa.

    Raises:
        TutorialError: si no es un registro.
    """
    record = files.load_file(path)
    print(record)
    impossible = refusals(record.model_dump_json().encode(), [])
    for reason in impossible:
        print(f"Aviso: este registro {reason}.")
    try:
        reproduced, text = _verdict(record, impossible, first_epoch_only)
    except TutorialError as error:
        reproduced, text = not_comparable([str(error)])
    print(text)
    return reproduced


def _verdict(record: Record, impossible: list[str], first_epoch_only: bool) -> Verdict:
    if reason := unrepeatable(record):
        return not_comparable([reason])
    if sys.stdout.isatty():
        os.environ["FASHION_BENCH_PROGRESS"] = str(shutil.get_terminal_size().columns)
    names, here = _load(record)
    if reasons := obstacles(record, here):
        return not_comparable(reasons)
    told = first_epoch(record) if first_epoch_only else record.repeats
    training = sum(repeat.setup_seconds + repeat.total_seconds for repeat in told)
    seconds = written(START_SECONDS + training, unit="s")
    print(f"En un equipo igual de rápido, repetirlo son unos {seconds}.", flush=True)
    seen = figures([_train(names, repeat) for repeat in told])
    return judge(figures(told), seen, doubts(record, here), impossible, unchecked(record, told))


def _load(record: Record) -> tuple[SimpleNamespace, Record]:
    """El cuaderno 01 con los parámetros de un registro, listo para entrenar, y con qué lo haría.

    Lo segundo es el mismo registro, con el código, el equipo, la red y los datos de aquí.
    """
    chosen = {"device": record.device.lower(), "backend": record.software.backend}
    lesson.load("importar", **chosen)  # elige el motor
    choose_device(record.device.lower(), record.software.backend)
    told = record.parameters.model_dump(exclude={"repeats", "workers"})
    names = lesson.load(*lesson.PREPARE, "calentar", **chosen, **told)
    from fashion_bench.measure import provenance  # importa Keras: el motor ya está elegido

    model = names.compile_model(names.build_model())
    here = {
        "code": provenance.code(lesson.NOTEBOOK),
        "machine": hardware.machine(),
        "accelerator": backends.accelerator_of(model),
        "software": backends.software(),
        "network": provenance.describe_network(model),
        "data": provenance.describe_data(len(names.train_labels), len(names.validation_labels)),
    }
    return names, record.model_copy(update=here)


def _train(names: SimpleNamespace, told: Repeat) -> Repeat:
    """Entrena como la celda `entrenar`: la misma repetición, con lo que ha salido aquí."""
    from fashion_bench.measure.clock import EpochClock
    from fashion_bench.measure.progress import EpochLine

    model, _ = names.prepare(told.seed)
    clock = EpochClock(len(names.train_labels))
    losses = model.fit(
        names.make_dataset(names.train_images, names.train_labels, told.seed),
        validation_data=names.validation_data,
        epochs=len(told.epoch_seconds),
        shuffle=False,
        verbose=0,
        callbacks=[clock, EpochLine(clock)],
    ).history["loss"]
    seen: dict[str, object] = {"epoch_losses": losses}
    if (told.test_correct, told.test_loss) != (None, None):
        told_here = model.evaluate(names.test_data, verbose=0, return_dict=True)
        seen["test_loss"] = told_here["loss"]
        seen["test_correct"] = round((accuracy_in(told_here) or 0) * len(names.test_labels))
    return told.model_copy(update=seen)


def first_epoch(record: Record) -> list[Repeat]:
    """La primera repetición de un registro, como si solo llevara su primera época."""
    first = record.repeats[0]
    cut = {
        "epoch_seconds": first.epoch_seconds[:1],
        "epoch_losses": (first.epoch_losses or [])[:1],
        "test_loss": None,
        "test_correct": None,
    }
    return [first.model_copy(update=cut)]


def figures(repeats: Sequence[Repeat]) -> dict[str, float]:
    """Las cifras que se comparan, por su nombre; las que no se saben no están."""
    found: dict[str, float | None] = {}
    for repeat in repeats:
        seed = f"semilla {repeat.seed}"
        for number, loss in enumerate(repeat.epoch_losses or [], 1):
            found[f"{seed}, pérdida de la época {number}"] = loss
        found[f"{seed}, pérdida en prueba"] = repeat.test_loss
        found[f"{seed}, aciertos en prueba"] = repeat.test_correct
    return {name: figure for name, figure in found.items() if figure is not None}


def unrepeatable(record: Record) -> str | None:
    """Por qué un registro no se puede repetir en ningún equipo, o `None` si se puede."""
    if record.code.notebook != lesson.NOTEBOOK:
        return f"se entrenó con {record.code.notebook}; aquí se repite {lesson.NOTEBOOK}"
    if record.code.version in WALKED:
        return (
            f"se hizo con la versión {record.code.version}, que recorría los lotes antes de "
            "entrenar; ahora no se recorren, y salen en otro orden"
        )
    if not record.repeats or not record.repeats[0].epoch_losses:
        return "no dice la pérdida de ninguna época"
    return None


def unchecked(record: Record, told: Sequence[Repeat]) -> str:
    """Dice lo que no se ha comprobado de un registro al repetir `told`."""
    missing = ["los segundos ni nada que salga de ellos"]
    if sum(len(repeat.epoch_losses or []) for repeat in told) < len(record.epoch_seconds):
        missing.append("las demás épocas")
    if any(repeat.test_correct is None for repeat in told):
        missing.append("la exactitud")
    return f"No se han comprobado {' ni '.join(missing)}."


def obstacles(record: Record, here: Record) -> list[str]:
    """Dice lo que aquí es distinto y cambia las cuentas: con algo de esto, no se intenta."""
    found = _different(_decisive(record), _decisive(here))
    if bool(record.accelerator) != bool(here.accelerator):
        return found[:1]  # con otro dispositivo, lo demás no se puede comparar
    if record.network != here.network:
        found.append("su red no es la del cuaderno 01 que hay aquí")
    if record.data != here.data:
        found.append("sus imágenes no son las que hay aquí")
    return found


def doubts(record: Record, here: Record) -> list[str]:
    """Dice lo que aquí es distinto y quizá cambie las cuentas: si salen iguales, da lo mismo."""
    found = _different(_perhaps(record), _perhaps(here))
    if record.code.notebook_sha256 != here.code.notebook_sha256:
        commit = record.code.git_commit
        where = f" (el de entonces está en git: {commit.removesuffix('-dirty')})" if commit else ""
        found.append(f"el código del cuaderno 01 no es el mismo{where}")
    if record.accelerator:
        found.append("no hemos medido si una GPU repite sus cuentas cifra por cifra")
    return found


def judge(
    told: Mapping[str, float],
    seen: Mapping[str, float],
    doubts: Sequence[str],
    impossible: Sequence[str],
    unchecked: str,
) -> Verdict:
    """Concluye de las cifras del registro y las de aquí, que han de ser iguales.

    Si no lo son, `doubts` es lo que podría explicarlo; `impossible`, lo que del registro no puede
    ser verdad.
    """
    if different := [name for name, figure in told.items() if figure != seen[name]]:
        rows = [(name, repr(told[name]), repr(seen[name])) for name in different]
        caption = "Lo que dice el registro y lo que sale aquí"
        table = Table(caption, [("Cifra", "Registro", "Aquí"), *rows])
        if doubts:
            return None, f"{table}\n{not_comparable(doubts)[1]}"
        return False, f"{table}\nNo reproducido: con lo mismo, aquí sale otra cosa."
    last = list(told)[-1]
    same = f"salen sus {len(told)} cifras ({last}, {seen[last]!r}…)"
    if impossible:
        refused = f"No se da por bueno: aquí {same}, pero este registro {'; '.join(impossible)}"
        return False, f"{refused}. {unchecked}"
    return True, f"Reproducido: aquí {same}. {unchecked}"


def not_comparable(reasons: Sequence[str]) -> Verdict:
    """Concluye que un registro no se puede comprobar aquí, y por qué."""
    return None, "\n".join(["No comparable aquí:", *(f"- {each}" for each in reasons)])


def _decisive(at: Record) -> dict[str, object]:
    """Lo que cambia las cuentas."""
    gpu = at.accelerator
    unused = {"onednn"} if gpu else {"cuda", "cudnn", "tf32"}
    return {
        "dispositivo": gpu.name if gpu else "CPU",
        **at.software.model_dump(exclude={"python", *unused}),
        "instrucciones con las que calcula": None if gpu else at.machine.isa,
        "variables de entorno (ponlas igual y repite)": at.machine.settings,
    }


def _perhaps(at: Record) -> dict[str, object]:
    """Lo que quizá las cambie."""
    return {
        "procesador": at.machine.cpu,
        "instrucciones que tiene": at.machine.instruction_sets,
        "núcleos": f"{at.machine.usable_cores:g}",
        "sistema": at.machine.os,
        "versión del proyecto": at.code.version,
    }


def _different(there: Mapping[str, object], here: Mapping[str, object]) -> list[str]:
    return [
        f"{title}: allí, {_told(fact)}; aquí, {_told(here.get(title))}"
        for title, fact in there.items()
        if fact != here.get(title)
    ]


def _told(fact: object) -> str:
    match fact:
        case None:
            return "desconocido"
        case bool():
            return "sí" if fact else "no"
        case dict():
            return ", ".join(f"{name}={value}" for name, value in sorted(fact.items())) or "ninguna"
        case list():
            return ", ".join(fact)
    return str(fact)
