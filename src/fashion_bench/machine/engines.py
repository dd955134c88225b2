"""Dónde se ejecuta este Python y cómo se importan los motores: callados y siempre igual."""

import _thread
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from time import sleep

import platformdirs

from fashion_bench import install
from fashion_bench.errors import TutorialError, meaning
from fashion_bench.record import Backend

X86 = ("x86_64", "amd64")
"""Cómo llaman los sistemas a los procesadores que pueden calcular con oneDNN."""

OFF, ON = ("0", "false"), ("1", "true")
"""Cómo se apaga y se enciende algo en TensorFlow, en minúsculas o no; de lo demás no hace caso.

https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/util.cc
"""


def is_attended() -> bool:
    """Dice si quien ha pedido ejecutar esta celda es un editor con una persona delante.

    Lo dice el `allow_stdin` del protocolo de Jupyter, el que permite usar `input`: JupyterLab,
    Notebook, VS Code y Colab dicen que sí; papermill, nbclient, nbconvert, nbval y el script, no.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(kernel and kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


def prepare_import(backend: Backend = "tensorflow") -> None:
    """Pone las variables que Keras y TensorFlow solo leen al importarse: el motor y oneDNN.

    Keras no llega a leer el `keras.json` de la persona ni las variables con las que recorta los
    entrenamientos: su carpeta pasa a ser una del proyecto. Tampoco decide `KERAS_BACKEND`.

    oneDNN es la biblioteca con la que TensorFlow calcula en la CPU. Él solo la enciende en algunos
    procesadores, según sus instrucciones; quien ponga `TF_ENABLE_ONEDNN_OPTS=0` la apaga.

    Raises:
        TutorialError: si alguien importó TensorFlow antes y ya no se puede encender.
    """
    if "keras" not in sys.modules:
        for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"):
            os.environ.pop(name, None)
        os.environ["KERAS_HOME"] = str(platformdirs.user_cache_path("fashion-bench") / "keras")
        os.environ["KERAS_BACKEND"] = backend
    chosen = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower()
    if platform.machine().lower() in X86 and chosen not in (*OFF, *ON):
        if "tensorflow" in sys.modules:
            raise TutorialError(
                "TensorFlow ya estaba importado al empezar la lección (por otra celda o por un "
                "archivo de arranque de IPython) y no calcularía como en los demás equipos: "
                "reinicia el kernel (menú Kernel; en Colab, Entorno de ejecución) y ejecuta el "
                "cuaderno desde el principio."
            )
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"


def hiding_files(folder: Path) -> list[Path]:
    """Devuelve lo que, en una carpeta, Python importa en lugar de la biblioteca de igual nombre."""
    path = [entry for entry in sys.path if entry and Path(entry).resolve() != folder.resolve()]
    found = [*folder.glob("*.py"), *(init.parent for init in folder.glob("*/__init__.py"))]
    return sorted(
        file
        for file in found
        if file.stem in sys.stdlib_module_names or PathFinder.find_spec(file.stem, path)
    )


@contextmanager
def silent() -> Iterator[None]:
    """Contexto en el que los motores no escriben avisos en inglés; si algo falla, se muestran.

    TensorFlow los escribe desde C++, antes de que se le pueda pedir silencio: hay que desviar el
    descriptor de archivo 2.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.CRITICAL)
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(stderr, 2)  # sys.stderr puede ser ese mismo descriptor
            notices.seek(0)
            sys.stderr.write(notices.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextmanager
def quiet(backend: Backend = "tensorflow") -> Iterator[None]:
    """Contexto en el que se importan Keras y TensorFlow: en silencio y siempre igual.

    Desde entonces, además, no se pierde ninguna interrupción. Si Keras ya está importado, no cambia
    de motor.

    Raises:
        TutorialError: si la importación falla, o como `prepare_import`.
    """
    prepare_import(backend)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _insist
    try:
        with silent():
            yield
    except TutorialError:
        raise
    except Exception as error:  # el complemento Metal, por ejemplo, no da un ImportError
        if isinstance(error, ModuleNotFoundError) or meaning(f"{error} "):
            raise TutorialError(install.missing(error)) from error
        raise TutorialError(
            f"TensorFlow no se puede importar ({error}): «python -m fashion_bench» dice por qué y "
            "cómo arreglarlo."
        ) from error


def _insist(lost: "sys.UnraisableHookArgs") -> None:
    """Repite las interrupciones que se iban a perder; lo demás lo cuenta, como siempre.

    Si Ctrl-C o el botón de detener llegan mientras Python limpia un objeto, no tienen a quién
    interrumpir: Python escribe una traza y sigue. Al preparar una red, TensorFlow limpia miles.
    """
    if lost.exc_type is KeyboardInterrupt:
        _thread.start_new_thread(_interrupt_later, ())  # sin esperar a que arranque
    else:
        sys.__unraisablehook__(lost)


def _interrupt_later() -> None:
    sleep(0.05)  # si tampoco llega, se repite otra vez
    _thread.interrupt_main()
