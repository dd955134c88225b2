import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import child_environment
from keras import layers, ops
from test_backends import BACKENDS

from fashion_bench import data
from fashion_bench.errors import TutorialError
from fashion_bench.machine import correctness
from fashion_bench.record import Agreement

[(ALL_IMAGES, ALL_LABELS), _] = data.load()
IMAGES, LABELS = ALL_IMAGES[:64, ..., np.newaxis], ALL_LABELS[:64]
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

Tables = list[Any]
"""Tensores del motor con el que se prueba."""


@pytest.fixture(params=["float32", "mixed_bfloat16", "mixed_float16"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    """Preparar cada paso, para darlo tres veces, tarda más que darlos."""
    if keras.backend.backend() == "jax":
        import jax

        with jax.disable_jit():
            yield
        return
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def build_model(*more: keras.Layer) -> keras.Model:
    """La red del curso, en pequeño, con otras capas detrás de la entrada si se piden."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            layers.Rescaling(1 / 255),
            *more,
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(10, dtype="float32"),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(0.002, 100)
    model.compile(keras.optimizers.Adam(rate), LOSS)
    return model


# --- Lo que está bien ---


def test_the_same_device_agrees_and_the_model_does_not_change(precision: str) -> None:
    model = build_model()
    before = model.get_weights()
    result = correctness.agreement(model, IMAGES, LABELS, "cpu", precision)
    assert result.ok
    assert result.update_difference < 1e-5
    assert (result.gradient_difference < 1e-5) == (precision == "float32")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_chance_and_batch_normalization_are_no_faults(precision: str) -> None:
    chance = keras.Sequential([layers.RandomFlip(), layers.GaussianNoise(0.1)])
    model = build_model(chance, layers.Conv2D(8, 3), layers.BatchNormalization())
    result = correctness.agreement(model, IMAGES, LABELS, "cpu", precision)
    assert result.ok, result


def test_the_steps_are_those_of_the_optimizer() -> None:
    model = build_model()
    model.layers[-2].rate = 0.0
    first, _, last = correctness.training_steps(model, IMAGES, LABELS, "cpu", "float32")
    with tf.GradientTape() as tape:
        loss = LOSS(LABELS, model(IMAGES))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
    assert first.loss[0] == pytest.approx(float(loss), rel=1e-6)
    for size in (64, 33, 64):
        model.train_on_batch(IMAGES[-size:], LABELS[-size:])
    for index, (gradient, weight) in enumerate(zip(gradients, model.get_weights(), strict=True)):
        np.testing.assert_allclose(first.gradients[index], gradient, atol=1e-5)
        np.testing.assert_allclose(last.start[index] + last.changes[index], weight, atol=1e-5)


def test_the_cpu_follows_the_steps_in_float32(precision: str) -> None:
    with mock.patch.object(
        correctness, "training_steps", wraps=correctness.training_steps
    ) as steps:
        correctness.agreement(build_model(), IMAGES, LABELS, "cpu:0", precision)
    [tried, right] = [call.args[3:] for call in steps.call_args_list]
    assert tried == ("cpu:0", precision)
    assert right[:2] == ("cpu", "float32")
    assert len(right[2]) == 3


def test_small_gradients_are_scaled_only_with_float16(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    scaled = mock.Mock(wraps=keras.optimizers.LossScaleOptimizer)
    monkeypatch.setattr(keras.optimizers, "LossScaleOptimizer", scaled)
    correctness.training_steps(build_model(), IMAGES, LABELS, "cpu", precision)
    assert scaled.called == (precision == "mixed_float16")


def step(loss: float, gradients: list[float], changes: list[float]) -> correctness.Step:
    """Un paso de tablas de un solo número."""
    tables = [[np.array(number) for number in each] for each in ([loss], gradients, changes)]
    return correctness.Step([], *tables)


def test_the_largest_relative_difference_counts() -> None:
    right = [step(2.0, [4.0, 0.1, 1e-6], [2.0, 0.0])] * 2
    found = [right[0], step(2.5, [4.0, 0.12, 0.4], [2.0, 0.0])]
    result = correctness.compare(right, found, "float32")
    assert result.loss_difference == pytest.approx(0.25)
    assert result.gradient_difference == pytest.approx(0.2)  # lo que era cero, entre 4: 0.1
    assert result.update_difference == 0
    found[1] = step(np.nan, [4.0, np.inf, 0.0], [2.0, 1e-9])
    result = correctness.compare(right, found, "float32")
    assert not any(value for name, value in result if name != "precision")


# --- Los fallos: cada uno estropea un entrenamiento en la CPU como el de una GPU ---


def second_half(table: Any) -> np.ndarray:  # noqa: ANN401
    size = int(np.prod(table.shape))
    return (np.arange(size) >= size // 2).reshape(table.shape)


GRADIENTS: dict[str, Callable[[Tables, Any], dict[int, Any]]] = {
    "mil veces mayores en el segundo lote (pytorch#177116)": lambda g, step: {
        index: ops.where(step == 1, 1000 * each, each) for index, each in enumerate(g)
    },
    "una tabla grande, mal desde la mitad (pytorch#96225)": lambda g, step: {
        4: g[4] * ~second_half(g[4])
    },
    "los de unos filtros, en otros": lambda g, step: {2: ops.roll(g[2], 1, -1)},
    "los de una convolución, traspuestos": lambda g, step: {2: ops.transpose(g[2], (1, 0, 2, 3))},
    "los pequeños desaparecen": lambda g, step: {
        index: ops.where(ops.abs(each) < ops.mean(ops.abs(each)), 0, each)
        for index, each in enumerate(g)
    },
}
"""Qué gradientes cambian, si ya se han dado `step` pasos."""

STATES: dict[str, Callable[[Tables, Tables, Any], dict[int, Any]]] = {
    "la actualización, traspuesta (pytorch#118115)": lambda old, new, step: {
        4: old[4] + ops.reshape(ops.transpose(new[4] - old[4]), old[4].shape)
    },
    "la actualización, con otro signo": lambda old, new, step: {5: 2 * old[5] - new[5]},
    "sin dividir entre la raíz de la media": lambda old, new, step: {
        4: old[4] + (new[4] - old[4]) * ops.sqrt(new[20] / ops.mean(new[20]))
    },
    "aprende una décima parte menos (tf-keras#140)": lambda old, new, step: {
        index: 0.1 * old[index] + 0.9 * new[index] for index in range(8)
    },
    "la primera capa no cambia": lambda old, new, step: {0: old[0], 1: old[1]},
    "los sesgos no cambian": lambda old, new, step: {i: old[i] for i in (1, 3, 5, 7)},
    "en el tercer paso, tablas aún sin escribir": lambda old, new, step: {
        i: ops.where(
            step == 2,
            old[i]
            + (new[i] - old[i])
            * ops.nan_to_num(old[8 + i] / new[8 + i] * ops.sqrt(new[16 + i] / old[16 + i])),
            new[i],
        )
        for i in range(8)
    },
    "una tabla a medio escribir": lambda old, new, step: {
        12: ops.where(second_half(old[12]), old[12], new[12])
    },
    "un NaN en una tabla": lambda old, new, step: {
        20: ops.where(np.arange(new[20].shape[1]) == 3, np.nan, new[20])
    },
    "dos tablas, una en el sitio de la otra": lambda old, new, step: {12: new[20], 20: new[12]},
}
"""Qué tablas cambian después del paso: de 0 a 7, las de pesos; de 8 a 15 y de 16 a 23, las medias
de Adam, de los gradientes y de sus cuadrados."""


def summed(labels: Any, logits: Any) -> Any:  # noqa: ANN401
    """La pérdida, que en el lote pequeño se suma en lugar de promediarse."""
    count = ops.shape(labels)[0]
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return losses * ops.where(count == len(LABELS), 1.0, ops.cast(count, "float32"))


def not_a_number(labels: Any, logits: Any) -> Any:  # noqa: ANN401
    return np.nan * LOSS(labels, logits)


LOSSES = {"la pérdida, sumada en el segundo lote": summed, "la pérdida, NaN": not_a_number}


def wrong_steps(fault: str, model: keras.Model, *sample: Any) -> list[correctness.Step]:  # noqa: ANN401
    """Tres pasos dados con ese fallo."""

    class Wrong(correctness.Recording):
        def apply(self, grads: Tables, trainable_variables: Tables | None = None) -> None:
            step = self.iterations + 0
            tables = [*self._trainable_variables, *self._momentums, *self._velocities]
            old = [ops.copy(table) for table in tables]
            wrong = GRADIENTS.get(fault, lambda *_: {})(grads, step)
            grads = [wrong.get(index, gradient) for index, gradient in enumerate(grads)]
            super().apply(grads, trainable_variables)
            new = [ops.copy(table) for table in tables]
            for index, value in STATES.get(fault, lambda *_: {})(old, new, step).items():
                tables[index].assign(value)

    with (
        mock.patch.object(correctness, "Recording", Wrong),
        mock.patch.object(model, "loss", LOSSES.get(fault, LOSS)),
    ):
        return correctness.training_steps(model, *sample)


@pytest.mark.parametrize("fault", [*GRADIENTS, *STATES, *LOSSES])
def test_a_fault_is_found_out(fault: str, precision: str) -> None:
    model = build_model()
    found = wrong_steps(fault, model, IMAGES, LABELS, "cpu", precision)
    right = correctness.training_steps(model, IMAGES, LABELS, "cpu", "float32", found)
    result = correctness.compare(right, found, precision)
    assert not result.ok, result


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_the_other_engines_are_found_out_too(backend: str) -> None:
    code = "import sys, keras, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    chosen = ["-qW", "ignore", "-k", "agrees or (fault and float32)", "-p", "no:cacheprovider"]
    subprocess.run(
        [sys.executable, "-c", code, __file__, *chosen],
        check=True,
        env=child_environment(KERAS_BACKEND=backend, TF_ENABLE_ONEDNN_OPTS="1"),
    )


# --- Lo que se cuenta ---


def test_what_is_said() -> None:
    told = {"precision": "float32", "loss_difference": 0, "gradient_difference": 0.02}
    right = Agreement(update_difference=0.0, **told)
    assert correctness.describe(right).startswith("La GPU calcula lo mismo que la CPU")
    for wrong in (0.02, None):
        sentence = correctness.describe(Agreement(update_difference=wrong, **told))
        assert "\x1b[31m" in sentence
        assert "NO calcula lo mismo" in sentence
        assert "no cuenta" in sentence
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
    monkeypatch.setattr(correctness, "training_steps", mock.Mock(side_effect=error))
    with pytest.raises(TutorialError) as raised:
        correctness.agreement(build_model(), IMAGES, LABELS, "gpu:0", "float32")
    assert told in str(raised.value)
    assert "device='cpu'" in str(raised.value)
