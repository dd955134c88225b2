"""Textos que se pueden imprimir, dibujar y guardar sin riesgo, vengan de donde vengan."""

import re
from typing import Annotated

from pydantic import StringConstraints

# Controles (también los que cambian el sentido de la escritura) y marcas de HTML.
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069<>"

Text = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=f"^[^{_UNSAFE}]*$")]
"""Texto corto de una línea."""

Label = Annotated[str, StringConstraints(max_length=60, pattern=rf"^[^{_UNSAFE}$/\\]*$")]
"""Nombre de un equipo: además, sin fórmulas ni separadores de carpetas. Puede estar vacío."""


def clean(text: str) -> str:
    """Quita de `text` lo que `Text` no admite; si no queda nada, devuelve «desconocido»."""
    return re.sub(f"[{_UNSAFE}]", "", text).strip()[:120] or "desconocido"


def clean_label(text: str) -> str:
    """Quita de `text` lo que `Label` no admite; si no queda nada, devuelve «desconocido»."""
    return clean(re.sub(r"[$/\\]", " ", text))[:60]
