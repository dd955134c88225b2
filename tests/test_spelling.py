"""La ortografía de todo lo que se lee: páginas, cuadernos, comentarios y mensajes."""

import re
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Iterator

import nbformat
import pyspelling
import pytest
from conftest import NOTEBOOKS, ROOT, SOLUTIONS

SPELLING = ROOT / "tests" / "spelling.yml"
WORDS = ROOT / "tests" / "palabras.txt"
DRAFTS = ROOT / "runs" / "ortografia"
"""Los cuadernos, en archivos que pyspelling sabe leer."""

SPANISH = ("hunspell", "-l", "-d", "es_ES")


@pytest.fixture
def unknown_words() -> Iterator[Callable]:
    """Lo que hace `call_spellchecker`, de pyspelling, con un solo `hunspell` para todo.

    El suyo arranca otro con cada comentario y cada cadena: miles, y leer el diccionario es casi
    todo lo que tardan.
    """
    if not shutil.which("hunspell") or subprocess.run(SPANISH, input=b"").returncode:
        pytest.skip("falta hunspell con su diccionario de español: apt install hunspell-es")
    running: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def unknown(command: list[str], input_text: bytes, encoding: str) -> str:
        """Devuelve las palabras que no están en el diccionario, una por línea."""
        # Con `-a` responde a cada línea y espera la siguiente.
        words = tuple("-a" if word == "-l" else word for word in command)
        if words not in running:
            running[words] = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1, encoding=encoding
            )
            running[words].stdout.readline()  # su versión
            running[words].stdin.write("!\n")  # que calle lo que está bien
        process, found = running[words], []
        for line in textwrap.wrap(input_text.decode(encoding), 4000, break_on_hyphens=False):
            process.stdin.write(f"^{line}\n")
            found += [answer.split()[1] for answer in iter(process.stdout.readline, "\n")]
        return "\n".join(found)

    yield unknown
    for process in running.values():
        process.communicate()


@pytest.mark.slow
def test_nothing_is_misspelled(unknown_words: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    DRAFTS.mkdir(parents=True, exist_ok=True)
    for path in [*NOTEBOOKS, *SOLUTIONS]:
        cells = nbformat.read(path, as_version=4).cells
        for kind, suffix in (("markdown", ".md"), ("code", ".py")):
            text = "\n\n".join(cell.source for cell in cells if cell.cell_type == kind)
            text = re.sub(r"</?(details|summary)>", "\n", text)  # o no se vería qué es código
            (DRAFTS / f"{path.parent.name}-{path.stem}{suffix}").write_text(
                text + "\n", encoding="utf-8"
            )
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(pyspelling.util, "call_spellchecker", unknown_words)
    read = list(pyspelling.spellcheck(SPELLING))
    assert len(read) > 2000
    wrong = [
        f"{text.context}: {text.error or ', '.join(text.words)}"
        for text in read
        if text.words or text.error
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_a_misspelled_word_is_found_wherever_it_is(unknown_words: Callable) -> None:
    text = "Una palavra mal\nescrita, y otra mas allá: «efficiencia» (y la palavra, otra vez)"
    text += ", texto" * 2000 + ", final"
    found = ["palavra", "efficiencia", "palavra"]
    for _ in range(2):
        assert unknown_words(SPANISH, text.encode(), "utf-8").split() == found
        assert unknown_words(SPANISH, b"Bien escrita", "utf-8") == ""


def test_the_word_list_is_sorted_and_has_no_repeated_words() -> None:
    words = WORDS.read_text(encoding="utf-8").split()
    assert words == sorted(set(words))
