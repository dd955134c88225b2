"""El entrenamiento repartido, en un solo proceso: una réplica o la CPU partida en varias."""

import copy
import json
import subprocess
import sys
from typing import NamedTuple
from unittest.mock import sentinel

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import child_environment
from hypothesis import given
from hypothesis import strategies as st

from fashion_bench.cluster import trainer
from fashion_bench.cluster.trainer import EpochReport, Job, Trainer
from fashion_bench.machine import backends
from fashion_bench.measure import provenance

TWENTY_STEPS = Job(epochs=1, batch_size=45, train_samples=1000, seed=42, exact=True)
"""Con 900 imágenes para entrenar."""

REPLICAS = """
import json, sys
from fashion_bench.cluster import trainer
devices = trainer.local_devices(int(sys.argv[1]))
strategy = trainer.tf.distribute.MirroredStrategy(devices)
assert strategy.num_replicas_in_sync == len(devices) == int(sys.argv[1])
[report] = trainer.Trainer(trainer.Job.model_validate_json(sys.argv[2]), strategy).train()
assert trainer.agree([report], 900)
print(json.dumps(report.losses))
"""


class Trained(NamedTuple):
    """Un entrenamiento sin repartir, ya acabado."""

    trainer: Trainer
    report: EpochReport


@pytest.fixture(scope="module")
def alone() -> Trained:
    """Los veinte pasos con una sola réplica."""
    one = Trainer(TWENTY_STEPS, tf.distribute.get_strategy())
    [report] = one.train()
    return Trained(one, report)


@given(
    replicas=st.integers(1, 9),
    extra=st.integers(0, 100),
    images=st.integers(1, 3000),
    seed=st.integers(0, 2**31 - 1),
    epoch=st.integers(0, 5),
)
def test_every_image_goes_to_one_step_and_one_replica(
    replicas: int, extra: int, images: int, seed: int, epoch: int
) -> None:
    batch_size = 2 * replicas + extra
    images += batch_size
    plan = trainer.shares(images, batch_size, replicas, seed, epoch)
    parts = [part for step in plan for part in step]
    assert sorted(np.concatenate(parts).tolist()) == list(range(images))
    assert len(plan) == -(-images // batch_size)
    assert min(map(len, parts)) >= 1
    assert max(map(len, parts)) - min(map(len, parts)) <= 2
    assert max(sum(map(len, step)) for step in plan) <= batch_size


def test_a_step_has_the_same_images_however_it_is_split_and_each_epoch_its_own_order() -> None:
    one, four = (trainer.shares(1000, 128, replicas, 7, 0) for replicas in (1, 4))
    for whole, parts in zip(one, four, strict=True):
        assert np.concatenate(parts).tolist() == whole[0].tolist()
    assert trainer.shares(1000, 128, 1, 7, 1)[0][0].tolist() != one[0][0].tolist()


@pytest.mark.slow
def test_one_replica_learns_and_examines_itself(alone: Trained) -> None:
    report = alone.report
    assert len(report.losses) == 20
    assert report.losses[-1] < report.losses[0]
    assert 0 < report.validation_accuracy < 1
    assert 0 < report.test_accuracy < 1
    assert report.test_loss > 0
    assert trainer.agree([report], 900)
    assert not trainer.agree([report], 901)


@pytest.mark.slow
def test_two_replicas_and_four_in_one_process_do_the_same_as_one(alone: Trained) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", REPLICAS, replicas, TWENTY_STEPS.model_dump_json()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=child_environment(),
        )
        for replicas in ("2", "4")  # a la vez, porque lo que más tarda es cargar TensorFlow
    ]
    for process, (told, complaints) in [(each, each.communicate()) for each in started]:
        assert process.returncode == 0, complaints
        assert json.loads(told) == pytest.approx(alone.report.losses, abs=1e-4)


@pytest.mark.slow
def test_warming_up_changes_nothing_and_a_saved_state_goes_on_the_same() -> None:
    job = TWENTY_STEPS.model_copy(update={"epochs": 2, "exact": False})
    whole = Trainer(job, tf.distribute.get_strategy(), rank=1)
    epochs = whole.train()
    first = next(epochs)
    saved = whole.state()
    second = next(epochs)
    resumed = Trainer(job, tf.distribute.get_strategy(), rank=1)
    resumed.restore(saved)
    [again] = resumed.train(first_epoch=1)
    assert again.losses == pytest.approx(second.losses, abs=1e-6)
    assert again.losses != first.losses
    assert (again.validation_accuracy, again.test_accuracy) == (None, None)  # solo el proceso 0


