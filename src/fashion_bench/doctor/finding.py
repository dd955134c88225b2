"""Un hallazgo del diagnóstico y las páginas oficiales que explican su arreglo."""

from functools import partial
from typing import Literal, NamedTuple

TENSORFLOW_PAGE = "https://www.tensorflow.org/install/pip"
TENSORFLOW_ERRORS_PAGE = "https://www.tensorflow.org/install/errors"
TENSORFLOW_GPU_PAGE = "https://www.tensorflow.org/guide/gpu"
DRIVER_PAGE = "https://www.nvidia.com/drivers"
WSL_DRIVER_PAGE = "https://docs.nvidia.com/cuda/wsl-user-guide/index.html"
WSL_PAGE = "https://learn.microsoft.com/windows/wsl/install"
METAL_PAGE = "https://developer.apple.com/metal/tensorflow-plugin/"
PYTHON_PAGE = "https://www.python.org/downloads/"
PYTORCH_PAGE = "https://pytorch.org/get-started/locally/"
CUDNN_PAGE = (
    "https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/support-matrix.html"
)
CONTAINER_PAGE = (
    "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
)
ENGINE_PAGES = {
    "tensorflow": TENSORFLOW_PAGE,
    "torch": PYTORCH_PAGE,
    "jax": "https://docs.jax.dev/en/latest/installation.html",
}


class Finding(NamedTuple):
    """Algo que conviene saber: qué pasa, qué orden lo arregla y dónde lo explican.

    La frase no empieza por mayúscula, para que valga detrás de dos puntos.
    """

    severity: Literal["error", "warning", "ok"]
    """`error`: no se puede entrenar; `warning`: se puede, pero algo va peor; `ok`: todo bien."""
    id: str
    sentence: str
    cure: str = ""
    url: str = ""

    @property
    def line(self) -> str:
        """Frase y orden en una sola línea."""
        return f"{self.sentence} («{self.cure}»)" if self.cure else self.sentence


error = partial(Finding, "error")
warning = partial(Finding, "warning")
fine = partial(Finding, "ok")
