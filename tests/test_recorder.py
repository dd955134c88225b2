import errno
import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import RTX

from fashion_bench import doubts, figures, lesson
from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.machine import backends, calibration, hardware
from fashion_bench.machine.hardware import CardWatcher
from fashion_bench.measure import provenance, training
from fashion_bench.measure import recorder as recorders
from fashion_bench.measure.clock import EpochClock
from fashion_bench.measure.progress import EpochLine
from fashion_bench.measure.recorder import Recorder
from fashion_bench.parameters import Sized
from fashion_bench.record import Agreement, Calibration

FAST = Calibration(
    float32_flops=2e11, precision_flops=2e11, bytes_per_second=4e10, order_seconds=1e-4
)
SLOWER = FAST.model_copy(update={"precision_flops": 1.7e11})


@pytest.fixture(autouse=True)
def calibrations(monkeypatch: pytest.MonkeyPatch) -> list[Calibration]:
    """Lo que darán las calibraciones, en vez de medirlas: la siguiente es siempre la primera."""
    found = [FAST]
    monkeypatch.setattr(figures, "disturbance", lambda *_: None)  # otras pruebas molestan
    monkeypatch.setattr(doubts, "_learning", lambda _: ())  # su exactitud es inventada
    monkeypatch.setattr(
        recorders, "calibrate", lambda precision: found.pop(0) if len(found) > 1 else found[0]
    )
    return found


IMAGES = np.zeros((100, 28, 28, 1), np.uint8)
LABELS = np.zeros(100, np.uint8)
RIGHT = Agreement(
    precision="float32", loss_difference=1e-6, gradient_difference=1e-6, update_difference=1e-6
)


def build_model(rate: object = 0.001, together: int = 1) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(2, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(10, dtype="float32"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    told = {"metrics": ["accuracy"], "run_eagerly": True, "steps_per_execution": together}
    model.compile(keras.optimizers.Adam(rate), loss, **told)
    return model


def dataset(start: int, end: int, batch: int = 50) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((IMAGES[start:end], LABELS[start:end])).batch(batch)


def sizes(batch: int = 50) -> Sized:
    """Los parámetros con los que de 100 imágenes se apartan 10 para validar."""
    return Sized(epochs=3, batch_size=batch, train_samples=100)


def train(
    recorder: Recorder,
    *,
    repeats: int = 1,
    epochs: int = 3,
    batch: int = 50,
    during: Callable[[int], None] = lambda epoch: None,
    loss: float = 0.25,
    accuracy: float = 0.95,
) -> None:
    """Entrena tres épocas por repetición; llama a `during` al empezar cada una."""
    before_epoch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: during(epoch))
    with recorder:
        for seed in range(7, 7 + repeats):
            data, validation = dataset(0, 90, batch), dataset(90, 100)
            more = {"batch": batch, "epochs": epochs, "validation_data": validation}
            follow(recorder, data, before_epoch, seed=seed, **more)
            recorder.finish(loss, accuracy)


def only_record(folder: Path) -> Record:
    found, rejected = files.load_folder(folder)
    assert rejected == []
    assert len(found) == 1
    assert [path.suffix for path in folder.iterdir()] == [".json"]
    return found[0]


def test_a_whole_run_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    recorder = Recorder(tmp_path, " Mi equipo ")
    train(recorder, repeats=2)
    record = only_record(tmp_path)
    assert recorder.path == tmp_path / f"{record.run_id}.json"
    assert recorder.record == record
    assert record.status == "ok"
    assert record.reason is None
    assert record.label == "Mi equipo"
    assert record.flaw is None
    assert [repeat.seed for repeat in record.repeats] == [7, 8]
    for repeat in record.repeats:
        assert len(repeat.epoch_seconds) == len(repeat.surroundings) == 3
        assert repeat.test_correct == 9500
        assert repeat.test_loss == 0.25
        assert repeat.epoch_losses is not None
        assert len(set(repeat.epoch_losses)) == 3
        assert repeat.setup_seconds == 0.5
    assert record.parameters.model_dump() == {
        "epochs": 3,
        "batch_size": 50,
        "train_samples": 100,
        "precision": "float32",
        "repeats": 2,
        "seed": 7,
        "workers": 1,
    }
    assert (record.data.training_images, record.data.validation_images) == (90, 10)
    assert record.code.notebook == "01_fashion_mnist_cnn.ipynb"
    assert record.machine == hardware.machine()
    assert record.accelerator is None
    assert record.network.weights == build_model().count_params()
    assert record.network.optimizer == "Adam learning_rate=0.001"
    assert record.network.layers[1] == (
        "Conv2D filters=2 kernel_size=3x3 strides=1x1 padding=same activation=relu"
    )
    assert capsys.readouterr().out == f"Registro guardado en {recorder.path}\n"


def test_the_device_is_measured_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture, calibrations: list[Calibration]
) -> None:
    calibrations[:] = [FAST, SLOWER]
    train(Recorder(tmp_path), repeats=2)
    record = only_record(tmp_path)
    assert record.calibration == [FAST, SLOWER]
    assert record.drift == "producto de matrices, de 200\xa0GFLOP/s a 170\xa0GFLOP/s"
    assert f"el equipo cambió ({record.drift})" in capsys.readouterr().out.replace("\n", " ")
    assert record.network.training_operations == 2 * (2 * 28 * 28 * 9 * 2 + 3 * 14 * 14 * 2 * 10)
    assert record.mfu == pytest.approx(
        record.network.training_operations * record.images_per_second / 2e11
    )


