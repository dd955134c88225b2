"""Todos los gráficos, con un solo estilo.

Colores que distinguen también quienes confunden colores: cuatro de la paleta de Okabe e Ito
(2008), «Color Universal Design», y, para las líneas, los ocho de Petroff (2021), «Accessible
Color Sequences for Data Visualization». Los mapas de color, `cividis` y `gray`, son monótonos
en brillo.
"""

import textwrap
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import PIL.Image
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fashion_bench.data import CLASS_NAMES
from fashion_bench.records import Record

if TYPE_CHECKING:  # medir capas necesita TensorFlow; dibujarlas, no
    from fashion_bench.profiling import LayerCost

BLUE, ORANGE, SKY, GREY = "#0072B2", "#E69F00", "#56B4E9", "#767676"
LINE_COLORS = (
    "#1845FB", "#FF5E02", "#C91F16", "#C849A9", "#ADAD7D", "#86C8DD", "#578DFF", "#656364",
)  # fmt: skip

mpl.rcParams.update(
    {
        "axes.axisbelow": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "font.size": 10,
        "grid.alpha": 0.3,
        "legend.frameon": False,
        "text.parse_math": False,  # un nombre de equipo nunca es una fórmula
    }
)


def show(figure: Figure, alt: str) -> None:
    """Muestra un gráfico en el cuaderno.

    Args:
        figure: el gráfico.
        alt: lo que se ve en él, para quien usa un lector de pantalla.
    """
    drawn, reduced = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    # Con 256 colores se ve igual y el cuaderno ocupa la mitad.
    PIL.Image.open(drawn).convert("RGB").quantize(256).save(reduced, format="png", optimize=True)
    display(Image(reduced.getvalue(), alt=alt))


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
    _draw_image(axis, np.vstack([np.hstack(row) for row in rows]))
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
    _draw_image(whole, image)
    _hide_frame(whole)
    whole.set_title(f"{name}, 28×28 píxeles")
    frame = mpl.patches.Rectangle((start - 0.5,) * 2, side, side, fill=False, ec=ORANGE, lw=2)
    whole.add_patch(frame)
    _draw_image(numbers, crop)
    _hide_frame(numbers)
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
        _hide_frame(axis)
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
        _draw_image(axis, image)
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
        _hide_frame(axis)
        if index < maps.shape[-1]:
            axis.imshow(maps[..., index], cmap="cividis")
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
                epochs, history[f"val_{key}"], color=ORANGE, marker="s", ms=4, ls="--",
                label=labels[1],
            )  # fmt: skip
        axis.set_title(title)
        axis.set_xlabel("Época")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.grid(axis="y")
    panels[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    panels[0].legend()
    return figure


def epoch_seconds(runs: Sequence[Sequence[float]]) -> Figure:
    """Dibuja los segundos de cada época, con la mediana de todas.

    Args:
        runs: segundos de las épocas de cada repetición.
    """
    figure = Figure(figsize=(8, 3))
    axis = figure.subplots()
    for seconds in runs:
        axis.plot(range(1, len(seconds) + 1), seconds, color=BLUE, marker="o", ms=5, lw=1)
    middle = float(np.median(np.concatenate(runs)))
    axis.axhline(middle, color=ORANGE, ls="--", label=f"Mediana: {middle:.2f} s")
    axis.set_ylim(bottom=0, top=1.25 * max(map(max, runs)))
    axis.set_xlabel("Época")
    axis.set_ylabel("Segundos")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y")
    axis.legend(loc="lower right")
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
        _hide_frame(axis)
    for axis, index in zip(axes, worst, strict=False):
        _draw_image(axis, images[index])
        guess, truth = predictions[index], labels[index]
        axis.set_title(
            f"Dice {CLASS_NAMES[guess]} ({100 * probabilities[index, guess]:.0f} %)\n"
            f"Es {CLASS_NAMES[truth]} ({100 * probabilities[index, truth]:.0f} %)",
            loc="center",
            fontsize="small",
        )
    return figure


def hardware(records: Sequence[Record], this: Record | None = None) -> Figure:
    """Dibuja los segundos por época de cada equipo: una barra hasta la mediana y cada época.

    Una barra rayada es un tiempo que no cuenta, con su razón.

    Args:
        records: registros comparables entre sí, al menos uno, en el orden en que se dibujan;
            como mucho se dibujan los 20 primeros.
        this: registro que se resalta.
    """
    chosen = list(records[:20])
    figure = Figure(figsize=(8, 1.4 + 0.5 * len(chosen)))
    axis = figure.subplots()
    for position, record in enumerate(chosen):
        highlighted = this is not None and record.run_id == this.run_id
        color = GREY if record.flaw else BLUE if highlighted or this is None else SKY
        _bar(axis, position, record.median_epoch_seconds, "s", color, record.flaw)
        seconds = [second for repeat in record.repeats for second in repeat.epoch_seconds]
        axis.plot(seconds, [position + 0.25] * len(seconds), "|", color="black", alpha=0.5, ms=6)
    _name_bars(axis, chosen, this)
    axis.set_xlim(0, 1.2 * max(max(r.epoch_seconds) for rec in chosen for r in rec.repeats))
    axis.set_xlabel("Segundos por época (barra: mediana; rayitas: cada época); menos es mejor")
    setting = chosen[0].parameters
    axis.set_title(f"Lote de {setting.batch_size}, precisión {setting.precision}")
    return figure


def first_epoch(records: Sequence[Record]) -> Figure:
    """Dibuja, por equipo, el calentamiento, la primera época y la mediana de las demás.

    Args:
        records: registros comparables con dos épocas o más, al menos uno.
    """
    chosen = list(records[:20])
    figure = Figure(figsize=(8, 1.6 + 0.6 * len(chosen)))
    axis = figure.subplots()
    series = (
        ("Calentamiento", ORANGE, "//", lambda repeat: repeat.setup_seconds),
        ("Primera época", BLUE, None, lambda repeat: repeat.epoch_seconds[0]),
        ("Las demás (mediana)", SKY, "..", lambda repeat: np.median(repeat.epoch_seconds[1:])),
    )
    for offset, (name, color, hatch, seconds) in zip((-0.27, 0, 0.27), series, strict=True):
        values = [np.median([seconds(repeat) for repeat in record.repeats]) for record in chosen]
        bars = axis.barh(
            np.arange(len(chosen)) + offset, values, 0.25, color=color, hatch=hatch,
            edgecolor="white", label=name,
        )  # fmt: skip
        axis.bar_label(bars, fmt="%.2f s", padding=3, fontsize="small")
    _name_bars(axis, chosen)
    axis.margins(x=0.12)
    axis.set_xlabel("Segundos")
    figure.legend(loc="outside upper right", ncols=3)
    return figure


def throughput_by_batch(records: Sequence[Record]) -> Figure:
    """Dibuja las imágenes/s según el lote, una línea por equipo, dispositivo y precisión.

    Un aspa tacha las medidas que no cuentan.

    Args:
        records: registros que solo difieren en el equipo, el lote y la precisión.
    """
    lines: dict[str, dict[int, float]] = {}
    for record in records:
        name = f"{record.name} · {record.parameters.precision}"
        speed = record.data.training_images / record.median_epoch_seconds
        lines.setdefault(name, {})[record.parameters.batch_size] = speed
    figure = Figure(figsize=(8, 4))
    axis = figure.subplots()
    markers = "osD^vPX*"
    for number, (name, speeds) in enumerate(sorted(lines.items())[:8]):
        batches = sorted(speeds)
        axis.plot(batches, [speeds[batch] for batch in batches], marker=markers[number],
                  color=LINE_COLORS[number], label=name)  # fmt: skip
    flawed = [record for record in records if record.flaw]
    if flawed:
        axis.plot(
            [record.parameters.batch_size for record in flawed],
            [record.data.training_images / record.median_epoch_seconds for record in flawed],
            "x", color="black", ms=12, label="No cuenta: " + ", ".join(
                sorted({record.flaw for record in flawed})
            ),
        )  # fmt: skip
    axis.set_xscale("log", base=2)
    batches = sorted({record.parameters.batch_size for record in records})
    axis.set_xticks(batches, map(str, batches))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("Imágenes por lote (escala logarítmica)")
    axis.set_ylabel("Imágenes por segundo")
    axis.grid(axis="y")
    figure.legend(loc="outside upper left")
    return figure


def images_per_joule(records: Sequence[Record]) -> Figure:
    """Dibuja cuántas imágenes se entrenan con un julio; solo registros que saben su energía."""
    chosen = list(records[:20])
    figure = Figure(figsize=(8, 1.4 + 0.5 * len(chosen)))
    axis = figure.subplots()
    for position, record in enumerate(chosen):
        images = sum(record.data.training_images * len(r.epoch_seconds) for r in record.repeats)
        joules = sum(repeat.energy_joules for repeat in record.repeats)
        _bar(axis, position, images / joules, "imágenes/J",
             GREY if record.flaw else BLUE, record.flaw)  # fmt: skip
    _name_bars(axis, chosen)
    axis.margins(x=0.2)
    axis.set_xlabel("Imágenes por julio que gasta la GPU; más es mejor")
    return figure


def layer_costs(costs: Sequence["LayerCost"]) -> Figure:
    """Dibuja los milisegundos de cada capa por lote, hacia delante y hacia atrás."""
    figure = Figure(figsize=(8, 1 + 0.32 * len(costs)))
    axis = figure.subplots()
    names = [cost.name for cost in costs]
    forward = np.array([1000 * cost.forward_seconds for cost in costs])
    backward = np.array([1000 * cost.backward_seconds for cost in costs])
    axis.barh(names, forward, color=BLUE, label="Hacia delante")
    axis.barh(names, backward, left=forward, color=ORANGE, hatch="//", edgecolor="white",
              label="Hacia atrás")  # fmt: skip
    axis.invert_yaxis()
    axis.set_xlabel("Milisegundos por lote")
    axis.legend(loc="lower right")
    return figure


def roofline(costs: Sequence["LayerCost"], peak: float, bandwidth: float) -> Figure:
    """Dibuja dónde queda cada capa, hacia delante, bajo los dos límites del equipo.

    Args:
        costs: lo que cuesta cada capa; no se dibujan las que no hacen operaciones ni las que
            tardan menos de 0.1 ms, que es lo que se distingue bien de una llamada vacía.
        peak: operaciones por segundo del producto de matrices.
        bandwidth: bytes por segundo de la memoria.
    """
    figure = Figure(figsize=(8, 4.2))
    axis = figure.subplots()
    ends = np.array([0.05, peak / bandwidth, 100 * peak / bandwidth])
    axis.plot(ends, np.minimum(peak, bandwidth * ends) / 1e9, color="black")
    shown = sorted(
        (cost for cost in costs if cost.operations and cost.forward_seconds > 1e-4),
        key=lambda cost: cost.operations / cost.bytes_moved,
    )
    for memory_bound, color, marker, label in (
        (True, ORANGE, "s", "Depende de la memoria"),
        (False, BLUE, "o", "Depende de las cuentas"),
    ):
        points = [
            (cost.operations / cost.bytes_moved, cost.operations / cost.forward_seconds / 1e9)
            for cost in shown
            if (cost.operations / cost.bytes_moved < peak / bandwidth) == memory_bound
        ]
        axis.scatter(*np.reshape(points, (-1, 2)).T, color=color, marker=marker, label=label)
    for number, cost in enumerate(shown):
        axis.annotate(
            cost.name,
            (cost.operations / cost.bytes_moved, cost.operations / cost.forward_seconds / 1e9),
            xytext=(7, -7 if number % 2 else 7), textcoords="offset points", fontsize="small",
            va="center",
        )  # fmt: skip
    axis.annotate(f"Cuentas: {peak / 1e9:.0f} GFLOP/s", (ends[1], peak / 1e9), xytext=(0, 5),
                  textcoords="offset points")  # fmt: skip
    axis.annotate(f"Memoria: {bandwidth / 1e9:.0f} GB/s", (ends[0], bandwidth * ends[0] / 1e9),
                  xytext=(0, -16), textcoords="offset points")  # fmt: skip
    axis.margins(y=0.12)
    axis.set(xscale="log", yscale="log")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter("{x:g}")
    axis.set_xlabel("Operaciones por byte (escala logarítmica)")
    axis.set_ylabel("GFLOP/s (escala logarítmica)")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    return figure


def lever_gains(gains: Mapping[str, Sequence[float]]) -> Figure:
    """Dibuja cuántas veces más rápida es cada palanca: la mediana y los extremos.

    Args:
        gains: de cada palanca, los cocientes de todas las vueltas; más de 1 es ganar.
    """
    figure = Figure(figsize=(8, 1 + 0.4 * len(gains)))
    axis = figure.subplots()
    for position, values in enumerate(gains.values()):
        middle = float(np.median(values))
        axis.barh(position, middle, 0.6, color=BLUE if middle >= 1 else GREY)
        axis.plot([min(values), max(values)], [position] * 2, color="black", marker="|")
        axis.annotate(f"{middle:.2f}×", (max(middle, *values), position), xytext=(6, 0),
                      textcoords="offset points", va="center")  # fmt: skip
    axis.axvline(1, color=ORANGE, ls="--", label="Como antes")
    axis.set_yticks(range(len(gains)), gains)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel("Veces más rápido (barra: mediana; línea negra: de la peor a la mejor vuelta)")
    figure.legend(loc="outside upper right")
    return figure


def race(
    reference: tuple[float, float], runs: Sequence[tuple[float, float]], goal: float
) -> Figure:
    """Dibuja segundos y exactitud en prueba de la referencia y de cada ejecución rápida."""
    figure = Figure(figsize=(8, 3.6))
    axis = figure.subplots()
    axis.plot(*reference, "s", color=ORANGE, ms=9, label="Cuaderno 01")
    axis.plot(*zip(*runs, strict=True), "o", color=BLUE, ms=7, label="Receta rápida (semillas)")
    axis.axhline(goal, color=GREY, ls="--", label=f"Meta: {100 * goal:.0f} %")
    axis.set_xlim(left=0)
    axis.margins(y=0.3)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=" %"))
    axis.set_xlabel("Segundos, desde cero")
    axis.set_ylabel("Exactitud en prueba")
    axis.grid(axis="y")
    figure.legend(loc="outside upper right", ncols=3)
    return figure


