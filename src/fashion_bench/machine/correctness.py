"""¿Calcula bien la GPU? Tres pasos de entrenamiento, comparados con los mismos en la CPU.

Son del optimizador de la red y con dos tamaños de lote: ahí estaban los fallos publicados, en la
actualización de Adam (pytorch#118115), al cambiar de lote (pytorch#177116) o con tablas grandes
(pytorch#96225, #153957). La CPU da cada paso desde donde estaba la GPU y mueve los pesos con los
gradientes de ella, o un redondeo parecería un fallo: Adam empieza por mirar solo su signo, y en
tres pasos la diferencia de los gradientes en bfloat16 crece del 8 % al 40 %.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends
from fashion_bench.machine.engines import quiet
from fashion_bench.record import STRICT_TOLERANCE, Agreement, Precision
from fashion_bench.text import written

with quiet():
    import keras
    import tensorflow as tf

NOTHING = 1e-4
"""Los gradientes de una tabla, si son menores que esta parte de los de la mayor, se comparan con
ella: los de un sesgo con BatchNormalization detrás son cero, más el redondeo."""


class Step(NamedTuple):
    """Un paso: cómo estaban las tablas de los pesos y las del optimizador, y cuánto cambiaron."""

    start: list[np.ndarray]
    loss: list[np.ndarray]
    gradients: list[np.ndarray]
    changes: list[np.ndarray]


class Recording(keras.optimizers.Optimizer):
    """Hace que un optimizador guarde los gradientes; con `replays`, aplica los que ya guardaba."""

    replays: bool

    def build(self, variables: list[keras.Variable]) -> None:
        if not self.built:
            super().build(variables)
            self.kept = self.add_optimizer_variables(variables, "gradient")

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        applied = [keras.ops.copy(kept) for kept in self.kept] if self.replays else grads
        for kept, gradient in zip(self.kept, grads, strict=True):
            kept.assign(gradient)
        super().apply(applied, trainable_variables)


def agreement(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, device: str, precision: Precision
) -> Agreement:
    """Compara tres pasos de entrenamiento dados en `device`, como `gpu:0`, con los de la CPU.

    Args:
        model: modelo compilado con `precision`; no cambia.
        images: un lote como los del entrenamiento: `(n, 28, 28, 1)`, de 0 a 255.
        labels: `(n,)`, de 0 a 9.

    Raises:
        TutorialError: si en `device` algún paso no acaba.
    """
    try:
        tried = training_steps(model, images, labels, device, precision)
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
    return compare(training_steps(model, images, labels, "cpu", "float32", tried), tried, precision)


def training_steps(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    device: str,
    precision: Precision,
    replayed: Sequence[Step] = (),
) -> list[Step]:
    """Da tres pasos, sin azar, con una copia del modelo y de su optimizador, sin estrenar.

    El primero y el tercero, con todas las imágenes; el segundo, con la mitad o una más. Con
    `replayed`, cada uno parte de donde partió aquel y mueve los pesos con los gradientes de aquel.
    """
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    kind: Any = type("Recording", (Recording, type(inner)), {"replays": bool(replayed)})
    with keras.device(device):
        optimizer = recorder = kind.from_config(inner.get_config())
        if precision == "mixed_float16":  # Keras empieza por 32 768 y, si se pasa, no da el paso
            optimizer = keras.optimizers.LossScaleOptimizer(recorder, initial_scale=1024)
        copy = keras.models.clone_model(
            model, clone_function=lambda layer: _without_chance(layer, precision), recursive=True
        )
        copy.set_weights(model.get_weights())
        on_jax = keras.backend.backend() == "jax"  # sin XLA, JAX compila cada operación aparte
        copy.compile(optimizer, model.loss, jit_compile=on_jax, auto_scale_loss=False)
        recorder.build(copy.trainable_variables)
        optimizer.build(copy.trainable_variables)
        variables = [*copy.trainable_variables, *recorder.variables]  # los gradientes, al final
        steps: list[Step] = []
        for size in (len(labels), len(labels) // 2 | 1, len(labels)):
            if replayed:
                tables = replayed[len(steps)].start + replayed[len(steps)].gradients
                for variable, value in zip(variables, tables, strict=True):
                    variable.assign(value)
            start = _values(variables)[: -len(recorder.kept)]
            loss = copy.train_on_batch(images[-size:], labels[-size:], return_dict=True)["loss"]
            end = _values(variables)
            changes = [after - before for before, after in zip(start, end, strict=False)]
            steps.append(Step(start, [np.array(loss, float)], end[len(start) :], changes))
    return steps


def compare(
    reference: Sequence[Step], candidate: Sequence[Step], precision: Precision
) -> Agreement:
    """Compara los pasos; de cada cosa cuenta la mayor diferencia de todas las tablas y pasos."""
    pairs = list(zip(reference, candidate, strict=True))
    loss = max(_difference(right.loss, found.loss) for right, found in pairs)
    gradient = max(_difference(right.gradients, found.gradients, NOTHING) for right, found in pairs)
    update = max(_difference(right.changes, found.changes) for right, found in pairs)
    return Agreement(
        precision=precision,
        loss_difference=loss if np.isfinite(loss) else None,
        gradient_difference=gradient if np.isfinite(gradient) else None,
        update_difference=update if np.isfinite(update) else None,
    )


def describe(result: Agreement | None) -> str:
    """Cuenta en una frase el resultado; en rojo si el tiempo no va a contar."""
    if result is None:
        return "Se entrena en la CPU, que es la referencia: no hay nada que comparar."
    loss, update, gradient = (
        "infinita" if value is None else written(100 * value, 3, "%")
        for value in (result.loss_difference, result.update_difference, result.gradient_difference)
    )
    strict, loose = (written(100 * each, 0, "%") for each in (STRICT_TOLERANCE, result.tolerance))
    differences = (
        f"diferencia relativa, {loss} en la pérdida y {update} en lo que se mueven los pesos, con "
        f"un {strict} admitido, y {gradient} en los gradientes, con un {loose}"
    )
    if result.ok:
        return f"La GPU calcula lo mismo que la CPU ({differences})."
    return (
        f"\x1b[31mLa GPU NO calcula lo mismo que la CPU ({differences}), y su tiempo no cuenta. "
        "Ejecuta «python -m fashion_bench», que dice qué se puede arreglar, o entrena con "
        "device='cpu'.\x1b[0m"
    )


def _difference(expected: list[np.ndarray], found: list[np.ndarray], nothing: float = 0) -> float:
    """De unas tablas, la mayor norma de la resta entre la de lo esperado; o infinito."""
    sizes = np.array([np.linalg.norm(table) for table in expected])
    errors = np.array([np.linalg.norm(f - e) for e, f in zip(expected, found, strict=True)])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = errors / np.where(sizes < nothing * sizes.max(), sizes.max(), sizes)
    return float(np.nan_to_num(np.where(errors == 0, 0, relative), nan=np.inf, posinf=np.inf).max())


def _values(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable), float) for variable in variables]


def _without_chance(layer: keras.Layer, precision: Precision) -> keras.Layer:
    """La misma capa, con los pesos a cero; si solo sortea, como Dropout, una que no hace nada."""
    kind, config = type(layer), layer.get_config()
    draws = any(isinstance(part, keras.random.SeedGenerator) for part in vars(layer).values())
    if draws and not layer.weights:  # cada dispositivo sortearía lo suyo
        kind, config = keras.layers.Identity, {"name": layer.name, "dtype": config["dtype"]}
    if precision == "float32":
        config["dtype"] = "float32"
    for name in config:
        if name.endswith("_initializer"):  # sortear unos pesos que no valen cuesta 1 s con JAX
            config[name] = "zeros"
    return kind.from_config(config)
