"""Los tres motores de cálculo sobre los que corre Keras, y en qué se distinguen.

TensorFlow siempre está: también prepara los lotes cuando calculan PyTorch o JAX.
"""

import os
import sys
import platform
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fashion_bench.errors import TutorialError
from fashion_bench.machine.hardware import nvidia_cards
from fashion_bench.record import Accelerator, Software
from fashion_bench.values import clean

if TYPE_CHECKING:
    import keras

TITLES = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}

HIDE_GPU = {
    "tensorflow": {},
    "torch": {"KERAS_TORCH_DEVICE": "cpu"},
    "jax": {"JAX_PLATFORMS": "cpu"},
}
"""Variables que esconden la GPU; TensorFlow la esconde después de importarlo."""


def prepare(backend: str, device: str) -> None:
    """Elige el motor de Keras; hay que llamarla antes de importar Keras.

    Args:
        backend: `tensorflow`, `torch` o `jax`.
        device: dispositivo pedido; con `cpu` se esconde la GPU.

    Raises:
        TutorialError: si el motor no está instalado o Keras ya funciona con otro.
    """
    if find_spec(backend) is None:
        raise TutorialError(
            f"backend={backend!r} no es posible: falta {TITLES[backend]}; instálalo con «python -m "
            f"pip install -r requirements-{backend}.txt» en el entorno que usa este cuaderno."
        )
    if "keras" in sys.modules and sys.modules["keras"].backend.backend() != backend:
        raise TutorialError(
            "Keras ya está en marcha con otro motor: reinicia el kernel (en el menú Kernel) "
            "y vuelve a ejecutar el cuaderno."
        )
    os.environ["KERAS_BACKEND"] = backend
    if device == "cpu":
        os.environ.update(HIDE_GPU[backend])


def hide_devices(requested: str, backend: str) -> None:
    """Deja a la vista de TensorFlow solo el dispositivo pedido.

    Args:
        requested: `auto` (la GPU si la hay), `cpu` (esconde la GPU) o `gpu`.
        backend: motor de Keras, ya importado.

    Raises:
        TutorialError: si TensorFlow ya está en marcha con otro dispositivo.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")[:1]
    if backend != "tensorflow" or requested == "cpu":
        gpus = []  # TensorFlow solo prepara los lotes: que no ocupe la memoria de la GPU
    try:
        tf.config.set_visible_devices(gpus, "GPU")
    except RuntimeError:
        raise TutorialError(
            "TensorFlow ya está en marcha con otro dispositivo: reinicia el kernel "
            "(en el menú Kernel) y vuelve a ejecutar el cuaderno."
        ) from None


def accelerator(backend: str) -> Accelerator | None:
    """Describe la GPU en la que entrenaría el motor, o `None` si entrenaría en la CPU."""
    name = gpu_name(backend)
    if name is None:
        return None
    for card in nvidia_cards():
        if card.name == name:
            return card
    return Accelerator(name=clean(name), memory_gib=None, driver=None, compute_capability=None)


def accelerator_of(model: "keras.Model") -> Accelerator | None:
    """Describe la GPU que tiene los pesos de un modelo, o `None` si están en la CPU."""
    import keras

    backend = keras.backend.backend()
    value = model.trainable_variables[0].value
    if backend == "jax":
        [device] = value.devices()
        on_gpu = device.platform != "cpu"
    else:
        on_gpu = "cpu" not in str(value.device).lower()
    return accelerator(backend) if on_gpu else None


def software() -> Software:
    """Describe las versiones instaladas."""
    import keras
    import tensorflow as tf

    backend = keras.backend.backend()
    return Software(
        python=platform.python_version(),
        tensorflow=tf.__version__,
        keras=keras.__version__,
        backend=backend,
        **versions(backend),
    )


def gpu_name(backend: str) -> str | None:
    """Devuelve el nombre de la GPU en la que entrenaría el motor, ya importado, o `None`."""
    if backend == "torch":
        import torch

        if os.environ.get("KERAS_TORCH_DEVICE") == "cpu":
            return None
        if torch.backends.mps.is_available():
            return "GPU de Apple (MPS)"
        return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    if backend == "jax":
        import jax

        [device, *_] = jax.devices()
        return device.device_kind if device.platform != "cpu" else None
    import tensorflow as tf

    visible = tf.config.get_visible_devices("GPU")
    if not visible:
        return None
    return tf.config.experimental.get_device_details(visible[0]).get("device_name", "GPU")


def gpu_device(backend: str) -> str:
    """Devuelve cómo llama el motor a esa GPU en `keras.device`."""
    if backend == "torch":
        import torch

        return "mps" if torch.backends.mps.is_available() else "cuda:0"
    return "gpu:0"


def versions(backend: str) -> dict[str, str | None]:
    """Devuelve la versión del motor y las de CUDA y cuDNN con las que se construyó."""
    if backend == "torch":
        import torch

        cudnn = torch.backends.cudnn.version() if torch.version.cuda else None
        return {
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": str(cudnn) if cudnn else None,
        }
    if backend == "jax":
        import jax

        return {"jax": jax.__version__, "cuda": None, "cudnn": None}
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    return {"cuda": build.get("cuda_version"), "cudnn": build.get("cudnn_version")}


def keep_random_state(backend: str) -> AbstractContextManager:
    """Contexto del que se sale con el azar global del motor como al entrar.

    Con TensorFlow y JAX el azar de la red está en sus variables. Con PyTorch, Keras apaga
    neuronas (Dropout) con el generador global de PyTorch.
    """
    if backend != "torch":
        return nullcontext()
    import torch

    kind = "mps" if torch.backends.mps.is_available() else "cuda"
    return torch.random.fork_rng(device_type=kind)


def is_out_of_memory(error: BaseException) -> bool:
    """Dice si un error de cualquiera de los motores es que no cabe en la memoria."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}) or (
        "XlaRuntimeError" in names and "RESOURCE_EXHAUSTED" in str(error)
    )