def data_parallelism(images: Sequence[np.ndarray]) -> Figure:
    """Dibuja un paso con dos réplicas: repartir el lote, calcular, sumar y dar el mismo paso.

    Args:
        images: ocho imágenes `(28, 28)`, las de un lote pequeño.
    """
    figure = Figure(figsize=(8, 3.6))
    axis = figure.subplots()
    for row, color in ((1, BLUE), (0, ORANGE)):
        for place in range(4):
            inset = axis.inset_axes((0.02 + 0.055 * place, 0.62 - 0.5 * (1 - row), 0.05, 0.2))
            _draw_image(inset, images[4 * (1 - row) + place])
            _hide_frame(inset)
        for start, width, text in (
            (0.3, 0.17, f"Réplica {2 - row}\nla red entera"),
            (0.54, 0.14, "Sus\ngradientes"),
            (0.84, 0.15, "Los mismos\npesos nuevos"),
        ):
            _box(axis, start, 0.57 - 0.5 * (1 - row), width, 0.3, text, color)
        for start, end in ((0.25, 0.3), (0.47, 0.54)):
            _arrow(axis, (start, 0.72 - 0.5 * (1 - row)), (end, 0.72 - 0.5 * (1 - row)))
        _arrow(axis, (0.68, 0.72 - 0.5 * (1 - row)), (0.71, 0.6 - 0.26 * (1 - row)))
        _arrow(axis, (0.8, 0.6 - 0.26 * (1 - row)), (0.84, 0.72 - 0.5 * (1 - row)))
    _box(axis, 0.7, 0.32, 0.11, 0.3, "Suma\n(all-reduce)", SKY)
    for place, title in ((0.02, "Su parte del lote"), (0.3, "Calcula"), (0.54, "Propone"),
                         (0.7, "Todas suman"), (0.84, "Dan el mismo paso")):  # fmt: skip
        axis.text(place, 0.94, title, fontsize="small")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    _hide_frame(axis)
    return figure


