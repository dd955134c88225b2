"""El cuaderno 01 tal como lo cambia o lo desordena quien aprende.

Nada de lo ganado se pierde, ninguna cifra es de otra cosa y todo lo que falla se lee en español.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from conftest import NOTEBOOK, NOTEBOOKS, ROOT, child_environment
from nbclient import NotebookClient

from fashion_bench.compare import files
from fashion_bench.exercises import missing
from fashion_bench.figures import MIME, Record
from fashion_bench.script import cli

FAST = """
from fashion_bench.machine import profiling
from fashion_bench.measure import recorder
from fashion_bench.record import Calibration
fast = Calibration(
    float32_flops=2e11, precision_flops=2e11, bytes_per_second=4e10, order_seconds=1e-4
)
recorder.calibrate = lambda precision: fast
costs_of = profiling.layer_costs
profiling.layer_costs = lambda model, images, calls: costs_of(model, images, 1)
profiling.ENOUGH_SECONDS = 0
test_images, test_labels = test_images[:200], test_labels[:200]
"""
"""Sin lo que más tarda y aquí no se mira."""

BEFORE = ("parameters", "comprobar", "importar", "datos", "repartir", "apuestas")
EDITED = ("lotes", "red", "resumen", "formas", "cuentas", "compilar", "correcto", "calentar")
RESULTS = ("nota", "partes", "curvas", "confusion", "mapas", "foto", "registro")
BASELINES = "baselines, baseline_epochs = {'Red densa': (0.5, 1.0)}, min(5, trained_epochs)"

CONVOLUTIONS = """            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
"""
RESIDUAL = """from keras import layers


def block(filters):
    parts = [layers.Conv2D(filters, (3, 5), strides=2, padding="same"), layers.ReLU()]
    return keras.Sequential([*parts, layers.BatchNormalization(), layers.SpatialDropout2D(0.2)])


def build_model():
    given = keras.Input((None, None, 1))
    twice = layers.Conv2D(8, 3, padding="same", activation=lambda x: keras.ops.relu(x))
    x = block(8)(layers.Rescaling(1 / 255)(given))
    x = layers.Add()([x, twice(twice(x))])
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    return keras.Model(given, layers.Dense(10)(x))
"""
OWN = """from keras import layers


class Own(keras.Model):
    def __init__(self, secret):
        super().__init__()
        self.scale, self.flat = layers.Rescaling(1 / 255), layers.Flatten()
        self.conv, self.out = layers.SeparableConv2D(4, 3), layers.Dense(10)

    def call(self, images):
        return self.out(self.flat(self.conv(self.scale(images))))


def build_model():
    return Own(object())
"""
SEQUENCE = """from keras import layers


def build_model():
    given = keras.Input((28, 28, 1))
    x = layers.Reshape((28, 28))(layers.Rescaling(1 / 255)(given))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(query=x, value=x)])
    return keras.Model(given, layers.Dense(10)(layers.LSTM(4)(layers.LayerNormalization()(x))))
