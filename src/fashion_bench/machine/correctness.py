"""¿Calcula bien la GPU? Un paso de entrenamiento, comparado con el mismo en la CPU."""

import numpy as np

from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends
from fashion_bench.machine.engines import quiet
from fashion_bench.record import Agreement, Precision
from fashion_bench.text import written

with quiet():
    import keras
    import tensorflow as tf

Step = tuple[float, list[np.ndarray]]


def agreement(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, device: str, precision: Precision
) -> Agreement:
    """Compara la pérdida y los gradientes de un lote en `device`, como `gpu:0`, y en la CPU.

    Args:
        model: modelo compilado con `precision`; no cambia.
        images: `(n, 28, 28, 1)`, de 0 a 255.
        labels: `(n,)`, de 0 a 9.

    Raises:
        TutorialError: si en `device` el paso no acaba.
    """
    reference = training_step(model, images, labels, "cpu", "float32")
    try:
        tried = training_step(model, images, labels, device, precision)
    except (RuntimeError, tf.errors.OpError) as error:
        first_line = str(error).strip().partition("\n")[0][:200]
        why = (
            f"falla en ella («{first_line}»): «python -m fashion_bench» dice qué se puede arreglar"
        )
        if backends.is_out_of_memory(error):
            why = "no cabe en su memoria: cierra otros programas que la usen (los da nvidia-smi)"
        raise TutorialError(
            f"La GPU se ve, pero un paso de entrenamiento {why}; mientras tanto, elige "
            "device='cpu'."
        ) from error
    return compare(reference, tried, precision)


def training_step(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, device: str, precision: Precision
) -> Step:
    """Da un paso de entrenamiento, sin azar, con una copia del modelo.

    Es de descenso por gradiente con tasa de aprendizaje 1: lo que cada peso cambia
    es su gradiente. La copia no apaga neuronas (Dropout), porque cada dispositivo sortea
    las suyas. Devuelve la pérdida y los gradientes, en el orden de `model.get_weights()`.
    """
    optimizer = keras.optimizers.SGD(1.0)
    if precision == "mixed_float16":  # los gradientes pequeños desaparecen sin escalar
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024)
    with keras.device(device):
        copy = keras.models.clone_model(
            model, clone_function=lambda layer: _without_chance(layer, precision)
        )
        copy.set_weights(model.get_weights())
        copy.compile(optimizer, model.loss, jit_compile=False, auto_scale_loss=False)
        loss = float(copy.train_on_batch(images, labels, return_dict=True)["loss"])
        after = copy.get_weights()
    return loss, [start - end for start, end in zip(model.get_weights(), after, strict=True)]


def compare(reference: Step, candidate: Step, precision: Precision) -> Agreement:
    """Compara dos pasos; de los gradientes cuenta la mayor diferencia de todas las capas."""
    loss = _difference(np.array(reference[0]), np.array(candidate[0]))
    gradient = max(map(_difference, reference[1], candidate[1]))
    return Agreement(
        precision=precision,
        loss_difference=loss if np.isfinite(loss) else None,
        gradient_difference=gradient if np.isfinite(gradient) else None,
    )


def describe(result: Agreement | None) -> str:
    """Cuenta en una frase el resultado; en rojo si el tiempo no va a contar."""
    if result is None:
        return "Se entrena en la CPU, que es la referencia: no hay nada que comparar."
    shown = [
        "infinita" if value is None else written(100 * value, 3, "%")
        for value in (result.loss_difference, result.gradient_difference)
    ]
    differences = (
        f"diferencia relativa, {shown[0]} en la pérdida y {shown[1]} en los gradientes; "
        f"se admite {written(100 * result.tolerance, 0, '%')}"
    )
    if result.ok:
        return f"La GPU calcula lo mismo que la CPU ({differences})."
    return (
        f"\x1b[31mLa GPU NO calcula lo mismo que la CPU ({differences}), y su tiempo no cuenta. "
        "Ejecuta «python -m fashion_bench», que dice qué se puede arreglar, o entrena con "
        "device='cpu'.\x1b[0m"
    )


def _difference(expected: np.ndarray, found: np.ndarray) -> float:
    """La norma de la resta entre la de lo esperado."""
    difference = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    return float(np.nan_to_num(difference, nan=np.inf))


def _without_chance(layer: keras.Layer, precision: Precision) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, keras.layers.Dropout):
        config["rate"] = 0.0
    if precision == "float32":
        config["dtype"] = "float32"
    return type(layer).from_config(config)
