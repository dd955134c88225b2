"""El único tipo de error que una persona debe leer, y los del sistema, dichos en español."""

import errno

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
}
"""Lo que quieren decir los errores del sistema más corrientes."""

FINE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Códigos de salida: bien, algo que arreglar, orden mal escrita y detenido con Ctrl-C."""


def cause(error: OSError) -> str:
    """Dice en español por qué ha fallado el sistema; si no lo sabe, con las palabras de él."""
    return CAUSES.get(error.errno or 0) or error.strerror or type(error).__name__


class TutorialError(Exception):
    """Fallo que la persona puede arreglar.

    Su texto es una frase en español: qué pasa, por qué y qué hacer.
    """

    def _render_traceback_(self) -> list[str]:
        """Líneas que IPython muestra en lugar de la traza: solo la frase, en rojo."""
        return [f"\x1b[31m{self}\x1b[0m"]
