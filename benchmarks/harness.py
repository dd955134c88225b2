"""Lo común a los bancos de medida: en qué equipo se mide, en procesos nuevos y por turnos."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fashion_bench import lesson
from fashion_bench.machine import backends, hardware
from fashion_bench.machine.engines import quiet
from fashion_bench.text import written

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def main(compare: Callable[[], None], measure: Callable[..., object] | None = None) -> None:
    """Lo que hace cada programa: comparar o, en los procesos que lanza `by_turns`, medir."""
    if measure and len(sys.argv) > 1:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
    else:
        print(where(), end="\n\n", flush=True)
        compare()


def by_turns(
    program: str, peers: Mapping[str, Mapping[str, str]], rounds: int, *arguments: object
) -> dict[str, list[Any]]:
    """Mide a varios por turnos, cada vez en un proceso nuevo.

    Args:
        program: el programa, `__file__`; su función `measure` recibe a quién medir.
        peers: a quiénes se mide, cada uno con las variables de entorno que se le ponen.
        rounds: rondas.
        arguments: los demás argumentos de la función.

    Returns:
        Lo que la función ha devuelto de cada uno, en el orden de las rondas.
    """
    with quiet():
        from fashion_bench.machine.profiling import alternate

    def measure(peer: str) -> Any:  # noqa: ANN401
        print(f"Se mide {peer}", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, program, json.dumps([peer, *arguments])],
            stdout=subprocess.PIPE,
            check=True,
            encoding="utf-8",
            env=os.environ | peers[peer],
        )
        return json.loads(done.stdout.splitlines()[-1])

    return alternate({peer: partial(measure, peer) for peer in peers}, rounds)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Escribe la mediana de unos cocientes y, entre paréntesis, el mínimo y el máximo."""
    low, middle, high = (
        f"{value:.{digits}f}" for value in (min(values), median(values), max(values))
    )
    return f"{middle} ({low}-{high})"


def load_lesson(backend: str = "tensorflow", **parameters: object) -> SimpleNamespace:
    """Prepara en la CPU los datos y la red del cuaderno 01, con esos parámetros cambiados."""
    lesson.load("importar", backend=backend, device="cpu")
    backends.hide_devices("cpu", backend)
    return lesson.load(backend=backend, device="cpu", **parameters)


def first(names: SimpleNamespace, images: int, seed: int | None = None) -> "tf.data.Dataset":
    """Da lotes de las primeras imágenes de entrenamiento; con semilla, barajados."""
    return names.make_dataset(names.train_images[:images], names.train_labels[:images], seed)


def warm_network(names: SimpleNamespace, images: int) -> tuple["keras.Model", float]:
    """Compila la red y la calienta para los lotes, enteros y el último, de `images` imágenes.

    Devuelve la red, sin entrenar, y los segundos del calentamiento.
    """
    from fashion_bench.measure.clock import warm_up

    model = names.compile_model(names.build_model())
    batch = names.config.batch_size
    return model, warm_up(model, first(names, batch + images % batch))


def where() -> str:
    """Describe en qué se mide: el equipo, sus instrucciones, los programas y el código."""
    with quiet():
        from fashion_bench.measure import provenance
    machine, software = hardware.machine(), backends.software()
    code = provenance.code(lesson.NOTEBOOK)
    cores = machine.physical_cores or machine.logical_cores
    cards = [card.name for card in hardware.ask_nvidia()[0]]
    others = [
        f"{backends.TITLES[name]} {version(name)}" for name in ("torch", "jax") if find_spec(name)
    ]
    return "\n".join(
        [
            f"CPU:            {machine.cpu}, {cores} núcleos, "
            f"{written(machine.memory_gib or 0, 1, 'GiB')}",
            f"Instrucciones:  {machine.microarchitecture}, {machine.isa}",
            *(f"GPU:            {card}" for card in cards),
            f"Sistema:        {machine.os} ({machine.architecture})",
            f"Programas:      Python {software.python}, TensorFlow {software.tensorflow}, "
            + ", ".join([f"Keras {software.keras}", *others]),
            f"Proyecto:       {code.version}, {code.git_commit or 'sin git'}",
        ]
    )
