"""El entrenamiento repartido, en un solo proceso: una réplica o la CPU partida en varias."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import child_environment
from hypothesis import given
from hypothesis import strategies as st

from fashion_bench.cluster import trainer
from fashion_bench.cluster.trainer import EpochReport, Job, Trainer

TWENTY_STEPS = Job(epochs=1, batch_size=45, train_samples=1000, seed=42, exact=True)
"""Con 900 imágenes para entrenar."""

REPLICAS = """
import sys
from fashion_bench.cluster import trainer
devices = trainer.local_devices(int(sys.argv[1]))
strategy = trainer.tf.distribute.MirroredStrategy(devices)
job = trainer.Job.model_validate_json(sys.argv[2])
for report in trainer.Trainer(job, strategy).train():
    print(report.model_dump_json())
"""


@pytest.fixture(scope="module")
def alone() -> list[EpochReport]:
    """Los veinte pasos con una sola réplica."""
    return list(Trainer(TWENTY_STEPS, tf.distribute.get_strategy()).train())


@given(
    replicas=st.integers(1, 9), extra=st.integers(0, 100), images=st.integers(1, 3000),
    seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 5),
)  # fmt: skip
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


def test_one_replica_learns_and_examines_itself(alone: list[EpochReport]) -> None:
    [report] = alone
    assert len(report.losses) == 20
    assert report.losses[-1] < report.losses[0]
    assert 0 < report.validation_accuracy < 1
    assert 0 < report.test_accuracy < 1
    assert trainer.agree(alone, 900)
    assert not trainer.agree(alone, 901)


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_in_one_process_do_the_same_as_one(
    alone: list[EpochReport], replicas: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS, str(replicas), TWENTY_STEPS.model_dump_json()],
        capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reports = [EpochReport(**json.loads(line)) for line in done.stdout.splitlines()]
    apart = trainer.step_losses(reports) - trainer.step_losses(alone)
    assert abs(apart).max() < 1e-4
    assert trainer.agree(reports, 900)


def test_warming_up_changes_nothing_and_a_saved_state_goes_on_the_same() -> None:
    job = TWENTY_STEPS.model_copy(update={"epochs": 2, "exact": False})
    whole = Trainer(job, tf.distribute.get_strategy())
    epochs = whole.train()
    first = next(epochs)
    saved = whole.state()
    second = next(epochs)
    resumed = Trainer(job, tf.distribute.get_strategy())
    resumed.restore(saved)
    [again] = resumed.train(first_epoch=1)
    assert again.losses == pytest.approx(second.losses, abs=1e-6)
    assert again.losses != first.losses


def test_agree_notices_different_weights_and_repeated_images(alone: list[EpochReport]) -> None:
    [report] = alone
    half = report.model_copy(update={"seen": report.seen[:450]})
    other = report.model_copy(update={"rank": 1, "seen": report.seen[450:]})
    assert trainer.agree([half, other], 900)
    assert not trainer.agree([half, other.model_copy(update={"weights_sha256": "0"})], 900)
    assert not trainer.agree([half, half], 900)


def test_all_reduce_takes_some_time(alone: list[EpochReport]) -> None:
    assert 0 < Trainer(TWENTY_STEPS, tf.distribute.get_strategy()).all_reduce_seconds(1000) < 1
