"""Cómo se instala el proyecto: con su carpeta, suelto, en Colab y en el servidor de Jupyter."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib import invalidate_caches
from importlib.metadata import metadata, version
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fashion_bench import CHECKOUT, NOTEBOOKS_DIR, PROJECT_DIR
from fashion_bench.errors import TutorialError, meaning

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

NOT_IN_COLAB = ("archspec", "nvidia-ml-py")
"""Los paquetes que usa el cuaderno 01 y que Colab no trae, o no en todos sus entornos."""

MAX_MESSAGE_BYTES = 200_000_000
"""Lo que puede pesar un mensaje de Jupyter: la foto del cuaderno 01 va en uno."""

CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
CONTAINER_NAMES = (
    *("container", "KUBERNETES_SERVICE_HOST"),
    *("CODESPACES", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"),
)
"""Archivos y variables que solo hay en un contenedor."""


def pip(lock: str) -> str:
    """Lo que va detrás de `pip install` para instalar un archivo de versiones fijas.

    Si el paquete se instaló suelto no hay tal archivo: es su extra del mismo nombre.
    """
    return f"-r {lock}" if CHECKOUT else f'"fashion-bench{_extra(lock)}"'


def pip_anew(lock: str) -> str:
    """Como `pip`, para un entorno vacío: suelto, el paquete sale del `.whl` de su versión."""
    return pip(lock) if CHECKOUT else f'"{wheel()}{_extra(lock)}"'


def new_environment(lock: str, version: str, windows: bool) -> str:
    """La orden que rehace `.venv` con esa versión de Python."""
    python, there = f"python{version}", ".venv/bin/python"
    if windows:
        python, there = f"py -{version}", r".venv\Scripts\python"
    return f"{python} -m venv --clear .venv && {there} -m pip install {pip_anew(lock)}"


def python_command(executable: PurePath, project: PurePath) -> str:
    """Cómo se llama a este Python desde la carpeta del proyecto, sin rutas personales."""
    if executable.is_relative_to(project):
        return str(executable.relative_to(project))
    return executable.name.removesuffix(".exe")


def this_python() -> str:
    """Cómo se llama al Python que está ejecutando esto; en un entorno es un enlace."""
    executable = Path(sys.executable)
    return python_command(executable.parent.resolve() / executable.name, PROJECT_DIR)


def is_managed() -> bool:
    """Dice si en este Python, que no es de un entorno, solo instala el sistema (PEP 668)."""
    mark = Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return sys.prefix == sys.base_prefix and mark.exists()


def missing(error: Exception) -> str:
    """La frase de que falta algo por instalar, o falla, con lo que hay que hacer en este Python."""
    what = getattr(error, "name", None) or "lo que necesita"
    if known := meaning(f"{error} "):
        return f"Python no puede importar {what}: {known}."
    if not isinstance(error, ModuleNotFoundError):
        return f"Python no puede importar {what} ({error}): borra .venv y crea el entorno otra vez."
    lock = "requirements-macos.txt" if sys.platform == "darwin" else "requirements.txt"
    told = f"{this_python()} -m pip install {pip(lock)}"
    activate = r".venv\Scripts\activate" if os.name == "nt" else ". .venv/bin/activate"
    if sys.prefix == sys.base_prefix and (PROJECT_DIR / ".venv").exists():
        told = activate
    elif is_managed():
        told = f"{this_python()} -m venv .venv && {activate} && python -m pip install {pip(lock)}"
    return f"Falta el módulo {what}: ejecuta «{told}» en la carpeta del proyecto y repite."


def is_container() -> bool:
    """Dice si esto es un contenedor, como lo son Colab, Codespaces y Kaggle."""
    return any(map(os.path.exists, CONTAINER_MARKS)) or any(map(os.environ.get, CONTAINER_NAMES))


def wheel() -> str:
    """Cómo se llama el paquete de esta versión, que es el mismo para todos los equipos."""
    return f"fashion_bench-{version('fashion-bench')}-py3-none-any.whl"


def script(python: str) -> str:
    """La orden que entrena, sin sus opciones, con el nombre que tiene este Python."""
    return f"{python} fashion_mnist_cnn.py" if CHECKOUT else "fashion-mnist-cnn"


def restore(file: str) -> str:
    """Lo que va detrás de «recupéralo»: un archivo, desde la carpeta del proyecto o entero."""
    if CHECKOUT:
        return f"con «git restore {file}»"
    if file.startswith("notebooks/") and NOTEBOOKS_DIR.parent == PROJECT_DIR:
        return "cambiándole el nombre y con «python -m fashion_bench notebooks»"
    return "instalando otra vez el paquete"


def address(of: str) -> str | None:
    """La dirección del repositorio (`Repository`) o del sitio (`Documentation`), sin barra final.

    Están en `pyproject.toml`. `None` si aún es la de ejemplo, que acaba en `.example`.
    """
    told = metadata("fashion-bench").get_all("Project-URL", [])
    found = dict(url.split(", ", 1) for url in told)[of].rstrip("/")
    return None if (urlsplit(found).hostname or "").endswith(".example") else found


def in_colab(archive: str) -> None:
    """Instala el proyecto, de su `.whl` o su `.zip`, y lo que a Colab le falta, sin cambiar nada.

    Lo llama la primera celda del cuaderno 01 después de descomprimir allí el proyecto. Su kernel
    ya ha importado muchos, y cambiarlos por debajo lo estropearía: por eso, sin dependencias.

    Raises:
        TutorialError: si pip no puede.
    """
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", *NOT_IN_COLAB]
    with tempfile.TemporaryDirectory() as folder:
        if CHECKOUT:
            command += ["-e", str(CHECKOUT)]
        else:  # si se sube dos veces, el navegador le cambia el nombre, y pip no lo admite
            command.append(shutil.copy(archive, f"{folder}/{wheel()}"))
        failed = subprocess.run(command).returncode
    if failed:
        raise TutorialError(
            "No se ha podido instalar el proyecto; pip dice por qué, en inglés, aquí encima. "
            "Repite la celda y, si vuelve a pasar, reinicia la sesión de Colab."
        )
    invalidate_caches()


def _load_jupyter_server_extension(server: "ServerApp") -> None:
    """Deja pasar fotos grandes (sin esto, Tornado cierra la conexión) y ser root en un contenedor.

    El servidor lo carga al arrancar: se lo pide `jupyter/fashion_bench.json`.
    """
    server.web_app.settings.setdefault("websocket_max_message_size", MAX_MESSAGE_BYTES)
    if is_container():  # allí lo normal es ser root, y Jupyter no querría arrancar
        server.allow_root = True


def _extra(lock: str) -> str:
    name = lock.removeprefix("requirements").removesuffix(".txt").removeprefix("-")
    return f"[{name}]" if name else ""
