"""Lo que hay en un archivo de imagen: sus píxeles y cómo se sostuvo la cámara; nada más.

Los metadatos de un teléfono o de un escáner (fecha, lugar, perfil de color, miniaturas, mapas de
profundidad…) vienen a menudo dañados o fuera de la norma, y Pillow se detiene en algunos. Aquí se
quitan antes de abrir la imagen; de ellos solo cuenta la orientación, si se puede leer.
"""

import re
import warnings
from io import BytesIO
from typing import Literal

import numpy as np
import PIL.Image
from PIL import ExifTags

from fashion_bench.errors import TutorialError
from fashion_bench.machine.engines import silent
from fashion_bench.text import written

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")
"""Los formatos que se leen, con su nombre en Pillow; de una animación, la primera imagen."""

MAX_SIDE, MAX_CHUNKS = 65_535, 100_000
"""Lo más que mide de lado un JPEG, y más trozos de los que tiene una foto de 200 MB."""

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

OTHERS = {
    rb"....ftyp(hei|hev|mif|msf)": "una foto HEIC",
    rb"....ftypavi": "una imagen AVIF",
    rb"RIFF....WEBP": "una imagen WebP",
    rb"....ftypcrx|FUJIFILM|IIU\0|IIRO|FOVb": "una foto RAW de cámara",
    rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ": "un vídeo",
    rb"%PDF": "un PDF",
    rb"(\xef\xbb\xbf)?\s*<(\?xml|svg|!DOCTYPE svg)": "un dibujo SVG",
    rb"(\xef\xbb\xbf)?\s*<(?i:!DOCTYPE html|html)": "una página web",
}
"""Lo que se suele dar por foto y puede que no se lea, según sus primeros bytes."""

JPEG_CHUNK = re.compile(rb"\xff+([^\xff\xda])", re.DOTALL)
"""Cómo empieza un trozo de un JPEG, con su relleno; el de los píxeles, que es el último, no."""

PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
TIFF_TAGS = {*range(256, 267), 273, *range(277, 280), 284, 292, 293, 317, *range(320, 326)} | {
    *(338, 339, 347, 529, 530, 532)
}
"""Los trozos de un PNG y las etiquetas de un TIFF sin los que no se pueden leer los píxeles."""

ORIENTATION_BYTES = {3: 2, 4: 4}
"""Bytes de los dos tipos de número con que se escribe: la norma pide el 3, y no todos la siguen."""

UPRIGHT = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""Cómo enderezar una foto según su orientación; con 1 o sin ella, ya lo está."""


def read(data: bytes, side: int) -> PIL.Image.Image:
    """Lee una imagen, la endereza y la reduce hasta que su lado mayor tenga `side` píxeles.

    Queda en modo `RGB` o, si tiene transparencia, `RGBA`.

    Raises:
        TutorialError: si no es una imagen, está dañada o incompleta, no se sabe leer su formato
            o es enorme (más de unos 89 millones de píxeles, el límite de Pillow).
    """
    PIL.Image.init()
    formats = [name for name in FORMATS if name in PIL.Image.OPEN]
    bare, exif = strip(data)
    why = None
    with silent(), warnings.catch_warnings():  # libtiff se queja en inglés
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        try:
            with PIL.Image.open(BytesIO(bare), formats=formats) as image:
                if max(image.size) > MAX_SIDE:
                    raise PIL.Image.DecompressionBombError
                image.draft("RGB", (2 * side, 2 * side))  # un JPEG grande se lee ya reducido
                exif = exif or image.info.get("exif", b"")
                photo = _plain(image)
        except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
            most = f"menos de 80 millones, y de {written(MAX_SIDE)} por lado"
            why = f"tiene demasiados píxeles; redúcela a {most}."
        except Exception:  # noqa: BLE001 - ante una imagen dañada, Pillow lanza de todo
            why = _why_not(data)
    if why:
        raise TutorialError(why)
    photo.thumbnail((side, side), reducing_gap=2)
    turn = UPRIGHT.get(_orientation(exif))
    return photo if turn is None else photo.transpose(turn)


def strip(data: bytes) -> tuple[bytes, bytes]:
    """Quita los metadatos de un PNG, un JPEG o un TIFF, y devuelve aparte su bloque EXIF."""
    if data.startswith(PNG):
        return _strip_png(data)
    if data.startswith(JPEG):
        return _strip_jpeg(data)
    return _strip_tiff(data), data if _order(data) else b""


def _orientation(exif: bytes) -> int:
    """La orientación de un bloque EXIF: de 1 a 8, o 1 si no está o no se entiende."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = _order(exif)
    for entry in _entries(exif):
        if order and int.from_bytes(entry[:2], order) == ExifTags.Base.Orientation:
            size = ORIENTATION_BYTES.get(int.from_bytes(entry[2:4], order), 0)
            return int.from_bytes(entry[8 : 8 + size], order)
    return 1


