import numpy as np
import pytest

from fashion_bench.experiments import scaling

LINK = scaling.Link(50e-6, 8e-9)
COMPUTE = scaling.Compute(2e-3, 1e-4)


def test_the_ring_sends_two_messages_per_neighbour_and_almost_twice_the_data() -> None:
    assert scaling.all_reduce_seconds(2, 1000, LINK) == pytest.approx(2 * 50e-6 + 1000 * 8e-9)
    assert scaling.all_reduce_seconds(4, 1000, LINK) == pytest.approx(6 * 50e-6 + 1500 * 8e-9)


def test_fitting_finds_the_link_that_made_the_measures() -> None:
    measured = {
        (workers, size): scaling.all_reduce_seconds(workers, size, LINK)
        for workers in (2, 4)
        for size in (4, 40_000, 1_700_000)
    }
    assert scaling.fit_link(measured) == pytest.approx(LINK)


@pytest.mark.parametrize("true", [scaling.Compute(2.5e-3, 3.2e-4), scaling.Compute(1e-3, 2e-5)])
def test_the_fit_finds_the_compute_in_noisy_times(true: scaling.Compute) -> None:
    """Diez medidas de cada tamaño, con un 3 % de ruido y una de ellas con el equipo perturbado."""
    random = np.random.default_rng(0)
    measured = {}
    for images in (2, 8, 32, 64, 128):
        noise = random.lognormal(sigma=0.03, size=10) * [3, *[1] * 9]
        measured[images] = float(
            np.median((true.fixed_seconds + true.seconds_per_image * images) * noise)
        )
    assert scaling.fit_compute(measured) == pytest.approx(true, rel=0.05)


def test_workers_without_a_place_wait_for_their_turn() -> None:
    assert scaling.taking_turns(COMPUTE, 2, 4) == COMPUTE
    assert scaling.taking_turns(COMPUTE, 4, 4) == COMPUTE
    assert scaling.taking_turns(COMPUTE, 6, 4) == pytest.approx((3e-3, 1.5e-4))


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ({1: 1.0, 2: 1.26, 4: 1.44, 8: 1.3}, "4 equipos: 1.4 veces"),
        ({8: 7.5, 1: 1.0}, "8 equipos (no se han probado más): 7.5 veces"),
        ({1: 1.0, 2: 0.8}, "no compensa"),
        ({1: 1.0, 2: 1.049}, "no compensa"),
    ],
)
def test_the_answer_is_the_one_of_the_numbers(gains: dict[int, float], told: str) -> None:
    assert told in scaling.describe_best(gains)


def test_of_two_equal_numbers_the_best_is_the_smallest() -> None:
    assert scaling.best_number({4: 2.0, 2: 2.0, 1: 1.0}) == 2


def test_nothing_takes_less_than_zero_seconds() -> None:
    fitted = scaling.fit_compute({64: 1e-3, 128: 4e-3})  # una recta negativa en cero
    assert fitted.fixed_seconds == 0
    assert 1e-3 / 64 < fitted.seconds_per_image < 4e-3 / 128
    fitted = scaling.fit_compute({64: 4e-3, 128: 1e-3})  # una recta que baja
    assert fitted.seconds_per_image == 0
    assert 1e-3 < fitted.fixed_seconds < 4e-3


def test_one_worker_does_not_use_the_link() -> None:
    assert scaling.step_seconds(1, 128, 1e6, COMPUTE, LINK) == pytest.approx(14.8e-3)


def test_with_a_fixed_batch_more_workers_end_up_being_slower() -> None:
    seconds = {
        workers: scaling.step_seconds(workers, 128, 1.7e6, COMPUTE, LINK) for workers in (1, 2, 64)
    }
    two = 2e-3 + 1e-4 * 64 + scaling.all_reduce_seconds(2, 1.7e6, LINK)
    assert seconds[2] == pytest.approx(two)
    assert seconds[64] > seconds[1]
