"""Lo que pide un paso de entrenamiento y los números del dispositivo que lo da.

Con las dos cosas, la fórmula del cuaderno 02 predice cuánto tarda. Los límites de cálculo y de
memoria son los del techo (*roofline*) de Williams, Waterman y Patterson (2009), CACM 52(4).
"""

from functools import partial
from math import prod
from time import perf_counter
from typing import NamedTuple

import keras

from fashion_bench.machine import calibration
from fashion_bench.machine.compiling import Tensor, compiled, finish
from fashion_bench.machine.profiling import training_multiply_adds

FLOAT_BYTES = 4
GRAPH_ORDERS, ORDER_CALLS = 200, 12

ADAM_TABLES = {"tensorflow": 30, "torch": 24, "jax": 7}
"""Tablas como los pesos que lee o escribe Adam, según en cuántas operaciones lo parte cada motor.

JAX las junta todas: lee los pesos, el gradiente y sus dos tablas, y escribe las tres que cambian.
"""


class Device(NamedTuple):
    """Un dispositivo, con los números que deciden lo que tarda."""

    name: str
    idle_seconds: float
    """Lo que cuesta dar un paso con una red que no hace casi nada."""
    order_seconds: float
    """Lo que cuesta cada petición dentro de un paso ya trazado."""
    flops: float
    """Operaciones por segundo de un producto de matrices en `float32`."""
    bytes_per_second: float


class Work(NamedTuple):
    """Lo que pide un paso: una parte, por cada imagen; otra, sean las que sean."""

    orders: float
    operations: float
    """Sumas y multiplicaciones por imagen, hacia delante y hacia atrás."""
    bytes_moved: float
    """Bytes de las tablas que entran y salen de las capas, por imagen."""
    weight_bytes: float
    """Bytes que el optimizador lee y escribe para cambiar los pesos."""


def measure(name: str, idle_seconds: float) -> Device:
    """Mide un dispositivo, el que esté elegido con `keras.device`; el paso vacío se da medido."""
    flops, bandwidth = calibration.matmul_flops(), calibration.memory_bandwidth()
    return Device(name, idle_seconds, graph_order_seconds(), flops, bandwidth)


def graph_order_seconds() -> float:
    """Mide lo que cuesta una petición dentro de un paso ya trazado.

    Es una cadena de productos de matrices diminutas: cada uno espera al anterior, y el motor no
    puede juntar varios en uno, como hace con sumas o senos seguidos.
    """
    small = keras.ops.eye(8)

    def multiply(orders: int, value: Tensor, other: Tensor) -> Tensor:
        for _ in range(orders):
            value = keras.ops.matmul(value, other)
        return value

    def best(orders: int) -> float:
        chain, seconds = compiled(partial(multiply, orders)), []
        for _ in range(ORDER_CALLS):
            start = perf_counter()
            finish(chain(small, small))
            seconds.append(perf_counter() - start)
        return min(seconds[2:])

    # La diferencia quita lo que cuesta llamar a la función, sea cual sea.
    return max(0.0, best(5 * GRAPH_ORDERS) - best(GRAPH_ORDERS)) / (4 * GRAPH_ORDERS)


def work(model: keras.Model, orders: int, backend: str) -> Work:
    """Cuenta lo que pide un paso de una red con Adam en un motor, con esas peticiones.

    Los bytes son los de las tablas que entran y salen de cada capa. Hacia atrás, una capa con pesos
    pasa antes por su `ReLU` y por su sesgo (cuatro tablas como su salida); después calcula el
    gradiente de sus pesos y, si no es la primera, el de su entrada.
    """
    values, trainable_before = 0, False
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        entering = sum(prod(each.shape[1:]) for each in keras.tree.flatten(layer.input))
        leaving, learns = prod(layer.output.shape[1:]), bool(layer.trainable_weights)
        values += (1 + learns + trainable_before) * (entering + leaving) + 4 * learns * leaving
        trainable_before |= learns
    return Work(
        orders,
        2.0 * training_multiply_adds(model),
        FLOAT_BYTES * values,
        FLOAT_BYTES * ADAM_TABLES[backend] * model.count_params(),
    )
