import pytest

from fashion_bench.cluster import scaling

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


def test_fitting_finds_the_compute_that_made_the_measures() -> None:
    measured = {images: 2e-3 + 1e-4 * images for images in (32, 64, 128)}
    assert scaling.fit_compute(measured) == pytest.approx(COMPUTE)


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
