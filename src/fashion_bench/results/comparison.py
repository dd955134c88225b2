"""Comparar equipos: qué registros se pueden comparar y cuánto más rápido es cada uno."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from fashion_bench.errors import TutorialError
from fashion_bench.record import METRICS, Record
from fashion_bench.results.statistics import (
    Estimate,
    Session,
    times_faster,
    typical_seconds,
    verdict,
)
from fashion_bench.tables import Table
from fashion_bench.typography import written

SESSION_GAP = timedelta(minutes=15)
"""Lo que tiene que pasar entre dos registros de un equipo para que sean de sesiones distintas."""

FEW_SESSIONS = "una sola sesión, sin veredicto"


class Contender(NamedTuple):
    """Un equipo, y una forma de usarlo, dentro de un grupo de registros comparables."""

    name: str
    """El de sus registros; si otro equipo distinto se llama igual, con un número detrás."""
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

    def sessions(self, metric: str) -> list[Session]:
        """Los segundos de cada sesión: de cada repetición, una lista."""
        return [
            [seconds for record in session for seconds in METRICS[metric].seconds(record)]
            for session in sessions_of(self.records)
        ]

    def estimate(self, metric: str) -> Estimate:
        """Su cifra, en la unidad de la medida, con su intervalo del 95 %."""
        found = typical_seconds(self.sessions(metric))
        if not METRICS[metric].more_is_better:
            return found
        images = self.latest.data.training_images
        return found._replace(
            value=images / found.value, low=images / found.high, high=images / found.low
        )


def sessions_of(records: Iterable[Record]) -> list[list[Record]]:
    """Reparte los registros de un equipo en sesiones, de la más antigua a la más reciente.

    Los que empiezan antes de que pasen `SESSION_GAP` desde que acabó el anterior son de la misma:
    lo que cambia de un día a otro les afecta por igual.
    """
    sessions: list[list[Record]] = []
    for record in sorted(records, key=lambda record: record.created_utc):
        if sessions and record.created_utc - _end(sessions[-1][-1]) < SESSION_GAP:
            sessions[-1].append(record)
        else:
            sessions.append([record])
    return sessions


def sweeps(records: Iterable[Record]) -> list[list[Record]]:
    """Busca las series que se pueden unir con una línea: los lotes que un equipo midió seguidos.

    En una serie todo coincide, menos el lote, y es de una sola sesión; de cada equipo y precisión
    queda la que más lotes tiene y, entre iguales, la más reciente.

    Returns:
        Series de dos lotes o más, cada una del menor al mayor.
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
    """Hace la tabla de qué equipo es cada uno: procesador, instrucciones, calibración y MFU.

    Args:
        machines: de cada nombre, un registro; lo que no se midió queda en blanco.
    """
    rows: list[tuple[str, ...]] = [
        ("Equipo", "Arquitectura", "Núcleos", "Máquina virtual", "GFLOP/s", "GB/s", "MFU")
    ]
    virtual = {True: "sí", False: "no", None: "-"}
    for name, record in machines.items():
        machine, measured = record.machine, ("-", "-")
        if record.calibration:
            first = record.calibration[0]
            measured = written(first.float32_flops / 1e9), written(first.bytes_per_second / 1e9)
        rows.append(
            (
                name,
                machine.microarchitecture,
                f"{machine.usable_cores:g}",
                virtual[machine.virtual],
                *measured,
                written(100 * record.mfu, 0, "%") if record.mfu else "-",
            )
        )
    return Table("Qué equipo es cada uno", rows)


def groups(records: Iterable[Record], metric: str) -> list[list[Contender]]:
    """Reparte los registros en grupos comparables: primero, los de más equipos que cuentan.

    En cada grupo coinciden la red, las imágenes, el lote y la precisión; con `cold_total`,
    también las épocas. Los registros del mismo equipo son sus sesiones. Los que no terminaron ni
    una época no entran.

    Returns:
        Grupos de equipos, cada uno del más rápido al más lento.
    """
    by_setting: dict[tuple, dict[tuple, list[Record]]] = {}
    records = sorted(records, key=lambda record: record.created_utc)
    for record in records:
        if record.repeats:
            epochs = record.parameters.epochs if metric == "cold_total" else None
            machines = by_setting.setdefault((record.setting, epochs), {})
            machines.setdefault(record.machine_key, []).append(record)
    names = _names(records)
    found = [
        [Contender(names[key], _counting(each)) for key, each in machines.items()]
        for machines in by_setting.values()
    ]
    for group in found:
        group.sort(key=lambda contender: typical_seconds(contender.sessions(metric)).value)
    return sorted(found, key=_importance)


