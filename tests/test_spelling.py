"""La ortografía de todo lo que se lee: páginas, cuadernos, comentarios y mensajes."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT, SOLUTIONS

SPELLING = ROOT / "tests" / "spelling.yml"
WORDS = ROOT / "tests" / "palabras.txt"
DRAFTS = ROOT / "runs" / "ortografia"
"""Los cuadernos, en archivos que pyspelling sabe leer."""


@pytest.mark.slow
def test_nothing_is_misspelled() -> None:
    hunspell = shutil.which("hunspell")
    if not hunspell or subprocess.run([hunspell, "-l", "-d", "es_ES"], input=b"").returncode:
        pytest.skip("falta hunspell con su diccionario de español: apt install hunspell-es")
    DRAFTS.mkdir(parents=True, exist_ok=True)
    for path in [*NOTEBOOKS, *SOLUTIONS]:
        cells = nbformat.read(path, as_version=4).cells
        for kind, suffix in (("markdown", ".md"), ("code", ".py")):
            text = "\n\n".join(cell.source for cell in cells if cell.cell_type == kind)
            text = re.sub(r"</?(details|summary)>", "\n", text)  # o no se vería qué es código
            (DRAFTS / f"{path.parent.name}-{path.stem}{suffix}").write_text(
                text + "\n", encoding="utf-8"
            )
    done = subprocess.run(
        [sys.executable, "-m", "pyspelling", "--config", SPELLING],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_word_list_is_sorted_and_has_no_repeated_words() -> None:
    words = WORDS.read_text(encoding="utf-8").split()
    assert words == sorted(set(words))
