"""TensorFlow, PyTorch y JAX con la misma red: `python benchmarks/backends.py`.

Entrena con cada motor instalado, por turnos y cada vez en un proceso nuevo, 10 000 imágenes
durante tres épocas en la CPU, y escribe lo que tarda cada uno respecto de TensorFlow.
"""

from importlib.util import find_spec
from statistics import median

import harness

from fashion_bench.record import TITLES

ROUNDS = 3
IMAGES = 10_000
EPOCHS = 3


def measure(backend: str, images: int) -> dict[str, float]:
    """Entrena en este proceso y devuelve los segundos del calentamiento y de la época mediana."""
    names = harness.load_lesson(backend, epochs=EPOCHS)
    from fashion_bench.measure.clock import EpochClock

    model, warm_up = harness.warm_network(names, images)
    clock = EpochClock(images)
    dataset = harness.first(names, images, seed=0)
    model.fit(dataset, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[clock])
    return {"warm_up": warm_up, "epoch": median(clock.epoch_seconds)}


def compare(rounds: int = ROUNDS, images: int = IMAGES) -> None:
    """Mide por turnos los motores instalados y escribe la tabla."""
    installed = [backend for backend in TITLES if find_spec(backend)]
    measured = harness.by_turns(__file__, {backend: {} for backend in installed}, rounds, images)
    from fashion_bench.machine.profiling import ratios

    warm_ups, epochs = (
        {backend: [each[part] for each in rounds] for backend, rounds in measured.items()}
        for part in ("warm_up", "epoch")
    )
    print("Motor       Calentamiento (s)  Época (s)  Época entre la de TensorFlow (mín.-máx.)")
    for backend in installed:
        print(
            f"{TITLES[backend]:10}  {median(warm_ups[backend]):17.2f}  "
            f"{median(epochs[backend]):9.2f}  "
            f"{harness.spread(ratios(epochs[backend], epochs['tensorflow']))}"
        )


if __name__ == "__main__":
    harness.main(compare, measure)
