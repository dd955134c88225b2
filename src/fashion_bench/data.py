"""Fashion-MNIST: 70 000 fotos de prendas que viajan dentro del paquete.

Fuente: Han Xiao, Kashif Rasul y Roland Vollgraf (2017), «Fashion-MNIST: a Novel Image
Dataset for Benchmarking Machine Learning Algorithms», arXiv:1708.07747. Licencia MIT de
Zalando, junto a los datos.
"""

import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fashion_bench import install
from fashion_bench.errors import TutorialError, cause

FOLDER = Path(__file__).parent / "datasets" / "fashion-mnist"

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

CLASS_NAMES = (
    "Camiseta",
    "Pantalón",
    "Suéter",
    "Vestido",
    "Abrigo",
    "Sandalia",
    "Camisa",
    "Zapatilla",
    "Bolso",
    "Botín",
)

TRAIN_IMAGES = 60_000
TEST_IMAGES = 10_000
VALIDATION_FRACTION = 0.1
"""Parte de las imágenes de entrenamiento que se aparta para validar."""

Arrays = tuple[np.ndarray, np.ndarray]


def load() -> tuple[Arrays, Arrays]:
    """Lee los cuatro archivos oficiales y comprueba su SHA-256, que está en `SHA256SUMS`.

    Returns:
        `(train_images, train_labels), (test_images, test_labels)`, todo `uint8`: imágenes
        `(60000, 28, 28)` y `(10000, 28, 28)`, de 0 (negro) a 255 (blanco); etiquetas
        `(60000,)` y `(10000,)`, de 0 a 9 en el orden de `CLASS_NAMES`.

    Raises:
        TutorialError: si un archivo falta, no se puede leer o no es el oficial.
    """
    words = _read_bytes(FOLDER / "SHA256SUMS").decode("ascii", "replace").split()
    checksums = dict(zip(words[1::2], words[::2], strict=False))
    with ThreadPoolExecutor() as pool:  # zlib y hashlib sueltan el GIL: se lee en paralelo
        arrays = list(pool.map(lambda name: _read(FOLDER / name, checksums.get(name)), NAMES))
    train_images, train_labels, test_images, test_labels = arrays
    return (train_images, train_labels), (test_images, test_labels)


def fingerprint() -> str:
    """Devuelve el SHA-256 del conjunto entero: el de la lista `SHA256SUMS`."""
    return hashlib.sha256(_read_bytes(FOLDER / "SHA256SUMS")).hexdigest()


def validation_size(samples: int) -> int:
    """Devuelve cuántas de `samples` imágenes se apartan para validar."""
    return round(samples * VALIDATION_FRACTION)


def stratified_sample(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Elige `size` posiciones al azar, repartidas por clase como en `labels`.

    El reparto es exacto salvo el redondeo: cada clase recibe la parte entera de lo que le
    toca y las de mayor resto, una más. La misma semilla da siempre la misma muestra.

    Returns:
        Posiciones `(size,)` sin repetir, de menor a mayor.
    """
    generator = np.random.default_rng(seed)
    share = np.bincount(labels) * size / len(labels)
    take = np.floor(share).astype(int)
    largest_remainders = np.argsort(take - share, kind="stable")[: size - take.sum()]
    take[largest_remainders] += 1
    chosen = [
        generator.choice(np.flatnonzero(labels == label), count, replace=False)
        for label, count in enumerate(take)
    ]
    return np.sort(np.concatenate(chosen))


def _read(path: Path, checksum: str | None) -> np.ndarray:
    compressed = _read_bytes(path)
    if hashlib.sha256(compressed).hexdigest() != checksum:
        raise _damaged(path, "o SHA256SUMS no es el oficial: está incompleto o alterado")
    content = gzip.decompress(compressed)
    # Formato IDX: cuatro bytes, el último con el número de dimensiones, y un entero por cada una.
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + shape.nbytes).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged(path, f"no se puede leer ({cause(error)})") from None


def _damaged(path: Path, why: str) -> TutorialError:
    return TutorialError(
        f"El archivo de datos {path.name} {why}; recupéralo {install.restore(str(path.parent))} "
        "o vuelve a descargar el proyecto."
    )
