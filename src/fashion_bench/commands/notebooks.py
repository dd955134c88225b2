"""`python -m fashion_bench notebooks`: copia el curso a una carpeta en la que trabajar con él."""

import shutil
import sys
from pathlib import Path

from fashion_bench import LESSON, ORIGINALS
from fashion_bench.commands import BAD_USAGE, FAILED, FINE
from fashion_bench.errors import cause
from fashion_bench.folders import shown

USAGE = "Uso: python -m fashion_bench notebooks [CARPETA]"
COPIED = ("notebooks", "results")


def main(arguments: list[str]) -> int:
    """Copia los cuadernos y los registros del curso, sin tocar nada de lo que ya haya.

    En la carpeta quedan `notebooks/` y `results/`, como en la del proyecto: así, `../results`
    es en cada cuaderno la suya.

    Args:
        arguments: la carpeta; sin ella, la de la terminal.

    Returns:
        El código de salida: 1 si algo no se ha podido copiar o se deja porque está cambiado.
    """
    match arguments:
        case []:
            folder = Path.cwd()
        case [given] if given and not given.startswith("-"):
            folder = Path(given).absolute()
        case _:
            print(USAGE, file=sys.stderr)
            return BAD_USAGE
    try:
        changed = copy(folder)
    except OSError as error:
        where = f" {shown(Path(error.filename))}" if error.filename else ""
        print(
            f"Error. No se puede copiar en{where} ({cause(error)}); elige otra carpeta, libera "
            "espacio o cambia los permisos.",
            file=sys.stderr,
        )
        return FAILED
    print(f"El curso está en {shown(folder / 'notebooks')}. Ábrelo así, desde esa carpeta:")
    print(f"python -m jupyter lab {LESSON}")
    if changed:
        print(
            f"No se ha tocado lo que has cambiado: {', '.join(map(shown, changed))}. Para tenerlo "
            "como al principio, cámbiale el nombre y repite la orden.",
            file=sys.stderr,
        )
    return FAILED if changed else FINE


def copy(folder: Path) -> list[Path]:
    """Copia en `folder` lo que le falte y devuelve lo que ya está y no es igual.

    Raises:
        OSError: si no se puede leer o escribir.
    """
    changed = []
    for name in COPIED:
        for original in sorted((ORIGINALS / name).rglob("*")):
            place = folder / original.relative_to(ORIGINALS)
            if original.is_dir() or ".ipynb_checkpoints" in original.parts:
                continue
            if place.exists():
                if place.read_bytes() != original.read_bytes():
                    changed.append(place)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, place)
    return changed