@pytest.mark.parametrize(
    ("margin", "seeds"),
    [(0, [7, 8, 9, 10]), (20, [7, 8, 9]), (19, [7, 8, 9, 10]), (1, [7, 8, 9, 10])],
)
def test_repeating_stops_when_the_epoch_is_known_well_enough(
    tmp_path: Path, margin: int, seeds: list[int]
) -> None:
    """Entre repeticiones cambia un 4 %: de dos sale un intervalo del 52 %; de tres, del 20 %."""
    recorder, tried = Recorder(tmp_path), []
    for seed in recorder.seeds(7, 4, margin):
        tried.append(seed)
        typical = 1 + 0.04 * (len(tried) - 2)
        repeat = SimpleNamespace(epoch_seconds=[typical, typical, 9.0])
        recorder._repeats.append(repeat)
    assert tried == seeds


def test_what_it_says_comes_from_what_is_trained(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    train(Recorder(tmp_path), epochs=2, batch=32)
    keras.config.set_dtype_policy("float32")
    record = only_record(tmp_path)
    assert record.status == "ok"
    assert record.parameters.epochs == len(record.repeats[0].epoch_seconds) == 2
    assert record.parameters.batch_size == 32
    assert record.parameters.precision == "mixed_bfloat16"


NUMBERS = np.random.default_rng(0)
PIXELS = NUMBERS.integers(0, 256, (150, 28, 28, 1), np.uint8)
CLASSES = NUMBERS.integers(0, 10, 150, np.uint8)


def shuffled(images: int = 90) -> tf.data.Dataset:
    data = tf.data.Dataset.from_tensor_slices((PIXELS[:images], CLASSES[:images]))
    return data.shuffle(images, seed=3).batch(32)


def unsized(images: int) -> tf.data.Dataset:
    """Los lotes que da un generador, que no dice cuántos son."""
    data = shuffled(images)
    return tf.data.Dataset.from_generator(lambda: iter(data), output_signature=data.element_spec)


def fit(
    callbacks: list[keras.callbacks.Callback],
    data: object,
    model: keras.Model | None = None,
    **more: object,
) -> list[float]:
    model = model or build_model()
    history = model.fit(data, shuffle=False, verbose=0, callbacks=callbacks, **more)
    return history.history["loss"]


def follow(
    recorder: Recorder,
    data: object,
    *others: keras.callbacks.Callback,
    seed: int = 7,
    images: int = 90,
    batch: int = 32,
    **more: object,
) -> list[float]:
    """Entrena y anota, una vez; el reloj y los parámetros dicen que son `images` y `batch`."""
    clock = EpochClock(images=images)
    return fit([clock, recorder.follow(clock, seed, 0.5, sizes(batch)), *others], data, **more)


def test_recording_a_training_does_not_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Si mirase los datos antes, se barajarían otra vez y las pérdidas serían otras."""
    for name, value in {"FIRST_SIDE": 64, "LAST_SIDE": 64, "BANDWIDTH_FLOATS": 2**16}.items():
        monkeypatch.setattr(calibration, name, value)
    monkeypatch.setattr(recorders, "calibrate", calibration.calibrate)
    more = {"epochs": 2, "validation_data": shuffled(30)}
    keras.utils.set_random_seed(1)
    alone = fit([], shuffled(), **more)
    keras.utils.set_random_seed(1)
    with Recorder(tmp_path) as recorder:
        recorded = follow(recorder, shuffled(), **more)
    assert recorded == alone == only_record(tmp_path).repeats[0].epoch_losses


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    ("data", "more", "told"),
    [
        (shuffled(), {"validation_data": shuffled(20)}, (90, 20, 32)),
        (shuffled(110), {}, (110, 0, 32)),
        (shuffled(150).take(3), {"validation_data": shuffled(50).take(1)}, (96, 32, 32)),
        (PIXELS, {"y": CLASSES, "batch_size": 32}, (150, 0, 32)),
        (PIXELS, {"y": CLASSES, "batch_size": 32, "validation_split": 0.2}, (120, 30, 32)),
        (shuffled(20), {"validation_data": shuffled(80)}, (20, 80, 20)),
        (shuffled().repeat(), {"steps_per_epoch": 4}, (122, 0, 32)),
        (unsized(120), {}, (120, 0, 32)),
        (shuffled(), {"validation_data": shuffled(20), "validation_freq": 2}, (90, 20, 32)),
        (shuffled(), {"validation_data": shuffled(60), "validation_steps": 1}, (90, 32, 32)),
        (shuffled(150), {"model": build_model(together=2)}, (150, 0, 32)),
        (shuffled(150), {"class_weight": dict.fromkeys(range(10), 3.0)}, (150, 0, 32)),
        (PIXELS[:108], {"y": CLASSES[:108], "batch_size": 10}, (108, 0, 10)),
    ],
)
def test_images_are_those_that_keras_sees(
    tmp_path: Path, data: object, more: dict, told: tuple[int, int, int]
) -> None:
    """El reloj y los parámetros dicen otra cosa: lo que cuenta es con qué se entrena."""
    with Recorder(tmp_path) as recorder:
        follow(recorder, data, epochs=2, **more)
    found = only_record(tmp_path)
    seen = found.data.training_images, found.data.validation_images, found.parameters.batch_size
    assert seen == told


@pytest.mark.parametrize("batch", [16, 45, 64])
def test_a_record_never_tells_another_batch(tmp_path: Path, batch: int) -> None:
    with Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(), batch=batch, validation_data=dataset(0, 10))
        recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert record.flaw == f"sus lotes no son de {batch} imágenes, como dice batch_size: en 3 ve 90"
    assert record.parameters.batch_size == 30


EARLY = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=10.0)
"""Para en la segunda época."""


class OneBatch(keras.callbacks.Callback):
    """Para en mitad de la segunda época, como quien pone un límite de tiempo."""

    epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.model.stop_training |= self.epoch == 1


@pytest.mark.parametrize(
    ("others", "more", "epochs"),
    [
        ([EARLY], {"epochs": 6}, 2),
        ([], {"epochs": 5, "initial_epoch": 2}, 3),
        ([EARLY], {"epochs": 5000}, 2),
    ],
    ids=["acaba antes", "empieza después", "pide más de las que caben"],
)
def test_epochs_are_those_that_are_trained(
    tmp_path: Path, others: list, more: dict, epochs: int
) -> None:
    with Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(110), *others, **more)
        recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert (record.status, record.parameters.epochs) == ("ok", epochs)
    assert len(record.epoch_seconds) == len(record.repeats[0].epoch_losses or []) == epochs
    assert recorder.finished() == record


def test_repeats_may_end_at_different_epochs_and_fit_may_go_on(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(110), EARLY, epochs=9)
        recorder.finish(0.25, 0.95)
        clock = EpochClock(110)
        for first, last in ((0, 1), (1, 4)):
            callbacks = [clock, recorder.follow(clock, 8, 0.5, sizes(32))]
            fit(callbacks, shuffled(110), epochs=last, initial_epoch=first)
        recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert (record.status, record.parameters.epochs) == ("ok", 4)
    assert [len(repeat.epoch_losses or []) for repeat in record.repeats] == [2, 4]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    ("data", "more", "others", "told", "images"),
    [
        (shuffled(150), {"steps_per_epoch": 3}, [], "de 54 a 96 imágenes", 54),
        (shuffled(150), {}, [OneBatch()], "de 32 a 150 imágenes", 32),
        (shuffled(20), {}, [], "entrena con 20 imágenes y valida con 0", 20),
        (shuffled(150), {"validation_data": shuffled(60)}, [], "150 imágenes y valida con 60", 150),
        (shuffled(150).repeat(2), {}, [], "entrena con 300 imágenes y valida con 0", 200),
    ],
    ids=["a trozos", "a medias", "pocas", "muchas", "repetidas"],
)
def test_what_cannot_be_told_well_is_trained_and_does_not_count(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    data: object,
    more: dict,
    others: list,
    told: str,
    images: int,
) -> None:
    monkeypatch.setattr(recorders.data, "TRAIN_IMAGES", 200)
    with Recorder(tmp_path) as recorder:
        follow(recorder, data, *others, epochs=2, **more)
        recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert (record.status, record.data.training_images) == ("failed", images)
    assert record.flaw is not None
    assert told in record.flaw
    assert f"no contará, porque {record.flaw}." in capsys.readouterr().out.replace("\n", " ")
    assert recorder.finished() == record
    assert recorder.trained.count_params() == record.network.weights


@pytest.mark.parametrize(
    ("results", "correct", "reason"),
    [
        ({"loss": 0.25}, None, "no se midió la exactitud en prueba"),
        ({"loss": 0.25, "top_k": 1.0, "acc": 0.95}, 9500, None),
        ({"loss": 0.25, "sparse_categorical_accuracy": 0.95}, 9500, None),
        ({"loss": -0.25, "accuracy": 0.95}, 9500, "la pérdida en prueba no es un número"),
    ],
)
def test_the_exam_is_what_evaluate_tells(
    tmp_path: Path, results: dict, correct: int | None, reason: str | None
) -> None:
    with Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(110))
        recorder.finish(**results)
    record = only_record(tmp_path)
    assert (record.reason, record.repeats[0].test_correct) == (reason, correct)
    assert (record.flaw is None) == (reason is None)


@pytest.mark.parametrize(("images", "reason"), [(40, None), (150, "no se evaluó con las")])
def test_the_exam_has_the_images_that_keras_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: int, reason: str | None
) -> None:
    monkeypatch.setattr(recorders.data, "TEST_IMAGES", 100)
    with Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(110))
        told = recorder.model.evaluate(shuffled(images), verbose=0, return_dict=True)
        recorder.finish(**told | {"accuracy": 0.95})
    record = only_record(tmp_path)
    assert (record.data.test_images, record.repeats[0].test_correct) == (
        (40, 38) if reason is None else (100, None)
    )
    assert (record.reason or "").startswith(reason or "")


class OwnStep(keras.Sequential):
    """Con su propio paso, que cuenta lotes y no imágenes, como el de las guías de Keras."""

    def train_step(self, data: tuple) -> dict:
        told = super().train_step(data)
        self.metrics[0].count.assign(1.0)
        return told


@pytest.mark.parametrize(("steps", "reason"), [(None, None), (2, "sus lotes no son de 32")])
def test_with_its_own_train_step_the_clock_is_believed_if_the_steps_agree(
    tmp_path: Path, steps: int | None, reason: str | None
) -> None:
    usual = build_model()
    model = OwnStep(usual.layers)
    model.compile("adam", usual.loss, metrics=["accuracy"], run_eagerly=True)
    with Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(110), model=model, images=110, steps_per_epoch=steps)
        recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert record.data.training_images == 110
    assert (record.reason or "").startswith(reason or "")
    assert (record.flaw is None) == (reason is None)


def test_a_clock_or_a_recorder_that_fit_does_not_know_is_missed(tmp_path: Path) -> None:
    clock = EpochClock(110)
    with pytest.raises(TutorialError, match="pon `clock`"), Recorder(tmp_path) as recorder:
        fit([recorder.follow(clock, 7, 0.5, sizes(32))], shuffled(110))
    with pytest.raises(TutorialError, match="pon `follower`"), Recorder(tmp_path) as recorder:
        fit([clock], shuffled(110))
        recorder.finish(0.25, 0.95)
    assert only_record(tmp_path).status == "failed"


def test_the_order_of_the_callbacks_does_not_matter(tmp_path: Path) -> None:
    clock = EpochClock(110)
    with Recorder(tmp_path) as recorder:
        follower = recorder.follow(clock, 7, 0.5, sizes(32))
        fit([follower, EpochLine(clock), clock], shuffled(110), epochs=2)
        recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert (record.status, len(record.epoch_seconds), record.data.training_images) == ("ok", 2, 110)


def test_what_does_not_fit_in_a_record_is_told_once_and_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(training, "FEWEST_IMAGES", 1)  # como si nadie lo hubiera previsto
    with Recorder(tmp_path) as recorder:
        assert len(follow(recorder, shuffled(20), epochs=3)) == 3
        recorder.finish(0.25, 0.95)
    assert capsys.readouterr().out.count("no cabe en un registro") == 1
    with pytest.raises(TutorialError, match="no cabe en un registro"):
        recorder.finished()
    assert list(tmp_path.iterdir()) == []


def test_the_last_seed_is_followed_by_the_first_one(tmp_path: Path) -> None:
    assert [*Recorder(tmp_path).seeds(2**31 - 1, 2)] == [2**31 - 1, 0]


def test_no_more_repeats_are_made_than_a_record_may_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recorder = Recorder(tmp_path)
    with recorder:
        follow(recorder, shuffled(110))
        assert recorder._current is not None
        clock = recorder._current.clock
        for each in (clock.epoch_seconds, clock.surroundings, recorder._current.losses):
            each *= 300
        whole = recorder._current
        for _ in recorder.seeds(0, 100):
            recorder._current = replace(whole, seed=len(recorder._repeats))
            recorder.finish(0.25, 0.95)
    record = only_record(tmp_path)
    assert len(record.repeats) == 3
    assert "no se repite más" in capsys.readouterr().out


def test_two_repeats_of_one_batch_are_alike(tmp_path: Path) -> None:
    """Aunque el lote de los parámetros sea mayor que lo que hay."""
    with Recorder(tmp_path) as recorder:
        for seed in (1, 2):
            follow(recorder, shuffled(20), seed=seed, validation_data=shuffled(80))
            recorder.finish(0.25, 0.95)
    assert only_record(tmp_path).status == "ok"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [((110, 32), (100, 32), (110, 32)), ((100, 50), (100, 30), (100, 50))],
    ids=["otras imágenes", "otro lote"],
)
def test_a_repeat_that_is_not_trained_like_the_others_is_left_out(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int], told: tuple[int, int]
) -> None:
    with (
        pytest.raises(TutorialError, match="se entrenan igual, y esta no"),
        Recorder(tmp_path) as recorder,
    ):
        for seed, (images, batch) in enumerate((first, second)):
            data = tf.data.Dataset.from_tensor_slices((PIXELS[:images], CLASSES[:images]))
            follow(recorder, data.batch(batch), seed=seed, batch=batch)
            recorder.finish(0.25, 0.95)
    found = only_record(tmp_path)
    assert found.status == "failed"
    assert [repeat.seed for repeat in found.repeats] == [0]
    assert (found.data.training_images, found.parameters.batch_size) == told


@pytest.mark.parametrize("how", ["with", "start"])
def test_a_closed_record_is_never_touched_again(tmp_path: Path, how: str) -> None:
    recorder = Recorder(tmp_path)
    train(recorder)
    before = recorder.path.read_bytes()
    with pytest.raises(TutorialError, match="ya está cerrado"):
        if how == "with":
            train(recorder)
        else:
            follow(recorder, dataset(0, 100), images=100, batch=50)
    assert recorder.path.read_bytes() == before


def test_a_loss_that_is_not_a_number_loses_nothing(tmp_path: Path) -> None:
    train(Recorder(tmp_path), repeats=2, loss=float("nan"))
    record = only_record(tmp_path)
    assert record.status == "failed"
    assert record.reason == record.flaw == "la pérdida en prueba no es un número"
    assert len(record.repeats) == 2
    assert record.repeats[0].test_loss is None
    assert record.repeats[0].test_correct == 9500


def test_exactly_the_floor_reaches_it(tmp_path: Path) -> None:
    """Keras da 0.8999999762 al acertar 9000 de 10000, porque calcula con 32 bits."""
    train(Recorder(tmp_path), accuracy=float(np.float32(0.9)))
    record = only_record(tmp_path)
    assert record.repeats[0].test_correct == 9000
    assert record.flaw is None


def test_without_its_exam_a_run_is_not_whole(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        follow(recorder, dataset(0, 100), images=100, batch=50)
    record = only_record(tmp_path)
    assert (record.status, record.reason) == (
        "failed",
        "falta la evaluación con las imágenes de prueba",
    )
    assert len(record.repeats[0].epoch_seconds) == 1


def test_a_run_that_trains_nothing_leaves_no_file(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder, pytest.raises(TutorialError, match="falta entrenar"):
        recorder.record  # noqa: B018
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("agreement", "counts"),
    [
        (RIGHT, True),
        (None, False),
        (RIGHT.model_copy(update={"precision": "mixed_float16"}), False),
    ],
    ids=["comprobada", "sin comprobar", "con otra precisión"],
)
def test_on_a_gpu_the_check_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement | None, counts: bool
) -> None:
    monkeypatch.setattr(backends, "accelerator_of", lambda model: RTX)
    meter = count(step=10)  # cada vez que se mira, ha gastado diez julios más
    monkeypatch.setattr(CardWatcher, "joules", lambda card: next(meter))
    recorder = Recorder(tmp_path, agreement=agreement)
    if counts:
        train(recorder)
        record = only_record(tmp_path)
        assert record.accelerator == RTX
        assert record.agreement == agreement
        assert record.label == RTX.name
        assert record.repeats[0].energy_joules == 30
    else:
        with pytest.raises(TutorialError, match="hay que comprobar que calcula bien"):
            train(recorder)
        assert list(tmp_path.iterdir()) == []


def test_on_the_cpu_an_old_check_is_forgotten(tmp_path: Path) -> None:
    train(Recorder(tmp_path, agreement=RIGHT))
    assert only_record(tmp_path).agreement is None


def test_the_record_names_neither_person_nor_computer_nor_folder(tmp_path: Path) -> None:
    train(Recorder(tmp_path))
    text = only_record(tmp_path).model_dump_json()
    for secret in (socket.gethostname(), str(Path.home()), str(tmp_path), str(Path.cwd())):
        assert secret not in text
    if getpass.getuser() != "root":
        assert getpass.getuser() not in text


def test_every_epoch_is_on_disk_before_the_next_one(tmp_path: Path) -> None:
    seen = []

    def look(epoch: int) -> None:
        if epoch:
            record = only_record(tmp_path)
            assert record.status == "interrupted"
            seen.append(len(record.repeats[0].epoch_seconds))

    train(Recorder(tmp_path), during=look)
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), "interrupted", "alguien detuvo la ejecución"),
        (ValueError("/home/ana/secreto"), "failed", "error ValueError"),
    ],
)
def test_an_error_or_ctrl_c_keeps_the_epochs_already_done(
    tmp_path: Path, capsys: pytest.CaptureFixture, error: BaseException, status: str, reason: str
) -> None:
    recorder = Recorder(tmp_path)

    def fail(epoch: int) -> None:
        if epoch == 2:
            raise error

    with pytest.raises(type(error)):
        train(recorder, during=fail)
    record = only_record(tmp_path)
    assert (record.status, record.reason) == (status, reason)
    assert len(record.repeats[0].epoch_seconds) == 2
    assert record.repeats[0].test_correct is None
    assert record.calibration == [FAST]  # solo antes
    assert record.flaw == ("ejecución incompleta" if status == "interrupted" else reason)
    assert f"Registro guardado en {recorder.path}" in capsys.readouterr().out


def test_ctrl_c_waits_for_the_end_of_the_batch(tmp_path: Path) -> None:
    reached = []
    before = signal.getsignal(signal.SIGINT)

    def press(epoch: int) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)  # aquí cortaría si no esperase
            assert signal.getsignal(signal.SIGINT) is before  # la segunda vez
            reached.append(epoch)

    with pytest.raises(KeyboardInterrupt):
        train(Recorder(tmp_path), during=press)
    assert reached == [1]
    assert signal.getsignal(signal.SIGINT) is before
    record = only_record(tmp_path)
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) == 1


class Press(keras.callbacks.Callback):
    """Pulsa Ctrl-C mientras se valida y anota si la validación siguió."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.batches += 1
        if self.batches == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_also_stops_while_validating(tmp_path: Path) -> None:
    press = Press()
    with pytest.raises(KeyboardInterrupt), Recorder(tmp_path) as recorder:
        follow(recorder, shuffled(), press, validation_data=dataset(0, 100, batch=10))
    assert press.batches == 1


def test_ctrl_c_after_the_last_batch_is_not_forgotten(tmp_path: Path) -> None:
    def press(epoch: int, logs: dict) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), Recorder(tmp_path) as recorder:
        at_the_end = keras.callbacks.LambdaCallback(on_epoch_end=press)
        follow(recorder, dataset(0, 100), at_the_end, images=100, batch=50)
    record = only_record(tmp_path)
    assert record.status == "interrupted"
    assert len(record.epoch_seconds) == 1


