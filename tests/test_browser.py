"""El informe y la comparación, en un Chromium de verdad, como los ve cualquiera."""

from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from conftest import NOTEBOOK, ROOT, SCREENSHOTS, serious

from fashion_bench.script import page as comparison_page
from fashion_bench.script import report

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.slow
def test_the_report_opens_without_a_network(browser: "Browser", tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    html, _ = report.write(notebook, tmp_path / "ejecutado.ipynb")
    page = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}).new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(html.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert page.evaluate("document.documentElement.lang") == "es"
    charts = len([output for output in outputs if "image/png" in output.get("data", {})])
    places = (".resumen", "#graficos img >> nth=0")
    card, chart = (page.locator(place).bounding_box() for place in places)
    assert card["y"] + card["height"] < chart["y"] < chart["y"] + chart["height"] < 900
    assert page.locator("img").count() == charts > 0
    assert page.evaluate(
        "[...document.images].every(image => image.naturalWidth && image.alt.length > 10)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    code = page.locator(".jp-InputArea-editor:visible")
    assert code.count() == 0
    page.screenshot(path=SCREENSHOTS / "informe.png")
    page.get_by_text("La lección entera").click()
    page.get_by_label("Mostrar el código").check()
    assert code.count() > 20
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["informe", "comparacion"])
def test_on_a_phone_it_fits_and_nobody_is_left_out(
    browser: "Browser", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Lo que axe-core llama grave o crítico, y lo que no cabe a lo ancho."""
    if not find_spec("axe_playwright_python"):
        pytest.skip("hace falta axe-playwright-python, que trae axe-core")
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    if name == "informe":
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        html, _ = report.write(notebook, tmp_path / "informe.ipynb")
    else:
        monkeypatch.chdir(tmp_path)
        html = comparison_page.compare(ROOT / "results")
    page = browser.new_context(offline=True, viewport={"width": 390, "height": 844}).new_page()
    page.goto(html.as_uri())
    page.screenshot(path=SCREENSHOTS / f"{name}-movil.png")
    if name == "informe":
        page.get_by_text("La lección entera").click()
        page.get_by_label("Mostrar el código").check()
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert serious(found) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
