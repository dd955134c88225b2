"""Reglas sobre la GPU de un Mac con Apple silicon, cuando el motor no la ve."""

from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import METAL_PAGE, PYTORCH_PAGE, Told, warning


def _unused(facts: Facts) -> bool:
    apple_silicon = facts.system == "Darwin" and facts.architecture == "arm64"
    return apple_silicon and not facts.engine.gpus


@warning(PYTORCH_PAGE, lambda facts: _unused(facts) and facts.engine.name == "jax")
def jax_on_mac(facts: Facts) -> Told:
    """JAX no usa la GPU de los Mac."""
    return Told(
        "JAX no usa la GPU de los Mac, que solo usan TensorFlow, con tensorflow-metal, y PyTorch; "
        "prueba con PyTorch",
        facts.install_and_train("torch"),
    )


@warning(PYTORCH_PAGE, lambda facts: _unused(facts) and facts.engine.name == "torch")
def mps_not_seen(facts: Facts) -> Told:
    """PyTorch no la ve."""
    return Told(
        "PyTorch no ve la GPU de tu Mac, porque pide macOS 14 o posterior y tienes "
        f"{facts.os}; actualiza el sistema o entrena en la CPU"
    )


@warning(METAL_PAGE, lambda facts: _unused(facts) and "tensorflow-metal" in facts.distributions)
def metal_not_seen(facts: Facts) -> Told:
    """El complemento está, pero no sirve."""
    return Told(
        "tensorflow-metal está instalado, pero TensorFlow no ve la GPU de tu Mac; vuelve a "
        "instalar la pareja que funciona",
        facts.install("requirements-macos.txt", "--force-reinstall"),
    )


@warning(METAL_PAGE, _unused)
def metal_missing(facts: Facts) -> Told:
    """El complemento no está."""
    sentence = "falta tensorflow-metal, con el que TensorFlow usa la GPU de tu Mac; instálalo"
    if facts.python_fits_metal:
        return Told(sentence, facts.install("requirements-macos.txt"))
    return Told(
        f"{sentence} en un entorno con Python 3.12, porque no existe para versiones posteriores",
        facts.new_environment,
    )
