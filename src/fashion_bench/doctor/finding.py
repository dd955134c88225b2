"""Un hallazgo del diagnóstico, y las páginas oficiales que explican cómo se arregla."""

from functools import partial
from typing import Literal

from fashion_bench.values import Frozen

TENSORFLOW_PAGE = "https://www.tensorflow.org/install/pip"
TENSORFLOW_ERRORS_PAGE = "https://www.tensorflow.org/install/errors"
TENSORFLOW_GPU_PAGE = "https://www.tensorflow.org/guide/gpu"
NEW_GPU_PAGE = "https://github.com/tensorflow/tensorflow/issues/89272"
DRIVER_PAGE = "https://www.nvidia.com/drivers"
WSL_DRIVER_PAGE = "https://docs.nvidia.com/cuda/wsl-user-guide/index.html"
WSL_PAGE = "https://learn.microsoft.com/windows/wsl/install"
METAL_PAGE = "https://developer.apple.com/metal/tensorflow-plugin/"
VISUAL_CPP_PAGE = "https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist"
PYTHON_PAGE = "https://www.python.org/downloads/"
PYTORCH_PAGE = "https://pytorch.org/get-started/locally/"
JAX_PAGE = "https://docs.jax.dev/en/latest/installation.html"
CUDNN_PAGE = (
    "https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/support-matrix.html"
)
CONTAINER_PAGE = (
    "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
)
CUDA_ERRORS_PAGE = "https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html"
VISIBLE_DEVICES_PAGE = (
    "https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/environment-variables.html"
)
LONG_PATHS_PAGE = "https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation"
SHADOWING_PAGE = "https://docs.python.org/3/tutorial/modules.html#the-module-search-path"
KERAS_PAGE = "https://keras.io/getting_started/"
PIP_CACHE_PAGE = "https://pip.pypa.io/en/stable/cli/pip_cache/"

Severity = Literal["error", "warning", "ok"]
"""`error`: no se puede entrenar; `warning`: se puede, pero algo va peor; `ok`: todo bien."""


class Finding(Frozen):
    """Algo que conviene saber: qué pasa, qué orden lo arregla y dónde lo explican.

    La frase no empieza por mayúscula, para que valga detrás de dos puntos.
    """

    id: str
    severity: Severity
    sentence: str
    cure: str = ""
    url: str = ""

    @property
    def line(self) -> str:
        """Frase y orden en una sola línea."""
        return f"{self.sentence} («{self.cure}»)" if self.cure else self.sentence


error = partial(Finding, severity="error")
warning = partial(Finding, severity="warning")
fine = partial(Finding, severity="ok")
