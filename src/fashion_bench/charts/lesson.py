"""Los gráficos del cuaderno 01: los datos, el entrenamiento y los aciertos."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from fashion_bench.charts.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    WIDTH,
    count_epochs,
    draw_bets,
    draw_image,
    headline,
    hide_frame,
    name_rows,
    new,
    percent,
    write_values,
)
from fashion_bench.data import CLASS_NAMES
from fashion_bench.figures import ACCURACY_FLOOR, accuracy_in
from fashion_bench.text import NO_BREAK, written


def class_examples(images: np.ndarray, labels: np.ndarray) -> Figure:
    """Dibuja los ocho primeros ejemplos `(28, 28)` de cada clase, una clase por fila."""
    rows = [images[labels == label][:8] for label in range(len(CLASS_NAMES))]
    side = images.shape[1]
    figure, axis = new(4.8)
    draw_image(axis, np.vstack([np.hstack(row) for row in rows]))
    axis.set_yticks(side * np.arange(len(rows)) + side / 2, CLASS_NAMES)
    axis.tick_params(length=0)
    return figure


def image_as_numbers(image: np.ndarray, name: str) -> Figure:
    """Dibuja una imagen `(28, 28)` y los números de su recuadro central, de 8×8."""
    side = 8
    start = (image.shape[0] - side) // 2
    crop = image[start : start + side, start : start + side]
    figure = Figure(figsize=(WIDTH, 3.5))
    whole, numbers = figure.subplots(1, 2, width_ratios=(1, 2.2))
    draw_image(whole, image, f"{name}\n28×28 píxeles")
    frame = Rectangle((start - 0.5,) * 2, side, side, fill=False, ec=ORANGE, lw=2)
    whole.add_patch(frame)
    draw_image(numbers, crop, "El recuadro, como lo ve el equipo")
    write_values(numbers, crop.astype(str).tolist(), 10)
    return figure


def guess(photo: np.ndarray, pixels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Dibuja una foto, lo que la red ve de ella, de 28×28, y qué prenda cree que es."""
    figure = Figure(figsize=(WIDTH, 5.6))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.4)).flat
    for axis, image, title in zip(
        above.subplots(1, 2), (photo, pixels), ("La foto", "Lo que ve la red"), strict=True
    ):
        draw_image(axis, image, title)
        axis.spines[:].set(visible=True, color=GREY)
    right = below.subplots()
    best = probabilities.argmax()
    colors = [BLUE if label == best else GREY for label in range(len(CLASS_NAMES))]
    bars = right.barh(CLASS_NAMES, 100 * probabilities, color=colors)
    right.bar_label(bars, fmt=lambda value: written(value, 0, "%"), padding=3)
    right.invert_yaxis()
    right.set(xlim=(0, 118), xticks=range(0, 101, 25), xlabel="Probabilidad (%)")
    return figure


def against_baselines(
    models: Mapping[str, tuple[float, float]], bets: Mapping[str, float | None]
) -> Figure:
    """Dibuja lo que acierta cada modelo y lo que le dura una época, y lo que se apostó.

    Son puntos y no barras, porque el eje de la exactitud no empieza en cero.

    Args:
        models: de cada uno, su exactitud de validación, de 0 a 1, y sus segundos por época; los de
            la red convolucional son los que se apuestan.
        bets: lo apostado, con los nombres de la celda `apuestas` del cuaderno 01 y las exactitudes
            también de 0 a 1; `None` no se dibuja.
    """
    figure = Figure(figsize=(WIDTH, 4))
    top, bottom = figure.subplots(2, 1)
    accuracies, seconds = zip(*models.values(), strict=True)
    bet_accuracies = [bets.get(f"Exactitud de la {name.lower()}") for name in models]
    bet = bets.get("Segundos por época")
    bet_seconds = [bet if name == "Red convolucional" else None for name in models]
    for axis, values, placed, labels in (
        (top, accuracies, bet_accuracies, [written(100 * each, 1, "%") for each in accuracies]),
        (bottom, seconds, bet_seconds, [written(each, 2, "s") for each in seconds]),
    ):
        axis.plot(values, range(len(values)), "o", ms=9, color=BLUE)
        name_rows(axis, [f"{name}: {label}" for name, label in zip(models, labels, strict=True)])
        axis.grid(axis="x")
        drawn = [(bet, row) for row, bet in enumerate(placed) if bet is not None]
        if drawn:
            draw_bets(axis, drawn)
        if drawn and not figure.legends:
            figure.legend(loc="outside upper right")
    start = min(0.75, top.dataLim.x0) - 0.05
    top.set_xlim(start, 1.01)
    top.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    top.xaxis.set_major_formatter(percent)
    cut = f"\n(ojo: el eje empieza en el {written(100 * start, 0, '%')})" if start > 0 else ""
    top.set_xlabel(f"Exactitud de validación{cut}", loc="right")
    bottom.set_xlabel("Segundos por época")
    bottom.set_xlim(left=0)
    return figure


