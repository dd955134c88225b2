"""Los tipos de los que se componen los parámetros y los registros: qué valores admite cada uno.

Los textos se pueden imprimir, dibujar y guardar sin riesgo, vengan de donde vengan.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Controles (también los que cambian el sentido de la escritura) y marcas de HTML.
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069<>"

Text = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=f"^[^{_UNSAFE}]*$")]
"""Texto corto de una línea."""

Label = Annotated[
    str,
    StringConstraints(max_length=60, pattern=rf"^[^{_UNSAFE}$/\\]*$"),
    Field(
        description="un texto de hasta 60 caracteres sin saltos de línea ni los signos < > $ / \\"
    ),
]
"""Nombre de un equipo: además, sin fórmulas ni separadores de carpetas. Puede estar vacío."""

Epochs = Annotated[int, Field(ge=1, le=1000, description="un número entero de 1 a 1000")]
Repeats = Annotated[int, Field(ge=1, le=100, description="un número entero de 1 a 100")]
Seed = Annotated[int, Field(ge=0, lt=2**31, description="un número entero de 0 a 2147483647")]
BatchSize = Annotated[int, Field(ge=1, le=54_000, description="un número entero de 1 a 54000")]
TrainSamples = Annotated[
    int, Field(ge=100, le=60_000, description="un número entero de 100 a 60000")
]
Precision = Annotated[
    Literal["float32", "mixed_float16", "mixed_bfloat16"],
    Field(description="float32, mixed_float16 o mixed_bfloat16"),
]
Backend = Annotated[
    Literal["tensorflow", "torch", "jax"], Field(description="tensorflow, torch o jax")
]
TITLES = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}
"""El nombre de cada motor, tal como lo lee una persona."""
Device = Annotated[Literal["auto", "cpu", "gpu"], Field(description="auto, cpu o gpu")]


class Frozen(BaseModel):
    """Datos que no cambian; no admiten campos de más ni números infinitos."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def clean(text: str) -> str:
    """Quita de `text` lo que `Text` no admite; si no queda nada, devuelve «desconocido»."""
    return re.sub(f"[{_UNSAFE}]", "", text).strip()[:120] or "desconocido"


def clean_label(text: str) -> str:
    """Quita de `text` lo que `Label` no admite; si no queda nada, devuelve «desconocido»."""
    return clean(re.sub(r"[$/\\]", " ", text))[:60]
