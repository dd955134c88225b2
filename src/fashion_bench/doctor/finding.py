"""Un hallazgo del diagnóstico, cómo se declara la regla que lo deduce y dónde explican su arreglo.

Las páginas son oficiales.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Literal, NamedTuple

from fashion_bench.doctor.facts import Facts
from fashion_bench.record import Frozen

TENSORFLOW_PAGE = "https://www.tensorflow.org/install/pip"
TENSORFLOW_ERRORS_PAGE = "https://www.tensorflow.org/install/errors"
TENSORFLOW_GPU_PAGE = "https://www.tensorflow.org/guide/gpu"
DRIVER_PAGE = "https://www.nvidia.com/drivers"
WSL_DRIVER_PAGE = "https://docs.nvidia.com/cuda/wsl-user-guide/index.html"
WSL_PAGE = "https://learn.microsoft.com/windows/wsl/install"
METAL_PAGE = "https://developer.apple.com/metal/tensorflow-plugin/"
PYTHON_PAGE = "https://www.python.org/downloads/"
PYTORCH_PAGE = "https://pytorch.org/get-started/locally/"
JAX_PAGE = "https://docs.jax.dev/en/latest/installation.html"
CUDNN_PAGE = (
    "https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/support-matrix.html"
)
CONTAINER_PAGE = (
    "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
)
PAGES = {"tensorflow": TENSORFLOW_PAGE, "torch": PYTORCH_PAGE, "jax": JAX_PAGE}

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
    hint: str = ""
    """Qué hacer si la causa no es la que parece."""
    url: str = ""

    @property
    def line(self) -> str:
        """Frase y orden en una sola línea."""
        return f"{self.sentence} («{self.cure}»)" if self.cure else self.sentence


class Told(NamedTuple):
    """Lo que dice una regla; lo demás de su hallazgo va en su decorador."""

    sentence: str
    cure: str = ""
    hint: str = ""


Rule = Callable[[Facts], Finding | None]


def rule(
    severity: Severity | Callable[[Facts], Severity],
    url: str | Callable[[Facts], str] = "",
    when: Callable[[Facts], object] = lambda _: True,
) -> Callable[[Callable[[Facts], Told | None]], Rule]:
    """Decorador de una regla: de lo que dice hace un hallazgo que se llama como ella.

    Args:
        severity: su gravedad, o cómo se deduce de los hechos.
        url: la página que lo explica, o cómo se deduce de los hechos.
        when: si con esos hechos hay algo que decir; lo que no quepa aquí lo decide la regla.
    """

    def decorate(judge: Callable[[Facts], Told | None]) -> Rule:
        @wraps(judge)
        def found(facts: Facts) -> Finding | None:
            told = judge(facts) if when(facts) else None
            return told and Finding(
                id=judge.__name__.replace("_", "-"),
                severity=severity(facts) if callable(severity) else severity,
                url=url(facts) if callable(url) else url,
                **told._asdict(),
            )

        return found

    return decorate


error = partial(rule, "error")
warning = partial(rule, "warning")
fine = partial(rule, "ok")


def engine_page(facts: Facts) -> str:
    """La página que explica cómo se instala el motor."""
    return PAGES[facts.engine.name]


def gpu_page(facts: Facts) -> str:
    """La página de la GPU de un Mac o, en otro equipo, la de cómo se instala el motor."""
    return METAL_PAGE if facts.system == "Darwin" else engine_page(facts)


def driver_page(facts: Facts) -> str:
    """La página del controlador de NVIDIA."""
    return WSL_DRIVER_PAGE if facts.wsl else DRIVER_PAGE
