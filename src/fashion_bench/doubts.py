"""Por qué se duda de un registro: lo que dice no puede ser, o no cuadra con lo que dice otro.

Un registro dudoso no cuenta en ningún sitio, porque su `flaw` lo dice: ni en el cuaderno 03, ni en
la página de una clase, ni en el tablero, ni en el README; y no se publica. Una mentira verosímil no
se descubre así: para eso está repetir la medida. Cada duda completa la frase «este registro…».
"""

import csv
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from math import log
from pathlib import Path

from fashion_bench.record import Content
from fashion_bench.text import written

FIRST_DAY, LOSSES_DAY = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC)
"""El día en que nació el proyecto y el de la 0.3.0, la primera que anota siempre las pérdidas."""

MAX_MFU = 1.5
"""Cuánto puede pasar la red de la velocidad del producto de matrices: lo más que hay publicado, de
una CPU, es 0.76; con atajos (Lavin y Gray, 2015, arXiv:1509.09308), una GPU podría pasar de 1."""

CORE_FLOPS = {"float32": 1e12, "mixed_float16": 1e13, "mixed_bfloat16": 1e13}
"""Más de lo que da un núcleo: con AVX-512, 64 operaciones por ciclo; con AMX y bfloat16, 2048."""

SHEET_TIMES, GPU_FLOPS = 10, 5e15
"""Cuántas veces puede pasar una GPU de su ficha, que es de float32 sin más (una V100 llega a ocho
con sus núcleos tensoriales); y lo que no da ninguna, la doble de una B200 en 16 bits."""

CAPABILITIES = {
    r"GeForce GTX 10\d\d": "6.1",
    r"GeForce (GTX 16|RTX 20[678])\d": "7.5",
    r"GeForce RTX 30\d\d(?! A)": "8.6",
    r"GeForce RTX 40\d\d": "8.9",
    r"GeForce RTX 50\d\d": "12.0",
}
"""La capacidad de cómputo de las GPU que más hay: https://developer.nvidia.com/cuda-gpus."""

MIN_CPU, MIN_WATTS, MAX_LOSS = 0.2, 1, 10
"""De un núcleo, lo que usa al menos quien entrena en la CPU (lo menos publicado es 1.2); lo menos
que gasta una GPU, y más de lo que pierde una red que acierta: al azar se pierde 2.3."""

SMALL, LEAST_ERROR, MORE_IMAGES = 1_000_000, 0.033, 0.22
"""Lo que menos se falla en la lista de Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist)
es un 3.3 %, con 8.9 millones de pesos; con menos de uno, un 4.6 %. Con menos imágenes se falla más:
la red del curso, un 7.5 % con 54 000, un 11 % con 9000, un 16 % con 900 y un 29 % con 90."""

SAME_SECONDS = 1e-6
"""Dos relojes de verdad no dan los mismos segundos: hasta esta parte se toman por iguales."""


def alone(record: Content) -> list[str]:
    """Dice lo que de un registro no puede ser, mirándolo solo."""
    checks = [_dates, _machine]
    if record.status == "ok":
        checks += [_evidence, _speed, _effort, _learning]
    return list(dict.fromkeys(chain.from_iterable(check(record) for check in checks)))


def beside(record: Content, others: Sequence[Content]) -> list[str]:
    """Dice lo que de un registro no puede ser si son verdad otros, los que estaban antes."""
    found = {}
    for other in others:
        if _copied(record.epoch_seconds, other.epoch_seconds):
            found["lleva los mismos tiempos que otro"] = other
        elif None is not record.machine.key == other.machine.key and (
            record.created_utc < other.ended_utc and other.created_utc < record.ended_utc
        ):
            found["se midió a la vez que otro que dice ser del mismo equipo"] = other
    return [f"{doubt}, el {other.run_id}" for doubt, other in found.items()]


def _dates(record: Content) -> Iterator[str]:
    created = record.created_utc.astimezone(UTC)
    if created < FIRST_DAY:
        yield f"dice ser del {created:%Y-%m-%d}, y el proyecto es del {FIRST_DAY:%Y-%m-%d}"
    if created > datetime.now(UTC) + timedelta(days=1):  # un reloj puede ir mal, pero no tanto
        yield f"dice ser del {created:%Y-%m-%d}, que aún no ha llegado"
    if not record.run_id.startswith(f"{created:%Y%m%dT%H%M%SZ}-"):
        yield "su identificador y su fecha no concuerdan"


def _machine(record: Content) -> Iterator[str]:
    machine, gpu, software = record.machine, record.accelerator, record.software
    if machine.usable_cores > machine.logical_cores:
        yield "usa más núcleos de los que tiene"
    for brand, vendor in (("Intel", "GenuineIntel"), ("AMD", "AuthenticAMD")):
        wrong = brand in machine.cpu and machine.vendor not in (vendor, None)
        if wrong and not machine.virtual:  # una máquina virtual puede hacerse pasar por otra
            yield f"dice que su procesador es de {brand} y de {machine.vendor}"
    if not gpu:
        return
    for name, capability in CAPABILITIES.items():
        told = gpu.compute_capability
        if re.search(name, gpu.name) and told not in (capability, None):
            yield f"su {gpu.name} no tiene capacidad de cómputo {told}, sino {capability}"
    if gpu.compute_capability and not software.cuda and software.backend != "jax":
        yield "entrena en una GPU de NVIDIA sin CUDA"
    found = record.agreement.model_dump(exclude={"precision"}) if record.agreement else {"": None}
    if set(found.values()) == {0}:
        yield "su GPU calcula lo mismo que la CPU hasta la última cifra, y ninguna lo hace"


