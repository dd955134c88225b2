"""Los gráficos de la convolución: la cuenta de cada píxel y lo que se ve con un filtro."""

from collections.abc import Sequence

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fashion_bench.charts.style import (
    GREY,
    ORANGE,
    WIDTH,
    Controls,
    draw_image,
    hide_frame,
    new,
    show,
    write_values,
)
from fashion_bench.machine.engines import is_attended
from fashion_bench.text import shortest

SIDE = 3
"""Números que tiene de lado un filtro."""


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Da la suma de los nueve productos de un filtro `(3, 3)` en cada sitio de una imagen."""
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(float), kernel.shape)
    return np.einsum("rcij,ij->rc", windows, kernel)


def steps(image: np.ndarray, kernel: np.ndarray, places: Sequence[tuple[int, int]]) -> Figure:
    """Dibuja, de unos píxeles del resultado de una convolución, la cuenta que los da.

    Arriba van la imagen, con la ventana en cada sitio, y el resultado, con el píxel que sale de
    cada una. Debajo, una cuenta por fila: el trozo de imagen, el filtro, los nueve productos y su
    suma, que lleva el gris con el que se dibuja.

    `places` es, de cada píxel del resultado, su fila y su columna, que son las de la esquina de
    su ventana.
    """
    result = convolve(image, kernel)
    figure = Figure(figsize=(WIDTH, 2.5 + 1.3 * len(places)))
    heights = (2.2, 0.3 + 1.3 * len(places))
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=heights).flat
    whole, landing = top.subplots(1, 2)
    draw_image(whole, image, "La imagen y la ventana")
    draw_signed(landing, result, "El resultado")
    for axis, pixels in ((whole, image), (landing, result)):
        axis.set_xlabel("×".join(map(str, pixels.shape)))
    axes = bottom.subplots(len(places), 4, width_ratios=(2.7, 2.7, 3.4, 1.3), squeeze=False)
    for number, (row, column) in enumerate(places, 1):
        _mark(whole, number, row, column, SIDE)
        _mark(landing, number, row, column, 1)
        patch = image[row : row + SIDE, column : column + SIDE]
        drawn = (
            (patch, str(number), (0, 255)),
            (kernel, "×", None),
            (patch * kernel, "=", None),
            (result[row : row + 1, column : column + 1], "→", _limits(result)),
        )
        for axis, (values, sign, grays) in zip(axes[number - 1], drawn, strict=True):
            low, high = grays or (-1, 0)  # sin grises, todo blanco: el cero es lo más claro
            axis.imshow(values if grays else 0 * values, cmap="gray", vmin=low, vmax=high)
            write_values(axis, [[shortest(round(each, 2)) for each in line] for line in values], 9)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(True)
            axis.set_ylabel(sign, rotation=0, va="center", ha="right", fontsize=12)
    for axis, title in zip(axes[0], ("Trozo", "Filtro", "Productos", "Suma"), strict=True):
        axis.set_title(title, fontsize="small")
    return figure


def explore(image: np.ndarray, kernel: np.ndarray) -> None:
    """Si hay alguien delante, le da unos mandos para mover la ventana y cambiar el filtro."""
    if not is_attended():
        return

    def move(row: int, column: int, **numbers: float) -> None:
        figure = steps(image, np.reshape([*numbers.values()], kernel.shape), [(row, column)])
        show(figure, f"La cuenta de la convolución en la fila {row} y la columna {column}")

    last = image.shape[0] - SIDE
    knobs = {
        name: ipywidgets.IntSlider(last // 2, 0, last, description=told, continuous_update=False)
        for name, told in (("row", "Fila"), ("column", "Columna"))
    }
    boxes = {
        f"w{place}": ipywidgets.BoundedFloatText(weight, min=-9, max=9, layout={"width": "auto"})
        for place, weight in enumerate(kernel.ravel())
    }
    grid = ipywidgets.GridBox([*boxes.values()], layout={"grid_template_columns": "5em " * SIDE})
    drawing = ipywidgets.interactive_output(move, knobs | boxes)
    display(Controls([*knobs.values(), ipywidgets.Label("Filtro"), grid], drawing))


def seen(images: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Dibuja imágenes `(alto, ancho)`, de dos en dos, cada una con su escala y su título.

    Si una tiene números negativos, el cero es el gris de en medio; si no, el negro.
    """
    rows = -(-len(images) // 2)
    figure = Figure(figsize=(WIDTH, 2.6 * rows))
    for axis, image, title in zip(figure.subplots(rows, 2).flat, images, titles, strict=True):
        draw_signed(axis, image, title)
    return figure


def feature_maps(kernels: np.ndarray, maps: np.ndarray) -> Figure:
    """Dibuja cada filtro `(3, 3, canales)` junto a su mapa de características, en cuatro columnas.

    Cada dibujo tiene su escala; en los filtros, el cero es el gris de en medio.
    """
    columns, wide, tall = 4, 4.4, 3.0
    count = maps.shape[-1]
    rows = -(-count // columns)
    figure, axis = new(0.1 + 0.82 * rows)
    hide_frame(axis)
    for index in range(count):
        x, y = wide * (index % columns), tall * (index // columns)
        kernel = kernels[..., index]
        limit = abs(kernel).max() or 1
        box = (x, x + 1.2, y + 2.8, y + 1.6)
        axis.imshow(kernel, cmap="gray", vmin=-limit, vmax=limit, extent=box)
        axis.add_patch(Rectangle((x, y + 1.6), 1.2, 1.2, fill=False, ec=GREY))
        axis.imshow(maps[..., index], cmap="cividis", extent=(x + 1.3, x + 4.1, y + 2.8, y))
        axis.text(x, y + 1.4, str(index + 1), va="bottom", fontsize=9)
    axis.set_xlim(-0.1, wide * min(columns, count))
    axis.set_ylim(tall * rows, -0.1)
    return figure


def draw_signed(axis: Axes, image: np.ndarray, title: str) -> None:
    """Dibuja en gris una imagen; si tiene negativos, el cero es el gris de en medio."""
    draw_image(axis, image, title)
    axis.images[0].set_clim(_limits(image))


def _limits(image: np.ndarray) -> tuple[float, float]:
    limit = float(abs(image).max()) or 1
    return -limit if image.min() < 0 else 0, limit


def _mark(axis: Axes, number: int, row: int, column: int, side: int) -> None:
    corner = (column - 0.5, row - 0.5)
    axis.add_patch(Rectangle(corner, side, side, fill=False, ec=ORANGE, lw=2))
    left = column > axis.get_xlim()[1] / 2  # el número, hacia dentro: ni se sale ni se tapa
    axis.annotate(
        str(number),
        (column - 0.5 if left else column + side - 0.5, row + side / 2 - 0.5),
        xytext=(-3 if left else 3, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        color="black",
        bbox={"boxstyle": "circle,pad=0.1", "fc": ORANGE, "ec": "none"},
        fontsize=9,
    )
