"""Los tres motores de cálculo sobre los que corre Keras, y en qué se distinguen.

TensorFlow siempre está: también prepara los lotes cuando calculan PyTorch o JAX.
"""

import importlib.metadata
import os
import platform
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from fashion_bench import install
from fashion_bench.errors import TutorialError
from fashion_bench.machine.engines import OFF, X86, quiet, silent
from fashion_bench.machine.hardware import ask_nvidia, find_accelerator
from fashion_bench.record import TITLES, Accelerator, Backend, Software, clean

if TYPE_CHECKING:
    import keras


MPS = "GPU de Apple (MPS)"
"""La GPU de un Mac, a la que PyTorch no da nombre."""

CUDA_RUNTIME, CUDNN = r"nvidia-cuda-runtime(-cu\d+)?", r"nvidia-cudnn-cu\d+"
"""Cómo se llaman los paquetes con las bibliotecas de NVIDIA, según para qué CUDA sean."""

HIDE_GPU = {"torch": "KERAS_TORCH_DEVICE", "jax": "JAX_PLATFORMS"}
"""La variable que, con `cpu`, esconde la GPU; TensorFlow la esconde después de importarlo."""

FIRST_WITHOUT_TENSORFLOW = 12
"""La capacidad de cómputo de las RTX 50, para las que TensorFlow 2.21 no trae código.

https://github.com/tensorflow/tensorflow/issues/89272
"""

STARTED = (
    "Keras ya está en marcha con otro motor o en otro dispositivo: reinicia el kernel (menú "
    "Kernel; en Colab, Entorno de ejecución) y vuelve a ejecutar el cuaderno."
)


def resolve(backend: str, device: str) -> Backend:
    """Da el motor pedido o, con `auto`, el que ya esté en marcha o el que toca a este equipo."""
    if backend == "auto":
        keras = sys.modules.get("keras")
        backend = keras.backend.backend() if keras else choose(device)[0]
    return cast(Backend, backend)


def choose(device: str) -> tuple[Backend, str]:
    """Elige el motor que puede usar la GPU de este equipo y dice por qué, sin importar ninguno.

    Es TensorFlow, salvo que el PyTorch instalado llegue a una GPU y él no: en el Mac, en Windows y,
    en Linux, con una que no es de NVIDIA, con una RTX 50 o sin las bibliotecas de CUDA.
    """
    version = _installed("torch") if device != "cpu" else None
    system, built_for = platform.system(), (version or "").partition("+")[2]
    reaches = system == "Darwin" or built_for.startswith(("rocm", "xpu"))
    if built_for.startswith("cu") or (system == "Linux" and not built_for):
        cards, _ = ask_nvidia()
        found = [float(card.compute_capability or 0) for card in cards]
        x86 = system == "Linux" and platform.machine() == "x86_64"  # en ARM, TensorFlow va sin CUDA
        usable = x86 and _installed("tensorflow") and _installed(CUDNN)
        reaches = bool(cards) and not (usable and max(found) < FIRST_WITHOUT_TENSORFLOW)
    if version and reaches:
        return "torch", "el que aquí puede usar la GPU"
    return "tensorflow", "el del curso"


def prepare(backend: str, device: str) -> Backend:
    """Elige el motor de Keras, que devuelve, y su dispositivo, y los arranca sin avisos.

    Manda el dispositivo pedido: con `cpu` se esconde la GPU; si no, la variable que la esconde se
    quita.

    Raises:
        TutorialError: si el motor no está instalado o Keras ya funciona con otro motor o en otro
            dispositivo.
    """
    backend = resolve(backend, device)
    if find_spec(backend) is None:
        lock = "requirements.txt" if backend == "tensorflow" else f"requirements-{backend}.txt"
        raise TutorialError(
            f"backend={backend!r} no es válido: falta {TITLES[backend]}; instálalo con «python -m "
            f"pip install {install.pip(lock)}» en el entorno que usa este cuaderno."
        )
    variable, wanted = HIDE_GPU.get(backend), "cpu" if device == "cpu" else None
    if "keras" in sys.modules and (
        sys.modules["keras"].backend.backend() != backend
        or (variable and os.environ.get(variable) != wanted)
    ):
        raise TutorialError(STARTED)
    if variable:
        os.environ.pop(variable, None)
        if wanted:
            os.environ[variable] = wanted
    # Con capas que JAX no sabe compilar, Keras avisa y sigue sin compilar: lo cuenta el cuaderno.
    warnings.filterwarnings("ignore", "Model doesn't support `jit_compile=True`")
    warnings.filterwarnings("ignore", "__array__ implementation")  # de NumPy, al copiar variables
    with quiet(backend):
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    return backend


