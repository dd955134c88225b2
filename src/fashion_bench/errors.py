"""El único tipo de error que una persona debe leer, y los del sistema, dichos en español."""

import errno
import re
import sys

CAUSES = {
    errno.ENOENT: "no existe",
    errno.EACCES: "falta permiso",
    errno.EPERM: "falta permiso",
    errno.ENOSPC: "no queda espacio en el disco",
    errno.EDQUOT: "no queda espacio en tu parte del disco",
    errno.EEXIST: "ya hay un archivo con ese nombre",
    errno.EISDIR: "es una carpeta",
    errno.ENOTDIR: "una parte de la ruta no es una carpeta",
    errno.EROFS: "el disco es de solo lectura",
    errno.EIO: "el disco falla",
    errno.EPIPE: "ya no hay quien lo lea",
    errno.EMFILE: "hay demasiados archivos abiertos a la vez",
    errno.ENETUNREACH: "no hay red",
    errno.ECONNREFUSED: "nadie contesta",
}
"""Lo que quieren decir los errores del sistema más corrientes."""

MEANINGS = {
    "static-tls": (r"static TLS block", "hay que cargar una biblioteca antes que las demás"),
    "no-memory": (
        r"\bMemoryError|bad_alloc|[Cc]annot allocate memory|WinError 1455|archivo de paginación"
        r"|paging file|by allocator cpu",
        "no queda memoria libre; cierra otros programas",
    ),
    "blocked-by-system": (
        r"WinError 4551|Application Control|Control de aplicaciones|system policy|code signature",
        "el sistema no deja cargar una biblioteca sin firmar; permítela en sus ajustes",
    ),
    "disk-noexec": (
        r"failed to map segment",
        "el disco del entorno no deja ejecutar programas (noexec); crea el entorno en otro disco",
    ),
    "too-many-files": (
        r"Errno 24\b|Too many open files",
        "esta terminal deja abrir pocos archivos; escribe «ulimit -n 1024» y repite en ella",
    ),
    "two-openmp": (
        r"OMP: Error #15",
        "hay dos OpenMP, casi siempre de conda y de pip; crea el entorno otra vez, sin conda",
    ),
    "another-libstdc": (
        r"version [`'](?:GLIBC|GLIBCXX|CXXABI)_",
        "las bibliotecas de C y C++ son demasiado antiguas; desactiva conda o usa otro sistema",
    ),
    "wrong-architecture": (
        r"incompatible architecture|wrong ELF class|WinError 193|not a valid Win32",
        "una biblioteca es de otro procesador; crea el entorno otra vez en este equipo",
    ),
    "python-incomplete": (
        rf"(?:No module named|import of) '?(?:{'|'.join(sys.stdlib_module_names)})\b[^.]",
        "este Python se construyó incompleto; instala otro Python 3.12 y crea el entorno con él",
    ),
}
"""Otros errores al importar, con las palabras de cada biblioteca y sistema, y lo que quieren decir.

Por orden: lo que va antes lleva dentro palabras de lo que va después.
"""

FINE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Códigos de salida: bien, algo que arreglar, orden mal escrita y detenido con Ctrl-C."""


def cause(error: OSError) -> str:
    """Dice en español por qué ha fallado el sistema; si no lo sabe, con las palabras de él."""
    return CAUSES.get(error.errno or 0) or error.strerror or type(error).__name__


def meaning(text: str) -> str | None:
    """Dice en español qué ha fallado al importar algo y qué hacer; `None` si no se sabe."""
    found = (told for pattern, told in MEANINGS.values() if re.search(pattern, text))
    return next(found, None)


class TutorialError(Exception):
    """Fallo que la persona puede arreglar.

    Su texto es una frase en español: qué pasa, por qué y qué hacer.
    """

    def _render_traceback_(self) -> list[str]:
        """Líneas que IPython muestra en lugar de la traza: solo la frase, en rojo."""
        return [f"\x1b[31m{self}\x1b[0m"]
