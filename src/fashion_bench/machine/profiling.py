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

from fashion_bench.machine.compiling import Tensor, compiled, finish, with_gradients

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


def seconds_per_call(function: Callable[[], object], calls: int) -> float:
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
    values = keras.ops.convert_to_tensor(images)
    empty = partial(compiled(lambda one: one + 1), keras.ops.ones(1))
    for layer in model.layers:
        outputs, forward, both = _functions(layer, values, trainable_before)
        every: tuple[Callable[[], object], ...] = empty, forward, both or forward
        turns = dict(zip(("nada", "delante", "todo"), every, strict=True))
        _one_call(turns["todo"])
        repeats = max(1, ceil(ENOUGH_SECONDS / _one_call(turns["todo"])))
        timed = {name: partial(_one_call, each, repeats) for name, each in turns.items()}
        rounds = alternate(timed, 2 + calls)
        seconds = {name: median(each[2:]) for name, each in rounds.items()}  # dos para calentar
        weights = sum(_bytes(weight) for weight in layer.weights)
        costs.append(
            LayerCost(
                layer.name,
                max(seconds["delante"] - seconds["nada"], 0),
                max(seconds["todo"] - seconds["delante"], 0) if both else 0,
                len(images) * _operations(layer),
                _bytes(values) + _bytes(outputs) + weights,
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


def _one_call(function: Callable[[], object], repeats: int = 1) -> float:
    """Segundos de una llamada, hasta que el dispositivo termina; la media de varias seguidas."""
    start = perf_counter()
    for _ in range(repeats):
        result = function()
    finish(result)
    return (perf_counter() - start) / repeats


def _functions(
    layer: keras.Layer, values: Tensor, needs_input_gradient: bool
) -> tuple[Tensor, Callable, Callable | None]:
    """Devuelve la salida de una capa y dos funciones: hacia delante, y hacia delante y atrás."""
    weights, fixed = (
        [variable.value for variable in variables]
        for variables in (layer.trainable_variables, layer.non_trainable_variables)
    )
    variables = [*layer.trainable_variables, *layer.non_trainable_variables]

    def run(weights: list, values: Tensor, fixed: list) -> Tensor:
        state = zip(variables, [*weights, *fixed], strict=True)
        with keras.StatelessScope(state):
            return layer(values, training=True)

    forward = partial(compiled(run), weights, values, fixed)
    outputs = forward()
    if not weights and not needs_input_gradient:
        return outputs, forward, None
    both = with_gradients(run, needs_input_gradient)
    return outputs, forward, partial(both, keras.ops.ones_like(outputs), weights, values, fixed)


def _bytes(values: Tensor) -> int:
    """Lo que ocupa un tensor."""
    return prod(values.shape) * np.dtype(keras.backend.standardize_dtype(values.dtype)).itemsize


def _operations(layer: keras.Layer) -> int:
    if macs := multiply_adds(layer):
        return 2 * macs
    if isinstance(layer, keras.layers.MaxPooling2D):
        return prod(layer.input.shape[1:])  # una comparación por valor
    if isinstance(layer, keras.layers.Rescaling | keras.layers.Dropout):
        return 2 * prod(layer.input.shape[1:])
    return 0
