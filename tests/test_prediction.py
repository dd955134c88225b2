"""El modelo de tres términos y la escalera, sin depender de lo rápido que sea este equipo."""

import json
from types import SimpleNamespace

import keras
import pytest
from conftest import NOTEBOOKS, ROOT

from fashion_bench import lesson
from fashion_bench.compare import files
from fashion_bench.experiments import ladder, prediction
from fashion_bench.experiments.prediction import Device, Work
from fashion_bench.machine import profiling

FAST = Device("inventado", 10e12, 400e9, 5e-6)


@pytest.fixture(scope="module")
def network() -> keras.Sequential:
    base = lesson.load(train_samples=1000, device="cpu")
    return base.compile_model(base.build_model())


def test_each_piece_hits_its_own_limit() -> None:
    counts = Work("cuentas", 0, 10e12, 1)
    memory = Work("memoria", 0, 1, 400e9)
    assert prediction.seconds([counts], FAST) == pytest.approx(1)
    assert prediction.seconds([memory], FAST) == pytest.approx(1)
    assert prediction.seconds([counts, memory], FAST) == pytest.approx(2)  # una detrás de otra
    assert prediction.seconds([Work("las dos", 0, 10e12, 400e9)], FAST) == pytest.approx(
        1
    )  # a la vez
    assert prediction.seconds([Work("peticiones", 1000, 0, 0)], FAST) == pytest.approx(0.005)
    assert prediction.seconds([], FAST) == 0


def test_a_step_asks_for_the_operations_of_the_network(network: keras.Sequential) -> None:
    pieces = prediction.step(network, 128)
    inside = sum(piece.operations for piece in pieces if piece.name != "pesos")
    assert inside == 2 * 128 * profiling.training_multiply_adds(network)
    names = [piece.name for piece in pieces]
    assert len(names) == len(set(names)) == 2 * len(network.layers) + 1


def test_the_bytes_of_a_layer_are_those_of_its_tables(network: keras.Sequential) -> None:
    pieces = {piece.name: piece for piece in prediction.step(network, 10)}
    [pooling, *_] = [each for each in network.layers if "pooling" in each.name]
    maps = ladder.CHANNELS
    tables = 4 * 10 * maps * (28 * 28 + 14 * 14)
    assert pieces[pooling.name].bytes_moved == tables
    assert pieces[f"{pooling.name}, atrás"].bytes_moved == 2 * tables
    conv = next(each.name for each in network.layers if "conv" in each.name)
    entering, leaving, weights = (4 * each for each in (10 * 784, 10 * 784 * maps, 10 * maps))
    assert pieces[conv].bytes_moved == entering + leaving + weights
    # El gradiente de los pesos y, cuatro veces con su salida, el de la `ReLU` y el del sesgo.
    assert pieces[f"{conv}, atrás"].bytes_moved == entering + 5 * leaving + weights
    assert pieces["pesos"].bytes_moved == 30 * 4 * network.count_params()
    assert pieces["pesos"].operations == 10 * network.count_params()
    twice = {piece.name: piece for piece in prediction.step(network, 20)}
    assert twice[pooling.name].bytes_moved == 2 * pieces[pooling.name].bytes_moved
    assert twice["pesos"] == pieces["pesos"]  # los pesos son los mismos con cualquier lote
    first = network.layers[0].name
    assert pieces[f"{first}, atrás"].bytes_moved == 0  # antes de ella no hay nada que aprender


def test_half_empty_lanes_make_a_convolution_slower(network: keras.Sequential) -> None:
    full = {piece.name: piece for piece in prediction.step(network, 8)}
    half = {piece.name: piece for piece in prediction.step(network, 8, {1: 0.25, 64: 0.5})}
    first, second = [layer.name for layer in network.layers if "conv" in layer.name]
    assert half[first].operations == 4 * full[first].operations
    assert half[f"{first}, atrás"].operations == 4 * full[f"{first}, atrás"].operations
    assert half[second] == full[second]  # sus 32 canales no están en la tabla


def test_the_orders_of_a_step_do_not_depend_on_the_batch(network: keras.Sequential) -> None:
    few, many = (prediction.count_orders(network, batch) for batch in (1, 64))
    assert few == many > 100


def test_what_a_call_costs_is_not_of_its_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Una llamada de mentira tarda 7 segundos, más 2 por petición."""
    now = [0.0]

    def call(value: object, orders: int) -> SimpleNamespace:
        now[0] += 7 + 2 * orders
        return SimpleNamespace(numpy=lambda: None)

    monkeypatch.setattr(prediction, "perf_counter", lambda: now[0])
    monkeypatch.setattr(prediction.tf, "function", lambda function: call)
    assert prediction.graph_order_seconds() == 2


def test_figures_of_others_are_only_told_while_there_are_none_of_ours() -> None:
    text = json.dumps(json.loads(NOTEBOOKS[1].read_text(encoding="utf-8")), ensure_ascii=False)
    found, _ = files.load_folder(ROOT / "results")
    ours = any(record.accelerator for record in found)
    assert ("Mientras este proyecto no tenga registros de una GPU" in text) is not ours


# La escalera


def test_the_operations_of_the_convolution() -> None:
    layer = keras.layers.Conv2D(ladder.FILTERS, 3, padding="same")
    keras.Sequential([keras.Input((ladder.SIDE, ladder.SIDE, ladder.CHANNELS)), layer])
    assert ladder.operations() == 2 * profiling.multiply_adds(layer)
    assert ladder.operations(5) == 5 * ladder.operations()


@pytest.mark.slow
def test_a_single_thread_is_measured_apart() -> None:
    found = ladder.with_one_thread([1, 8])
    assert len(found) == 2
    assert all(seconds > 0 for seconds in found)
