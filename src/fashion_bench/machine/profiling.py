"""Adónde se va el tiempo: lo que cuesta cada capa y lo que este equipo puede dar como mucho.

El modelo del techo (*roofline*) es de Williams, Waterman y Patterson (2009), «Roofline: an
insightful visual performance model for multicore architectures», CACM 52(4).
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil, prod
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeVar

import keras
import numpy as np
import tensorflow as tf

Measured = TypeVar("Measured")

ENOUGH_SECONDS = 0.002
"""Una medida de una capa que dura menos se hace con varias llamadas seguidas."""


class LayerCost(NamedTuple):
    """Lo que cuesta una capa con un lote."""

    name: str
    forward_seconds: float
    backward_seconds: float
    """Calcular los gradientes: los de sus pesos y, si hace falta, los de su entrada."""
    operations: float
    """Sumas y multiplicaciones hacia delante."""
    bytes_moved: float
    """Lo mínimo hacia delante: leer la entrada y los pesos y escribir la salida."""


def seconds_per_call(function: Callable[[], tf.Tensor], calls: int) -> float:
    """Da la mediana de lo que tarda una función hasta su resultado, sin dos primeras llamadas."""
    return median([_one_call(function) for _ in range(2 + calls)][2:])


def alternate(
    functions: Mapping[str, Callable[[], Measured]], rounds: int
) -> dict[str, list[Measured]]:
    """Llama a varias funciones por turnos, para que un mal momento del equipo les toque a todas.

    Una ronda va en un orden y la siguiente en el contrario. Devuelve lo que devuelve cada función,
    en el orden de las rondas.
    """
    measured: dict[str, list[Measured]] = {name: [] for name in functions}
    for number in range(rounds):
        for name in list(functions)[:: -1 if number % 2 else 1]:
            measured[name].append(functions[name]())
    return measured


def ratios(numerator: list[float], denominator: list[float]) -> list[float]:
    """Divide, ronda a ronda, lo que han tardado dos funciones, de menor a mayor cociente."""
    return sorted(a / b for a, b in zip(numerator, denominator, strict=True))


def layer_costs(model: keras.Sequential, images: np.ndarray, calls: int = 30) -> list[LayerCost]:
    """Mide cada capa por separado, `calls` veces, con la entrada que de verdad le llega.

    Descuenta lo que tarda en llamarse una función que no hace nada. La red no cambia; `images` es
    un lote `(n, 28, 28, 1)`, de 0 a 255.
    """
    costs, trainable_before = [], False
    values = tf.constant(images)
    one = tf.ones(1)
    empty = tf.function(lambda: one + 1)
    for layer in model.layers:
        outputs, forward, both = _functions(layer, values, trainable_before)
        turns = {"nada": empty, "delante": forward, "todo": both or forward}
        _one_call(turns["todo"])
        repeats = max(1, ceil(ENOUGH_SECONDS / _one_call(turns["todo"])))
        timed = {name: partial(_one_call, each, repeats) for name, each in turns.items()}
        rounds = alternate(timed, 2 + calls)
        seconds = {name: median(each[2:]) for name, each in rounds.items()}  # dos para calentar
        weights = sum(prod(weight.shape) for weight in layer.weights)
        size = outputs.dtype.size
        costs.append(
            LayerCost(
                layer.name,
                max(seconds["delante"] - seconds["nada"], 0),
                max(seconds["todo"] - seconds["delante"], 0) if both else 0,
                len(images) * _operations(layer),
                prod(values.shape) * values.dtype.size + (prod(outputs.shape) + weights) * size,
            )
        )
        trainable_before |= bool(layer.trainable_weights)
        values = outputs
    return costs


def training_multiply_adds(model: keras.Sequential) -> int:
    """Cuenta las multiplicaciones con suma de entrenar con una imagen.

    Hacia atrás, cada capa con pesos hace otras tantas para el gradiente de los pesos y otras
    tantas para el de su entrada; la primera no necesita este último.
    """
    forward = [multiply_adds(layer) for layer in model.layers if layer.trainable_weights]
    return 3 * sum(forward) - forward[0]


def multiply_adds(layer: keras.Layer) -> int:
    """Cuenta las multiplicaciones con suma de una convolución o una capa densa, por imagen."""
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return 0
    *places, _ = layer.output.shape[1:]
    return prod(places) * prod(layer.kernel.shape)


def _one_call(function: Callable[[], tf.Tensor | list[tf.Tensor]], repeats: int = 1) -> float:
    """Segundos de una llamada, hasta que el dispositivo termina; la media de varias seguidas.

    El dispositivo va por orden: basta con traer a memoria un valor del último resultado.
    """
    start = perf_counter()
    for _ in range(repeats):
        result = function()
    tf.reshape(tf.nest.flatten(result)[-1], [-1])[0].numpy()
    return (perf_counter() - start) / repeats


def _functions(
    layer: keras.Layer, values: tf.Tensor, needs_input_gradient: bool
) -> tuple[tf.Tensor, Callable, Callable | None]:
    """Devuelve la salida de una capa y dos funciones: hacia delante, y hacia delante y atrás."""
    outputs = layer(values, training=True)
    ones = tf.ones_like(outputs)
    forward = tf.function(lambda: layer(values, training=True))
    weights = [weight.value for weight in layer.trainable_weights]
    if not weights and not needs_input_gradient:
        return outputs, forward, None

    def both() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = layer(values, training=True)
        sources = [*weights, *([values] if needs_input_gradient else [])]
        # Si no se devolviera el resultado, TensorFlow se ahorraría calcularlo donde no hace falta.
        return [result, *tape.gradient(result, sources, output_gradients=ones)]

    return outputs, forward, tf.function(both)


def _operations(layer: keras.Layer) -> int:
    if macs := multiply_adds(layer):
        return 2 * macs
    if isinstance(layer, keras.layers.MaxPooling2D):
        return prod(layer.input.shape[1:])  # una comparación por valor
    if isinstance(layer, keras.layers.Rescaling | keras.layers.Dropout):
        return 2 * prod(layer.input.shape[1:])
    return 0