def worker_speeds(measured: Mapping[int, float], predicted: Mapping[int, float]) -> Figure:
    """Dibuja las imágenes/s según el número de procesos: las medidas, el ideal y el modelo.

    Args:
        measured: imágenes/s de cada número de procesos; el menor es la referencia del ideal.
        predicted: lo que dice el modelo para los mismos números.
    """
    figure = Figure(figsize=(8, 3.4))
    axis = figure.subplots()
    numbers = sorted(measured)
    positions = np.arange(len(numbers))
    bars = axis.bar(positions, [measured[n] for n in numbers], 0.5, color=BLUE, label="Medido")
    axis.bar_label(bars, fmt="%.0f", label_type="center", color="white")
    ideal = [measured[numbers[0]] * n / numbers[0] for n in numbers]
    axis.plot(positions, ideal, color=GREY, ls="--", marker="o", label="Ideal")
    axis.plot(positions, [predicted[n] for n in numbers], color=ORANGE, ls="none", marker="D",
              ms=8, label="Modelo")  # fmt: skip
    axis.set_xticks(positions, map(str, numbers))
    axis.set_xlabel("Procesos")
    axis.set_ylabel("Imágenes por segundo")
    axis.margins(y=0.12)
    axis.grid(axis="y")
    axis.legend(loc="upper left")
    return figure