def _evidence(record: Content) -> Iterator[str]:
    """Lo que `Recorder` anota siempre."""
    if record.repeats[0].seed != record.parameters.seed:
        yield "su primera semilla no es la que dice"
    if getattr(record.software, record.software.backend) is None:
        yield "no dice la versión del motor con el que entrenó"
    if record.parameters.workers > 1:  # varios procesos, quizá de varios equipos
        if record.parameters.workers > record.machine.logical_cores and not record.accelerator:
            yield "tiene más procesos que núcleos, y no dice nada de los demás equipos"
        return
    if len(record.calibration) != 2:
        yield "le falta lo que da su dispositivo, que se mide antes y después de entrenar"
    if any(repeat.surroundings is None for repeat in record.repeats):
        yield "no dice qué más pasaba en el equipo durante sus épocas"
    old = record.code.version in ("0.1.0", "0.2.0") and record.created_utc < LOSSES_DAY
    if not old and any(len(r.epoch_losses or ()) < len(r.epoch_seconds) for r in record.repeats):
        yield "le faltan las pérdidas de sus épocas"


def _speed(record: Content) -> Iterator[str]:
    """Que sus tiempos cuadren con lo que él mismo dice de su equipo."""
    told, cores = record.parameters, record.machine.logical_cores
    for each in record.calibration:
        if told.precision == "float32" and each.float32_flops != each.precision_flops:
            yield "su producto de matrices en float32 tiene dos valores"
    most = _sheet(record.accelerator.name) if record.accelerator else 0.0
    kind = "mixed_bfloat16" if record.software.tf32 else told.precision
    most = most or cores * CORE_FLOPS[kind]
    limit = max((each.precision_flops for each in record.calibration), default=most)
    if limit > most:
        yield f"su dispositivo da {_gflops(limit)}, y ninguno como él llega a tanto"
    work = record.network.training_operations * record.data.training_images
    done = work / min(record.epoch_seconds)
    if done > MAX_MFU * limit * told.workers:
        yield (
            f"entrena más deprisa de lo que su equipo calcula: necesita {_gflops(done)} y su "
            f"producto de matrices da {_gflops(limit)}"
        )


def _effort(record: Content) -> Iterator[str]:
    """Que su procesador y su GPU hicieran algo, y no más de lo que podían."""
    used = trained = 0.0
    for repeat in record.repeats:
        joules = repeat.energy_joules
        if joules is not None and not record.accelerator:
            yield "cuenta la energía de una GPU que no usó"
        elif joules is not None and joules < MIN_WATTS * (repeat.total_seconds - 1):
            yield "su GPU gasta menos de un vatio"
        for around, seconds in zip(repeat.surroundings or [], repeat.epoch_seconds, strict=False):
            used += around.own_cpu_seconds
            trained += seconds - (around.stopped_seconds or 0)
            if around.own_cpu_seconds > 1.1 * record.machine.logical_cores * seconds + 1:
                yield "gastó más tiempo de procesador del que había"
    if not record.accelerator and used < MIN_CPU * trained - 1:
        yield "entrenó en la CPU casi sin usarla"


def _learning(record: Content) -> Iterator[str]:
    """Que sus pérdidas y su exactitud puedan ser de una red como la del curso.

    Una imagen fallada da a la clase que toca la mitad, como mucho: pierde `log 2` o más.
    """
    images = record.data.training_images
    best = 1 - LEAST_ERROR * (60_000 / images) ** MORE_IMAGES
    for accuracy, repeat in zip(record.accuracies, record.repeats, strict=True):
        if accuracy > best and record.network.weights < SMALL:
            yield f"con {written(images)} imágenes nadie llega a una exactitud de {accuracy:.4f}"
        if " loss=" in record.network.optimizer:  # de otras pérdidas no se sabe cuánto se pierde
            continue
        test, told = repeat.test_loss or 0, repeat.epoch_losses or [1]
        learned = min(told) > 0 and max(told[-1], test) < MAX_LOSS
        if test < 0.99 * log(2) * (1 - accuracy) or (accuracy > 0.5 and not learned):
            yield "sus pérdidas no son las de una red que acierta lo que dice"


def _copied(mine: Sequence[float], others: Sequence[float]) -> bool:
    """Si son los segundos de otro, en cualquier orden: un tercio iguales, o todos por lo mismo."""
    mine, others = sorted(mine), sorted(others)
    if len(mine) == len(others) > 2:
        ratios = [one / other for one, other in zip(mine, others, strict=True)]
        if max(ratios) <= min(ratios) * (1 + SAME_SECONDS):
            return True
    near = 10 * SAME_SECONDS / max(10, len(others))  # con muchas épocas, alguna coincide por azar
    found = 0
    for seconds in mine:
        place = bisect_left(others, seconds * (1 - near))
        found += place < len(others) and others[place] <= seconds * (1 + near)
    return found > 0 and found >= max(min(3, len(mine)), 0.3 * len(mine))


@cache
def _sheet(gpu: str) -> float:
    """Lo más que da una GPU, según la ficha de su modelo, si se tiene."""
    path = Path(__file__).parent / "datasets" / "published" / "gpus.csv"
    with path.open(encoding="utf-8", newline="") as file:
        sheets = {row["gpu"]: float(row["teraflops"]) for row in csv.DictReader(file)}
    named = max((name for name in sheets if name in gpu), key=len, default="")
    return SHEET_TIMES * 1e12 * sheets[named] if named else GPU_FLOPS


def _gflops(flops: float) -> str:
    return written(flops / 1e9, unit="GFLOP/s")
