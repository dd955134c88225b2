"""Cómo se instala lo que falta y se recupera lo dañado, con el proyecto descargado o sin él."""

from importlib.metadata import version

from fashion_bench import CHECKOUT, NOTEBOOKS_DIR, PROJECT_DIR


def pip(lock: str) -> str:
    """Lo que va detrás de `pip install` para instalar un archivo de versiones fijas.

    Si el paquete se instaló suelto no hay tal archivo: es su extra del mismo nombre.
    """
    return f"-r {lock}" if CHECKOUT else f'"fashion-bench{_extra(lock)}"'


def pip_anew(lock: str) -> str:
    """Como `pip`, para un entorno vacío: suelto, el paquete sale del `.whl` de su versión."""
    if CHECKOUT:
        return pip(lock)
    return f'"{wheel()}{_extra(lock)}"'


def wheel() -> str:
    """Cómo se llama el paquete de esta versión, que es el mismo para todos los equipos."""
    return f"fashion_bench-{version('fashion-bench')}-py3-none-any.whl"


def script(python: str) -> str:
    """La orden que entrena, sin sus opciones.

    Args:
        python: cómo se llama a este Python.
    """
    return f"{python} fashion_mnist_cnn.py" if CHECKOUT else "fashion-mnist-cnn"


def restore(file: str) -> str:
    """Lo que va detrás de «recupéralo».

    Args:
        file: un archivo del curso, desde la carpeta del proyecto o con la ruta entera.
    """
    if CHECKOUT:
        return f"con «git restore {file}»"
    if file.startswith("notebooks/") and NOTEBOOKS_DIR.parent == PROJECT_DIR:
        return "cambiándole el nombre y con «python -m fashion_bench notebooks»"
    return "instalando otra vez el paquete"


def _extra(lock: str) -> str:
    name = lock.removeprefix("requirements").removesuffix(".txt").removeprefix("-")
    return f"[{name}]" if name else ""
