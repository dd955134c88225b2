"""Los intervalos: que contengan la verdad tan a menudo como dicen y callen cuando toca."""

from math import exp, sqrt

import numpy as np
import pytest

from fashion_bench.results import statistics
from fashion_bench.results.statistics import Estimate, Session

BETWEEN, WITHIN = 0.10, 0.02
"""Lo que cambia de una sesión a otra y, dentro de ella, de una época a otra."""


def sessions(
    generator: np.random.Generator, seconds: float, count: int, repeats: int = 1
) -> list[Session]:
    """Sesiones inventadas, de diez épocas por repetición."""
    found = []
    for _ in range(count):
        day = seconds * np.exp(generator.normal(0, BETWEEN))
        noise = np.exp(generator.normal(0, WITHIN, (repeats, 10)))
        found.append((day * noise).tolist())
    return found


@pytest.mark.parametrize("repeats", [1, 3])
def test_with_five_sessions_the_interval_covers_the_truth(
    monkeypatch: pytest.MonkeyPatch, repeats: int
) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    typical, estimates = statistics.typical_seconds, []

    def spy(each: list[Session]) -> Estimate:
        estimates.append(typical(each))
        return estimates[-1]

    monkeypatch.setattr(statistics, "typical_seconds", spy)
    generator = np.random.default_rng(3)
    machine = ratio = 0
    for _ in range(200):
        slow, fast = (sessions(generator, seconds, 5, repeats) for seconds in (8.0, 4.0))
        found = statistics.times_faster(fast, slow)
        ratio += found.low <= 2 <= found.high
        machine += estimates[-1].low <= 8 <= estimates[-1].high  # la del lento
    assert 180 <= machine <= 200
    assert 180 <= ratio <= 200


def test_two_equal_machines_are_seldom_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    generator = np.random.default_rng(4)
    told = [
        statistics.verdict(
            statistics.times_faster(sessions(generator, 8, 5), sessions(generator, 8, 5))
        )
        for _ in range(100)
    ]
    assert told.count("no se distingue") >= 90


def test_the_figure_is_the_geometric_mean_of_the_medians_of_the_sessions() -> None:
    found = statistics.typical_seconds([[[1.0, 1.0, 9.0]], [[4.0, 4.0], [4.0, 99.0]]])
    assert found.value == pytest.approx(2)
    assert found.low < 2 < found.high
    assert found.sessions == 2
    ratio = statistics.times_faster([[[2.0]], [[2.0]]], [[[8.0]], [[8.0]]])
    assert ratio[:3] == pytest.approx((4, 4, 4))


def test_the_interval_of_a_ratio_comes_from_both_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """La regla MOVER: en logaritmos, la hipotenusa de lo que se aparta cada uno."""
    fast = Estimate(2, 2 * exp(-0.8), 2 * exp(0.4), 5)
    slow = Estimate(8, 8 * exp(-0.3), 8 * exp(0.6), 3)
    found = iter([fast, slow])
    monkeypatch.setattr(statistics, "typical_seconds", lambda each: next(found))
    ratio = statistics.times_faster([], [])
    assert ratio == pytest.approx((4, 4 * exp(-0.5), 4 * exp(1), 3))


@pytest.mark.parametrize(
    ("ours", "verdict"), [(2.0, "más rápido"), (32.0, "más lento"), (8.1, "no se distingue")]
)
def test_a_verdict_in_words(ours: float, verdict: str) -> None:
    theirs = [[[7.8, 8.0]], [[8.0, 8.2]], [[8.4, 8.1]]]
    scaled = [[[second * ours / 8 for second in repeat] for repeat in each] for each in theirs]
    assert statistics.verdict(statistics.times_faster(scaled, theirs)) == verdict


def test_one_session_on_either_side_gives_no_verdict() -> None:
    one, several = [[[1.0, 1.01, 1.02]]], [[[8.0]], [[8.1]], [[8.2]]]
    for ours, theirs in ((one, several), (several, one), (one, one)):
        ratio = statistics.times_faster(ours, theirs)
        assert ratio.sessions == 1
        assert statistics.verdict(ratio) is None


def test_inside_one_session_the_interval_comes_from_its_epochs() -> None:
    calm = statistics.typical_seconds([[[1.0, 1.01, 0.99, 1.0]]])
    noisy = statistics.typical_seconds([[[1.0, 1.5, 0.7, 1.0]]])
    assert 0 < calm.high - calm.low < noisy.high - noisy.low
    assert calm.sessions == 1


def test_repeats_of_different_lengths_are_resampled_whole() -> None:
    found = statistics.typical_seconds([[[1.0] * 9, [1.0]], [[1.0]]])
    assert found[:3] == (1, 1, 1)


@pytest.mark.parametrize(
    ("sessions", "student"), [(2, 12.706), (6, 2.571), (13, 2.179), (31, 2.042)]
)
def test_few_sessions_widen_the_interval_as_student_says(sessions: int, student: float) -> None:
    """El factor de Hesterberg: el cuantil de la `t` y la varianza dividida entre uno menos."""
    expected = sqrt(sessions / (sessions - 1)) * student / 1.96
    assert statistics._widening(sessions) == pytest.approx(expected, rel=0.012)


def test_repeats_of_a_session_are_resampled() -> None:
    found = statistics.typical_seconds([[[1.0] * 5, [2.0] * 5]])
    assert (found.low, found.high) == (1, 2)


def test_more_sessions_narrow_the_interval() -> None:
    generator = np.random.default_rng(5)
    widths = []
    for count in (2, 5, 20):
        found = statistics.typical_seconds(sessions(generator, 8.0, count))
        widths.append(found.high / found.low)
    assert widths[0] > widths[1] > widths[2] > 1
