"""`python -m fashion_bench notebooks`: copia el curso a una carpeta en la que trabajar con él."""

import sys
from pathlib import Path

import nbformat

from fashion_bench import LESSON, ORIGINALS
from fashion_bench.errors import FAILED, FINE, TutorialError, cause
from fashion_bench.folders import expanded, shown, write_atomically


def main(where: str) -> int:
    """Copia los cuadernos y los registros del curso, sin tocar nada de lo que ya haya.

    Quedan en `notebooks/` y `results/`, como en el proyecto: así, `../results` es la suya. Devuelve
    el código de salida: 1 si algo se deja porque está cambiado.

    Raises:
        TutorialError: si algo no se puede copiar.
    """
    folder, changed = expanded(where).absolute(), []
    originals = [
        path for name in ("notebooks", "results") for path in (ORIGINALS / name).rglob("*")
    ]
    try:
        for original in sorted(originals):
            if original.is_dir() or ".ipynb_checkpoints" in original.parts:
                continue
            place, content = folder / original.relative_to(ORIGINALS), _content(original)
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(place, content)
            elif place.read_bytes() != content:
                changed.append(place)
    except OSError as error:
        raise TutorialError(
            f"No se puede copiar en {shown(Path(error.filename or folder))} ({cause(error)}); "
            "elige otra carpeta, libera espacio o cambia los permisos."
        ) from None
    print(f"El curso está en {shown(folder / 'notebooks')}. Ábrelo así, desde esa carpeta:")
    print(f"python -m jupyter lab {LESSON}")
    if changed:
        print(
            f"No se ha tocado lo que has cambiado: {', '.join(map(shown, changed))}. Para tenerlo "
            "como al principio, cámbiale el nombre y repite la orden.",
            file=sys.stderr,
        )
    return FAILED if changed else FINE


def _content(original: Path) -> bytes:
    """Lo que hay en un archivo; si es un cuaderno, sin resultados: dirían lo que hay que apostar.

    Los de las soluciones se quedan: son lo que se va a mirar.
    """
    if original.suffix != ".ipynb" or original.parent.name == "soluciones":
        return original.read_bytes()
    notebook = nbformat.read(original, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    return (nbformat.writes(notebook) + "\n").encode()
