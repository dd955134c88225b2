"""Ray, con procesos de verdad: el mismo resultado, fallos, errores y ningún proceso olvidado."""

import os
import pickle
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import psutil
import pytest
import tensorflow as tf
from conftest import child_environment

from fashion_bench.cluster import launcher, trainer
from fashion_bench.cluster.trainer import EpochReport, Job, Trainer
from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends, correctness

pytestmark = [
    pytest.mark.skipif(
        find_spec("ray") is None, reason="Ray no está instalado: requirements-distributed.txt"
    ),
    pytest.mark.skipif(os.name == "nt", reason="en Windows, Ray está aún en pruebas"),
    # Son valores por defecto del propio Ray.
    pytest.mark.filterwarnings("ignore:`use_.* is deprecated:DeprecationWarning"),
]

MARK = "FASHION_BENCH_TESTS"
"""La variable de entorno que heredan los procesos que ponen en marcha estas pruebas."""

JOB = Job(epochs=1, batch_size=45, train_samples=1000, seed=42, exact=True)
"""Con 900 imágenes para entrenar: 20 pasos por época."""

LONG = JOB.model_copy(update={"epochs": 6})

DRIVER = """
import sys
from fashion_bench.cluster import launcher
from fashion_bench.cluster.trainer import Job

job = Job(epochs=100, batch_size=90, train_samples=1000, seed=42)
try:
    with launcher.started("", 1):
        launcher.fit(job, 1, storage=sys.argv[1], told=lambda report: print("época", flush=True))
except KeyboardInterrupt:
    print("detenido", flush=True)
    raise
"""

ASK = """
import sys
from fashion_bench.cluster import launcher
try:
    with launcher.started(sys.argv[1], 2):
        print(launcher.slots("CPU"))
except launcher.TutorialError as error:
    print(error)
"""


@pytest.fixture(scope="module", autouse=True)
def marked() -> Iterator[None]:
    """Marca los procesos de estas pruebas; al acabar deja el entorno como estaba."""
    ours = {
        MARK: secrets.token_hex(8),
        launcher.LISTENS_BEYOND: "0",  # Ray lo lee al importarse, y aquí se importa una sola vez
        "SPT_NOENV": "1",  # que Ray, al cambiar el nombre de un proceso, no borre su entorno
    }
    with mock.patch.dict(os.environ, ours):
        yield


def processes(name: str = "") -> list[psutil.Process]:
    """Los procesos que han puesto en marcha estas pruebas, o los que se llaman así."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == os.environ[MARK] and name in process.cmdline()[0]:
                found.append(process)
        except psutil.Error:  # acaba de terminar o es de otra persona
            continue
    return found


def assert_no_process_is_left() -> None:
    psutil.wait_procs(processes(), timeout=60)
    assert processes() == []


def wait_for(happened: Callable[[], object], seconds: float = 60) -> None:
    """Espera a algo que no avisa, como un archivo de otro proceso."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "no ha pasado a tiempo"
        time.sleep(0.05)


@contextmanager
def running_child(*command: str | Path, **environ: str) -> Iterator[subprocess.Popen]:
    """Un proceso cuyas líneas se pueden esperar; si tarda demasiado, se acaba."""
    with subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=child_environment(**environ),
    ) as process:
        limit = threading.Timer(300, process.kill)
        limit.start()
        try:
            yield process
        finally:
            process.kill()
            limit.cancel()


def wait_for_line(process: subprocess.Popen, text: str) -> None:
    assert any(text in line for line in process.stdout), f"ha acabado sin decir «{text}»"


@pytest.fixture(scope="class")
def running() -> Iterator[None]:
    """Un clúster en este equipo, con sitio para cuatro procesos; de él se sale con un error."""
    with pytest.raises(RuntimeError, match="de quien lo usa"), launcher.started("", 4):
        yield
        assert processes()
        raise RuntimeError("un error de quien lo usa")
    assert_no_process_is_left()