def hide_devices(requested: str, backend: str) -> None:
    """Deja a la vista de TensorFlow solo el dispositivo pedido; Keras ya está importado.

    Raises:
        TutorialError: si TensorFlow ya está en marcha con otro dispositivo.
    """
    import tensorflow as tf

    with silent():  # sin GPU, los motores con CUDA se quejan al buscarla
        gpus = tf.config.list_physical_devices("GPU")[:1]
        if backend != "tensorflow":
            gpu_name(backend)
    if backend != "tensorflow" or requested == "cpu":
        gpus = []  # TensorFlow solo prepara los lotes: que no ocupe la memoria de la GPU
    try:
        tf.config.set_visible_devices(gpus, "GPU")
    except RuntimeError:
        raise TutorialError(STARTED) from None


def accelerator(backend: str) -> Accelerator | None:
    """Describe la GPU en la que entrenaría el motor, o `None` si entrenaría en la CPU."""
    return _describe(gpu_name(backend))


def accelerator_of(model: "keras.Model") -> Accelerator | None:
    """Describe la GPU que tiene los pesos de un modelo, o `None` si están en la CPU."""
    import keras

    return _describe(_gpu_with(model.trainable_variables[0].value, keras.backend.backend()))


def software() -> Software:
    """Describe las versiones instaladas."""
    import keras
    import tensorflow as tf

    backend = keras.backend.backend()
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower() not in OFF
    may_use_onednn = backend == "tensorflow" and platform.machine().lower() in X86
    return Software(
        python=platform.python_version(),
        tensorflow=tf.__version__,
        keras=keras.__version__,
        backend=backend,
        onednn=onednn if may_use_onednn else None,
        tf32=_uses_tf32(backend),
        **versions(backend),
    )


def _uses_tf32(backend: str) -> bool | None:
    """Dice si float32 se multiplica con menos cifras; en la CPU, `None` si es con todas."""
    card = accelerator(backend)
    if card is None:
        return _cpu_loses_digits() or None
    if card.compute_capability is None:
        return None
    # Ampere, la primera que lo hace, es la 8.0: https://docs.nvidia.com/cuda/ampere-tuning-guide/
    if float(card.compute_capability) < 8 or os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return False
    if backend == "torch":
        import torch

        return bool(torch.backends.cudnn.allow_tf32)
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.experimental.tensor_float_32_execution_enabled())
    return True


@cache
def _cpu_loses_digits() -> bool:
    """Dice si la CPU redondea antes de multiplicar, por la variable que sea: 1 + 2⁻¹² pasa a 1.

    Se mira en una convolución como las del curso, porque oneDNN redondea solo en algunas.
    """
    import keras
    import numpy as np

    images = np.full((32, 14, 14, 32), 1 + 2**-12, "float32")
    kernel = np.zeros((3, 3, 32, 64), "float32")
    kernel[1, 1, 0] = 1
    told = keras.ops.convert_to_numpy(keras.ops.conv(images, kernel, padding="same"))
    return bool(abs(told[0, 7, 7, 0] - images[0, 7, 7, 0]) > 2**-14)


