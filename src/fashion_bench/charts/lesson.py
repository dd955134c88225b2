"""Los gráficos del cuaderno 01: los datos, el entrenamiento y los aciertos."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

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
from fashion_bench.figures import ACCURACY_FLOOR
from fashion_bench.text import NO_BREAK, written

BET: dict[str, Any] = {"marker": "D", "ms": 9, "mfc": "none", "mec": ORANGE, "mew": 2, "ls": "none"}
"""Lo que se apostó, como en la escalera del cuaderno 02."""


def class_examples(images: np.ndarray, labels: np.ndarray) -> Figure:
    """Dibuja los ocho primeros ejemplos de cada clase, una clase por fila.

    Args:
        images: `(n, 28, 28)`, de 0 a 255.
        labels: `(n,)`, de 0 a 9.
    """
    rows = [images[labels == label][:8] for label in range(len(CLASS_NAMES))]
    side = images.shape[1]
    figure = Figure(figsize=(6.2, 6.2))
    axis = figure.subplots()
    draw_image(axis, np.vstack([np.hstack(row) for row in rows]))
    axis.set_yticks(side * np.arange(len(rows)) + side / 2, CLASS_NAMES)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def image_as_numbers(image: np.ndarray, name: str) -> Figure:
    """Dibuja una imagen `(28, 28)` y los números de su recuadro central, de 8×8."""
    side = 8
    start = (image.shape[0] - side) // 2
    crop = image[start : start + side, start : start + side]
    figure = Figure(figsize=(5.6, 3.7))
    whole, numbers = figure.subplots(1, 2, width_ratios=(1, 2))
    draw_image(whole, image)
    hide_frame(whole)
    whole.set_title(f"{name}, 28×28 píxeles", fontsize="small")
    frame = Rectangle((start - 0.5,) * 2, side, side, fill=False, ec=ORANGE, lw=2)
    whole.add_patch(frame)
    draw_image(numbers, crop)
    hide_frame(numbers)
    numbers.set_title("El recuadro, como lo ve el equipo")
    write_values(numbers, crop.astype(str).tolist(), 11)
    return figure


def guess(photo: np.ndarray, pixels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Dibuja una foto, lo que la red ve de ella y qué prenda cree que es.

    Args:
        photo: `(alto, ancho)`, de 0 a 255.
        pixels: `(28, 28)`, de 0 a 255.
        probabilities: `(10,)`, de 0 a 1.
    """
    figure = Figure(figsize=(4.8, 5.6))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.4)).flat
    for axis, image, title in zip(
        above.subplots(1, 2), (photo, pixels), ("La foto", "Lo que ve la red"), strict=True
    ):
        draw_image(axis, image)
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, loc="center")
        axis.spines[:].set(visible=True, color=GREY)
    right = below.subplots()
    best = probabilities.argmax()
    colors = [BLUE if label == best else GREY for label in range(len(CLASS_NAMES))]
    bars = right.barh(CLASS_NAMES, 100 * probabilities, color=colors)
    right.bar_label(bars, fmt=lambda value: written(value, 0, "%"), padding=3)
    right.invert_yaxis()
    right.set_xlim(0, 118)
    right.set_xticks(range(0, 101, 25))
    right.set_xlabel("Probabilidad (%)")
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
    figure = Figure(figsize=(5, 4))
    top, bottom = figure.subplots(2, 1)
    accuracies = [accuracy for accuracy, _ in models.values()]
    seconds = [each for _, each in models.values()]
    bet_accuracies = [bets.get(f"Exactitud de la {name.lower()}") for name in models]
    bet_seconds = [None] * (len(models) - 1) + [bets.get("Segundos por época")]
    lowest = min(bet for bet in [0.75, *accuracies, *bet_accuracies] if bet is not None)
    start = lowest - 0.05
    top.set_xlim(start, 1.01)
    top.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    top.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=f"{NO_BREAK}%"))
    cut = f"\n(ojo: el eje empieza en el {written(100 * start, 0, '%')})" if start > 0 else ""
    top.set_xlabel(f"Exactitud de validación{cut}")
    bottom.set_xlabel("Segundos por época")
    for axis, values, placed, labels in (
        (
            top,
            accuracies,
            bet_accuracies,
            [written(100 * value, 1, "%") for value in accuracies],
        ),
        (bottom, seconds, bet_seconds, [written(value, 2, "s") for value in seconds]),
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


def learning_curves(
    histories: Sequence[dict[str, list[float]]],
    test_accuracy: Sequence[float],
) -> Figure:
    """Dibuja pérdida y exactitud por época, una línea por repetición, y la exactitud en prueba.

    Si hay una sola repetición, escribe también los últimos valores de sus líneas.

    Args:
        histories: el `history.history` de cada `fit`, con `loss`, `accuracy`, `val_loss` y
            `val_accuracy`.
        test_accuracy: la de cada repetición, de 0 a 1.
    """
    figure = Figure(figsize=(5.2, 6))
    above, below = figure.subplots(2, 1)
    for axis, key, title in ((above, "loss", "Pérdida"), (below, "accuracy", "Exactitud")):
        for number, history in enumerate(histories):
            trained, validated = history[key], history[f"val_{key}"]
            epochs = range(1, len(trained) + 1)
            labels = (None, None) if number else ("Entrenamiento", "Validación")
            axis.plot(epochs, trained, "o-", color=BLUE, ms=4, label=labels[0])
            axis.plot(epochs, validated, "s--", color=ORANGE, ms=4, label=labels[1])
            if len(histories) == 1:
                top, bottom = sorted((trained[-1], validated[-1]), reverse=True)
                form = "{:.3f}" if key == "loss" else "{:.1%}"
                for value, va, drop in ((top, "bottom", 5), (bottom, "top", -5)):
                    axis.annotate(
                        form.format(value).replace("%", f"{NO_BREAK}%"),
                        (epochs[-1], value),
                        xytext=(0, drop),
                        textcoords="offset points",
                        ha="center",
                        va=va,
                        fontsize=9,
                        bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0},
                    )
        axis.set_title(title)
        axis.margins(y=0.2)
        aside = _draw_epochs(axis, max(len(history[key]) for history in histories))
    middle = written(100 * float(np.median(test_accuracy)), 1, "%")
    places = [aside] * len(test_accuracy)
    below.plot(places, test_accuracy, "*", color="black", ms=9, label=f"Prueba: {middle}")
    floor = f"Mínimo: {written(100 * ACCURACY_FLOOR, 0, '%')}"
    below.axhline(ACCURACY_FLOOR, color=GREY, ls=":", label=floor)
    below.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}{NO_BREAK}%")
    figure.legend(*below.get_legend_handles_labels(), loc="outside upper left", ncols=2)
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
    figure = Figure(figsize=(5.2, 3.2))
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
            label="Con el equipo perturbado",
        )
    middle = float(np.median(np.concatenate(runs)))
    axis.axhline(middle, color=ORANGE, ls="--", label=f"Mediana: {written(middle, 2, 's')}")
    aside = _draw_epochs(axis, max(map(len, runs)))
    if bet is not None:
        axis.plot(aside, bet, **BET, label=f"Apuesta: {bet:g}{NO_BREAK}s")
    axis.set_ylim(bottom=0, top=1.25 * max(*map(max, runs), bet or 0))
    axis.set_ylabel("Segundos")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray) -> Figure:
    """Dibuja, para cada clase verdadera, qué porcentaje se predijo como cada clase.

    Los aciertos, en la diagonal, no llevan color: así los errores, que son muchos menos, se
    distinguen. El título dice el más frecuente.

    Args:
        labels: clases verdaderas `(n,)`, de 0 a 9.
        predictions: clases predichas `(n,)`, de 0 a 9.
    """
    size = len(CLASS_NAMES)
    counts = np.zeros((size, size))
    np.add.at(counts, (labels, predictions), 1)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    errors = np.ma.array(percent, mask=np.eye(size, dtype=bool))
    figure = Figure(figsize=(5.6, 5.8))
    axis = figure.subplots()
    colors = colormaps["Oranges"].with_extremes(bad=to_rgba(SKY, 0.35))
    axis.imshow(errors, cmap=colors, norm=PowerNorm(0.5, 0, max(float(errors.max()), 1)))
    rounded = [[f"{value:.0f}" for value in row] for row in percent]
    write_values(axis, [["" if text == "0" else text for text in row] for row in rounded], 10)
    axis.set_xticks(range(size), CLASS_NAMES, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(size), CLASS_NAMES)
    axis.set_xlabel("Clase predicha (de cada 100 prendas de una clase)")
    axis.set_ylabel("Clase verdadera")
    axis.spines[:].set_visible(False)
    truth, guess = np.unravel_index(errors.argmax(), errors.shape)
    many = rounded[truth][guess] if rounded[truth][guess] != "0" else "menos de 1"
    worst = f"{CLASS_NAMES[truth]} → {CLASS_NAMES[guess]}, {many} de cada 100"
    title = f"Lo que más confunde: {worst}" if errors.max() else "No confunde ninguna prenda"
    figure.suptitle(title, fontsize="medium")
    return figure


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Dibuja errores de las cuatro parejas que más se confunden, con las tres mejores respuestas.

    De cada pareja (la clase verdadera y la que se dice), hasta tres ejemplos repartidos entre el
    error más seguro y el más dudoso.

    Args:
        images: `(n, 28, 28)`, de 0 a 255.
        labels: clases verdaderas `(n,)`.
        probabilities: `(n, 10)`, de 0 a 1.
    """
    size = len(CLASS_NAMES)
    predictions = probabilities.argmax(axis=1)
    found = size * labels.astype(int) + predictions
    codes, counts = np.unique(found[predictions != labels], return_counts=True)
    if not codes.size:
        figure = Figure(figsize=(4.8, 0.6))
        figure.suptitle("Ni un error", fontsize="medium")
        return figure
    worst = np.argsort(-counts, kind="stable")[:4]
    figure = Figure(figsize=(4.8, 2.5 * len(worst)))
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
            lines = [f"{CLASS_NAMES[each]} {_chance(probabilities[index, each])}" for each in best]
            axis.set_xlabel("\n".join(lines), fontsize=8.5)
    return figure


def _chance(probability: float) -> str:
    """Una probabilidad, con una cifra decimal y sin que el redondeo la haga segura o imposible."""
    percent = 100 * probability
    if not 0.1 <= percent <= 99.9:
        return f"<0.1{NO_BREAK}%" if percent < 50 else f">99.9{NO_BREAK}%"
    return written(percent, 1, "%")


def _draw_epochs(axis: Axes, last: int) -> float:
    """Prepara el eje de las épocas.

    Returns:
        Dónde van, después de la última, la exactitud en prueba y la apuesta.
    """
    gap = max(0.5, last / 12)  # que la estrella no pise lo escrito bajo el último punto
    axis.set_xlim(1 - gap, last + 1.8 * gap)
    axis.set_xlabel("Época")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y")
    return last + gap
