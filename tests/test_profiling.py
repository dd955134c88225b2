import keras
import numpy as np
import pytest
import tensorflow as tf

from fashion_bench.machine import profiling


@pytest.fixture
def model() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, padding="same", name="conv"),
            keras.layers.MaxPooling2D(name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="dense"),
        ]
    )


def test_multiply_adds_of_a_network(model: keras.Sequential) -> None:
    counts = [step.multiply_adds for step in profiling.walk(model)]
    assert counts == [0, 8 * 8 * 9 * 4, 0, 0, 64 * 10]
    assert profiling.training_multiply_adds(model) == 2 * 8 * 8 * 9 * 4 + 3 * 64 * 10


def test_the_cost_of_each_layer(model: keras.Sequential) -> None:
    before = model.get_weights()
    costs = profiling.layer_costs(model, np.zeros((16, 8, 8, 1), "uint8"))
    assert [cost.name for cost in costs] == [layer.name for layer in model.layers]
    assert all(cost.forward_seconds >= 0 <= cost.backward_seconds for cost in costs)
    assert costs[0].backward_seconds == 0  # nada que aprender, ni antes
    by_name = {cost.name: cost for cost in costs}
    assert by_name["conv"].operations == 2 * 16 * 8 * 8 * 9 * 4
    assert by_name["pool"].operations == 16 * 8 * 8 * 4
    assert by_name["pool"].bytes_moved == 4 * 16 * (8 * 8 * 4 + 4 * 4 * 4)
    assert by_name["dense"].bytes_moved == 4 * (16 * 64 + 16 * 10 + 64 * 10 + 10)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_what_a_call_costs_is_not_of_the_layer(
    model: keras.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ni cuentan las dos primeras rondas."""
    turns = {"nada": [9, 9, 1, 1, 2], "delante": [9, 9, 3, 3, 8], "todo": [9, 9, 7, 7, 8]}
    monkeypatch.setattr(profiling, "alternate", lambda functions, rounds: turns)
    rescaling, conv, *_ = profiling.layer_costs(model, np.zeros((16, 8, 8, 1), "uint8"))
    assert (rescaling.forward_seconds, rescaling.backward_seconds) == (2, 0)
    assert (conv.forward_seconds, conv.backward_seconds) == (2, 4)


def test_the_two_first_calls_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([90.0, 90.0, 1.0, 2.0, 6.0])
    monkeypatch.setattr(profiling, "_one_call", lambda function: next(seconds))
    assert profiling.seconds_per_call(lambda: tf.ones(1), 3) == 2


def test_turns_change_their_order_every_round() -> None:
    calls = []

    def named(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    seconds = profiling.alternate({"a": lambda: named("a"), "b": lambda: named("b")}, rounds=3)
    assert "".join(calls) == "abbaab"
    assert seconds == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert profiling.ratios(seconds["b"], seconds["a"]) == [0.75, 1.2, 2.0]
