"""Toda imagen lleva su texto alternativo, para quien usa un lector de pantalla."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mistune
import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import NOTEBOOKS, ROOT, SOLUTIONS

PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md"]


def described(html: str) -> Iterator[str]:
    for image in BeautifulSoup(html, "html.parser").find_all("img"):
        yield str(image.get("alt", ""))


def in_notebook(path: Path) -> Iterator[str]:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            yield from described(mistune.html(cell.source))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield from described(data.get("text/html", ""))
            for kind in data:
                if kind.startswith("image/"):
                    yield output.metadata.get(kind, {}).get("alt", "")


@pytest.mark.parametrize(
    "path", [*PAGES, *NOTEBOOKS, *SOLUTIONS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_image_says_what_is_seen_in_it(path: Path) -> None:
    if path.suffix == ".ipynb":
        texts = list(in_notebook(path))
    else:
        texts = list(described(mistune.html(path.read_text(encoding="utf-8"))))
    assert texts or path in SOLUTIONS
    assert not [text for text in texts if len(text.split()) < 5]
    assert not [text for text, times in Counter(texts).items() if times > 1]