def _strip_png(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, at = [PNG], b"", len(PNG)
    for _ in range(MAX_CHUNKS):
        if at >= len(data):
            return b"".join(kept), exif
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind in PNG_CHUNKS:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = data[at + 8 : end - 4]
        at = end
    raise TutorialError(_why_not(data))


def _strip_jpeg(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, at = [data[:2]], b"", 2
    for _ in range(MAX_CHUNKS):
        found = JPEG_CHUNK.match(data, at)
        if not found:
            rest = data[at:].lstrip(b"\xff")  # sin el relleno, que Pillow mira byte a byte
            return b"".join([*kept, b"\xff", rest]), exif
        marker, at = found[1], found.end() - 2
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        content = data[at + 4 : end]
        if marker == b"\xe1" and content.startswith(b"Exif\0\0"):
            exif = exif or content
        elif not b"\xe0" <= marker <= b"\xef" or content.startswith(b"Adobe"):  # sus colores
            kept.append(data[at:end])
        at = end
    raise TutorialError(_why_not(data))


def _strip_tiff(data: bytes) -> bytes:
    order = _order(data)
    if order is None:
        return data
    needed = [entry for entry in _entries(data) if int.from_bytes(entry[:2], order) in TIFF_TAGS]
    table = len(needed).to_bytes(2, order) + b"".join(needed) + bytes(4)  # y no hay más páginas
    at = int.from_bytes(data[4:8], order)
    return data[:at] + table + data[at + len(table) :]


def _order(tiff: bytes) -> Literal["little", "big"] | None:
    """El orden de los bytes de un TIFF o de un bloque EXIF, que se escribe igual."""
    if tiff.startswith(b"II*\0"):
        return "little"
    return "big" if tiff.startswith(b"MM\0*") else None


def _entries(tiff: bytes) -> list[bytes]:
    """Las etiquetas de la primera imagen, de 12 bytes cada una; las que estén enteras."""
    order = _order(tiff)
    if order is None:
        return []
    at = int.from_bytes(tiff[4:8], order)
    end = at + 2 + 12 * int.from_bytes(tiff[at : at + 2], order)
    return [tiff[place : place + 12] for place in range(at + 2, min(end, len(tiff) - 11), 12)]


def _plain(image: PIL.Image.Image) -> PIL.Image.Image:
    """La imagen, de 8 bits por color; si tenía más, con lo más claro que haya por blanco."""
    if image.mode[0] in "IF":
        light = np.asarray(image, np.float32)
        return PIL.Image.fromarray(light * (255 / (light.max() or 1))).convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _why_not(data: bytes) -> str:
    for start, what in OTHERS.items():
        if re.match(start, data, re.DOTALL):
            return (
                f"es {what} y no se puede leer; "
                "guarda una copia en JPEG con tu programa de fotos y usa esa."
            )
    return (
        "está dañada o incompleta, o no es una imagen PNG ni JPEG, ni de otro formato que se lea "
        "aquí; prueba con otra."
    )
