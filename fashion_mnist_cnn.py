#!/usr/bin/env python3
"""El cuaderno 01 sin navegador: `python fashion_mnist_cnn.py --help` cuenta sus opciones."""

import os
import signal
import sys

# Mientras se importa no hay nada que guardar, y una biblioteca podría tragarse la excepción.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))
try:
    from fashion_bench.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
except KeyboardInterrupt:
    sys.exit(130)
except ModuleNotFoundError as error:
    sys.exit(
        f"Falta el módulo {error.name}: instala el proyecto con «pip install -r requirements.txt» "
        "y usa el Python de ese mismo entorno."
    )
