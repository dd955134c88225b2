"""TensorFlow, PyTorch y JAX con la misma red: `python benchmarks/backends.py`.

Entrena con cada motor instalado, por turnos y cada vez en un proceso nuevo, 10 000 imágenes
durante tres épocas en la CPU, y escribe lo que tarda cada uno respecto de TensorFlow.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from statistics import median

from fashion_bench.backends import TITLES

ROUNDS = 3


def train(backend: str) -> None:
    """Entrena en este proceso y escribe en JSON los segundos del calentamiento y las épocas."""
    from fashion_bench import lesson

    names = lesson.load(backend=backend, device="cpu", epochs=3)
    from fashion_bench import timing

    model = names.compile_model(names.build_model())
    few = names.batch_size + 10_000 % names.batch_size
    warm_up = timing.warm_up(
        model, names.make_dataset(names.train_images[:few], names.train_labels[:few])
    )
    clock = timing.EpochClock(10_000)
    data = names.make_dataset(names.train_images[:10_000], names.train_labels[:10_000], 0)
    model.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=[clock])
    print(json.dumps({"warm_up": warm_up, "epoch": median(clock.epoch_seconds)}))


def main() -> None:
    """Mide por turnos y escribe la tabla."""
    installed = [backend for backend in TITLES if find_spec(backend)]
    seconds: dict[str, list[dict[str, float]]] = {backend: [] for backend in installed}
    for _ in range(ROUNDS):
        for backend in installed:
            done = subprocess.run(
                [sys.executable, __file__, backend], check=True, stdout=subprocess.PIPE, text=True
            )
            seconds[backend].append(json.loads(done.stdout.splitlines()[-1]))
    print("Motor       Calentamiento (s)  Época (s)  Época entre la de TensorFlow (mín.–máx.)")
    for backend, rounds in seconds.items():
        ratios = [
            ours["epoch"] / reference["epoch"]
            for ours, reference in zip(rounds, seconds["tensorflow"], strict=True)
        ]
        print(
            f"{TITLES[backend]:10}  {median(r['warm_up'] for r in rounds):17.2f}  "
            f"{median(r['epoch'] for r in rounds):9.2f}  "
            f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        )


if __name__ == "__main__":
    train(sys.argv[1]) if len(sys.argv) > 1 else main()
