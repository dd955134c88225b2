#!/usr/bin/env python3
"""El cuaderno 01 sin navegador: `python fashion_mnist_cnn.py --help` cuenta sus opciones."""

import sys
from pathlib import Path

# Un `random.py` en esta carpeta no debe ocupar el sitio del de Python.
here = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]

try:
    from fashion_bench.script.start import main
except ModuleNotFoundError as error:
    sys.exit(
        f"Falta el módulo {error.name}: instala el proyecto con «pip install -r requirements.txt» "
        "y usa el Python de ese mismo entorno."
    )
main()
