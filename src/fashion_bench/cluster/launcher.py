"""Ray: coloca en uno o varios equipos los procesos que entrenan, los vigila y los repone.

Ray no viene con el proyecto: lo instala `requirements-distributed.txt`. Por eso se importa dentro
de las funciones, y porque lee sus variables de entorno al importarse.
"""

import os
import pickle
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

from fashion_bench import PROJECT_DIR, install
from fashion_bench.cluster.trainer import EpochReport, Job, Trainer, tf
from fashion_bench.errors import TutorialError
from fashion_bench.machine import correctness
from fashion_bench.measure.provenance import Conditions

STORAGE = PROJECT_DIR / "runs" / "ray"
"""Dónde se guarda cada época cuando todos los procesos están en este equipo."""

AUTH_TOKEN = Path.home() / ".ray" / "auth_token"
"""La clave de Ray, igual en todos los equipos de un clúster."""

LISTENS_BEYOND = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Variable que, pese a su nombre, en Linux también decide si Ray escucha fuera de 127.0.0.1."""

MAX_RESTARTS = 2
ANSWER_SECONDS = 20
"""Lo que se espera a que conteste otro equipo."""


class Start(NamedTuple):
    """Lo que cuenta el proceso 0 antes de la primera época."""

    conditions: Conditions
    setup_seconds: float
    """Segundos del calentamiento."""
    all_reduce_seconds: dict[int, float]
    """De cada tamaño, en números de 4 bytes, lo que tarda en sumarse entre todos."""
    compute_seconds: dict[int, float]
    """De cada tamaño, en imágenes, lo que tarda un paso de este proceso sin sumar con nadie,
    mientras los demás hacen lo mismo."""


class Run(NamedTuple):
    """Un entrenamiento con Ray."""

    start: Start
    """El último comienzo."""
    restarts: int
    """Veces que Ray tuvo que empezar otra vez desde la última época guardada."""
    reports: list[EpochReport]
    """De cada época y proceso, lo último que contó al acabarla."""


@contextmanager
def started(address: str, cpus: int) -> Iterator[None]:
    """Contexto con Ray en marcha; al salir no queda ningún proceso suyo.

    Args:
        address: `equipo:puerto` de un clúster que ya funciona; vacío, uno en este equipo, que
            solo se puede alcanzar desde él mismo.
        cpus: procesos que caben en el de este equipo.

    Raises:
        TutorialError: si falta Ray, hay que reiniciar el kernel o no se puede usar ese clúster.
    """
    if find_spec("ray") is None:
        raise TutorialError(
            "Falta Ray, que reparte el trabajo: instálalo con «python -m pip install "
            f"{install.pip('requirements-distributed.txt')}» en el entorno que usa este cuaderno."
        )
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # un proceso menos: solo sirve en la nube
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
        "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "300",  # hay equipos lentos
    }
    listens = "1" if address else "0"
    if "ray" in sys.modules and os.environ.get(LISTENS_BEYOND) != listens:
        raise TutorialError(
            "Ray decide al importarse si se le puede hablar desde otros equipos, y ya está "
            "importado: reinicia el kernel y ejecuta el cuaderno otra vez."
        )
    os.environ[LISTENS_BEYOND] = listens
    if address:
        if AUTH_TOKEN.exists():
            os.environ.setdefault("RAY_AUTH_MODE", "token")
    else:  # no hay panel de Ray que conteste: que se sepa al momento y no a los 12 s
        os.environ["RAY_API_SERVER_ADDRESS"] = "http://127.0.0.1:1"
    import ray

    ray.shutdown()  # el de una celda que no llegó al final
    already = set(psutil.Process().children(recursive=True))
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
    try:
        if address:
            _join(address, quiet)
        else:
            ray.init("local", num_cpus=cpus, include_dashboard=False, **quiet)
        yield
    finally:
        started_here = set(psutil.Process().children(recursive=True)) - already
        ray.shutdown()
        _, late = psutil.wait_procs(started_here, timeout=5)
        for process in late:  # algunos tardan un minuto en ver que los demás ya no están
            process.kill()


def check_room(workers: int, use_gpu: bool, storage: str) -> None:
    """Comprueba que en el clúster caben los procesos y que se ha dicho dónde guardan su trabajo."""
    import ray

    kind, name = ("GPU", "una GPU") if use_gpu else ("CPU", "un núcleo")
    if slots(kind) < workers:
        raise TutorialError(
            f"workers={workers} no es válido: cada proceso necesita {name} y en el clúster caben "
            f"{slots(kind)}; pide menos, elige device='cpu' o une otro equipo."
        )
    if sum(node["Alive"] for node in ray.nodes()) > 1 and not storage:
        raise TutorialError(
            "storage='' no es válido con varios equipos: escribe la ruta de una carpeta que todos "
            "vean en el mismo sitio (una carpeta de red, por ejemplo)."
        )


def slots(kind: str) -> int:
    """Devuelve cuántas unidades de `kind` (`CPU` o `GPU`) tiene el clúster."""
    import ray

    return int(ray.cluster_resources().get(kind, 0))


def fit(
    job: Job,
    workers: int,
    *,
    use_gpu: bool = False,
    storage: str = "",
    begun: Callable[[Start], None] = lambda start: None,
    told: Callable[[EpochReport], None] = lambda report: None,
    all_reduce_sizes: Sequence[int] = (),
    compute_sizes: Sequence[int] = (),
) -> Run:
    """Entrena con `workers` procesos, cada uno con un núcleo o, si se dice, una GPU.

    Si uno muere, Ray los empieza otra vez a todos desde la última época guardada.

    Args:
        storage: carpeta que ven todos los equipos; vacía, una de este.
        begun: se le cuenta con qué se entrena, antes de la primera época.
        told: se le cuenta cada época del proceso 0 en cuanto acaba.
        all_reduce_sizes: tamaños, en números de 4 bytes, de las sumas que se miden antes.
        compute_sizes: imágenes de los pasos, sin suma, que cada proceso mide antes.

    Raises:
        TutorialError: si el entrenamiento falla también al repetirlo.
        KeyboardInterrupt: si alguien lo detiene.
    """
    from ray.train import ControllerError, WorkerGroupError
    from ray.util.queue import Queue

    mailbox = Queue(actor_options={"num_cpus": 0})
    starts: list[Start] = []
    reports: dict[tuple[int, int], EpochReport] = {}

    def listen() -> None:
        while (closed := mailbox.get()) is not None:
            message = pickle.loads(closed)
            if isinstance(message, Start):
                starts.append(message)
                begun(message)
            else:
                reports[message.epoch, message.rank] = message
                if message.rank == 0:
                    told(message)

    pool = ThreadPoolExecutor(1)
    listening = pool.submit(listen)
    sizes = {"all_reduce_sizes": [*all_reduce_sizes], "compute_sizes": [*compute_sizes]}
    work = {"job": job.model_dump(), "use_gpu": use_gpu, "mailbox": mailbox, **sizes}
    folder = Path(storage or STORAGE).expanduser().absolute()
    folder /= f"entrenamiento-{os.urandom(4).hex()}"
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        _trainer(work, workers, use_gpu, folder).fit()
    except SystemExit:  # en esto convierte Ray un Ctrl-C
        raise KeyboardInterrupt from None
    except (ControllerError, WorkerGroupError) as error:
        raise _failed(error) from None
    finally:
        signal.signal(signal.SIGINT, on_interrupt)  # Ray lo cambia
        mailbox.put(None)
        pool.shutdown()
        mailbox.shutdown()
        # Lo guardado solo sirve para seguir si un proceso muere.
        shutil.rmtree(folder, ignore_errors=True)
    listening.result()  # si una de esas funciones ha fallado, aquí se sabe
    return Run(starts[-1], len(starts) - 1, [reports[key] for key in sorted(reports)])


def _trainer(work: dict[str, Any], workers: int, use_gpu: bool, folder: Path) -> Any:  # noqa: ANN401
    """Lo que Ray tiene que saber: qué hace cada proceso, con qué, dónde y cuántas veces."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    return TensorflowTrainer(
        _work,
        train_loop_config=work,
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=use_gpu,
            resources_per_worker={"GPU" if use_gpu else "CPU": 1},
            placement_strategy="SPREAD",  # si no, en un equipo con sitio cabrían todos
        ),
        run_config=RunConfig(
            name=folder.name,
            storage_path=str(folder.parent),
            failure_config=FailureConfig(max_failures=MAX_RESTARTS),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    )