@pytest.mark.parametrize(
    "before", [signal.default_int_handler, lambda number, frame: None, signal.SIG_IGN]
)
def test_ctrl_c_is_given_back_and_stays_ignored_if_it_was(tmp_path: Path, before: object) -> None:
    original = signal.signal(signal.SIGINT, before)
    during = []
    try:
        train(Recorder(tmp_path), during=lambda _: during.append(signal.getsignal(signal.SIGINT)))
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, original)
    assert (before in during) is (before is signal.SIG_IGN)


def test_outside_the_main_thread_ctrl_c_is_left_alone(tmp_path: Path) -> None:
    before, during = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(
        target=train,
        args=(Recorder(tmp_path),),
        kwargs={"during": lambda _: during.append(signal.getsignal(signal.SIGINT))},
    )
    thread.start()
    thread.join()
    assert during == [before] * 3
    assert only_record(tmp_path).status == "ok"


def test_finished_repeats_survive_a_later_failure(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    starts = []

    def fail(epoch: int) -> None:
        starts.append(epoch)
        if len(starts) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recorder, repeats=2, during=fail)
    record = only_record(tmp_path)
    assert [len(repeat.epoch_seconds) for repeat in record.repeats] == [3, 1]
    assert [repeat.test_correct for repeat in record.repeats] == [9500, None]


