"""Qué frena un paso de entrenamiento: `python benchmarks/primitives.py`.

oneDNN, la biblioteca con la que TensorFlow calcula en la CPU, escribe cuánto tarda cada una de sus
operaciones si se le pide con `ONEDNN_VERBOSE` (https://uxlfoundation.github.io/oneDNN/). Se
entrena con la red del cuaderno 01 y se suman por operación. Varias se hacen a la vez, así que la
suma pasa de lo que dura el paso.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from math import prod
from typing import NamedTuple

import harness

from fashion_bench.typography import written

STEPS = 100
SHOWN = 8
START = "empieza la medida"
KINDS = {
    "convolution": "convolución",
    "gemm_api": "producto de matrices",
    "inner_product": "producto de matrices",
    "pooling": "máximo de 2×2",
    "reorder": "cambio de orden en memoria",
}
DIRECTIONS = {
    "forward_training": "hacia delante",
    "backward_data": "gradiente de la entrada",
    "backward_weights": "gradiente de los pesos",
}


class Operation(NamedTuple):
    """Una operación de oneDNN, con los nombres que él le da."""

    kind: str
    kernel: str
    """El código de oneDNN que la hace; dice con qué instrucciones."""
    direction: str
    shape: str

    @property
    def multiply_adds(self) -> int:
        """Las multiplicaciones con suma de una convolución; de lo demás, cero."""
        sizes = dict(re.findall(r"(mb|ic|oc|oh|ow|kh|kw)(\d+)", self.shape))
        return prod(map(int, sizes.values())) if self.kind == "convolution" else 0


def measure(steps: int) -> float:
    """Entrena `steps` pasos, ya caliente, y devuelve los milisegundos que ha durado cada uno."""
    names = harness.load_lesson()
    from fashion_bench.measure.clock import EpochClock

    images = steps * names.config.batch_size
    model, _ = harness.warm_network(names, images)
    clock = EpochClock(images)
    print(START, flush=True)
    model.fit(harness.first(names, images), shuffle=False, verbose=0, callbacks=[clock])
    return 1000 * clock.total_seconds / steps


def add_up(lines: Iterable[str]) -> dict[Operation, float]:
    """Suma los milisegundos de cada operación, de la que más tarda a la que menos."""
    total: dict[Operation, float] = defaultdict(float)
    for line in lines:
        # `onednn_verbose,v1,primitive,exec,cpu`,operación,código,dirección,…,forma,milisegundos
        fields = line.split(",")
        if fields[0] == "onednn_verbose" and "exec" in fields:
            kind, kernel, direction = fields[5:8]
            total[Operation(kind, kernel, direction, fields[-2])] += float(fields[-1])
    return dict(sorted(total.items(), key=lambda item: item[1], reverse=True))


def compare(steps: int = STEPS) -> None:
    """Entrena en un proceso aparte, suma lo que escribe oneDNN y muestra lo que más cuesta."""
    lines = harness.run(__file__, steps, ONEDNN_VERBOSE="1", TF_CPP_MIN_LOG_LEVEL="3")
    *lines, step = lines[lines.index(START) + 1 :]
    total = add_up(lines)
    if not total:
        sys.exit(
            "TensorFlow no calcula con oneDNN en este equipo: no hay nada que sumar. En una CPU "
            "con AVX2, prueba con la variable TF_ENABLE_ONEDNN_OPTS=1."
        )
    everything = sum(total.values())
    print(
        f"El paso: {written(float(step), 2, 'ms')}; "
        f"la suma de oneDNN: {written(everything / steps, 2, 'ms')}"
    )
    for operation, milliseconds in list(total.items())[:SHOWN]:
        rate = 2 * operation.multiply_adds * steps / milliseconds / 1e6
        print(
            f"{milliseconds / steps:6.2f} ms  {100 * milliseconds / everything:3.0f} %  "
            f"{written(rate, 0, 'GFLOP/s') if rate else '':12}"
            f"{KINDS.get(operation.kind, operation.kind):27}"
            f"{DIRECTIONS.get(operation.direction, ''):25}{operation.kernel:52}{operation.shape}"
        )
    print("\nCada convolución, en total:")
    convolutions = {each.shape for each in total if each.kind == "convolution"}
    for shape in sorted(convolutions):
        milliseconds = sum(total[each] for each in total if each.shape == shape)
        print(f"{milliseconds / steps:6.2f} ms  {100 * milliseconds / everything:3.0f} %  {shape}")


if __name__ == "__main__":
    harness.main(compare, measure)
