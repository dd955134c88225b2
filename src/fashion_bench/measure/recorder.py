"""Anota una ejecución mientras ocurre, para que nada de lo medido se pierda."""

import gc
import math
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Literal, Self

import keras
from pydantic import ValidationError

from fashion_bench import data
from fashion_bench.compare import files, interval
from fashion_bench.errors import TutorialError, cause
from fashion_bench.figures import Record, accuracy_in
from fashion_bench.folders import shown, write_atomically
from fashion_bench.lesson import NOTEBOOK
from fashion_bench.machine import backends, hardware
from fashion_bench.machine.calibration import calibrate
from fashion_bench.machine.memory import out_of_memory
from fashion_bench.measure import provenance
from fashion_bench.measure.clock import EpochClock, counted
from fashion_bench.measure.provenance import Conditions
from fashion_bench.measure.stopping import Listener
from fashion_bench.measure.training import Training
from fashion_bench.parameters import Sized
from fashion_bench.record import (
    MAX_EPOCHS,
    SCHEMA_VERSION,
    Agreement,
    Calibration,
    Repeat,
    RunParameters,
    clean,
    clean_label,
)
from fashion_bench.text import wrapped

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
    primera época vale lo que dicen el reloj y los parámetros. Lo que no se puede describir bien se
    entrena igual: su registro no cuenta, y dice por qué.

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
        self._doubt: str | None = None
        self._examined = self._complained = False
        self._ending: tuple[Status, str | None] | None = None
        self._listener = Listener()

    @property
    def record(self) -> Record:
        """El registro, tal como está ahora.

        Raises:
            TutorialError: si no se ha entrenado nada todavía o no cabe en un registro.
        """
        if self._conditions is None:
            raise TutorialError("Todavía no hay registro: falta entrenar al menos una época.")
        conditions = self._conditions
        device = conditions.accelerator.name if conditions.accelerator else self._machine.cpu
        repeats = list(self._repeats)
        if self._current and self._current.clock.epoch_seconds:
            repeats.append(self._current.repeat(None, None))
        status, reason = self._ending or ("interrupted", "la ejecución no llegó al final")
        seen, epochs = conditions.data, [len(repeat.epoch_seconds) for repeat in repeats]
        if not self._examined:  # quizá acaben antes de las pedidas, pero aún no se sabe
            epochs.append(conditions.epochs)
        try:
            return Record(
                **self._facts,
                status=status,
                reason=reason,
                label=self._label or clean_label(device),
                accelerator=conditions.accelerator,
                agreement=conditions.agreement,
                network=conditions.network,
                data=seen,
                parameters=RunParameters(
                    epochs=max(epochs),
                    batch_size=conditions.batch_size,
                    train_samples=seen.training_images + seen.validation_images,
                    precision=conditions.precision,
                    repeats=max(1, len(repeats)),
                    seed=self._first_seed,
                    workers=conditions.workers,
                ),
                repeats=repeats,
                calibration=self._calibration,
            )
        except ValidationError as error:
            raise TutorialError(
                f"Lo que se entrena no cabe en un registro ({files.first_problem(error)}), así que "
                "no habrá ninguno ni cifras suyas; para tenerlo, cambia los parámetros."
            ) from None

    def finished(self) -> Record:
        """Devuelve el registro de un entrenamiento que llegó al final, cuente o no.

        Raises:
            TutorialError: si se detuvo o falló.
        """
        if not self._examined:
            why = f" ({self._ending[1]})" if self._ending else ""
            raise TutorialError(
                f"El entrenamiento no llegó al final{why}: ejecuta otra vez la celda que entrena, "
                "en el apartado 9."
            )
        return self.record

    @property
    def trained(self) -> keras.Model:
        """La red, con los pesos con los que acabó el entrenamiento.

        Raises:
            TutorialError: si se detuvo o falló.
        """
        self.finished()
        return self.model

    def seeds(self, first: int, most: int, margin: float = 0) -> Iterator[int]:
        """Da las semillas de las repeticiones: `first` y las siguientes, `most` como mucho.

        Si `margin` no es cero, se para en cuanto el intervalo del 95 % de la época típica, que sale
        de lo medido hasta entonces, mide menos de ese tanto por ciento de ella. Y también si otra
        repetición no cabría en el registro.
        """
        for number in range(most):
            if margin and self._repeats:
                typical = interval.typical([median(each.epoch_seconds) for each in self._repeats])
                if 100 * (typical.high - typical.low) < margin * typical.value:
                    return
            epochs = max((len(repeat.epoch_seconds) for repeat in self._repeats), default=0)
            if epochs * (number + 1) > MAX_EPOCHS:
                print(f"Aviso: no se repite más: en un registro caben {MAX_EPOCHS} épocas.")
                return
            gc.collect()  # la red de antes y sus datos esperan, si no, a que Python se acuerde
            yield (first + number) % 2**31

    def follow(self, clock: EpochClock, seed: int, setup_seconds: float, config: Sized) -> Self:
        """Se prepara para anotar un `fit`, que es una repetición, y se devuelve: es su `callback`.

        Va detrás de `clock`, el reloj del mismo `fit`, en la lista de `callbacks`; `config` son los
        parámetros de los que salieron los lotes y `setup_seconds`, lo que duró el calentamiento.
        """
        self._followed = (seed, setup_seconds, clock)
        self._batch_size = min(config.batch_size, clock.images)
        images = min(clock.images, config.train_samples)
        self._expected = images, config.train_samples - images
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
        alike = conditions._replace(data=before.data, batch_size=before.batch_size)
        if alike._replace(epochs=before.epochs) != before:
            raise TutorialError(NOT_ALIKE)
        checked = conditions.agreement
        if conditions.accelerator and (not checked or checked.precision != conditions.precision):
            raise TutorialError(
                "Antes de entrenar en la GPU hay que comprobar que calcula bien con esta red y "
                "esta precisión: ejecuta antes la celda que lo comprueba."
            )
        if self._conditions is None:
            self._conditions, self._first_seed = conditions, seed
        if not self._current or self._current.clock is not clock:  # si no, es otro `fit` que sigue
            self._current = Training(seed, setup_seconds, clock, conditions.batch_size)

    def save_epochs(self) -> bool:
        """Guarda las épocas terminadas hasta ahora y dice si ha podido."""
        try:
            write_atomically(self.path, files.stored(self.record))
        except OSError as error:
            print(f"Aviso: no se puede guardar {shown(self.path)} ({cause(error)}).")
            return False
        except TutorialError as error:
            if not self._complained:
                print(wrapped(f"Aviso: {error}"))
            self._complained = True
            return False
        return True

    def finish(self, loss: float, accuracy: float | None = None, **others: float) -> None:
        """Cierra la repetición con su evaluación, que es lo que da `evaluate`, y guarda.

        Args:
            loss: la pérdida con las imágenes de prueba.
            accuracy: la exactitud, de 0 a 1.
            others: las demás medidas; quizá una sea la exactitud, con otro nombre.

        Raises:
            TutorialError: si no se ha anotado ningún `fit`.
        """
        if self._current is None or self._conditions is None:
            raise TutorialError(
                "No hay ningún entrenamiento que cerrar: pon `follower` entre los `callbacks` de "
                "`fit`, y `recorder.finish` detrás de él, una vez."
            )
        if accuracy is None:
            accuracy = accuracy_in(others)
        images = (counted(self.model) if self.model else 0) or data.TEST_IMAGES
        if accuracy is None:
            self._doubt = "no se midió la exactitud en prueba"
        elif images > data.TEST_IMAGES:
            self._doubt, accuracy = "no se evaluó con las imágenes de prueba", None
        else:
            told = self._conditions.data.model_copy(update={"test_images": images})
            self._conditions = self._conditions._replace(data=told)
        self._repeats.append(
            self._current.repeat(
                loss if math.isfinite(loss) and loss >= 0 else None,
                None if accuracy is None else round(accuracy * images),
            )
        )
        self._current = None
        self.save_epochs()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Anota con qué se entrena y, la primera vez, mide el dispositivo."""
        accelerator = backends.accelerator_of(self.model)
        conditions = Conditions(
            network=provenance.describe_network(self.model),
            data=provenance.describe_data(*self._expected),
            epochs=min(self.params["epochs"], MAX_EPOCHS),
            batch_size=self._batch_size,
            precision=provenance.precision(self.model),
            accelerator=accelerator,
            agreement=self._agreement if accelerator else None,
        )
        self.start(conditions, *self._followed)
        assert self._current is not None
        self._current.sure = bool(self.params["steps"])
        self._together = self.model.steps_per_execution  # con JAX, pedir `model` es esperar
        if not self._calibration:
            self._calibration.append(calibrate(conditions.precision))
        self._listener.listen()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        if self._current:
            last, whole = batch + self._together, self.params["steps"]
            self._current.steps = min(last, whole) if whole else last
        self._listener.stop_if_asked()

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Se detiene aquí si alguien lo ha pedido."""
        self._listener.stop_if_asked()

    def on_test_end(self, logs: dict | None = None) -> None:
        """Mira con cuántas imágenes se ha validado."""
        if self._current:
            self._current.validation = counted(self.model) or self._expected[1]

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Corrige con lo que ha visto Keras lo que se dijo al empezar, y guarda la época.

        Raises:
            TutorialError: si el reloj no la ha medido o si las repeticiones anteriores no se
                entrenaron así; esta no queda anotada.
        """
        assert self._conditions is not None
        assert self._current is not None
        self._current.clock.stop()
        self._current.losses.append(float(logs.get("loss", math.nan)))
        seen, before = self._current.seen(), self._conditions
        if self._repeats and not self._doubt:
            now, told = (seen.images, seen.batch_size), before.data.training_images
            if now != (told, before.batch_size):
                self._current = None
                raise TutorialError(NOT_ALIKE)
            seen = seen._replace(validation=max(seen.validation, before.data.validation_images))
        self._doubt = seen.doubt or self._doubt
        described = provenance.describe_data(seen.images, seen.validation)
        self._conditions = before._replace(data=described, batch_size=seen.batch_size)
        self.save_epochs()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Ctrl-C vuelve a hacer lo que hacía, y lo siguiente que cuente Keras es la evaluación."""
        self.model.reset_metrics()
        self._listener.leave()
        self._listener.stop_if_asked()

    def __enter__(self) -> Self:
        self._refuse_if_closed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.leave()
        self._examined = error is None and self._current is None and bool(self._repeats)
        self._ending = self._how_it_ended(error)
        if self._conditions is None:
            return
        if error is None and self._calibration:
            self._calibration.append(calibrate(self._conditions.precision))
        if self._doubt:
            print(wrapped(f"Aviso: este tiempo no contará, porque {self._doubt}."))
        if self.save_epochs():
            if drift := self.record.drift:
                print(wrapped(f"Aviso: mientras se entrenaba, el equipo cambió ({drift})."))
            print(f"Registro guardado en {shown(self.path)}", flush=True)
        elif not self._complained:
            print(f"Copia este texto a un archivo {self.path.name} y no se perderá nada:")
            print(self.record.model_dump_json(), flush=True)
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
        if self._doubt:
            return "failed", self._doubt
        if any(repeat.test_loss is None for repeat in self._repeats):
            return "failed", "la pérdida en prueba no es un número"
        return "ok", None
