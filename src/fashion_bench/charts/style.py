"""El estilo de todos los gráficos y cómo se enseñan.

Colores que distinguen también quienes confunden colores: cuatro de la paleta de Okabe e Ito
(2008), «Color Universal Design», y, para las líneas, los ocho de Petroff (2021), «Accessible
Color Sequences for Data Visualization». Los mapas de color, `cividis` y `gray`, son monótonos
en brillo.
"""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
from IPython.display import Image, display
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from fashion_bench import MAIN_CHART

BLUE, ORANGE, SKY, GREY = "#0072B2", "#E69F00", "#56B4E9", "#767676"
SHARPNESS, COLORS = 2, 128
"""Puntos de un gráfico por cada uno de la pantalla, para que se lea en las de mucha resolución."""

LINES = (
    ("#1845FB", "o"),
    ("#FF5E02", "s"),
    ("#C91F16", "D"),
    ("#C849A9", "^"),
    ("#ADAD7D", "v"),
    ("#86C8DD", "P"),
    ("#578DFF", "X"),
    ("#656364", "*"),
)
"""El color y la marca de cada línea, si son muchas."""
FEW_LINES = ((BLUE, "o"), (ORANGE, "s"), (SKY, "^"))
"""Si son pocas, con los colores de los demás gráficos."""

WIDTH = 5.6
"""Pulgadas de ancho de un gráfico: en la pantalla de un teléfono, sus letras aún se leen."""

FONT = "DejaVu Sans"
"""La letra de todo: viene con Matplotlib."""
OTHER_FONTS = (
    "Noto Sans CJK SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Emoji",
    "Segoe UI Emoji",
    "Segoe UI Symbol",
    "Arial Unicode MS",
)
"""Las que, si están instaladas, ponen los signos que le faltan a esa, en el nombre de un equipo."""


def fonts() -> list[str]:
    """Devuelve las letras con las que se dibuja; solo las que hay, o Matplotlib avisaría."""
    installed = {font.name for font in fontManager.ttflist}
    return [FONT, *(name for name in OTHER_FONTS if name in installed)]


style.use(
    [
        "default",  # que un gráfico salga igual sea cual sea el matplotlibrc de cada uno
        {
            "axes.axisbelow": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            # Sobre un fondo oscuro, el gráfico es una hoja blanca: que el texto no toque su borde.
            "figure.constrained_layout.h_pad": 0.08,
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.w_pad": 0.12,
            "figure.dpi": 100,
            "font.family": fonts(),
            "font.size": 10,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "text.parse_math": False,  # un nombre de equipo nunca es una fórmula
        },
    ]
)


def draw(figure: Figure) -> PIL.Image.Image:
    """Dibuja un gráfico, con el doble de puntos de los que ocupa en la pantalla.

    Un signo que no está en ninguna letra instalada sale como un recuadro, sin avisos.
    """
    canvas = FigureCanvasAgg(figure)
    dots = figure.dpi
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        try:
            figure.set_dpi(SHARPNESS * dots)
            canvas.draw()
        finally:
            figure.set_dpi(dots)
    return PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def png(figure: Figure) -> tuple[bytes, int]:
    """Devuelve un gráfico en PNG y su ancho, en puntos de la pantalla.

    El alto es el que le toque: en un teléfono mengua con el ancho.
    """
    reduced = BytesIO()
    # Con pocos colores se ve igual y el cuaderno ocupa la mitad.
    picture = draw(figure).quantize(COLORS)
    picture.save(reduced, format="png")
    return reduced.getvalue(), picture.width // SHARPNESS


def show(figure: Figure, alt: str, *, main: bool = False) -> None:
    """Muestra un gráfico en el cuaderno.

    Args:
        figure: el gráfico.
        alt: lo que se ve en él, para quien usa un lector de pantalla.
        main: si es el principal del cuaderno, el que el script copia en su informe.
    """
    content, width = png(figure)
    metadata = {"alt": alt} | ({MAIN_CHART: True} if main else {})
    # IPython 7, el de Colab, no tiene alt=
    display(Image(content, metadata=metadata, width=width))


