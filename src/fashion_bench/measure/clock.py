"""El reloj: cuánto tarda de verdad cada época, sin calentamiento, validación ni colas."""

from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends
from fashion_bench.machine.hardware import CardWatcher
from fashion_bench.machine.memory import out_of_memory
from fashion_bench.measure import surroundings
from fashion_bench.record import Surroundings


class EpochClock(keras.callbacks.Callback):
    """Cronometra las épocas de un `fit` y nada más.

    Una época va desde que Keras la empieza (incluida la preparación de sus lotes) hasta que
    un peso recién entrenado ha vuelto del dispositivo; la validación se cuenta aparte. Keras
    prepara los lotes de validación antes de avisar de que valida, así que eso (unos milisegundos
    por época) cae dentro.

    Attributes:
        images: imágenes de una época: las que se esperan o, en cuanto acaba una, las que ha visto.
        epoch_images: las que ha visto cada época terminada.
        epoch_seconds: los de cada época terminada.
        validation_seconds: los de cada validación.
        surroundings: lo que pasaba en el equipo durante cada época.
        energy_joules: los que la GPU gastó en las épocas, o `None` si no se sabe.
    """

    def __init__(self, images: int) -> None:
        super().__init__()
        self.images = images
        self.energy_joules: float | None = None
        self.epoch_images: list[int] = []
        self.epoch_seconds: list[float] = []
        self.validation_seconds: list[float] = []
        self.surroundings: list[Surroundings] = []
        self._running = False

    @property
    def total_seconds(self) -> float:
        """Suma de las épocas."""
        return sum(self.epoch_seconds)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Busca la GPU en la que está la red."""
        self._card = CardWatcher(backends.accelerator_of(self.model))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Pone el reloj en marcha."""
        self._before = surroundings.snapshot()
        self._joules = self._card.joules()
        self._start, self._running = perf_counter(), True

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Para el reloj: lo que sigue es validación."""
        self.stop()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Para el reloj si no hubo validación y anota lo que esta tardó."""
        self.stop()
        self.validation_seconds.append(perf_counter() - self._end)

    def stop(self) -> float:
        """Para el reloj, si está en marcha, y devuelve los segundos de la última época.

        Raises:
            TutorialError: si no se ha puesto en marcha nunca.
        """
        if self._running:
            wait_for_device(self.model)
            self._end, self._running = perf_counter(), False
            self.images = counted(self.model) or self.images
            self.epoch_images.append(self.images)
            self.epoch_seconds.append(self._end - self._start)
            joules = self._card.joules()
            if joules is not None and self._joules is not None:
                self.energy_joules = (self.energy_joules or 0) + joules - self._joules
            after = surroundings.snapshot()
            self.surroundings.append(surroundings.between(self._before, after, self._card.state()))
        if not self.epoch_seconds:
            raise TutorialError("El reloj no mide este `fit`: pon `clock` entre sus `callbacks`.")
        return self.epoch_seconds[-1]


def counted(model: keras.Model) -> int:
    """De cuántas imágenes ha hecho Keras la última media de la pérdida; 0 si no lo cuenta él."""
    if type(model).train_step is not keras.Model.train_step:
        return 0
    return sum(int(metric.count) for metric in model.metrics[:1] if metric.name == "loss")


def wait_for_device(model: keras.Model) -> None:
    """Espera a que el dispositivo acabe: trae a memoria un peso recién entrenado.

    Una GPU recibe peticiones y las ejecuta más tarde; sin esperar, el reloj mediría solo lo que
    se tarda en dar las peticiones.
    """
    keras.ops.convert_to_numpy(model.trainable_variables[0])


def warm_up(model: keras.Model, dataset: tf.data.Dataset) -> float:
    """Entrena un momento, para que TensorFlow se prepare, y da los segundos que ha tardado.

    La primera vez, TensorFlow traza la red y, en una GPU, elige el mejor algoritmo para cada
    capa. Eso no es entrenar y se cuenta aparte. Al volver, los pesos, el optimizador y los
    generadores de azar de la red tienen los valores de antes. `dataset` son pocos lotes, con las
    mismas formas y tipos que los del entrenamiento.

    Raises:
        TutorialError: si un lote no cabe en la memoria del dispositivo.
    """
    start = perf_counter()
    if not model.built:  # no dice qué le llega: Keras hace sus pesos al ver los datos
        for images, _ in dataset.take(1):
            model(np.array(images), training=False)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    # Con PyTorch y JAX, convert_to_numpy no copia: sin np.array guardaríamos lo que va a cambiar.
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    with backends.keep_random_state(keras.backend.backend()):
        try:
            model.fit(dataset, verbose=0, shuffle=False)
            wait_for_device(model)
        except Exception as error:
            if backends.is_out_of_memory(error):
                raise out_of_memory(max(len(labels) for _, labels in dataset)) from error
            raise
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return perf_counter() - start
