"""Los colores: se distinguen aunque se confundan colores, y el texto contrasta con su fondo."""

import re
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE

from fashion_bench import charts, report

MIN_DISTANCE = 10
"""En CAM02-UCS, donde 1 es lo que apenas se nota.

Con cualquiera de las tres deficiencias, los dos más parecidos de los ocho colores de Okabe e Ito
(2008) distan 11.0; los de los ocho de Petroff (2021, arXiv:2107.02270), 11.4; los de los diez que
trae Matplotlib de fábrica, 1.6.
"""

MIN_CONTRAST = 4.5
"""WCAG 2.2, criterio 1.4.3, nivel AA."""


def simulated(color: str, deficiency: str | None) -> np.ndarray:
    """Cómo ve `color` quien tiene esa deficiencia completa: Machado et al. (2009)."""
    seen = np.array(mpl.colors.to_rgb(color))
    if deficiency:
        space = {"name": "sRGB1+CVD", "cvd_type": deficiency, "severity": 100}
        seen = cspace_convert(seen, space, "sRGB1")
    return np.clip(seen, 0, 1)


def luminance(color: object) -> float:
    channels = np.array(mpl.colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(text: object, background: object) -> float:
    dark, light = sorted((luminance(text), luminance(background)))
    return (light + 0.05) / (dark + 0.05)


# Con los nombres de la biblioteca: deuteranopía, protanopía y tritanopía.
@pytest.mark.parametrize("deficiency", [None, "deuteranomaly", "protanomaly", "tritanomaly"])
def test_colors_are_told_apart(deficiency: str | None) -> None:
    for pair in combinations(charts.LINE_COLORS, 2):
        seen = [simulated(color, deficiency) for color in pair]
        assert deltaE(*seen, input_space="sRGB1") >= MIN_DISTANCE, pair


def test_text_contrasts_with_the_page() -> None:
    page = mpl.rcParams["figure.facecolor"]
    assert mpl.rcParams["axes.facecolor"] == page
    for name in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color"):
        assert contrast(mpl.rcParams[name], page) >= MIN_CONTRAST, name


def test_numbers_contrast_with_every_cell_of_the_confusion_matrix() -> None:
    for percent in range(101):
        labels, predictions = np.zeros(100, int), np.zeros(100, int)
        predictions[percent:] = 1
        [axis] = charts.confusion_matrix(labels, predictions).axes
        assert axis.texts
        check_cells(axis)


def test_numbers_contrast_with_every_gray() -> None:
    grays = np.arange(256, dtype=np.uint8).reshape(16, 16)
    _, numbers = charts.image_as_numbers(grays, "Todos los grises", side=16).axes
    assert len(numbers.texts) == 256
    check_cells(numbers)


def check_cells(axis: mpl.axes.Axes) -> None:
    [image] = axis.images
    for text in axis.texts:
        column, row = text.get_position()
        value = image.get_array()[row, column]
        cell = image.cmap(image.norm(value))[:3]
        assert contrast(text.get_color(), cell) >= MIN_CONTRAST, value


def test_the_report_styles_state_text_and_background_and_they_contrast() -> None:
    style = re.search(r"<style>(.*)</style>", report.TEMPLATE.read_text("utf-8"), re.DOTALL)[1]
    colored = [rule for rule in re.findall(r"{([^{}]*)}", style) if "background:" in rule]
    assert colored
    for rule in colored:
        background, text = (
            re.search(rf"(?<![\w-]){name}:\s*([^;]+);", rule)[1] for name in ("background", "color")
        )
        assert contrast(text, background) >= MIN_CONTRAST, rule