def comparable(records: Iterable[Record], this: Record) -> list[Contender]:
    """Devuelve el grupo de `this`; de su equipo, solo `this`."""
    others = [record for record in records if record.machine_key != this.machine_key]
    for group in groups([*others, this], "median_epoch"):
        if any(this in contender.records for contender in group):
            return group
    return []


def baseline_of(group: Sequence[Contender], baseline: str) -> Contender:
    """Devuelve el equipo con el que se compara un grupo.

    Args:
        group: equipos comparables, del más rápido al más lento.
        baseline: nombre o identificador; vacío, o si no está en el grupo, el más lento
            de los que cuentan y tienen varias sesiones, sin las que no hay veredicto; si no los
            hay, el más lento de los que cuentan, o de todos.
    """
    named = [contender for contender in group if baseline in _known_as(contender)]
    counting = [contender for contender in group if contender.flaw is None]
    several = [contender for contender in counting if len(sessions_of(contender.records)) > 1]
    return (named or several or counting or list(group))[-1]


def check_baseline(records: Sequence[Record], baseline: str) -> None:
    """Comprueba que `baseline` es el nombre o el identificador de algún registro.

    Raises:
        TutorialError: si no lo es, con los nombres que hay.
    """
    known = {name for record in records for name in (record.name, record.label, record.run_id)}
    if baseline and baseline not in known:
        labels = sorted({record.label for record in records})
        others = f"elige uno de estos, {', '.join(labels[:10])}" if labels else "aún no hay ninguno"
        raise TutorialError(
            f"baseline={baseline!r} no es válido: ningún registro tiene ese nombre ni ese "
            f"identificador; {others}."
        )


def speedup(contender: Contender, base: Contender, metric: str) -> Estimate:
    """Estima cuántas veces más rápido es `contender` que `base`, con su intervalo del 95 %."""
    return times_faster(contender.sessions(metric), base.sessions(metric))


def tell_speedup(ratio: Estimate) -> str:
    """Escribe un cociente, su intervalo y, si hay sesiones bastantes, el veredicto."""
    if ratio.sessions < 2:
        return f"{ratio.value:.2f}× ({FEW_SESSIONS})"
    return f"{ratio.value:.2f}× ({ratio.low:.2f}-{ratio.high:.2f}), {verdict(ratio)}"


def tell_figure(figure: Estimate, digits: int) -> str:
    """Escribe una cifra y, si sale de varias sesiones, su intervalo."""
    if figure.sessions < 2:
        return written(figure.value, digits)
    low, high = written(figure.low, digits), written(figure.high, digits)
    return f"{written(figure.value, digits)} ({low}-{high})"


def table(group: Sequence[Contender], base: Contender, metric: str) -> Table:
    """Hace la tabla de un grupo; los tiempos que no cuentan llevan su razón."""
    chosen, first = METRICS[metric], group[0].latest
    rows: list[tuple[str, ...]] = [
        (
            "Equipo",
            "Sesiones",
            f"{chosen.title} ({chosen.unit})",
            "Exactitud",
            f"Veces más rápido que «{base.name}»",
        )
    ]
    for contender in group:
        if contender.flaw:
            result = f"no cuenta: {contender.flaw}"
        elif contender is base:
            result = "es la referencia"
        else:
            result = tell_speedup(speedup(contender, base, metric))
        accuracy = "-" if contender.accuracy is None else f"{contender.accuracy:.4f}"
        sessions = str(len(contender.sessions(metric)))
        figure = tell_figure(contender.estimate(metric), 0 if chosen.more_is_better else 2)
        rows.append((contender.name, sessions, figure, accuracy, result))
    return Table(
        f"Lote de {first.parameters.batch_size}, precisión {first.parameters.precision}, "
        f"{written(first.data.training_images)} imágenes",
        rows,
    )


def _names(records: Iterable[Record]) -> dict[tuple, str]:
    """Da nombre a cada equipo: el de su último registro y, si otros se llaman igual, un número."""
    latest = {record.machine_key: record.name for record in records}
    names = list(latest.values())
    return {
        key: name if names.count(name) == 1 else f"{name} #{names[: number + 1].count(name)}"
        for number, (key, name) in enumerate(latest.items())
    }


def _counting(records: list[Record]) -> list[Record]:
    """Los que cuentan; si no cuenta ninguno, el último."""
    return [record for record in records if record.flaw is None] or records[-1:]


def _known_as(contender: Contender) -> set[str]:
    told = {name for record in contender.records for name in (record.label, record.run_id)}
    return {contender.name, *told}


def _importance(group: Sequence[Contender]) -> tuple:
    counting = sum(contender.flaw is None for contender in group)
    setting = group[0].latest.parameters
    return -counting, -len(group), setting.precision, setting.batch_size


def _end(record: Record) -> datetime:
    seconds = sum(repeat.setup_seconds + repeat.total_seconds for repeat in record.repeats)
    return record.created_utc + timedelta(seconds=seconds)
