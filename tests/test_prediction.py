"""El modelo de tiempos, lo aprendido de otros y la escalera, sea lo rápido que sea este equipo."""

import json
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import NOTEBOOKS, ROOT
from keras import layers

from fashion_bench import lesson
from fashion_bench.compare import files
from fashion_bench.experiments import ladder, orders, prediction, published
from fashion_bench.experiments.prediction import Device, Work
from fashion_bench.experiments.published import Point
from fashion_bench.machine import profiling


@pytest.fixture(scope="module")
def network() -> keras.Sequential:
    base = lesson.load(train_samples=1000, device="cpu")
    return base.compile_model(base.build_model())


@pytest.fixture(scope="module")
def formula() -> SimpleNamespace:
    """Las dos formas de la fórmula, tal como están en el cuaderno 02."""
    given = {"prediction": prediction, "np": np}
    return lesson.borrow("02_por_que_gana_la_gpu.ipynb", "formula", **given)


@pytest.mark.parametrize(
    ("work", "batch", "seconds"),
    [
        (Work(0, 0, 0, 0), 128, 0.001),
        (Work(100, 0, 0, 0), 128, 0.001 + 100 * 5e-6),
        (Work(0, 1e9, 0, 0), 10, 0.001 + 1e-3),
        (Work(0, 0, 4e6, 0), 10, 0.001 + 1e-4),
        (Work(0, 0, 0, 4e8), 10, 0.001 + 1e-3),
    ],
)
def test_each_part_of_a_step_hits_its_own_limit(
    work: Work, batch: int, seconds: float, formula: SimpleNamespace
) -> None:
    machine = Device("inventado", 0.001, 5e-6, 10e12, 400e9)
    assert formula.in_turn(work, batch, machine) == pytest.approx(seconds)
    fixed = 0.001 + work.orders * 5e-6
    assert formula.at_once(work, batch, machine) == pytest.approx(max(fixed, seconds - fixed))


def test_a_step_asks_for_what_the_network_and_adam_do(network: keras.Sequential) -> None:
    work = prediction.work(network, 7, "jax")
    assert work.orders == 7
    assert work.operations == 2 * profiling.training_multiply_adds(network)
    assert work.weight_bytes == 7 * 4 * network.count_params()
    small = keras.Sequential([keras.Input((10,)), layers.Dense(4, "relu"), layers.Dense(2)])
    # La primera: sus dos tablas, delante y para sus pesos, y cuatro más por `ReLU` y sesgo.
    first, second = 2 * (10 + 4) + 4 * 4, 3 * (4 + 2) + 4 * 2
    assert prediction.work(small, 0, "jax").bytes_moved == 4 * (first + second)


def test_the_requests_of_a_step_are_counted_by_their_owner(network: keras.Sequential) -> None:
    counted = orders.count_orders(network)
    tables = len(network.trainable_variables)
    assert counted["sin optimizar"] > counted["la red"] + counted["Adam"]
    assert counted["Adam"] > 10 * tables > counted["la red"] > 2 * len(network.layers)
    plain = keras.models.clone_model(network)
    plain.compile(keras.optimizers.SGD(), network.loss)
    other = orders.count_orders(plain)
    assert other["la red"] == counted["la red"]
    assert other["Adam"] <= 3 * tables  # con otro optimizador, las suyas


