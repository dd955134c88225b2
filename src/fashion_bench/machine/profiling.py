"""Adónde se va el tiempo: lo que cuesta cada capa y lo que este equipo puede dar como mucho.

El modelo del techo (*roofline*) es de Williams, Waterman y Patterson (2009), «Roofline: an
insightful visual performance model for multicore architectures», CACM 52(4).
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil, prod
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

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


class Step(NamedTuple):
    """Una capa, con lo que le ha llegado y lo que ha salido de ella."""

    layer: keras.Layer
    inputs: tuple[Tensor, ...]
    options: dict[str, Any]
    outputs: Tensor
    inner: bool
    """Si está dentro de otra capa."""
    weights: int
    """Sus pesos; si ya ha pasado antes por ella, ninguno."""
    multiply_adds: int
    """Las multiplicaciones con suma, por imagen, de sus convoluciones y sus capas densas."""

    @property
    def name(self) -> str:
        """La clase de capa que es."""
        return type(self.layer).__name__

    @property
    def shape(self) -> tuple[int, ...]:
        """La forma de lo que sale, sin el lote; si sale más de una cosa, la de la primera."""
        return tuple(keras.tree.flatten(self.outputs)[0].shape[1:])

    @property
    def filters(self) -> np.ndarray | None:
        """Si es una convolución, sus filtros `(alto, ancho, canales, filtros)`."""
        if type(self.layer) is not keras.layers.Conv2D:
            return None
        return keras.ops.convert_to_numpy(self.layer.kernel).astype("float32")


def walk(model: keras.Model, images: np.ndarray | None = None) -> list[Step]:
    """Pasa unas imágenes por una red y devuelve sus capas, por el orden en que les llegan.

    Vale para cualquier red: una capa tras otra, con ramas, con redes dentro o escrita como clase.
    Sin `images`, que son un lote como los del entrenamiento, pasa una negra.
    """
    found: list[Step] = []
    counts: list[int] = []  # los productos de las capas en las que se está, de fuera adentro
    call = keras.Layer.__call__

    def watched(layer: keras.Layer, *inputs: Tensor, **options: object) -> Tensor:
        counts.append(0)
        outputs = call(layer, *inputs, **options)
        products = counts.pop() or _products(layer, outputs)
        if counts:  # no es la red entera
            counts[-1] += products
            repeated = any(step.layer is layer for step in found)
            weights = 0 if repeated else layer.count_params()
            found.append(Step(layer, inputs, options, outputs, len(counts) > 1, weights, products))
        return outputs

    if images is None:
        sides = getattr(model, "input_shape", (None, 28, 28, 1))[1:]
        images = np.zeros([1, *(side or 28 for side in sides)], "uint8")
    with patch.object(keras.Layer, "__call__", watched):
        model(keras.ops.convert_to_tensor(images), training=False)
    return found


def outer_layers(model: keras.Model, images: np.ndarray | None = None) -> list[Step]:
    """Las capas de una red, como las da `walk`, sin las que están dentro de otras."""
    return [step for step in walk(model, images) if not step.inner]


def deep_filter(model: keras.Model) -> tuple[tuple[int, ...], int, int] | None:
    """Busca la primera convolución a la que llegan varios mapas; `None` si no la hay.

    Devuelve la forma de lo que le llega, el lado de sus filtros y cuántos son.
    """
    for step in walk(model):
        if step.filters is not None:
            (side, other, channels, count), given = step.filters.shape, step.inputs[0].shape[1:]
            if 1 < channels == given[-1] and side == other:
                return tuple(given), side, count
    return None


def feature_maps(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Da los filtros de la primera convolución y el mapa que cada uno saca de la primera imagen.

    De un filtro que mira varios mapas da la media. Sin ninguna convolución, `None`.
    """
    for step in walk(model, images):
        if step.filters is not None:
            maps = keras.ops.convert_to_numpy(keras.ops.cast(step.outputs[0], "float32"))
            return step.filters.mean(axis=2), maps
    return None


