"""El entrenamiento del cuaderno 05: el mismo para un dispositivo, varias GPU o varios procesos.

Paralelismo de datos: cada réplica tiene la red entera y ve una parte de cada lote; entre todas
suman sus gradientes (*all-reduce*) y dan el mismo paso. De sumar se encarga `tf.distribute`. El
bucle es propio porque el `fit` de Keras 3 no funciona con varios procesos de TensorFlow.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache, partial
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np

from fashion_bench import lesson
from fashion_bench.figures import accuracy_in
from fashion_bench.machine import backends
from fashion_bench.machine.engines import quiet, silent
from fashion_bench.record import Agreement, Frozen

with quiet():
    import keras
    import tensorflow as tf

    from fashion_bench.measure import provenance


load_once = lru_cache(maxsize=1)(lesson.load)
"""Los datos y la red del cuaderno 01, una vez para todos los entrenamientos iguales."""


class Job(Frozen):
    """Qué se entrena; igual para cualquier reparto."""

    epochs: int
    batch_size: int
    """Imágenes de cada paso, entre todas las réplicas."""
    train_samples: int
    seed: int
    exact: bool = False
    """Para comprobar que el resultado no depende del reparto: sin Dropout, porque cada réplica
    sortea las neuronas que apaga, y con `SGD`, porque Adam divide cada gradiente entre su tamaño
    y convierte un redondeo distinto en un paso distinto."""

    @property
    def lesson(self) -> dict[str, object]:
        """Los parámetros que comparte con el cuaderno 01; el reparto es de TensorFlow."""
        return {"backend": "tensorflow"} | self.model_dump(exclude={"exact"})


class EpochReport(NamedTuple):
    """Lo que un proceso cuenta de una época."""

    rank: int
    """Número del proceso, desde 0."""
    epoch: int
    """Número de la época, desde 0."""
    seconds: float
    setup_seconds: float
    """Lo que tardó, antes de la primera época, el calentamiento."""
    losses: list[float]
    """De cada paso, la parte de la pérdida que ponen las réplicas de este proceso."""
    seen: np.ndarray
    """Posiciones de las imágenes que ha visto este proceso."""
    weights_sha256: str
    """Huella de los pesos al acabar la época."""
    validation_accuracy: float | None
    """Solo lo mide el proceso 0."""
    test_loss: float | None
    test_accuracy: float | None
    """En la última época, y solo en el proceso 0."""


def shares(
    images: int, batch_size: int, replicas: int, seed: int, epoch: int
) -> list[list[np.ndarray]]:
    """Reparte las imágenes de una época: cada una va a un solo paso y a una sola réplica.

    Los pasos son los que caben con lotes de `batch_size`; sus tamaños, y los de las partes de
    cada paso, se diferencian en una imagen como mucho, y ninguna parte queda vacía si
    `batch_size` es al menos el doble de `replicas`.

    Returns:
        Para cada paso, las posiciones que tocan a cada réplica. El orden solo depende de
        `seed` y `epoch`: el mismo paso tiene las mismas imágenes con cualquier reparto.
    """
    order = np.random.default_rng([seed, epoch]).permutation(images)
    steps = np.array_split(order, -(-images // batch_size))
    return [np.array_split(step, replicas) for step in steps]


class Trainer:
    """La red del cuaderno 01, entrenada a la vez en todas las réplicas de `strategy`.

    `rank` es el número de este proceso, desde 0.
    """

    def __init__(self, job: Job, strategy: tf.distribute.Strategy, rank: int = 0) -> None:
        self.job, self.strategy, self.rank = job, strategy, rank
        self.lesson = load_once(**job.lesson)
        keras.utils.set_random_seed(job.seed)
        with strategy.scope():
            self.model = self.lesson.compile_model(self.lesson.build_model())
            if job.exact:
                self.model.compile(keras.optimizers.SGD(0.01))
                for layer in self.model.layers:
                    if isinstance(layer, keras.layers.Dropout):
                        layer.rate = 0.0
            self.model.optimizer.build(self.model.trainable_variables)
        with tf.device("CPU:0"):
            self._images = tf.constant(self.lesson.train_images[..., np.newaxis])
            self._labels = tf.constant(self.lesson.train_labels)
        self._seen: list[np.ndarray] = []
        self._step = tf.function(
            lambda *parts: strategy.run(self._one_replica, parts), autograph=False
        )
        self.setup_seconds = self._warm_up()

    def conditions(self, agreement: Agreement | None) -> provenance.Conditions:
        """Describe con qué se entrena, para el registro."""
        images, validation = len(self.lesson.train_labels), len(self.lesson.validation_labels)
        return provenance.Conditions(
            network=provenance.describe_network(self.model),
            data=provenance.describe_data(images, validation),
            epochs=self.job.epochs,
            batch_size=self.job.batch_size,
            precision=provenance.precision(self.model),
            accelerator=backends.accelerator_of(self.model),
            agreement=agreement,
            workers=self.strategy.num_replicas_in_sync,
        )

    def state(self) -> list[np.ndarray]:
        """Devuelve una copia de todo lo que cambia al entrenar: la red y su optimizador."""
        return [keras.ops.convert_to_numpy(variable).copy() for variable in self._variables()]

    def restore(self, state: list[np.ndarray]) -> None:
        """Vuelve a un estado anterior."""
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)

    def train(self, first_epoch: int = 0) -> Iterator[EpochReport]:
        """Entrena desde `first_epoch` y cuenta cada época al acabarla.

        Todos los procesos tienen que avanzar a la vez: un paso no acaba hasta que todos han
        puesto sus gradientes.
        """
        for epoch in range(first_epoch, self.job.epochs):
            plan = self._shares(epoch)
            self._seen.clear()
            start = perf_counter()
            losses = [self._run(step) for step in plan]
            values = np.array(losses)  # espera al último paso: su pérdida vuelve del dispositivo
            keras.ops.convert_to_numpy(self.model.trainable_variables[0])
            seconds = perf_counter() - start
            yield self._report(epoch, seconds, values.sum(axis=1))

    def all_reduce_seconds(self, floats: int) -> float:
        """Mide lo que tarda en sumarse entre todas las réplicas una tabla de números de 4 bytes.

        Es la mediana de veinte; todas las réplicas empiezan a la vez, así que no incluye esperar a
        la más lenta.
        """
        numbers = tf.ones(floats)

        def one_replica() -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, numbers)[0]

        reduce = tf.function(lambda: self.strategy.run(one_replica), autograph=False)
        seconds = []
        for _ in range(3 + 20):
            start = perf_counter()
            np.array(self.strategy.experimental_local_results(reduce()))
            seconds.append(perf_counter() - start)
        return median(seconds[3:])

    def compute_seconds(self, sizes: Sequence[int], rounds: int = 10) -> dict[int, float]:
        """Mide lo que tarda un paso según las imágenes que tenga, y lo deja todo como estaba.

        Los tamaños, imágenes entre todas las réplicas, se alternan: si el equipo cambia de
        velocidad, lo notan todos. Cada uno se mide `rounds` veces, tres pasos cada vez, después de
        una que no cuenta; devuelve la mediana, en segundos por paso.
        """
        before = self.state()
        order = np.random.default_rng(self.job.seed).permutation(len(self.lesson.train_labels))
        replicas = self.strategy.num_replicas_in_sync
        seconds: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(1 + rounds):
            for size, taken in seconds.items():
                step = np.array_split(np.resize(order, size), replicas)
                start = perf_counter()
                np.array([self._run(step) for _ in range(3)])
                keras.ops.convert_to_numpy(self.model.trainable_variables[0])
                taken.append((perf_counter() - start) / 3)
        self.restore(before)
        return {size: median(taken[1:]) for size, taken in seconds.items()}

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _shares(self, epoch: int) -> list[list[np.ndarray]]:
        return shares(
            len(self.lesson.train_labels),
            self.job.batch_size,
            self.strategy.num_replicas_in_sync,
            self.job.seed,
            epoch,
        )

    def _run(self, step: list[np.ndarray]) -> tuple[tf.Tensor, ...]:
        """Da un paso y devuelve la pérdida de cada réplica de este proceso."""

        def part(of: tf.Tensor) -> tf.Tensor:
            def take(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
                positions = step[context.replica_id_in_sync_group]
                if of is self._images:
                    self._seen.append(positions)
                with tf.device("CPU:0"):
                    return tf.gather(of, positions)

            return self.strategy.experimental_distribute_values_from_function(take)

        size = tf.constant(sum(map(len, step)), "float32")
        losses = self._step(part(self._images), part(self._labels), size)
        return self.strategy.experimental_local_results(losses)

    def _one_replica(self, images: tf.Tensor, labels: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """El paso de una réplica; al aplicar los gradientes, Keras suma los de todas.

        La pérdida se divide entre el lote entero, no entre la parte de esta réplica: así la
        suma de todas es la media del lote.
        """
        with tf.GradientTape() as tape:
            logits = self.model(images, training=True)
            each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            loss = tf.reduce_sum(each) / size
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.model.optimizer.apply(gradients, self.model.trainable_variables)
        return loss

    def _warm_up(self) -> float:
        """Da un paso con cada reparto de tamaños que habrá y lo deja todo como estaba."""
        start = perf_counter()
        before = self.state()
        for step in {tuple(map(len, step)): step for step in self._shares(0)}.values():
            np.array(self._run(step))
        self.restore(before)
        return perf_counter() - start

    @cached_property
    def _examined(self) -> keras.Model:
        """Otra igual, fuera del reparto, para examinar los pesos sin esperar a los demás."""
        return self.lesson.compile_model(self.lesson.build_model())

    def _report(self, epoch: int, seconds: float, losses: np.ndarray) -> EpochReport:
        validation: dict[str, float] = {}
        test: dict[str, float] = {}
        weights = [keras.ops.convert_to_numpy(weight) for weight in self.model.weights]
        if self.rank == 0:
            self._examined.set_weights(weights)
            examine = partial(self._examined.evaluate, verbose=0, return_dict=True)
            validation = examine(self.lesson.validation_data)
            if epoch + 1 == self.job.epochs:
                test = examine(self.lesson.test_data)
        return EpochReport(
            rank=self.rank,
            epoch=epoch,
            seconds=seconds,
            setup_seconds=self.setup_seconds,
            losses=losses.tolist(),
            seen=np.concatenate(self._seen).astype(np.int32),
            weights_sha256=hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest(),
            validation_accuracy=accuracy_in(validation),
            test_loss=test.get("loss"),
            test_accuracy=accuracy_in(test),
        )


def local_devices(replicas: int) -> list[str]:
    """Deja listos en este proceso tantos dispositivos como réplicas y devuelve sus nombres.

    Son GPU si hay bastantes; si no, la CPU partida en otras tantas. Hay que llamarla antes de que
    TensorFlow haga nada.
    """
    with silent():  # sin GPU, un TensorFlow con CUDA se queja al buscarla
        gpus = tf.config.list_physical_devices("GPU")[:replicas]
    if len(gpus) == replicas:
        tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:  # que quede memoria para los procesos de Ray
            tf.config.experimental.set_memory_growth(gpu, True)
        return [f"GPU:{number}" for number in range(replicas)]
    tf.config.set_visible_devices([], "GPU")
    [cpu] = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, parts)
    return [f"CPU:{number}" for number in range(replicas)]


def step_losses(reports: list[EpochReport]) -> np.ndarray:
    """Suma lo que puso cada proceso: la pérdida de cada paso, época tras época."""
    epochs = sorted({report.epoch for report in reports})
    return np.concatenate(
        [np.sum([r.losses for r in reports if r.epoch == epoch], axis=0) for epoch in epochs]
    )


def agree(reports: list[EpochReport], images: int) -> bool:
    """Dice si, en cada época, todos acabaron con los mismos pesos y cada imagen se vio una vez."""
    for epoch in {report.epoch for report in reports}:
        same = [report for report in reports if report.epoch == epoch]
        seen = np.sort(np.concatenate([report.seen for report in same]))
        if len({report.weights_sha256 for report in same}) > 1 or (
            not np.array_equal(seen, np.arange(images))
        ):
            return False
    return True