def _failed(error: Any) -> TutorialError:  # noqa: ANN401
    """Cuenta el fallo de un proceso, o el de quien los coloca, con lo que dice Ray."""
    failures = getattr(error, "worker_failures", None)
    cause = next(iter(failures.values())) if failures else error.controller_failure
    first_line, *_ = str(cause).strip().split("\n")
    return TutorialError(
        "El entrenamiento ha fallado y Ray ya no lo repite más "
        f"({type(cause).__name__}: {first_line[:200]}); mira los detalles en "
        "/tmp/ray/session_latest/logs, en el equipo que falló, y ejecuta la celda otra vez."
    )


def _work(config: dict[str, Any]) -> None:
    """Lo que hace cada proceso."""
    import ray.train

    if not config["use_gpu"]:  # un núcleo por proceso: ni varios hilos ni varias operaciones
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    rank = ray.train.get_context().get_world_rank()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    job = Job(**config["job"])
    trainer = Trainer(job, strategy, rank)
    all_reduce = {size: trainer.all_reduce_seconds(size) for size in config["all_reduce_sizes"]}
    compute: dict[int, float] = {}
    if config["compute_sizes"]:
        alone = Trainer(job, tf.distribute.get_strategy(), rank)  # no suma con nadie
        trainer.all_reduce_seconds(1)  # se esperan: así, miden todos a la vez
        compute = alone.compute_seconds(config["compute_sizes"])
    first_epoch = 0
    if checkpoint := ray.train.get_checkpoint():
        with checkpoint.as_directory() as folder, np.load(Path(folder) / "state.npz") as saved:
            first_epoch, *state = (saved[name] for name in saved.files)
        trainer.restore(state)
    if rank == 0:
        agreement = None
        if config["use_gpu"]:
            sample = trainer.lesson.train_images[:128, ..., None], trainer.lesson.train_labels[:128]
            agreement = correctness.agreement(trainer.model, *sample, "gpu:0", "float32")
        start = Start(trainer.conditions(agreement), trainer.setup_seconds, all_reduce, compute)
        # Cerrado: el buzón, para abrirlo, importaría TensorFlow en plena primera época.
        config["mailbox"].put(pickle.dumps(start))
    for report in trainer.train(int(first_epoch)):
        config["mailbox"].put(pickle.dumps(report))
        with tempfile.TemporaryDirectory() as folder:
            if rank == 0:
                np.savez(Path(folder) / "state.npz", np.array(report.epoch + 1), *trainer.state())
                checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report({}, checkpoint=checkpoint if rank == 0 else None)


def _join(address: str, quiet: dict[str, Any]) -> None:
    """Se une a un clúster que ya está en marcha, si es de las mismas versiones."""
    import ray

    host, _, port = address.rpartition(":")
    try:
        # A donde no responde nadie, Ray insiste unos minutos.
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
        ray.init(address, **quiet)
    except (OSError, ValueError, SystemExit):  # lo último, si responde quien no es Ray
        raise TutorialError(
            f"address={address!r} no es válido: ahí no responde ningún clúster de Ray que acepte "
            "la clave de este equipo; comprueba si está en marcha («RAY_AUTH_MODE=token ray "
            "status», si usa clave), la dirección, el puerto, el cortafuegos y que su archivo "
            "~/.ray/auth_token es el mismo que el de aquí."
        ) from None
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        raise TutorialError(
            f"El clúster de {address} usa otra versión de Ray o de Python que este cuaderno: "
            "instala en todos los equipos el mismo requirements-distributed.txt con el mismo "
            "Python y vuelve a arrancar Ray."
        ) from None
