"""Ray, con procesos de verdad: el mismo resultado, fallos, errores y ningún proceso olvidado."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import psutil
import pytest
import tensorflow as tf
from conftest import child_environment

from fashion_bench.cluster import launcher, trainer
from fashion_bench.cluster.trainer import EpochReport, Job, Trainer
from fashion_bench.errors import TutorialError

pytestmark = [
    pytest.mark.skipif(
        find_spec("ray") is None, reason="Ray no está instalado: requirements-trainer.txt"
    ),
    pytest.mark.skipif(os.name == "nt", reason="en Windows, Ray está aún en pruebas"),
]

WORKER = "PYTEST_XDIST_WORKER"
"""Con `pytest -n 2`, la variable que dice cuál de los dos es este proceso; sus hijos la heredan."""

JOB = Job(epochs=3, batch_size=90, train_samples=4000, seed=42, exact=True)
"""Con 3600 imágenes para entrenar: 40 pasos por época."""

DRIVER = """
import sys
from fashion_bench.cluster import launcher
from fashion_bench.cluster.trainer import Job

with launcher.started("", 2):
    job = Job(epochs=100, batch_size=90, train_samples=1000, seed=42)
    launcher.fit(job, 2, storage=sys.argv[1], told=lambda report: print("época", flush=True))
"""


def ray_processes() -> list[psutil.Process]:
    """Los procesos de Ray que han puesto en marcha estas pruebas, no otras a la vez."""
    pattern = re.compile(r"^ray::|raylet|gcs_server|ray/_private|ray/dashboard|ray/autoscaler")
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and pattern.search(" ".join(process.info["cmdline"] or []))
        and process.environ().get(WORKER) == os.environ.get(WORKER)
    ]


def assert_no_process_is_left() -> None:
    psutil.wait_procs(ray_processes(), timeout=15)
    assert ray_processes() == []


@pytest.fixture(scope="class")
def running() -> Iterator[None]:
    """Un clúster en este ordenador, con sitio para cuatro procesos."""
    with launcher.started("", 4):
        yield
    assert_no_process_is_left()


@pytest.fixture(scope="class")
def alone() -> list[EpochReport]:
    """Lo que sale sin repartir nada."""
    return list(Trainer(JOB, tf.distribute.get_strategy()).train())


class TestOneCluster:
    """Las que comparten un clúster en este ordenador."""

    def test_four_workers_do_the_same_as_one(
        self, running: None, alone: list[EpochReport], tmp_path: Path
    ) -> None:
        job = JOB.model_copy(update={"epochs": 1})
        run = launcher.fit(job, 4, storage=str(tmp_path), all_reduce_sizes=[10])
        assert run.restarts == 0
        assert {report.rank for report in run.reports} == {0, 1, 2, 3}
        assert trainer.agree(run.reports, 3600)
        apart = trainer.step_losses(run.reports) - alone[0].losses
        assert abs(apart[:20]).max() < 1e-4
        assert run.all_reduce_seconds[10] > 0
        assert list(tmp_path.iterdir()) == []

    def test_two_do_too_and_a_killed_one_loses_an_epoch_at_most(
        self, running: None, alone: list[EpochReport], tmp_path: Path
    ) -> None:
        told = []

        def kill() -> None:
            while not list(tmp_path.rglob("state.npz")):
                time.sleep(0.1)
            time.sleep(0.5)  # en plena segunda época
            workers = [p for p in ray_processes() if "RayTrainWorker" in " ".join(p.cmdline())]
            workers[-1].kill()

        def tell(report: EpochReport) -> None:
            told.append(report.epoch)
            if told == [0]:
                Thread(target=kill).start()

        run = launcher.fit(JOB, 2, storage=str(tmp_path), told=tell)
        assert run.restarts == 1
        assert told.count(0) == 1
        assert {report.rank for report in run.reports} == {0, 1}
        assert trainer.agree(run.reports, 3600)
        apart = trainer.step_losses(run.reports) - trainer.step_losses(alone)
        assert abs(apart[:20]).max() < 1e-4
        assert abs(apart).max() < 0.01  # los redondeos, otros con cada reparto, crecen
        accuracies = [run.reports[-2].test_accuracy, alone[-1].test_accuracy]
        assert accuracies[0] == pytest.approx(accuracies[1], abs=0.01)

    def test_nothing_listens_beyond_this_computer(self, running: None) -> None:
        listening = [
            connection.laddr.ip
            for process in [psutil.Process(), *ray_processes()]
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) > 5
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}

    def test_a_failure_that_comes_back_is_told(self, running: None, tmp_path: Path) -> None:
        job = JOB.model_copy(update={"epochs": 1})
        with pytest.raises(
            TutorialError,
            match=r"^El entrenamiento ha fallado .*InvalidArgumentError: .* -5 must be >= 0",
        ):
            launcher.fit(job, 2, storage=str(tmp_path), all_reduce_sizes=[-5])

    def test_it_does_not_ask_for_more_than_there_is(self, running: None) -> None:
        launcher.check_room(4, False, "")
        with pytest.raises(
            TutorialError, match=r"^workers=5 no es posible: .* un procesador .* caben 4"
        ):
            launcher.check_room(5, False, "")
        with pytest.raises(TutorialError, match=r"^workers=2 no es posible: .* una GPU .* caben 0"):
            launcher.check_room(2, True, "")

    def test_several_computers_need_a_folder_that_all_of_them_see(
        self, running: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        twice = launcher._alive_nodes() * 2
        monkeypatch.setattr(launcher, "_alive_nodes", lambda: twice)
        launcher.check_room(4, False, str(tmp_path))
        with pytest.raises(TutorialError, match=r"^storage='' no vale con varios ordenadores"):
            launcher.check_room(4, False, "")
        monkeypatch.setattr(launcher, "_ask_everyone", lambda *_: [("a", True), ("b", False)])
        with pytest.raises(TutorialError, match=r"no vale: el ordenador b no ve ahí"):
            launcher.check_room(4, False, str(tmp_path))


def test_other_versions_are_told() -> None:
    here = launcher.installed()
    assert set(here) == {*launcher.COMPARED, "tensorflow"}
    launcher.check_same_versions("nodo", here, dict(here))
    with pytest.raises(TutorialError, match=r"otras versiones: keras 3\.0 \(aquí, "):
        launcher.check_same_versions("nodo", here, here | {"keras": "3.0"})
    with pytest.raises(TutorialError, match="nodo no responde o no tiene este proyecto"):
        launcher.check_same_versions("nodo", here, {})


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "find_spec", lambda name: None)
    with pytest.raises(TutorialError, match=r"^Falta Ray, .*requirements-distributed\.txt"):
        launcher.started("", 2).__enter__()


@pytest.mark.parametrize("occupied", [False, True], ids=["nadie", "otro programa"])
def test_an_address_without_a_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch, occupied: bool
) -> None:
    monkeypatch.setattr(launcher, "HEALTH_SECONDS", 5)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if occupied:
            server.listen()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TutorialError, match="ahí no responde ningún clúster de Ray"):
            launcher.started(address, 2).__enter__()


HEAD = """
import sys
import ray
ray.__version__ = sys.argv.pop(1) or ray.__version__
from ray.scripts.scripts import main
main()
"""

ASK = """
import sys
from fashion_bench.cluster import launcher
from fashion_bench.errors import TutorialError
try:
    with launcher.started(sys.argv[1], 2):
        print(launcher.slots("CPU"))
