"""Entre qué valores está lo que tarda un equipo, contando con lo que cambia de un día a otro.

Una sesión es una lista de repeticiones y una repetición, una lista de segundos por época. El
remuestreo (*bootstrap*; Efron, 1979) es jerárquico: se sortean sesiones; dentro de cada una,
repeticiones, y dentro de cada una, épocas (Davison y Hinkley (1997), «Bootstrap Methods and their
Application», apartado 3.8). Con pocas sesiones el intervalo de percentiles se queda corto, así
que se ensancha como propone Hesterberg (2015), «What Teachers Should Know About the Bootstrap»,
*The American Statistician* 69(4).
"""

from collections.abc import Sequence
from math import exp, hypot, log, sqrt
from typing import NamedTuple

import numpy as np

Session = Sequence[Sequence[float]]

RESAMPLES = 4000
CONFIDENCE = 0.95
NORMAL = 1.960
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Cuantil 0.975 de la `t` de Student de 1 a 10 grados de libertad."""


class Estimate(NamedTuple):
    """Un valor con su intervalo del 95 %."""

    value: float
    low: float
    high: float
    sessions: int
    """De cuántas sesiones sale; de una sola, el intervalo no vale fuera de ella."""


def typical_seconds(sessions: Sequence[Session]) -> Estimate:
    """Estima los segundos de la época de un equipo: la media geométrica de sus sesiones.

    De cada sesión cuenta la mediana de sus épocas.

    Args:
        sessions: al menos una, con al menos una época.
    """
    medians = [float(np.median(np.concatenate(each))) for each in sessions]
    value = float(np.mean(np.log(medians)))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(_resampled(sessions), [tail, 100 - tail])
    widen = _widening(len(sessions))
    return Estimate(
        exp(value),
        exp(value - widen * max(0.0, value - low)),
        exp(value + widen * max(0.0, high - value)),
        len(sessions),
    )


def times_faster(ours: Sequence[Session], theirs: Sequence[Session]) -> Estimate:
    """Estima cuántas veces más rápido es un equipo que otro.

    El intervalo del cociente sale de los de los dos, en logaritmos, con la regla MOVER de Zou y
    Donner (2008), «Construction of confidence limits about effect measures», *Statistics in
    Medicine* 27(10): cada equipo pone el suyo, ancho si tiene pocas sesiones.
    """
    fast, slow = typical_seconds(ours), typical_seconds(theirs)
    below = hypot(log(slow.value / slow.low), log(fast.high / fast.value))
    above = hypot(log(slow.high / slow.value), log(fast.value / fast.low))
    value = slow.value / fast.value
    sessions = min(fast.sessions, slow.sessions)
    return Estimate(value, value * exp(-below), value * exp(above), sessions)


def verdict(ratio: Estimate) -> str | None:
    """Dice en palabras si el primero es más rápido; con una sola sesión no dice nada."""
    if ratio.sessions < 2:
        return None
    if ratio.low > 1:
        return "más rápido"
    return "más lento" if ratio.high < 1 else "no se distingue"


def _resampled(sessions: Sequence[Session]) -> np.ndarray:
    """Da `(RESAMPLES,)` logaritmos de la media geométrica, remuestreando los tres niveles."""
    generator = np.random.default_rng(0)
    medians = np.stack([_session_draws(each, generator) for each in sessions])
    chosen = generator.integers(len(sessions), size=(len(sessions), RESAMPLES))
    drawn: np.ndarray = np.log(np.take_along_axis(medians, chosen, axis=0)).mean(axis=0)
    return drawn


def _session_draws(session: Session, generator: np.random.Generator) -> np.ndarray:
    """Da `(RESAMPLES,)` medianas de una sesión, remuestreando repeticiones y épocas."""
    lengths = np.array([len(repeat) for repeat in session])
    padded = np.full((len(session), lengths.max()), np.nan)
    for row, repeat in zip(padded, session, strict=True):
        row[: len(repeat)] = repeat
    repeats = generator.integers(len(session), size=(RESAMPLES, len(session), 1))
    width = np.arange(lengths.max())
    epochs = (generator.random((RESAMPLES, len(session), len(width))) * lengths[repeats]).astype(
        int
    )
    drawn = np.where(width < lengths[repeats], padded[repeats, epochs], np.nan)
    return np.nanmedian(drawn, axis=(1, 2))


def _widening(sessions: int) -> float:
    """Cuánto hay que ensanchar el intervalo de percentiles con tan pocas sesiones."""
    if sessions < 2:
        return 1.0
    freedom = sessions - 1
    # Más allá de la tabla, los dos primeros términos del desarrollo de la `t` en 1/grados.
    student = STUDENT[freedom - 1] if freedom <= len(STUDENT) else NORMAL + 2.37 / freedom
    return sqrt(sessions / freedom) * student / NORMAL