def gpu_name(backend: str) -> str | None:
    """Devuelve el nombre de la GPU en la que entrenaría el motor, ya importado, o `None`."""
    if backend == "tensorflow":
        return _tensorflow_gpu()  # poner en ella un tensor fijaría ya el dispositivo
    import keras

    return _gpu_with(keras.ops.zeros(1), backend)


def gpu_device(backend: str) -> str:
    """Devuelve cómo llama el motor a esa GPU en `keras.device`."""
    import keras

    return str(keras.ops.zeros(1).device) if backend == "torch" else "gpu:0"


def versions(backend: str) -> dict[str, str | None]:
    """Devuelve la versión del motor y las de CUDA y cuDNN con las que se construyó."""
    if backend == "torch":
        import torch

        number = torch.backends.cudnn.version() if torch.version.cuda else None
        return {  # cuDNN 9.10.2 se presenta como 91002
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": f"{number // 10000}.{number // 100 % 100}.{number % 100}" if number else None,
        }
    if backend == "jax":
        import jax

        told = {"jax": jax.__version__, "cuda": None, "cudnn": None}
        if _installed(r"jax-cuda\d+-plugin"):
            told |= {"cuda": _installed(CUDA_RUNTIME), "cudnn": _installed(CUDNN)}
        return told
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    cuda, cudnn = build.get("cuda_version"), build.get("cudnn_version")
    if tf.test.is_built_with_cuda():  # desde TensorFlow 2.22 ya no dice con qué versiones
        cuda, cudnn = cuda or _installed(CUDA_RUNTIME), cudnn or _installed(CUDNN)
    return {"cuda": cuda, "cudnn": cudnn}


def _installed(pattern: str) -> str | None:
    """La versión instalada del primer paquete que se llame así; `None` si no hay ninguno."""
    for found in importlib.metadata.distributions():
        if re.fullmatch(pattern, (found.name or "").lower().replace("_", "-")):
            return found.version
    return None


@contextmanager
def keep_random_state(backend: str) -> Iterator[None]:
    """Contexto del que se sale con el azar global del motor como al entrar.

    Con TensorFlow y JAX el azar de la red está en sus variables. Con PyTorch, Keras apaga
    neuronas (Dropout) con el generador global de PyTorch.
    """
    if backend != "torch":
        yield
        return
    import keras
    import torch

    device = keras.ops.zeros(1).device
    devices = [] if device.type == "cpu" else [device.index]
    with torch.random.fork_rng(devices, device_type=device.type):
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """Dice si un error de cualquiera de los motores es que no cabe en la memoria."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}:
        return True
    # JAX ha cambiado de nombre a su error y PyTorch no siempre da el suyo: se ve en el texto.
    told = re.search(r"RESOURCE_EXHAUSTED|out of memory|DefaultCPUAllocator", str(error))
    return isinstance(error, RuntimeError) and told is not None


def _describe(name: str | None) -> Accelerator | None:
    if name is None:
        return None
    name = clean(name)
    unknown = dict.fromkeys(Accelerator.model_fields)
    return find_accelerator(name) or Accelerator.model_validate(unknown | {"name": name})


def _gpu_with(tensor: Any, backend: str) -> str | None:  # noqa: ANN401
    """Devuelve el nombre de la GPU que guarda un tensor, o `None` si está en la CPU."""
    if backend == "torch":
        import torch

        if tensor.device.type == "cpu":
            return None
        if tensor.device.type == "mps":
            return MPS
        return str(getattr(torch, tensor.device.type).get_device_name(tensor.device))
    if backend == "jax":
        [device, *_] = tensor.devices()
        return None if device.platform == "cpu" else str(device.device_kind)
    return _tensorflow_gpu() if "GPU" in tensor.device else None


def _tensorflow_gpu() -> str | None:
    import tensorflow as tf

    visible = tf.config.get_visible_devices("GPU")
    if not visible:
        return None
    return str(tf.config.experimental.get_device_details(visible[0]).get("device_name", "GPU"))
