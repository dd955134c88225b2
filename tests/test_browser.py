"""El informe que deja el script, como lo abre una persona: en un Chromium de verdad."""

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from conftest import NOTEBOOK, SCREENSHOTS

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
    assert page.locator("img").count() == charts > 0
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
