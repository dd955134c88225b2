"""La memoria: cuánta llega a ocupar un programa, y qué se dice cuando un lote no cabe."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import psutil

from fashion_bench.errors import TutorialError

CHILD = """
import json, sys
from fashion_bench.machine.engines import quiet
with quiet():
    import keras, numpy as np, tensorflow as tf
tf.config.set_visible_devices([], "GPU")
from fashion_bench.machine import memory
network = keras.saving.load_model(sys.argv[1], compile=False)
answer = tf.function(lambda images: network(images, training=False), jit_compile=False)
peaks = [memory.peak_bytes(lambda: None)]
for batch in json.loads(sys.argv[2]):
    images = np.zeros((batch, 28, 28, 1), "uint8")
    peaks.append(memory.peak_bytes(lambda: answer(tf.constant(images)).numpy()))
print(json.dumps(peaks))
"""


def peak_bytes(function: Callable[[], object]) -> int:
    """Da los bytes que llega a ocupar este proceso mientras otro hilo ejecuta `function`.

    Los mira cada milisegundo: de lo que dure menos puede no enterarse.
    """
    process = psutil.Process()
    peak = process.memory_info().rss
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(function)
        while not running.done():
            peak = max(peak, process.memory_info().rss)
            sleep(0.001)
    running.result()  # si ha fallado, aquí se sabe
    return max(peak, process.memory_info().rss)


def answering_peaks(network: Path, batches: Sequence[int]) -> list[int]:
    """Mide lo que llega a ocupar un programa que solo carga una red y responde, en la CPU.

    Es un proceso aparte, porque TensorFlow guarda para después la memoria que ya ha usado: en uno
    que haya entrenado, responder no pediría ninguna. Por lo mismo, los lotes van de menor a mayor.

    Args:
        network: archivo `.keras`, de imágenes `(n, 28, 28, 1)`.
        batches: imágenes de cada lote.

    Returns:
        Bytes: los que ocupa antes de responder y los de cada lote.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(network), json.dumps(list(batches))],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
    )
    return [int(peak) for peak in json.loads(done.stdout)]


def gpu_peak_bytes(function: Callable[[], object]) -> int | None:
    """Da los bytes de la GPU que los tensores llegan a ocupar mientras se ejecuta `function`.

    Son los que reparte TensorFlow, no los que él ha reservado ni los que gastan sus bibliotecas;
    `None` si el dispositivo no lleva esa cuenta.
    """
    import tensorflow as tf

    try:
        tf.config.experimental.reset_memory_stats("GPU:0")
        function()
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    except ValueError:  # el complemento Metal no la lleva
        return None


def out_of_memory(batch_size: int) -> TutorialError:
    """El error que se muestra cuando un lote de `batch_size` imágenes no cabe."""
    return TutorialError(
        f"El lote de {batch_size} imágenes no cabe en la memoria del dispositivo: "
        f"prueba con batch_size={max(1, batch_size // 2)}."
    )