@pytest.mark.parametrize(
    "error",
    [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")],
    ids=["CPU", "GPU"],
)
def test_a_batch_that_does_not_fit_in_memory(tmp_path: Path, error: Exception) -> None:
    def fail(epoch: int) -> None:
        raise error

    with pytest.raises(TutorialError, match=r"El lote de 50 .* no cabe.*batch_size=25"):
        train(Recorder(tmp_path), during=fail)
    record = only_record(tmp_path)
    assert record.status == "failed"
    assert record.reason == "el lote no cabe en la memoria del dispositivo"
    assert record.repeats == []


def test_a_full_disk_after_training_prints_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full_disk)
    train(Recorder(tmp_path))
    *warnings, advice, text = capsys.readouterr().out.splitlines()
    assert all(line.startswith("Aviso: no se puede guardar ") for line in warnings)
    assert advice.startswith("Copia este texto a un archivo ")
    printed = Record.model_validate_json(text)
    assert printed.status == "ok"
    assert len(printed.repeats[0].epoch_seconds) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_recovers_ends_in_a_saved_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, calls = os.fsync, []

    def full_at_first(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_first)
    train(Recorder(tmp_path))
    assert only_record(tmp_path).status == "ok"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows no tiene kill -9")
def test_kill_9_never_leaves_half_a_record(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, 'tests');"
        "import conftest, test_recorder as t;"
        "folder = Path(sys.argv[1]); recorder = t.Recorder(folder);"
        "t.train(recorder, during=lambda epoch: epoch == 2 and os.kill(os.getpid(), 9))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=root, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    record = only_record(tmp_path)
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) == 2


