"""`python -m fashion_bench notebooks`: copia el curso a una carpeta en la que trabajar con él."""

import shutil
import sys
from pathlib import Path

from fashion_bench import LESSON, ORIGINALS
from fashion_bench.errors import FAILED, FINE, TutorialError, cause
from fashion_bench.folders import expanded, shown

COPIED = ("notebooks", "results")


def main(where: str) -> int:
    """Copia los cuadernos y los registros del curso, sin tocar nada de lo que ya haya.

    En la carpeta quedan `notebooks/` y `results/`, como en la del proyecto: así, `../results`
    es en cada cuaderno la suya.

    Returns:
        El código de salida: 1 si algo se deja porque está cambiado.

    Raises:
        TutorialError: si algo no se puede copiar.
    """
    folder = expanded(where).absolute()
    try:
        changed = copy(folder)
    except OSError as error:
        place = f" {shown(Path(error.filename))}" if error.filename else ""
        raise TutorialError(
            f"No se puede copiar en{place} ({cause(error)}); elige otra carpeta, libera espacio o "
            "cambia los permisos."
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
