import errno
import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fashion_bench import environment, parameters, records
from fashion_bench.errors import TutorialError
from fashion_bench.recorder import Recorder, describe_network
from fashion_bench.timing import EpochClock

IMAGES = np.zeros((100, 28, 28, 1), np.uint8)
LABELS = np.zeros(100, np.uint8)


def build_model() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(2, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), loss, metrics=["accuracy"], jit_compile=False)
    return model


def build_recorder(folder: Path, *, repeats: int = 1, machine_name: str = "") -> Recorder:
    return Recorder(
        folder,
        parameters=parameters.Training.check(
            epochs=3, batch_size=50, train_samples=100, device="cpu",
            backend="tensorflow", precision="float32",
            repeats=repeats, seed=7, machine_name=machine_name, photo="", results_dir="x",
        ),
        network=describe_network(build_model()),
        data=records.describe_data(90, 10),
        machine=environment.machine(),
        software=environment.software(),
        accelerator=None,
    )  # fmt: skip


def train(
    recorder: Recorder, *, repeats: int = 1, during: Callable[[int], None] = lambda epoch: None
) -> None:
    """Entrena tres épocas por repetición; llama a `during` al empezar cada una."""
    before_epoch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: during(epoch))
    with recorder:
        for seed in range(7, 7 + repeats):
            clock = EpochClock(images=90)
            recorder.start(seed, 0.5, clock)
            build_model().fit(
                IMAGES[:90], LABELS[:90], epochs=3, verbose=0,
                callbacks=[clock, recorder, before_epoch],
            )  # fmt: skip
            recorder.finish(0.25, 0.95)


def only_record(folder: Path) -> records.Record:
    found, rejected = records.load_folder(folder)
    assert rejected == []
    assert len(found) == 1
    assert [path.suffix for path in folder.iterdir()] == [".json"]
    return found[0]


def test_a_whole_run_is_recorded(tmp_path: Path) -> None:
    recorder = build_recorder(tmp_path, repeats=2, machine_name="Mi equipo")
    train(recorder, repeats=2)
    record = only_record(tmp_path)
    assert recorder.saved_path() == tmp_path / f"{record.run_id}.json"
    assert record.status == "ok"
    assert record.reason is None
    assert record.label == "Mi equipo"
    assert record.floor_met
    assert [repeat.seed for repeat in record.repeats] == [7, 8]
    for repeat in record.repeats:
        assert len(repeat.epoch_seconds) == 3
        assert repeat.total_seconds == pytest.approx(sum(repeat.epoch_seconds))
        assert repeat.images_per_second == pytest.approx(90 / np.median(repeat.epoch_seconds))
        assert repeat.test_accuracy == 0.95
        assert repeat.setup_seconds == 0.5
    assert record.parameters.epochs == 3
    assert record.network.weights == build_model().count_params()
    assert record.network.optimizer == "Adam learning_rate=0.001"
    assert record.network.layers[1] == (
        "Conv2D filters=2 kernel_size=3x3 strides=1x1 padding=same activation=relu"
    )


def test_the_record_names_neither_person_nor_computer_nor_folder(tmp_path: Path) -> None:
    train(build_recorder(tmp_path))
    text = only_record(tmp_path).model_dump_json()
    for secret in (socket.gethostname(), str(Path.home()), str(tmp_path), str(Path.cwd())):
        assert secret not in text
    if getpass.getuser() != "root":
        assert getpass.getuser() not in text


def test_the_same_network_is_described_alike_twice() -> None:
    assert describe_network(build_model()) == describe_network(build_model())


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_learning_rate_schedule_is_described(precision: str) -> None:
    keras.config.set_dtype_policy(precision)
    model = build_model()
    schedule = keras.optimizers.schedules.CosineDecay(0.002, 100)
    model.compile(keras.optimizers.Adam(schedule), model.loss)
    keras.config.set_dtype_policy("float32")
    assert describe_network(model).optimizer == "Adam learning_rate=CosineDecay 0.002"


