"""Cómo se escriben cifras y tablas, y lo que no debe separarse al cambiar de renglón.

Los decimales van detrás de un punto; los millares, desde las cinco cifras, separados por un espacio
que no se parte (Real Academia Española, «Ortografía de la lengua española», 2010, VIII.2.2). De
los que no se parten usamos el corriente, U+00A0, y no el fino, U+202F: es el único que tienen
también las consolas de Windows de un byte por letra. En los valores que se escriben en un
parámetro no hay espacios.
"""

import re
import textwrap
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

NO_BREAK, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
UNITS = r"%|[mµn]?s|[kMG]i?B(?:/s)?|[GT]FLOP/s|Gbit/s|imágenes/s"
"""Los signos y unidades que van detrás de una cifra, como los escribe una expresión regular."""


def written(value: float, decimals: int = 0, unit: str = "", *, sign: bool = False) -> str:
    """Escribe una cifra como en todo el curso: «54 000», «0.12 s», «+3 %».

    La unidad va unida a ella; con `sign`, un valor positivo lleva también su signo.
    """
    text = f"{value:{'+' if sign else ''}z,.{decimals}f}".replace("-", MINUS)
    text = text.replace(",", NO_BREAK if abs(value) >= 9999.5 else "")
    return f"{text}{NO_BREAK}{unit}" if unit else text


def shortest(value: float, _position: object = None) -> str:
    """Escribe una cifra con las que hacen falta: tres, o todas las de un número grande o entero.

    Sirve también para las marcas de un eje, que Matplotlib pide con su posición.
    """
    if float(value).is_integer() or abs(value) >= 999.5:
        return written(value)
    return f"{value:.3g}".replace("-", MINUS)


def unbreakable(text: str) -> str:
    """Une a cada cifra de un texto el signo o la unidad que lleva detrás."""
    return re.sub(rf"(?<=\d) (?=(?:{UNITS})(?!\w))", NO_BREAK, text)


def wrapped(text: str) -> str:
    """Parte un texto en renglones que caben en una terminal de 80 columnas."""
    return textwrap.fill(text, 79, break_long_words=False, break_on_hyphens=False)


FIRST = "text-align: left; min-width: 8em"
"""Cómo es la primera columna: sin un ancho mínimo, en un teléfono cada palabra va en su renglón."""


class Table(NamedTuple):
    """Una tabla que se lee en una terminal y, en un cuaderno, también en un teléfono.

    Si no cabe, se desliza de lado, también con el teclado: por eso se puede elegir.
    """

    caption: str
    rows: Sequence[Sequence[str]]
    """La primera fila es la cabecera; la primera columna dice de qué es cada fila."""

    def __repr__(self) -> str:
        *columns, _ = zip(*self.rows, strict=True)
        widths = [max(map(len, column)) for column in columns]
        lines = [self.caption]
        for name, *cells, last in self.rows:
            aligned = [f"{each:>{width}}" for each, width in zip(cells, widths[1:], strict=True)]
            lines.append("  ".join([f"{name:{widths[0]}}", *aligned, last]))
        return "\n".join(lines)

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
