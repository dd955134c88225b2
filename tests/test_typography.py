"""Las cifras, sus espacios y sus signos."""

import pytest

from fashion_bench.text import shortest, unbreakable, written


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (9999, {}, "9999"),
        (9999.6, {}, "10\xa0000"),
        (421642, {}, "421\xa0642"),
        (-1234567.25, {"decimals": 1}, "\u22121\xa0234\xa0567.2"),
        (12.345, {"decimals": 2, "unit": "s"}, "12.35\xa0s"),
        (1234.5, {"decimals": 1}, "1234.5"),
        (3.4, {"unit": "%", "sign": True}, "+3\xa0%"),
        (-0.2, {"unit": "%", "sign": True}, "+0\xa0%"),
        (-3, {}, "\u22123"),
    ],
)
def test_a_figure_is_written_the_same_everywhere(
    value: float, options: dict, expected: str
) -> None:
    assert written(value, **options) == expected


def test_a_figure_fits_in_a_console_of_one_byte_per_letter() -> None:
    assert written(54000, unit="%").encode("cp850") and written(54000).encode("cp1252")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0512, "0.0512"),
        (-0.25, "\u22120.25"),
        (12.34, "12.3"),
        (999.7, "1000"),
        (1234.5, "1234"),
        (1e6, "1\xa0000\xa0000"),
    ],
)
def test_the_mark_of_an_axis_is_never_written_with_an_exponent(value: float, expected: str) -> None:
    assert shortest(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("un 3 % en 12 s", "un 3\xa0% en 12\xa0s"),
        ("5 GB/s y 9 MB", "5\xa0GB/s y 9\xa0MB"),
        ("2 sesiones, 3 muestras", "2 sesiones, 3 muestras"),
        ("4765 imágenes/s de 60 imágenes", "4765\xa0imágenes/s de 60 imágenes"),
    ],
)
def test_a_unit_stays_with_its_figure(text: str, expected: str) -> None:
    assert unbreakable(text) == expected
