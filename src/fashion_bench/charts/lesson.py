"""Los gráficos del cuaderno 01: los datos, el entrenamiento y los aciertos."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fashion_bench.charts.style import BLUE, GREY, ORANGE, draw_image, hide_frame
from fashion_bench.data import CLASS_NAMES


def class_examples(images: np.ndarray, labels: np.ndarray, per_class: int = 8) -> Figure:
    """Dibuja los primeros ejemplos de cada clase, una clase por fila.

    Args:
        images: `(n, 28, 28)`, de 0 a 255.
        labels: `(n,)`, de 0 a 9.
        per_class: ejemplos por clase.
    """
    rows = [images[labels == label][:per_class] for label in range(len(CLASS_NAMES))]
    side = images.shape[1]
    figure = Figure(figsize=(6.2, 6.2))
    axis = figure.subplots()
    draw_image(axis, np.vstack([np.hstack(row) for row in rows]))
    axis.set_yticks(side * np.arange(len(rows)) + side / 2, CLASS_NAMES)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def class_balance(labels: np.ndarray) -> Figure:
    """Dibuja cuántas imágenes hay de cada clase; `labels` es `(n,)`, de 0 a 9."""
    figure = Figure(figsize=(7, 3))
    axis = figure.subplots()
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    bars = axis.barh(CLASS_NAMES, counts, color=BLUE)
    axis.bar_label(bars, padding=3)
    axis.invert_yaxis()
    axis.set_xlabel("Imágenes de entrenamiento")
    axis.margins(x=0.1)
    return figure


def image_as_numbers(image: np.ndarray, name: str, side: int = 12) -> Figure:
    """Dibuja una imagen `(28, 28)` y los números de su recuadro central de `side` píxeles."""
    start = (image.shape[0] - side) // 2
    crop = image[start : start + side, start : start + side]
    figure = Figure(figsize=(8, 4))
    whole, numbers = figure.subplots(1, 2)
    draw_image(whole, image)
    hide_frame(whole)
    whole.set_title(f"{name}, 28×28 píxeles")
    frame = Rectangle((start - 0.5,) * 2, side, side, fill=False, ec=ORANGE, lw=2)
    whole.add_patch(frame)
    draw_image(numbers, crop)
    hide_frame(numbers)
    numbers.set_title("El recuadro, como lo ve el ordenador")
    for (row, column), value in np.ndenumerate(crop):
        color = "black" if value > 116 else "white"
        numbers.text(column, row, str(value), ha="center", va="center", color=color, fontsize=7)
    return figure


def image_row(images: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Dibuja imágenes `(alto, ancho)` en fila, cada una con su escala y su título."""
    figure = Figure(figsize=(2 * len(images), 2.3))
    for axis, image, title in zip(figure.subplots(1, len(images)), images, titles, strict=True):
        axis.imshow(image, cmap="gray")
        hide_frame(axis)
        axis.set_title(title, loc="center", fontsize="small")
    return figure