"""
AUGMENT = "layers.RandomFlip('horizontal'), layers.RandomRotation(0.1)"
RESCALING, LAST = "layers.Rescaling(1 / 255),", 'layers.Dense(10, dtype="float32")'
NO_MAPS = "ninguna convolución: no hay filtros que dibujar"


class Case(NamedTuple):
    """Un cambio y lo que tiene que salir."""

    edit: dict[str, list[tuple[str, str]] | str]
    """De cada celda que se cambia, qué por qué; o su texto nuevo."""
    reason: str | None = None
    """Por qué no cuenta, aparte de su exactitud."""
    epochs: int = 3
    images: tuple[int, int] = (450, 50)
    """De entrenamiento y de validación."""
    says: Sequence[tuple[str, str]] = ()
    """Algo de lo que escriben o enseñan algunas celdas."""


def fit(old: str, new: str) -> dict[str, list[tuple[str, str]] | str]:
    """Un cambio en el `fit` de la celda que entrena."""
    return {"entrenar": [(old, new)]}


NO_VALIDATION = fit("            validation_data=validation_data,\n", "")
EARLY = "callbacks=[keras.callbacks.EarlyStopping('loss', patience=0, min_delta=10.), "
METRICS = 'metrics=["accuracy"]'

CASES = {
    "EarlyStopping": Case(fit("callbacks=[", EARLY), epochs=2, says=[("nota", "entrenadas: 2)")]),
    "steps_per_epoch": Case(
        fit("shuffle=False,", "shuffle=False, steps_per_epoch=2,"),
        "no todas sus épocas ven lo mismo: de 194 a 256 imágenes",
        images=(256, 50),
    ),
    "sin validar": Case(
        NO_VALIDATION, images=(450, 0), says=[("nota", "Red densa"), ("entrenar", ", exactitud 0.")]
    ),
    "validar con la prueba, a veces": Case(
        fit("validation_data=validation_data", "validation_data=test_data, validation_freq=2"),
        images=(450, 200),
    ),
    "empezar después y un trozo": Case(
        fit("            train_data,", "            train_data.take(2), initial_epoch=1,"),
        epochs=2,
        images=(256, 50),
    ),
    "sin medidas": Case(
        {"compilar": [(METRICS, "metrics=[]")]},
        "no se midió la exactitud en prueba",
        says=[("confusion", "Matriz de confusión")],
    ),
    "otras medidas y pasos juntos": Case(
        {
            "compilar": [
                (METRICS, "metrics=[keras.metrics.SparseTopKCategoricalAccuracy(3), 'acc']"),
                ("model.compile(", "model.compile(\n        steps_per_execution=3,"),
            ]
        },
        says=[("nota", "Exactitud en prueba: 0.")],
    ),
    "aumento de datos": Case(
        {"red": [(RESCALING, f"{RESCALING} {AUGMENT}, keras.Sequential([{AUGMENT}]),")]},
        says=[("mapas", "Los 32 filtros"), ("cuentas", "ya no define la red del curso")],
    ),
    "otra pareja": Case(
        {
            "red": [
                ("layers.Flatten(),", f"{CONVOLUTIONS.split('layers.Max')[0]} layers.Flatten(),")
            ]
        },
        says=[("formas", "Conv2D, 7×7×32")],
    ),
    "red densa con softmax": Case(
        {
            "red": [(CONVOLUTIONS, ""), (LAST, LAST[:-1] + ", activation='softmax')")],
            "compilar": [("from_logits=True", "from_logits=False")],
        },
        says=[("mapas", NO_MAPS), ("formas", "no hay filtro que dibujar")],
    ),
    "sin Input": Case({"red": [('            keras.Input((28, 28, 1), dtype="uint8"),\n', "")]}),
    "residual, con ramas": Case(
        {"red": RESIDUAL}, says=[("mapas", "Los 8 filtros"), ("formas", "de 3×3×8")]
    ),
    "escrita como clase": Case({"red": OWN}, says=[("mapas", NO_MAPS)]),
    "atención y LSTM": Case({"red": SEQUENCE}, says=[("mapas", NO_MAPS)]),
    "una función de activación y otra tasa": Case(
        {
            "red": [('Dense(128, activation="relu")', "Dense(128, activation=lambda x: x)")],
            "compilar": [("keras.optimizers.Adam(learning_rate)", "'sgd'")],
        },
    ),
}
"""Cambios que hace quien aprende."""


class Kernel:
    """Un kernel en el que se ejecutan las celdas de los cuadernos, cambiadas o en otro orden."""

    def __init__(self, client: NotebookClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.small = (
            f"train_samples, epochs, device = 500, 3, 'cpu'\nresults_dir = {str(folder)!r}\n"
        )

    def run(self, source: str) -> nbformat.NotebookNode:
        """Ejecuta una celda y la devuelve."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        return self.client.execute_cell(cell, len(self.client.nb.cells) - 1)

    def error(self, source: str) -> str:
        """Ejecuta una celda que falla y devuelve lo que se lee."""
        [error] = [each for each in self.run(source).outputs if each.output_type == "error"]
        return re.sub(r"\x1b\[\d*m", "", "\n".join(error.traceback))


def sources(path: Path = NOTEBOOK) -> dict[str, str]:
    """El texto de las celdas de código de un cuaderno."""
    cells = nbformat.read(path, as_version=4).cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "code"}


