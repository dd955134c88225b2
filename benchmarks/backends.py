"""TensorFlow, PyTorch y JAX con la misma red: `python benchmarks/backends.py`.

Entrena con cada motor instalado, por turnos y cada vez en un proceso nuevo, 10 000 imágenes
durante tres épocas en la CPU, y escribe lo que tarda cada uno respecto de TensorFlow. Con PyTorch,
además, la misma red con los canales delante, como a él le gustan, y sin Keras, con su bucle de
siempre.
"""

from importlib.util import find_spec
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import TYPE_CHECKING

import harness
import peers

from fashion_bench.record import TITLES

if TYPE_CHECKING:
    import keras

FIRST, OWN_LOOP = "canales", "bucle"
NAMES = TITLES | {FIRST: "PyTorch, canales delante", OWN_LOOP: "PyTorch, su bucle"}
ROUNDS = 3
IMAGES = 10_000
EPOCHS = 3


def measure(backend: str, images: int) -> dict[str, float]:
    """Entrena en este proceso y devuelve los segundos del calentamiento y de la época mediana."""
    if backend == OWN_LOOP:
        start = perf_counter()
        train = peers.torch_eager(images)
        prepared = perf_counter() - start
        epochs = [train(images).epoch for _ in range(EPOCHS)]
        return {"warm_up": prepared, "epoch": median(epochs)}
    names = harness.load_lesson("torch" if backend == FIRST else backend, epochs=EPOCHS)
    if backend == FIRST:
        put_channels_first(names)
    from fashion_bench.measure.clock import EpochClock

    model, warm_up = harness.warm_network(names, images)
    clock = EpochClock(images)
    dataset = harness.first(names, images, seed=0)
    model.fit(dataset, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[clock])
    return {"warm_up": warm_up, "epoch": median(clock.epoch_seconds)}


def put_channels_first(names: SimpleNamespace) -> None:
    """Cambia de orden los ejes de la red y de las imágenes: `(lote, 1, 28, 28)`."""
    make, layers, sequential = names.make_dataset, names.keras.layers, names.keras.Sequential
    *_, side, channels = names.build_model().input_shape

    def build_model() -> "keras.Model":
        kept = [names.keras.Input((channels, side, side), dtype="uint8")]
        for layer in names.lesson_model().layers:
            config = layer.get_config()
            if isinstance(layer, layers.Conv2D | layers.MaxPooling2D):
                config["data_format"] = "channels_first"
            kept.append(type(layer).from_config(config))
        return sequential(kept)

    names.lesson_model, names.build_model = names.build_model, build_model
    names.make_dataset = lambda *given: make(*given).map(
        lambda images, labels: (names.tf.transpose(images, (0, 3, 1, 2)), labels)
    )


def compare(rounds: int = ROUNDS, images: int = IMAGES) -> None:
    """Mide por turnos los motores instalados y escribe la tabla."""
    needed = dict(zip(NAMES, (*TITLES, "torch", "torch"), strict=True))
    installed = [backend for backend, package in needed.items() if find_spec(package)]
    measured = harness.by_turns(__file__, {backend: {} for backend in installed}, rounds, images)
    from fashion_bench.machine.profiling import ratios

    warm_ups, epochs = (
        {backend: [each[part] for each in rounds] for backend, rounds in measured.items()}
        for part in ("warm_up", "epoch")
    )
    print(f"{'Motor':24}  Calentamiento (s)  Época (s)  Entre la de TensorFlow (mín.-máx.)")
    for backend in installed:
        print(
            f"{NAMES[backend]:24}  {median(warm_ups[backend]):17.2f}  "
            f"{median(epochs[backend]):9.2f}  "
            f"{harness.spread(ratios(epochs[backend], epochs['tensorflow']))}"
        )


if __name__ == "__main__":
    harness.main(compare, measure)
