"""Comparar equipos: qué registros se pueden comparar y cuánto más rápido es cada uno."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fashion_bench.errors import TutorialError
from fashion_bench.record import METRICS, Record

RESAMPLES = 2000


class Speedup(NamedTuple):
    """Cuántas veces más rápido, con la mitad de la anchura de su intervalo del 95 %."""

    ratio: float
    margin: float | None
    """`None` si alguno de los dos tiene una sola medida."""

    def __str__(self) -> str:
        if self.margin is None:
            return f"{self.ratio:.2f}× (una sola medida)"
        return f"{self.ratio:.2f}× ± {self.margin:.2f}"


def groups(records: Sequence[Record], metric: str) -> list[list[Record]]:
    """Reparte los registros en grupos comparables: primero, los de más equipos que cuentan.

    En cada grupo coinciden la red, las imágenes, el lote y la precisión; con `cold_total`,
    también las épocas. De cada equipo y dispositivo queda solo el más reciente que cuenta o,
    si ninguno cuenta, el más reciente. Los que no terminaron ni una época no entran.

    Returns:
        Grupos de registros, cada uno del más rápido al más lento.
    """
    by_setting: dict[tuple, dict[tuple, Record]] = {}
    for record in sorted(records, key=lambda record: (record.flaw is None, record.created_utc)):
        if record.repeats:
            epochs = record.parameters.epochs if metric == "cold_total" else None
            latest = by_setting.setdefault((record.setting, epochs), {})
            latest[record.machine_key] = record
    ordered = [sorted(latest.values(), key=METRICS[metric].value) for latest in by_setting.values()]
    if METRICS[metric].more_is_better:
        ordered = [group[::-1] for group in ordered]
    return sorted(ordered, key=_importance)


def comparable(records: Sequence[Record], this: Record) -> list[Record]:
    """Devuelve el grupo de `this`, con `this` en él, del más rápido al más lento."""
    others = [record for record in records if record.machine_key != this.machine_key]
    for group in groups([*others, this], "median_epoch"):
        if this in group:
            return group
    return []


def baseline_of(group: Sequence[Record], baseline: str) -> Record:
    """Devuelve el registro con el que se compara un grupo.

    Args:
        group: registros comparables, del más rápido al más lento.
        baseline: etiqueta o identificador; vacío, o si no está en el grupo, el más lento de
            los que cuentan (o el más lento, si no cuenta ninguno).
    """
    named = [record for record in group if baseline in (record.label, record.run_id)]
    counting = [record for record in group if record.flaw is None]
    return (named or counting or list(group))[-1]


def check_baseline(records: Sequence[Record], baseline: str) -> None:
    """Comprueba que `baseline` es la etiqueta o el identificador de algún registro.

    Raises:
        TutorialError: si no lo es, con las etiquetas que hay.
    """
    if baseline and not any(baseline in (record.label, record.run_id) for record in records):
        labels = sorted({record.label for record in records})
        raise TutorialError(
            f"baseline={baseline!r} no vale: no hay ningún registro con esa etiqueta o ese "
            f"identificador; las etiquetas que hay son: {', '.join(labels[:10]) or 'ninguna'}."
        )


def speedup(record: Record, base: Record, metric: str) -> Speedup:
    """Calcula cuántas veces más rápido es `record` que `base`.

    El margen sale de remuestrear las épocas de ambos 2000 veces (*bootstrap*; Efron, 1979) y
    recoge lo que varían entre sí, no lo que varía el equipo de un día a otro.
    """
    ours, theirs = (np.array(METRICS[metric].seconds(each)) for each in (record, base))
    ratio = float(np.median(theirs) / np.median(ours))
    if min(len(ours), len(theirs)) == 1:
        return Speedup(ratio, None)
    generator = np.random.default_rng(0)
    resampled = [
        np.median(generator.choice(samples, (RESAMPLES, len(samples))), axis=1)
        for samples in (ours, theirs)
    ]
    low, high = np.percentile(resampled[1] / resampled[0], [2.5, 97.5])
    return Speedup(ratio, float(high - low) / 2)


def table(group: Sequence[Record], base: Record, metric: str) -> str:
    """Escribe la tabla de un grupo, en texto; los tiempos que no cuentan llevan su razón."""
    chosen = METRICS[metric]
    width = max(len(record.name) for record in group)
    header = f"{chosen.title} ({chosen.unit})"
    lines = [
        f"{'Equipo':{width}}  {header:>24}  {'Exactitud':>9}  Veces más rápido que «{base.label}»"
    ]
    for record in group:
        accuracy = "–" if record.accuracy is None else f"{record.accuracy:.4f}"
        value = f"{chosen.value(record):.{0 if chosen.more_is_better else 2}f}"
        if record.flaw:
            verdict = f"no cuenta: {record.flaw}"
        elif record.run_id == base.run_id:
            verdict = "es la referencia"
        else:
            verdict = str(speedup(record, base, metric))
        lines.append(f"{record.name:{width}}  {value:>24}  {accuracy:>9}  {verdict}")
    return "\n".join(lines)


def _importance(group: Sequence[Record]) -> tuple:
    counting = sum(record.flaw is None for record in group)
    setting = group[0].parameters
    return -counting, -len(group), setting.precision, setting.batch_size
