"""Los enlaces de las páginas y de los cuadernos, sin conexión."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mistune
import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import NOTEBOOKS, ROOT, SOLUTIONS

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.md")),
    *sorted((ROOT / "site").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    *NOTEBOOKS,
    *SOLUTIONS,
]


@cache
def markdown(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    cells = nbformat.read(page, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def parse(page: Path) -> BeautifulSoup:
    return BeautifulSoup(mistune.html(markdown(page)), "html.parser")


def anchors(page: Path) -> set[str]:
    """Las anclas que GitHub, o JupyterLab en un cuaderno, pone a los títulos de `page`."""
    titles = [title.get_text() for title in parse(page).find_all(re.compile("^h[1-6]$"))]
    if page.suffix == ".ipynb":
        return {title.replace(" ", "-") for title in titles}
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    tags = parse(page).find_all(["a", "img"])
    for link in [tag.get("href") or tag.get("src") for tag in tags]:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            assert parts.scheme == "https", link
            assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.netloc), link
            assert not re.search(r"\s", link), link
        else:
            target = (page.parent / unquote(parts.path)) if parts.path else page
            assert target.exists(), link
            assert not parts.fragment or unquote(parts.fragment) in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_are_not_left_unfinished(page: Path) -> None:
    visible = parse(page)
    for code in visible.find_all(["code", "pre"]):
        code.decompose()
    assert not re.search(r"\]\(|\]\[|https?://", visible.get_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_only_named_exist(page: Path) -> None:
    folders = "notebooks|src|results|benchmarks|tools|tests"
    for name in re.findall(rf"`((?:{folders})/[^`*<]*)`", markdown(page)):
        assert (ROOT / name).exists(), name