def test_the_automatic_label_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = hardware.machine().model_copy(update={"cpu": "CPU 7900/7950 $x$"})
    monkeypatch.setattr(hardware, "machine", lambda: machine)
    train(Recorder(tmp_path))
    assert only_record(tmp_path).label == "CPU 7900 7950 x"


# --- De dónde sale: código, red y datos ---


SCHEDULES = keras.optimizers.schedules


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize(
    ("rate", "described"),
    [
        (SCHEDULES.CosineDecay(0.002, 100), "CosineDecay 0.002"),
        (
            SCHEDULES.CosineDecay(0.0, 100, warmup_target=0.007, warmup_steps=20),
            "CosineDecay warmup_target=0.007 warmup_steps=20",
        ),
        (
            SCHEDULES.PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001]),
            "PiecewiseConstantDecay boundaries=10x20 values=0.1x0.01x0.001",
        ),
        (0.01, "0.01"),
    ],
)
def test_any_learning_rate_is_described(precision: str, rate: object, described: str) -> None:
    keras.config.set_dtype_policy(precision)
    model = build_model(rate)
    keras.config.set_dtype_policy("float32")
    found = provenance.describe_network(model)
    assert found.optimizer == f"Adam learning_rate={described}"
    assert provenance.precision(model) == precision


