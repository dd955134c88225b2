"""Colab: lo que hace la primera celda del cuaderno 01 después de descomprimir allí el proyecto."""

import subprocess
import sys
from importlib import invalidate_caches

from fashion_bench import PROJECT_DIR
from fashion_bench.errors import TutorialError

NOT_IN_COLAB = ("archspec", "nvidia-ml-py")
"""Los paquetes que usa el cuaderno 01 y que Colab no trae, o no en todos sus entornos."""


def install() -> None:
    """Instala el proyecto y lo que a Colab le falta, sin cambiar ninguno de sus paquetes.

    Su kernel ya ha importado muchos, y cambiarlos por debajo lo estropearía: por eso, sin sus
    dependencias. La prueba `tests/test_colab.py` comprueba que con las versiones de allí funciona.

    Raises:
        TutorialError: si pip no puede.
    """
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", *NOT_IN_COLAB]
    if subprocess.run([*command, "-e", PROJECT_DIR]).returncode:
        raise TutorialError(
            "No se ha podido instalar el proyecto; pip dice por qué, en inglés, aquí encima. "
            "Repite la celda y, si vuelve a pasar, reinicia la sesión de Colab."
        )
    invalidate_caches()
