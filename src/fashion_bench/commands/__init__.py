"""Las órdenes de `python -m fashion_bench`: cada módulo, una, con su `main(arguments) -> int`."""

FINE, FAILED, BAD_USAGE = 0, 1, 2
"""Códigos de salida: bien, algo que arreglar y orden mal escrita."""
