"""Colab: lo que hace la primera celda del cuaderno 01 después de descomprimir allí el proyecto."""

import shutil
import subprocess
import sys
import tempfile
from importlib import invalidate_caches

from fashion_bench import CHECKOUT, install
from fashion_bench.errors import TutorialError

NOT_IN_COLAB = ("archspec", "nvidia-ml-py")
"""Los paquetes que usa el cuaderno 01 y que Colab no trae, o no en todos sus entornos."""


def install_project(archive: str) -> None:
    """Instala el proyecto y lo que a Colab le falta, sin cambiar ninguno de sus paquetes.

    Su kernel ya ha importado muchos, y cambiarlos por debajo lo estropearía: por eso, sin sus
    dependencias. La prueba `tests/test_colab.py` comprueba que con las versiones de allí funciona.

    Args:
        archive: de dónde ha salido este código: el `.whl` o el `.zip` del proyecto.

    Raises:
        TutorialError: si pip no puede.
    """
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", *NOT_IN_COLAB]
    with tempfile.TemporaryDirectory() as folder:
        if CHECKOUT:
            command += ["-e", str(CHECKOUT)]
        else:  # si se sube dos veces, el navegador le cambia el nombre, y pip no lo admite
            command.append(shutil.copy(archive, f"{folder}/{install.wheel()}"))
        failed = subprocess.run(command).returncode
    if failed:
        raise TutorialError(
            "No se ha podido instalar el proyecto; pip dice por qué, en inglés, aquí encima. "
            "Repite la celda y, si vuelve a pasar, reinicia la sesión de Colab."
        )
    invalidate_caches()
