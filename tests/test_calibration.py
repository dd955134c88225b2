"""La calibración, de verdad y en pequeño."""

import keras
import pytest

from fashion_bench.machine import calibration

BANDWIDTH_FLOATS = calibration.BANDWIDTH_FLOATS


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Todo en pequeño: se comprueba que mide, no cuánto."""
    for name, value in {"FIRST_SIDE": 64, "LAST_SIDE": 128, "BANDWIDTH_FLOATS": 2**16}.items():
        monkeypatch.setattr(calibration, name, value)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """De cada producto de matrices que se hace, el lado y el tipo de los números."""
    found = []
    matmul = keras.ops.matmul

    def spy(one: object, other: object) -> object:
        found.append((one.shape[0], keras.backend.standardize_dtype(one.dtype)))
        return matmul(one, other)

    monkeypatch.setattr(keras.ops, "matmul", spy)
    return found


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", "float32"), ("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")],
)
def test_its_four_numbers_are_possible(
    products: list[tuple[int, str]], precision: str, dtype: str
) -> None:
    found = calibration.calibrate(precision)
    assert 1e6 < found.float32_flops < 1e17
    assert 1e6 < found.precision_flops < 1e17
    assert 1e6 < found.bytes_per_second < 1e15
    assert 1e-8 < found.order_seconds < 0.1
    assert (found.precision_flops == found.float32_flops) == (precision == "float32")
    assert {used for _, used in products} == {"float32", dtype}


def test_operations_and_bytes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_best_seconds", lambda function, calls: 0.5)
    assert calibration.matmul_flops() == 2 * 64**3 / 0.5
    assert calibration.memory_bandwidth() == 12 * 2**16 / 0.5
    assert calibration.order_seconds() == 0.5 / calibration.ORDERS


def test_the_tables_do_not_fit_in_the_cache_of_a_home_computer() -> None:
    assert 4 * BANDWIDTH_FLOATS > 2**20 * 96  # el tercer nivel de un Ryzen 7 X3D


def test_matrices_grow_until_the_measure_lasts(
    products: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "LAST_SIDE", 512)
    seconds = iter([0.001, 0.02, 0.04, 0.5])  # 64 y 128 duran poco; 256, bastante; y la medida
    monkeypatch.setattr(calibration, "_best_seconds", lambda function, calls: next(seconds))
    assert calibration.matmul_flops() == 2 * 256**3 / 0.5
    assert products == [(side, "float32") for side in (64, 128, 256)]  # una vez sin medir


def test_the_best_of_several_measures_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waits = [0.0], iter([3.0, 1.0, 2.0])

    def finish(result: object) -> None:
        now[0] += next(waits)

    monkeypatch.setattr(calibration, "perf_counter", lambda: now[0])
    monkeypatch.setattr(calibration, "finish", finish)
    assert calibration._best_seconds(lambda: None, 3) == 1
