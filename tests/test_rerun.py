"""La celda que entrena del cuaderno 01, ejecutada varias veces en el mismo kernel.

Cada vez entrena una red recién hecha y deja un registro nuevo, que dice lo que de verdad se
entrenó; los de antes siguen como estaban, byte por byte.
"""

import gc
import signal
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import NOTEBOOK, Cells
from test_recorder import FAST

from fashion_bench.compare import files
from fashion_bench.figures import Record
from fashion_bench.measure import recorder
from fashion_bench.measure.progress import EpochLine

pytestmark = pytest.mark.slow

LOAD = ("comprobar", "importar", "datos")
PREPARE = ("repartir", "lotes", "red", "resumen", "compilar", "correcto", "calentar")


class Lesson(Cells):
    """El cuaderno 01 en pequeño, listo para entrenar tantas veces como haga falta."""

    def __init__(self, folder: Path) -> None:
        small = {"epochs": 2, "train_samples": 1000, "device": "cpu"}
        super().__init__(NOTEBOOK, **small, results_dir=str(folder))
        self.folder = folder
        self.run(*LOAD)
        for name in ("test_images", "test_labels"):  # la evaluación entero es lo que más tardaría
            self.names[name] = self.names[name][:1000]
        self.run(*PREPARE)

    def train(self) -> Record:
        """Ejecuta la celda que entrena y da su registro, el único archivo nuevo o cambiado."""
        return self._only_change(lambda: self.run("entrenar"))

    def train_until(self, error: type[BaseException]) -> Record:
        """Lo mismo, pero al acabar la primera época alguien pulsa Ctrl-C o falla algo."""

        class Stopping(EpochLine):
            def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
                if error is KeyboardInterrupt:
                    signal.raise_signal(signal.SIGINT)
                else:
                    raise error

        def stop() -> None:
            with pytest.raises(error):
                self.run("entrenar")

        self.names["EpochLine"] = Stopping
        record = self._only_change(stop)
        self.names["EpochLine"] = EpochLine
        return record

    def _only_change(self, action: Callable[[], None]) -> Record:
        before = self.saved()
        action()
        after = self.saved()
        assert before.items() <= after.items(), "ha cambiado un registro de antes"
        [new] = after.keys() - before.keys()
        return files.load_file(self.folder / new)

    def saved(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lesson:
    monkeypatch.setattr(recorder, "calibrate", lambda precision: FAST)  # aquí no se mira
    return Lesson(tmp_path)


def test_in_any_order_each_run_leaves_its_own_record(lesson: Lesson) -> None:
    """Bien, detenida y fallida: cada una, detrás de cada una de las tres."""
    good, stopped, failed = None, KeyboardInterrupt, ZeroDivisionError
    endings = {
        good: ("ok", None),
        stopped: ("interrupted", "alguien detuvo la ejecución"),
        failed: ("failed", "error ZeroDivisionError"),
    }
    listener = signal.getsignal(signal.SIGINT)
    order = (good, good, stopped, stopped, failed, failed, good, failed, stopped, good)
    for error in order:
        record = lesson.train_until(error) if error else lesson.train()
        assert signal.getsignal(signal.SIGINT) is listener
        assert (record.status, record.reason) == endings[error]
        assert len(record.epoch_seconds) == (1 if error else 2)
        assert error or lesson.names["record"] == record
    found, _ = files.load_folder(lesson.folder)
    assert len({record.run_id for record in found}) == len(order)


def test_each_run_trains_a_network_made_afresh(lesson: Lesson) -> None:
    """Aunque antes se repita la comprobación y no el calentamiento."""
    losses = []
    for _ in range(2):
        lesson.train()
        losses.append(lesson.names["histories"][0]["loss"])
        lesson.run("correcto")
    assert losses[0][1] < 0.8 * losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_a_repeat_does_not_keep_the_networks_of_the_earlier_ones(lesson: Lesson) -> None:
    """Con la anterior viva hasta que se entrena otra; sin esperar a que Python recoja."""
    small = {"repeats": 3, "epochs": 1}
    lesson.names["config"] = lesson.names["config"].model_copy(update=small)
    prepare = lesson.names["prepare"]
    networks: list[weakref.ref] = []
    alive: list[int] = []

    def remember(seed: int) -> tuple:
        prepared = prepare(seed)
        alive.append(sum(network() is not None for network in networks))
        networks.append(weakref.ref(prepared[0]))
        return prepared

    lesson.names["prepare"] = remember
    gc.disable()
    try:
        lesson.train()
    finally:
        gc.enable()
    assert alive == [0, 1, 1]


def test_a_parameter_edited_without_checking_it_changes_nothing(lesson: Lesson) -> None:
    lesson.names["epochs"], lesson.names["batch_size"] = 1, 64
    record = lesson.train()
    assert (record.parameters.epochs, record.parameters.batch_size) == (2, 128)
    lesson.run("comprobar")
    record = lesson.train()
    assert (record.parameters.epochs, record.parameters.batch_size) == (1, 64)
    assert record.status == "ok"
    assert len(record.epoch_seconds) == 1
