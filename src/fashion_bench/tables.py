"""Las tablas de los cuadernos: en un navegador se ajustan al ancho que haya."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from fashion_bench.typography import unbreakable

FIRST = "text-align: left; min-width: 8em"
"""Cómo es la primera columna: sin un ancho mínimo, en un teléfono cada palabra va en su renglón."""


class Table(NamedTuple):
    """Una tabla que se lee en una terminal y, en un cuaderno, también en un teléfono.

    Si no cabe, se desliza de lado, también con el teclado: por eso se puede elegir.
    """

    caption: str
    rows: Sequence[Sequence[str]]
    """La primera fila es la cabecera; la primera columna dice de qué es cada fila."""

    def __str__(self) -> str:
        *columns, _ = zip(*self.rows, strict=True)
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join(
                [
                    f"{name:{widths[0]}}",
                    *(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True)),
                    last,
                ]
            )
            for name, *cells, last in self.rows
        ]
        return "\n".join([self.caption, *lines])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        caption = _escaped(self.caption)
        head, *body = self.rows
        name, *others = map(_escaped, head)
        titles = f'<th scope="col" style="{FIRST}">{name}</th>' + "".join(
            f'<th scope="col">{title}</th>' for title in others
        )
        lines = "\n".join(
            f'<tr><th scope="row" style="{FIRST}">{_escaped(name)}</th>'
            + "".join(f"<td>{_escaped(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, *cells in body
        )
        return (
            f'<div style="overflow-x: auto" tabindex="0" role="region" aria-label="{caption}">\n'
            f'<table>\n<caption style="text-align: left; white-space: normal">{caption}</caption>\n'
            f"<thead><tr>{titles}</tr></thead>\n"
            f"<tbody>\n{lines}\n</tbody>\n</table>\n</div>"
        )


def _escaped(text: str) -> str:
    return escape(unbreakable(text))
