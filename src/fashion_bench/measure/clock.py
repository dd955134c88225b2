"""El reloj: cuánto tarda de verdad cada época, sin calentamiento, validación ni colas."""

import os
from collections.abc import Sequence
from statistics import median
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from fashion_bench import backends, environment
from fashion_bench.environment import Accelerator, EnergyMeter


class EpochClock(keras.callbacks.Callback):
    """Cronometra las épocas de un `fit` y nada más.

    Una época va desde que Keras la empieza (incluida la preparación de sus lotes) hasta que
    un peso recién entrenado ha vuelto del dispositivo; la validación se cuenta aparte.

    Args:
        images: imágenes que se ven en cada época.
        accelerator: GPU en la que se entrena, para medir su energía; `None` si es la CPU.

    Attributes:
        epoch_seconds: segundos de cada época terminada.
        validation_seconds: segundos de cada validación.
        energy_joules: julios que la GPU gastó en las épocas, o `None` si no se sabe.
    """

    def __init__(self, images: int, accelerator: Accelerator | None = None) -> None:
        super().__init__()
        self.images = images
        self.energy_joules: float | None = None
        self._meter = EnergyMeter(accelerator)
        self.epoch_seconds: list[float] = []
        self.validation_seconds: list[float] = []

    @property
    def total_seconds(self) -> float:
        """Suma de las épocas, en segundos."""
        return sum(self.epoch_seconds)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Pone el reloj en marcha."""
        self._joules = self._meter.joules()
        self._start = perf_counter()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Para el reloj: lo que sigue es validación."""
        self._stop(epoch=len(self.epoch_seconds))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Para el reloj si no hubo validación y apunta lo que esta tardó."""
        self._stop(epoch)
        self.validation_seconds.append(perf_counter() - self._end)

    def _stop(self, epoch: int) -> None:
        if len(self.epoch_seconds) == epoch:
            wait_for_device(self.model)
            self._end = perf_counter()
            self.epoch_seconds.append(self._end - self._start)
            joules = self._meter.joules()
            if joules is not None:
                self.energy_joules = (self.energy_joules or 0) + joules - self._joules


PROGRESS_SECONDS = 0.5
"""Cada cuánto se dice cómo va la época."""


class EpochLine(keras.callbacks.Callback):
    """Escribe una línea por época y, si alguien mira, cómo va la que está en marcha.

    Mira alguien si el cuaderno está abierto en JupyterLab o si el script, que lo dice con la
    variable `FASHION_BENCH_PROGRESS`, escribe en una terminal. Cada aviso se escribe encima del
    anterior, y la línea de la época, encima del último.

    Args:
        clock: reloj del mismo `fit`, puesto antes que este en la lista de `callbacks`.
    """

    def __init__(self, clock: EpochClock) -> None:
        super().__init__()
        self.clock = clock
        self.live = environment.in_jupyterlab() or "FASHION_BENCH_PROGRESS" in os.environ

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Apunta cuándo empieza la época."""
        self._name = f"Época {epoch + 1:>{len(str(self.params['epochs']))}}/{self.params['epochs']}"
        self._start = perf_counter()
        self._next = self._start + PROGRESS_SECONDS

    # No al acabar el lote: Keras entrega entonces la pérdida, y pedirla haría esperar a la GPU.
    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Dice cómo va la época, si toca."""
        if self.live and batch and (now := perf_counter()) >= self._next:
            self._next = now + PROGRESS_SECONDS
            done, seconds = batch / self.params["steps"], now - self._start
            print(
                f"\r{self._name}: {100 * done:3.0f} %, {self.clock.images * done / seconds:7.0f} "
                f"imágenes/s, quedan {seconds / done - seconds:3.0f} s ",
                end="",
                flush=True,
            )

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Escribe la línea de la época que acaba de terminar."""
        seconds = self.clock.epoch_seconds[-1]
        print(
            f"{chr(13) * self.live}{self._name}: {seconds:6.2f} s, "
            f"{self.clock.images / seconds:7.0f} imágenes/s, pérdida {logs['loss']:.4f}, "
            f"exactitud {logs['accuracy']:.4f}, validación {logs['val_accuracy']:.4f}",
            flush=True,
        )


def final_line(clocks: Sequence[EpochClock]) -> str:
    """Devuelve la línea final: la suma de las épocas; con varias repeticiones, la mediana."""
    seconds = median(clock.total_seconds for clock in clocks)
    return f"--- Entrenamiento finalizado en {seconds:.2f} segundos ---"


def wait_for_device(model: keras.Model) -> None:
    """Espera a que el dispositivo acabe: trae a memoria un peso recién entrenado.

    Una GPU recibe órdenes y las ejecuta más tarde; sin esperar, el reloj mediría solo lo que
    se tarda en dar las órdenes.
    """
    keras.ops.convert_to_numpy(model.trainable_variables[0])


def warm_up(model: keras.Model, dataset: tf.data.Dataset) -> float:
    """Entrena un momento para que TensorFlow se prepare y lo deja todo como estaba.

    La primera vez, TensorFlow traza la red y, en una GPU, elige el mejor algoritmo para cada
    capa. Eso no es entrenar y se cuenta aparte. Al volver, los pesos, el optimizador y los
    generadores de azar de la red tienen los valores de antes.

    Args:
        model: modelo compilado y sin entrenar.
        dataset: pocos lotes, con las mismas formas y tipos que los del entrenamiento.

    Returns:
        Segundos que ha tardado.
    """
    start = perf_counter()
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    # Con PyTorch y JAX, convert_to_numpy no copia: sin np.array guardaríamos lo que va a cambiar.
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    with backends.keep_random_state(keras.backend.backend()):
        model.fit(dataset, verbose=0, shuffle=False)
        wait_for_device(model)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return perf_counter() - start
