"""Enviar un registro: enseñarlo, preguntar y, con un sí, abrir el formulario que lo publica.

El programa no manda nada: abre en el navegador un formulario de GitHub ya relleno, y quien lo envía
es la persona al pulsar su botón, con su cuenta. El registro viaja comprimido, para que quepa en una
dirección. Los campos del formulario están en `.github/ISSUE_TEMPLATE/registro.yml`.
"""

import re
import socket
import sys
import webbrowser
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from fashion_bench import PROJECT_DIR
from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.folders import shown
from fashion_bench.install import address
from fashion_bench.share.refusals import refusals

TEMPLATE, FIELD = "registro.yml", "record"
HEADING = "### Registro\n"
"""Lo que pone GitHub, en el mensaje, encima de lo que se escribe en ese campo."""

MAX_ADDRESS = 8191
"""Letras que admite GitHub en una dirección (https://github.com/github/docs/issues/5136)."""

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
    repository = address("Repository")
    if not repository:
        print(
            "\nNo se ha enviado nada: esta copia del proyecto aún no tiene una dirección a la que "
            f"enviarlo. Guarda {shown(path)}, que es todo lo que hará falta."
        )
        return
    print(
        "\nSe enviaría todo lo de arriba, y nada más, como un mensaje público en "
        f"{repository}/issues."
    )
    if record.flaw:
        print(f"Aviso: este tiempo no cuenta ({record.flaw}), y así se publicaría.")
    if names := _personal(record):
        print(f"Aviso: lleva «{'», «'.join(names)}», el nombre de tu carpeta o de tu equipo.")
    blank = f"{repository}/issues/new?" + urlencode(
        {"template": TEMPLATE, "title": f"Registro {record.run_id}"}
    )
    filled = f"{blank}&{urlencode({FIELD: pack(record)})}"
    form = filled if len(filled) <= MAX_ADDRESS else blank
    if sys.stdin is None or not sys.stdin.isatty():
        print(
            "No se ha enviado nada: aquí no puedes contestar. Ejecuta en una terminal "
            f"«{command(path)}», o abre {blank} y pega en él el contenido de {shown(path)}."
        )
        return
    if not _yes():
        print("No se ha enviado nada.")
        return
    if not webbrowser.open(form):
        print(f"No se puede abrir el navegador. Abre tú esta dirección:\n{form}")
    if form == blank:
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
    others = [other for other in others if other.run_id != record.run_id]
    reasons = refusals(record.model_dump_json().encode(), others)
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
        return input("¿Abro el formulario? [s/N] ").strip().lower() in ("s", "si", "sí")
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def pack(record: Record) -> str:
    """Comprime un registro en una sola línea que no cambia al ponerla en una dirección."""
    return urlsafe_b64encode(zlib.compress(record.model_dump_json().encode(), 9)).decode("ascii")


def unpack(message: str) -> bytes:
    """Saca lo que hay en el campo del registro de un mensaje, sin comprobar que sea un registro.

    Vale comprimido, como lo deja `pack`, o el contenido del archivo, pegado.

    Raises:
        TutorialError: si no se puede descomprimir.
    """
    field = message.replace("\r\n", "\n").partition(HEADING)[2].partition("\n### ")[0]
    text = re.sub(r"^```.*$", "", field, flags=re.MULTILINE).strip()
    if not re.fullmatch(r"[\w=-]+", text, re.ASCII):
        return text.encode("utf-8", "surrogatepass")
    try:
        unzip = zlib.decompressobj()
        content = unzip.decompress(urlsafe_b64decode(text), files.MAX_BYTES)
    except (Error, zlib.error):
        raise TutorialError("está cortado o cambiado: no se puede descomprimir") from None
    if not unzip.eof:  # le falta el final, o crece más de lo que ocupa un registro
        raise TutorialError("está cortado o es demasiado grande")
    return content
