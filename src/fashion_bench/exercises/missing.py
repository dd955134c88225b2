"""Qué celda falta por ejecutar, cuando se ejecutan sin orden."""

import json
import re
import symtable
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from fashion_bench import NOTEBOOKS_DIR
from fashion_bench.errors import TutorialError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Hace que IPython, si falta un nombre de una celda anterior, diga qué celda ejecutar.

    Así lo pide la configuración que se instala con el paquete (`jupyter/`); donde no se instala,
    como en Colab, lo hace la celda que comprueba los parámetros.
    """

    def explain(
        shell: "InteractiveShell",
        kind: type[NameError],
        error: NameError,
        trace: TracebackType,
        tb_offset: int | None = None,
    ) -> None:
        told = first_to_run(error.name or "", shell.user_ns["In"][-1], shell.user_ns)
        shown = TutorialError(told) if told else error
        shell.showtraceback((kind, shown, trace), tb_offset=tb_offset)

    shell.set_custom_exc((NameError,), explain)


def first_to_run(name: str, running: str, names: Iterable[str]) -> str | None:
    """Dice qué celda hay que ejecutar antes de otra, a la que le falta un nombre.

    Es la primera de su cuaderno de la que no hay nada, o la que define el nombre.

    Args:
        name: el nombre que falta.
        running: el texto de la celda que se ejecuta, quizá cambiado.
        names: los nombres que ya hay.

    Returns:
        Una frase; `None` si ese nombre no sale de una celda anterior de un cuaderno del curso.
    """
    lines, most = set(running.splitlines()) - {""}, 0
    before: list[tuple[str, str]] = []
    for path in sorted(NOTEBOOKS_DIR.rglob("*.ipynb")):
        cells = _cells(path)
        for place, (kind, source) in enumerate(cells):
            alike = len(lines & set(source.splitlines()))
            if kind == "code" and alike > most:
                most, before = alike, cells[:place]
    title, waiting = "", None
    for kind, source in before:
        if kind == "markdown":
            title = (re.findall(r"^#+ (.+)", source, re.M) or [title])[-1]
            continue
        defined = _defined(source)
        if defined and waiting is None and not defined & set(names):
            waiting = title, source
        if name in defined:
            title, source = waiting or (title, source)
            first = source.splitlines()[0].partition("  #")[0]
            return (
                f"Falta «{name}», que sale de una celda anterior: ejecuta antes, en orden, desde "
                f"la que empieza por «{first}», en «{title}»."
            )
    return None


def _cells(path: Path) -> list[tuple[str, str]]:
    """La clase y el texto de las celdas de un cuaderno; ninguna, si está a medias de una mezcla."""
    with suppress(ValueError):
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
        return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    return []


def _defined(source: str) -> set[str]:
    """Los nombres que deja una celda; ninguno, si no es solo Python."""
    with suppress(SyntaxError):
        found = symtable.symtable(source, "", "exec").get_symbols()
        return {each.get_name() for each in found if each.is_assigned() or each.is_imported()}
    return set()
