"""Comparar equipos: qué registros se pueden comparar y cuánto más rápido es cada uno."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import geometric_mean, median
from typing import NamedTuple
from unicodedata import normalize

from fashion_bench.compare import interval
from fashion_bench.compare.interval import Estimate
from fashion_bench.errors import TutorialError
from fashion_bench.figures import METRICS, Record
from fashion_bench.text import Table, written

SESSION_GAP = timedelta(minutes=15)
"""Lo que tiene que pasar entre dos registros de un equipo para que sean de sesiones distintas."""


class Contender(NamedTuple):
    """Un equipo, y una forma de usarlo, dentro de un grupo de registros comparables."""

    name: str
    """El de su primer registro; si otro equipo se llama casi igual, con un número detrás."""
    records: list[Record]
    """Los que cuentan, del más antiguo al más reciente; si no cuenta ninguno, solo el último."""

    @property
    def latest(self) -> Record:
        """El registro más reciente."""
        return self.records[-1]

    @property
    def flaw(self) -> str | None:
        """Por qué no cuenta, o `None` si cuenta."""
        return self.latest.flaw

    @property
    def accuracy(self) -> float | None:
        """Media de las exactitudes de sus registros; `None` si ninguno llegó a la evaluación."""
        found = [accuracy for record in self.records for accuracy in record.accuracies]
        return sum(found) / len(found) if found else None

    @property
    def mfu(self) -> float | None:
        """La mayor parte de su límite a la que ha llegado, de 0 a 1; `None` si no se midió."""
        return max((record.mfu for record in self.records if record.mfu), default=None)

    @property
    def place(self) -> str:
        """En qué calcula: su GPU o su CPU."""
        record = self.latest
        return record.accelerator.name if record.accelerator else record.machine.cpu

    def seconds(self, metric: str) -> list[float]:
        """Los segundos de cada una de sus sesiones: la mediana de los que se midieron en ella."""
        measured = METRICS[metric].seconds
        return [
            median(seconds for record in session for seconds in measured(record))
            for session in sessions_of(self.records)
        ]

    def estimate(self, metric: str) -> Estimate:
        """Su cifra, en la unidad de la medida, con su intervalo del 95 %."""
        images = self.latest.data.training_images
        speed = metric == "images_per_second"
        return interval.typical([images / s if speed else s for s in self.seconds(metric)])


class Row(NamedTuple):
    """Lo que una tabla dice de un equipo de un grupo; lo que no se sabe, con un guion."""

    contender: Contender
    estimate: Estimate
    """Lo que dio en la medida elegida."""
    ratio: Estimate | None
    """Cuántas veces más rápido es que la referencia; `None` si es ella o si no cuenta."""
    verdict: str
    figure: str
    accuracy: str
    mfu: str


def sessions_of(records: Iterable[Record]) -> list[list[Record]]:
    """Reparte los registros de un equipo en sesiones, de la más antigua a la más reciente.

    Los que empiezan antes de que pasen `SESSION_GAP` desde que acabó el anterior son de la misma:
    lo que cambia de un día a otro les afecta por igual.
    """
    sessions: list[list[Record]] = []
    end: datetime | None = None
    for record in sorted(records, key=lambda record: record.created_utc):
        if end is None or record.created_utc >= end + SESSION_GAP:
            sessions.append([])
        sessions[-1].append(record)
        end = record.ended_utc
    return sessions


def sweeps(records: Iterable[Record]) -> list[list[Record]]:
    """Busca las series que se pueden unir con una línea: los lotes que un equipo midió seguidos.

    En una serie todo coincide, menos el lote, y es de una sola sesión; de cada equipo y precisión
    queda la que más lotes tiene y, entre iguales, la más reciente. Son de dos lotes o más, del
    menor al mayor.
    """
    lines: dict[tuple, list[Record]] = {}
    for record in records:
        if record.repeats:
            same = (
                record.machine_key,
                record.network.model_dump_json(),
                record.data,
                record.parameters.precision,
            )
            lines.setdefault(same, []).append(record)
    best = []
    for line in lines.values():
        series = [
            {record.parameters.batch_size: record for record in session}
            for session in sessions_of(line)
        ]
        longest = max(reversed(series), key=len)
        if len(longest) > 1:
            best.append([longest[batch] for batch in sorted(longest)])
    return best


def machines_table(machines: Mapping[str, Record]) -> Table:
    """Hace la tabla de qué equipo es cada uno, con un registro suyo.

    Lleva procesador, instrucciones, calibración y MFU; lo que no se midió queda en blanco.
    """
    rows: list[tuple[str, ...]] = [
        ("Equipo", "Arquitectura", "Núcleos", "Máquina virtual", "GFLOP/s", "GB/s", "MFU")
    ]
    virtual = {True: "sí", False: "no", None: "-"}
    for name, record in machines.items():
        machine, measured = record.machine, ["-", "-", "-"]
        if record.calibration and record.mfu:
            first = record.calibration[0]
            rates = first.float32_flops, first.bytes_per_second
            measured = [*(written(rate / 1e9) for rate in rates), written(100 * record.mfu, 0, "%")]
        cores = f"{machine.usable_cores:g}"
        rows.append((name, machine.microarchitecture, cores, virtual[machine.virtual], *measured))
    return Table("Qué equipo es cada uno", rows)


def groups(records: Iterable[Record], metric: str) -> list[list[Contender]]:
    """Reparte los registros en grupos comparables: primero, los de más equipos que cuentan.

    En cada grupo coinciden la red, las imágenes, el lote y la precisión; con `cold_total`,
    también las épocas. Los registros del mismo equipo son sus sesiones. Los que no tienen ninguna
    época, o no llevan lo que pide la medida, no entran. Cada grupo va del equipo más rápido al más
    lento.
    """
    by_setting: dict[tuple, dict[tuple, list[Record]]] = {}
    records = sorted(records, key=lambda record: record.created_utc)
    for record in records:
        if record.repeats and METRICS[metric].seconds(record):
            epochs = record.parameters.epochs if metric == "cold_total" else None
            machines = by_setting.setdefault((record.setting, epochs), {})
            machines.setdefault(record.machine_key, []).append(record)
    names = _names(records)
    found = [
        [
            Contender(names[key], [r for r in each if r.flaw is None] or each[-1:])
            for key, each in machines.items()
        ]
        for machines in by_setting.values()
    ]
    for group in found:
        group.sort(key=lambda contender: geometric_mean(contender.seconds(metric)))

    def importance(group: list[Contender]) -> tuple:
        setting = group[0].latest.parameters
        counting = sum(contender.flaw is None for contender in group)
        return -counting, -len(group), setting.precision, setting.batch_size

    return sorted(found, key=importance)


def baseline_of(group: Sequence[Contender], baseline: str) -> Contender:
    """Devuelve el equipo con el que se compara un grupo, que va del más rápido al más lento.

    Es el de ese nombre o identificador. Si no está, o no se da, el más lento de los que cuentan y
    tienen varias sesiones, sin las que no hay veredicto; si no los hay, el más lento de los que
    cuentan, o de todos.
    """
    named = [
        contender
        for contender in group
        if baseline == contender.name
        or any(baseline in (record.label, record.run_id) for record in contender.records)
    ]
    counting = [contender for contender in group if contender.flaw is None]
    several = [contender for contender in counting if len(sessions_of(contender.records)) > 1]
    return (named or several or counting or list(group))[-1]


def rival(mine: Contender, group: Iterable[Contender]) -> Contender | None:
    """Devuelve con quién comparar un equipo de un grupo: la referencia entre los que cuentan."""
    others = [each for each in group if each is not mine and each.flaw is None]
    return baseline_of(others, "") if others else None


def check_baseline(records: Sequence[Record], baseline: str) -> None:
    """Comprueba que `baseline` es el nombre o el identificador de algún registro.

    Raises:
        TutorialError: si no lo es, con los nombres que hay.
    """
    known = {name for each in records for name in (each.name, each.label, each.run_id)}
    if baseline and baseline not in known:
        labels = sorted({record.label for record in records})
        others = f"elige uno de estos, {', '.join(labels[:10])}" if labels else "aún no hay ninguno"
        raise TutorialError(
            f"baseline={baseline!r} no es válido: ningún registro tiene ese nombre ni ese "
            f"identificador; {others}."
        )


def speedup(contender: Contender, base: Contender, metric: str) -> Estimate:
    """Estima cuántas veces más rápido es `contender` que `base`, con su intervalo del 95 %."""
    return interval.quotient(base.seconds(metric), contender.seconds(metric))


def tell_speedup(ratio: Estimate) -> str:
    """Escribe un cociente, su intervalo y, si hay sesiones bastantes, el veredicto."""
    if ratio.sessions < 2:
        return f"{ratio.value:.2f}× (una sola sesión, sin veredicto)"
    return f"{ratio.value:.2f}× ({ratio.low:.2f}-{ratio.high:.2f}), {interval.verdict(ratio)}"


def tell_figure(figure: Estimate, digits: int) -> str:
    """Escribe una cifra y, si sale de varias sesiones, su intervalo."""
    if figure.sessions < 2:
        return written(figure.value, digits)
    low, high = written(figure.low, digits), written(figure.high, digits)
    return f"{written(figure.value, digits)} ({low}-{high})"


def rows(group: Iterable[Contender], base: Contender, metric: str) -> list[Row]:
    """Hace las filas de un grupo frente a `base`: de ellas salen todas las tablas de equipos."""
    found = []
    for contender in group:
        ratio = None
        if contender.flaw:
            verdict = f"no cuenta: {contender.flaw}"
        elif contender is base:
            verdict = "es la referencia"
        else:
            ratio = speedup(contender, base, metric)
            verdict = tell_speedup(ratio)
        estimate, accuracy, mfu = contender.estimate(metric), contender.accuracy, contender.mfu
        found.append(
            Row(
                contender,
                estimate,
                ratio,
                verdict,
                figure=tell_figure(estimate, 0 if metric == "images_per_second" else 2),
                accuracy="-" if accuracy is None else f"{accuracy:.4f}",
                mfu=written(100 * mfu, unit="%") if mfu else "-",
            )
        )
    return found


def table(group: Sequence[Contender], base: Contender, metric: str) -> Table:
    """Hace la tabla de un grupo; en los tiempos que no cuentan, el veredicto es su razón."""
    first = group[0].latest
    titles = ("Equipo", "Veredicto", METRICS[metric].title, "Sesiones", "Exactitud")
    lines = [
        (
            row.contender.name,
            row.verdict,
            row.figure,
            str(row.estimate.sessions),
            row.accuracy,
            row.mfu,
            row.contender.place,
            row.contender.latest.software.engine,
        )
        for row in rows(group, base, metric)
    ]
    return Table(
        f"Lote de {first.parameters.batch_size}, precisión {first.parameters.precision}, "
        f"{written(first.data.training_images)} imágenes",
        [(*titles, "MFU", "Dispositivo", "Motor"), *lines],
    )


def records_table(records: Iterable[Record]) -> Table:
    """Hace la tabla de los registros: de qué equipo es cada cual, si cuenta y, si no, por qué."""
    records = sorted(records, key=lambda record: record.created_utc)
    lines: list[tuple[str, ...]] = [("Equipo", "Archivo", "¿Cuenta?")]
    for key, name in _names(records).items():
        for record in records:
            if record.machine_key == key:
                counts = f"no: {record.flaw}" if record.flaw else "sí"
                lines.append((name, f"{record.run_id}.json", counts))
    return Table("Los registros, uno a uno", lines)


def doubts(machines: Iterable[Contender]) -> list[str]:
    """Dice de qué equipos no se sabe si son uno o varios."""
    found = []
    for contender in machines:
        labels = sorted({record.label for record in contender.records})
        if len(labels) > 1:
            found.append(
                f"«{contender.name}» se ha llamado también de otro modo ({', '.join(labels)}) y se "
                "toma por un solo equipo, porque su código es el mismo. Si son varios con el disco "
                "clonado, borra ese código en cada uno (site/anade_tu_equipo.md dice dónde está) y "
                "mide otra vez."
            )
        if contender.latest.machine.key is None and len(contender.records) > 1:
            found.append(
                f"Los {len(contender.records)} registros de «{contender.name}» no llevan código de "
                "equipo y coinciden en todo lo demás: se toman por uno solo. Si son varios, mide "
                "otra vez en cada uno con su nombre (`machine_name`)."
            )
    return found


def by_chance(compared: Iterable[Row]) -> str | None:
    """Avisa de que, con muchas comparaciones, alguna sale distinta aunque todos sean iguales."""
    judged = sum(row.ratio is not None and row.ratio.sessions > 1 for row in compared)
    if judged < 2:
        return None
    return (
        f"Son {judged} veredictos, cada uno con un intervalo del "
        f"{written(100 * interval.CONFIDENCE, unit='%')}: aunque todos los equipos fueran iguales, "
        "saldrían distintos por casualidad, de media, "
        f"{written(judged * (1 - interval.CONFIDENCE), 1)}."
    )


def _names(records: Iterable[Record]) -> dict[tuple, str]:
    """Da nombre a cada equipo: el de su primer registro, y un número si otros se le parecen."""
    first: dict[tuple, str] = {}
    for record in records:
        first.setdefault(record.machine_key, record.name)
    alike = [_look(name) for name in first.values()]
    return {
        key: name if alike.count(look) == 1 else f"{name} #{alike[: number + 1].count(look)}"
        for number, ((key, name), look) in enumerate(zip(first.items(), alike, strict=True))
    }


def _look(name: str) -> str:
    """Un nombre, sin lo que a la vista casi no se distingue: tildes, espacios, I y 1, O y 0."""
    plain = normalize("NFKD", name).casefold().translate(str.maketrans("li|!o", "11110"))
    return re.sub(r"[^a-z0-9]", "", plain)
