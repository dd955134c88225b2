"""Qué se dice cuando un lote no cabe en la memoria."""

from collections.abc import Iterator
from contextlib import contextmanager

from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends


@contextmanager
def fitting_in_memory(batch_size: int) -> Iterator[None]:
    """Contexto en el que se calcula con lotes de `batch_size` imágenes.

    Raises:
        TutorialError: si el motor de cálculo se queda sin memoria.
    """
    try:
        yield
    except Exception as error:
        if not backends.is_out_of_memory(error):
            raise
        raise out_of_memory(batch_size) from error


def out_of_memory(batch_size: int) -> TutorialError:
    """El error que se muestra cuando un lote de `batch_size` imágenes no cabe."""
    return TutorialError(
        f"El lote de {batch_size} imágenes no cabe en la memoria del dispositivo: "
        f"prueba con batch_size={max(1, batch_size // 2)}."
    )
