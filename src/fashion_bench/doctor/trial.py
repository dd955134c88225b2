"""La prueba de un motor: importarlo, importar Keras y dar un paso de entrenamiento donde toque.

Se hace en un proceso aparte, desde la carpeta del cuaderno y como lo haría su kernel; así lo peor
que puede pasar es que ese proceso se rompa. Va contando hasta dónde llega.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from fashion_bench.doctor.facts import Engine
from fashion_bench.machine import backends
from fashion_bench.machine.engines import prepare_import
from fashion_bench.record import Backend

TIMEOUT_SECONDS = 120

CODE = "; ".join(
    [
        "import sys",
        "sys.path[0] or sys.path.pop(0)",
        "from ipykernel import kernelapp",
        "sys.path.insert(0, '')",
        "sys.path.append({source!r})",
        "from fashion_bench.doctor import trial",
        "trial.main({backend!r})",
    ]
)
"""Lo que hace un kernel con su ruta de búsqueda: mirar primero en su carpeta, una vez arrancado."""


def run(backend: Backend, folder: Path, without: Iterable[str] = ()) -> Engine:
    """Prueba un motor en un proceso aparte, en esa carpeta y sin esas variables de entorno."""
    environ = {name: value for name, value in os.environ.items() if name not in set(without)}
    # De TensorFlow, avisos y errores, sin lo demás; y en UTF-8, para reconocer qué hay que quitar.
    environ |= {"TF_CPP_MIN_LOG_LEVEL": "1", "PYTHONIOENCODING": "utf-8"}
    code = CODE.format(source=str(Path(__file__).parents[2]), backend=backend)
    heard: subprocess.CompletedProcess[bytes] | subprocess.TimeoutExpired
    exit_code = None
    try:
        heard = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            env=environ,
            cwd=folder,
            timeout=TIMEOUT_SECONDS,
        )
        exit_code = heard.returncode
    except subprocess.TimeoutExpired as error:
        heard = error
    told, messages = [
        (text or b"").decode(errors="replace") for text in (heard.stdout, heard.stderr)
    ]
    answers = [line for line in told.splitlines() if line.startswith('{"name":')]
    reached = Engine.model_validate_json(answers[-1]) if answers else Engine(name=backend)
    return reached.model_copy(update={"exit_code": exit_code, "messages": messages})


def main(backend: Backend) -> None:
    """Hace la prueba en este proceso; escribe en cada avance, en una línea, un `Engine`."""
    prepare_import(backend)
    engine = ask(backend)
    print(engine.model_dump_json(), flush=True)
    import keras

    backends.hide_devices("auto", backend)
    device = backends.gpu_device(backend) if engine.gpus else "cpu"
    engine = engine.model_copy(
        update={"keras": keras.__version__, "tried_on": "gpu" if engine.gpus else "cpu"}
    )
    print(engine.model_dump_json(), flush=True)
    engine = engine.model_copy(update={"agrees": _step(device)})
    print(engine.model_dump_json(), flush=True)


def ask(backend: Backend) -> Engine:
    """Importa el motor en este mismo proceso y cuenta qué GPU ve, sin probarlas."""
    version = importlib.import_module(backend).__version__
    capabilities, gpus = _ASK[backend]()
    keras = sys.modules.get("keras")
    return Engine(
        name=backend,
        version=version,
        keras=getattr(keras, "__version__", None),
        cuda=backends.versions(backend)["cuda"],
        capabilities=tuple(capabilities),
        gpus=tuple(gpus),
    )


def _ask_tensorflow() -> tuple[list[str], list[str]]:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    gpus = tf.config.list_physical_devices("GPU")
    return (
        tf.sysconfig.get_build_info().get("cuda_compute_capabilities", []),
        [details(gpu).get("device_name", "GPU") for gpu in gpus],
    )


def _ask_torch() -> tuple[list[str], list[str]]:
    import torch

    gpus = [
        kind.get_device_name(index)
        for kind in (torch.cuda, torch.xpu)
        for index in range(kind.device_count())
    ]
    if torch.backends.mps.is_available():
        gpus = [backends.MPS]
    # Con ROCm, la GPU es de AMD y las capacidades no se escriben igual.
    return torch.cuda.get_arch_list() if torch.version.cuda else [], gpus


def _ask_jax() -> tuple[list[str], list[str]]:
    import jax

    return [], [each.device_kind for each in jax.devices() if each.platform == "gpu"]


_ASK = {"tensorflow": _ask_tensorflow, "torch": _ask_torch, "jax": _ask_jax}
"""Cómo dice cada motor para qué GPU trae código, si lo cuenta, y cuáles ve."""


def _step(device: str) -> bool:
    """Da tres pasos de entrenamiento, con una convolución, y los compara con los de la CPU."""
    import keras
    import numpy as np

    from fashion_bench.machine import correctness

    random = np.random.default_rng(0)
    images = random.random((32, 8, 8, 1), dtype="float32")
    labels = random.integers(0, 10, 32)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tried = correctness.training_steps(model, images, labels, device, "float32")
    right = correctness.training_steps(model, images, labels, "cpu", "float32", tried)
    return correctness.compare(right, tried, "float32").ok