def headline(figure: Figure, text: str) -> None:
    """Escribe encima de un gráfico lo que se aprende de él; lo que no cabe en un renglón se parte.

    Args:
        figure: el gráfico, ya con su ancho.
        text: lo que se aprende, si se ha calculado; si no, de qué es el gráfico.
    """
    margin = 0.12  # pulgadas, a cada lado
    title = figure.suptitle("", x=margin / figure.get_figwidth(), ha="left", size="medium")
    room = figure.bbox.width - 2 * margin * figure.dpi
    lines = []
    for whole in text.splitlines():
        line = ""
        for word in whole.split(" "):
            title.set_text(f"{line} {word}".lstrip())
            if line and title.get_window_extent().width > room:
                lines.append(line)
                line = word
            else:
                line = title.get_text()
        lines.append(line)
    title.set_text("\n".join(lines))


def draw_image(axis: Axes, image: np.ndarray) -> None:
    """Dibuja una imagen en gris, de 0 (negro) a 255 (blanco)."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def hide_frame(axis: Axes) -> None:
    """Quita de un dibujo sus ejes: las marcas, los números y el marco."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def write_values(axis: Axes, texts: Sequence[Sequence[str]], size: float) -> None:
    """Escribe un texto en cada píxel de la imagen de unos ejes, en negro o en blanco.

    Elige el que más contrasta con el color del píxel, con la luminancia de WCAG 2.1.
    """
    [picture] = axis.images
    colors = picture.to_rgba(np.ma.asarray(picture.get_array()))[..., :3]
    light = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    luminance = light @ (0.2126, 0.7152, 0.0722)
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            color = "black" if luminance[row, column] > 0.179 else "white"
            axis.text(column, row, text, ha="center", va="center", color=color, fontsize=size)


def draw_bets(axis: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Dibuja las apuestas, cada una en su sitio `(x, y)`: rombos huecos, con su leyenda encima."""
    if points:
        look: dict[str, Any] = {"ls": "none", "ms": 9, "mfc": "none", "mec": ORANGE, "mew": 2}
        axis.plot(*zip(*points, strict=True), marker="D", label="Apuesta", **look)
        assert isinstance(axis.figure, Figure)
        axis.figure.legend(loc="outside upper right")


def note(
    axis: Axes,
    text: str,
    point: tuple[float, float],
    offset: tuple[float, float],
    size: str = "medium",
) -> None:
    """Escribe un texto junto a un punto, a `offset` puntos tipográficos de él."""
    axis.annotate(
        text, point, xytext=offset, textcoords="offset points", va="center", fontsize=size
    )


def note_apart(axis: Axes, notes: Sequence[tuple[float, float, str]], line: float) -> None:
    """Escribe un texto junto a cada punto, a la derecha, sin que se pisen.

    Hay que llamarla con los límites de los ejes ya puestos.

    Args:
        axis: donde están los puntos.
        notes: de cada uno, su sitio y su texto.
        line: altura de una línea horizontal que tampoco deben pisar.
    """
    assert axis.figure is not None
    size = 8.5
    scale = 72 / axis.figure.dpi  # de puntos de la imagen a puntos tipográficos
    places = [scale * axis.transData.transform((x, y)) for x, y, _ in notes]
    taken = [(x - 4, y, 8.0) for x, y in places]  # los propios puntos
    _, height = scale * axis.transData.transform((notes[0][0], line)) if notes else (0, 0)
    for (x, y), (*point, text) in sorted(
        zip(places, notes, strict=True), key=lambda pair: -pair[0][1]
    ):
        width, step = 0.6 * size * len(text), 1.25 * size
        drop = next(
            drop
            for tries in range(len(notes) + 2)
            for drop in (-tries * step, tries * step)
            if abs(y + drop - height) > 0.8 * size
            and not any(
                abs(y + drop - other) < step and left < x + 7 + width and x + 7 < left + wide
                for left, other, wide in taken
            )
        )
        taken.append((x + 7, y + drop, width))
        axis.annotate(
            text,
            (point[0], point[1]),
            xytext=(7, drop),
            textcoords="offset points",
            va="center",
            fontsize=size,
        )
