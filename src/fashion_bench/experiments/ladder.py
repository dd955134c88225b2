"""La misma convolución, con más o menos imágenes, filtros e hilos."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import keras

from fashion_bench import lesson
from fashion_bench.machine.compiling import compiled
from fashion_bench.machine.profiling import seconds_per_call

_PHOTO_SIDE, KERNEL, _FILTERS, _ = lesson.sizes()
SIDE, CHANNELS, FILTERS = _PHOTO_SIDE // 2, *_FILTERS[:2]
"""La segunda convolución del cuaderno 01: la que más operaciones hace."""

ONE_THREAD = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "NPROC"), "1"
)
"""Las variables de TensorFlow, las dos; la de PyTorch y la de XLA, el compilador de JAX."""

CHILD = """
import json, sys
from fashion_bench.machine import backends
backends.prepare(sys.argv[1], "cpu")
backends.hide_devices("cpu", sys.argv[1])
from fashion_bench.experiments import ladder
print(json.dumps([ladder.convolution_seconds(**each) for each in json.loads(sys.argv[2])]))
"""


def operations(batch: int = 1) -> int:
    """Cuenta las operaciones de la convolución: multiplicar y sumar son dos."""
    return 2 * batch * (SIDE * KERNEL) ** 2 * CHANNELS * FILTERS


def convolution_seconds(
    batch: int,
    filters: int = FILTERS,
    dtype: str = "float32",
    device: str = "cpu",
    calls: int = 20,
) -> float:
    """Mide la convolución de un lote `(batch, SIDE, SIDE, CHANNELS)`: la mediana de `calls`."""
    convolve = compiled(lambda images, weights: keras.ops.conv(images, weights, 1, "same"))
    with keras.device(device):
        images, weights = (
            keras.ops.cast(keras.random.uniform(shape, seed=seed), dtype)
            for seed, shape in enumerate(
                [(batch, SIDE, SIDE, CHANNELS), (KERNEL, KERNEL, CHANNELS, filters)]
            )
        )
        return seconds_per_call(lambda: convolve(images, weights), calls)


def with_one_thread(cases: Sequence[Mapping[str, int]]) -> list[float]:
    """Mide cada convolución con un solo hilo, en un proceso aparte.

    De cada una se dan los argumentos de `convolution_seconds`.

    El número de hilos se decide al arrancar el motor; después ya no se puede cambiar.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, keras.backend.backend(), json.dumps(list(cases))],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | ONE_THREAD,
    )
    return [float(seconds) for seconds in json.loads(done.stdout)]