def changed(cells: dict[str, str], *cases: Case) -> dict[str, str]:
    """Las celdas del cuaderno 01, con unos cambios."""
    for case in cases:
        for name, edit in case.edit.items():
            for old, new in edit if isinstance(edit, list) else [(cells[name], edit)]:
                assert old in cells[name]
                cells[name] = cells[name].replace(old, new)
    return cells


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Con la configuración que se instala con el paquete."""
    folder = tmp_path_factory.mktemp("registros")
    (profile := tmp_path_factory.mktemp("ipython") / "profile_default").mkdir()
    shutil.copy(ROOT / "jupyter" / "ipython_kernel_config.json", profile)
    client = NotebookClient(
        nbformat.v4.new_notebook(),
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        allow_errors=True,
    )
    told = {"PYTHONPATH": str(ROOT / "src"), "IPYTHONDIR": str(profile.parent)}
    with client.setup_kernel(env=child_environment(**told)):
        yield Kernel(client, folder)


@pytest.fixture(scope="module")
def lesson(kernel: Kernel) -> Kernel:
    """El mismo, con el cuaderno 01 en pequeño, listo para definir la red."""
    cells = sources()
    for name in BEFORE:
        cell = kernel.run((kernel.small if name == "comprobar" else "") + cells[name])
        assert not [each for each in cell.outputs if each.output_type == "error"]
    kernel.run(FAST)
    return kernel


def shown(cell: nbformat.NotebookNode) -> str:
    """Lo que escribe una celda, y lo que se oye de sus dibujos."""
    alts = [each.get("metadata", {}).get("image/png", {}).get("alt", "") for each in cell.outputs]
    alts += [each.get("metadata", {}).get("alt", "") for each in cell.outputs]
    return "\n".join([*(each.get("text", "") for each in cell.outputs), *alts])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_an_edit_loses_nothing_and_its_record_is_true(lesson: Kernel, name: str) -> None:
    case, told = CASES[name], dict[str, nbformat.NotebookNode]()
    cells = changed(sources(), case)
    cells["cuentas"] = cells["cuentas"].replace("None", "320")
    if name != "EarlyStopping":
        cells["sencillos-medir"] = cells["sencillos-medir"].splitlines()[0] + "\n" + BASELINES
    before = {*lesson.folder.iterdir()}
    for cell in (*EDITED, "entrenar", "sencillos", "sencillos-medir", *RESULTS):
        told[cell] = lesson.run(cells[cell])
        failed = [each for each in told[cell].outputs if each.output_type == "error"]
        assert failed == [], cell
    [path] = {*lesson.folder.iterdir()} - before
    record = files.load_file(path)
    assert (record.status, record.reason) == ("failed" if case.reason else "ok", case.reason)
    assert record.parameters.epochs == len(record.epoch_seconds) == case.epochs
    assert (record.data.training_images, record.data.validation_images) == case.images
    assert record.data.test_images == (10_000 if record.accuracy is None else 200)
    [data] = [each.data for each in told["registro"].outputs if "data" in each]
    assert Record.model_validate(data[MIME]) == record
    for cell, text in case.says:
        assert text in shown(told[cell]), cell


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "images"),
    [
        (("EarlyStopping", "aumento de datos", "otras medidas y pasos juntos"), (450, 50)),
        (("residual, con ramas", "sin validar", "steps_per_epoch"), (256, 0)),
        (("red densa con softmax", "validar con la prueba, a veces"), (450, 200)),
    ],
)
def test_the_script_takes_every_edit_to_its_report(
    names: Sequence[str],
    images: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(cli, "RUNS_DIR", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kept = {*BEFORE, *EDITED, "entrenar", "sencillos", "sencillos-medir", *RESULTS}
    notebook.cells = [cell for cell in notebook.cells if cell.id in kept]
    cells = changed(sources(), *map(CASES.__getitem__, names))
    for cell in notebook.cells:
        cell.source = cells[cell.id] + FAST * (cell.id == "datos")
    overrides = {"epochs": 3, "train_samples": 500, "results_dir": str(tmp_path)}
    outcome = cli.run(notebook, overrides, tmp_path)
    told = capsys.readouterr()
    assert (outcome.code, "Error" in told.err) == (cli.FINE, False)
    assert outcome.record is not None
    data = outcome.record.data
    assert (data.training_images, data.validation_images) == images
    [page] = [each for each in tmp_path.glob("*.html") if "Informe" in told.out]
    assert page.stat().st_size > 100_000
    assert page.with_suffix(".png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "ValueError"])
def test_after_a_stop_or_a_failure_no_figure_is_of_another_run(lesson: Kernel, error: str) -> None:
    cells = sources()
    for cell in (*EDITED, "entrenar", "sencillos"):
        lesson.run(cells[cell])
    fails = f"keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: exec('raise {error}')), "
    assert error in lesson.error(cells["entrenar"].replace("callbacks=[", f"callbacks=[{fails}"))
    for cell in ("sencillos-medir", *{*RESULTS} - {"partes"}):
        [told] = lesson.error(cells[cell]).splitlines()
        assert told.endswith("ejecuta otra vez la celda que entrena, en el apartado 9.")


def test_a_notebook_in_the_middle_of_a_merge_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(NOTEBOOK, tmp_path)
    (tmp_path / "00.ipynb").write_text("<<<<<<< HEAD\n{}", encoding="utf-8")
    monkeypatch.setattr(missing, "NOTEBOOKS_DIR", tmp_path)
    assert missing.first_to_run("prepare", sources()["entrenar"], []) is not None


@pytest.mark.slow
def test_a_name_that_is_of_no_cell_is_told_by_python(kernel: Kernel) -> None:
    source = sources()["entrenar"].replace("callbacks=[", "callbacks=[EarlyStopping(), ")
    assert "NameError: name 'nadie' is not defined" in kernel.error("nadie")
    assert missing.first_to_run("EarlyStopping", source, []) is None
    told = missing.first_to_run("prepare", source, ["sys", "epochs", "config", "keras"])
    assert told is not None
    assert "«import sys»" not in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "cells", "starts", "section"),
    [
        (1, ["entrenar"], "import sys", "Tu primera red convolucional"),
        (1, ["colab", "parameters", "importar"], "from fashion_bench import folders", "Tu primera"),
        (1, ["colab", "parameters", "nota"], "from fashion_bench import folders", "Tu primera"),
        (6, ["guardar"], "quick: bool = False»", ""),
        (3, ["equipos"], "results_dir: str", ""),
    ],
)
def test_in_a_new_kernel_what_goes_before_is_told(
    kernel: Kernel, number: int, cells: list[str], starts: str, section: str
) -> None:
    kernel.run("%reset -f")
    texts = sources(NOTEBOOKS[number - 1])
    for cell in cells[:-1]:
        kernel.run(texts[cell])
    told = kernel.error(texts[cells[-1]])
    assert "Traceback" not in told
    assert f"ejecuta antes, en orden, desde la que empieza por «{starts}" in told
    assert section in told
