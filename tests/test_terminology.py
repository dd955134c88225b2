"""Una palabra para cada cosa, y cada cifra con su espacio y su signo, en todo lo que se lee."""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

import nbformat
import pytest
import yaml
from conftest import NOTEBOOKS, ROOT, SOLUTIONS

TERMS = yaml.safe_load((ROOT / "tests" / "terminos.yml").read_text(encoding="utf-8"))
CODE = re.compile(r"(?s)```.*?```|(`+).+?\1|\]\([^)]*\)|https?://[^\s)»]+|<[^>]+>|\[\*[^*]+\*")
"""Lo que en una página no es prosa: código, direcciones, marcas y títulos en otra lengua."""
SPOKEN = (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1))
PLAIN = (".yml", ".toml", ".json", ".j2", ".c")


def prose(text: str) -> str:
    """Deja de una página lo que se lee, sin mover los renglones."""
    return CODE.sub(lambda code: " … " + "\n" * code[0].count("\n"), text)


def spoken(source: str) -> str:
    """Los comentarios y los textos de un programa."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    texts = (re.sub(r"\{[^{}]*\}", "…", token.string) for token in tokens if token.type in SPOKEN)
    return "\n".join(map(prose, texts))


@cache
def pages() -> dict[str, str]:
    """La prosa de cada página y de cada celda de texto."""
    found = {}
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]:
        if path.parent.name not in ("runs", "results"):
            found[str(path.relative_to(ROOT))] = prose(path.read_text(encoding="utf-8"))
    for path, cell in cells("markdown"):
        found[f"{path}, {cell.id}"] = prose(cell.source)
    return found


@cache
def programs() -> dict[str, str]:
    """Los comentarios y los textos de cada programa y de cada celda de código."""
    found = {}
    folders = ("src", "tools", "benchmarks")
    for path in [*ROOT.glob("*.py"), *(p for each in folders for p in (ROOT / each).rglob("*.py"))]:
        found[str(path.relative_to(ROOT))] = spoken(path.read_text(encoding="utf-8"))
    for path, cell in cells("code"):
        found[f"{path}, {cell.id}"] = spoken(cell.source)
    for path in [
        *ROOT.glob("*.toml"), *ROOT.glob("*.yml"), *ROOT.glob(".github/workflows/*.yml"),
        *ROOT.glob("jupyter/*.json"), *ROOT.glob(".devcontainer/*.json"),
        *ROOT.glob("src/**/*.j2"), ROOT / "results" / "schema.json", ROOT / ".ci" / "run",
    ]:  # fmt: skip
        found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
    return found


def cells(kind: str) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    for path in [*NOTEBOOKS, *SOLUTIONS]:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == kind:
                yield str(path.relative_to(ROOT / "notebooks")), cell


def around(pattern: str, texts: dict[str, str], flags: int = 0) -> list[str]:
    """Dónde aparece un patrón, con lo que lo rodea."""
    return [
        f"{where}: …{text[max(0, found.start() - 30) : found.end() + 30]}…"
        for where, text in texts.items()
        for found in re.finditer(pattern, text, flags)
    ]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["usa"])
def test_there_is_one_word_for_one_thing(term: dict) -> None:
    assert set(term) == {"usa", "evita", "porque"}
    pattern = rf"(?<!\w)(?:{'|'.join(term['evita'])})(?!\w)"
    assert around(pattern, pages() | programs(), re.IGNORECASE) == []


UNIT = r"(?:%|[mµn]?s|[kMG]i?B(?:/s)?|[GT]FLOP/s|Gbit/s|imágenes/s)(?!\w)"


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("un espacio que se parte delante de una unidad", rf"\d {UNIT}"),
        ("una unidad pegada a su cifra", r"\d%"),
        ("millares sin espacio", r"(?<![\w.,/#-])\d{5,}(?![\w/-])"),
        ("millares con un espacio que se parte", r"(?<![\d.,])\d{1,3}(?: \d{3})+(?!\d)"),
        ("un rango con raya", r"\d ?[–—] ?\d"),
        ("un guion en vez de un menos", r"\(-\)|\b[A-Za-z] ?- ?\d|(?<=[ («])-\d"),
        ("decimales con coma", r"\b\d+,\d+\b"),
    ],
)
def test_figures_in_pages_are_written_one_way(what: str, pattern: str) -> None:
    assert around(pattern, pages()) == [], what


def test_figures_in_messages_go_through_the_function_that_writes_them() -> None:
    aligned = "src/fashion_bench/measure/progress.py"  # con anchos fijos, para la terminal
    messages = {
        where: text
        for where, text in programs().items()
        if where.startswith("src/") and where != aligned
    }
    assert around(rf"… {UNIT}", messages) == []


def test_a_text_does_not_say_what_came_out() -> None:
    """Lo escribe una celda: si se ejecuta otra vez, en otro equipo, sigue siendo verdad."""
    assert around(r"(?i)en los resultados de aquí|de estos resultados|en esta CPU,", pages()) == []
