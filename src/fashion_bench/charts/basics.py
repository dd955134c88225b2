"""Los dibujos de lo que hace una red con números: reducir, equivocarse y corregirse un poco."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    WIDTH,
    draw_image,
    hide_frame,
    new,
    note,
    write_values,
)
from fashion_bench.data import CLASS_NAMES
from fashion_bench.text import written


def reduce(image: np.ndarray) -> np.ndarray:
    """Se queda con el mayor número de cada cuadro de 2×2 de una imagen `(alto, ancho)`."""
    height, width = image.shape
    return image.reshape(height // 2, 2, width // 2, 2).max(axis=(1, 3))


def pooling(image: np.ndarray, corner: tuple[int, int]) -> Figure:
    """Dibuja la reducción de un trozo de 4×4 y lo que cambia si la imagen se mueve un píxel.

    `corner` es la fila y la columna de la esquina del trozo, pares.
    """
    figure = Figure(figsize=(WIDTH, 6.4))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(2, 4.2)).flat
    row, column = corner
    piece = image[row : row + 4, column : column + 4]
    for axis, pixels, step, title in zip(
        above.subplots(1, 2, width_ratios=(2, 1)),
        (piece, reduce(piece)),
        (2, 1),
        ("Un trozo de 4×4", "El mayor\nde cada 2×2"),
        strict=True,
    ):
        draw_image(axis, pixels, title)
        write_values(axis, pixels.astype(str).tolist(), 10)
        for y, x in product(range(0, len(pixels), step), repeat=2):
            axis.add_patch(Rectangle((x - 0.5, y - 0.5), step, step, fill=False, ec=ORANGE, lw=2))
    moved = np.pad(image[:, :-1], ((0, 0), (1, 0)))
    for axes, before, after, told in zip(
        below.subplots(2, 2),
        (image, reduce(image)),
        (moved, reduce(moved)),
        ("Sin reducir", "Reducida"),
        strict=True,
    ):
        size = "×".join(map(str, before.shape))
        draw_image(axes[0], before, f"{told}, {size}")
        draw_image(axes[1], after, f"Movida, {size}")
        changed = before != after
        part = written(100 * changed.mean(), 0, "%")
        axes[1].set_xlabel(f"cambian {changed.sum()} de {changed.size}\n({part})")
    return figure


def receptive_field(image: np.ndarray, sides: Sequence[tuple[str, int]]) -> Figure:
    """Dibuja, sobre una imagen de 28×28, el trozo que llega a un número de cada capa.

    `sides` es, de cada capa, su nombre y el lado del trozo, en píxeles.
    """
    figure = Figure(figsize=(WIDTH, 3.4))
    whole, texts = figure.subplots(1, 2, width_ratios=(1.6, 1))
    draw_image(whole, image)
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


def loss(names: Sequence[str], logits: np.ndarray) -> Figure:
    """Dibuja el camino de los logits a las probabilidades y de la de la verdad a la pérdida.

    La verdadera es la primera de las clases.
    """
    chances = np.exp(logits) / np.exp(logits).sum()
    figure = Figure(figsize=(WIDTH, 5.2))
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.5))
    colors = [BLUE, *[GREY] * (len(names) - 1)]
    bars = above.barh(names, 100 * chances, color=colors)
    above.bar_label(bars, [written(100 * each, 0, "%") for each in chances], padding=3)
    above.set(xlim=(0, 112), xlabel="Probabilidad (%)")
    above.set_title(f"La verdad es {names[0].lower()}")
    above.invert_yaxis()
    line = np.linspace(0.02, 1, 200)
    below.plot(100 * line, -np.log(line), color=GREY)
    told = f"esta respuesta:\n{-np.log(chances[0]):.3f}"
    for chance, text, color, offset in (
        (chances[0], told, BLUE, (2, 20)),
        (0.1, "quien reparte por igual\nentre diez clases", ORANGE, (10, 16)),  # es un ejercicio
    ):
        value = -np.log(chance)
        below.plot(100 * chance, value, "o", ms=8, color=color)
        note(below, text, (100 * chance, value), offset)
    below.set(xlabel="Probabilidad que da a la verdad (%)", ylabel="Pérdida", ylim=0, xlim=(0, 104))
    below.grid(axis="y")
    return figure


def descent(places: Sequence[float]) -> Figure:
    """Dibuja los valores de un peso, que baja a pasos por la parábola `w²`, su pérdida."""
    figure, axis = new(3.2)
    weights = np.array(places)
    edge = 1.15 * abs(weights).max()
    line = np.linspace(-edge, edge, 100)
    axis.plot(line, line**2, color=GREY)
    axis.plot(weights, weights**2, "o-", color=BLUE, ms=7)
    for number, weight in enumerate(weights[:3]):
        note(axis, f"paso {number}" if number else "partida", (weight, weight**2), (10, -4))
    axis.set(xlabel="Valor del peso", ylabel="Pérdida", xlim=(-edge, 1.35 * edge))
    axis.grid(axis="y")
    return figure


def answers(images: np.ndarray, labels: np.ndarray, guesses: np.ndarray) -> Figure:
    """Dibuja doce imágenes con lo que la red dice de cada una; los fallos, recuadrados."""
    figure = Figure(figsize=(WIDTH, 5.6))
    for axis, image, label, guess in zip(
        figure.subplots(4, 3).flat, images, labels, guesses, strict=False
    ):
        draw_image(axis, image)
        if label == guess:
            axis.set_xlabel(f"✓ {CLASS_NAMES[guess]}")
        else:
            axis.set_xlabel(f"✗ {CLASS_NAMES[guess]}\n(es {CLASS_NAMES[label]})")
            axis.spines[:].set(visible=True, color=ORANGE, linewidth=3)
    return figure
