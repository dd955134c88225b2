"""Que una interrupción no se pierda, en el kernel del script: es una extensión de IPython.

Si Ctrl-C llega mientras Python limpia un objeto, no tiene a quién interrumpir: lo cuenta con una
traza y sigue como si nada. Al preparar una red, TensorFlow limpia miles de objetos.
"""

import _thread
import sys
from time import sleep

from IPython.core.interactiveshell import InteractiveShell

WAIT_SECONDS = 0.05
"""Lo que se tarda en insistir; si entonces también está limpiando, se insiste otra vez."""


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Hace que las interrupciones que se iban a perder lleguen un momento después."""
    previous = sys.unraisablehook

    def insist(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            _thread.start_new_thread(_interrupt_later, ())  # sin esperar a que arranque
        else:
            previous(lost)

    sys.unraisablehook = insist


def _interrupt_later() -> None:
    sleep(WAIT_SECONDS)
    _thread.interrupt_main()
