#!/usr/bin/env python3
"""El cuaderno 01 sin navegador: `python fashion_mnist_cnn.py --help` cuenta sus opciones."""

import sys

try:
    from fashion_bench.cli import main

    main()
except KeyboardInterrupt:
    sys.exit(130)
except ModuleNotFoundError as error:
    sys.exit(
        f"Falta el módulo {error.name}: instala el proyecto con «pip install -r requirements.txt» "
        "y usa el Python de ese mismo entorno."
    )
