"""Elegir dónde se entrena y, si no se puede en la GPU, saber por qué."""

from fashion_bench.doctor import diagnosis, trial
from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.probe import gather
from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends
from fashion_bench.record import Backend


def choose_device(requested: str, backend: Backend) -> None:
    """Deja a la vista solo el dispositivo pedido.

    Args:
        requested: `auto` (la GPU si la hay), `cpu` (esconde la GPU) o `gpu`.
        backend: motor de Keras, ya importado.

    Raises:
        TutorialError: si se pide una GPU y el motor no ve ninguna, o si TensorFlow ya está
            en marcha con otro dispositivo.
    """
    backends.hide_devices(requested, backend)
    if requested == "gpu" and backends.gpu_name(backend) is None:
        raise TutorialError(
            "No se puede entrenar en la GPU (device='gpu'): "
            f"{diagnosis.verdict(facts(backend)).line}. Si no, elige device='auto' o device='cpu'."
        )


def facts(backend: Backend) -> Facts:
    """Reúne los hechos con los que se juzga, una vez elegido el dispositivo."""
    seen = gather(backend, trial.ask(backend))
    if diagnosis.verdict(seen).severity == "ok":
        return seen
    return gather(backend)  # en un proceso nuevo, el motor dice además qué le falla
