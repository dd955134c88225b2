#!/usr/bin/env python3
"""El cuaderno 01 sin navegador: `python fashion_mnist_cnn.py --help` cuenta sus opciones."""

import os
import signal
import sys

# Mientras se importa no hay nada que guardar, y una biblioteca podría tragarse la excepción.
previous = signal.getsignal(signal.SIGINT)
if previous is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
try:
    from fashion_bench.script.cli import main

    signal.signal(signal.SIGINT, previous)
    main()
except KeyboardInterrupt:
    sys.exit(130)
except ModuleNotFoundError as error:
    sys.exit(
        f"Falta el módulo {error.name}: instala el proyecto con «pip install -r requirements.txt» "
        "y usa el Python de ese mismo entorno."
    )
