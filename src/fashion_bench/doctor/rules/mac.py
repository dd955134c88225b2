"""Reglas sobre la GPU de un Mac con Apple silicon, cuando el motor no la ve."""

from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import METAL_PAGE, PYTORCH_PAGE, Told, warning


@warning(PYTORCH_PAGE)
def jax_on_mac(facts: Facts) -> Told | None:
    """JAX no usa la GPU de los Mac."""
    if not _unused_metal(facts) or facts.engine.name != "jax":
        return None
    return Told(
        "JAX no usa la GPU de los Mac, que solo usan TensorFlow, con tensorflow-metal, y PyTorch; "
        "prueba con PyTorch",
        facts.install_and_train("torch"),
    )


@warning(PYTORCH_PAGE)
def mps_not_seen(facts: Facts) -> Told | None:
    """PyTorch no la ve."""
    if not _unused_metal(facts) or facts.engine.name != "torch":
        return None
    return Told(
        "PyTorch no ve la GPU de tu Mac, porque pide macOS 14 o posterior y tienes "
        f"{facts.os}; actualiza el sistema o entrena en la CPU"
    )


@warning(METAL_PAGE)
def metal_not_seen(facts: Facts) -> Told | None:
    """El complemento está, pero no sirve."""
    if not _unused_metal(facts) or "tensorflow-metal" not in facts.distributions:
        return None
    return Told(
        "tensorflow-metal está instalado, pero TensorFlow no ve la GPU de tu Mac; vuelve a "
        "instalar la pareja que funciona",
        facts.install("requirements-macos.txt", "--force-reinstall"),
    )


@warning(METAL_PAGE)
def metal_missing(facts: Facts) -> Told | None:
    """El complemento no está."""
    if not _unused_metal(facts):
        return None
    sentence = "falta tensorflow-metal, con el que TensorFlow usa la GPU de tu Mac; instálalo"
    if facts.python_fits_metal:
        return Told(sentence, facts.install("requirements-macos.txt"))
    return Told(
        f"{sentence} en un entorno con Python 3.12, porque no existe para versiones posteriores",
        facts.new_environment,
    )


def _unused_metal(facts: Facts) -> bool:
    apple_silicon = facts.system == "Darwin" and facts.architecture == "arm64"
    return apple_silicon and not facts.engine.gpus
