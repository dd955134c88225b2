"""Lo que pide un paso de entrenamiento y los números del dispositivo que lo da.

Con las dos cosas, la fórmula del cuaderno 02 predice cuánto tarda. Los límites de cálculo y de
memoria son los del techo (*roofline*) de Williams, Waterman y Patterson (2009), CACM 52(4).
"""

from collections import Counter
from math import prod
from time import perf_counter
from typing import NamedTuple

import keras
import tensorflow as tf
from tensorflow.python.eager import context

from fashion_bench.machine import calibration
from fashion_bench.machine.profiling import training_multiply_adds

FLOAT_BYTES = 4
GRAPH_ORDERS, ORDER_CALLS = 200, 12

ADAM_TABLES = 30
"""Tablas como los pesos que lee o escribe Adam: trece operaciones, cada una con dos o tres."""

NOT_ORDERS = (
    *("_Arg", "_Retval", "Const", "Placeholder", "Identity", "NoOp", "ReadVariableOp"),
    *("VarHandleOp", "Shape", "StridedSlice", "Pack", "Reshape", "ExpandDims", "Squeeze"),
)
"""Nodos de un grafo que no encargan ninguna cuenta: los datos, sus nombres y sus formas."""


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
    """Mide un dispositivo, el que esté elegido con `tf.device`; el paso vacío se da medido."""
    flops, bandwidth = calibration.matmul_flops(), calibration.memory_bandwidth()
    return Device(name, idle_seconds, graph_order_seconds(), flops, bandwidth)


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
    return max(0.0, best(5 * GRAPH_ORDERS) - best(GRAPH_ORDERS)) / (4 * GRAPH_ORDERS)


def work(model: keras.Model, orders: int) -> Work:
    """Cuenta lo que pide un paso de una red con Adam, con esas peticiones.

    Los bytes son los de las tablas que entran y salen de cada capa. Hacia atrás, una capa con pesos
    pasa antes por su `ReLU` y por su sesgo (cuatro tablas como su salida); después calcula el
    gradiente de sus pesos y, si no es la primera, el de su entrada.
    """
    values, trainable_before = 0, False
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        entering = sum(prod(each.shape[1:]) for each in tf.nest.flatten(layer.input))
        leaving, learns = prod(layer.output.shape[1:]), bool(layer.trainable_weights)
        values += (1 + learns + trainable_before) * (entering + leaving) + 4 * learns * leaving
        trainable_before |= learns
    return Work(
        orders,
        2.0 * training_multiply_adds(model),
        FLOAT_BYTES * values,
        FLOAT_BYTES * ADAM_TABLES * model.count_params(),
    )


def count_orders(model: keras.Model) -> dict[str, int]:
    """Cuenta las peticiones de un paso de entrenamiento, compilada la red: no dependen del lote.

    Returns:
        Las del grafo tal como se traza, «sin optimizar», y las que quedan cuando TensorFlow lo ha
        optimizado: las de recorrer «la red», ida y vuelta, y las de «Adam».
    """
    images = tf.zeros((2, *model.input_shape[1:]), model.inputs[0].dtype)
    labels = tf.zeros((2,), "int32")
    network, optimizer = "la_red", "el_optimizador"

    def one_step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.name_scope(network), tf.GradientTape() as tape:
            loss = model.compute_loss(y=labels, y_pred=model(images, training=True))
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        with tf.name_scope(optimizer):
            model.optimizer.apply(gradients, variables)
        return loss

    step = tf.function(one_step)
    model.optimizer.build(model.trainable_variables)
    graph = step.get_concrete_function(images, labels).graph
    traced = sum(node.type not in NOT_ORDERS for node in graph.get_operations())
    # No hay modo público de pedir el grafo optimizado: lo usan así las pruebas de TensorFlow.
    with context.collect_graphs(optimized=True) as graphs:
        step(images, labels)
    nodes = max((graph.node for graph in graphs), key=len)
    owners = Counter(
        "Adam" if node.name.startswith(optimizer) else "la red"
        for node in nodes
        if node.op not in NOT_ORDERS
    )
    return {"sin optimizar": traced} | owners
