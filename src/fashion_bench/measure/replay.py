"""Repetir el entrenamiento de un registro, con la red y los datos del cuaderno 01."""

from fashion_bench import lesson
from fashion_bench.doctor.device import choose_device
from fashion_bench.machine import backends, hardware
from fashion_bench.measure import provenance
from fashion_bench.measure.clock import EpochClock
from fashion_bench.measure.progress import EpochLine
from fashion_bench.record import Record
from fashion_bench.results.reproduction import Place, Replayed, epochs_to_replay


class Replay:
    """El cuaderno 01 con los parámetros de un registro, listo para entrenar.

    Su motor ya tiene que estar elegido.

    Args:
        record: el registro, que dice con qué se entrenó.

    Raises:
        TutorialError: si aquí no se puede entrenar así, porque falta la GPU.
    """

    def __init__(self, record: Record) -> None:
        device, backend = record.device.lower(), record.software.backend
        told = record.parameters
        chosen = {"device": device, "backend": backend}
        choose_device(device, backend)
        self._record = record
        self._lesson = lesson.load(
            *lesson.PREPARE,
            "calentar",
            **chosen,
            epochs=told.epochs,
            batch_size=told.batch_size,
            train_samples=told.train_samples,
            precision=told.precision,
            seed=told.seed,
        )
        model = self._lesson.compile_model(self._lesson.build_model())
        images, validation = (
            len(labels) for labels in (self._lesson.train_labels, self._lesson.validation_labels)
        )
        self.here = Place(
            code=provenance.code(lesson.NOTEBOOK),
            machine=hardware.machine(),
            accelerator=backends.accelerator_of(model),
            software=backends.software(),
            network=provenance.describe_network(model),
            data=provenance.describe_data(images, validation),
        )

    def train(self) -> list[Replayed]:
        """Entrena como la celda `entrenar` y devuelve las cifras que se pueden comparar.

        Escribe una línea por época, como el cuaderno.
        """
        told, names = self._record.repeats[0], self._lesson
        model, _ = names.prepare(told.seed)
        train_data = names.make_dataset(names.train_images, names.train_labels, told.seed)
        # El registro cuenta los lotes antes de entrenar, y la vez siguiente salen en otro orden.
        provenance.batch_sizes(train_data)
        clock = EpochClock(len(names.train_labels))
        fitted = model.fit(
            train_data,
            validation_data=names.validation_data,
            epochs=epochs_to_replay(self._record),
            shuffle=False,
            verbose=0,
            callbacks=[clock, EpochLine(clock)],
        )
        if told.epoch_losses:
            seen = float(fitted.history["loss"][0])
            return [Replayed("pérdida de la primera época", told.epoch_losses[0], seen)]
        loss, accuracy = model.evaluate(names.test_data, verbose=0)
        right = round(accuracy * self._record.data.test_images)
        return [
            Replayed("pérdida en prueba", told.test_loss, float(loss)),
            Replayed("aciertos en prueba", told.test_correct, right),
        ]
