"""Tu propia foto de una prenda, preparada como las de Fashion-MNIST.

Los pasos son casi los de sus autores (Xiao, Rasul y Vollgraf, 2017, arXiv:1708.07747, apartado 2):
recortar el fondo, llevar el lado mayor a 28 píxeles, centrar y dejar la prenda clara sobre negro.
Ellos, además, enfocaban; aquí se estira el contraste, hasta que lo más claro sea blanco.
Ellos partían de fotos de tienda con fondo blanco; aquí el fondo puede ser de cualquier color liso,
con sombras suaves, o transparente.
"""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import PIL.Image
from PIL import ImageFilter

from fashion_bench import folders
from fashion_bench.errors import TutorialError, cause
from fashion_bench.machine.engines import is_attended
from fashion_bench.photo import pixels

if TYPE_CHECKING:  # solo hace falta si hay alguien ante el cuaderno
    from fashion_bench.charts.style import Controls

SIDE = 28
WORKING_SIDE = 560
"""Píxeles del lado mayor con los que se trabaja: veinte por cada uno de los que ve la red."""
MIN_CONTRAST = 25
"""Tonos, de 255, en que la prenda debe distinguirse del fondo."""
BACKGROUND_SHARE = 0.06
"""Parte del contraste por debajo de la cual un píxel se toma por fondo."""
SHADOW_SHARE, STEEP_SHARE, WINDOWS = 0.3, 0.15, 45
"""Una sombra tiene menos contraste que la primera parte y, en una ventana de esa fracción de la
prenda (un 45.º por cada lado), cambia menos que la segunda."""
NOISES = 4
"""Cuántas veces el ruido del fondo debe superar un píxel para no serlo."""
EDGE_SAMPLES = 4000
"""Píxeles del borde, como mucho, con los que se calcula el fondo."""
OPAQUE_SHARE = 0.98
"""Con más parte opaca que esta, lo transparente no recorta una prenda: son esquinas redondas."""


class Picture(NamedTuple):
    """Una foto y lo que la red ve de ella."""

    original: np.ndarray
    """`(alto, ancho)`, de 0 a 255, reducida a `WORKING_SIDE`."""
    pixels: np.ndarray
    """`(28, 28)`, `uint8`, como las imágenes de Fashion-MNIST."""


def load(source: str | BytesIO) -> Picture:
    """Lee una foto de cualquier tamaño y la prepara.

    Args:
        source: ruta (si es relativa, desde `notebooks/`) o el archivo ya leído.

    Raises:
        TutorialError: si no se puede leer, no es una imagen o no se distingue la prenda.
    """
    blame = f"photo={source!r} no es válido" if isinstance(source, str) else "Esa foto no es válida"
    try:
        data = _content(source) if isinstance(source, str) else source.getvalue()
        return prepare(pixels.read(data, WORKING_SIDE))
    except TutorialError as error:
        raise TutorialError(f"{blame}: {error}") from None


def prepare(photo: PIL.Image.Image) -> Picture:
    """Deja una foto como las de Fashion-MNIST: 28×28, en gris, prenda clara sobre fondo negro.

    Si la foto tiene partes transparentes, la prenda es lo opaco. Si no, el fondo es una
    superficie suave que pasa por el color del borde, y la prenda, lo que se aparta de ella.

    Raises:
        TutorialError: si no se distingue la prenda del fondo.
    """
    opacity = _opacity(photo)
    if opacity is None:
        paper = PIL.Image.new("RGBA", photo.size, "white")  # para las esquinas redondas
        photo = PIL.Image.alpha_composite(paper, photo.convert("RGBA")).convert("RGB")
        original = np.asarray(photo.convert("L"))
        away, garment = _apart_from_background(photo)
    else:
        original, away, garment = _cut_out(np.asarray(photo.convert("L")), opacity)
    return Picture(original, _shrunk(np.where(garment, away, 0)[_extent(garment)]))


def enlarge(image: np.ndarray) -> Picture:
    """Hace pasar por foto una imagen `(28, 28)` de Fashion-MNIST: en negativo y ampliada."""
    negative = PIL.Image.fromarray(255 - image)
    return prepare(negative.resize((WORKING_SIDE, WORKING_SIDE), PIL.Image.Resampling.BICUBIC))


def upload_button(look: Callable[[Picture], None]) -> "Controls | None":
    """Devuelve un botón que sube una foto y la enseña con `look`; si nadie lo ve, nada.

    La foto viaja entera en un mensaje, y muchos servidores de Jupyter cierran la conexión, sin
    decir nada, si pasa de 10 MiB. El del proyecto admite más (`install`), pero desde aquí no se
    sabe si es ese: por eso se avisa junto al botón.
    """
    if not is_attended():
        return None
    from ipywidgets import HTML, FileUpload, Layout, Output

    from fashion_bench.charts.style import Controls

    button = FileUpload(accept="image/*", description="Subir una foto", layout=Layout(width="12em"))
    notice = HTML(
        "Si pesa más de 10 MB, puede que no llegue: si no aparece, déjala en la carpeta "
        "notebooks/ y escribe su nombre en la celda de los parámetros."
    )
    screen = Output()

    def show(change: dict) -> None:
        screen.clear_output()
        with screen:
            try:
                new = change["new"]  # ipywidgets 7, el de Colab, los da por nombre
                [file] = new.values() if isinstance(new, dict) else new
                look(load(BytesIO(file["content"])))
            except TutorialError as error:
                print(error)

    button.observe(show, "value")
    return Controls([button, notice], screen)


def _content(source: str) -> bytes:
    path = folders.absolute(source)
    try:
        if not path.is_file():
            raise TutorialError("ese archivo no existe o es una carpeta; corrige la ruta.")
        return path.read_bytes()
    except OSError as error:
        raise TutorialError(f"no se puede leer ({cause(error)}); prueba con otra.") from None