def guess(photo: np.ndarray, pixels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Dibuja una foto, lo que la red ve de ella y qué prenda cree que es.

    Args:
        photo: `(alto, ancho)`, de 0 a 255.
        pixels: `(28, 28)`, de 0 a 255.
        probabilities: `(10,)`, de 0 a 1.
    """
    figure = Figure(figsize=(8, 3))
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
    for axis, image, title in ((left, photo, "La foto"), (middle, pixels, "Lo que ve la red")):
        draw_image(axis, image)
        axis.set(xticks=[], yticks=[], title=title)
        axis.spines[:].set(visible=True, color=GREY)
    best = probabilities.argmax()
    colors = [BLUE if label == best else GREY for label in range(len(CLASS_NAMES))]
    bars = right.barh(CLASS_NAMES, 100 * probabilities, color=colors)
    right.bar_label(bars, fmt="%.0f %%", padding=3, fontsize="small")
    right.invert_yaxis()
    right.set_xlim(0, 118)
    right.set_xticks(range(0, 101, 25))
    right.set_xlabel("Probabilidad (%)")
    return figure


def feature_maps(maps: np.ndarray, columns: int = 8) -> Figure:
    """Dibuja los mapas de características `(alto, ancho, canales)` de una capa."""
    rows = -(-maps.shape[-1] // columns)
    figure = Figure(figsize=(columns, rows))
    for index, axis in enumerate(figure.subplots(rows, columns).flat):
        hide_frame(axis)
        if index < maps.shape[-1]:
            axis.imshow(maps[..., index], cmap="cividis")
    return figure


def against_baselines(
    models: Mapping[str, tuple[float, float]], bets: Mapping[str, float | None]
) -> Figure:
    """Dibuja lo que acierta cada modelo y lo que le dura una época, y lo que se apostó.

    Son puntos y no barras, porque el eje de la exactitud no empieza en cero.

    Args:
        models: de cada uno, su exactitud de validación, de 0 a 1, y sus segundos por época; el
            último es el de la apuesta de los segundos.
        bets: lo apostado, con los nombres de la celda `apuestas` del cuaderno 01 y las exactitudes
            también de 0 a 1; `None` no se dibuja.
    """
    figure = Figure(figsize=(5, 3.8))
    top, bottom = figure.subplots(2, 1)
    accuracies = [accuracy for accuracy, _ in models.values()]
    seconds = [each for _, each in models.values()]
    bet_accuracies = [bets.get(f"Exactitud de la {name.lower()}") for name in models]
    bet_seconds = [None] * (len(models) - 1) + [bets.get("Segundos por época")]
    lowest = min(bet for bet in [0.75, *accuracies, *bet_accuracies] if bet is not None)
    top.set_xlim(lowest - 0.05, 1.01)
    top.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    top.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    top.set_xlabel("Exactitud de validación")
    bottom.set_xlabel("Segundos por época")
    for axis, values, placed, labels in (
        (top, accuracies, bet_accuracies, [f"{100 * value:.1f} %" for value in accuracies]),
        (bottom, seconds, bet_seconds, [f"{value:.2f} s" for value in seconds]),
    ):
        rows = [f"{name}: {label}" for name, label in zip(models, labels, strict=True)]
        axis.plot(values, range(len(rows)), "o", ms=9, color=BLUE, ls="none")
        axis.set_yticks(range(len(rows)), rows)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.grid(axis="x")
        drawn = [(bet, row) for row, bet in enumerate(placed) if bet is not None]
        if drawn:
            x, y = zip(*drawn, strict=True)
            axis.plot(x, y, "D", ms=9, mfc="none", mec=ORANGE, mew=2, ls="none", label="Apuesta")
    bottom.set_xlim(left=0)
    handles = [
        line for axis in (bottom, top) for line in axis.lines if line.get_label() == "Apuesta"
    ]
    if handles:
        figure.legend(handles=handles[:1], loc="outside upper right")
    return figure


def learning_curves(histories: Sequence[dict[str, list[float]]]) -> Figure:
    """Dibuja pérdida y exactitud por época, una línea por repetición.

    Args:
        histories: el `history.history` de cada `fit`, con `loss`, `accuracy`, `val_loss` y
            `val_accuracy`.
    """
    figure = Figure(figsize=(8, 3.2))
    panels = figure.subplots(1, 2)
    for axis, key, title in zip(
        panels, ("loss", "accuracy"), ("Pérdida", "Exactitud"), strict=True
    ):
        for number, history in enumerate(histories):
            epochs = np.arange(1, len(history[key]) + 1)
            labels = (None, None) if number else ("Entrenamiento", "Validación")
            axis.plot(epochs, history[key], color=BLUE, marker="o", ms=4, label=labels[0])
            axis.plot(
                epochs,
                history[f"val_{key}"],
                color=ORANGE,
                marker="s",
                ms=4,
                ls="--",
                label=labels[1],
            )
        axis.set_title(title)
        axis.set_xlabel("Época")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.grid(axis="y")
    panels[1].yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    panels[0].legend()
    return figure


def epoch_seconds(runs: Sequence[Sequence[float]], disturbed: Sequence[str | None] = ()) -> Figure:
    """Dibuja los segundos de cada época, con la mediana de todas.

    Args:
        runs: segundos de las épocas de cada repetición.
        disturbed: de cada época de todas, por qué está molestada, o `None`; esas se dibujan huecas.
    """
    figure = Figure(figsize=(8, 3))
    axis = figure.subplots()
    for seconds in runs:
        axis.plot(range(1, len(seconds) + 1), seconds, color=BLUE, marker="o", ms=5, lw=1)
    places = [(number, second) for seconds in runs for number, second in enumerate(seconds, 1)]
    hollow = [place for place, reason in zip(places, disturbed, strict=False) if reason]
    if hollow:
        axis.plot(
            *zip(*hollow, strict=True),
            ls="none",
            marker="o",
            ms=5,
            markerfacecolor="white",
            markeredgecolor=BLUE,
            label="Con el equipo molestado",
        )
    middle = float(np.median(np.concatenate(runs)))
    axis.axhline(middle, color=ORANGE, ls="--", label=f"Mediana: {middle:.2f} s")
    axis.set_ylim(bottom=0, top=1.25 * max(map(max, runs)))
    axis.set_xlabel("Época")
    axis.set_ylabel("Segundos")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y")
    figure.legend(loc="outside upper right")
    return figure


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray) -> Figure:
    """Dibuja, para cada clase verdadera, qué porcentaje se predijo como cada clase.

    Args:
        labels: clases verdaderas `(n,)`, de 0 a 9.
        predictions: clases predichas `(n,)`, de 0 a 9.
    """
    size = len(CLASS_NAMES)
    counts = np.zeros((size, size))
    np.add.at(counts, (labels, predictions), 1)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7.5, 6.5))
    axis = figure.subplots()
    axis.imshow(percent, cmap="cividis", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            color = "black" if value > 47 else "white"
            axis.text(column, row, f"{value:.0f}", ha="center", va="center", color=color)
    axis.set_xticks(range(size), CLASS_NAMES, rotation=40, ha="right")
    axis.set_yticks(range(size), CLASS_NAMES)
    axis.set_xlabel("Clase predicha")
    axis.set_ylabel("Clase verdadera")
    axis.set_title("De cada 100 prendas de una clase, cuántas se predicen como cada clase")
    axis.spines[:].set_visible(False)
    return figure


def mistakes(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, count: int = 12
) -> Figure:
    """Dibuja los errores más seguros de sí mismos.

    Args:
        images: `(n, 28, 28)`, de 0 a 255.
        labels: clases verdaderas `(n,)`.
        probabilities: `(n, 10)`, de 0 a 1.
        count: cuántos errores dibujar, como mucho.
    """
    predictions = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predictions != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predictions[wrong]])][:count]
    figure = Figure(figsize=(8, 7))
    axes = figure.subplots(-(-count // 4), 4).ravel()
    for axis in axes:
        hide_frame(axis)
    for axis, index in zip(axes, worst, strict=False):
        draw_image(axis, images[index])
        guess, truth = predictions[index], labels[index]
        axis.set_title(
            f"Dice {CLASS_NAMES[guess]} ({100 * probabilities[index, guess]:.0f} %)\n"
            f"Es {CLASS_NAMES[truth]} ({100 * probabilities[index, truth]:.0f} %)",
            loc="center",
            fontsize="small",
        )
    return figure