class OwnRate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: object) -> float:
        return 0.001


class OwnLayer(keras.layers.Layer):
    def __init__(self, secret: object) -> None:
        super().__init__()

    def call(self, inputs: object) -> object:
        return inputs


def half(values: object) -> object:
    return values / 2


def test_any_network_is_described() -> None:
    """Con funciones y capas propias, muchas capas o ninguna convolución."""
    layers = keras.layers
    inner = keras.Sequential([layers.Flatten(), layers.Dense(3, activation=half)])
    own = [OwnLayer(object()), layers.Dense(2, activation=lambda x: x, name="x" * 150)]
    many = [layers.ReLU() for _ in range(300)]
    model = keras.Sequential([keras.Input((28, 28, 1)), inner, *own, *many])
    model.compile(keras.optimizers.SGD(OwnRate()))
    told = provenance.describe_network(model)
    assert told.layers[:3] == ["Sequential", "OwnLayer", "Dense units=2 activation=lambda"]
    assert (len(told.layers), told.layers[-1]) == (200, "y 104 más")
    assert told.optimizer == "SGD learning_rate=OwnRate"
    assert told.training_operations == 2 * (3 * (784 * 3 + 3 * 2) - 784 * 3)
    assert provenance._describe_layer(inner.layers[1]) == "Dense units=3 activation=half"


