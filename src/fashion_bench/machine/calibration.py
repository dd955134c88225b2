"""Lo rápido que es el dispositivo, aparte de la lección: sus cuatro números, en un segundo.

Se miden con el motor y en el dispositivo que entrenan, justo antes y justo después. Dicen a qué
parte de su límite llega el entrenamiento y si el equipo ha cambiado mientras tanto.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter

import keras

from fashion_bench.machine.compiling import finish
from fashion_bench.record import Calibration

FIRST_SIDE, LAST_SIDE = 1024, 16_384
ENOUGH_SECONDS = 0.03
"""Un producto de matrices que dura menos se repite con matrices el doble de grandes."""
CALLS = 5
"""Medidas de cada número: se queda con la mejor, la que menos han estorbado."""
BANDWIDTH_FLOATS = 32 * 2**20
"""Valores de 4 bytes con los que se mide la memoria: más de los que caben en la caché."""
ORDERS = 200


def calibrate(precision: str) -> Calibration:
    """Mide la memoria, lo que cuesta una petición y el producto, también en `precision`."""
    dtype = keras.DTypePolicy(precision).compute_dtype
    float32 = matmul_flops("float32")
    return Calibration(
        float32_flops=float32,
        precision_flops=float32 if dtype == "float32" else matmul_flops(dtype),
        bytes_per_second=memory_bandwidth(),
        order_seconds=order_seconds(),
    )


def matmul_flops(dtype: str = "float32") -> float:
    """Mide las operaciones por segundo al multiplicar matrices: multiplicar y sumar son dos."""
    side = FIRST_SIDE
    while True:
        matrix = keras.ops.cast(keras.random.uniform((side, side), seed=0), dtype)
        multiply = partial(keras.ops.matmul, matrix, matrix)
        finish(multiply())  # la primera vez, el motor elige cómo hacerlo
        if side >= LAST_SIDE or _best_seconds(multiply, 1) >= ENOUGH_SECONDS:
            return 2 * side**3 / _best_seconds(multiply, CALLS)
        side *= 2


def memory_bandwidth() -> float:
    """Mide los bytes por segundo que van y vienen de la memoria con tablas mayores que la caché."""
    add = _adder()
    finish(add())
    return 3 * 4 * BANDWIDTH_FLOATS / _best_seconds(add, CALLS)  # lee dos tablas y escribe una


def order_seconds() -> float:
    """Mide lo que cuesta hacer una petición: la parte de una suma diminuta que no es sumar."""
    one = keras.ops.ones((1,))

    def orders() -> object:
        total = one
        for _ in range(ORDERS):
            total = keras.ops.add(total, one)
        return total

    finish(orders())
    return _best_seconds(orders, CALLS) / ORDERS


def _best_seconds(function: Callable[[], object], calls: int) -> float:
    seconds = []
    for _ in range(calls):
        start = perf_counter()
        finish(function())
        seconds.append(perf_counter() - start)
    return min(seconds)


def _adder() -> Callable[[], object]:
    """Una función que suma una tabla a otra sin pedir memoria nueva, con cada motor a su modo."""
    backend = keras.backend.backend()
    total, addend = (keras.ops.ones((BANDWIDTH_FLOATS,)) for _ in range(2))
    if backend == "torch":
        return partial(total.add_, addend)
    if backend == "jax":
        import jax

        added = jax.jit(jax.numpy.add, donate_argnums=0)
        state = [total]

        def add() -> object:
            state[0] = added(state[0], addend)
            return state[0]

        return add
    import tensorflow as tf

    variable = tf.Variable(total)
    return tf.function(lambda: variable.assign_add(addend))
