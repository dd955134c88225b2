"""Cómo se instala el proyecto: con su carpeta, suelto, en Colab y en el servidor de Jupyter."""

import shutil
import subprocess
import sys
import tempfile
from importlib import invalidate_caches
from importlib.metadata import metadata, version
from typing import TYPE_CHECKING

from fashion_bench import CHECKOUT, NOTEBOOKS_DIR, PROJECT_DIR
from fashion_bench.errors import TutorialError

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

NOT_IN_COLAB = ("archspec", "nvidia-ml-py")
"""Los paquetes que usa el cuaderno 01 y que Colab no trae, o no en todos sus entornos."""

MAX_MESSAGE_BYTES = 200_000_000
"""Lo que puede pesar un mensaje de Jupyter: la foto del cuaderno 01 va en uno."""


def pip(lock: str) -> str:
    """Lo que va detrás de `pip install` para instalar un archivo de versiones fijas.

    Si el paquete se instaló suelto no hay tal archivo: es su extra del mismo nombre.
    """
    return f"-r {lock}" if CHECKOUT else f'"fashion-bench{_extra(lock)}"'


def pip_anew(lock: str) -> str:
    """Como `pip`, para un entorno vacío: suelto, el paquete sale del `.whl` de su versión."""
    return pip(lock) if CHECKOUT else f'"{wheel()}{_extra(lock)}"'


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


def repository() -> str:
    """Devuelve la dirección del repositorio, sin barra al final; está en `pyproject.toml`."""
    told = metadata("fashion-bench").get_all("Project-URL", [])
    return dict(url.split(", ", 1) for url in told)["Repository"].rstrip("/")


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
    """Deja pasar fotos grandes; sin esto, Tornado cierra la conexión con más de 10 MiB.

    El servidor lo carga al arrancar: se lo pide `jupyter/fashion_bench.json`.
    """
    server.web_app.settings.setdefault("websocket_max_message_size", MAX_MESSAGE_BYTES)


def _extra(lock: str) -> str:
    name = lock.removeprefix("requirements").removesuffix(".txt").removeprefix("-")
    return f"[{name}]" if name else ""
