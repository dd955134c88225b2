"""Los archivos y las órdenes que nombra un mensaje existen."""

import ast
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import NOTEBOOKS, ROOT, SOLUTIONS, Cells

FILE = re.compile(r"(?<![\w*/.~-])[\w./-]*\w\.(?:cfg|html|ipynb|j2|md|png|py|toml|txt|yml)\b")
MODULE = re.compile(r"python -m ([\w.]+)")
NOT_OURS = {
    ".json.txt",
    "/_static/prendas.png",
    "_static/tablero.png",
    "benchmarks.md",
    "cambios.md",
    "comentario.md",
    "comparacion.html",
    "constraints.txt",
    "fashion_bench/install.py",
    "keras.py",
    "page.html",
    "random.py",
    "robots.txt",
    "tablero.png",
    "tensorflow.py",
}
"""Los que escriben `compare`, el sitio y el juez, la plantilla de Sphinx, el final que añade
Windows, uno que se crea y se borra, uno que se busca dentro del paquete y los que un mensaje pide
renombrar."""


def tracked() -> set[str]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines())


def texts(source: str) -> list[str]:
    """Los textos de un programa; de los que se rellenan, sin lo que cambia."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.JoinedStr(values=parts):
                fixed = (part.value if isinstance(part, ast.Constant) else "…" for part in parts)
                found.append("".join(map(str, fixed)))
            case ast.Constant(value=str(text)):
                found.append(text)
    return found


def every_text() -> list[tuple[str, str]]:
    """De cada texto que puede leer alguien, dónde está y qué dice."""
    programs = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tools").glob("*.py"), *ROOT.glob("*.py")]
    sources = [(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in programs]
    for notebook in [*NOTEBOOKS, *SOLUTIONS]:
        sources += [
            (f"{notebook.name}, {cell}", code) for cell, code in Cells(notebook).sources.items()
        ]
    return [(where, text) for where, source in sources for text in texts(source)]


EVERY_TEXT = every_text()


def named(pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    """Lo que encuentra un patrón y dónde."""
    found = {
        (name, where)
        for where, text in EVERY_TEXT
        for name in pattern.findall(re.sub(r"https?://\S+", "", text))
    }
    assert found
    return found


def test_every_named_file_exists() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("sin git no se sabe qué archivos son del proyecto")
    paths = tracked()
    pages = {Path(path).stem for path in paths if path.startswith("site/")}
    known = paths | {Path(path).name for path in paths} | NOT_OURS
    known |= {f"{folder}{page}.html" for page in pages for folder in ("", "../")}
    assert {(name, where) for name, where in named(FILE) if name not in known} == set()


def test_every_named_module_exists() -> None:
    missing = {(name, where) for name, where in named(MODULE) if find_spec(name) is None}
    assert {(name, where) for name, where in missing if name != "pip"} == set()  # a veces no está
