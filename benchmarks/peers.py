"""Este proyecto contra sus vecinos y contra el límite físico: `python benchmarks/peers.py`.

Entrena la misma red, con el mismo lote y la misma precisión (float32), en la CPU y por turnos,
cada vez en un proceso nuevo:

- `sin oneDNN`: lo mismo que `keras`, con oneDNN apagado, que es como TensorFlow viene en las CPU
  que no tienen AVX512_VNNI, AVX512_BF16, AVX_VNNI ni AMX;
- `keras`: la misma red con `model.fit(x, y)` y tablas de NumPy, como lo escribe casi todo el mundo;
- `torch`: PyTorch sin compilar, con su bucle de siempre;
- `proyecto`: las celdas del cuaderno 01.

Cada proceso entrena con varias cantidades de imágenes y anota lo que tardan las épocas y las
llamadas enteras que entrenan. Al final mide el producto de matrices de este equipo y dice a qué
parte de ese límite llega el proyecto (MFU, *model FLOPs utilization*, como en Chowdhery y otros
(2022), «PaLM», arXiv:2204.02311).
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import harness

from fashion_bench import data, lesson
from fashion_bench.text import written

if TYPE_CHECKING:
    import torch

ROUNDS = 5
SIZES = (6_400, 12_800, 25_600, 54_000)
"""La última es una época entera del cuaderno 01."""
LEARNING_RATE = 0.002


class Timed(NamedTuple):
    """Lo que tarda en entrenarse una cantidad de imágenes."""

    epoch: float
    """Segundos de la época."""
    call: float
    """Segundos de la llamada entera."""


def keras_fit(largest: int) -> Callable[[int], Timed]:
    """Prepara Keras, tal como se usa sin pensar en el reloj, y devuelve cómo entrenar."""
    names = harness.load_lesson()
    from fashion_bench.measure.clock import EpochClock

    model = names.compile_model(names.build_model())
    images, labels = names.train_images[..., None], names.train_labels
    batch = names.config.batch_size
    few = batch + largest % batch
    model.fit(images[:few], labels[:few], batch_size=batch, verbose=0)

    def train(size: int) -> Timed:
        clock = EpochClock(size)
        start = perf_counter()
        model.fit(images[:size], labels[:size], batch_size=batch, verbose=0, callbacks=[clock])
        return Timed(clock.total_seconds, perf_counter() - start)

    return train


def project(largest: int) -> Callable[[int], Timed]:
    """Prepara la red del cuaderno 01 y devuelve cómo entrenar."""
    names = harness.load_lesson()
    from fashion_bench.measure.clock import EpochClock

    model, _ = harness.warm_network(names, largest)

    def train(size: int) -> Timed:
        clock = EpochClock(size)
        start = perf_counter()
        dataset = harness.first(names, size, seed=0)
        model.fit(dataset, shuffle=False, verbose=0, callbacks=[clock])
        return Timed(clock.total_seconds, perf_counter() - start)

    return train


def torch_network() -> "torch.nn.Module":
    """Devuelve la red del cuaderno 01 escrita en PyTorch; una prueba compara sus pesos."""
    from torch import nn

    side, kernel, (first, second), neurons = lesson.sizes()
    return nn.Sequential(
        nn.Conv2d(1, first, kernel, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, kernel, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear((side // 4) ** 2 * second, neurons),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(neurons, len(data.CLASS_NAMES)),
    )


def torch_eager(largest: int) -> Callable[[int], Timed]:
    """Prepara la misma red en PyTorch y devuelve cómo entrenar."""
    import torch

    batch = lesson.load("parameters").config.batch_size
    (arrays, numbers), _ = data.load()
    images, labels = torch.tensor(arrays[:, None]), torch.tensor(numbers, dtype=torch.int64)
    model = torch_network()
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    loss_function = torch.nn.CrossEntropyLoss()

    def train(size: int) -> Timed:
        start = perf_counter()
        for chosen in torch.randperm(size).split(batch):
            loss = loss_function(model(images[chosen] / 255), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item()
        seconds = perf_counter() - start
        return Timed(seconds, seconds)

    train(batch + largest % batch)
    return train


PEERS = {
    "proyecto": project,
    "keras": keras_fit,
    "sin oneDNN": keras_fit,
    "torch": torch_eager,
}
"""Cada uno se prepara y se calienta para hasta `largest` imágenes."""
VARIABLES = {"sin oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"}}


def measure(peer: str, sizes: Sequence[int]) -> dict[str, list[float]]:
    """Entrena en este proceso con cada cantidad de imágenes; devuelve los segundos de cada una."""
    train = PEERS[peer](max(sizes))
    times = [train(size) for size in sizes]
    return {"epoch": [each.epoch for each in times], "call": [each.call for each in times]}


def limit() -> tuple[float, float]:
    """Devuelve el límite físico, en imágenes/s, y el producto de matrices, en GFLOP/s."""
    names = harness.load_lesson()
    from fashion_bench.machine import calibration, profiling

    flops = calibration.matmul_flops()
    operations = 2 * profiling.training_multiply_adds(names.build_model())
    return flops / operations, flops / 1e9


def compare(rounds: int = ROUNDS, sizes: Sequence[int] = SIZES) -> None:
    """Mide por turnos y escribe los cocientes."""
    peers = [peer for peer in PEERS if peer != "torch" or find_spec("torch")]
    if "torch" not in peers:
        print("PyTorch no está instalado: se mide sin él (requirements-torch.txt)")
    chosen = {peer: VARIABLES.get(peer, {}) for peer in peers}
    measured = harness.by_turns(__file__, chosen, rounds, sizes)
    from fashion_bench.machine.profiling import ratios

    epochs, calls = (
        {peer: [sum(each[part]) for each in rounds] for peer, rounds in measured.items()}
        for part in ("epoch", "call")
    )
    print("Quién       Imágenes/s  Época entre la del proyecto  Llamada entre la del proyecto")
    for peer in peers:
        epoch, call = (ratios(total[peer], total["proyecto"]) for total in (epochs, calls))
        print(
            f"{peer:10}  {sum(sizes) / median(epochs[peer]):10.0f}  "
            f"{harness.spread(epoch):>27}  {harness.spread(call):>29}"
        )
    print("\nLlamada de Keras entre la del proyecto, según las imágenes:")
    for number, size in enumerate(sizes):
        keras, ours = (
            [each["call"][number] for each in measured[peer]] for peer in ("keras", "proyecto")
        )
        print(f"{size:6}  {harness.spread(ratios(keras, ours))}")
    possible, gflops = limit()
    reached = sum(sizes) / median(epochs["proyecto"])
    print(
        f"\nProducto de matrices: {written(gflops, 0, 'GFLOP/s')}, que dan para "
        f"{written(possible, 0, 'imágenes/s')}; "
        f"el proyecto llega al {written(100 * reached / possible, 0, '%')} (MFU)"
    )


if __name__ == "__main__":
    harness.main(compare, measure)