def predicted_gains(curves: Mapping[str, Mapping[int, float]], title: str) -> Figure:
    """Dibuja cuántas veces más rápido se iría con más procesos, según el modelo.

    Args:
        curves: de cada red, las veces más rápido que un solo proceso con cada número de ellos.
        title: qué se mantiene igual al añadir procesos.
    """
    figure = Figure(figsize=(8, 3.8))
    axis = figure.subplots()
    workers = sorted(set().union(*curves.values()))
    axis.plot(workers, workers, color=GREY, ls="--", label="Ideal")
    for (name, gains), color, marker in zip(curves.items(), LINE_COLORS, "osD^vP", strict=False):
        axis.plot(gains.keys(), gains.values(), color=color, marker=marker, label=name)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter("{x:g}")
    axis.set_xticks(workers)
    axis.set_title(title)
    axis.set_xlabel("Procesos, cada uno en su ordenador (escala logarítmica)")
    axis.set_ylabel("Veces más rápido que uno\n(escala logarítmica)")
    axis.grid()
    axis.legend(loc="upper left")
    return figure


def _box(
    axis: Axes, left: float, bottom: float, width: float, height: float, text: str, color: str
) -> None:
    axis.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=color, lw=2))
    axis.text(left + width / 2, bottom + height / 2, text, ha="center", va="center",
              fontsize="small")  # fmt: skip


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "->"})


def _bar(axis: Axes, position: int, value: float, unit: str, color: str, flaw: str | None) -> None:
    axis.barh(position, value, 0.6, color="none" if flaw else color, edgecolor=color,
              hatch="///" if flaw else None)  # fmt: skip
    axis.annotate(f"{value:.2f} {unit}", (value, position), xytext=(8, -4),
                  textcoords="offset points", va="center")  # fmt: skip


def _name_bars(axis: Axes, records: Sequence[Record], this: Record | None = None) -> None:
    names = [
        textwrap.fill(record.name, 32)
        + ("\n(esta ejecución)" if this is not None and record.run_id == this.run_id else "")
        + (f"\nno cuenta: {record.flaw}" if record.flaw else "")
        for record in records
    ]
    axis.set_yticks(range(len(records)), names, fontsize="small")
    axis.invert_yaxis()


def _draw_image(axis: Axes, image: np.ndarray) -> None:
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _hide_frame(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
