"""Apunta una ejecución mientras ocurre, para que nada de lo medido se pierda."""

import hashlib
import secrets
import signal
import subprocess
import threading
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from types import FrameType, TracebackType
from typing import Self

import keras
import nbformat

from fashion_bench import NOTEBOOKS_DIR, PROJECT_DIR, backends
from fashion_bench.environment import Accelerator, Machine, Software
from fashion_bench.errors import TutorialError
from fashion_bench.parameters import Distribution, Training
from fashion_bench.records import (
    ACCURACY_FLOOR,
    SCHEMA_VERSION,
    Agreement,
    Code,
    Data,
    Network,
    Record,
    Repeat,
    RunParameters,
    floor_met,
    write_atomically,
)
from fashion_bench.text import clean, clean_label
from fashion_bench.timing import EpochClock


class Recorder(keras.callbacks.Callback):
    """Apunta una ejecución y la guarda después de cada época.

    Como `callback` de Keras, reescribe el fichero al terminar cada época: de forma atómica y
    con el estado `interrupted`, de modo que si el equipo se apaga a mitad queda un registro
    válido con lo ya hecho. Como contexto (`with recorder:`), si algo falla o se interrumpe
    lo deja dicho en el registro. Ctrl-C, o el botón de detener, espera a que acabe el lote en
    marcha: si corta a TensorFlow en mitad de un paso, a veces muere el proceso entero. La segunda
    vez ya no espera.

    Args:
        folder: carpeta de resultados que devolvió `prepare_folder`.
        parameters: parámetros de la ejecución.
        network: la red, según `describe_network`.
        data: las imágenes que se usan.
        machine: el equipo.
        software: las versiones.
        accelerator: la GPU, o `None` si se entrena en la CPU.
    """

    def __init__(
        self,
        folder: Path,
        *,
        parameters: Training | Distribution,
        network: Network,
        data: Data,
        machine: Machine,
        software: Software,
        accelerator: Accelerator | None,
    ) -> None:
        super().__init__()
        now = datetime.now(UTC).replace(microsecond=0)
        automatic_label = accelerator.name if accelerator else machine.cpu
        self.agreement: Agreement | None = None
        self.repeats: list[Repeat] = []
        self._current: tuple[int, float, EpochClock] | None = None
        self._saved = False
        self._stop_asked = False
        self._facts = {
            "schema_version": SCHEMA_VERSION,
            "run_id": f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
            "created_utc": now,
            "code": _code(),
            "label": parameters.machine_name.strip() or clean_label(automatic_label),
            "machine": machine,
            "accelerator": accelerator,
            "software": software,
            "parameters": RunParameters(
                **{"precision": "float32", "repeats": 1}  # los del cuaderno 04, que no los ofrece
                | parameters.model_dump(include=RunParameters.model_fields.keys())
            ),
            "data": data,
            "network": network,
            "accuracy_floor": ACCURACY_FLOOR,
        }
        self.path = folder / f"{self._facts['run_id']}.json"

    def start(self, seed: int, setup_seconds: float, clock: EpochClock) -> None:
        """Empieza a apuntar una repetición, que medirá `clock`."""
        self._current = (seed, setup_seconds, clock)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Desde aquí, Ctrl-C espera al final del lote."""
        if threading.current_thread() is threading.main_thread():  # solo él recibe Ctrl-C
            signal.signal(signal.SIGINT, self._ask_to_stop)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        self._stop_if_asked()

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        self._stop_if_asked()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Ctrl-C vuelve a cortar sin más."""
        self._cut_at_once()
        self._stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Guarda las épocas terminadas hasta ahora."""
        self._save("interrupted", "la ejecución no llegó al final")

    def finish(self, test_loss: float, test_accuracy: float) -> None:
        """Cierra la repetición con su pérdida y su exactitud en prueba, y guarda."""
        self.repeats.append(self._repeat(test_loss, test_accuracy))
        self._current = None
        if len(self.repeats) == self._facts["parameters"].repeats:
            self._save("ok", None)
            if not self._saved:
                print(self.record("ok", None).model_dump_json())

    def record(self, status: str, reason: str | None) -> Record:
        """Devuelve el registro tal como está ahora."""
        repeats = list(self.repeats)
        if self._current and self._current[2].epoch_seconds:
            repeats.append(self._repeat(None, None))
        return Record(
            **self._facts,
            status=status,
            reason=reason,
            repeats=repeats,
            floor_met=floor_met(repeats, ACCURACY_FLOOR),
            agreement=self.agreement,
        )

    def saved_path(self) -> Path:
        """Devuelve dónde está el registro.

        Raises:
            TutorialError: si no se ha podido guardar.
        """
        if not self._saved:
            raise TutorialError(
                f"El registro no se ha podido guardar en {self.path.parent}: copia el texto JSON "
                f"que hay tras el entrenamiento a un fichero {self.path.name}."
            )
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            return
        self._cut_at_once()
        if isinstance(error, KeyboardInterrupt):
            self._save("interrupted", "alguien detuvo la ejecución")
        else:
            self._save("failed", _reason(error))
        if self._saved:
            print(f"Lo hecho hasta aquí queda en {self.path}", flush=True)
        if backends.is_out_of_memory(error):
            batch_size = self._facts["parameters"].batch_size
            raise TutorialError(
                f"El lote de {batch_size} imágenes no cabe en la memoria del dispositivo: "
                f"prueba con batch_size={max(1, batch_size // 2)}."
            ) from error

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True
        self._cut_at_once()

    def _stop_if_asked(self) -> None:
        if self._stop_asked:
            raise KeyboardInterrupt

    def _cut_at_once(self) -> None:
        if signal.getsignal(signal.SIGINT) == self._ask_to_stop:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _repeat(self, test_loss: float | None, test_accuracy: float | None) -> Repeat:
        seed, setup_seconds, clock = self._current
        return Repeat(
            seed=seed,
            setup_seconds=setup_seconds,
            epoch_seconds=clock.epoch_seconds,
            total_seconds=clock.total_seconds,
            images_per_second=clock.images / median(clock.epoch_seconds),
            test_accuracy=test_accuracy,
            test_loss=test_loss,
            energy_joules=clock.energy_joules,
        )

    def _save(self, status: str, reason: str | None) -> None:
        text = self.record(status, reason).model_dump_json(indent=1) + "\n"
        try:
            write_atomically(self.path, text)
        except OSError as error:
            self._saved = False
            print(f"Aviso: no se puede guardar el registro en {self.path} ({error.strerror}).")
        else:
            self._saved = True


def describe_network(model: keras.Model) -> Network:
    """Describe un modelo compilado por sus capas, su optimizador y su número de pesos."""
    return Network(
        layers=[_describe_layer(layer) for layer in model.layers],
        optimizer=_describe_optimizer(model.optimizer),
        weights=model.count_params(),
    )


def _describe_optimizer(optimizer: keras.Optimizer) -> str:
    # Con mixed_float16, Keras envuelve el optimizador elegido en otro que escala la pérdida.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = optimizer.get_config()["learning_rate"]
    if isinstance(rate, dict):  # una tasa que cambia durante el entrenamiento
        rate = f"{rate['class_name']} {rate['config']['initial_learning_rate']}"
    else:
        rate = f"{rate:g}"
    return f"{type(optimizer).__name__} learning_rate={rate}"


def _describe_layer(layer: keras.Layer) -> str:
    config = layer.get_config()
    keys = ("filters", "kernel_size", "pool_size", "strides", "padding", "units", "rate", "scale")
    values = {key: config[key] for key in (*keys, "activation") if key in config}
    return " ".join([type(layer).__name__, *(f"{key}={_flat(values[key])}" for key in values)])


def _flat(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _code() -> Code:
    notebook = nbformat.read(NOTEBOOKS_DIR / "01_fashion_mnist_cnn.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return Code(
        version=metadata.version("fashion-bench"),
        git_commit=_git_commit(),
        notebook_sha256=hashlib.sha256("\0".join(sources).encode()).hexdigest(),
    )


def _git_commit() -> str | None:
    """Versión del código en git, con «-dirty» si el paquete tiene cambios sin confirmar.

    Los cambios del cuaderno no cuentan aquí: los delata `notebook_sha256`.
    """
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "src")
    return commit if not changed else f"{commit}-dirty"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=PROJECT_DIR, capture_output=True, text=True)
    except OSError:  # no hay git: el proyecto se descargó como ZIP
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _reason(error: BaseException) -> str:
    # Solo el tipo: el texto de un error ajeno puede llevar rutas o nombres de la persona.
    if backends.is_out_of_memory(error):
        return "el lote no cabe en la memoria del dispositivo"
    return clean(f"error {type(error).__name__}")
