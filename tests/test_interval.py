"""Los intervalos: que contengan la verdad tan a menudo como dicen y callen cuando toca."""

from math import exp, inf, sqrt

import numpy as np
import pytest

from fashion_bench.compare import interval
from fashion_bench.compare.interval import Estimate

BETWEEN, WITHIN = 0.10, 0.02
"""Lo que cambia de una sesión a otra y, dentro de ella, de una época a otra."""


def sessions(generator: np.random.Generator, seconds: float, count: int) -> list[float]:
    """Las medianas de sesiones inventadas, de diez épocas cada una."""
    days = generator.normal(0, BETWEEN, (count, 1))
    epochs = seconds * np.exp(days + generator.normal(0, WITHIN, (count, 10)))
    medians: list[float] = np.median(epochs, axis=1).tolist()
    return medians


@pytest.mark.parametrize("count", [3, 5, 9])
def test_the_interval_covers_the_truth_as_often_as_it_says(count: int) -> None:
    generator = np.random.default_rng(count)
    trials = 1000
    machine = ratio = 0
    for _ in range(trials):
        slow, fast = (sessions(generator, seconds, count) for seconds in (8.0, 4.0))
        found = interval.typical(slow)
        machine += found.low <= 8 <= found.high
        found = interval.quotient(slow, fast)
        ratio += found.low <= 2 <= found.high
    assert 0.93 <= machine / trials <= 0.97
    assert 0.93 <= ratio / trials <= 0.97


@pytest.mark.parametrize("count", [3, 9])
def test_two_equal_machines_get_a_verdict_at_most_once_in_twenty(count: int) -> None:
    generator = np.random.default_rng(count)
    told = [
        interval.verdict(
            interval.quotient(sessions(generator, 8, count), sessions(generator, 8, count))
        )
        for _ in range(2000)
    ]
    assert 0.02 <= 1 - told.count("no se distingue") / len(told) <= 0.05


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [
        (1, 12.7062),
        (1.5, 6.0167),
        (2.7, 3.39215),
        (9, 2.26216),
        (2000, 1.96115),
    ],
)
def test_the_quantile_is_that_of_student(freedom: float, quantile: float) -> None:
    """Las cifras son de SciPy 1.17.1: `scipy.stats.t.ppf(0.975, freedom)`."""
    assert interval.student(freedom) == pytest.approx(quantile, rel=1e-4)


def test_the_figure_is_a_geometric_mean_with_the_interval_of_student() -> None:
    found = interval.typical([1.0, 4.0])
    width = 12.7062 * np.std(np.log([1.0, 4.0]), ddof=1) / sqrt(2)
    assert found == pytest.approx((2, 2 * np.exp(-width), 2 * np.exp(width), 2), rel=1e-4)


def test_a_quotient_has_the_interval_of_welch() -> None:
    """Con logaritmos de desviaciones 2 y 1, de dos y tres sesiones, a mano."""
    above, below = [exp(1), exp(1 + 2 * sqrt(2))], [1, exp(1), exp(2)]
    freedom = (2 + 1 / 3) ** 2 / (2**2 / 1 + (1 / 3) ** 2 / 2)
    width = interval.student(freedom) * sqrt(2 + 1 / 3)
    center = sqrt(2)
    found = interval.quotient(above, below)
    assert np.log(found[:3]) == pytest.approx([center, center - width, center + width])
    assert found.sessions == 2
    assert interval.quotient(below, above)[:3] == pytest.approx(
        (1 / found.value, 1 / found.high, 1 / found.low)
    )


def test_sessions_that_never_change_leave_no_doubt() -> None:
    assert interval.typical([2.0, 2.0, 2.0]) == (2, 2, 2, 3)
    assert interval.quotient([8.0] * 3, [2.0] * 3) == pytest.approx((4, 4, 4, 3))


def test_one_session_says_nothing_of_the_others() -> None:
    assert interval.typical([2.0]) == (2, 0, inf, 1)
    for above, below in (([8.0], [2.0, 2.0]), ([8.0, 8.0], [2.0]), ([8.0], [2.0])):
        ratio = interval.quotient(above, below)
        assert ratio == pytest.approx((4, 0, inf, 1))
        assert interval.verdict(ratio) is None


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1.01, 1.2, "más rápido"),
        (0.8, 0.99, "más lento"),
        (0.9, 1.1, "no se distingue"),
        (1.0, 1.1, "no se distingue"),
        (0.9, 1.0, "no se distingue"),
    ],
)
def test_a_verdict_in_words(low: float, high: float, told: str) -> None:
    assert interval.verdict(Estimate((low + high) / 2, low, high, 2)) == told