def learning_curves(
    histories: Sequence[dict[str, list[float]]], test_accuracy: Sequence[float]
) -> Figure:
    """Dibuja pérdida y exactitud por época, una línea por repetición, y la exactitud en prueba.

    Lo que no se midió, o no en todas las épocas, no se dibuja.

    Args:
        histories: el `history.history` de cada `fit`.
        test_accuracy: la de cada repetición, de 0 a 1.
    """
    figure = Figure(figsize=(WIDTH, 6))
    above, below = figure.subplots(2, 1)
    drawn = (("", "Entrenamiento", "o-", BLUE), ("val_", "Validación", "s--", ORANGE))
    last = max(len(each) for history in histories for each in history.values())
    for axis, title in ((above, "Pérdida"), (below, "Exactitud")):
        for number, history in enumerate(histories):
            epochs = max(map(len, history.values()))
            for prefix, label, look, color in drawn:
                loss = history.get(f"{prefix}loss")
                line = loss if axis is above else accuracy_in(history, prefix)
                if line and len(line) == epochs:
                    told = "" if number else label
                    axis.plot(range(1, epochs + 1), line, look, color=color, ms=4, label=told)
        axis.set_title(title)
        axis.margins(y=0.2)
        aside = _draw_epochs(axis, last)
    if test_accuracy:
        middle = written(100 * float(np.median(test_accuracy)), 1, "%")
        places = [aside] * len(test_accuracy)
        below.plot(places, test_accuracy, "*", color="black", ms=9, label=f"Prueba: {middle}")
    floor = f"Mínimo: {written(100 * ACCURACY_FLOOR, 0, '%')}"
    below.axhline(ACCURACY_FLOOR, color=GREY, ls=":", label=floor)
    below.yaxis.set_major_formatter(percent)
    found = [zip(*axis.get_legend_handles_labels(), strict=True) for axis in (above, below)]
    named = {label: handle for pairs in found for handle, label in pairs}
    figure.legend(named.values(), named.keys(), loc="outside upper left", ncols=2)
    return figure


