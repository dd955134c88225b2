"""Los cuadernos: cada uno se ejecuta entero una vez, en pequeño, y todas las pruebas miran eso.

Con Chromium, como lo haría una persona: en JupyterLab, con su menú. Sin él, con la herramienta
que ejecuta los cuadernos que se confirman.
"""

import configparser
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import nbformat
import PIL.Image
import pytest
from conftest import (
    BROWSER,
    NOTEBOOK,
    NOTEBOOKS,
    RECORD,
    ROOT,
    RTX,
    SANITIZE,
    SCREENSHOTS,
    Cells,
    child_environment,
    weights,
)
from nbconvert import ScriptExporter
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from fashion_bench import data, lesson
from fashion_bench.charts import cluster, style
from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.experiments import scaling
from fashion_bench.photo import pictures as photo
from fashion_bench.text import Table, written

if TYPE_CHECKING:  # sin Playwright también se ejecutan los cuadernos
    from playwright.sync_api import Browser, Page

BY_NUMBER = {int(path.name[:2]): path for path in NOTEBOOKS}

SMALL: dict[int, dict[str, object]] = {
    1: {"epochs": 1, "train_samples": 1000, "repeats": 2, "device": "cpu"},
    2: {"quick": True, "device": "cpu"},
    3: {},
    4: {"quick": True, "device": "cpu"},
    5: {"epochs": 1, "train_samples": 1000, "device": "cpu"},
    6: {"quick": True, "device": "cpu"},
}
"""Los parámetros con los que se ejecuta cada uno."""

CHARTS = {1: 19, 2: 4, 3: 3, 4: 4, 5: 4, 6: 4}
"""Cuántos gráficos enseña cada uno."""

DIFFERENT = {"repartir", "entrenar", "nota"}
"""Celdas que, sin depender del equipo, cambian en pequeño: cada una tiene su prueba."""

each_notebook = pytest.mark.parametrize("number", BY_NUMBER)

ALL_CELLS_HAVE_RUN = """() => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const code = notebook.widgets.map(cell => cell.model).filter(cell => cell.type === 'code');
    const failed = code.some(cell => cell.outputs.toJSON().some(o => o.output_type === 'error'));
    return failed || code.every(cell => cell.executionCount && cell.executionState === 'idle');
}"""
"""O una ha fallado. Se pregunta al modelo del cuaderno: lo que se ve depende del desplazamiento."""

SCROLL_TO = """id => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const index = notebook.widgets.findIndex(cell => cell.model.id === id);
    notebook.activeCellIndex = index;
    return notebook.scrollToItem(index, 'start');
}"""