except TutorialError as error:
    print(error)
"""


@pytest.mark.parametrize("version", ["", "2.0.0"], ids=["la misma", "otra versión"])
def test_a_cluster_started_by_hand(tmp_path: Path, version: str) -> None:
    """Un clúster arrancado con `ray start`, de la misma versión o que dice ser de otra."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0123456789abcdef" * 4)
    head = subprocess.Popen(
        [sys.executable, "-c", HEAD, version, "start", "--head", f"--port={port}", "--num-cpus=3",
         "--include-dashboard=false", "--disable-usage-stats", "--block"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=child_environment(HOME=str(tmp_path), RAY_AUTH_MODE="token"),
    )  # fmt: skip

    def ask(home: Path) -> str:
        for _ in range(5):  # mientras arranca
            done = subprocess.run(
                [sys.executable, "-c", ASK, f"127.0.0.1:{port}"], capture_output=True, text=True,
                encoding="utf-8", env=child_environment(HOME=str(home)), timeout=90,
            )  # fmt: skip
            if "no responde ningún clúster" not in done.stdout:
                break
        return done.stdout + done.stderr

    try:
        if version:
            assert f"El clúster de 127.0.0.1:{port} usa otra versión de Ray" in ask(tmp_path)
        else:
            assert ask(tmp_path) == "3\n"
            (tmp_path / "otro").mkdir()
            assert f"El clúster de 127.0.0.1:{port} no acepta la clave" in ask(tmp_path / "otro")
    finally:
        head.terminate()
        head.wait(timeout=60)
    assert_no_process_is_left()


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip
    while process.stdout.readline() != "época\n":
        assert process.poll() is None
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert_no_process_is_left()


def test_an_error_leaves_no_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER.replace("(epochs", "(epoch"), "x"], capture_output=True,
        text=True, encoding="utf-8", env=child_environment(), timeout=120,
    )  # fmt: skip
    assert "ValidationError" in done.stderr
    assert_no_process_is_left()
