"""Los dibujos de lo que hace una red con números: reducir, equivocarse y corregirse un poco."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    draw_image,
    hide_frame,
    write_values,
)
from fashion_bench.data import CLASS_NAMES
from fashion_bench.text import written

WINDOW = 2
"""El lado de los cuadros de los que `MaxPooling2D` se queda con el mayor número."""


def reduce(image: np.ndarray) -> np.ndarray:
    """Se queda con el mayor número de cada cuadro de 2×2 de una imagen `(alto, ancho)`."""
    height, width = (side // WINDOW for side in image.shape)
    return image.reshape(height, WINDOW, width, WINDOW).max(axis=(1, 3))


def pooling(image: np.ndarray, corner: tuple[int, int]) -> Figure:
    """Dibuja la reducción de un trozo de 4×4 y lo que cambia si la imagen se mueve un píxel.

    Args:
        image: `(28, 28)`, de 0 a 255.
        corner: la fila y la columna de la esquina del trozo, pares.
    """
    figure = Figure(figsize=(4.8, 6.4))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(2, 4.2)).flat
    row, column = corner
    piece = image[row : row + 4, column : column + 4]
    for axis, pixels, title in zip(
        above.subplots(1, 2, width_ratios=(2, 1)),
        (piece, reduce(piece)),
        ("Un trozo de 4×4", "El mayor de cada 2×2"),
        strict=True,
    ):
        draw_image(axis, pixels)
        hide_frame(axis)
        write_values(axis, pixels.astype(str).tolist(), 10)
        axis.set_title(title, loc="center")
        step = WINDOW if axis.get_subplotspec().colspan.start == 0 else 1
        for y in range(0, len(pixels), step):
            for x in range(0, len(pixels), step):
                axis.add_patch(
                    Rectangle((x - 0.5, y - 0.5), step, step, fill=False, ec=ORANGE, lw=2)
                )
    moved = np.roll(image, 1, axis=1)
    rows = below.subplots(2, 2)
    for axes, (before, after), told in zip(
        rows,
        ((image, moved), (reduce(image), reduce(moved))),
        ("Sin reducir", "Reducida"),
        strict=True,
    ):
        for axis, pixels, title in zip(axes, (before, after), (told, "Movida"), strict=True):
            draw_image(axis, pixels)
            hide_frame(axis)
            axis.set_title(f"{title}, {'×'.join(map(str, pixels.shape))}", loc="center")
        changed = before != after
        axes[1].set_xlabel(
            f"cambian {changed.sum()} de {changed.size}\n({written(100 * changed.mean(), 0, '%')})"
        )
    return figure


def receptive_field(image: np.ndarray, sides: Sequence[tuple[str, int]]) -> Figure:
    """Dibuja, sobre una imagen, el trozo que llega a un número de cada capa.

    Args:
        image: `(28, 28)`, de 0 a 255.
        sides: de cada capa, su nombre y el lado del trozo, en píxeles.
    """
    figure = Figure(figsize=(4.8, 3.4))
    whole, texts = figure.subplots(1, 2, width_ratios=(1.6, 1))
    draw_image(whole, image)
    hide_frame(whole)
    hide_frame(texts)
    texts.set(xlim=(0, 1), ylim=(len(sides), 0))
    colors = (SKY, BLUE, ORANGE, "white")
    for number, ((name, side), color) in enumerate(zip(sides, colors, strict=True)):
        start = 14 - side // 2 - 0.5
        whole.add_patch(Rectangle((start, start), side, side, fill=False, ec="black", lw=4))
        whole.add_patch(Rectangle((start, start), side, side, fill=False, ec=color, lw=2))
        texts.add_patch(Rectangle((0, number + 0.3), 0.14, 0.35, fc=color, ec="black"))
        texts.text(0.2, number + 0.48, f"{name}\n{side}×{side} píxeles", va="center")
    return figure


def loss(names: Sequence[str], logits: np.ndarray, truth: int = 0) -> Figure:
    """Dibuja el camino de los logits a las probabilidades y de la de la verdad a la pérdida.

    Args:
        names: las clases.
        logits: el de cada clase, `(n,)`.
        truth: cuál es la verdadera.
    """
    chances = np.exp(logits) / np.exp(logits).sum()
    figure = Figure(figsize=(4.8, 5.2))
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.5))
    colors = [BLUE if index == truth else GREY for index in range(len(names))]
    bars = above.barh(names, 100 * chances, color=colors)
    above.bar_label(bars, [written(100 * each, 0, "%") for each in chances], padding=3)
    above.set(xlim=(0, 112), xlabel="Probabilidad (%)")
    above.set_title(f"La verdad es {names[truth].lower()}")
    above.invert_yaxis()
    line = np.linspace(0.02, 1, 200)
    below.plot(100 * line, -np.log(line), color=GREY)
    for chance, text, color, offset in (
        (chances[truth], "esta respuesta", BLUE, (2, 10)),
        (0.1, "quien reparte entre diez clases", ORANGE, (10, 6)),
    ):
        value = -np.log(chance)
        below.plot(100 * chance, value, "o", ms=8, color=color)
        below.annotate(
            f"{text}:\n{value:.3f}",
            (100 * chance, value),
            xytext=offset,
            textcoords="offset points",
        )
    below.set(xlabel="Probabilidad que da a la verdad (%)", ylabel="Pérdida", ylim=0, xlim=(0, 104))
    below.grid(axis="y")
    return figure


def descent(places: Sequence[float]) -> Figure:
    """Dibuja los pasos de un peso por la parábola `w²`, que es su pérdida.

    Args:
        places: los valores del peso, del de partida al último.
    """
    figure = Figure(figsize=(4.8, 3.2))
    axis = figure.subplots()
    weights = np.array(places)
    edge = 1.15 * abs(weights).max()
    line = np.linspace(-edge, edge, 100)
    axis.plot(line, line**2, color=GREY)
    axis.plot(weights, weights**2, "o-", color=BLUE, ms=7)
    for number, weight in enumerate(weights[:3]):
        axis.annotate(
            "partida" if number == 0 else f"paso {number}",
            (weight, weight**2),
            xytext=(8, -3),
            textcoords="offset points",
        )
    axis.set(xlabel="Valor del peso", ylabel="Pérdida", xlim=(-edge, 1.35 * edge))
    axis.grid(axis="y")
    return figure


def answers(images: np.ndarray, labels: np.ndarray, guesses: np.ndarray) -> Figure:
    """Dibuja doce imágenes con lo que la red dice de cada una; los fallos, recuadrados.

    Args:
        images: `(n, 28, 28)`, de 0 a 255.
        labels: clases verdaderas `(n,)`.
        guesses: clases predichas `(n,)`.
    """
    figure = Figure(figsize=(4.8, 5.6))
    for axis, image, label, guess in zip(
        figure.subplots(4, 3).flat, images, labels, guesses, strict=False
    ):
        draw_image(axis, image)
        hide_frame(axis)
        if label == guess:
            axis.set_xlabel(f"✓ {CLASS_NAMES[guess]}")
        else:
            axis.set_xlabel(f"✗ {CLASS_NAMES[guess]}\n(es {CLASS_NAMES[label]})")
            axis.spines[:].set(visible=True, color=ORANGE, linewidth=3)
    return figure