class Run(NamedTuple):
    """Un cuaderno ejecutado en pequeño."""

    cells: dict[str, nbformat.NotebookNode]
    """Sus celdas de código."""
    results: Path
    """Su carpeta de registros."""
    page: "Page | None"
    """La página de Chromium en la que sigue abierto; sin Chromium, `None`."""

    @property
    def outputs(self) -> list[nbformat.NotebookNode]:
        return [output for cell in self.cells.values() for output in cell.outputs]

    def text(self, cell: str) -> str:
        """Lo que ha escrito una celda."""
        return "".join(output.get("text", "") for output in self.cells[cell].outputs)

    def table(self, cell: str) -> str:
        """La tabla que enseña una celda, como texto."""
        [told] = [output.data for output in self.cells[cell].outputs if "data" in output]
        assert "<table>" in told["text/html"]
        return told["text/plain"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cuadernos")


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[str]:
    """JupyterLab en marcha; da su dirección."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
            f"--port={address.rpartition(':')[2]}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.expose_app_in_browser=True",
        ],
        env=child_environment(JUPYTER_CONFIG_DIR=str(folder / ".jupyter")),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_server(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:  # un kernel que no quiere acabar: sin él, acaba solo
            process.kill()
            process.wait()


def wait_for_server(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "JupyterLab no ha arrancado"
        try:
            urllib.request.urlopen(f"{address}/api").close()
            return
        except OSError:
            assert time.monotonic() < deadline, "JupyterLab no responde"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def ran(folder: Path, request: pytest.FixtureRequest) -> Callable[[int], Run]:
    """Ejecuta un cuaderno la primera vez que se pide, y da siempre esa ejecución."""

    @cache
    def run(number: int) -> Run:
        if number == 5 and find_spec("ray") is None:  # importarlo aquí molestaría a test_launcher
            pytest.skip("Ray no está instalado: requirements-distributed.txt")
        source, results = BY_NUMBER[number], folder / str(number)
        path = folder / source.name
        results.mkdir()
        if number == 3:
            make_records(results, 2)
        keeps = "results_dir" in lesson.defaults(nbformat.read(source, as_version=4))
        kept = {"results_dir": str(results)} if keeps else {}
        nbformat.write(without_outputs(source, SMALL[number] | kept), path)
        page = None
        if BROWSER:
            browser, lab = map(request.getfixturevalue, ("browser", "lab"))
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            run_all(page, f"{lab}/lab/tree/{path.name}?reset")
            page.screenshot(path=SCREENSHOTS / f"{path.stem}.png")
        else:
            execute(path)
        cells = nbformat.read(path, as_version=4).cells
        return Run({c.id: c for c in cells if c.cell_type == "code"}, results, page)

    return run


def execute(path: Path) -> None:
    """Lo ejecuta con la herramienta que ejecuta los que se confirman."""
    program = ROOT / "tools" / "execute.py"
    subprocess.run([sys.executable, program, path], check=True, env=child_environment())


def without_outputs(path: Path, parameters: dict[str, object]) -> nbformat.NotebookNode:
    """El cuaderno con otros parámetros, como los pone papermill, y sin ejecutar."""
    notebook = parameterize_notebook(load_notebook_node(str(path)), parameters)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def run_all(page: "Page", address: str) -> None:
    """Abre un cuaderno, lo ejecuta entero con el menú, espera al final y lo guarda."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function("jupyterapp.shell.currentWidget.sessionContext?.session?.kernel")
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
    page.get_by_role("menuitem", name=re.compile("^(Run|Ejecutar)$")).click()
    page.locator('[data-command="runmenu:run-all"]').click()
    page.wait_for_function(ALL_CELLS_HAVE_RUN, timeout=900_000)
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")


AGREEMENT = {"precision": "float32", "loss_difference": 1e-6, "gradient_difference": 1e-6}
AGREEMENT |= {"update_difference": 1e-6}


def make_records(folder: Path, count: int) -> None:
    """Deja en la carpeta `count` registros: de cada equipo, dos, con distinto tamaño de lote."""
    for number in range(count):
        machine, seconds = number // 2, 1 + number % 7 + number / 1000
        repeat = {"epoch_seconds": [seconds, seconds], "energy_joules": 400.0}
        content = RECORD | {
            "run_id": f"20261123T16{number:02}19Z-{number:08x}",
            "created_utc": f"2026-11-23T16:{number:02}:19Z",
            "label": f"{machine:03}" + "x" * 57,
            "machine": RECORD["machine"] | {"key": f"{machine:032x}"},
            "accelerator": RTX.model_dump(),
            "agreement": AGREEMENT,
            "software": RECORD["software"] | {"cuda": "12.5.1", "onednn": None, "tf32": False},
            "repeats": [RECORD["repeats"][0] | repeat],
            "parameters": RECORD["parameters"] | {"batch_size": (128, 512)[number % 2]},
        }
        (folder / f"{number}.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.slow
@each_notebook
def test_it_runs_whole_and_clean(ran: Callable[[int], Run], number: int) -> None:
    run = ran(number)
    assert [output for output in run.outputs if output.output_type == "error"] == []
    assert all(cell.execution_count for cell in run.cells.values())
    assert [output.text for output in run.outputs if output.get("name") == "stderr"] == []
    assert "\r" not in "".join(map(run.text, run.cells))
    drawn = [output for output in run.outputs if "image/png" in output.get("data", {})]
    assert len(drawn) == CHARTS[number]


@pytest.mark.slow
@each_notebook
def test_its_cells_fit_in_the_window(ran: Callable[[int], Run], number: int) -> None:
    page = ran(number).page
    if page is None:
        pytest.skip("hacen falta Chromium y Playwright")
    wide = "[...document.querySelectorAll('.jp-Cell')].filter(c => c.scrollWidth > c.clientWidth+2)"
    assert page.evaluate(f"{wide}.map(cell => cell.innerText)") == []


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted({*BY_NUMBER} - {3}))  # el 03 lee otros registros
def test_it_tells_what_the_committed_one_tells(ran: Callable[[int], Run], number: int) -> None:
    """Todo lo que no depende del equipo ni del tamaño, como lo compararía nbval."""
    run = ran(number)
    stable = [
        cell
        for cell in nbformat.read(BY_NUMBER[number], as_version=4).cells
        if cell.get("outputs") and "nbval-ignore-output" not in cell.metadata.get("tags", [])
        if cell.id not in DIFFERENT
    ]
    assert stable
    for cell in stable:
        assert told(run.cells[cell.id]) == told(cell), cell.id


def told(cell: nbformat.NotebookNode) -> list[dict[str, str]]:
    """Lo que cuenta una celda, sin imágenes, botones ni cifras que cambian cada vez."""
    rules = configparser.ConfigParser()
    rules.read(SANITIZE, encoding="utf-8")
    contents = []
    for output in cell.outputs:
        texts = dict(output.data) if "data" in output else {"text/plain": output.text}
        if "image/png" in texts or "application/vnd.jupyter.widget-view+json" in texts:
            continue
        for rule in map(rules.__getitem__, rules.sections()):
            texts = {
                kind: re.sub(rule["regex"], rule["replace"], text) for kind, text in texts.items()
            }
        contents.append(texts)
    return contents


@pytest.mark.slow
def test_the_first_trains_and_leaves_one_good_record(ran: Callable[[int], Run]) -> None:
    run = ran(1)
    assert run.text("repartir") == "Imágenes: 900 para entrenar, 100 para validar\n"
    [record], rejected = files.load_folder(run.results)
    assert rejected == []
    assert run.text("entrenar").count("Época 1/1: ") == 2
    assert "(épocas entrenadas: 1)" in run.text("nota")
    assert record.status == "ok"
    assert record.parameters.epochs == 1
    assert record.data.training_images == 900
    assert record.network.weights == weights()
    assert record.software.backend == "tensorflow"
    assert record.name.endswith(" · CPU")
    assert [repeat.seed for repeat in record.repeats] == [42, 43]
    assert all(len(repeat.epoch_seconds) == 1 for repeat in record.repeats)


@pytest.mark.slow
def test_a_photo_is_uploaded_with_the_button(ran: Callable[[int], Run], tmp_path: Path) -> None:
    page = ran(1).page
    if page is None:
        pytest.skip("hacen falta Chromium y Playwright")
    good = PIL.Image.fromarray(photo.enlarge(data.load()[1][0][1]).original)
    good.save(tmp_path / "sí.png")
    for megabytes in (13, 30):
        side = round((megabytes * 1e6 / 3) ** 0.5)
        good.convert("RGB").resize((side, side)).save(tmp_path / f"{megabytes}.bmp")
    (tmp_path / "no.png").write_text("hola")
    page.evaluate(SCROLL_TO, "foto")
    button = page.get_by_role("button", name="Subir una foto")
    refusal = page.get_by_text("Esa foto no es válida")
    drawing = page.locator(".widget-box:not(.widget-vbox)", has=button).locator("img")
    page.get_by_text("Si pesa más de 10 MB, puede que no llegue").wait_for()
    for name, answer in (
        ("no.png", refusal),
        ("sí.png", drawing),
        ("no.png", refusal),
        ("13.bmp", drawing),
        ("no.png", refusal),
        ("30.bmp", drawing),
    ):
        with page.expect_file_chooser() as chooser:
            button.click()
        chooser.value.set_files(tmp_path / name)
        answer.wait_for(timeout=30_000)
    page.screenshot(path=SCREENSHOTS / "foto.png")


@pytest.mark.slow
def test_the_window_of_the_convolution_moves_if_somebody_watches(ran: Callable[[int], Run]) -> None:
    run = ran(1)
    if run.page is None:
        assert len(run.cells["ventana"].outputs) == 1  # el gráfico, sin mandos
        pytest.skip("hacen falta Chromium y Playwright")
    from playwright.sync_api import expect

    run.page.evaluate(SCROLL_TO, "ventana")
    controls = run.page.locator(".widget-box:not(.widget-vbox)", has_text="Columna")
    drawing = controls.locator("img")
    for knob, key in (
        (controls.get_by_role("slider").first, "ArrowUp"),
        (controls.get_by_role("spinbutton").first, "ArrowUp"),
    ):
        drawing.wait_for(timeout=30_000)
        before = drawing.get_attribute("src")
        knob.press(key)
        knob.press("Enter")
        expect(drawing).not_to_have_attribute("src", before, timeout=30_000)
    run.page.screenshot(path=SCREENSHOTS / "ventana.png")


@pytest.mark.slow
def test_what_the_browser_measures_comes_back_to_python(
    browser: "Browser", lab: str, folder: Path
) -> None:
    """Este Chromium no tiene WebGPU: se mide la CPU."""
    sources = {
        "medir": "from fashion_bench import data\n"
        "from fashion_bench.browser import BrowserGpu\n"
        "_, (images, labels) = data.load()\n"
        "measured = BrowserGpu(images[:64], labels[:64], batches=[16])\nmeasured",
        "leer": "print(measured.rungs, measured.devices, measured.steps)",
    }
    cells = [nbformat.v4.new_code_cell(text, id=name) for name, text in sources.items()]
    path = folder / "navegador.ipynb"
    kernel = nbformat.read(NOTEBOOK, as_version=4).metadata
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    run_all(page, f"{lab}/lab/tree/{path.name}?reset")
    page.get_by_role("button", name="Medir").click()
    page.get_by_text("Medido.", exact=True).wait_for(timeout=300_000)
    page.evaluate(SCROLL_TO, "leer")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    told = page.get_by_text("CPU (navegador)")
    told.wait_for()
    assert re.search(r"'Navegador, WASM': \d+.*Device\(.*\{16: 0\.\d+\}", told.inner_text())


@pytest.mark.slow
def test_jupyterlab_speaks_spanish(browser: "Browser", lab: str) -> None:
    page = browser.new_page()
    page.goto(f"{lab}/lab?reset")
    page.get_by_role("menuitem", name="Archivo", exact=True).click()
    page.get_by_text("Nuevo", exact=True).wait_for()


@pytest.mark.slow
def test_the_fourth_measures_every_lever_and_runs_the_race(ran: Callable[[int], Run]) -> None:
    run = ran(4)
    texts = "".join(map(run.text, run.cells))
    levers = 6 if "la palanca se salta" in run.text("bits") else 7
    assert len(re.findall(r": \d+\.\d\d× \(de \d+\.\d\d× a \d+\.\d\d×\)", texts)) == levers


@pytest.mark.slow
def test_the_fifth_trains_with_two_processes_and_leaves_its_record(
    ran: Callable[[int], Run],
) -> None:
    run = ran(5)
    assert run.text("entrenar").count("Época 1/1: ") == 1
    [record], rejected = files.load_folder(run.results)
    assert rejected == []
    assert record.status == "ok"
    assert record.name.endswith(" · CPU · 2 procesos")
    assert record.data.training_images == 900
    assert record.network.weights == weights()


@pytest.mark.slow
def test_the_sixth_keeps_its_network_and_prices_every_answer(ran: Callable[[int], Run]) -> None:
    run = ran(6)
    assert "Números comparados: 100\xa0000\nIguales hasta el último bit: sí\n" in run.text("cargar")
    [table] = [each.data["text/html"] for each in run.cells["memoria"].outputs if "data" in each]
    peaks = [int(peak) for peak in re.findall(r">\d+</th><td>(\d+)</td>", table)]
    assert len(peaks) == 4
    assert 100 < peaks[0] <= peaks[-1] - 100  # la salida de la primera convolución, al menos


def fifth_predicts(per_image: float, crowded: float, shown: list[str]) -> Cells:
    """El modelo del cuaderno 04, con lo que se mediría en un equipo inventado de dos núcleos.

    Args:
        per_image: segundos de las cuentas de cada imagen; además, hay 2.5 ms fijos.
        crowded: veces que tardan las cuentas con varios procesos a la vez, turnos aparte.
        shown: donde se anotan los textos alternativos de los gráficos.
    """
    compute, link = scaling.Compute(2.5e-3, per_image), scaling.Link(5e-4, 2e-9)
    sums = {size: scaling.all_reduce_seconds(2, 4 * size, link) for size in (1, 421_642)}
    runs, speeds = {}, {}
    for number in (1, 2, 4):
        slower = 1 if number == 1 else crowded * max(1, number / 2)
        real = scaling.Compute(*(slower * value for value in compute))
        sizes = (2, 8, 32, 64, 128) if number == 1 else (128 // number,)
        counted = {size: real.fixed_seconds + real.seconds_per_image * size for size in sizes}
        start = SimpleNamespace(all_reduce_seconds=sums, compute_seconds=counted)
        runs[number] = SimpleNamespace(start=start)
        speeds[number] = 128 / scaling.step_seconds(number, 128, 4 * 421_642, real, link)
    notebook = Cells(BY_NUMBER[5])
    notebook.names |= {
        "config": SimpleNamespace(workers=2, batch_size=128),
        "model": SimpleNamespace(count_params=lambda: 421_642),
        "Table": Table,
        "charts": cluster,
        "show": lambda figure, alt: shown.append(alt),
        "written": written,
        "images": 12_800,
        "places": 2,
    }
    notebook.names |= {"runs": runs, "speeds": speeds, "whole_speed": 2 * speeds[1]}
    notebook.names["whole_step"] = runs[1].start.compute_seconds
    notebook.run("ajustar", "ajustado", "medido", "errores", "estorbo")
    notebook.run("predecir", "contar-prediccion", "fijo", "crece", "otros-supuestos")
    return notebook


def test_the_fifth_does_not_take_the_crowd_for_a_fixed_cost() -> None:
    notebook = fifth_predicts(per_image=3e-4, crowded=1.25, shown=[])
    assert notebook.names["rows"][1:] == [
        ("1", "3130", "3130", "+0\xa0%"),
        ("2", "4064", "4909", "+21\xa0%"),
        ("4", "3341", "3968", "+19\xa0%"),
    ]


def test_the_answer_of_the_fifth_changes_with_what_is_measured() -> None:
    slow: list[str] = []
    fast: list[str] = []
    fifth_predicts(per_image=3e-4, crowded=1, shown=slow)
    fifth_predicts(per_image=3e-5, crowded=1, shown=fast)
    assert ["no compensa" in shown[1] for shown in (slow, fast)] == [False, True]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Los textos alternativos de los gráficos que se van enseñando."""
    texts = []
    monkeypatch.setattr(style, "show", lambda figure, alt: texts.append(alt))
    return texts


def compare(**parameters: object) -> None:
    """Ejecuta aquí el cuaderno 03 entero."""
    notebook = Cells(BY_NUMBER[3], **parameters)
    notebook.run(*list(notebook.sources)[1:])


@pytest.mark.parametrize(("count", "charts"), [(0, 0), (1, 2), (2, 3), (42, 4)])
def test_comparing_any_number_of_records(
    tmp_path: Path,
    shown: list[str],
    capsys: pytest.CaptureFixture[str],
    count: int,
    charts: int,
) -> None:
    make_records(tmp_path, count)
    (tmp_path / "roto.json").write_text("{")
    compare(results_dir=str(tmp_path))
    told = capsys.readouterr().out
    assert f"Registros leídos: {count}; cuentan {count}\n" in told
    assert "No se usa roto.json: no es JSON válido\n" in told
    assert ("ejecuta «python fashion_mnist_cnn.py»" in told) == (count == 0)
    assert len(shown) == charts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metric", "rápido"),
        ("baseline", "a/b"),
        ("baseline", "No está"),
        ("results_dir", "/no/existe"),
    ],
)
def test_comparing_refuses_bad_values(tmp_path: Path, name: str, value: str) -> None:
    make_records(tmp_path, 1)
    with pytest.raises(TutorialError, match=f"^{name}='{value}' no es válido: "):
        compare(**{"results_dir": str(tmp_path), name: value})


def nbval(path: Path, *options: str | Path) -> subprocess.CompletedProcess:
    """Ejecuta un cuaderno y compara lo que sale con lo que tiene guardado."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", *options, "-p", "no:cacheprovider", "-q", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(),
    )


@pytest.mark.slow
@pytest.mark.usefixtures("committed_results")
def test_nbval_strictly_proves_the_committed_comparison() -> None:
    done = nbval(BY_NUMBER[3])
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_nbval_finds_a_false_output(tmp_path: Path) -> None:
    told = "Imágenes: 54000 para entrenar, 6000 para validar"
    false = nbformat.v4.new_output("stream", name="stdout", text=told.replace("6000", "6001"))
    cells = [
        nbformat.v4.new_code_cell("two = 1 + 1", execution_count=1),
        nbformat.v4.new_code_cell(f"print('{told}')", execution_count=2, outputs=[false]),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=nbformat.read(NOTEBOOK, 4).metadata)
    nbformat.write(notebook, tmp_path / "falso.ipynb")
    done = nbval(tmp_path / "falso.ipynb", "--nbval-sanitize-with", SANITIZE)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout


@each_notebook
def test_the_committed_one_is_executed_small_and_clean(number: int) -> None:
    path = BY_NUMBER[number]
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [c.id for c in code if len(list(filter(None, c.source.splitlines()))) > 20] == []
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info
    assert all(set(cell.metadata) <= {"jupyter", "tags"} for cell in notebook.cells)
    assert path.stat().st_size < 1_000_000
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert all(cell.execution_count for cell in code)
    assert outputs
    program, _ = ScriptExporter().from_filename(str(path))
    compile(program, path.name, "exec")


def test_a_notebook_is_executed_and_kept_without_what_changes_from_one_machine_to_another(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), path)
    execute(path)
    made = nbformat.read(path, as_version=4)
    assert made.cells[0].outputs[0].data["text/plain"] == "2"
    assert made.metadata == nbformat.read(NOTEBOOK, as_version=4).metadata