@pytest.fixture(scope="module")
def alone() -> list[EpochReport]:
    """Lo que sale sin repartir nada."""
    return list(Trainer(LONG, tf.distribute.get_strategy()).train())


@pytest.mark.slow
class TestOneCluster:
    """Las que comparten un clúster en este equipo."""

    def test_four_workers_do_the_same_as_one(
        self,
        running: None,
        alone: list[EpochReport],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        # Lo que hay en este proceso no dice nada de los que entrenan.
        monkeypatch.setattr(backends, "accelerator_of", lambda model: pytest.fail("no es este"))
        on_interrupt = signal.getsignal(signal.SIGINT)
        starts: list[launcher.Start] = []
        told: list[EpochReport] = []
        run = launcher.fit(
            JOB,
            4,
            storage=str(tmp_path),
            begun=starts.append,
            told=told.append,
            all_reduce_sizes=[10],
            compute_sizes=[5],
        )
        assert run.restarts == 0
        assert [report.rank for report in run.reports] == [0, 1, 2, 3]
        assert trainer.agree(run.reports, 900)
        apart = trainer.step_losses(run.reports) - alone[0].losses
        assert abs(apart).max() < 1e-4
        assert told == run.reports[:1]

        [start] = starts
        assert run.start is start
        assert start.all_reduce_seconds[10] > 0
        assert start.compute_seconds[5] > 0
        assert start.setup_seconds == told[0].setup_seconds > 0
        conditions = start.conditions
        assert (conditions.epochs, conditions.batch_size, conditions.workers) == (1, 45, 4)
        assert conditions.data.training_images == 900
        assert conditions.network.optimizer.startswith("SGD")
        assert (conditions.accelerator, conditions.agreement) == (None, None)

        assert list(tmp_path.iterdir()) == []
        assert signal.getsignal(signal.SIGINT) is on_interrupt

    def test_two_do_too_and_a_killed_one_does_not_start_all_over(
        self, running: None, alone: list[EpochReport], tmp_path: Path
    ) -> None:
        told = []
        killed = threading.Event()

        def kill() -> None:
            # Con este archivo anota Ray, ya guardada, la primera época.
            wait_for(lambda: list(tmp_path.rglob("checkpoint_manager_snapshot.json")))
            processes("RayTrainWorker")[-1].kill()
            killed.set()

        def tell(report: EpochReport) -> None:
            told.append(report.epoch)
            if told == [0]:
                threading.Thread(target=kill).start()

        run = launcher.fit(LONG, 2, storage=str(tmp_path), told=tell)
        assert killed.is_set()
        assert run.restarts == 1
        assert told.count(0) == 1
        assert {report.rank for report in run.reports} == {0, 1}
        assert trainer.agree(run.reports, 900)
        apart = trainer.step_losses(run.reports) - trainer.step_losses(alone)
        assert abs(apart[:20]).max() < 1e-4
        assert abs(apart).max() < 0.01  # los redondeos, otros con cada reparto, crecen
        accuracies = [run.reports[-2].test_accuracy, alone[-1].test_accuracy]
        assert accuracies[0] == pytest.approx(accuracies[1], abs=0.01)

    def test_nothing_listens_beyond_this_computer(self, running: None) -> None:
        listening = [
            connection.laddr.ip
            for process in [psutil.Process(), *processes()]
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) > 5
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}

    def test_a_failure_that_comes_back_is_told(
        self, running: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(launcher, "MAX_RESTARTS", 0)
        with pytest.raises(
            TutorialError,
            match=r"^El entrenamiento ha fallado .*InvalidArgumentError: .* -5 must be >= 0",
        ):
            launcher.fit(JOB, 1, storage=str(tmp_path), all_reduce_sizes=[-5])
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("workers", "use_gpu", "storage", "told"),
    [
        (5, False, "", r"^workers=5 .* caben 4"),
        (2, True, "", r"^workers=2 .* una GPU .* caben 0"),
        (4, False, "", r"^storage=''"),
        (4, False, "/compartida", None),
    ],
)
def test_it_does_not_ask_for_more_than_there_is(
    monkeypatch: pytest.MonkeyPatch, workers: int, use_gpu: bool, storage: str, told: str | None
) -> None:
    """Dos equipos con sitio, entre los dos, para cuatro procesos."""
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 4.0})
    monkeypatch.setattr("ray.nodes", lambda: [{"Alive": True}, {"Alive": True}, {"Alive": False}])
    with pytest.raises(TutorialError, match=told) if told else nullcontext():
        launcher.check_room(workers, use_gpu, storage)
    monkeypatch.setattr("ray.nodes", lambda: [{"Alive": True}, {"Alive": False}])
    if workers == 4:
        launcher.check_room(workers, use_gpu, "")


