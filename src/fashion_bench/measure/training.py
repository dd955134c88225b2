"""Una repetición mientras se entrena: lo que Keras ha visto de ella y si se puede describir."""

import math
from dataclasses import dataclass, field
from statistics import median_low
from typing import NamedTuple

from fashion_bench import data
from fashion_bench.measure.clock import EpochClock
from fashion_bench.record import MAX_EPOCHS, Repeat
from fashion_bench.text import written

FEWEST_IMAGES = 100
"""Cuántas imágenes, como poco, lleva un registro."""


class Seen(NamedTuple):
    """Con qué se ha entrenado."""

    images: int
    validation: int
    batch_size: int
    doubt: str | None
    """Por qué lo de arriba no lo dice todo, si no lo dice."""


@dataclass
class Training:
    """Una repetición en marcha."""

    seed: int
    setup_seconds: float
    clock: EpochClock
    batch_size: int = 0
    """La de los parámetros."""
    validation: int = 0
    """Imágenes con las que se ha validado la última vez."""
    steps: int = 0
    """Lotes de la última época; si no se sabía cuántos habría, quizá uno menos."""
    sure: bool = True
    losses: list[float] = field(default_factory=list)

    def seen(self) -> Seen:
        """Con qué se ha entrenado hasta la época que acaba de terminar."""
        epochs, doubts = self.clock.epoch_images, list[str]()
        images, validation, batch = median_low(epochs), self.validation, self._batch(epochs[-1])
        if batch is None:
            doubts.append(
                f"sus lotes no son de {self.batch_size} imágenes, como dice batch_size: en "
                f"{self.steps} ve {epochs[-1]}"
            )
        if min(epochs) < max(epochs):
            few, many = written(min(epochs)), written(max(epochs))
            doubts.append(f"no todas sus épocas ven lo mismo: de {few} a {many} imágenes")
        if not FEWEST_IMAGES <= images + validation <= data.TRAIN_IMAGES:
            told = f"entrena con {written(images)} imágenes y valida con {written(validation)}"
            most = written(data.TRAIN_IMAGES)
            doubts.append(f"{told}, que en total no son de {FEWEST_IMAGES} a {most}")
            images = min(images, data.TRAIN_IMAGES)
            validation = max(validation, FEWEST_IMAGES - images)
            validation = min(validation, data.TRAIN_IMAGES - images)
        if len(epochs) > MAX_EPOCHS:
            doubts.append(f"tiene más de {MAX_EPOCHS} épocas")
        batch = min(batch or math.ceil(epochs[-1] / self.steps), images)
        return Seen(images, validation, batch, doubts[0] if doubts else None)

    def _batch(self, images: int) -> int | None:
        """El tamaño de los lotes: el único que cuadra con las imágenes y los pasos, o el dicho."""
        for steps in (self.steps,) if self.sure else (self.steps, self.steps - 1):
            least = math.ceil(images / max(steps, 1))
            most = (images - 1) // (steps - 1) if steps > 1 else images
            if least <= self.batch_size <= most:
                return self.batch_size
            if least == most:
                return least
        return None

    def repeat(self, test_loss: float | None, test_correct: int | None) -> Repeat:
        """Lo que hay que anotar de ella, hasta ahora."""
        right = all(math.isfinite(loss) and loss >= 0 for loss in self.losses)
        return Repeat(
            seed=self.seed,
            setup_seconds=self.setup_seconds,
            epoch_seconds=self.clock.epoch_seconds[:MAX_EPOCHS],
            epoch_losses=self.losses[:MAX_EPOCHS] or None if right else None,
            test_correct=test_correct,
            test_loss=test_loss,
            energy_joules=self.clock.energy_joules,
            surroundings=self.clock.surroundings[:MAX_EPOCHS] or None,
        )
