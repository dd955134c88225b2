"""El curso como sitio web: se construye una vez y se mira entero."""

import csv
import json
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
from fashion_bench.install import address as address_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

EXECUTED = [path.relative_to(ROOT).with_suffix("").as_posix() for path in NOTEBOOKS + SOLUTIONS]
WRITTEN = [path.stem for path in (ROOT / "site").glob("*.md")]
COPIED = ["benchmarks", "cambios", "notebooks/glosario", "notebooks/hoja_de_repaso"]
PAGES = [*WRITTEN, *COPIED, "search", *EXECUTED]
RECORDS, _ = files.load_folder(ROOT / "results")
CARDS = [f"registro/{record.run_id}" for record in RECORDS]
PUBLISHED = {
    "Repository": "https://github.com/alguien/curso",
    "Documentation": "https://alguien.github.io/curso",
}
BUILD = f"""
import sys
from email.message import Message
from pathlib import Path

sys.path.insert(0, {str(ROOT / "tools")!r})
import website
from fashion_bench import install

told = Message()
for of, address in {{addresses!r}}.items():
    told["Project-URL"] = f"{{{{of}}}}, {{{{address}}}}"
install.metadata = lambda name: told
website.build(Path(sys.argv[1]))
"""
"""Construye el sitio con otras direcciones."""
MOST_BYTES = 2_000_000
"""Todo lo que un navegador pide para una página, sin comprimir: ella, sus imágenes y el tema."""
SECONDS = 40
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
def states(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """El sitio con la dirección del proyecto puesta y sin ella: uno de los dos es el de verdad."""
    other = tmp_path_factory.mktemp("otra").resolve() / "sitio"
    published = bool(address_of("Repository"))
    addresses = dict.fromkeys(PUBLISHED, "https://aun.example/nada") if published else PUBLISHED
    subprocess.run(
        [sys.executable, "-c", BUILD.format(addresses=addresses), other],
        cwd=ROOT, env=child_environment(), check=True,
    )  # fmt: skip
    return {published: site, not published: other}


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
    assert names == {*PAGES, *CARDS}
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
    assert all(image.parent["href"] == image["src"] for image in page.select("img.grafico"))
    text = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
    folded = sum("hide-input" in cell.metadata.get("tags", []) for cell in cells)
    assert len(page.select("article details")) == text.count("<details") + folded
    assert MIME not in page.text and "machine_key" not in page.text
    copy = (site / "_sources" / f"{name}.ipynb").read_bytes()
    assert copy == source.read_bytes()


@pytest.mark.parametrize("published", [True, False])
def test_what_needs_an_address_is_only_there_when_there_is_one(
    states: dict[bool, Path], published: bool
) -> None:
    site, told = states[published], {of: address_of(of) or PUBLISHED[of] for of in PUBLISHED}
    repository = told["Repository"]
    for name in PAGES:
        page = parse(site / f"{name}.html")
        links = [tag["href"] for tag in page.select("a[href]")]
        assert all(".example" not in link for link in links)
        canonical = [tag["href"] for tag in page.select("link[rel=canonical]")]
        pictures = [tag["content"] for tag in page.select("meta[property='og:image']")]
        edited = [link for link in links if link.startswith(f"{repository}/edit/main/")]
        issues = [link for link in links if link.startswith(f"{repository}/issues/new")]
        rockets = [link for link in links if "colab.research.google.com/github" in link]
        rockets += [link for link in links if "mybinder.org/v2/gh" in link]
        if not published:
            assert canonical + pictures + edited + issues + rockets == [], name
            continue
        assert canonical == [f"{told['Documentation']}/{name}.html"]
        [picture] = pictures
        assert (site / picture.removeprefix(f"{told['Documentation']}/")).is_file()
        assert len(issues) == 1, name
        assert len(edited) == (name != "search")
        assert all((ROOT / link.split("/edit/main/")[1]).is_file() for link in edited)
        assert len(rockets) == 2 * (name in EXECUTED)
        assert all(repository.removeprefix("https://github.com/") in link for link in rockets)
    extras = [(site / name).is_file() for name in ("sitemap.xml", "robots.txt")]
    assert extras == [published, published]
    assert bool(parse(site / "404.html").select("base")) == published
    if published:
        listed = BeautifulSoup((site / "sitemap.xml").read_text("utf-8"), "html.parser")
        found = {tag.text.removeprefix(f"{told['Documentation']}/") for tag in listed.select("loc")}
        assert found == {f"{name}.html" for name in (*PAGES, *CARDS) if name != "404"}


@pytest.mark.parametrize("name", [*WRITTEN, *COPIED, *EXECUTED, CARDS[0]])
def test_a_page_says_what_it_is(site: Path, name: str) -> None:
    page = parse(site / f"{name}.html")
    [title] = page.select("article h1")
    assert page.title.text.startswith(title.find(string=True).strip())
    [description] = page.select("meta[name=description]")
    assert 20 < len(description["content"]) <= 200
    assert "Show code" not in page.text


def test_the_words_of_the_glossary_are_linked_from_their_first_use(site: Path) -> None:
    words = {tag["id"]: tag for tag in parse(site / "notebooks" / "glosario.html").select("li[id]")}
    assert len(words) > 100
    for name in EXECUTED:
        page = parse(site / f"{name}.html")
        links = [tag["href"].partition("#")[2] for tag in page.select("a.palabra")]
        assert len(links) == len(set(links))
        for link in links:
            assert f"{Path(name).name}.html" in str(words[link].a["href"])


def test_the_board_tells_every_record_once(site: Path) -> None:
    page = parse(site / "tablero.html")
    rows = page.select("#tablero tbody tr")
    links = {link["href"]: link.parent for row in rows for link in row.select("li a")}
    assert sorted(links) == sorted(f"registro/{record.run_id}.html" for record in RECORDS)
    assert sum(len(row.select("li a")) for row in rows) == len(RECORDS)
    for record in RECORDS:
        shown = links[f"registro/{record.run_id}.html"]
        assert (record.flaw or ": cuenta") in shown.text
        counts = shown.find_parent("details").summary.text
        assert counts.startswith("No" if record.flaw else "Sí")
        card = parse(site / "registro" / f"{record.run_id}.html")
        assert record.name == card.select_one("article h1").text
        verdict = card.select_one(".dato span").text
        assert verdict == (f"No cuenta: {record.flaw}" if record.flaw else "Cuenta")
        assert card.select(f"a[href='../results/{record.run_id}.json']")
    predicted = [row for row in rows if not row.select("li a")]
    told = page.select_one("img.grafico")["alt"]
    assert told.startswith("Segundos por época") and " Predichos: " in told
    assert predicted
    for row in predicted:
        assert row.summary.text == "Predicción"
        assert row.select_one("a[href^='https://']")
    assert len({row.th.text for row in rows if row not in predicted}) == len(rows) - len(predicted)
    columns = zip(*(row.select("td") for row in rows), strict=True)
    assert all(any(cell.text != "-" for cell in column) for column in columns)


def test_the_board_is_also_two_files(site: Path) -> None:
    told = json.loads((site / "tablero.json").read_text(encoding="utf-8"))
    with (site / "tablero.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    shown = parse(site / "tablero.html").select("#tablero tbody tr")
    assert [row["equipo"] for row in told] == [line["equipo"] for line in lines]
    assert [row["equipo"] for row in told] == [row.th["data-order"] for row in shown]
    assert [f"{row['segundos']:.2f}" for row in told] == [row.td.text for row in shown]
    assert [" ".join(row["registros"]) for row in told] == [line["registros"] for line in lines]


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


def assert_nobody_is_left_out(page: "Page") -> None:
    """Comprueba que axe-core no encuentra nada grave ni crítico."""
    if not find_spec("axe_playwright_python"):
        pytest.skip("hace falta axe-playwright-python, que trae axe-core")
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(axe)
    assert serious(page.evaluate("axe.run({resultTypes: ['violations']})")) == []


@pytest.mark.parametrize(
    ("name", "theme"),
    [
        *((name, "light") for name in (*PAGES, CARDS[0]) if "soluciones/" not in name),
        (CARDS[0], "dark"),
        ("index", "dark"),
        ("tablero", "dark"),
        (EXECUTED[0], "dark"),
    ],
)
def test_on_a_phone_it_fits_and_nobody_is_left_out(
    browser: "Browser", address: str, name: str, theme: str
) -> None:
    """Lo que axe-core llama grave o crítico, lo que no cabe, lo que pesa y lo que se pide fuera."""
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
    assert_nobody_is_left_out(page)
    page.context.close()


@pytest.mark.parametrize("name", [*PAGES, CARDS[0]])
def test_on_a_desktop_nothing_is_cut(browser: "Browser", address: str, name: str) -> None:
    """Ni el código, ni un resultado, ni el nombre del curso encima del índice."""
    page = opened(browser, address, f"{name}.html", 1440, "light")
    cut = page.evaluate(
        """[...document.querySelectorAll('article pre')]
        .filter(pre => pre.clientWidth && pre.scrollWidth > pre.clientWidth + 1)
        .map(pre => pre.innerText)"""
    )
    assert cut == []
    assert page.evaluate("document.querySelector('.bd-sidebar-primary').scrollTop") == 0
    page.set_viewport_size({"width": 1024, "height": 768})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    if "/" not in name:  # el índice, que un teléfono no enseña, es el mismo en todas
        assert_nobody_is_left_out(page)
    page.context.close()


def test_on_paper_the_answers_are_open(browser: "Browser", address: str) -> None:
    page = opened(browser, address, f"{EXECUTED[1]}.html", 1024, "light")
    answer = page.locator("article details:not(.hide) p").last
    assert not answer.is_visible()
    page.emulate_media(media="print")
    assert answer.is_visible()
    page.context.close()


def test_code_is_copied(browser: "Browser", address: str) -> None:
    page = opened(browser, address, "instalar.html", 1024, "light")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = page.locator(".highlight-bash pre").first
    page.locator(".copiar").first.click()
    page.get_by_role("button", name="Copiado").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == code.inner_text()
    page.context.close()


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("convoluciones", "notebooks/01_fashion_mnist_cnn.html"),
        ("WSL2", "instalar.html"),
        ("Metal", "instalar.html"),
        ("instalar", "instalar.html"),
        ("sesiones", "como_se_mide.html"),
        ("autotuner", "benchmarks.html"),
    ],
)
def test_searching_finds(browser: "Browser", address: str, words: str, place: str) -> None:
    page = opened(browser, address, f"search.html?q={words}", 1024, "light")
    [result] = page.locator(
        "#search-results > ul > li", has=page.locator(f"a[href*='{place}']")
    ).all()
    summary = result.locator(".context")
    summary.wait_for()
    assert "Oscuro" not in summary.inner_text()
    page.keyboard.press("Control+k")
    field, icon = (
        page.locator(".bd-search input").last,
        page.locator(".bd-search .fa-magnifying-glass"),
    )
    field.wait_for()
    assert icon.last.bounding_box()["x"] + icon.last.bounding_box()["width"] <= (
        field.bounding_box()["x"] + 12
    )
    page.context.close()