def test_a_precision_that_is_not_measured_is_told() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, dtype="bfloat16")])
    with pytest.raises(TutorialError, match="precisión bfloat16 no se mide aquí"):
        provenance.precision(model)


def test_the_precision_is_that_of_what_has_weights() -> None:
    layers = keras.layers
    plain, mixed = layers.Rescaling(2, dtype="float32"), layers.Dense(1, dtype="mixed_bfloat16")
    assert provenance.precision(keras.Sequential([keras.Input((1,)), plain, mixed])) == (
        "mixed_bfloat16"
    )


def test_the_notebook_that_runs_is_the_one_recorded() -> None:
    first, fourth = (
        provenance.code(name) for name in ("01_fashion_mnist_cnn.ipynb", "05_varias_maquinas.ipynb")
    )
    assert first.notebook_sha256 != fourth.notebook_sha256
    assert fourth.notebook == "05_varias_maquinas.ipynb"


def notebook_with(folder: Path, code: str, text: str) -> str:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": text},
        {
            "cell_type": "code",
            "metadata": {},
            "source": code,
            "outputs": [],
            "execution_count": None,
        },
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (folder / "x.ipynb").write_text(json.dumps(content), encoding="utf-8")
    return "x.ipynb"


def test_only_the_code_of_a_notebook_changes_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lesson, "NOTEBOOKS_DIR", tmp_path)
    hashes = [
        provenance.code(notebook_with(tmp_path, code, text)).notebook_sha256
        for code, text in (("a = 1", "hola"), ("a = 1", "adiós"), ("a = 2", "hola"))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_told_with_its_unsaved_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit is None  # un ZIP
    git(tmp_path, "init")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("1")
    assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit is None  # sin confirmaciones
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    commit = provenance.code("01_fashion_mnist_cnn.ipynb").git_commit
    assert commit is not None
    assert len(commit) == 12
    (tmp_path / "otro.txt").write_text("fuera del paquete")
    assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit == commit
    (tmp_path / "src" / "a.py").write_text("2")
    assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit == f"{commit}-dirty"


def test_without_git_or_outside_the_project_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """El paquete suelto se usa a veces dentro del git de quien aprende."""
    git(tmp_path, "init")
    git(tmp_path, "commit", "-m", "suyo", "--allow-empty")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "descargado").mkdir()
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path / "descargado")
    assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit is None
    with monkeypatch.context() as loose:
        loose.setattr(provenance, "CHECKOUT", None)
        assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit is None
    monkeypatch.setenv("PATH", "")
    assert provenance.code("01_fashion_mnist_cnn.ipynb").git_commit is None
