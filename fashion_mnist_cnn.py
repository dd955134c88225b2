#!/usr/bin/env python3
"""El cuaderno 01 sin navegador: `python fashion_mnist_cnn.py --help` cuenta sus opciones."""

import sys
from importlib.util import find_spec
from pathlib import Path

# Un `random.py` en esta carpeta no debe ocupar el sitio del de Python.
here = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Este Python es demasiado antiguo: hace falta Python 3.11, 3.12 o 3.13, de 64 bits.")
found = find_spec("fashion_bench")
place = Path(found.origin or "").resolve().parents[2] if found else None
ours = here / "src"
if not place and not ours.exists():
    sys.exit("Falta el proyecto: ejecuta este archivo en su carpeta, con el Python de su entorno.")
if not place or (ours.exists() and place != here and (place / Path(__file__).name).exists()):
    sys.path.insert(0, str(ours))  # no está, o es de un entorno copiado de otra carpeta
    from fashion_bench import install

    sys.exit(install.missing(ModuleNotFoundError(name="fashion_bench de esta carpeta")))
from fashion_bench.script.start import main  # noqa: E402

main()
