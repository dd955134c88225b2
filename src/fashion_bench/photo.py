"""Tu propia foto de una prenda, preparada como las de Fashion-MNIST.

Los pasos son los de sus autores (Xiao, Rasul y Vollgraf, 2017, arXiv:1708.07747, apartado 2):
recortar el fondo, llevar el lado mayor a 28 píxeles, centrar y dejar la prenda clara sobre negro.
Ellos partían de fotos de tienda con fondo blanco; aquí el fondo puede ser de cualquier gris liso.
"""

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import PIL.Image
from PIL import ImageOps

from fashion_bench import NOTEBOOKS_DIR
from fashion_bench.errors import TutorialError
from fashion_bench.jupyter import in_jupyterlab

if TYPE_CHECKING:  # solo hace falta dentro de JupyterLab
    from ipywidgets import VBox

SIDE = 28
WORKING_SIDE = 560
"""Píxeles del lado mayor con los que se trabaja: veinte por cada uno de los que ve la red."""
MIN_CONTRAST = 25
"""Grises, de 255, en que la prenda debe distinguirse del fondo."""
BACKGROUND_SHARE = 0.15
"""Parte del contraste por debajo de la cual un píxel se toma por fondo."""


class Picture(NamedTuple):
    """Una foto y lo que la red ve de ella."""

    original: np.ndarray
    """`(alto, ancho)`, de 0 a 255, reducida a `WORKING_SIDE`."""
    pixels: np.ndarray
    """`(28, 28)`, `uint8`, como las imágenes de Fashion-MNIST."""


def load(source: str | BytesIO) -> Picture:
    """Lee una foto PNG o JPEG de cualquier tamaño y la prepara.

    Args:
        source: ruta (si es relativa, desde `notebooks/`) o el fichero ya leído.

    Raises:
        TutorialError: si no se puede leer, no es una sola foto PNG o JPEG, es enorme (más de unos
            89 millones de píxeles, el límite de Pillow) o no se distingue la prenda.
    """
    file: Path | BytesIO
    if isinstance(source, str):
        blame, file = f"photo={source!r} no vale", NOTEBOOKS_DIR / Path(source).expanduser()
    else:
        blame, file = "Esa foto no vale", source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # metadatos dañados: la foto vale igual
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(file, formats=("PNG", "JPEG")) as image:
                if getattr(image, "n_frames", 1) > 1:
                    raise TutorialError("tiene varias imágenes; guarda solo una.")
                return prepare(_gray(image))
    except FileNotFoundError:
        raise TutorialError(f"{blame}: ese fichero no existe; corrige la ruta.") from None
    except PIL.UnidentifiedImageError:
        raise TutorialError(
            f"{blame}: no es una imagen PNG ni JPEG; conviértela o elige otra."
        ) from None
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        raise TutorialError(
            f"{blame}: tiene demasiados píxeles; redúcela a menos de 80 millones."
        ) from None
    except (OSError, SyntaxError, ValueError):
        raise TutorialError(f"{blame}: está dañada o no se puede leer; prueba con otra.") from None
    except TutorialError as error:
        raise TutorialError(f"{blame}: {error}") from None


def prepare(photo: PIL.Image.Image) -> Picture:
    """Deja una foto en gris como las de Fashion-MNIST: 28×28, prenda clara sobre fondo negro.

    El fondo es el gris más común del borde; la prenda, lo que se aparta de él.

    Raises:
        TutorialError: si no se distingue la prenda del fondo.
    """
    original = np.asarray(photo)
    border = np.concatenate([original[0], original[-1], original[:, 0], original[:, -1]])
    difference = np.abs(original - np.median(border))
    contrast = np.percentile(difference, 99)
    if contrast < MIN_CONTRAST:
        raise TutorialError(
            "la prenda casi no se distingue del fondo; hazla sobre un fondo liso de otro tono."
        )
    garment = difference > BACKGROUND_SHARE * contrast
    # Una fila o columna con un punto suelto es ruido, no prenda.
    rows = np.flatnonzero(garment.mean(axis=1) > 0.01)
    columns = np.flatnonzero(garment.mean(axis=0) > 0.01)
    light = np.where(garment, np.clip(difference * (255 / contrast), 0, 255), 0).astype(np.uint8)
    cut = light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    centered = ImageOps.pad(PIL.Image.fromarray(cut), (SIDE, SIDE), PIL.Image.Resampling.BOX)
    return Picture(original, np.asarray(centered))


def enlarge(image: np.ndarray) -> Picture:
    """Hace pasar por foto una imagen `(28, 28)` de Fashion-MNIST: en negativo y ampliada."""
    negative = PIL.Image.fromarray(255 - image)
    return prepare(negative.resize((WORKING_SIDE, WORKING_SIDE), PIL.Image.Resampling.BICUBIC))


def upload_button(look: Callable[[Picture], None]) -> "VBox | None":
    """Devuelve un botón que sube una foto y la enseña con `look`; fuera de JupyterLab, nada."""
    if not in_jupyterlab():
        return None
    from ipywidgets import FileUpload, Layout, Output, VBox

    button = FileUpload(
        accept="image/png,image/jpeg", description="Subir una foto", layout=Layout(width="12em")
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
    return VBox([button, screen])


def _gray(image: PIL.Image.Image) -> PIL.Image.Image:
    image.draft("L", (2 * WORKING_SIDE, 2 * WORKING_SIDE))  # un JPEG grande se lee ya reducido
    if image.mode.startswith("I"):  # PNG de 16 bits: Pillow recortaría en vez de reducir
        image = PIL.Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), reducing_gap=2)
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")