class Mailbox(queue.Queue):
    """El buzón de Ray, en este mismo proceso."""

    def __init__(self, actor_options: dict[str, Any] | None = None) -> None:
        super().__init__()

    def shutdown(self) -> None:
        """No hay nada que parar."""


def work(patch: pytest.MonkeyPatch, use_gpu: bool) -> tuple[list[str], list[Any]]:
    """Hace aquí lo que hace cada proceso, y devuelve lo que ajusta y lo que cuenta."""
    done: list[str] = []
    mailbox = Mailbox()

    class OneReplica(tf.distribute.OneDeviceStrategy):
        def __init__(self) -> None:
            done.append("estrategia")
            super().__init__("CPU:0")

    patch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", OneReplica)
    for kind in ("intra", "inter"):
        setting = f"set_{kind}_op_parallelism_threads"
        patch.setattr(tf.config.threading, setting, lambda n, kind=kind: done.append(f"{kind} {n}"))
    context = SimpleNamespace(get_world_rank=lambda: 0)
    patch.setattr("ray.train.get_context", lambda: context)
    patch.setattr("ray.train.get_checkpoint", lambda: None)
    patch.setattr("ray.train.report", lambda metrics, checkpoint: None)
    config = {"job": JOB.model_dump(), "use_gpu": use_gpu, "mailbox": mailbox}
    launcher._work(config | {"all_reduce_sizes": [10], "compute_sizes": [5]})
    return done, [pickle.loads(mailbox.get_nowait()) for _ in range(mailbox.qsize())]


@pytest.fixture(scope="module")
def one_worker() -> tuple[list[str], list[Any]]:
    """Lo que hace un proceso sin GPU."""
    with pytest.MonkeyPatch.context() as patch:
        return work(patch, use_gpu=False)


def test_a_worker_without_a_gpu_uses_one_thread(one_worker: tuple[list[str], list[Any]]) -> None:
    """Y lo decide antes de que TensorFlow haga nada: después ya no le haría caso."""
    done, [start, report] = one_worker
    assert sorted(done[:2]) == ["inter 1", "intra 1"]
    assert done[2:] == ["estrategia"]
    assert start.conditions.agreement is None
    assert start.compute_seconds[5] > 0
    assert trainer.agree([report], 900)


