"""`python -m fashion_bench`: sin más, examina el equipo; con el nombre de una orden, la hace."""

import sys
from pathlib import Path

if not sys.flags.safe_path and sys.path[0] == str(Path.cwd()):
    del sys.path[0]  # un `random.py` en esta carpeta no debe estropear el diagnóstico

from importlib import import_module
from io import TextIOWrapper

from fashion_bench.folders import borrow_home

DEFAULT = "diagnose"
COMMANDS: tuple[str, ...] = ("compare", "notebooks", "send", "verify")
"""Las órdenes con nombre: sus módulos, en `commands/`, se importan solo cuando se piden."""


def main() -> None:
    """Punto de entrada: hace lo que se pide y termina con su código de salida."""
    for stream in (sys.stdout, sys.stderr):  # una consola cp1252 no puede con todo
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    borrow_home()
    command, arguments = DEFAULT, sys.argv[1:]
    if arguments and arguments[0] in COMMANDS:
        command, *arguments = arguments
    sys.exit(import_module(f"fashion_bench.commands.{command}").main(arguments))


if __name__ == "__main__":
    main()
