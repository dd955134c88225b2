from collections.abc import Iterator
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from fashion_bench.errors import TutorialError
from fashion_bench.machine import correctness
from fashion_bench.record import TOLERANCE

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 28, 28, 1), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 10, 32, np.uint8)


@pytest.fixture(params=["float32", "mixed_bfloat16", "mixed_float16"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def build_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(10, dtype="float32"),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_the_same_device_agrees_and_the_model_does_not_change(precision: str) -> None:
    model = build_model()
    before = model.get_weights()
    result = correctness.agreement(model, IMAGES, LABELS, "cpu", precision)
    assert result.ok
    assert result.tolerance == TOLERANCE[precision]
    assert result.loss_difference <= result.tolerance
    assert result.gradient_difference <= result.tolerance
    if precision == "float32":
        assert result.gradient_difference < 1e-6
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_step_is_the_gradient() -> None:
    model = build_model()
    loss, gradients = correctness.training_step(model, IMAGES, LABELS, "cpu", "float32")
    with tf.GradientTape() as tape:
        expected_loss = model.loss(LABELS, model(IMAGES, training=False))
    expected = tape.gradient(expected_loss, [v.value for v in model.trainable_variables])
    assert loss == pytest.approx(float(expected_loss), rel=1e-6)
    for found, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_reference_is_the_cpu_in_float32(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    steps = []

    def step(*arguments: object) -> correctness.Step:
        steps.append(arguments[3:])
        return 1.0, [np.ones(2)]

    monkeypatch.setattr(correctness, "training_step", step)
    correctness.agreement(build_model(), IMAGES, LABELS, "gpu:0", precision)
    assert steps == [("cpu", "float32"), ("gpu:0", precision)]


def test_small_gradients_are_scaled_only_with_float16(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    scaled = mock.Mock(wraps=keras.optimizers.LossScaleOptimizer)
    monkeypatch.setattr(keras.optimizers, "LossScaleOptimizer", scaled)
    correctness.training_step(build_model(), IMAGES, LABELS, "cpu", precision)
    assert scaled.called == (precision == "mixed_float16")


def test_differences_are_relative_and_of_the_gradients_the_largest_counts() -> None:
    right = (2.0, [np.array([3.0, 4.0]), np.array([0.1])])
    found = correctness.compare(right, (2.5, [np.array([3.0, 4.5]), np.array([0.12])]), "float32")
    assert found.loss_difference == pytest.approx(0.25)
    assert found.gradient_difference == pytest.approx(0.2)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda loss, gradients: (loss * 1.5, gradients),
        lambda loss, gradients: (loss, [gradients[0] * 0, *gradients[1:]]),
        lambda loss, gradients: (loss, [*gradients[:-1], -gradients[-1]]),
        lambda loss, gradients: (float("nan"), gradients),
        lambda loss, gradients: (loss, [gradients[0] * np.inf, *gradients[1:]]),
    ],
    ids=["pérdida", "gradiente nulo", "signo", "NaN", "infinito"],
)
def test_a_wrong_device_is_found_out(spoil: object, precision: str) -> None:
    model = build_model()
    right = correctness.training_step(model, IMAGES, LABELS, "cpu", "float32")
    result = correctness.compare(right, spoil(*right), precision)
    assert not result.ok
    sentence = correctness.describe(result)
    assert "\x1b[31m" in sentence
    assert "NO calcula lo mismo" in sentence
    assert "no cuenta" in sentence


def test_what_is_said_when_it_is_right_or_not_needed() -> None:
    model = build_model()
    result = correctness.agreement(model, IMAGES, LABELS, "cpu", "float32")
    assert correctness.describe(result).startswith("La GPU calcula lo mismo que la CPU")
    assert "no hay nada que comparar" in correctness.describe(None)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            tf.errors.InternalError(None, None, "DNN library initialization failed.\nmás"),
            "un paso de entrenamiento falla en ella («DNN library initialization failed.»)",
        ),
        (RuntimeError("CUDA error: no kernel image is available"), "no kernel image is available"),
        (
            RuntimeError("MPS backend out of memory"),
            "no cabe en su memoria: cierra otros programas",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "failed to allocate"),
            "no cabe en su memoria",
        ),
    ],
)
def test_a_gpu_that_does_not_compute_is_told_in_spanish(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def step(*arguments: object) -> correctness.Step:
        if arguments[3] == "cpu":
            return 1.0, [np.ones(2)]
        raise error

    monkeypatch.setattr(correctness, "training_step", step)
    with pytest.raises(TutorialError) as raised:
        correctness.agreement(build_model(), IMAGES, LABELS, "gpu:0", "float32")
    assert told in str(raised.value)
    assert "device='cpu'" in str(raised.value)
