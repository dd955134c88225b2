"""`python -m fashion_bench send`: enseña un registro y, con un sí, abre el formulario que lo envía.

El programa no manda nada: abre en el navegador un formulario ya relleno, y quien lo envía es la
persona al pulsar su botón, con su cuenta de GitHub.
"""

import re
import socket
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

from fashion_bench import PROJECT_DIR
from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.folders import shown
from fashion_bench.install import repository
from fashion_bench.share import form as sending
from fashion_bench.share.refusals import refusals

YES = ("s", "si", "sí")
NOBODY = {"localhost", "root", "user"}
"""Nombres que no dicen de quién es un equipo."""


def command(path: Path) -> str:
    """La orden que envía un registro, para copiarla."""
    written = shown(path)
    quoted = f'"{written}"' if " " in written else written
    return f"python -m fashion_bench send {quoted}"


def send(path: Path) -> None:
    """Enseña un registro tal como se enviaría, pregunta y, si es que sí, abre el formulario.

    Raises:
        TutorialError: si no se puede enviar.
    """
    record = _checked(path)
    print(record.model_dump_json(indent=1))
    print(
        "\nSe enviaría todo lo de arriba, y nada más, como un mensaje público en "
        f"{repository()}/issues."
    )
    if record.flaw:
        print(f"Aviso: este tiempo no cuenta ({record.flaw}), y así se publicaría.")
    if names := _personal(record):
        print(f"Aviso: lleva «{'», «'.join(names)}», el nombre de tu carpeta o de tu equipo.")
    address = sending.filled_form(record)
    if sys.stdin is None or not sys.stdin.isatty():
        print(
            "No se ha enviado nada: aquí no puedes contestar. Ejecuta en una terminal "
            f"«{command(path)}», o abre {sending.form(record)} y pega en él el contenido de "
            f"{shown(path)}."
        )
    elif not _yes():
        print("No se ha enviado nada.")
    else:
        _open(address or sending.form(record))
        if address is None:
            print(f"No cabe en la dirección: pega en el formulario el contenido de {shown(path)}.")
        print("Para enviarlo, pulsa en él el botón «Create»: hasta entonces no se envía nada.")


def _checked(path: Path) -> Record:
    """Lee un registro que se podrá publicar, hasta donde se puede saber aquí."""
    blame = f"{shown(path)} no se puede enviar"
    try:
        record = files.load_file(path)
    except TutorialError as error:
        raise TutorialError(f"{blame}: {error}.") from None
    others = files.load_folder(PROJECT_DIR / "results")[0]
    content = record.model_dump_json(indent=1)
    reasons = refusals(
        content.encode(), [other for other in others if other.run_id != record.run_id]
    )
    if len(content) > sending.MAX_MESSAGE:
        reasons.append("ocupa más de lo que admite un mensaje de GitHub")
    if reasons:
        raise TutorialError(f"{blame}: {'; '.join(reasons)}.")
    return record


def _personal(record: Record) -> list[str]:
    """Los nombres de la carpeta personal y del equipo que aparecen en un registro."""
    names = {socket.gethostname().partition(".")[0]}
    with suppress(RuntimeError):  # un usuario sin carpeta
        names.add(Path.home().name)
    text = record.model_dump_json()
    return sorted(
        name
        for name in names - NOBODY
        if len(name) > 1 and re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)
    )


def _yes() -> bool:
    try:
        return input("¿Abro el formulario? [s/N] ").strip().lower() in YES
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def _open(address: str) -> None:
    if webbrowser.open(address):
        print("Se ha abierto el formulario en el navegador, ya relleno.")
    else:
        print(f"No se puede abrir el navegador. Abre tú esta dirección:\n{address}")
