"""Una función con cada motor: compilarla, tomar sus gradientes y esperar a su resultado."""

from collections.abc import Callable
from typing import Any

import keras

Tensor = Any
"""Un tensor del motor que calcula."""


def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Prepara una función para repetirla con tensores de la misma forma.

    TensorFlow la traza; JAX, además, la traduce con XLA. PyTorch la ejecuta como está, operación a
    operación, sin anotar lo que haría falta para los gradientes.
    """
    if keras.backend.backend() == "torch":
        import torch

        return torch.no_grad()(function)
    return _graph(function)


def with_gradients(run: Callable[..., Tensor], input_too: bool) -> Callable[..., list[Tensor]]:
    """Compila `run(weights, values, *rest)` junto con sus gradientes.

    Returns:
        Función del gradiente de la salida y de los argumentos de `run`: da en una lista la salida
        y los gradientes de `weights` y, con `input_too`, de `values`.
    """
    backend = keras.backend.backend()

    def both(outward: Tensor, weights: list[Tensor], values: Tensor, *rest: Tensor) -> list[Tensor]:
        sources = [*weights, values] if input_too else weights

        def forward(given: list[Tensor]) -> Tensor:
            count = len(weights)
            return run(given[:count], given[count] if input_too else values, *rest)

        if backend == "jax":
            import jax

            result, pull = jax.vjp(forward, sources)
            return [result, *pull(outward)[0]]
        if backend == "torch":
            import torch

            sources = [source.detach().requires_grad_() for source in sources]
            result = forward(sources)
            return [result, *torch.autograd.grad(result, sources, outward)]
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(sources)
            result = forward(sources)
        # Si no se devolviera el resultado, TensorFlow se ahorraría calcularlo donde no hace falta.
        return [result, *tape.gradient(result, sources, output_gradients=outward)]

    return both if backend == "torch" else _graph(both)


def finish(result: Tensor) -> None:
    """Espera al dispositivo, que va por orden: trae a memoria un número del último resultado."""
    one = keras.ops.reshape(keras.tree.flatten(result)[-1], (-1,))[0]
    keras.ops.convert_to_numpy(keras.ops.cast(one, "float32"))


def _graph(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=False)