def test_what_a_call_costs_is_not_of_its_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Una llamada de mentira tarda 7 segundos, más 2 por petición."""
    now = [0.0]

    def call(function: partial, *tensors: object) -> None:
        now[0] += 7 + 2 * function.args[0]

    monkeypatch.setattr(prediction, "perf_counter", lambda: now[0])
    monkeypatch.setattr(prediction, "compiled", lambda function: partial(call, function))
    monkeypatch.setattr(prediction, "finish", lambda result: None)
    assert prediction.graph_order_seconds() == 2


# Lo publicado por otros

PUBLISHED = keras.Sequential(
    [
        *(keras.Input((28, 28, 1)), layers.Conv2D(64, 2, padding="same", activation="relu")),
        *(layers.MaxPooling2D(), layers.Dropout(0.3)),
        layers.Conv2D(32, 2, padding="same", activation="relu"),
        *(layers.MaxPooling2D(), layers.Dropout(0.3), layers.Flatten()),
        *(layers.Dense(256, "relu"), layers.Dropout(0.5), layers.Dense(10, "softmax")),
    ]
)
"""Una de las redes publicadas, como la escribió su autor."""


def test_what_a_published_network_asks_for_is_counted_here() -> None:
    [row] = [row for row in published._rows("networks") if row["network"] == "fashion-cnn"]
    PUBLISHED.compile("rmsprop", "sparse_categorical_crossentropy")
    work = prediction.work(PUBLISHED, 0, "tensorflow")
    asked = orders.count_orders(PUBLISHED)["la red"]
    counted = PUBLISHED.count_params(), work.operations, work.bytes_moved, asked
    names = "weights", "operations", "bytes_moved", "orders"
    assert tuple(int(row[name]) for name in names) == counted


def test_every_published_point_has_its_source_and_its_sheet() -> None:
    sources = {row["source"]: row for row in published._rows("sources")}
    assert all(len(row["commit"]) == 40 for row in sources.values())
    rows = published._rows("points")
    assert len(rows) >= 100
    assert {row["source"] for row in rows} == set(sources)
    assert {row["stack"] for row in rows} == set(published.STACKS)
    for row in rows:
        flops, rate, _ = published.sheet(row["gpu"])
        assert flops > rate > 1e10
    assert len(published.points()) == len(rows)


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Point]]:
    """Medidas de mentira: 2 ms de paso vacío, 10 µs por petición, media ficha y toda la memoria."""
    made = [
        Point("s", machine, "M1", network, True, batch, noise * seconds, work)
        for machine, noise in (("a", 1), ("b", 1.1), ("c", 1 / 1.1), ("d", 1))
        for network, work in (("x", Work(50, 1e7, 1e6, 1e6)), ("y", Work(400, 1e6, 1e7, 1e7)))
        for batch in (32, 512)
        for seconds in [
            2e-3
            + 1e-5 * work.orders
            + batch * work.operations / (2.6e12 / 2)
            + (batch * work.bytes_moved + work.weight_bytes) / 68e9
        ]
    ]
    monkeypatch.setattr(published, "points", lambda: made)
    yield made


def test_the_numbers_of_a_stack_are_found(invented: list[Point], formula: SimpleNamespace) -> None:
    stack = published.learn("s", formula.in_turn)
    assert stack.numbers == pytest.approx([2e-3, 1e-5, 2, 1], rel=0.05)
    assert stack.supported
    machine = published.device("M1", 2.6e12, 68e9, stack)
    assert machine.flops == pytest.approx(1.3e12, rel=0.05)
    assert machine.bytes_per_second <= 68e9  # nadie va más deprisa que su ficha


def test_a_machine_is_predicted_without_having_seen_it(
    invented: list[Point], formula: SimpleNamespace
) -> None:
    invented[:] = [p._replace(seconds=3 * p.seconds) if p.machine == "d" else p for p in invented]
    stack = published.learn("s", formula.in_turn)
    last = stack.errors[[point.machine == "d" for point in invented]]
    assert np.exp(last) == pytest.approx(1 / 3, rel=0.1)
    assert 1 < published.margin([stack], without="d") < published.margin([stack]) < 4
    inside, count = published.covered([stack])
    assert (inside, count) == (12, 16)  # el raro cae fuera, y ensancha el de los demás


def test_without_two_machines_with_small_networks_nothing_is_predicted(
    invented: list[Point], formula: SimpleNamespace
) -> None:
    invented[:] = [p._replace(small=p.machine == "a") for p in invented]
    assert not published.learn("s", formula.in_turn).supported


def test_what_is_published_bears_out_the_course(formula: SimpleNamespace) -> None:
    """Las metas: yerra como mucho un 20 %, y el intervalo abarca del 70 al 90 % de las medidas."""
    stacks = [published.learn(name, formula.in_turn) for name in published.STACKS]
    good = [stack for stack in stacks if stack.supported]
    assert np.median(np.concatenate([stack.small_errors for stack in good])) <= 0.2
    inside, count = published.covered(good)
    assert 0.7 <= inside / count <= 0.9


def test_figures_of_others_are_only_told_while_there_are_none_of_ours() -> None:
    text = json.dumps(json.loads(NOTEBOOKS[1].read_text(encoding="utf-8")), ensure_ascii=False)
    found, _ = files.load_folder(ROOT / "results")
    ours = any(record.accelerator for record in found)
    assert ("Ninguna GPU: lo que se dice de ellas se aprende" in text) is not ours


# La escalera


def test_the_operations_of_the_convolution() -> None:
    layer = keras.layers.Conv2D(ladder.FILTERS, 3, padding="same")
    given = keras.Input((ladder.SIDE, ladder.SIDE, ladder.CHANNELS))
    [step] = profiling.walk(keras.Sequential([given, layer]))
    assert ladder.operations() == 2 * step.multiply_adds
    assert ladder.operations(5) == 5 * ladder.operations()


@pytest.mark.slow
def test_a_single_thread_is_measured_apart() -> None:
    found = ladder.with_one_thread([{"batch": 1}, {"batch": 64, "filters": 16}])
    assert len(found) == 2
    assert all(seconds > 0 for seconds in found)
