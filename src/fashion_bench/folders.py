"""Carpetas y ficheros: comprobarlos antes de empezar y escribirlos enteros o nada."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from time import sleep

from fashion_bench import NOTEBOOKS_DIR, PROJECT_DIR
from fashion_bench.errors import TutorialError

FREE_BYTES_NEEDED = 10_000_000
BUSY_ATTEMPTS, BUSY_SECONDS = 20, 0.05
"""Cuántas veces y cada cuánto se intenta cambiar un fichero que alguien está leyendo."""


def prepare_folder(folder: str, parameter: str = "results_dir") -> Path:
    """Deja lista una carpeta y comprueba que se puede escribir en ella.

    Args:
        folder: ruta; si es relativa, se cuenta desde la carpeta `notebooks/`.
        parameter: el parámetro que la da, para los errores.

    Raises:
        TutorialError: si no existe ni ella ni la carpeta que la contiene, si es un fichero,
            si no se puede escribir en ella o si el disco está lleno.
    """
    path = _absolute(folder)
    make_folder(path, f"{parameter}={folder!r} no vale")
    return path


def make_folder(path: Path, blame: str) -> None:
    """Crea una carpeta, si no está, y comprueba que se puede escribir en ella.

    Args:
        path: la carpeta.
        blame: cómo empieza la frase si algo falla.

    Raises:
        TutorialError: como `prepare_folder`.
    """
    where = shown(path)
    try:
        path.mkdir(exist_ok=True)
        write_atomically(path / f".{secrets.token_hex(8)}", " " * 10_000).unlink()
        free = shutil.disk_usage(path).free
    except FileNotFoundError:
        raise TutorialError(
            f"{blame}: la carpeta {shown(path.parent)} no existe; créala o elige otra."
        ) from None
    except (FileExistsError, NotADirectoryError):
        raise TutorialError(
            f"{blame}: {where} no es una carpeta, sino un fichero; elige otra ruta."
        ) from None
    except OSError as error:
        raise TutorialError(
            f"{blame}: no se puede escribir en {where} ({error.strerror}); "
            "libera espacio, cambia los permisos o elige otra carpeta."
        ) from None
    if free < FREE_BYTES_NEEDED:
        raise TutorialError(
            f"{blame}: en el disco de {where} quedan {free / 1e6:.1f} MB y hacen falta "
            f"{FREE_BYTES_NEEDED / 1e6:.0f}; libera espacio o elige otra carpeta."
        )


def find_folder(folder: str) -> Path:
    """Devuelve la carpeta de la que leer registros.

    Raises:
        TutorialError: si no existe o no es una carpeta.
    """
    path = _absolute(folder)
    if not path.is_dir():
        raise TutorialError(
            f"results_dir={folder!r} no vale: {shown(path)} no existe o no es una carpeta; "
            "escribe la ruta de la carpeta que tiene los registros."
        )
    return path


def write_atomically(path: Path, text: str) -> Path:
    """Escribe un fichero entero o no lo escribe: nunca deja uno a medias.

    Raises:
        OSError: si no se puede escribir; entonces, si `path` existía, sigue como estaba.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def shown(path: Path) -> str:
    """Cómo se escribe una ruta para que la lea cualquiera: desde el proyecto o con `~`."""
    path = path.absolute()
    if path.is_relative_to(PROJECT_DIR):
        return path.relative_to(PROJECT_DIR).as_posix()
    person = home()
    if person and path.is_relative_to(person):
        return f"~/{path.relative_to(person).as_posix()}"
    return str(path)


def home() -> Path | None:
    """La carpeta de la persona; `None` si no tiene, o si la suya es la raíz del disco."""
    try:
        path = Path.home()
    except RuntimeError:
        return None
    return path if path != Path(path.anchor) else None


def borrow_home() -> None:
    """Da una carpeta personal de prestado a quien no tiene: Jupyter y Keras piden una."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.mkdtemp(prefix="fashion-bench-")


def expanded(path: str) -> Path:
    """Una ruta tal como la escribe una persona, con `~` por su carpeta."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no es la carpeta de nadie: es un nombre que empieza por ~
        return Path(path)


def _replace(temporary: Path, path: Path) -> Path:
    for _ in range(BUSY_ATTEMPTS - 1):
        try:
            return temporary.replace(path)
        except PermissionError:  # Windows no cambia un fichero que otro programa está leyendo
            sleep(BUSY_SECONDS)
    return temporary.replace(path)


def _absolute(folder: str) -> Path:
    return (NOTEBOOKS_DIR / expanded(folder)).resolve()
