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
from time import perf_counter

import numpy as np

from fashion_bench import data, lesson

ROUNDS = 5
SIZES = (6_400, 12_800, 25_600, 54_000)
"""La última es una época entera del cuaderno 01."""
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


def measure(peer: str) -> np.ndarray:
    """Mide `peer` en un proceso nuevo; devuelve segundos `(cantidades, 2)`: época y llamada."""
    done = subprocess.run(
        [sys.executable, __file__, peer], check=True, stdout=subprocess.PIPE, text=True
    )
    return np.array(json.loads(done.stdout.splitlines()[-1]))


def limit() -> tuple[float, float]:
    """Devuelve el límite físico, en imágenes/s, y el producto de matrices, en GFLOP/s."""
    names = lesson.load(device="cpu")
    from fashion_bench import profiling

    rate = profiling.matmul_rate()
    return rate / profiling.training_multiply_adds(names.build_model()), 2 * rate / 1e9


def main() -> None:
    """Mide por turnos y escribe los cocientes."""
    peers = [peer for peer in PEERS if peer != "torch" or find_spec("torch")]
    if "torch" not in peers:
        print("PyTorch no está instalado: se mide sin él (requirements-torch.txt)")
    seconds: dict[str, list[np.ndarray]] = {peer: [] for peer in peers}
    for number in range(ROUNDS):
        for peer in peers[:: -1 if number % 2 else 1]:
            seconds[peer].append(measure(peer))
        print(f"Vuelta {number + 1} de {ROUNDS}", file=sys.stderr)
    table = {peer: np.array(each) for peer, each in seconds.items()}  # (vueltas, cantidades, 2)
    ours = table["proyecto"]
    print("Quién      Imágenes/s  Época entre la del proyecto  Llamada entre la del proyecto")
    for peer in peers:
        speed = sum(SIZES) / np.median(table[peer].sum(axis=1)[:, 0])
        epoch, call = (table[peer].sum(axis=1) / ours.sum(axis=1)).T
        print(f"{peer:9}  {speed:10.0f}  {_spread(epoch):>27}  {_spread(call):>29}")
    print("\nLlamada de Keras entre la del proyecto, según las imágenes:")
    for size, ratios in zip(SIZES, (table["keras"] / ours)[..., 1].T, strict=True):
        print(f"{size:6}  {_spread(ratios)}")
    possible, gflops = limit()
    reached = sum(SIZES) / np.median(ours.sum(axis=1)[:, 0])
    print(
        f"\nProducto de matrices: {gflops:.0f} GFLOP/s, que dan para {possible:.0f} imágenes/s; "
        f"el proyecto llega al {100 * reached / possible:.0f} % (MFU)"
    )


def _spread(values: np.ndarray) -> str:
    return f"{np.median(values):.2f} ({values.min():.2f}–{values.max():.2f})"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train = PEERS[sys.argv[1]]()
        print(json.dumps([train(size) for size in SIZES]))
    else:
        main()
