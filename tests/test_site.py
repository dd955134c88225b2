"""El curso como sitio web: se construye una vez y se mira entero."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import NOTEBOOKS, ROOT, SCREENSHOTS, SOLUTIONS, child_environment, serious

from fashion_bench.compare import files
from fashion_bench.figures import MIME
from fashion_bench.install import repository

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

EXECUTED = [path.relative_to(ROOT).with_suffix("").as_posix() for path in NOTEBOOKS + SOLUTIONS]
WRITTEN = [path.stem for path in (ROOT / "site").glob("*.md")]
PAGES = [*WRITTEN, "search", "notebooks/glosario", "notebooks/hoja_de_repaso", *EXECUTED]
MOST_BYTES = 2_000_000
"""Todo lo que un navegador pide para una página, sin comprimir: ella, sus imágenes y el tema."""
SECONDS = 60
"""Lo que puede tardar en construirse."""


class Quiet(SimpleHTTPRequestHandler):
    """Sirve archivos sin decirlo."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web").resolve() / "sitio"
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "website.py", folder],
        cwd=ROOT, env=child_environment(), capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{folder / 'index.html'}\n", "")
    assert perf_counter() - start < SECONDS
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def parse(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_every_page_is_there_and_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: parse(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    names = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    assert names == set(PAGES)
    anchors = {path: {tag["id"] for tag in page.select("[id]")} for path, page in pages.items()}
    for path, page in pages.items():
        told = [tag.get("href") or tag.get("src") for tag in page.select("[href], [src]")]
        for link in told:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                assert parts.scheme in ("https", "data"), (path, link)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file() and target.is_relative_to(site), (path, link)
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in anchors[target], (path, link)


@pytest.mark.parametrize("name", EXECUTED)
def test_a_notebook_is_whole(site: Path, name: str) -> None:
    """Con sus gráficos descritos, sus respuestas plegadas y sin lo que es para programas."""
    source = ROOT / f"{name}.ipynb"
    cells = nbformat.read(source, as_version=4).cells
    page = parse(site / f"{name}.html")
    alts = [
        output.metadata["image/png"]["alt"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert [image["alt"] for image in page.select("main img.grafico")] == alts
    assert len(page.select("main article img")) == len(alts)
    text = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
    folded = sum("hide-input" in cell.metadata.get("tags", []) for cell in cells)
    assert len(page.select("article details")) == text.count("<details") + folded
    assert MIME not in page.text and "machine_key" not in page.text
    copy = (site / "_sources" / f"{name}.ipynb").read_bytes()
    assert copy == source.read_bytes()
    links = [link["href"] for link in page.select("a[href]")]
    for place in ("colab.research.google.com/github", "mybinder.org/v2/gh"):
        [link] = [link for link in links if link.startswith(f"https://{place}/")]
        assert repository().removeprefix("https://github.com/") in link
        assert link.endswith(f"/{name}.ipynb")


def test_the_board_tells_every_record_once(site: Path) -> None:
    records, _ = files.load_folder(ROOT / "results")
    rows = parse(site / "tablero.html").select("#tablero tbody tr")
    links = {link["href"]: link.parent for row in rows for link in row.select("li a")}
    assert sorted(links) == sorted(f"results/{record.run_id}.json" for record in records)
    assert sum(len(row.select("li a")) for row in rows) == len(records)
    for record in records:
        shown = links[f"results/{record.run_id}.json"]
        assert (record.flaw or ": cuenta") in shown.text
        counts = shown.find_parent("details").summary.text
        assert counts.startswith("No" if record.flaw else "Sí")
    predicted = [row for row in rows if not row.select("li a")]
    told = parse(site / "tablero.html").select_one("img.grafico")["alt"]
    assert told.startswith("Segundos por época") and " Predichos: " in told
    assert predicted
    for row in predicted:
        assert row.summary.text == "Predicción"
        assert row.select_one("a[href^='https://']")


def test_a_record_is_published_as_it_was_read_and_no_link_is_followed(
    site: Path, tmp_path: Path
) -> None:
    for record in files.load_folder(ROOT / "results")[0]:
        copy = (site / "results" / f"{record.run_id}.json").read_text(encoding="utf-8")
        assert copy == files.stored(record)
    sys.path.insert(0, str(ROOT / "tools"))
    import website

    website.refuse_links(tmp_path)
    (tmp_path / "dentro").mkdir()
    for target in ("../.git/config", "no-existe"):
        (tmp_path / "dentro" / "X.json").symlink_to(target)
        with pytest.raises(SystemExit, match="quita"):
            website.refuse_links(tmp_path)
        (tmp_path / "dentro" / "X.json").unlink()


def opened(browser: "Browser", address: str, name: str, width: int, theme: str) -> "Page":
    """Abre una página, comprueba lo que pide y cuánto pesa, y que no se queja."""
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    asked, complaints = [], []
    page.on("requestfinished", lambda request: asked.append(request))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.extend([said.text] * (said.type == "error")))
    page.goto(f"{address}{name}", wait_until="networkidle")
    assert [each.url for each in asked if not each.url.startswith((address, "data:"))] == []
    assert complaints == []
    assert sum(each.sizes()["responseBodySize"] for each in asked) < MOST_BYTES
    assert page.evaluate("document.documentElement.lang") == "es"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    return page


@pytest.mark.parametrize(
    ("name", "theme"),
    [
        *((name, "light") for name in PAGES if "soluciones" not in name),
        ("index", "dark"),
        ("tablero", "dark"),
        (EXECUTED[0], "dark"),
    ],
)
def test_on_a_phone_it_fits_and_nobody_is_left_out(
    browser: "Browser", address: str, name: str, theme: str
) -> None:
    """Lo que axe-core llama grave o crítico, lo que no cabe, lo que pesa y lo que se pide fuera."""
    if not find_spec("axe_playwright_python"):
        pytest.skip("hace falta axe-playwright-python, que trae axe-core")
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page = opened(browser, address, f"{name}.html", 390, theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    page.screenshot(path=SCREENSHOTS / f"sitio-{name.replace('/', '-')}-{theme}.png")
    page.evaluate("document.querySelectorAll('article details').forEach(each => each.open = true)")
    page.evaluate(  # lo plegado aparece poco a poco: hasta que acaba, no se ve con su color
        "Promise.all(document.getAnimations().map(each => each.finished)).then(() => null)"
    )
    assert page.evaluate(
        """[...document.querySelectorAll('img.grafico')].map(getComputedStyle).every(
        style => style.filter === 'none' && style.backgroundColor === 'rgb(255, 255, 255)')"""
    )
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert serious(found) == []
    page.context.close()


def test_searching_finds(browser: "Browser", address: str) -> None:
    page = opened(browser, address, "search.html?q=convoluciones", 1280, "light")
    results = page.locator("#search-results li a")
    results.first.wait_for()
    found = [result.get_attribute("href") for result in results.all()]
    assert any("02_por_que_gana_la_gpu" in link for link in found)
    page.context.close()


def test_the_board_is_sorted_and_filtered_without_a_server(browser: "Browser", site: Path) -> None:
    """Abierta desde el disco, donde un navegador no deja importar módulos."""
    page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
    page.goto((site / "tablero.html").as_uri())
    rows = page.locator("#tablero tbody tr")

    def column(number: int) -> list[str]:
        return [row.locator("th, td").nth(number).inner_text() for row in rows.all()]

    total = len(parse(site / "tablero.html").select("#tablero tbody tr"))
    assert set(column(13)) == {"128"} and set(column(14)) == {"float32"}
    for choice in ("Lote", "Precisión"):
        page.get_by_label(choice, exact=True).select_option("")
    assert rows.count() == total
    seconds = [float(text) for text in column(2)]
    assert seconds == sorted(seconds)
    page.locator("#tablero thead th").nth(2).click()
    assert [float(text) for text in column(2)] == sorted(seconds, reverse=True)
    page.get_by_label("¿Cuenta?", exact=True).select_option("Predicción")
    assert 0 < rows.count() < total
    assert all(text.startswith("Predicción") for text in column(1))
    page.get_by_label("Buscar:").fill("zzz")
    assert rows.inner_text() == "Ninguna fila cumple todo lo que has elegido."
    page.context.close()
