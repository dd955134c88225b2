"""Anota una ejecución mientras ocurre, para que nada de lo medido se pierda."""

import gc
import math
import secrets
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import FrameType, TracebackType
from typing import Any, Literal, NamedTuple, Self

import keras

from fashion_bench import data
from fashion_bench.compare import interval
from fashion_bench.errors import TutorialError, cause
from fashion_bench.figures import Record
from fashion_bench.folders import shown, write_atomically
from fashion_bench.lesson import NOTEBOOK
from fashion_bench.machine import backends, hardware
from fashion_bench.machine.calibration import calibrate
from fashion_bench.machine.memory import out_of_memory
from fashion_bench.measure import provenance
from fashion_bench.measure.clock import EpochClock
from fashion_bench.measure.provenance import Conditions
from fashion_bench.parameters import Sized
from fashion_bench.record import (
    SCHEMA_VERSION,
    Agreement,
    Calibration,
    Repeat,
    RunParameters,
    clean,
    clean_label,
)

Status = Literal["ok", "failed", "interrupted"]

NOT_ALIKE = (
    "Todas las repeticiones de una ejecución se entrenan igual, y esta no: vuelve a ejecutar el "
    "cuaderno desde la celda de los parámetros."
)


class Recorder(keras.callbacks.Callback):
    """Anota una ejecución, en un solo archivo, y lo guarda después de cada época.

    Se usa como contexto y una sola vez, alrededor del entrenamiento:

        `with Recorder(folder, "Mi equipo") as recorder:`

    Cada guardado es atómico y, hasta el final, con el estado `interrupted`: si el equipo se apaga
    queda un registro válido con lo ya hecho.

    Como `callback` de un `fit`, anota con qué se entrena de verdad. No recorre los datos: si se
    barajan, la vez siguiente salen en otro orden, y mirar cambiaría lo que se entrena. Con el reloj
    parado, mira de cuántas imágenes ha hecho Keras la media de la pérdida; hasta que acaba la
    primera época vale lo que dicen el reloj y los parámetros.

    Mientras se entrena, Ctrl-C o el botón de detener esperan a que acabe el lote en marcha: si
    cortan a TensorFlow en mitad de un paso, a veces muere el proceso entero. La segunda vez ya no
    se espera.

    Args:
        folder: carpeta de resultados que devolvió `prepare_folder`.
        machine_name: nombre del equipo; vacío, el de su GPU o su CPU.
        agreement: si la GPU calcula lo mismo que la CPU; `None` si no se ha comprobado.
        notebook: nombre del cuaderno que se ejecuta.
    """

    def __init__(
        self,
        folder: Path,
        machine_name: str = "",
        agreement: Agreement | None = None,
        notebook: str = NOTEBOOK,
    ) -> None:
        super().__init__()
        now = datetime.now(UTC).replace(microsecond=0)
        self._label = machine_name.strip()
        self._agreement = agreement
        self._machine = hardware.machine()
        self._facts: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "run_id": f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
            "created_utc": now,
            "code": provenance.code(notebook),
            "machine": self._machine,
            "software": backends.software(),
        }
        self.path = folder / f"{self._facts['run_id']}.json"
        self._conditions: Conditions | None = None
        self._first_seed = 0
        self._repeats: list[Repeat] = []
        self._calibration: list[Calibration] = []
        self._current: Training | None = None
        self._ending: tuple[Status, str | None] | None = None
        self._on_interrupt: Any = None

    @property
    def record(self) -> Record:
        """El registro, tal como está ahora.

        Raises:
            TutorialError: si todavía no se ha entrenado nada.
        """
        if self._conditions is None:
            raise TutorialError("Todavía no hay registro: falta entrenar al menos una época.")
        conditions = self._conditions
        device = conditions.accelerator.name if conditions.accelerator else self._machine.cpu
        repeats = list(self._repeats)
        if self._current and self._current.clock.epoch_seconds:
            repeats.append(self._current.repeat(None, None))
        status, reason = self._ending or ("interrupted", "la ejecución no llegó al final")
        return Record(
            **self._facts,
            status=status,
            reason=reason,
            label=self._label or clean_label(device),
            accelerator=conditions.accelerator,
            agreement=conditions.agreement,
            network=conditions.network,
            data=conditions.data,
            parameters=RunParameters(
                epochs=conditions.epochs,
                batch_size=conditions.batch_size,
                train_samples=conditions.data.training_images + conditions.data.validation_images,
                precision=conditions.precision,
                repeats=max(1, len(repeats)),
                seed=self._first_seed,
                workers=conditions.workers,
            ),
            repeats=repeats,
            calibration=self._calibration,
        )

    def finished(self) -> Record:
        """Devuelve el registro de un entrenamiento que llegó al final.

        Raises:
            TutorialError: si se detuvo o falló.
        """
        if self._ending != ("ok", None):
            raise TutorialError(
                "El entrenamiento no llegó al final: ejecuta otra vez la celda que entrena, en el "
                "apartado 9."
            )
        return self.record

    def seeds(self, first: int, most: int, margin: float = 0) -> Iterator[int]:
        """Da las semillas de las repeticiones: `first` y las siguientes, `most` como mucho.

        Si `margin` no es cero, se para en cuanto el intervalo del 95 % de la época típica, que sale
        de lo medido hasta entonces, mide menos de ese tanto por ciento de ella.
        """
        for seed in range(first, first + most):
            if margin and self._repeats:
                typical = interval.typical([median(each.epoch_seconds) for each in self._repeats])
                if 100 * (typical.high - typical.low) < margin * typical.value:
                    return
            gc.collect()  # la red de antes y sus datos esperan, si no, a que Python se acuerde
            yield seed

    def follow(self, clock: EpochClock, seed: int, setup_seconds: float, config: Sized) -> Self:
        """Se prepara para anotar un `fit`, que es una repetición, y se devuelve: es su `callback`.

        Va detrás de `clock`, el reloj del mismo `fit`, en la lista de `callbacks`; `config` son los
        parámetros de los que salieron los lotes y `setup_seconds`, lo que duró el calentamiento.
        """
        self._followed = (seed, setup_seconds, clock)
        self._batch_size = min(config.batch_size, clock.images)
        self._images = clock.images
        self._validation_images = config.train_samples - clock.images
        self._steps = 0
        self._validated = self._stop_asked = False
        return self

    def start(
        self, conditions: Conditions, seed: int, setup_seconds: float, clock: EpochClock
    ) -> None:
        """Empieza a anotar una repetición, que medirá `clock`.

        Raises:
            TutorialError: si esta ejecución ya ha acabado, si la repetición no se entrena como las
                anteriores o si falta comprobar la GPU.
        """
        self._refuse_if_closed()
        before = self._conditions or conditions
        if conditions._replace(data=before.data, batch_size=before.batch_size) != before:
            raise TutorialError(NOT_ALIKE)
        checked = conditions.agreement
        if conditions.accelerator and (not checked or checked.precision != conditions.precision):
            raise TutorialError(
                "Antes de entrenar en la GPU hay que comprobar que calcula bien con esta red y "
                "esta precisión: ejecuta antes la celda que lo comprueba."
            )
        if self._conditions is None:
            self._conditions, self._first_seed = conditions, seed
        self._current = Training(seed, setup_seconds, clock, [])

    def save_epochs(self) -> bool:
        """Guarda las épocas terminadas hasta ahora y dice si ha podido."""
        try:
            write_atomically(self.path, self.record.model_dump_json(indent=1) + "\n")
        except OSError as error:
            print(f"Aviso: no se puede guardar {shown(self.path)} ({cause(error)}).")
            return False
        return True

    def finish(self, test_loss: float, test_accuracy: float) -> None:
        """Cierra la repetición con su evaluación: pérdida y exactitud (de 0 a 1), y guarda."""
        assert self._current is not None
        loss = test_loss if math.isfinite(test_loss) else None
        self._repeats.append(self._current.repeat(loss, round(test_accuracy * data.TEST_IMAGES)))
        self._current = None
        self.save_epochs()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Anota con qué se entrena y, la primera vez, mide el dispositivo."""
        accelerator = backends.accelerator_of(self.model)
        conditions = Conditions(
            network=provenance.describe_network(self.model),
            data=provenance.describe_data(self._images, self._validation_images),
            epochs=self.params["epochs"],
            batch_size=self._batch_size,
            precision=provenance.precision(self.model),
            accelerator=accelerator,
            agreement=self._agreement if accelerator else None,
        )
        self.start(conditions, *self._followed)
        if not self._calibration:
            self._calibration.append(calibrate(conditions.precision))
        main = threading.current_thread() is threading.main_thread()  # solo él recibe Ctrl-C
        if main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._on_interrupt = signal.signal(signal.SIGINT, self._ask_to_stop)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        self._steps = batch + 1
        self._stop_if_asked()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Mira con cuántas imágenes se ha entrenado; al validar, Keras empieza otra cuenta."""
        self._images, self._validated = self._counted(), True

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        self._stop_if_asked()

    def on_test_end(self, logs: dict | None = None) -> None:
        """Mira con cuántas imágenes se ha validado."""
        self._validation_images = self._counted()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Corrige con lo que ha visto Keras lo que se dijo al empezar, y guarda la época.

        Raises:
            TutorialError: si los lotes no son del tamaño que se dijo o si las repeticiones
                anteriores no se entrenaron así; esta no queda anotada.
        """
        assert self._conditions is not None
        assert self._current is not None
        if not self._validated:
            self._images, self._validation_images = self._counted(), 0
        batch_size = min(self._batch_size, self._images)
        seen = self._conditions._replace(
            data=provenance.describe_data(self._images, self._validation_images),
            batch_size=batch_size,
        )
        alike = seen == self._conditions or not self._repeats
        if not alike or self._steps != math.ceil(self._images / batch_size):
            self._current = None
            if not self._repeats:
                self._conditions = None
            if not alike:
                raise TutorialError(NOT_ALIKE)
            raise TutorialError(
                f"El registro no diría la verdad: según los parámetros, los lotes son de "
                f"{batch_size} imágenes, pero esta época ha tenido {self._images} imágenes en "
                f"{self._steps} lotes. Cambia `batch_size` en la celda de los parámetros."
            )
        self._conditions = seen
        self._current.losses.append(float(logs["loss"]))
        self.save_epochs()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Ctrl-C vuelve a hacer lo que hacía."""
        self._stop_listening()
        self._stop_if_asked()

    def __enter__(self) -> Self:
        self._refuse_if_closed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_listening()
        self._ending = self._how_it_ended(error)
        if self._conditions is None:
            return
        if error is None and self._calibration:
            self._calibration.append(calibrate(self._conditions.precision))
        saved, record = self.save_epochs(), self.record
        if saved:
            if record.drift:
                print(f"Aviso: mientras se entrenaba, el equipo cambió ({record.drift}).")
            print(f"Registro guardado en {shown(self.path)}", flush=True)
        else:
            print(f"Copia este texto a un archivo {self.path.name} y no se perderá nada:")
            print(record.model_dump_json(), flush=True)
        if error is not None and backends.is_out_of_memory(error):
            raise out_of_memory(self._conditions.batch_size) from error

    def _refuse_if_closed(self) -> None:
        if self._ending:
            raise TutorialError(
                "Este registro ya está cerrado y no se puede cambiar: para entrenar otra vez, crea "
                "otro `Recorder`, como hace la celda que entrena."
            )

    def _how_it_ended(self, error: BaseException | None) -> tuple[Status, str | None]:
        if isinstance(error, KeyboardInterrupt):
            return "interrupted", "alguien detuvo la ejecución"
        if error is not None and backends.is_out_of_memory(error):
            return "failed", "el lote no cabe en la memoria del dispositivo"
        if error is not None:
            # Solo el tipo: el texto de un error ajeno puede llevar rutas o nombres de la persona.
            return "failed", clean(f"error {type(error).__name__}")
        if self._current is not None:
            return "failed", "falta la evaluación con las imágenes de prueba"
        if any(repeat.test_loss is None for repeat in self._repeats):
            return "failed", "la pérdida en prueba no es un número"
        return "ok", None

    def _counted(self) -> int:
        [loss] = [metric for metric in self.model.metrics if metric.name == "loss"]
        return int(loss.count)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True
        self._stop_listening()

    def _stop_if_asked(self) -> None:
        if self._stop_asked:
            raise Stopped

    def _stop_listening(self) -> None:
        """Devuelve Ctrl-C a quien lo tenía."""
        if self._on_interrupt is not None:
            signal.signal(signal.SIGINT, self._on_interrupt)
            self._on_interrupt = None


class Training(NamedTuple):
    """Una repetición en marcha."""

    seed: int
    setup_seconds: float
    clock: EpochClock
    losses: list[float]

    def repeat(self, test_loss: float | None, test_correct: int | None) -> Repeat:
        """Lo que hay que anotar de ella, hasta ahora."""
        finite = all(map(math.isfinite, self.losses))
        return Repeat(
            seed=self.seed,
            setup_seconds=self.setup_seconds,
            epoch_seconds=list(self.clock.epoch_seconds),
            epoch_losses=list(self.losses) or None if finite else None,
            test_correct=test_correct,
            test_loss=test_loss,
            energy_joules=self.clock.energy_joules,
            surroundings=list(self.clock.surroundings) or None,
        )


class Stopped(KeyboardInterrupt):
    """Alguien ha detenido el entrenamiento; en un cuaderno se lee una frase, y no una traza."""

    def _render_traceback_(self) -> list[str]:
        return [
            "Has detenido el entrenamiento: su registro queda como interrumpido y no cuenta. Para "
            "empezar otra vez, ejecuta esta celda."
        ]
