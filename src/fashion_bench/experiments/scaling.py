"""Un modelo sencillo de cuánto tarda un paso con varios procesos: cuentas y red.

Las cuentas se miden con un solo proceso y lotes de varios tamaños, sin nada más en marcha. Con
varios procesos a la vez, lo que tardan de más por estorbarse parecería un coste fijo.

La suma entre todos (*all-reduce*) se modela en anillo: con N procesos, 2·(N-1) mensajes
seguidos, cada uno con una parte de las N en que se dividen los datos. Es de Patarasu y Yuan
(2009), «Bandwidth optimal all-reduce algorithms for clusters of workstations», *JPDC* 69(2).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fashion_bench.text import written

WORTH_IT = 1.05
"""Veces más rápido desde las que se dice que añadir procesos compensa."""


class Link(NamedTuple):
    """Lo que une a los procesos."""

    latency_seconds: float
    """Lo que tarda un mensaje vacío."""
    seconds_per_byte: float


class Compute(NamedTuple):
    """Lo que tarda un proceso en hacer las cuentas de un paso."""

    fixed_seconds: float
    """Lo que no depende de cuántas imágenes tenga: el optimizador, las peticiones…"""
    seconds_per_image: float


def all_reduce_seconds(workers: int, size: float, link: Link) -> float:
    """Devuelve lo que tardan `workers` procesos en sumar entre todos `size` bytes."""
    messages, share = _ring(workers, size)
    return messages * link.latency_seconds + share * link.seconds_per_byte


def fit_link(measured: Mapping[tuple[int, int], float]) -> Link:
    """Ajusta la latencia y el ancho de banda a los segundos de cada par (procesos, bytes)."""
    return Link(*_relative_fit([_ring(*pair) for pair in measured], measured.values()))


def fit_compute(measured: Mapping[float, float]) -> Compute:
    """Ajusta lo que tardan las cuentas de un proceso a solas, según las imágenes del paso."""
    return Compute(*_relative_fit([(1, images) for images in measured], measured.values()))


def taking_turns(compute: Compute, workers: int, places: int) -> Compute:
    """Devuelve lo que tardan las cuentas de cada proceso si hay más que sitios, núcleos o GPU.

    Se supone que se turnan sin estorbarse. Si caben todos, tardan lo mismo que a solas.
    """
    turns = max(1, workers / places)
    return Compute(turns * compute.fixed_seconds, turns * compute.seconds_per_image)


def step_seconds(
    workers: int, batch_size: float, size: float, compute: Compute, link: Link
) -> float:
    """Predice lo que tarda un paso de `batch_size` imágenes, con gradientes de `size` bytes.

    Cada proceso tiene su propio núcleo, y se supone que no se suma nada hasta acabar las cuentas.
    """
    counting = compute.fixed_seconds + compute.seconds_per_image * batch_size / workers
    return counting + (all_reduce_seconds(workers, size, link) if workers > 1 else 0)


def excess_percent(predicted: float, measured: float) -> float:
    """Devuelve cuánto dice de más el modelo, en % de lo medido; negativo, si dice de menos."""
    return 100 * (predicted / measured - 1)


def best_number(gains: Mapping[int, float]) -> int:
    """Devuelve con cuántos procesos se va más rápido; si empatan, los menos.

    Args:
        gains: de cada número de procesos, incluido uno, las veces que es más rápido que uno solo.
    """
    return max(sorted(gains), key=gains.__getitem__)


def describe_best(gains: Mapping[int, float]) -> str:
    """Dice con cuántos equipos se va más rápido, y si compensa, a partir de lo mismo."""
    best = best_number(gains)
    if gains[best] < WORTH_IT:
        little = written(100 * (WORTH_IT - 1), 0, "%")
        return f"no compensa: nunca se gana un {little} a uno solo"
    tried = " (no se han probado más)" if best == max(gains) else ""
    return f"lo mejor son {best} equipos{tried}: {gains[best]:.1f} veces más rápido que uno"


def _ring(workers: int, size: float) -> tuple[float, float]:
    """Mensajes que van uno detrás de otro y bytes que suman."""
    return 2 * (workers - 1), 2 * (workers - 1) / workers * size


def _relative_fit(
    rows: Sequence[tuple[float, float]], seconds: Collection[float]
) -> tuple[float, float]:
    """Ajusta dos números por mínimos cuadrados del error relativo; si uno sale negativo, es 0."""
    scaled = np.array(rows) / np.array([*seconds])[:, None]
    found, *_ = np.linalg.lstsq(scaled, np.ones(len(seconds)))
    for zero, other in ((0, 1), (1, 0)):
        if found[zero] < 0:
            alone = scaled[:, other]
            found[zero], found[other] = 0, alone.sum() / (alone @ alone)
    return float(found[0]), float(found[1])
