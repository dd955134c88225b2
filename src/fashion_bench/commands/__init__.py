"""Las órdenes de `python -m fashion_bench`: cada módulo, una."""

FINE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Códigos de salida: bien, algo que arreglar, orden mal escrita y detenido con Ctrl-C."""
