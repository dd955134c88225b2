#!/usr/bin/env python3
"""El cuaderno 01 sin navegador: `python fashion_mnist_cnn.py --help` cuenta sus opciones."""

import builtins
import os
import signal
import sys
from pathlib import Path

# Un `random.py` en esta carpeta no debe ocupar el sitio del de Python.
here = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]

# Fuera de una ejecución no hay nada que guardar, y una excepción podría acabar en una traza. Si se
# atiende a Ctrl-C, y no es el kernel de otro cuaderno, que no es nuestro.
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN and not hasattr(builtins, "get_ipython"):
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
try:
    from fashion_bench.folders import borrow_home

    borrow_home()  # Jupyter la busca en cuanto se importa
    from fashion_bench.script.cli import main

    main()
except ModuleNotFoundError as error:
    sys.exit(
        f"Falta el módulo {error.name}: instala el proyecto con «pip install -r requirements.txt» "
        "y usa el Python de ese mismo entorno."
    )
