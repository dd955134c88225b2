"""El arranque del script: lo que va antes de importar lo que tarda.

Es el de `fashion_mnist_cnn.py` y el de la orden `fashion-mnist-cnn`, que instala el paquete.
"""

import builtins
import os
import signal
import sys


def main() -> None:
    """Atiende a Ctrl-C desde ya y, si no falta ningún módulo, obedece la línea de órdenes."""
    # Fuera de una ejecución no hay nada que guardar, y una excepción podría acabar en una traza.
    # Si se atiende a Ctrl-C, y no es el kernel de otro cuaderno, que no es nuestro.
    attended = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if attended and not hasattr(builtins, "get_ipython"):
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from fashion_bench import install
    from fashion_bench.folders import borrow_home

    try:
        borrow_home()  # Jupyter la busca en cuanto se importa
        from fashion_bench.script.cli import main as obey

        obey()
    except ImportError as error:
        sys.exit(install.missing(error))