def test_the_parts_of_a_batch_add_up_to_its_loss(alone: Trained) -> None:
    """Cada réplica divide su pérdida entre el lote entero, no entre las imágenes que le tocan."""
    one, before = alone.trainer, alone.trainer.state()
    losses = []
    for part in (slice(9), slice(3), slice(3, 9)):
        step = one._images[part], one._labels[part], tf.constant(9.0)
        losses.append(float(one._one_replica(*step)))
        one.restore(before)
    whole, *parts = losses
    assert sum(parts) == pytest.approx(whole, rel=1e-5)


def test_all_reduce_takes_some_time(alone: Trained) -> None:
    assert 0 < alone.trainer.all_reduce_seconds(1000) < 1


@pytest.mark.slow
def test_timing_the_compute_tells_each_size_and_leaves_everything_as_it_was(
    alone: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, before = alone.trainer, alone.trainer.state()
    run, sizes = one._run, []

    def spy(step: list[np.ndarray]) -> tuple[tf.Tensor, ...]:
        sizes.append([len(part) for part in step])
        return run(step)

    monkeypatch.setattr(one, "_run", spy)
    took = one.compute_seconds([2, 900, 1000], rounds=2)
    assert list(took) == [2, 900, 1000]  # también más imágenes de las que hay
    assert 0 < took[2] < took[900] < 10
    assert sizes == [[size] for size in (2, 900, 1000) for _ in range(3)] * 3
    for kept, now in zip(before, one.state(), strict=True):
        assert np.array_equal(kept, now)


def test_the_conditions_are_those_of_what_is_trained(
    alone: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions = alone.trainer.conditions(None)
    assert (conditions.epochs, conditions.batch_size, conditions.workers) == (1, 45, 1)
    assert (conditions.data.training_images, conditions.data.validation_images) == (900, 100)
    assert conditions.data == provenance.describe_data(900, 100)
    assert conditions.precision == "float32"
    assert conditions.network.optimizer.startswith("SGD")  # el de `exact`, no el del cuaderno
    assert "Dropout rate=0" in conditions.network.layers
    assert (conditions.accelerator, conditions.agreement) == (None, None)

    other = copy.copy(alone.trainer)
    other.model = keras.Sequential([keras.Input([4]), keras.layers.Dense(2, dtype="mixed_float16")])
    other.model.compile("adam")
    cards = {other.model: sentinel.card}
    monkeypatch.setattr(backends, "accelerator_of", cards.get)
    conditions = other.conditions(sentinel.agreement)
    assert conditions.accelerator is sentinel.card
    assert conditions.agreement is sentinel.agreement
    assert conditions.precision == "mixed_float16"
    assert conditions.network.optimizer.startswith("Adam")
    assert conditions.network.weights == 10


FIRST, SECOND = list(range(450)), list(range(450, 900))


@pytest.mark.parametrize(
    ("parts", "well"),
    [
        pytest.param([FIRST, SECOND], True, id="a medias"),
        pytest.param([[*FIRST[1:], 450], [0, *SECOND[1:]]], True, id="cruzadas"),
        pytest.param([FIRST, FIRST], False, id="la misma mitad"),
        pytest.param([FIRST, [*SECOND, 7]], False, id="una repetida"),
        pytest.param([FIRST, SECOND[:-1]], False, id="falta una"),
        pytest.param([FIRST, [*SECOND[:-1], 7]], False, id="una en lugar de otra"),
    ],
)
def test_agree_notices_wrong_images_or_weights_in_any_epoch(
    alone: Trained, parts: list[list[int]], well: bool
) -> None:
    def reports(epoch: int, parts: list[list[int]]) -> list[EpochReport]:
        report = alone.report._replace(epoch=epoch)
        return [report._replace(rank=n, seen=np.array(seen)) for n, seen in enumerate(parts)]

    first, second = reports(0, [FIRST, SECOND]), reports(1, parts)
    assert trainer.agree(first + second, 900) == well
    other = second[1]._replace(weights_sha256="1" * 64)
    assert not trainer.agree([*first, second[0], other], 900)