def test_the_worker_says_which_gpu_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quien lo pone en marcha no lo sabe: su propia GPU puede estar escondida."""
    asked = mock.Mock(return_value=mock.sentinel.agreement)
    monkeypatch.setattr(backends, "accelerator_of", lambda model: mock.sentinel.card)
    monkeypatch.setattr(correctness, "agreement", asked)
    monkeypatch.setattr(Trainer, "train", lambda trainer, first_epoch: ())
    done, [start] = work(monkeypatch, use_gpu=True)
    assert done == ["estrategia"]  # con una GPU, los hilos que quiera
    assert start.conditions.accelerator is mock.sentinel.card
    assert start.conditions.agreement is mock.sentinel.agreement
    [_, images, labels, device, precision] = asked.call_args.args
    assert (images.shape, labels.shape) == ((128, 28, 28, 1), (128,))
    assert (device, precision) == ("gpu:0", "float32")


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., launcher.Run]:
    """Un `fit` en este proceso, que cuenta unos mensajes ya preparados."""

    def fit(messages: list[Any], **listens: Callable) -> launcher.Run:
        def trainer(work: dict[str, Any], *_: object) -> SimpleNamespace:
            def tell() -> None:
                for message in messages:
                    work["mailbox"].put(pickle.dumps(message))

            return SimpleNamespace(fit=tell)

        monkeypatch.setattr("ray.util.queue.Queue", Mailbox)
        monkeypatch.setattr(launcher, "_trainer", trainer)
        return launcher.fit(JOB, 1, storage=str(tmp_path), **listens)

    return fit


@pytest.mark.parametrize("listens", ["begun", "told"])
def test_an_error_while_listening_reaches_who_trains(
    one_worker: tuple[list[str], list[Any]], rehearsed: Callable[..., launcher.Run], listens: str
) -> None:
    def fail(message: object) -> None:
        raise OSError("disco lleno")

    with pytest.raises(OSError, match="disco lleno"):
        rehearsed(one_worker[1], **{listens: fail})


def test_what_is_done_again_counts_once_and_the_restarts_are_told(
    one_worker: tuple[list[str], list[Any]], rehearsed: Callable[..., launcher.Run]
) -> None:
    start, first = one_worker[1]
    second = first._replace(epoch=1)
    again = second._replace(seconds=7.0)
    later = start._replace(compute_seconds={5: 9.0})
    run = rehearsed([start, first, second, later, again])
    assert [(report.epoch, report.seconds) for report in run.reports] == [
        (0, first.seconds),
        (1, 7),
    ]
    assert (run.restarts, run.start.compute_seconds) == (1, {5: 9.0})


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "find_spec", lambda name: None)
    with pytest.raises(TutorialError, match=r"^Falta Ray, .*requirements-distributed\.txt"):
        launcher.started("", 2).__enter__()


def test_to_reach_beyond_this_computer_ray_must_not_be_imported_yet() -> None:
    import ray  # noqa: F401

    for _ in range(2):  # repetir la celda no lo da por hecho
        with pytest.raises(TutorialError, match="reinicia el kernel"):
            launcher.started("127.0.0.1:1", 2).__enter__()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1"])
def test_an_address_without_a_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(launcher.LISTENS_BEYOND, "1")
    with pytest.raises(TutorialError, match=f"^address='{address}'"):
        launcher.started(address, 2).__enter__()


@pytest.mark.slow
def test_a_cluster_started_by_hand(tmp_path: Path) -> None:
    """Un clúster arrancado con `ray start`, con su clave, sin ella y desde otra versión de Ray."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("0123456789abcdef" * 4)
    start = ["-m", "ray.scripts.scripts", "start", "--head", f"--port={port}", "--num-cpus=3"]
    start += ["--include-dashboard=false", "--disable-usage-stats", "--block"]
    with running_child(*start, HOME=str(tmp_path), RAY_AUTH_MODE="token") as head:
        wait_for_line(head, "Ray runtime started")
        with running_child("-c", ASK, address, HOME=str(tmp_path)) as process:
            assert process.communicate()[0] == "3\n"

        (tmp_path / "otro").mkdir()
        with running_child("-c", ASK, address, HOME=str(tmp_path / "otro")) as process:
            assert process.communicate()[0].startswith(f"address='{address}' no es válido")

        (tmp_path / "sitecustomize.py").write_text("import ray; ray.__version__ = '2.0.0'")
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        early = {launcher.LISTENS_BEYOND: "1", "RAY_AUTH_MODE": "token"}  # ya está importado
        with running_child(
            "-c", ASK, address, HOME=str(tmp_path), PYTHONPATH=path, **early
        ) as process:
            assert process.communicate()[0].startswith(f"El clúster de {address} usa otra versión")

        head.terminate()
        head.wait(timeout=60)
    assert_no_process_is_left()


@pytest.mark.slow
def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    with running_child("-c", DRIVER, tmp_path) as process:
        wait_for_line(process, "época")
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "detenido")
        assert process.wait(timeout=60) != 0
    assert_no_process_is_left()
    assert list(tmp_path.iterdir()) == []
