"""Los cuadernos como los abre una persona: JupyterLab en un Chromium de verdad."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import PIL.Image
import pytest
from conftest import CHROMIUM, NOTEBOOK, RECORD, child_environment
from test_notebook import check_the_fourth

from fashion_bench import PROJECT_DIR, data, own_photo, records, report

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright no está instalado")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium no está instalado")

SCREENSHOTS = PROJECT_DIR / "runs" / "capturas"

QUICK = {
    "epochs: int = 10": "epochs: int = 1",
    "epochs: int = 5": "epochs: int = 1",
    "train_samples: int = 60000": "train_samples: int = 1000",
    'device: str = "auto"': 'device: str = "cpu"',
    "quick: bool = False": "quick: bool = True",
}


ALL_CELLS_HAVE_RUN = """() => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const code = notebook.widgets.map(cell => cell.model).filter(cell => cell.type === 'code');
    const failed = code.some(cell => cell.outputs.toJSON().some(o => o.output_type === 'error'));
    return failed || code.every(cell => cell.executionCount && cell.executionState === 'idle');
}"""
"""O una ha fallado. Se pregunta al modelo del cuaderno: lo que se ve depende del desplazamiento."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copia de los cuadernos, en pequeño y sin resultados, con su propia carpeta de registros."""
    folder = tmp_path_factory.mktemp("jupyter")
    (folder / "registros").mkdir()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for path in NOTEBOOK.parent.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        [parameters] = [cell for cell in notebook.cells if cell.id == "parameters"]
        for default, value in QUICK.items():
            parameters.source = parameters.source.replace(default, value)
        parameters.source = parameters.source.replace(
            '"../results"', repr(str(folder / "registros"))
        )
        nbformat.write(notebook, folder / path.name)
    return folder


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[str]:
    """JupyterLab en marcha; da su dirección."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}",
         "--ServerApp.port_retries=0", "--IdentityProvider.token=",
         f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"],
        env=child_environment(JUPYTER_CONFIG_DIR=str(folder / ".jupyter")),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api").close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser: object, lab: str) -> object:
    return browser.new_page(viewport={"width": 1280, "height": 800})


def run_all(page: object, lab: str, path: Path) -> list:
    """Abre un cuaderno, lo ejecuta entero con el menú, espera al final y da sus resultados."""
    page.goto(f"{lab}/lab/tree/{path.name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function("jupyterapp.shell.currentWidget.sessionContext?.session?.kernel")
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
    page.get_by_role("menuitem", name=re.compile("^(Run|Ejecutar)$")).click()
    page.locator('[data-command="runmenu:run-all"]').click()
    page.wait_for_function(ALL_CELLS_HAVE_RUN, timeout=900_000)
    wide = page.evaluate(
        "[...document.querySelectorAll('.jp-Cell')].filter(c => c.scrollWidth > c.clientWidth + 2)"
        ".length"
    )
    assert wide == 0, "hay celdas más anchas que la ventana de 1280 píxeles"
    page.screenshot(path=SCREENSHOTS / f"{path.stem}.png")
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    return saved_outputs(path)


def saved_outputs(path: Path) -> list:
    """Los resultados de un cuaderno guardado; todas sus celdas se han ejecutado y bien."""
    code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    return outputs


def charts_in(outputs: list) -> int:
    return len([output for output in outputs if "image/png" in output.get("data", {})])


def test_jupyterlab_speaks_spanish(page: object, lab: str) -> None:
    page.goto(f"{lab}/lab?reset")
    page.get_by_role("menuitem", name="Archivo", exact=True).click()
    page.get_by_text("Nuevo", exact=True).wait_for()
    page.keyboard.press("Escape")


def test_the_first_notebook_runs_whole(page: object, lab: str, folder: Path) -> None:
    outputs = run_all(page, lab, folder / NOTEBOOK.name)
    texts = "".join(output.get("text", "") for output in outputs)
    assert texts.count("Época 1/1: ") == 1
    assert "\r" not in texts
    assert "--- Entrenamiento finalizado en " in texts
    assert charts_in(outputs) == 11
    found, _ = records.load_folder(folder / "registros")
    assert [record.status for record in found] == ["ok"]


def test_a_photo_is_uploaded_with_the_button(page: object, tmp_path: Path) -> None:
    """Sigue a la anterior, con el cuaderno 01 abierto y la red entrenada."""
    PIL.Image.fromarray(own_photo.enlarge(data.load()[1][0][1]).original).save(tmp_path / "sí.png")
    (tmp_path / "no.png").write_text("hola")
    page.evaluate("""() => {
        const notebook = jupyterapp.shell.currentWidget.content;
        const index = notebook.widgets.findIndex(cell => cell.model.id === 'foto');
        notebook.activeCellIndex = index;
        return notebook.scrollToItem(index, 'start');
    }""")
    button = page.get_by_role("button", name="Subir una foto")
    for name, answer in (
        ("no.png", page.get_by_text("Esa foto no vale: no es una imagen PNG ni JPEG")),
        ("sí.png", page.locator(".jupyter-widgets img")),
    ):
        with page.expect_file_chooser() as chooser:
            button.click()
        chooser.value.set_files(tmp_path / name)
        answer.wait_for(timeout=30_000)
    page.screenshot(path=SCREENSHOTS / "foto.png")


def test_the_second_notebook_runs_whole(page: object, lab: str, folder: Path) -> None:
    (folder / "registros" / "otro.json").write_text(json.dumps(RECORD), encoding="utf-8")
    path = folder / "02_comparar_equipos.ipynb"
    assert charts_in(run_all(page, lab, path)) >= 2


def test_the_third_notebook_runs_whole(page: object, lab: str, folder: Path) -> None:
    outputs = run_all(page, lab, folder / "03_acelerar_entrenamiento.ipynb")
    assert charts_in(outputs) == 4


def test_the_fourth_notebook_runs_whole(page: object, lab: str, folder: Path) -> None:
    pytest.importorskip("ray", reason="Ray no está instalado: requirements-distributed.txt")
    path = folder / "04_varias_maquinas.ipynb"
    outputs = run_all(page, lab, path)
    texts = "".join(output.get("text", "") for output in outputs)
    assert texts.count("Época 1/1: ") == 1
    assert "--- Entrenamiento finalizado en " in texts
    check_the_fourth(path, folder / "registros")


def test_the_report_opens_without_a_network(browser: object, tmp_path: Path) -> None:
    html, _ = report.write(nbformat.read(NOTEBOOK, 4), tmp_path / "ejecutado.ipynb")
    page = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}).new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(html.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert page.evaluate("document.documentElement.lang") == "es"
    charts = page.locator("img")
    assert charts.count() == charts_in(saved_outputs(NOTEBOOK))
    assert page.evaluate(
        "[...document.images].every(image => image.naturalWidth && image.alt.length > 10)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    code = page.locator(".jp-InputArea-editor:visible")
    assert code.count() == 0
    page.screenshot(path=SCREENSHOTS / "informe.png")
    page.get_by_label("Mostrar el código").check()
    assert code.count() > 20
    page.context.close()
