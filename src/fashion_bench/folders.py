"""Carpetas y archivos: comprobarlos antes de empezar y escribirlos enteros o nada."""

import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from time import sleep, time

from fashion_bench import PROJECT_DIR
from fashion_bench.errors import TutorialError, cause
from fashion_bench.text import written

FREE_BYTES_NEEDED, LEFT_SECONDS = 10_000_000, 3600
BUSY_ATTEMPTS, BUSY_SECONDS = 20, 0.05
"""Cuántas veces y cada cuánto se intenta cambiar un archivo que alguien está leyendo."""


def prepare_folder(folder: str, parameter: str = "results_dir") -> Path:
    """Crea, si no está, la carpeta que da un parámetro y comprueba que se puede escribir en ella.

    Raises:
        TutorialError: si no se puede crear o escribir en ella, o si el disco está lleno.
    """
    path, blame = absolute(folder), f"{parameter}={folder!r} no es válido"
    try:
        path.mkdir(exist_ok=True)
        for left in path.glob(".*.tmp"):  # de un programa al que mataron mientras escribía
            with suppress(FileNotFoundError):
                if time() - left.stat().st_mtime > LEFT_SECONDS:
                    left.unlink()
        write_atomically(path / f".{secrets.token_hex(8)}.tmp", " " * 10_000).unlink()
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise TutorialError(
            f"{blame}: no se puede escribir en {shown(path)} ({cause(error)}); crea la carpeta que "
            "la contiene, libera espacio, cambia los permisos o elige otra."
        ) from None
    if free < FREE_BYTES_NEEDED:
        raise TutorialError(
            f"{blame}: en el disco de {shown(path)} quedan {written(free / 1e6, 1, 'MB')} y hacen "
            f"falta {FREE_BYTES_NEEDED / 1e6:.0f}; libera espacio o elige otra carpeta."
        )
    return path


def find_folder(folder: str) -> Path:
    """Devuelve la carpeta de la que leer registros.

    Raises:
        TutorialError: si no existe o no es una carpeta.
    """
    path = absolute(folder)
    if not path.is_dir():
        raise TutorialError(
            f"results_dir={folder!r} no es válido: {shown(path)} no existe o no es una carpeta; "
            "escribe la ruta de la carpeta que tiene los registros."
        )
    return path


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Escribe un archivo entero o no lo escribe: nunca deja uno a medias.

    Raises:
        OSError: con su nombre, si no se puede; entonces, si `path` existía, sigue como estaba.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        for _ in range(BUSY_ATTEMPTS - 1):
            with suppress(PermissionError):  # Windows no cambia un archivo que alguien está leyendo
                return temporary.replace(path)
            sleep(BUSY_SECONDS)
        return temporary.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # al llenarse un disco no lo dice
        raise
    finally:
        temporary.unlink(missing_ok=True)


def shown(path: Path) -> str:
    """Cómo se escribe una ruta para que la lea cualquiera: desde el proyecto o con `~`."""
    told = anonymous(str(path.absolute()))
    return told[2:].replace("\\", "/") if told[:2] in ("./", ".\\") else told


def portable(path: Path) -> str:
    """Una ruta que vale como parámetro de un cuaderno y no dice de quién es el equipo.

    Desde `notebooks/` si es del proyecto; con `~` si es de la carpeta personal; si no, entera.
    """
    path = path.absolute()
    for folder, alias in _aliases():
        if path.is_relative_to(folder):
            if alias == "~":
                return f"~/{path.relative_to(folder).as_posix()}"
            return os.path.relpath(path, PROJECT_DIR / "notebooks")
    return str(path)


def anonymous(text: str) -> str:
    """Quita de las rutas que lleve un texto las carpetas personales y el nombre de la persona.

    Una ruta del proyecto queda como `./…`; una de la carpeta personal, como `~/…`.
    """
    for folder, alias in _aliases():
        for route in {str(folder), str(folder).replace("\\", "\\\\")}:
            text = re.sub(rf"(?<![\w.~-]){re.escape(route)}(?![\w-])", alias, text)
    for home in _homes():
        text = re.sub(rf"(?<=[/\\]){re.escape(home.name)}(?=[/\\])", "<usuario>", text)
    return text


def borrow_home() -> None:
    """Da una carpeta personal de prestado a quien no tiene: Jupyter y Keras piden una.

    A quien no puede escribir en la suya le da otra solo a IPython, que si no avisa en inglés.
    """
    try:
        if not os.access(Path.home(), os.W_OK):
            os.environ.setdefault("IPYTHONDIR", tempfile.mkdtemp(prefix="fashion-bench-"))
    except RuntimeError:
        os.environ["HOME"] = tempfile.mkdtemp(prefix="fashion-bench-")


def expanded(path: str) -> Path:
    """Una ruta tal como la escribe una persona, con `~` por su carpeta."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no es la carpeta de nadie: es un nombre que empieza por ~
        return Path(path)


def absolute(path: str) -> Path:
    """Una ruta entera; si es relativa, se cuenta desde `notebooks/`, la haya o no."""
    return (PROJECT_DIR / "notebooks" / expanded(path)).resolve()


def _aliases() -> list[tuple[Path, str]]:
    """Las carpetas que se escriben de otro modo: antes, la más larga, que está dentro de otra."""
    aliases = dict.fromkeys(_homes(), "~") | ({PROJECT_DIR: "."} if PROJECT_DIR.name else {})
    return sorted(aliases.items(), key=lambda each: -len(str(each[0])))


def _homes() -> set[Path]:
    """La carpeta personal, tal cual y sin enlaces; la raíz del disco no es de nadie."""
    try:
        home = Path.home()
    except RuntimeError:  # un usuario sin carpeta
        return set()
    return {folder for folder in (home, home.resolve()) if folder.name}
