"""`python -m fashion_bench compare CARPETA`: los registros de una clase, en una página."""

import sys

from fashion_bench.commands import BAD_USAGE, FAILED, FINE
from fashion_bench.errors import TutorialError
from fashion_bench.folders import expanded
from fashion_bench.results.page import PAGE, compare

USAGE = f"""Uso: python -m fashion_bench compare CARPETA

Compara los registros de una carpeta en una página, {PAGE}, que se escribe en la carpeta
en la que estás (si ya la había, la sustituye) y se abre sin conexión."""


def main(arguments: list[str]) -> int:
    """Escribe la página y devuelve el código de salida."""
    match arguments:
        case ["-h" | "--help"]:
            print(USAGE)
            return FINE
        case [name] if not name.startswith("-"):
            try:
                page = compare(expanded(name))
            except TutorialError as error:
                print(error, file=sys.stderr)
                return FAILED
            print(f"Comparación escrita en {page}: ábrela en un navegador.")
            return FINE
    print(USAGE, file=sys.stderr)
    return BAD_USAGE