def column(page: "Page", key: str) -> list[str]:
    """Lo que se lee en las casillas de una columna del tablero."""
    place = page.locator(f"#tablero thead th[data-key={key}]").evaluate("title => title.cellIndex")
    return [row.locator("th, td").nth(place).inner_text() for row in rows_of(page)]


def rows_of(page: "Page") -> list:
    return page.locator("#tablero tbody tr").all()


def test_the_board_is_sorted_and_filtered_without_a_server(browser: "Browser", site: Path) -> None:
    """Abierta desde el disco, donde un navegador no deja importar módulos."""
    page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
    page.goto((site / "tablero.html").as_uri())
    start = page.url
    told = json.loads((site / "tablero.json").read_text(encoding="utf-8"))
    usual = [row for row in told if (row["lote"], row["precision"]) == (128, "float32")]
    assert len(rows_of(page)) == sum(row["cuenta"] == "Sí" for row in usual)
    assert {text.split(":")[0] for text in column(page, "cuenta")} == {"Sí"}
    page.get_by_label("Enseñar predicciones").check()
    assert len(rows_of(page)) == sum(row["cuenta"] != "No" for row in usual)
    page.get_by_role("button", name="Ver todo").click()
    assert len(rows_of(page)) == len(told)
    seconds = [float(text) for text in column(page, "segundos")]
    assert seconds == sorted(seconds)
    page.locator("#tablero thead th[data-key=segundos]").click()
    assert [float(text) for text in column(page, "segundos")] == sorted(seconds, reverse=True)
    page.get_by_label("Lote", exact=True).select_option("256")
    page.get_by_label("Buscar un equipo").fill("rtx")
    seen = column(page, "equipo")
    assert 0 < len(seen) < len(told) and all("RTX" in name for name in seen)
    page.reload()
    assert column(page, "equipo") == seen
    page.get_by_label("Buscar un equipo").fill("zzz")
    assert rows_of(page)[0].inner_text().startswith("Ninguna fila cumple")
    page.get_by_role("button", name="Como al principio").click()
    assert page.url == start
    page.context.close()


def test_the_board_obeys_the_keyboard_and_a_finger(browser: "Browser", address: str) -> None:
    page = opened(browser, address, "tablero.html?cuenta=&lote=&precision=", 390, "light")
    page.locator(".tablero").focus()
    for key in ("ArrowRight", "ArrowDown"):
        for _ in range(10):
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    moved = page.locator(".tablero").evaluate("board => [board.scrollLeft, board.scrollTop]")
    assert min(moved) > 100
    board = page.locator(".tablero").bounding_box()
    corner = page.locator("#tablero thead th").first.bounding_box()
    assert (corner["x"], corner["y"]) == pytest.approx((board["x"], board["y"]), abs=2)
    assert page.locator("#tablero tbody th").first.bounding_box()["x"] == corner["x"]
    assert corner["width"] < board["width"] / 2
    for target in page.locator(
        ".filtros :is(input[type=search], select, button, .interruptor)"
    ).all():
        assert target.bounding_box()["height"] >= 44
    for target in page.locator("#tablero summary, #tablero thead th").all():
        assert target.bounding_box()["height"] >= 44
    page.context.close()
