"""Lo que se sabe del proyecto sin escribirlo otra vez: está en su `pyproject.toml`."""

import tomllib
from importlib.metadata import metadata

from fashion_bench import CHECKOUT


def repository() -> str:
    """Devuelve la dirección del repositorio, sin barra al final.

    En la carpeta del proyecto la lee de `pyproject.toml`, que quizá ha cambiado después de
    instalarlo; si solo está instalado, de los metadatos del paquete: un `pyproject.toml` que haya
    en la carpeta de la terminal es de otro proyecto.
    """
    if CHECKOUT:
        source = CHECKOUT / "pyproject.toml"
        urls = tomllib.loads(source.read_text(encoding="utf-8"))["project"]["urls"]
    else:
        told = metadata("fashion-bench").get_all("Project-URL", [])
        urls = dict(url.split(", ", 1) for url in told)
    return str(urls["Repository"]).rstrip("/")
