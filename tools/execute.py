"""Ejecuta cuadernos y los guarda con sus resultados, listos para confirmar en git.

Uso: `python tools/execute.py notebooks/01_fashion_mnist_cnn.ipynb`

No deja fechas, duraciones ni versiones en los metadatos: las diferencias entre dos
ejecuciones son solo las de los resultados.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def execute(path: Path) -> None:
    """Ejecuta el cuaderno `path` desde su carpeta y lo guarda en el mismo sitio."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": path.parent}},
        record_timing=False,
        coalesce_streams=True,
        timeout=None,
    )
    client.execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": notebook.metadata.language_info,  # sin ella, nbconvert no sabe que es .py
    }
    del notebook.metadata["language_info"]["version"]
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        execute(Path(argument))
