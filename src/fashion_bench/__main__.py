"""`python -m fashion_bench`: sin más, examina el equipo; con el nombre de una orden, la hace."""

import sys
from pathlib import Path

if not sys.flags.safe_path and sys.path[0] == str(Path.cwd()):
    del sys.path[0]  # un `random.py` en esta carpeta no debe estropear el diagnóstico

from io import TextIOWrapper
from typing import get_args

import click

from fashion_bench import PROJECT_DIR, install
from fashion_bench.errors import BAD_USAGE, FAILED, FINE, INTERRUPTED, TutorialError
from fashion_bench.folders import borrow_home, expanded
from fashion_bench.record import Backend
from fashion_bench.script.spanish import Orders, in_spanish, version_option

NOT_COMPARABLE = 3
"""Código de salida de `verify`: aquí no se puede saber."""

# Cada orden importa lo suyo cuando se pide: la ayuda no tiene que esperarlo.


@version_option
@click.group(cls=Orders, subcommand_metavar="[ORDEN]")
def orders() -> None:
    """Lo que rodea a entrenar, que se hace con fashion_mnist_cnn.py.

    Sin ninguna orden, examina el equipo.
    """


@orders.command("diagnostico")
@click.option("--json", "as_json", is_flag=True, help="Lo escribe para un informe de error.")
@click.option(
    "--backend",
    type=click.Choice(get_args(get_args(Backend)[0])),
    help="El motor que se prueba; por defecto, el que usaría el curso.",
)
def diagnose(as_json: bool, backend: Backend | None) -> int:
    """Dice si este equipo puede entrenar y qué arreglar si no.

    Termina con código 1 si hay algo que arreglar.
    """
    from fashion_bench.doctor import command as diagnose
    from fashion_bench.machine import backends

    return diagnose.main(backend or backends.choose("auto")[0], as_json)


@orders.command()
@click.argument("record", metavar="REGISTRO")
def send(record: str) -> int:
    """Enseña un registro y, si quieres, abre el formulario."""
    from fashion_bench.share import send

    path = expanded(record)
    send.send(path if path.exists() else PROJECT_DIR / path)  # como la escribe `shown`
    return FINE


@orders.command()
@click.argument("folder", metavar="CARPETA")
def compare(folder: str) -> int:
    """Compara en una página los registros de una carpeta.

    La página, comparacion.html, se escribe en la carpeta en la que estás (si ya la había, la
    sustituye) y se abre sin conexión.
    """
    from fashion_bench.script import page

    written = page.compare(expanded(folder))
    print(f"Comparación escrita en {written}: ábrela en un navegador.")
    return FINE


@orders.command()
@click.argument("record", metavar="REGISTRO")
@click.option("--first-epoch", is_flag=True, help="Repite solo la primera época.")
def verify(record: str, first_epoch: bool) -> int:
    """Entrena como dice un registro y mira si sale lo mismo.

    Compara las pérdidas y los aciertos, cifra por cifra; lo que se tarda no lo comprueba. Códigos
    de salida: 0, reproducido; 1, no reproducido, o detenido antes de saberlo; 2, la orden o el
    registro no son válidos; 3, aquí no se puede saber.
    """
    from fashion_bench.verify import verify

    try:
        reproduced = verify(expanded(record), first_epoch_only=first_epoch)
    except TutorialError as error:
        print(f"Error. {record} no es válido como registro: {error}.", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("\nDetenido: no se ha llegado a saber.", file=sys.stderr)
        return FAILED
    return {True: FINE, False: FAILED, None: NOT_COMPARABLE}[reproduced]


@orders.command()
@click.argument("folder", metavar="[CARPETA]", default=".")
def notebooks(folder: str) -> int:
    """Copia el curso a una carpeta.

    Si no dices cuál, a la que tienes abierta en la terminal. De lo que ya haya en ella no toca
    nada. Termina con código 1 si algo no se ha podido copiar o se deja porque está cambiado.
    """
    from fashion_bench.script import copies

    return copies.main(folder)


def obey(arguments: list[str]) -> int:
    """Hace lo que se pide y devuelve el código de salida."""
    try:
        return int(orders.main(arguments, "python -m fashion_bench", standalone_mode=False))
    except click.UsageError as error:
        print(f"Error. {in_spanish(error)}", file=sys.stderr)
        return BAD_USAGE
    except (ImportError, TutorialError) as error:
        told = install.missing(error) if isinstance(error, ImportError) else error
        print(f"Error. {told}", file=sys.stderr)
        return FAILED
    except click.Abort:  # Ctrl-C
        return INTERRUPTED


def main() -> None:
    """Punto de entrada: obedece y termina con su código de salida."""
    for stream in (sys.stdout, sys.stderr):  # una consola cp1252 no puede con todo
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    borrow_home()
    sys.exit(obey(sys.argv[1:]))


if __name__ == "__main__":
    main()
