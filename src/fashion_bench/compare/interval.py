"""Entre qué valores está una cifra, contando con lo que cambia un equipo de una sesión a otra.

De cada sesión se toma una sola cifra, la mediana de sus épocas: lo que dice cuánto puede cambiar
otro día es lo que se separan las sesiones, no las épocas de una. Se trabaja con logaritmos, en los
que un cociente es una resta. El intervalo es el de la `t` de Student y, para un cociente, el de
Welch (1947), «The generalization of "Student's" problem when several different population
variances are involved», *Biometrika* 34, que no supone que los dos equipos cambien lo mismo.
"""

from collections.abc import Sequence
from math import exp, inf, pi, sqrt, tan
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """Un valor con su intervalo del 95 %."""

    value: float
    low: float
    high: float
    sessions: int
    """De cuántas sale; de una sola no se sabe cuánto cambia, y el intervalo no tiene límites."""


def typical(figures: Sequence[float]) -> Estimate:
    """Estima la cifra de un equipo, la media geométrica de las de sus sesiones, al menos una."""
    return _estimate(figures)


def quotient(above: Sequence[float], below: Sequence[float]) -> Estimate:
    """Estima cuántas veces mayor es la cifra de un equipo que la de otro."""
    return _estimate(above, below)


def verdict(times_faster: Estimate) -> str | None:
    """Dice en palabras si el primero es más rápido; con una sola sesión no dice nada."""
    if times_faster.sessions < 2:
        return None
    if times_faster.low > 1:
        return "más rápido"
    return "más lento" if times_faster.high < 1 else "no se distingue"


def student(freedom: float) -> float:
    """Devuelve a cuántos errores típicos de la media llega el intervalo, según la `t` de Student.

    Con `t = √freedom · tan θ`, la densidad es `cos θ` elevado a `freedom - 1` (Abramowitz y Stegun,
    *Handbook of Mathematical Functions*, 1964, 26.7.3): se suma y se mira en qué ángulo se alcanza
    `CONFIDENCE`. Así valen también los grados de libertad de Welch, que no son enteros; al menos,
    uno.
    """
    angles = np.linspace(0, pi / 2, 4001)
    density = np.cos(angles) ** (freedom - 1)
    inside = np.append(0, np.cumsum(density[1:] + density[:-1]))
    return sqrt(freedom) * tan(np.interp(CONFIDENCE * inside[-1], inside, angles))


def _estimate(figures: Sequence[float], *others: Sequence[float]) -> Estimate:
    samples = [np.log(each) for each in (figures, *others)]
    first, *rest = [float(each.mean()) for each in samples]
    center = first - sum(rest)
    sessions = min(map(len, samples))
    if sessions < 2:
        return Estimate(exp(center), 0, inf, sessions)
    errors = [float(each.var(ddof=1)) / len(each) for each in samples]
    total, half = sum(errors), 0.0
    if total:  # los grados de libertad, según Welch; con un solo equipo, sus sesiones menos una
        pairs = zip(errors, samples, strict=True)
        freedom = total**2 / sum(error**2 / (len(each) - 1) for error, each in pairs)
        half = student(freedom) * sqrt(total)
    return Estimate(exp(center), exp(center - half), exp(center + half), sessions)
