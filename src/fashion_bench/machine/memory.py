"""La memoria: cuánta llega a ocupar un programa, y qué se dice cuando un lote no cabe."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import keras
import psutil

from fashion_bench.errors import TutorialError

CHILD = """
import json, sys
from fashion_bench.machine import backends
backends.prepare(sys.argv[1], "cpu")
backends.hide_devices("cpu", sys.argv[1])
import keras, numpy as np
from fashion_bench.machine import compiling, memory
network = keras.saving.load_model(sys.argv[2], compile=False)
answer = compiling.compiled(lambda images: network(images, training=False))
peaks = [memory.peak_bytes(lambda: None)]
for batch in json.loads(sys.argv[3]):
    images = np.zeros((batch, 28, 28, 1), "uint8")
    peaks.append(memory.peak_bytes(lambda: keras.ops.convert_to_numpy(answer(images))))
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

    Es un proceso aparte, porque los motores guardan para después la memoria que ya han usado: en
    uno que haya entrenado, responder no pediría ninguna. Por eso los lotes van de menor a mayor.

    Args:
        network: archivo `.keras`, de imágenes `(n, 28, 28, 1)`.
        batches: imágenes de cada lote.

    Returns:
        Bytes: los que ocupa antes de responder y los de cada lote.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, keras.backend.backend(), network, json.dumps(list(batches))],
        capture_output=True,
        check=True,
        text=True,
    )
    return [int(peak) for peak in json.loads(done.stdout)]


def gpu_peak_bytes(function: Callable[[], object]) -> int | None:
    """Da los bytes de la GPU que los tensores llegan a ocupar mientras se ejecuta `function`.

    Son los que reparte el motor, no los que él ha reservado ni los que gastan sus bibliotecas;
    `None` si en ese dispositivo no lleva la cuenta, o si, como JAX, no puede empezarla de nuevo.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        if not torch.cuda.is_available():  # MPS solo dice lo que ocupan ahora
            return None
        torch.cuda.reset_peak_memory_stats()
        function()
        return int(torch.cuda.max_memory_allocated())
    if backend == "jax":
        return None
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
