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
}
"""Lo que quieren decir los errores del sistema más corrientes."""

MEANINGS = {
    "static-tls": (
        r"static TLS block",
        "una biblioteca ya no cabe en el sitio que se reparte al arrancar; haz que sea la primera",
    ),
    "no-memory": (
        r"\bMemoryError|bad_alloc|[Cc]annot allocate memory|WinError 1455|paging file|archivo de "
        r"paginación|by allocator cpu",
        "no queda memoria libre; cierra otros programas",
    ),
    "blocked-by-system": (
        r"WinError 4551|Application Control policy|[Cc]ontrol de aplicaciones|system policy"
        r"|code signature",
        "el sistema no deja cargar una biblioteca del entorno por no estar firmada; permítela en "
        "sus ajustes de seguridad o pídelo a quien lo administra",
    ),
    "disk-noexec": (
        r"failed to map segment",
        "el disco en el que está el entorno no deja ejecutar programas (noexec); crea el entorno "
        "en otro disco, como el de tu carpeta personal",
    ),
    "too-many-files": (
        r"Errno 24\b|Too many open files",
        "esta terminal deja abrir muy pocos archivos a la vez; súbele el límite, con «ulimit -n "
        "1024», y repite la orden en ella",
    ),
    "two-openmp": (
        r"OMP: Error #15",
        "hay dos copias de OpenMP, casi siempre por mezclar paquetes de conda y de pip; crea el "
        "entorno otra vez, sin conda",
    ),
    "another-libstdc": (
        r"version [`'](?:GLIBC|GLIBCXX|CXXABI)_",
        "las bibliotecas de C y C++ que encuentra son más antiguas que las que pide; desactiva "
        "conda, si lo usas, y, si no, hace falta un sistema más nuevo",
    ),
    "wrong-architecture": (
        r"incompatible architecture|wrong ELF class|WinError 193|not a valid Win32",
        "una biblioteca del entorno es de otro procesador; crea el entorno otra vez en este equipo",
    ),
    "python-incomplete": (
        rf"(?:No module named|import of) '?(?:{'|'.join(sys.stdlib_module_names)})\b[^.]",
        "a este Python le falta una parte suya, porque se construyó sin alguna biblioteca del "
        "sistema (como libffi); instala otro Python 3.12 y crea el entorno con él",
    ),
}
"""Lo que quieren decir, con las palabras de cada biblioteca y sistema, otros errores al importar.

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
