"""De dónde sale una medida: con qué código, qué red y qué imágenes se entrenó de verdad."""

import hashlib
import subprocess
import warnings
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import keras

from fashion_bench import CHECKOUT, data, lesson
from fashion_bench.errors import TutorialError
from fashion_bench.machine.profiling import training_multiply_adds
from fashion_bench.record import (
    TOLERANCE,
    Accelerator,
    Agreement,
    Code,
    Data,
    Network,
    Precision,
    clean,
)

MOST_LAYERS = 200
"""Las que caben en un registro."""


class Conditions(NamedTuple):
    """Con qué se entrena de verdad: igual en todas las repeticiones de una ejecución."""

    network: Network
    data: Data
    epochs: int
    batch_size: int
    precision: Precision
    accelerator: Accelerator | None
    agreement: Agreement | None
    workers: int = 1


def code(notebook: str) -> Code:
    """Describe el código con el que se mide al ejecutar un cuaderno de la carpeta `notebooks/`."""
    cells = lesson.read(notebook).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    return Code(
        version=metadata.version("fashion-bench"),
        git_commit=_git_commit(),
        notebook=notebook,
        notebook_sha256=hashlib.sha256("\0".join(sources).encode()).hexdigest(),
    )


def describe_data(training_images: int, validation_images: int) -> Data:
    """Describe las imágenes con las que se entrena, se valida y se mide la exactitud."""
    return Data(
        sha256=data.fingerprint(),
        training_images=training_images,
        validation_images=validation_images,
        test_images=data.TEST_IMAGES,
    )


def precision(model: keras.Model) -> Precision:
    """Devuelve la precisión con la que calcula la primera capa que tiene pesos.

    Raises:
        TutorialError: si no es de las que se miden.
    """
    name: Precision = next(layer.dtype_policy.name for layer in model.layers if layer.weights)
    if name not in TOLERANCE:
        raise TutorialError(
            f"La precisión {name} no se mide aquí: elige {', '.join(TOLERANCE)} en la celda de los "
            "parámetros."
        )
    return name


def describe_network(model: keras.Model) -> Network:
    """Describe un modelo compilado por sus capas, su optimizador y su número de pesos."""
    operations = max(1, 2 * training_multiply_adds(model))  # además, da forma a lo que falte
    layers = [_describe_layer(layer) for layer in model.layers]
    if len(layers) > MOST_LAYERS:
        layers[MOST_LAYERS - 1 :] = [f"y {len(layers) - MOST_LAYERS + 1} más"]
    return Network(
        layers=layers,
        optimizer=clean(_describe_optimizer(model.optimizer) + _describe_loss(model.loss)),
        weights=model.count_params(),
        training_operations=operations,
    )


def _describe_optimizer(optimizer: keras.Optimizer) -> str:
    # Con mixed_float16, Keras envuelve el optimizador elegido en otro que escala la pérdida.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    try:
        rate = optimizer.get_config()["learning_rate"]
    except NotImplementedError:  # una tasa propia, que no dice cómo se hace
        rate = type(optimizer._learning_rate).__name__
    if not isinstance(rate, dict):
        return f"{type(optimizer).__name__} learning_rate={_flat(rate)}"
    shown = [rate["class_name"]]  # una tasa que cambia durante el entrenamiento
    for name, value in rate["config"].items():
        if name == "initial_learning_rate" and value:
            shown.insert(1, _flat(value))
        elif value and name not in ("name", "decay_steps"):
            shown.append(f"{name}={_flat(value)}")
    return f"{type(optimizer).__name__} learning_rate={' '.join(shown)}"


def _describe_loss(loss: object) -> str:
    """Qué pérdida baja, si no es la entropía cruzada."""
    name = str(getattr(loss, "name", None) or getattr(loss, "__name__", loss))
    usual = loss is None or name.endswith("categorical_crossentropy")
    return "" if usual else f" loss={name}"


def _describe_layer(layer: keras.Layer) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):  # de que una lambda no se puede guardar
            config = layer.get_config()
    except NotImplementedError:  # una capa propia, que no dice cómo se hace
        config = {}
    keys = ("filters", "kernel_size", "pool_size", "strides", "padding", "units", "rate", "scale")
    shown = [f"{key}={_flat(config[key])}" for key in (*keys, "activation") if key in config]
    return clean(" ".join([type(layer).__name__, *shown]))


def _flat(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):  # una función o una capa, tal como Keras las guarda
        kind, given = value.get("class_name"), value.get("config")
        return str(given) if kind == "function" else str(kind or "lambda").strip("_")
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _git_commit() -> str | None:
    """Versión del código en git, con «-dirty» si el paquete tiene cambios sin confirmar.

    Los cambios del cuaderno no cuentan aquí: los delata `notebook_sha256`.
    """
    if CHECKOUT is None:  # el paquete se instaló suelto: la carpeta en la que se usa no es de git
        return None  # o no es el git de este código, y de él dice bastante la versión
    commit = _git("rev-parse", "--short=12", "HEAD")
    top = _git("rev-parse", "--show-toplevel")
    if commit is None or not top or Path(top).resolve() != CHECKOUT:
        return None  # sin git, sin confirmaciones todavía o dentro del git de otra cosa
    return f"{commit}-dirty" if _git("status", "--porcelain", "--", "src") else commit


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True)
    except FileNotFoundError:  # no hay git: el proyecto se descargó como ZIP
        return None
    return done.stdout.strip() if done.returncode == 0 else None
