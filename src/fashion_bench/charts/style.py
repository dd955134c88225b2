"""El estilo de todos los gráficos y cómo se enseñan.

Colores que distinguen también quienes confunden colores: cuatro de la paleta de Okabe e Ito
(2008), «Color Universal Design», y, para las líneas, los ocho de Petroff (2021), «Accessible
Color Sequences for Data Visualization». Los mapas de color, `cividis` y `gray`, son monótonos
en brillo.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

import ipywidgets
import numpy as np
import PIL.Image
from IPython.display import Image, display
from matplotlib import rcParams, style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_bench import MAIN_CHART
from fashion_bench.text import NO_BREAK, shortest

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

WIDTH = 4.8
"""Pulgadas de ancho de un gráfico: en la pantalla de un teléfono, sus letras aún se leen."""

FONTS = (
    "DejaVu Sans",  # la de todo: viene con Matplotlib
    "Noto Sans CJK SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Malgun Gothic",
    "Noto Emoji",
    "Segoe UI Emoji",
    "Arial Unicode MS",
)
"""Las demás, donde estén, ponen los signos que le faltan a esa, en el nombre de un equipo."""

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
            "font.family": FONTS,
            "font.size": 10.5,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "text.parse_math": False,  # un nombre de equipo nunca es una fórmula
        },
    ]
)


class Controls(ipywidgets.Box):
    """Unos mandos, con lo que mueven al lado; donde nadie los ejecuta, una frase."""

    def __init__(self, knobs: Sequence[ipywidgets.Widget], drawing: ipywidgets.Widget) -> None:
        super().__init__([ipywidgets.VBox([*knobs]), drawing], layout={"flex_flow": "row wrap"})

    def __repr__(self) -> str:
        return "Ejecuta esta celda para ver los mandos."


def draw(figure: Figure) -> PIL.Image.Image:
    """Dibuja un gráfico, con el doble de puntos de los que ocupa en la pantalla.

    Un signo que no está en ninguna letra instalada sale como un recuadro, sin avisos.
    """
    content = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure.savefig(content, format="png", dpi=SHARPNESS * figure.dpi)
    return PIL.Image.open(content).convert("RGB")


def png(figure: Figure) -> tuple[bytes, int]:
    """Devuelve un gráfico en PNG y su ancho, en puntos de la pantalla."""
    reduced = BytesIO()
    picture = draw(figure).quantize(COLORS)  # se ve igual y el cuaderno ocupa la mitad
    picture.save(reduced, format="png")
    return reduced.getvalue(), picture.width // SHARPNESS


def show(figure: Figure, alt: str, *, main: bool = False) -> None:
    """Muestra un gráfico en el cuaderno, con lo que oye quien usa un lector de pantalla.

    El script pone al principio de su informe los que son `main`, y el primero, en un archivo.
    """
    content, width = png(figure)
    metadata = {"alt": alt} | ({MAIN_CHART: True} if main else {})
    # IPython 7, el de Colab, no tiene alt=
    display(Image(content, metadata=metadata, width=width))


def new(height: float) -> tuple[Figure, Axes]:
    """Devuelve un gráfico vacío, del alto que se diga en pulgadas, y sus ejes."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.subplots()


def headline(figure: Figure, text: str) -> None:
    """Escribe encima de un gráfico lo que se aprende de él o, si no se sabe, de qué es."""
    figure.suptitle(text, x=0.12 / WIDTH, ha="left", size="medium", wrap=True)


