"""Qué frena un paso de entrenamiento: `python benchmarks/primitives.py`.

oneDNN, la biblioteca con la que TensorFlow calcula en la CPU, escribe cuánto tarda cada una de sus
operaciones si se le pide con `ONEDNN_VERBOSE` (https://uxlfoundation.github.io/oneDNN/). Se
entrena con la red del cuaderno 01 y se suman por operación. Varias se hacen a la vez, así que la
suma pasa de lo que dura el paso.
"""

import os
import subprocess
import sys
from collections import Counter

from fashion_bench import lesson

STEPS = 100
BATCH = 128
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


def train() -> None:
    """Entrena `STEPS` pasos ya caliente y escribe lo que ha durado cada uno."""
    names = lesson.load(device="cpu")
    from fashion_bench import timing

    def dataset(size: int) -> object:
        return names.make_dataset(names.train_images[:size], names.train_labels[:size])

    model = names.compile_model(names.build_model())
    timing.warm_up(model, dataset(BATCH))
    print(START, flush=True)
    clock = timing.EpochClock(STEPS * BATCH)
    model.fit(dataset(STEPS * BATCH), shuffle=False, verbose=0, callbacks=[clock])
    print(1000 * clock.total_seconds / STEPS)


def main() -> None:
    """Entrena en un proceso aparte, suma lo que escribe oneDNN y muestra lo que más cuesta."""
    done = subprocess.run(
        [sys.executable, __file__, "train"], check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"ONEDNN_VERBOSE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    *lines, step = done.stdout.split(START)[1].splitlines()
    total: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        # `onednn_verbose,v1,primitive,exec,cpu`,operación,código,dirección,…,forma,milisegundos
        fields = line.split(",")
        if fields[:1] == ["onednn_verbose"] and "exec" in fields:
            kind, _, direction = fields[5:8]
            total[KINDS[kind], DIRECTIONS.get(direction, ""), fields[-2]] += float(fields[-1])
    everything = sum(total.values())
    print(f"El paso: {float(step):.2f} ms; la suma de oneDNN: {everything / STEPS:.2f} ms")
    for (kind, direction, shape), milliseconds in total.most_common(8):
        print(
            f"{milliseconds / STEPS:6.2f} ms  {100 * milliseconds / everything:3.0f} %  "
            f"{kind:21} {direction:24} {shape}"
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        train()
    else:
        main()