def test_what_is_committed_does_not_tell_who_made_it() -> None:
    """Ni carpetas personales, en lo que enseñan los cuadernos, ni el nombre del equipo."""
    for path in [*NOTEBOOKS, *(ROOT / "results").glob("*.json")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|Users|root)/|[A-Z]:\\+Users", text), path
        assert str(Path.home()) not in text or len(Path.home().parts) < 3, path
    with PIL.Image.open(ROOT / "results" / "resultados.png") as chart:
        assert set(chart.info) <= {"Description", "Software", "dpi"}


def committed_text(number: int, cell: str) -> str:
    """Lo que escribió una celda del cuaderno confirmado."""
    cells = nbformat.read(BY_NUMBER[number], as_version=4).cells
    [outputs] = [other.outputs for other in cells if other.id == cell]
    return "".join(output.get("text", "") for output in outputs)


def test_the_committed_first_is_a_full_default_run_that_learns() -> None:
    epochs = lesson.defaults(nbformat.read(NOTEBOOK, as_version=4))["epochs"][0]
    assert re.search(rf"^Época {epochs}/{epochs}: ", committed_text(1, "entrenar"), re.MULTILINE)
    accuracy, *_ = committed_text(1, "nota").splitlines()
    assert float(accuracy.split()[-1]) >= 0.915


def test_the_committed_race_reaches_its_goal() -> None:
    runs = committed_text(4, "carrera").splitlines()
    assert len(runs) == 10
    assert sum(float(line.split()[-1]) for line in runs) / 10 >= 0.92