def draw_image(axis: Axes, image: np.ndarray, title: str = "") -> None:
    """Dibuja una imagen en gris, de 0 (negro) a 255 (blanco), sin ejes."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_title(title, loc="center")
    hide_frame(axis)


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


def draw_bets(axis: Axes, points: Sequence[tuple[float, float]], label: str = "Apuesta") -> None:
    """Dibuja las apuestas, cada una en su sitio `(x, y)`, como rombos huecos."""
    look: dict[str, Any] = {"ls": "none", "ms": 9, "mfc": "none", "mec": ORANGE, "mew": 2}
    axis.plot(*zip(*points, strict=True), marker="D", label=label, **look)


def bet_rows(axis: Axes, names: Iterable[str], bets: Mapping[str, float | None]) -> list[float]:
    """Dibuja lo apostado en cada fila y lo devuelve; `None`, o sin fila, no cuenta."""
    placed = [(bet, row) for row, name in enumerate(names) if (bet := bets.get(name))]
    if placed:
        draw_bets(axis, placed)
        _whole(axis).legend(loc="outside upper right")
    return [bet for bet, _ in placed]


def log_values(axis: Axes) -> None:
    """Pone en escala logarítmica los valores de un gráfico de filas."""
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(shortest)
    axis.xaxis.set_minor_formatter("")
    axis.grid(axis="x")


def name_rows(axis: Axes, names: Iterable[str], size: str = "medium") -> None:
    """Pone nombre a las filas de un gráfico, que van de arriba abajo."""
    names = list(names)
    axis.set_yticks(range(len(names)), names, fontsize=size)
    axis.set_ylim(len(names) - 0.5, -0.5)


def draw_row(
    axis: Axes, row: int, value: float, ends: Sequence[float], text: str, look: Mapping[str, Any]
) -> None:
    """Dibuja en una fila un valor, la línea que une sus extremos, si los hay, y tras ella un texto.

    `look` es cómo se dibuja la marca, igual que en `Axes.plot`.
    """
    if ends:
        axis.plot(ends, [row] * len(ends), "|-", color=look["color"], ms=10, lw=2)
    axis.plot(value, row, ls="none", ms=9, **look)
    note(axis, text, (max([value, *ends]), row), (9, 0))


def log_axes(axis: Axes, ticks: Sequence[int], base: int = 10) -> None:
    """Pone los dos ejes en escala logarítmica: el de abajo, con esas marcas."""
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=base)
    axis.set_xticks(ticks, [shortest(tick) for tick in ticks])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(shortest)
    axis.grid()


def count_epochs(axis: Axes) -> None:
    """Prepara el eje de las épocas, que son números enteros."""
    axis.set_xlabel("Época")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y")


def percent(value: float, _position: object = None) -> str:
    """Escribe una marca de un eje, de 0 a 1, en tanto por ciento."""
    return f"{100 * value:g}{NO_BREAK}%"


def note(
    axis: Axes,
    text: str,
    point: tuple[float, float],
    offset: tuple[float, float],
    size: str = "medium",
) -> None:
    """Escribe un texto junto a un punto, a `offset` puntos tipográficos de él."""
    look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": size}
    axis.annotate(text, point, offset, **look)


def label_right(axis: Axes, notes: Sequence[tuple[float, float, str, str]]) -> None:
    """Escribe a la derecha de los ejes lo que es cada punto, sin que se pisen, y lo une a él.

    `notes` es, de cada uno, su sitio, su texto y su color. Hay que llamarla al final.
    """
    figure = _whole(axis)
    figure.draw_without_rendering()  # los tamaños definitivos
    line = 1.3 * rcParams["font.size"] / 72 * figure.dpi / axis.bbox.height
    place = axis.transData + axis.transAxes.inverted()
    wanted = sorted((place.transform(note[:2])[1], *note) for note in notes)
    halves = [line * (1 + text.count("\n")) / 2 for _, _, _, text, _ in wanted]
    middles, floor = [], 0.0
    for (height, *_), half in zip(wanted, halves, strict=True):
        middles.append(max(height, floor + half))
        floor = middles[-1] + half
    ceiling = 1.0
    for index in reversed(range(len(wanted))):
        _, x, y, text, color = wanted[index]
        middle = min(middles[index], ceiling - halves[index])
        ceiling = middle - halves[index]
        line_to = {"arrowstyle": "-", "color": color, "lw": 0.8, "relpos": (0, 0.5)}
        where: dict[str, Any] = {"textcoords": "axes fraction", "arrowprops": line_to}
        axis.annotate(text, (x, y), (1.04, middle), va="center", **where)


def _whole(axis: Axes) -> Figure:
    figure = axis.get_figure(root=True)
    assert figure is not None
    return figure
