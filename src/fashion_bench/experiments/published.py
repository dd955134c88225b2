"""Lo que otros han medido en sus GPU, y lo que de ello se aprende para predecir otra.

Una **pila** es un motor sobre un sistema: TensorFlow con Metal, PyTorch con CUDA… De cada una se
aprenden los cuatro números de la fórmula del cuaderno 02: el paso vacío, lo que cuesta una petición
y por cuánto hay que multiplicar lo que dice la ficha de la GPU de cálculo y de memoria. Para saber
cuánto se yerra se deja fuera cada equipo, se aprende de los demás y se predice el que falta.
"""

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_bench.experiments.prediction import FLOAT_BYTES, Device, Work

FOLDER = Path(__file__).parents[1] / "datasets" / "published"

STACKS = {
    "tensorflow-metal": "TensorFlow con Metal, en un Mac",
    "tensorflow-windows": "TensorFlow con CUDA, en Windows",
    "tensorflow-linux": "TensorFlow con CUDA, en Linux",
    "pytorch-cuda": "PyTorch con CUDA",
    "pytorch-mps": "PyTorch con MPS, en un Mac",
}

SMALL, COVERAGE, MOST_ERROR = 1_000_000, 0.8, 0.25
"""Pesos hasta los que una red es pequeña, como la del curso: solo de esas se predice. Parte de las
medidas que debería caer en el intervalo de una predicción. Y error mediano, con redes pequeñas y el
equipo fuera, hasta el que se predice con una pila."""

LEAST = np.array([0, 1e-6, 1, 1])
"""Lo menos que valen: pedir cuesta 1 µs en una CPU, y nadie va más deprisa que su ficha."""

Formula = Callable[[Work, np.ndarray, Device], np.ndarray]
"""Segundos de un paso: de lo que pide la red, el lote y el dispositivo, todo en columnas."""


class Point(NamedTuple):
    """Una medida publicada."""

    stack: str
    machine: str
    gpu: str
    network: str
    small: bool
    batch: int
    seconds: float
    work: Work


class Stack(NamedTuple):
    """Lo aprendido de una pila."""

    numbers: np.ndarray
    """Segundos del paso vacío y de una petición, y lo que multiplica al cálculo y a la memoria."""
    points: list[Point]
    errors: np.ndarray
    """De cada medida, el logaritmo de lo predicho, con su equipo fuera, entre lo medido."""

    @property
    def small_errors(self) -> np.ndarray:
        """Los errores de las redes pequeñas, como partes de lo medido, sin signo."""
        return np.abs(np.expm1(self.errors[[point.small for point in self.points]]))

    @property
    def supported(self) -> bool:
        """Si con ella se predice: dos equipos con redes pequeñas, o más, y un error aceptable."""
        machines = {point.machine for point in self.points if point.small}
        return len(machines) > 1 and bool(np.median(self.small_errors) <= MOST_ERROR)


@cache
def points() -> list[Point]:
    """Lee las medidas publicadas, con lo que pide cada una."""
    networks = {row["network"]: row for row in _rows("networks")}
    found = []
    for row in _rows("points"):
        network = networks[row["network"]]
        weights = int(network["weights"])
        found.append(
            Point(
                stack=row["stack"],
                machine=row["machine"],
                gpu=row["gpu"],
                network=row["network"],
                small=weights < SMALL,
                batch=int(row["batch"]),
                seconds=float(row["milliseconds"]) / 1000,
                work=Work(
                    int(network["orders"]) + int(row["optimizer_orders"]),
                    float(network["operations"]),
                    float(network["bytes_moved"]),
                    float(FLOAT_BYTES * int(row["optimizer_passes"]) * weights),
                ),
            )
        )
    return found


@cache
def sheet(gpu: str) -> tuple[float, float, str]:
    """Da la ficha de una GPU: operaciones y bytes por segundo, y de dónde salen."""
    [row] = [row for row in _rows("gpus") if row["gpu"] == gpu]
    return 1e12 * float(row["teraflops"]), 1e9 * float(row["gb_per_second"]), row["source"]


def learn(name: str, formula: Formula) -> Stack:
    """Aprende de una pila con una fórmula, y prueba cada equipo con lo aprendido de los demás."""
    chosen = [point for point in points() if point.stack == name]
    machines = np.array([point.machine for point in chosen])
    errors = np.zeros(len(chosen))
    for machine in set(machines):
        out = machines == machine
        rest = _fit([p for p, left in zip(chosen, out, strict=True) if not left], formula)
        errors[out] = errors_of([p for p in chosen if p.machine == machine], formula, rest)
    return Stack(_fit(chosen, formula), chosen, errors)


def errors_of(chosen: Sequence[Point], formula: Formula, numbers: np.ndarray) -> np.ndarray:
    """Da, de cada medida, el logaritmo de lo predicho, con esos cuatro números, entre lo medido."""
    work = Work(*np.array([p.work for p in chosen]).T)
    flops, rate = (np.array([sheet(p.gpu)[index] for p in chosen]) for index in (0, 1))
    idle, order, counting, moving = numbers
    machine = Device("", idle, order, flops / counting, rate / moving)
    said = formula(work, np.array([p.batch for p in chosen]), machine)
    return np.log(said / [p.seconds for p in chosen])


def device(name: str, flops: float, bytes_per_second: float, stack: Stack) -> Device:
    """Da el dispositivo que predice una pila, a partir de lo que dice su ficha."""
    idle, order, counting, moving = map(float, stack.numbers)
    return Device(name, idle, order, flops / counting, bytes_per_second / moving)


def margin(stacks: Iterable[Stack], without: str = "") -> float:
    """Da por cuánto se multiplica y se divide una predicción para tener su intervalo.

    Abarca `COVERAGE` de los errores con redes pequeñas, quitado el equipo `without`.
    """
    errors = [
        abs(error)
        for stack in stacks
        for point, error in zip(stack.points, stack.errors, strict=True)
        if point.small and point.machine != without
    ]
    return float(np.exp(np.quantile(errors, COVERAGE)))


def covered(stacks: Collection[Stack]) -> tuple[int, int]:
    """Cuenta las medidas de redes pequeñas que caen en su intervalo, y cuántas son.

    Ni la predicción ni el intervalo de un equipo han visto sus medidas.
    """
    inside = [
        abs(error) <= np.log(margin(stacks, point.machine))
        for stack in stacks
        for point, error in zip(stack.points, stack.errors, strict=True)
        if point.small
    ]
    return sum(inside), len(inside)


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fit(chosen: Sequence[Point], formula: Formula) -> np.ndarray:
    """Busca los cuatro números con menos error al cuadrado, a pasos cada vez más cortos.

    Las medidas de una red en un equipo pesan, entre todas, como una.
    """
    repeated = Counter((point.machine, point.network) for point in chosen)
    weights = np.array([1 / repeated[point.machine, point.network] for point in chosen])
    numbers, stride = np.array([3e-3, 1e-5, 2, 2]), 4.0
    ways = [*np.eye(4), *-np.eye(4)]  # multiplicar o dividir uno solo de los cuatro

    def loss(numbers: np.ndarray) -> float:
        return float(weights @ errors_of(chosen, formula, numbers) ** 2)

    least = loss(numbers)
    while stride > 1.01:
        tries = [np.maximum(numbers * stride**way, LEAST) for way in ways]
        losses = [loss(each) for each in tries]
        best = int(np.argmin(losses))
        if losses[best] < least * (1 - 1e-6):
            numbers, least = tries[best], losses[best]
        else:
            stride **= 0.5
    return numbers
