"""Los colores: que se distingan aunque se confundan colores y que los textos se lean."""

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import nbformat
import numpy as np
import pytest
from colorspacious import cspace_convert
from conftest import NOTEBOOK
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from fashion_bench.charts import convolution, lesson, speed, style
from fashion_bench.script import report

VISIONS = ["sRGB1"] + [
    {"name": "sRGB1+CVD", "cvd_type": kind, "severity": severity}
    for kind in ("deuteranomaly", "protanomaly", "tritanomaly")
    for severity in range(10, 101, 10)  # con 100: deuteranopía, protanopía y tritanopía
]
"""Cómo se ven los colores: de la visión común a no distinguir unos de otros (Machado, 2009)."""

MIN_CONTRAST = 4.5
"""El de un texto con su fondo, según las pautas WCAG 2.2, criterio 1.4.3."""


@pytest.mark.parametrize(
    ("colors", "distance"),
    [
        ((style.BLUE, style.ORANGE, style.SKY, style.GREY, "black"), 20),
        ((*(color for color, _ in style.LINES), "black"), 18),
    ],
)
def test_colors_are_told_apart_by_everybody(colors: Sequence[str], distance: float) -> None:
    """La distancia en CAM02-UCS que Petroff (2021) pide a seis colores, y la que pide a ocho."""
    for vision in VISIONS:
        seen = cspace_convert([to_rgb(color) for color in colors], vision, "CAM02-UCS")
        for (one, a), (other, b) in combinations(zip(colors, seen, strict=True), 2):
            assert np.linalg.norm(a - b) >= distance, (one, other, vision)


def luminance(color: str) -> float:
    """Luminancia relativa (WCAG 2.2) de un color sobre blanco."""
    numbers = re.fullmatch(r"rgba?\((.*)\)", color)
    if numbers:
        red, green, blue, *opacity = map(float, numbers[1].split(","))
        *rgb, alpha = to_rgba((red / 255, green / 255, blue / 255, *opacity))
    else:
        *rgb, alpha = to_rgba(color)
    seen = alpha * np.array(rgb) + 1 - alpha
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(text: str, background: str) -> float:
    dark, light = sorted([luminance(text), luminance(background)])
    return (light + 0.05) / (dark + 0.05)


def figures() -> list[Figure]:
    """Gráficos con textos: los dos con números sobre colores, en los tonos dudosos."""
    history = {key: [0.5, 0.7] for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
    grays = np.arange(256, dtype=np.uint8).reshape(16, 16)
    labels = np.repeat(np.arange(10), 100)
    right = np.arange(100) < 45 + np.arange(10)[:, None]  # del 45 % al 54 % de aciertos
    predictions = np.where(right.ravel(), labels, (labels + 1) % 10)
    return [
        lesson.learning_curves([history], [0.6]),
        speed.lever_gains({"XLA": [0.5, 1.2]}),
        *(lesson.image_as_numbers(part, "Grises") for part in grays.reshape(4, 8, 8)),
        lesson.confusion_matrix(labels, predictions),
        convolution.steps(grays, np.array([[-1, 0, 1]] * 3), [(0, 0), (7, 7), (13, 13)]),
    ]


def test_the_text_of_a_chart_can_be_read() -> None:
    for figure in figures():
        on_picture = {
            text: axis.images[0].to_rgba(axis.images[0].get_array())[text.get_position()[::-1]]
            for axis in figure.axes
            for text in axis.texts
            if axis.images
        }
        for text in figure.findobj(Text):
            box = text.get_bbox_patch()
            under = box.get_facecolor() if box else on_picture.get(text, figure.get_facecolor())
            assert contrast(to_hex(text.get_color()), to_hex(under)) >= MIN_CONTRAST, text


def test_the_code_of_the_report_can_be_read(tmp_path: Path) -> None:
    page, _ = report.write(nbformat.read(NOTEBOOK, as_version=4), tmp_path / "ejecutado.ipynb")
    css = "".join(re.findall(r"(?s)<style.*?</style>", page.read_text(encoding="utf-8")))
    variables = dict(re.findall(r"(--[\w-]+):\s*([^;}]+)", css))  # de dos iguales, la última

    def value(name: str) -> str:
        other = re.fullmatch(r"var\((--[\w-]+)(?:, .*)?\)", variables[name])
        return value(other[1]) if other else variables[name]

    background = value("--jp-cell-editor-background")
    used = set(re.findall(r"\.highlight \.\w+ \{\s*color: var\((--[\w-]+)\)", css))
    assert len(used) > 5
    for name in {*used, "--jp-content-font-color1"}:
        assert contrast(value(name), background) >= MIN_CONTRAST, name
