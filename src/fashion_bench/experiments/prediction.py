"""El modelo de tres términos: lo que tardará un dispositivo, antes de tenerlo.

    tiempo = peticiones × lo que cuesta una + max(operaciones / cálculo, bytes / memoria)

El segundo término es el techo (*roofline*) de Williams, Waterman y Patterson (2009), CACM 52(4);
aquí se suma pieza a pieza, porque cada capa topa con su límite. El primero es lo que ve quien
trabaja con lotes pequeños: la GPU acaba enseguida y espera la siguiente petición.
"""

from collections.abc import Mapping, Sequence
from math import prod
from time import perf_counter
from typing import NamedTuple

import keras
import tensorflow as tf

from fashion_bench.machine import calibration
from fashion_bench.machine.profiling import multiply_adds

FLOAT_BYTES = 4
GRAPH_ORDERS, ORDER_CALLS = 200, 12

ADAM_TABLES = 30
"""Tablas del tamaño de los pesos que Adam lee o escribe en cada paso.

El de Keras hace trece operaciones seguidas: cada una lee una o dos tablas y escribe otra.
"""

NOT_ORDERS = ("Const", "Placeholder", "Identity", "NoOp", "ReadVariableOp", "VarHandleOp")
"""Nodos de un paso que no mandan hacer nada al dispositivo."""


class Device(NamedTuple):
    """Un dispositivo, con los números que deciden lo que tarda."""

    name: str
    flops: float
    """Operaciones por segundo de un producto de matrices en `float32`."""
    bytes_per_second: float
    order_seconds: float
    """Lo que cuesta cada petición dentro de un paso ya trazado."""
    source: str = ""
    """La ficha de su fabricante, si los números salen de ella."""


class Work(NamedTuple):
    """Lo que pide una pieza de un paso de entrenamiento."""

    name: str
    orders: int
    operations: float
    bytes_moved: float


SHEETS = (
    Device(
        *("RTX 3060", 12.7e12, 360e9, 5e-6),
        "https://www.nvidia.com/es-es/geforce/graphics-cards/30-series/rtx-3060-3060ti/",
    ),
    Device(
        *("RTX 4070", 29.1e12, 504e9, 5e-6),
        "https://www.nvidia.com/es-es/geforce/graphics-cards/40-series/rtx-4070-family/",
    ),
    Device(*("T4", 8.1e12, 320e9, 5e-6), "https://www.nvidia.com/en-us/data-center/tesla-t4/"),
    Device(*("H100 SXM", 67e12, 3350e9, 5e-6), "https://www.nvidia.com/en-us/data-center/h100/"),
    Device(
        *("M1", 2.6e12, 68e9, 5e-6),
        "https://www.apple.com/newsroom/2020/11/apple-unleashes-m1/ y su memoria, LPDDR4X-4266",
    ),
    Device(
        *("M2", 3.6e12, 100e9, 5e-6),
        "https://www.apple.com/newsroom/2022/06/apple-unveils-m2-with-breakthrough-performance/",
    ),
)
"""Lo que dicen de sus GPU los fabricantes: cuentas en `float32` y memoria.

Ninguno publica lo que cuesta una petición: los 5 µs son una suposición, que en el cuaderno se puede
cambiar. De los M3 y M4, Apple publica la memoria (100 y 120 GB/s), pero no las cuentas.
"""


def measure(name: str) -> Device:
    """Mide un dispositivo, el que esté elegido con `tf.device`."""
    flops, bandwidth = calibration.matmul_flops(), calibration.memory_bandwidth()
    return Device(name, flops, bandwidth, graph_order_seconds())


def graph_order_seconds() -> float:
    """Mide lo que cuesta una petición dentro de un paso ya trazado.

    Es una cadena de productos de matrices diminutas: cada uno espera al anterior, y TensorFlow no
    puede juntar varios en uno, como hace con sumas o senos seguidos.
    """
    small = tf.eye(8)

    def multiply(value: tf.Tensor, orders: int) -> tf.Tensor:
        for _ in range(orders):
            value = tf.matmul(value, small)
        return value

    chain = tf.function(multiply)

    def best(orders: int) -> float:
        seconds = []
        for _ in range(ORDER_CALLS):
            start = perf_counter()
            chain(small, orders).numpy()
            seconds.append(perf_counter() - start)
        return min(seconds[2:])

    # La diferencia quita lo que cuesta llamar a la función, sea cual sea.
    return (best(5 * GRAPH_ORDERS) - best(GRAPH_ORDERS)) / (4 * GRAPH_ORDERS)


def step(
    model: keras.Sequential, batch_size: int, filling: Mapping[int, float] | None = None
) -> list[Work]:
    """Devuelve lo que pide un paso: cada capa, hacia delante y hacia atrás, y ajustar los pesos.

    Los bytes son los de las tablas que entran y salen. Hacia atrás, una capa con pesos pasa antes
    por su `ReLU` y por su sesgo (cuatro tablas como su salida); después calcula el gradiente de sus
    pesos y, si no es la primera, el de su entrada. `MaxPooling2D` lee su entrada y su salida y
    escribe otras dos iguales. Las peticiones van aparte: son las del paso (`count_orders`).

    `filling` dice a qué parte de su velocidad va una convolución según los canales de su entrada;
    con los que no están, va a toda.
    """
    pieces, trainable_before = [], False
    for layer in model.layers:
        entering, leaving = (
            FLOAT_BYTES * batch_size * prod(shape[1:])
            for shape in (layer.input.shape, layer.output.shape)
        )
        weights = FLOAT_BYTES * sum(prod(weight.shape) for weight in layer.weights)
        operations = 2.0 * batch_size * multiply_adds(layer)
        if filling and isinstance(layer, keras.layers.Conv2D):
            operations /= filling.get(layer.input.shape[-1], 1)
        times = int(bool(layer.trainable_weights)) + int(trainable_before)
        backward = times * (entering + leaving + weights)
        if layer.trainable_weights:
            backward += 4 * leaving
        elif isinstance(layer, keras.layers.MaxPooling2D):
            backward *= 2
        pieces.append(Work(layer.name, 0, operations, entering + leaving + weights))
        pieces.append(Work(f"{layer.name}, atrás", 0, times * operations, backward))
        trainable_before |= bool(layer.trainable_weights)
    count = sum(prod(weight.shape) for weight in model.trainable_weights)
    pieces.append(Work("pesos", 0, ADAM_TABLES / 3 * count, ADAM_TABLES * FLOAT_BYTES * count))
    return pieces


def seconds(work: Sequence[Work], device: Device) -> float:
    """Predice lo que tarda un dispositivo en unas piezas."""
    orders = device.order_seconds * sum(piece.orders for piece in work)
    return orders + sum(
        max(piece.operations / device.flops, piece.bytes_moved / device.bytes_per_second)
        for piece in work
    )


def count_orders(model: keras.Sequential, batch_size: int) -> int:
    """Cuenta las peticiones de un paso de entrenamiento: los nodos de su grafo que mandan algo."""
    images = tf.zeros((batch_size, *model.input_shape[1:]), model.inputs[0].dtype)
    labels = tf.zeros((batch_size,), "int32")

    def one_step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(y=labels, y_pred=model(images, training=True))
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        model.optimizer.apply(gradients, variables)
        return loss

    graph = tf.function(one_step).get_concrete_function(images, labels).graph
    return sum(node.type not in NOT_ORDERS for node in graph.get_operations())
