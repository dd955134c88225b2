"""Este proyecto contra sus vecinos y contra el límite físico: `python benchmarks/peers.py`.

Entrena la misma red, con el mismo lote y la misma precisión (float32), en la CPU y por turnos,
cada vez en un proceso nuevo:

- `keras`: la misma red con `model.fit(x, y)` y tablas de NumPy, como lo escribe casi todo el mundo;
- `torch`: PyTorch sin compilar, con su bucle de siempre;
- `proyecto`: las celdas del cuaderno 01.

Cada proceso entrena con varias cantidades de imágenes y apunta lo que tardan las épocas y las
llamadas enteras que entrenan. Al final mide el producto de matrices de este equipo y dice a qué
parte de ese límite llega el proyecto (MFU, *model FLOPs utilization*, como en Chowdhery y otros
(2022), «PaLM», arXiv:2204.02311).
"""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from time import perf_counter

from fashion_bench import data, lesson

ROUNDS = 5
SIZES = (6_400, 12_800, 25_600)
BATCH = 128
LEARNING_RATE = 0.002
Timed = tuple[float, float]
"""Segundos de la época y de la llamada entera."""


def keras_fit() -> Callable[[int], Timed]:
    """Prepara Keras, tal como se usa sin pensar en el reloj, y devuelve cómo entrenar."""
    names = lesson.load(device="cpu")
    from fashion_bench import timing

    model = names.compile_model(names.build_model())
    images, labels = names.train_images[..., None], names.train_labels
    model.fit(images[:BATCH], labels[:BATCH], batch_size=BATCH, verbose=0)

    def train(size: int) -> Timed:
        clock = timing.EpochClock(size)
        start = perf_counter()
        model.fit(images[:size], labels[:size], batch_size=BATCH, verbose=0, callbacks=[clock])
        return clock.total_seconds, perf_counter() - start

    return train


def project() -> Callable[[int], Timed]:
    """Prepara la red del cuaderno 01 y devuelve cómo entrenar."""
    names = lesson.load(device="cpu")
    from fashion_bench import timing

    model = names.compile_model(names.build_model())
    timing.warm_up(
        model, names.make_dataset(names.train_images[:BATCH], names.train_labels[:BATCH])
    )

    def train(size: int) -> Timed:
        clock = timing.EpochClock(size)
        start = perf_counter()
        dataset = names.make_dataset(names.train_images[:size], names.train_labels[:size], 0)
        model.fit(dataset, shuffle=False, verbose=0, callbacks=[clock])
        return clock.total_seconds, perf_counter() - start

    return train


def torch_eager() -> Callable[[int], Timed]:
    """Prepara la misma red en PyTorch y devuelve cómo entrenar."""
    import torch
    from torch import nn

    (images, labels), _ = data.load()
    images, labels = torch.tensor(images[:, None]), torch.tensor(labels, dtype=torch.int64)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(0.4), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    loss_function = nn.CrossEntropyLoss()

    def train(size: int) -> Timed:
        start = perf_counter()
        for chosen in torch.randperm(size).split(BATCH):
            loss = loss_function(model(images[chosen] / 255), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item()
        seconds = perf_counter() - start
        return seconds, seconds

    train(BATCH)
    return train


PEERS = {"proyecto": project, "keras": keras_fit, "torch": torch_eager}


def measure(peer: str) -> Timed:
    """Mide `peer` en un proceso nuevo; devuelve la suma de épocas y la de llamadas, en segundos."""
    done = subprocess.run(
        [sys.executable, __file__, peer], check=True, stdout=subprocess.PIPE, text=True
    )
    epochs, calls = json.loads(done.stdout.splitlines()[-1])
    return epochs, calls


def limit() -> tuple[float, float]:
    """Devuelve el límite físico, en imágenes/s, y el producto de matrices, en GFLOP/s."""
    names = lesson.load(device="cpu")
    from fashion_bench import profiling

    rate = profiling.matmul_rate("float32")
    return rate / profiling.training_multiply_adds(names.build_model()), 2 * rate / 1e9


def main() -> None:
    """Mide por turnos y escribe los cocientes."""
    peers = [peer for peer in PEERS if peer != "torch" or find_spec("torch")]
    if "torch" not in peers:
        print("PyTorch no está instalado: se mide sin él (requirements-torch.txt)")
    rounds = []
    for number in range(ROUNDS):
        rounds.append({peer: measure(peer) for peer in peers[:: -1 if number % 2 else 1]})
        print(f"Vuelta {number + 1} de {ROUNDS}", file=sys.stderr)
    print("Quién      Imágenes/s  Época entre la del proyecto  Llamada entre la del proyecto")
    for peer in peers:
        epoch, call = (
            [each[peer][kind] / each["proyecto"][kind] for each in rounds] for kind in (0, 1)
        )
        speed = sum(SIZES) / median(each[peer][0] for each in rounds)
        print(f"{peer:9}  {speed:10.0f}  {_spread(epoch):>27}  {_spread(call):>29}")
    possible, gflops = limit()
    reached = sum(SIZES) / median(each["proyecto"][0] for each in rounds)
    print(
        f"\nProducto de matrices: {gflops:.0f} GFLOP/s, que dan para {possible:.0f} imágenes/s; "
        f"el proyecto llega al {100 * reached / possible:.0f} % (MFU)"
    )


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train = PEERS[sys.argv[1]]()
        timed = [train(size) for size in SIZES]
        print(json.dumps([sum(seconds) for seconds in zip(*timed, strict=True)]))
    else:
        main()