def probabilities(model: keras.Model, images: object) -> np.ndarray:
    """Da las que la red asigna a cada clase, `(n, clases)`, acabe o no en softmax."""
    answers = np.asarray(model.predict(images, verbose=0), "float64")
    if (answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=0.02):
        return answers
    powers = np.exp(answers - answers.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


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


def layer_costs(model: keras.Model, images: np.ndarray, calls: int = 30) -> list[LayerCost]:
    """Mide cada capa por separado, `calls` veces, con la entrada que de verdad le llega.

    Descuenta lo que tarda en llamarse una función que no hace nada. La red no cambia; `images` es
    un lote `(n, 28, 28, 1)`, de 0 a 255. De una capa a la que le llegan varias cosas, como la que
    suma dos ramas, no se mide hacia atrás.
    """
    costs, trainable_before = [], False
    empty = partial(compiled(lambda one: one + 1), keras.ops.ones(1))
    for step in outer_layers(model, images):
        layer = step.layer
        outputs, forward, both = _functions(step, trainable_before)
        every: tuple[Callable[[], object], ...] = empty, forward, both or forward
        turns = dict(zip(("nada", "delante", "todo"), every, strict=True))
        _one_call(turns["todo"])
        repeats = max(1, ceil(ENOUGH_SECONDS / _one_call(turns["todo"])))
        timed = {name: partial(_one_call, each, repeats) for name, each in turns.items()}
        rounds = alternate(timed, 2 + calls)
        seconds = {name: median(each[2:]) for name, each in rounds.items()}  # dos para calentar
        moved = keras.tree.flatten((step.inputs, outputs, layer.weights))
        costs.append(
            LayerCost(
                layer.name,
                max(seconds["delante"] - seconds["nada"], 0),
                max(seconds["todo"] - seconds["delante"], 0) if both else 0,
                len(images) * _operations(step),
                sum(map(_bytes, moved)),
            )
        )
        trainable_before |= bool(layer.trainable_weights)
    return costs


def training_multiply_adds(model: keras.Model) -> int:
    """Cuenta las multiplicaciones con suma de entrenar con una imagen.

    Hacia atrás, cada capa con pesos hace otras tantas para el gradiente de los pesos y otras
    tantas para el de su entrada; la primera no necesita este último.
    """
    learning = [step for step in walk(model) if step.layer.trainable_weights]
    forward = sum(step.multiply_adds for step in learning if not step.inner)
    return 3 * forward - sum(step.multiply_adds for step in learning[:1])


def _products(layer: keras.Layer, outputs: Tensor) -> int:
    """Cuenta las multiplicaciones con suma de una convolución o una capa densa, por imagen."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    tables = [getattr(layer, name, None) for name in names]
    numbers = sum(prod(each.shape) for each in tables if isinstance(each, keras.Variable))
    return numbers and numbers * prod(keras.tree.flatten(outputs)[0].shape[1:-1])


def _one_call(function: Callable[[], object], repeats: int = 1) -> float:
    """Segundos de una llamada, hasta que el dispositivo termina; la media de varias seguidas."""
    start = perf_counter()
    for _ in range(repeats):
        result = function()
    finish(result)
    return (perf_counter() - start) / repeats


def _functions(step: Step, needs_input_gradient: bool) -> tuple[Tensor, Callable, Callable | None]:
    """Devuelve la salida de una capa y dos funciones: hacia delante, y hacia delante y atrás."""
    layer, options = step.layer, step.options | {"training": True}
    given = keras.tree.map_structure(keras.ops.stop_gradient, list(step.inputs))
    single = len(given) == 1 and not keras.tree.is_nested(given[0])
    values = given[0] if single else given
    weights, fixed = (
        [variable.value for variable in variables]
        for variables in (layer.trainable_variables, layer.non_trainable_variables)
    )
    variables = [*layer.trainable_variables, *layer.non_trainable_variables]

    def run(weights: list, values: Tensor, fixed: list) -> Tensor:
        state = zip(variables, [*weights, *fixed], strict=True)
        with keras.StatelessScope(state):
            return layer(*([values] if single else values), **options)

    forward = partial(compiled(run), weights, values, fixed)
    outputs = forward()
    if not single or not (weights or needs_input_gradient):
        return outputs, forward, None
    both = with_gradients(run, needs_input_gradient)
    return outputs, forward, partial(both, keras.ops.ones_like(outputs), weights, values, fixed)


def _bytes(values: Tensor) -> int:
    """Lo que ocupa un tensor."""
    return prod(values.shape) * np.dtype(keras.backend.standardize_dtype(values.dtype)).itemsize


def _operations(step: Step) -> int:
    if step.multiply_adds:
        return 2 * step.multiply_adds
    if isinstance(step.layer, keras.layers.MaxPooling2D):
        return prod(step.inputs[0].shape[1:])  # una comparación por valor
    if isinstance(step.layer, keras.layers.Rescaling | keras.layers.Dropout):
        return 2 * prod(step.shape)
    return 0
