"""Cómo viaja un registro en el formulario de GitHub: comprimido, para que quepa en una dirección.

La lista de campos del formulario está en `.github/ISSUE_TEMPLATE/registro.yml`.
"""

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from urllib.parse import urlencode

from fashion_bench.compare.files import MAX_BYTES
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.install import repository

TEMPLATE, FIELD = "registro.yml", "record"
HEADING = "### Registro\n"
"""Lo que pone GitHub, en el mensaje, encima de lo que se escribe en ese campo."""

MAX_ADDRESS = 8191
"""Letras que admite GitHub en una dirección (https://github.com/github/docs/issues/5136)."""
MAX_MESSAGE = 65_536
"""Letras que admite GitHub en un mensaje."""


def form(record: Record) -> str:
    """Devuelve la dirección del formulario, con su título puesto y el registro por poner."""
    title = f"Registro {record.run_id}"
    return f"{repository()}/issues/new?{urlencode({'template': TEMPLATE, 'title': title})}"


def filled_form(record: Record) -> str | None:
    """Devuelve la dirección del formulario ya relleno; `None` si el registro no cabe en ella."""
    address = f"{form(record)}&{urlencode({FIELD: pack(record)})}"
    return address if len(address) <= MAX_ADDRESS else None


def pack(record: Record) -> str:
    """Comprime un registro en una sola línea que no cambia al ponerla en una dirección."""
    return urlsafe_b64encode(zlib.compress(record.model_dump_json().encode(), 9)).decode("ascii")


def unpack(message: str) -> bytes:
    """Saca lo que hay en el campo del registro de un mensaje, que puede ser de cualquiera.

    Vale comprimido, como lo deja `pack`, o el contenido del archivo, pegado.

    Args:
        message: el texto entero del mensaje.

    Returns:
        Lo que hay, sin comprobar que sea un registro.

    Raises:
        TutorialError: si no se puede descomprimir.
    """
    field = message.replace("\r\n", "\n").partition(HEADING)[2].partition("\n### ")[0]
    text = re.sub(r"^```.*$", "", field, flags=re.MULTILINE).strip()
    if not re.fullmatch(r"[\w=-]+", text, re.ASCII):
        return text.encode("utf-8", "surrogatepass")
    try:
        unzip = zlib.decompressobj()
        content = unzip.decompress(urlsafe_b64decode(text), MAX_BYTES)
    except (Error, zlib.error):
        raise TutorialError("está cortado o cambiado: no se puede descomprimir") from None
    if not unzip.eof:  # le falta el final, o crece más de lo que ocupa un registro
        raise TutorialError("está cortado o es demasiado grande")
    return content