def _opacity(photo: PIL.Image.Image) -> np.ndarray | None:
    """`(alto, ancho)`, de 0 a 1; si la transparencia no recorta nada, `None`."""
    if photo.mode != "RGBA":
        return None
    alpha = np.asarray(photo.getchannel("A"), np.float32)
    if not alpha.any():
        raise TutorialError("es toda transparente; guárdala sin transparencia o elige otra.")
    opacity = alpha / alpha.max()
    return None if np.mean(opacity > 0.9) > OPAQUE_SHARE else opacity


def _cut_out(gray: np.ndarray, opacity: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """La foto sobre blanco o, si la prenda es clara, sobre negro; lo que se aparta, y la prenda."""
    garment = opacity > 0.5
    paper = 255 if np.median(gray[garment]) < 128 else 0
    away = np.abs(gray - np.float32(paper)) * opacity
    return np.abs(paper - away).astype(np.uint8), away, garment


def _apart_from_background(photo: PIL.Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Cuánto se aparta del fondo cada píxel de una foto y cuáles son prenda.

    Se mira dos veces: de lejos, para saber qué tamaño tiene la prenda, y a cuatro píxeles por cada
    uno de los que verá la red, que quita el ruido sin perder los tirantes.
    """
    far = photo.copy()
    far.thumbnail((4 * SIDE, 4 * SIDE), PIL.Image.Resampling.BOX)
    away, floor, contrast = _apart(far)
    rows, columns = _extent(away > max(floor, contrast / 2))
    extent = max(rows.stop - rows.start, columns.stop - columns.start) / max(away.shape)
    near = photo.copy()
    near.thumbnail((round(4 * SIDE / extent),) * 2, PIL.Image.Resampling.BOX)
    length = extent * max(near.size)
    away, floor, contrast = _apart(near.filter(ImageFilter.GaussianBlur(length / (4 * SIDE))))
    # Lo que apenas se aparta del fondo es prenda si acaba de golpe, y sombra si se difumina.
    window = 2 * round(length / WINDOWS) + 1
    steep = _filtered(away, ImageFilter.MaxFilter(window)) - _filtered(
        away, ImageFilter.MinFilter(window)
    )
    clear = (away > SHADOW_SHARE * contrast) | (steep > STEEP_SHARE * contrast)
    return away, clear & (away > max(floor, BACKGROUND_SHARE * contrast))


def _apart(photo: PIL.Image.Image) -> tuple[np.ndarray, float, float]:
    """Cuánto se aparta cada píxel del fondo, desde cuánto no es ruido y el contraste."""
    colors = np.asarray(photo, np.float32)
    background, noise = _background(colors)
    away = np.sqrt(np.mean((colors - background) ** 2, axis=-1))
    floor = max(NOISES * noise, MIN_CONTRAST / 4)
    seen = away[away > floor]
    contrast = float(np.percentile(seen, 95)) if seen.size else 0
    if contrast < max(MIN_CONTRAST, 2 * floor):
        raise TutorialError(
            "la prenda casi no se distingue del fondo; repite la foto sobre un fondo liso de otro "
            "tono."
        )
    return away, floor, contrast


def _filtered(values: np.ndarray, what: ImageFilter.Filter) -> np.ndarray:
    return np.asarray(PIL.Image.fromarray(values.astype(np.float32)).filter(what))


def _extent(garment: np.ndarray) -> tuple[slice, slice]:
    """Las filas y las columnas entre las que está la prenda."""
    rows, columns = np.flatnonzero(garment.any(axis=1)), np.flatnonzero(garment.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _background(colors: np.ndarray) -> tuple[np.ndarray, float]:
    """El fondo de cada píxel, `(alto, ancho, 3)`, y su ruido, a partir del borde de la foto.

    Es un polinomio de grado 2 en cada color, ajustado a lo que más abunda en el borde: la prenda
    puede llegar hasta él.
    """
    height, width, _ = colors.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    edge = np.flatnonzero(np.maximum(abs(x), abs(y)) >= 0.95)
    edge = edge[:: 1 + len(edge) // EDGE_SAMPLES]
    seen, at = colors.reshape(-1, 3)[edge], terms.reshape(-1, 6)[edge]
    fitted = np.median(seen, axis=0)
    for degrees in (1, 3, 3, 6, 6, 6):
        residual = np.sqrt(np.mean((seen - fitted) ** 2, axis=-1))
        scale = max(1.5 * np.median(residual), 2)
        weights = (1 / (1 + (residual / scale) ** 2))[:, np.newaxis]
        plane, *_ = np.linalg.lstsq(at[:, :degrees] * weights, seen * weights)
        fitted = at[:, :degrees] @ plane
    residual = np.sqrt(np.mean((seen - fitted) ** 2, axis=-1))
    return np.clip(terms @ plane, 0, 255).astype(np.float32), float(1.5 * np.median(residual))


def _shrunk(light: np.ndarray) -> np.ndarray:
    """Reduce la prenda, `(alto, ancho)`, a un cuadrado de 28×28, centrada y con luz de 0 a 255."""
    scale = SIDE / max(light.shape)
    height, width = (max(1, round(scale * length)) for length in light.shape)
    image = PIL.Image.fromarray(light.astype(np.float32))
    small = np.asarray(image.resize((width, height), PIL.Image.Resampling.BOX))
    top = small.max()
    square = np.zeros((SIDE, SIDE), np.uint8)
    y, x = (SIDE - height) // 2, (SIDE - width) // 2
    square[y : y + height, x : x + width] = np.rint(small * (255 / top))
    return square