def epoch_seconds(
    runs: Sequence[Sequence[float]],
    disturbed: Sequence[str | None] = (),
    bet: float | None = None,
) -> Figure:
    """Dibuja los segundos de cada época, con la mediana de todas.

    Args:
        runs: segundos de las épocas de cada repetición.
        disturbed: de cada época de todas, por qué está perturbada, o `None`; esas van huecas.
        bet: los segundos por época que se apostaron; `None` no se dibuja.
    """
    figure, axis = new(3.2)
    for seconds in runs:
        axis.plot(range(1, len(seconds) + 1), seconds, color=BLUE, marker="o", ms=5, lw=1)
    places = [(number, second) for seconds in runs for number, second in enumerate(seconds, 1)]
    hollow = [place for place, reason in zip(places, disturbed, strict=False) if reason]
    if hollow:
        look: dict[str, Any] = {"color": BLUE, "mfc": "white", "label": "Con el equipo perturbado"}
        axis.plot(*zip(*hollow, strict=True), "o", ms=5, **look)
    middle = float(np.median(np.concatenate(runs)))
    axis.axhline(middle, color=ORANGE, ls="--", label=f"Mediana: {written(middle, 2, 's')}")
    aside = _draw_epochs(axis, max(map(len, runs)))
    if bet is not None:
        draw_bets(axis, [(aside, bet)], f"Apuesta: {bet:g}{NO_BREAK}s")
    axis.set_ylim(0, 1.25 * axis.dataLim.y1)
    axis.set_ylabel("Segundos")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray) -> Figure:
    """Dibuja, para cada clase verdadera, qué porcentaje se predijo como cada clase.

    Los aciertos, en la diagonal, no llevan color: así los errores, que son muchos menos, se
    distinguen. El título dice el más frecuente.
    """
    size = len(CLASS_NAMES)
    counts = np.zeros((size, size))
    np.add.at(counts, (labels, predictions), 1)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    errors = np.ma.array(percent, mask=np.eye(size, dtype=bool))
    figure, axis = new(5)
    colors = colormaps["Oranges"].with_extremes(bad=to_rgba(SKY, 0.35))
    axis.imshow(errors, cmap=colors, norm=PowerNorm(0.5, 0, max(float(errors.max()), 1)))
    rounded = [[f"{value:.0f}" for value in row] for row in percent]
    write_values(axis, [["" if text == "0" else text for text in row] for row in rounded], 10)
    axis.set_xticks(range(size), CLASS_NAMES, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(size), CLASS_NAMES)
    axis.set_xlabel("Clase predicha (de cada 100 prendas de una clase)", loc="right")
    axis.set_ylabel("Clase verdadera")
    axis.spines[:].set_visible(False)
    truth, guess = np.unravel_index(errors.argmax(), errors.shape)
    worst = f"{CLASS_NAMES[truth]} → {CLASS_NAMES[guess]}, {rounded[truth][guess]} de cada 100"
    headline(figure, f"Lo que más confunde: {worst}")
    return figure


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Dibuja errores de las cuatro parejas que más se confunden, con las tres mejores respuestas.

    De cada pareja (la clase verdadera y la que se dice), hasta tres ejemplos repartidos entre el
    error más seguro y el más dudoso.
    """
    size = len(CLASS_NAMES)
    predictions = probabilities.argmax(axis=1)
    found = size * labels.astype(int) + predictions
    codes, counts = np.unique(found[predictions != labels], return_counts=True)
    worst = np.argsort(-counts, kind="stable")[:4]
    figure = Figure(figsize=(WIDTH, 2.5 * len(worst)))
    rows = figure.subfigures(len(worst), 1, squeeze=False).flat
    for row, code, count in zip(rows, codes[worst], counts[worst], strict=True):
        truth, guess = divmod(code, size)
        times = "1 vez" if count == 1 else f"{count} veces"
        row.suptitle(f"Es {CLASS_NAMES[truth]} y dice {CLASS_NAMES[guess]}: {times}", fontsize=10)
        these = np.flatnonzero(found == code)
        these = these[np.argsort(-probabilities[these, guess])]
        these = these[np.linspace(0, count - 1, min(3, count)).round().astype(int)]
        axes = row.subplots(1, 3)
        for axis in axes:
            hide_frame(axis)
            axis.set_anchor("N")  # el sitio que sobra, debajo
        for axis, index in zip(axes, these, strict=False):
            draw_image(axis, images[index])
            best = np.argsort(-probabilities[index], kind="stable")[:3]
            lines = [
                f"{CLASS_NAMES[each]} {written(100 * probabilities[index, each], 1, '%')}"
                for each in best
            ]
            axis.set_xlabel("\n".join(lines), fontsize=9)
    return figure


def _draw_epochs(axis: Axes, last: int) -> float:
    """Prepara el eje de las épocas.

    Returns:
        Dónde van, después de la última, la exactitud en prueba y la apuesta.
    """
    gap = max(0.5, last / 12)  # que la estrella no pise lo escrito bajo el último punto
    axis.set_xlim(1 - gap, last + 1.8 * gap)
    count_epochs(axis)
    return last + gap