def test_every_epoch_is_on_disk_before_the_next_one(tmp_path: Path) -> None:
    seen = []

    def look(epoch: int) -> None:
        if epoch:
            record = only_record(tmp_path)
            assert record.status == "interrupted"
            seen.append(len(record.repeats[0].epoch_seconds))

    train(build_recorder(tmp_path), during=look)
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
    recorder = build_recorder(tmp_path)

    def fail(epoch: int) -> None:
        if epoch == 2:
            raise error

    with pytest.raises(type(error)):
        train(recorder, during=fail)
    record = only_record(tmp_path)
    assert (record.status, record.reason) == (status, reason)
    assert len(record.repeats[0].epoch_seconds) == 2
    assert record.repeats[0].test_accuracy is None
    assert not record.floor_met
    assert record.flaw == "ejecución incompleta"
    assert f"Lo hecho hasta aquí queda en {recorder.path}" in capsys.readouterr().out


def test_ctrl_c_waits_for_the_end_of_the_batch(tmp_path: Path) -> None:
    reached = []

    def press(epoch: int) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)  # aquí cortaría si no esperase
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # la segunda vez
            reached.append(epoch)

    with pytest.raises(KeyboardInterrupt):
        train(build_recorder(tmp_path), during=press)
    assert reached == [1]
    record = only_record(tmp_path)
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) == 1


def test_finished_repeats_survive_a_later_failure(tmp_path: Path) -> None:
    recorder = build_recorder(tmp_path, repeats=2)
    starts = []

    def fail(epoch: int) -> None:
        starts.append(epoch)
        if len(starts) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recorder, repeats=2, during=fail)
    record = only_record(tmp_path)
    assert [len(repeat.epoch_seconds) for repeat in record.repeats] == [3, 1]
    assert [repeat.test_accuracy for repeat in record.repeats] == [0.95, None]


@pytest.mark.parametrize(
    "error",
    [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")],
    ids=["CPU", "GPU"],
)
def test_a_batch_that_does_not_fit_in_memory(tmp_path: Path, error: Exception) -> None:
    def fail(epoch: int) -> None:
        raise error

    with pytest.raises(TutorialError, match=r"El lote de 50 .* no cabe.*batch_size=25"):
        train(build_recorder(tmp_path), during=fail)
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
    recorder = build_recorder(tmp_path)
    train(recorder)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"Aviso: no se puede guardar el registro en {recorder.path}")
    printed = records.Record.model_validate_json(lines[-1])
    assert printed.status == "ok"
    assert len(printed.repeats[0].epoch_seconds) == 3
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TutorialError, match="copia el texto JSON"):
        recorder.saved_path()


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
    recorder = build_recorder(tmp_path)
    train(recorder)
    assert only_record(tmp_path).status == "ok"
    assert recorder.saved_path().is_file()


def test_eight_runs_at_once_leave_eight_records(tmp_path: Path) -> None:
    recorders = [build_recorder(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(train, recorders))
    found, rejected = records.load_folder(tmp_path)
    assert rejected == []
    assert len({record.run_id for record in found}) == 8


@pytest.mark.skipif(os.name == "nt", reason="Windows no tiene kill -9")
def test_kill_9_never_leaves_half_a_record(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, 'tests');"
        "import conftest, test_recorder as t;"
        "folder = Path(sys.argv[1]); recorder = t.build_recorder(folder);"
        "t.train(recorder, during=lambda epoch: epoch == 2 and os.kill(os.getpid(), 9))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=root, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    record = only_record(tmp_path)
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) == 2


def test_the_automatic_label_is_safe() -> None:
    machine = environment.machine().model_copy(update={"cpu": "CPU 7900/7950 $x$"})
    recorder = Recorder(
        Path(),
        parameters=parameters.Training.check(
            epochs=1, batch_size=1, train_samples=100, device="cpu",
            backend="tensorflow", precision="float32",
            repeats=1, seed=0, machine_name="", photo="", results_dir="x",
        ),
        network=describe_network(build_model()),
        data=records.describe_data(90, 10),
        machine=machine,
        software=environment.software(),
        accelerator=None,
    )  # fmt: skip
    assert json.loads(recorder.record("failed", None).model_dump_json())["label"] == (
        "CPU 7900 7950  x"
    )
