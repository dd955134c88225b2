import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from fashion_bench import timing

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 10, 200, np.uint8)
SLEEP = 1.0
"""Segundos: mucho más de lo que dura una época de 200 imágenes."""


@pytest.fixture(autouse=True)
def default_policy() -> None:
    yield
    keras.config.set_dtype_policy("float32")


def build_model() -> keras.Model:
    """Red pequeña con azar dentro (Dropout), como la del cuaderno."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, dtype="float32"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=False)
    return model


def dataset(images: np.ndarray = IMAGES, labels: np.ndarray = LABELS) -> tf.data.Dataset:
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(200, seed=3)
        .batch(64)
        .with_options(options)
    )


def losses(warm: bool) -> list[float]:
    keras.utils.set_random_seed(1)
    model = build_model()
    if warm:
        timing.warm_up(model, dataset(IMAGES[:72], LABELS[:72]))
    return model.fit(dataset(), epochs=3, shuffle=False, verbose=0).history["loss"]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_training_after_a_warm_up_gives_the_same_losses(precision: str) -> None:
    keras.config.set_dtype_policy(precision)
    assert losses(warm=True) == losses(warm=False)


def test_warm_up_restores_every_variable_and_does_train_meanwhile() -> None:
    model = build_model()
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(variable) for variable in variables]
    seen = []
    model.fit = lambda *args, fit=model.fit, **kwargs: (
        fit(*args, **kwargs), seen.extend(np.array(variable) for variable in variables)
    )  # fmt: skip
    timing.warm_up(model, dataset())
    assert any(not np.array_equal(old, new) for old, new in zip(before, seen, strict=True))
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))


def test_warm_up_leaves_no_tracing_for_the_first_epoch() -> None:
    model = build_model()
    traces = []
    step = model.train_step
    model.train_step = lambda data: (traces.append(1), step(data))[1]
    timing.warm_up(model, dataset(IMAGES[:72], LABELS[:72]))
    traced = len(traces)
    assert traced > 0
    model.fit(dataset(), epochs=2, shuffle=False, verbose=0)
    assert len(traces) == traced


class Sleep(keras.callbacks.Callback):
    """Duerme al validar y al final de la época: nada de eso es entrenar."""

    def on_test_end(self, logs: dict | None = None) -> None:
        time.sleep(SLEEP)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        time.sleep(SLEEP)


@pytest.mark.parametrize("validate", [True, False])
def test_the_clock_counts_training_and_not_validation_nor_callbacks(validate: bool) -> None:
    model = build_model()
    timing.warm_up(model, dataset())
    clock = timing.EpochClock(images=200)
    start = time.perf_counter()
    model.fit(
        dataset(), validation_data=dataset() if validate else None, epochs=3, shuffle=False,
        verbose=0, callbacks=[clock, Sleep()],
    )  # fmt: skip
    whole = time.perf_counter() - start
    assert len(clock.epoch_seconds) == len(clock.validation_seconds) == 3
    assert all(0 < seconds < SLEEP for seconds in clock.epoch_seconds)
    assert clock.total_seconds == sum(clock.epoch_seconds)
    assert whole > 3 * SLEEP + clock.total_seconds
    if validate:
        assert min(clock.validation_seconds) > SLEEP
    else:
        assert max(clock.validation_seconds) < SLEEP


def test_the_clock_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "wait_for_device", lambda model: time.sleep(0.4))
    model = build_model()
    clock = timing.EpochClock(images=200)
    model.fit(dataset(), shuffle=False, verbose=0, callbacks=[clock])
    assert clock.total_seconds > 0.4


def test_one_spanish_line_an_epoch(capsys: pytest.CaptureFixture) -> None:
    clock = timing.EpochClock(images=200)
    build_model().fit(
        dataset(), validation_data=dataset(), epochs=2, shuffle=False, verbose=0,
        callbacks=[clock, timing.EpochLine(clock)],
    )  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Época 1/2: ")
    for word in (" s,", "imágenes/s", "pérdida", "exactitud", "validación"):
        assert word in lines[1]


@pytest.mark.parametrize("variable", ["JPY_SESSION_NAME", "FASHION_BENCH_PROGRESS", None])
def test_progress_is_written_over_only_when_somebody_looks(
    variable: str | None, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JPY_SESSION_NAME", "FASHION_BENCH_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(timing, "PROGRESS_SECONDS", 1e-9)
    clock = timing.EpochClock(images=200)
    build_model().fit(
        dataset(), validation_data=dataset(), shuffle=False, verbose=0,
        callbacks=[clock, timing.EpochLine(clock)],
    )  # fmt: skip
    *progress, line = capsys.readouterr().out.split("\r")
    assert line.startswith("Época 1/1: ")
    assert line.endswith("\n")
    assert "validación" in line
    assert progress == [] if variable is None else "imágenes/s, quedan" in progress[-1]
    assert all(len(text) < min(80, len(line)) and "\n" not in text for text in progress)


def test_final_line_is_the_median_of_the_sums() -> None:
    clocks = []
    for seconds in ([1.0, 2.0], [10.0, 20.0], [4.0, 1.005]):
        clock = timing.EpochClock(images=1)
        clock.epoch_seconds = seconds
        clocks.append(clock)
    assert timing.final_line(clocks[:1]) == "--- Entrenamiento finalizado en 3.00 segundos ---"
    assert timing.final_line(clocks) == "--- Entrenamiento finalizado en 5.00 segundos ---"
