"""La misma convolución en TensorFlow, con más o menos imágenes, filtros e hilos."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import tensorflow as tf

from fashion_bench import lesson
from fashion_bench.machine.profiling import seconds_per_call

_PHOTO_SIDE, KERNEL, _FILTERS, _ = lesson.sizes()
SIDE, CHANNELS, FILTERS = _PHOTO_SIDE // 2, *_FILTERS[:2]
"""La segunda convolución del cuaderno 01: la que más operaciones hace."""

ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}

CHILD = """
import json, sys
from fashion_bench.machine.engines import quiet
with quiet():
    import tensorflow as tf
tf.config.set_visible_devices([], "GPU")
from fashion_bench.experiments import ladder
print(json.dumps([ladder.convolution_seconds(**each) for each in json.loads(sys.argv[1])]))
"""


def operations(batch: int = 1) -> int:
    """Cuenta las operaciones de la convolución: multiplicar y sumar son dos."""
    return 2 * batch * (SIDE * KERNEL) ** 2 * CHANNELS * FILTERS


def convolution_seconds(
    batch: int,
    filters: int = FILTERS,
    dtype: str = "float32",
    device: str = "CPU:0",
    calls: int = 20,
) -> float:
    """Mide la convolución de un lote `(batch, SIDE, SIDE, CHANNELS)`: la mediana de `calls`."""
    with tf.device(device):
        images = tf.cast(tf.random.uniform((batch, SIDE, SIDE, CHANNELS), seed=0), dtype)
        weights = tf.cast(tf.random.uniform((KERNEL, KERNEL, CHANNELS, filters), seed=1), dtype)

        convolve = tf.function(lambda images: tf.nn.conv2d(images, weights, 1, "SAME"))
        return seconds_per_call(lambda: convolve(images), calls)


def with_one_thread(cases: Sequence[Mapping[str, int]]) -> list[float]:
    """Mide cada convolución con un solo hilo, en un proceso aparte.

    De cada una se dan los argumentos de `convolution_seconds`.

    El número de hilos se decide al arrancar TensorFlow; después ya no se puede cambiar.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(list(cases))],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | ONE_THREAD,
    )
    return [float(seconds) for seconds in json.loads(done.stdout)]
