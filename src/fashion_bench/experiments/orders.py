"""Cuántas peticiones hace un paso de entrenamiento: tal como está escrito y tal como se ejecuta."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from fashion_bench.machine.compiling import Tensor

NETWORK, OPTIMIZER = "la_red", "el_optimizador"
WRITTEN, OWNERS = "sin optimizar", {NETWORK: "la red", OPTIMIZER: "Adam"}

NOT_ORDERS = (
    *("_Arg", "_Retval", "Const", "Placeholder", "Identity", "NoOp", "ReadVariableOp"),
    *("VarHandleOp", "Shape", "StridedSlice", "Pack", "Reshape", "ExpandDims", "Squeeze"),
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "reshape"),
    *("detach", "expand", "permute", "squeeze", "t", "transpose", "unsqueeze", "view"),
    *("_unsafe_view", "alias", "_local_scalar_dense"),
)
"""Nodos que no encargan ninguna cuenta, en cada motor: los datos, sus nombres y sus formas."""

CHILD = """
import json, sys
from fashion_bench import lesson
base = lesson.load(backend="tensorflow", device="cpu")
from fashion_bench.experiments import orders
network = base.keras.saving.load_model(sys.argv[1], compile=False)
print(json.dumps(orders.count_orders(base.compile_model(network))))
"""
"""Se compila otra vez: el Adam de un archivo de PyTorch es solo suyo."""


def count_orders(model: keras.Model) -> dict[str, int]:
    """Cuenta las peticiones de un paso de entrenamiento, compilada la red: no dependen del lote.

    Returns:
        Las del paso tal como se escribe, «sin optimizar», y las que quedan cuando el motor lo ha
        optimizado: las de recorrer «la red», ida y vuelta, y las de «Adam». PyTorch no optimiza.
    """
    images = keras.ops.zeros((2, *model.input_shape[1:]), model.inputs[0].dtype)
    labels = keras.ops.zeros((2,), "int32")
    model.optimizer.build(model.trainable_variables)
    count = {"tensorflow": _in_tensorflow, "torch": _in_torch, "jax": _in_jax}
    return count[keras.backend.backend()](model, images, labels)


def with_tensorflow(model: keras.Model) -> int:
    """Cuenta las de la misma red con TensorFlow, en un proceso aparte si el motor es otro."""
    if keras.backend.backend() == "tensorflow":
        counted = count_orders(model)
    else:
        with TemporaryDirectory() as folder:
            file = str(Path(folder, "red.keras"))
            model.save(file)
            command = [sys.executable, "-c", CHILD, file]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
        counted = json.loads(done.stdout)
    return sum(counted[owner] for owner in OWNERS.values())


def _in_tensorflow(model: keras.Model, images: Tensor, labels: Tensor) -> dict[str, int]:
    import tensorflow as tf
    from tensorflow.python.eager import context

    def one_step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.name_scope(NETWORK), tf.GradientTape() as tape:
            loss = model.compute_loss(y=labels, y_pred=model(images, training=True))
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        with tf.name_scope(OPTIMIZER):
            model.optimizer.apply(gradients, variables)
        return loss

    step = tf.function(one_step)
    graph = step.get_concrete_function(images, labels).graph
    written = _owned((node.type, node.name) for node in graph.get_operations())
    # No hay modo público de pedir el grafo optimizado: lo usan así las pruebas de TensorFlow.
    with context.collect_graphs(optimized=True) as graphs:
        step(images, labels)
    nodes = max((graph.node for graph in graphs), key=len)
    return {WRITTEN: written.total()} | _owned((node.op, node.name) for node in nodes)


def _in_jax(model: keras.Model, images: Tensor, labels: Tensor) -> dict[str, int]:
    import jax

    state = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables
    values = [[variable.value for variable in variables] for variables in state]

    def one_step(
        images: Tensor, labels: Tensor, trainable: list, fixed: list, slots: list
    ) -> tuple:
        def loss(trainable: list) -> Tensor:
            with jax.named_scope(NETWORK):
                predicted, _ = model.stateless_call(trainable, fixed, images, training=True)
                return model.loss(labels, predicted)

        value, gradients = jax.value_and_grad(loss)(trainable)
        with jax.named_scope(OPTIMIZER):
            return value, model.optimizer.stateless_apply(slots, gradients, trainable)

    lowered = jax.jit(one_step).lower(images, labels, *values)
    written = lowered.as_text("hlo", debug_info=True)
    return {WRITTEN: _in_hlo(written).total()} | _in_hlo(lowered.compile().as_text())


def _in_hlo(text: str) -> Counter[str]:
    """Cuenta las instrucciones del programa principal de XLA, que junta varias en una `fusion`.

    Su sintaxis: https://openxla.org/xla/operation_semantics
    """
    main = text[text.index("\nENTRY ") :]
    return _owned(re.findall(r"^  .*? = .*?\s([a-z][\w-]*)\((.*)$", main, re.MULTILINE))


def _in_torch(model: keras.Model, images: Tensor, labels: Tensor) -> dict[str, int]:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    asked, owner, variables = list[tuple[str, str]](), NETWORK, model.trainable_variables

    class Listen(TorchDispatchMode):
        """Anota cada operación que llega al dispositivo."""

        def __torch_dispatch__(
            self, func: Tensor, types: object, args: tuple = (), kwargs: dict | None = None
        ) -> Tensor:
            asked.append((func.overloadpacket.__name__, owner))
            return func(*args, **(kwargs or {}))

    with Listen():
        model.compute_loss(y=labels, y_pred=model(images, training=True)).backward()
        owner = OPTIMIZER
        with torch.no_grad():
            model.optimizer.apply([variable.value.grad for variable in variables], variables)
    kept = _owned(asked)
    return {WRITTEN: kept.total()} | kept


def _owned(nodes: Iterable[tuple[str, str]]) -> Counter[str]:
    """Cuenta los nodos que encargan algo, según su dueño; de cada uno, su operación y su nombre."""
    return Counter(
        OWNERS[OPTIMIZER if OPTIMIZER in name else NETWORK]
        for operation, name in nodes
        if operation not in NOT_ORDERS
    )
