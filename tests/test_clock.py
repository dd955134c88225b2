from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends
from fashion_bench.machine.hardware import CardWatcher
from fashion_bench.measure import clock as clocks
from fashion_bench.measure import surroundings
from fashion_bench.record import GpuState

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 10, 200, np.uint8)


@pytest.fixture(autouse=True)
def default_policy() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """La hora, de mentira: solo pasa cuando alguien la cambia."""
    hour = [0.0]
    monkeypatch.setattr(clocks, "perf_counter", lambda: hour[0])
    return hour


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
        clocks.warm_up(model, dataset(IMAGES[:72], LABELS[:72]))
    return model.fit(dataset(), epochs=3, shuffle=False, verbose=0).history["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_training_after_a_warm_up_gives_the_same_losses(precision: str) -> None:
    keras.config.set_dtype_policy(precision)
    assert losses(warm=True) == losses(warm=False)


def test_warm_up_restores_every_variable_and_does_train_meanwhile(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Aunque el motor no copie al dar un peso, como PyTorch y JAX; y espera al dispositivo."""
    model = build_model()
    views: list[np.ndarray] = []

    def view(variable: keras.Variable) -> np.ndarray:
        views.append(np.array(variable))
        return views[-1]

    def wait(model: keras.Model) -> None:
        now[0] += 5

    monkeypatch.setattr(keras.ops, "convert_to_numpy", view)
    monkeypatch.setattr(clocks, "wait_for_device", wait)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(variable) for variable in variables]
    seen: list[np.ndarray] = []
    steps: list[int] = []
    fit = model.fit

    def spy(*args: object, **kwargs: object) -> None:
        fit(*args, **kwargs)
        now[0] += 3
        for each in views:
            each.fill(7)
        seen.extend(np.array(variable) for variable in variables)
        steps.append(int(np.array(model.optimizer.iterations)))

    model.fit = spy
    assert clocks.warm_up(model, dataset()) == 3 + 5
    assert steps == [4]  # todos los lotes: el último es menor
    assert any(not np.array_equal(old, new) for old, new in zip(before, seen, strict=True))
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))


def test_warm_up_leaves_no_tracing_for_the_first_epoch() -> None:
    model = build_model()
    traces = []
    step = model.train_step

    def traced_step(data: object) -> object:
        traces.append(1)
        return step(data)

    model.train_step = traced_step
    clocks.warm_up(model, dataset(IMAGES[:72], LABELS[:72]))
    traced = len(traces)
    assert traced > 0
    model.fit(dataset(), epochs=2, shuffle=False, verbose=0)
    assert len(traces) == traced


class Slow(keras.callbacks.Callback):
    """Cada lote de entrenamiento dura un segundo; cada uno de validación, 10; acabar, 100."""

    def __init__(self, now: list[float]) -> None:
        super().__init__()
        self.now = now

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.now[0] += 1

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.now[0] += 10

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.now[0] += 100


@pytest.mark.parametrize("validate", [True, False])
def test_the_clock_counts_training_and_not_validation_nor_callbacks(
    now: list[float], validate: bool
) -> None:
    clock = clocks.EpochClock(images=200)
    build_model().fit(
        dataset(),
        validation_data=dataset() if validate else None,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[clock, Slow(now)],
    )
    assert clock.epoch_seconds == [4, 4]
    assert clock.validation_seconds == ([40, 40] if validate else [0, 0])
    assert clock.total_seconds == 8


def test_the_clock_waits_for_the_device(monkeypatch: pytest.MonkeyPatch, now: list[float]) -> None:
    def wait(model: keras.Model) -> None:
        now[0] += 5

    monkeypatch.setattr(clocks, "wait_for_device", wait)
    clock = clocks.EpochClock(images=200)
    build_model().fit(dataset(), epochs=2, shuffle=False, verbose=0, callbacks=[clock])
    assert clock.epoch_seconds == [5, 5]


def test_every_epoch_counts_only_its_own_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    """El contador sigue desde que arrancó el equipo: hay que restar, época a época."""
    readings = iter([1000.0, 1030.0, 5000.0, 5050.0])  # entre época y época, la validación gasta
    monkeypatch.setattr(CardWatcher, "joules", lambda self: next(readings))
    clock = clocks.EpochClock(images=200)
    build_model().fit(
        dataset(), validation_data=dataset(), epochs=2, shuffle=False, verbose=0, callbacks=[clock]
    )
    assert clock.energy_joules == 80


def test_every_epoch_tells_what_happened_meanwhile_outside_the_clock(
    monkeypatch: pytest.MonkeyPatch, now: list[float]
) -> None:
    """Mirar lo que pasa tarda un segundo, en el que este programa calcula sin parar."""

    def look() -> surroundings.Snapshot:
        now[0] += 1
        return surroundings.Snapshot(now[0], now[0], None, None, 0)

    monkeypatch.setattr(surroundings, "snapshot", look)
    hot = GpuState(clock_mhz=1800, temperature_c=80, slowed_by=None, other_programs=0)
    monkeypatch.setattr(CardWatcher, "state", lambda self: hot)
    clock = clocks.EpochClock(images=200)
    build_model().fit(dataset(), epochs=2, shuffle=False, verbose=0, callbacks=[clock])
    assert clock.epoch_seconds == [0, 0]
    assert [around.own_cpu_seconds for around in clock.surroundings] == [1, 1]
    assert [around.gpu for around in clock.surroundings] == [hot, hot]


def test_the_meter_is_that_of_the_gpu_that_has_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(backends, "accelerator_of", lambda model: f"la de {model.name}")

    def watch(gpu: str) -> CardWatcher:
        asked.append(gpu)
        return CardWatcher(None)

    monkeypatch.setattr(clocks, "CardWatcher", watch)
    model, clock = build_model(), clocks.EpochClock(images=200)
    model.fit(dataset(), shuffle=False, verbose=0, callbacks=[clock])
    assert asked[-1] == f"la de {model.name}"
    assert clock.energy_joules is None


def test_a_batch_that_does_not_fit_is_told_while_warming_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = build_model()

    def full(*_: object, **__: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(model, "fit", full)
    with pytest.raises(TutorialError, match=r"^El lote de 64 .* no cabe .* batch_size=32"):
        clocks.warm_up(model, dataset())
