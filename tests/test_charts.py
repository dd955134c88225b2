"""Los gráficos: lo que dibujan, que se lea entero y que salgan iguales en cualquier equipo."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from io import BytesIO
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from conftest import NOTEBOOK, RECORD, Cells
from IPython.core.formatters import DisplayFormatter
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from fashion_bench.charts import (
    cluster,
    convolution,
    ladder,
    lesson,
    machines,
    network,
    speed,
    style,
    use,
)
from fashion_bench.data import CLASS_NAMES
from fashion_bench.measure.profiling import LayerCost
from fashion_bench.record import ACCURACY_FLOOR, Record
from fashion_bench.results import comparison
from fashion_bench.results.comparison import Contender

GENERATOR = np.random.default_rng(0)
LABELS = np.repeat(np.arange(10, dtype=np.uint8), 20)
IMAGES = GENERATOR.integers(0, 256, (200, 28, 28), np.uint8)
PROBABILITIES = GENERATOR.dirichlet(np.ones(10), 200)
HISTORY = {
    "loss": [0.5, 0.3],
    "accuracy": [0.80, 0.88],
    "val_loss": [0.4, 0.35],
    "val_accuracy": [0.85, 0.87],
}
MODELS = {
    "Regresión logística": (0.848, 0.75),
    "Red densa": (0.873, 3.2),
    "Red convolucional": (0.917, 11.0),
}
BETS = {
    "Exactitud de la regresión logística": 0.6,
    "Exactitud de la red densa": None,
    "Exactitud de la red convolucional": 0.95,
    "Segundos por época": 30,
}
FIRST_EPOCH = {key: values[:1] for key, values in HISTORY.items()}
VERTICAL = np.array([[-1, 0, 1]] * 3)
SHAPES = [
    ("Rescaling", (28, 28, 1)),
    ("Conv2D", (28, 28, 32)),
    ("MaxPooling2D", (14, 14, 32)),
    ("Conv2D", (14, 14, 64)),
    ("MaxPooling2D", (7, 7, 64)),
    ("Flatten", (3136,)),
    ("Dense", (128,)),
    ("Dropout", (128,)),
    ("Dense", (10,)),
]
NAMES = [f"{name}\n{'×'.join(map(str, shape))}" for name, shape in SHAPES]
PARTS = {
    "Pesos": [0, 320, 0, 18_496, 0, 0, 401_536, 0, 1290],
    "Cuentas": [0, 225_792, 0, 3_612_672, 0, 0, 401_408, 0, 1280],
    "Tiempo": [0.1, 9, 1.2, 17, 0.7, 0.2, 2, 0.1, 0.05],
}
COSTS = [  # los de la red del cuaderno 01
    LayerCost("rescaling", 0.00001, 0, operations=2e5, bytes_moved=1e6),
    LayerCost("conv2d", 0.002, 0.0075, operations=6e7, bytes_moved=1.4e7),
    LayerCost("max_pooling2d", 0.0006, 0.0006, operations=3.2e6, bytes_moved=1.6e7),
    LayerCost("conv2d_1", 0.005, 0.012, operations=9e8, bytes_moved=1e7),
    LayerCost("max_pooling2d_1", 0.00035, 0.0003, operations=1.6e6, bytes_moved=8e6),
    LayerCost("flatten", 0.0002, 0, operations=0, bytes_moved=1e6),
    LayerCost("dense", 0.0007, 0.0013, operations=1e8, bytes_moved=3.2e6),
    LayerCost("dense_1", 0.00001, 0.00001, operations=1e5, bytes_moved=1e5),
]
GAINS = {"Lote de 512": [1.1, 1.2, 1.4], "XLA": [0.4, 0.5, 0.6], "Todo a la vez": [1.9, 2.0, 2.2]}

GAINS_BY_LINK = {
    "1 Gbit/s": {1: 1.0, 2: 0.8, 64: 0.9},
    "10 Gbit/s": {1: 1.0, 2: 1.52, 64: 1.4},
    "100 Gbit/s": {1: 1.0, 2: 1.6, 64: 3.0},
}


def make(number: int = 0, seconds: tuple[float, ...] = (1.0, 2.0), **changes: object) -> Record:
    """Un registro de dos épocas; cada número es un equipo.

    Los diccionarios de `changes` cambian solo parte de lo suyo.
    """
    changes["run_id"] = f"20261123T162119Z-{number:08x}"
    changes["machine"] = {"key": f"{number:032x}"} | changes.get("machine", {})
    changes.setdefault("repeats", [RECORD["repeats"][0] | {"epoch_seconds": seconds}])
    parts = {
        name: RECORD[name] | value if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return Record.model_validate_json(json.dumps(RECORD | parts))


def make_many(count: int) -> list[Record]:
    """Del más rápido al más lento, con las etiquetas más anchas que caben; alguno no cuenta."""
    reason = "la pérdida dejó de ser un número en la segunda época: baja learning_rate y repite"
    return [
        make(
            number,
            (1000.0 + number, 2000.0 + number),
            label=f"{number:03}" + "W" * 57,
            **({"status": "failed", "reason": reason} if number % 7 in (1, 2) else {}),
        )
        for number in range(count)
    ]


def groups(records: Sequence[Record]) -> list[Contender]:
    """Los equipos de unos registros comparables, en el orden en el que se dan."""
    [found] = comparison.groups(records, "median_epoch")
    return sorted(found, key=lambda contender: records.index(contender.records[0]))


def in_sessions(record: Record, seconds: Sequence[float]) -> list[Record]:
    """Una sesión de un equipo por cada época que se da, una al día."""
    return [
        record.model_copy(
            update={
                "created_utc": record.created_utc + timedelta(days=day),
                "repeats": [record.repeats[0].model_copy(update={"epoch_seconds": [second] * 2})],
            }
        )
        for day, second in enumerate(seconds)
    ]


def around(others: float) -> dict:
    """Lo que pasaba durante una época en la que otros programas usaron esos segundos de CPU."""
    return {
        "usable_cores": 4,
        "own_cpu_seconds": 1.0,
        "other_cpu_seconds": others,
        "stolen_cpu_seconds": None,
        "waiting_seconds": None,
        "swapped_mb": 0,
        "temperature_c": None,
        "frequency_mhz": None,
        "gpu": None,
    }


def with_energy(record: Record, joules: float = 54.0) -> Record:
    repeats = [repeat.model_copy(update={"energy_joules": joules}) for repeat in record.repeats]
    return record.model_copy(update={"repeats": repeats})


def drawn_texts(figure: Figure) -> list[Text]:
    """Los textos que se llegan a pintar, con su sitio definitivo."""
    with mock.patch.object(Text, "draw", autospec=True, side_effect=Text.draw) as draw:
        figure.savefig(BytesIO(), format="png")
    texts = dict.fromkeys(call.args[0] for call in draw.call_args_list)
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in drawn_texts(figure)]


def bars(figure: Figure) -> list[float]:
    return [round(bar.get_width(), 6) for bar in figure.axes[0].patches]


def typical(figure: Figure) -> list[float]:
    """Los segundos de la época típica de cada equipo: los de su rombo."""
    return [round(float(np.ravel(diamond.get_xdata())[0]), 6) for diamond in diamonds(figure)]


def diamonds(figure: Figure) -> list[Line2D]:
    return [line for line in figure.axes[0].lines if line.get_marker() == "D"]


def painted(figure: Figure) -> list[str | None]:
    """De cada rombo, su color, o `None` si es hueco."""
    return [
        None if diamond.get_markerfacecolor() == "none" else to_hex(diamond.get_color()).upper()
        for diamond in diamonds(figure)
    ]


def message(figure: Figure) -> str:
    """Lo que dice el gráfico encima, en un renglón."""
    return figure.get_suptitle().replace("\n", " ")


def colors(figure: Figure) -> list[str | None]:
    """De cada barra, su color, o `None` si es rayada y sin relleno."""
    return [
        to_hex(bar.get_facecolor()).upper() if to_rgba(bar.get_facecolor())[3] else None
        for bar in figure.axes[0].patches
    ]


def names(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def dots(figure: Figure) -> list[list[float]]:
    """Los segundos de los puntos de cada equipo: los rellenos y los huecos."""
    return [list(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "o"]


def points(axis: Axes) -> list[list[list[float]]]:
    return [line.get_xydata().tolist() for line in axis.lines]


def picture(axis: Axes) -> list[list[float]]:
    return axis.images[0].get_array().tolist()


ALL: dict[str, Callable[[], Figure]] = (
    {
        "class_examples": lambda: lesson.class_examples(IMAGES, LABELS),
        "image_as_numbers": lambda: lesson.image_as_numbers(IMAGES[0], "Zapatilla"),
        "steps": lambda: convolution.steps(IMAGES[0], VERTICAL, [(0, 0), (9, 9), (25, 25)]),
        "steps of one": lambda: convolution.steps(IMAGES[0], VERTICAL / 9, [(12, 11)]),
        "seen": lambda: convolution.seen(
            IMAGES[:4], ["Original", "Bordes verticales", "Bordes horizontales", "Desenfoque"]
        ),
        "shapes": lambda: network.shapes("Entrada", (28, 28, 1), SHAPES),
        "shares": lambda: network.shares(NAMES, PARTS),
        "guess": lambda: lesson.guess(IMAGES[0], IMAGES[1], np.eye(10)[4]),
        "against_baselines": lambda: lesson.against_baselines(MODELS, BETS),
        "against_baselines with nothing learnt": lambda: lesson.against_baselines(
            dict.fromkeys(MODELS, (0.1, 1000.0)), BETS
        ),
        "feature_maps": lambda: convolution.feature_maps(
            GENERATOR.random((3, 3, 32)), GENERATOR.random((28, 28, 32))
        ),
        "learning_curves": lambda: lesson.learning_curves([HISTORY] * 3, [0.9, 0.91, 0.92], 0.95),
        "learning_curves of one": lambda: lesson.learning_curves([HISTORY], [0.86], 0.5),
        "learning_curves of one epoch": lambda: lesson.learning_curves([FIRST_EPOCH], [0.84]),
        "epoch_seconds": lambda: lesson.epoch_seconds([[9.0, 0.1, 0.2]] * 3, bet=20),
        "epoch_seconds of one": lambda: lesson.epoch_seconds([[9.0]], bet=1.5),
        "confusion_matrix": lambda: lesson.confusion_matrix(LABELS, LABELS[::-1]),
        "mistakes": lambda: lesson.mistakes(IMAGES, LABELS, PROBABILITIES),
        "ladder": lambda: ladder.ladder(
            {"Bucles de Python, 1 imagen": 2e7, "Todos los hilos, lote de 256": 9e12}, {}
        ),
        "throughput": lambda: ladder.throughput(
            {"CPU": ([1, 64], [0.01, 0.001])},
            {"CPU": ([1, 64], [0.02, 0.001])},
            {name: ([1, 64], [0.01, 0.0001]) for name in ("RTX 3060", "M1", "H100 SXM")},
        ),
        "layer_costs": lambda: speed.layer_costs(COSTS),
        "layer_costs of 50": lambda: speed.layer_costs(
            [COSTS[1]._replace(name=f"conv2d_{number}" + "_x" * 10) for number in range(50)]
        ),
        "roofline": lambda: speed.roofline(COSTS, peak=2e11, bandwidth=4e10),
        "lever_gains": lambda: speed.lever_gains(GAINS),
        "lever_gains of 50": lambda: speed.lever_gains(
            {f"{number} " + "W" * 20: [0.9, 2, 3] for number in range(50)}
        ),
        "race": lambda: speed.race((120.0, 0.921), [(15.0, 0.922), (16.0, 0.919)], 0.92),
        "data_parallelism": lambda: cluster.data_parallelism(IMAGES[:8]),
        "worker_speeds": lambda: cluster.worker_speeds(
            {1: 2884, 2: 4281, 4: 2842}, {1: 2930, 2: 5103, 4: 4200}, places=2
        ),
        "worker_speeds of many": lambda: cluster.worker_speeds(
            {1: 28840, 64: 142810, 128: 284200}, {1: 29300, 64: 151030, 128: 9e5}, places=128
        ),
        "predicted_gains": lambda: cluster.predicted_gains(GAINS_BY_LINK, "Predicción. " * 12),
        "predicted_gains that fall": lambda: cluster.predicted_gains(
            {f"{links} Gbit/s": {1: 1.0, 2: 0.5, 64: 0.1 + links / 1e4} for links in range(4)},
            "Predicción",
        ),
        "predicted_gains near the ideal": lambda: cluster.predicted_gains(
            {f"{links} Gbit/s": {1: 1.0, 2: 2.0, 64: 60.0 + links} for links in range(4)},
            "Predicción",
        ),
    }
    | {
        f"{chart.__name__} of {count}": lambda chart=chart, count=count: chart(
            groups([with_energy(record, joules=0.54) for record in make_many(count)])
        )
        for count in (1, 2, 200)
        for chart in (machines.compare_machines, machines.first_epoch, machines.images_per_joule)
    }
    | {
        f"throughput_by_batch of {count}": lambda count=count: machines.throughput_by_batch(
            [[record] for record in make_many(count)]
        )
        for count in (1, 2, 200)
    }
    | {
        "compare_machines in sessions": lambda: machines.compare_machines(
            groups(
                [
                    session
                    for record in make_many(3)
                    for session in in_sessions(record, (record.epoch_seconds[0], 1.5e3, 2e3))
                ]
            )
        ),
        "epoch_seconds of a busy machine": lambda: lesson.epoch_seconds(
            [[9.0, 0.1, 0.2]] * 3, [None, "otros programas", None] * 3
        ),
    }
)


@pytest.mark.parametrize("chart", ALL)
def test_every_text_is_whole_and_clear_of_the_others(chart: str) -> None:
    figure = ALL[chart]()
    boxes = [(text, Text.get_window_extent(text)) for text in drawn_texts(figure)]
    for text, box in boxes:
        assert min(box.x0, box.y0) > -1, text
        assert box.x1 < figure.bbox.x1 + 1, text
        assert box.y1 < figure.bbox.y1 + 1, text
    level = [(text, box) for text, box in boxes if text.get_rotation() in (0, 90)]
    for (one, a), (other, b) in combinations(level, 2):
        common = Bbox.intersection(a, b)
        assert common is None or min(common.width, common.height) < 1.5, (one, other)


# El estilo


def test_show_gives_the_picture_its_alternative_text_and_says_which_is_the_main_one() -> None:
    figure = lesson.epoch_seconds([[1.0, 2.0]])
    with mock.patch.object(style, "display") as display:
        style.show(figure, "Barras iguales")
        style.show(figure, "La principal", main=True)
    (plain, told), (_, told_main) = [
        DisplayFormatter().format(call.args[0]) for call in display.call_args_list
    ]
    wide = int(100 * figure.get_figwidth())
    assert told == {"image/png": {"alt": "Barras iguales", "width": wide}}
    assert told_main["image/png"] == {
        "alt": "La principal",
        "fashion-bench-main": True,
        "width": wide,
    }
    assert "image/png" in plain


def test_show_keeps_the_picture_in_a_few_colors_and_twice_the_points() -> None:
    figure = convolution.feature_maps(GENERATOR.random((3, 3, 8)), GENERATOR.random((28, 28, 8)))
    whole = BytesIO()
    with mock.patch.object(style, "display") as display:
        style.show(figure, "Ocho mapas")
    figure.savefig(whole, format="png", dpi=2 * figure.dpi)
    [shown, drawn] = [
        Image.open(source) for source in (BytesIO(display.call_args.args[0].data), whole)
    ]
    assert shown.mode == "P"
    assert shown.width == 2 * display.call_args.args[0].width
    difference = np.asarray(shown.convert("RGB"), float) - np.asarray(drawn.convert("RGB"), float)
    assert np.abs(difference).mean() < 2


DRAW = """
import hashlib
from fashion_bench.charts import lesson, speed, style
style.display = lambda image: print(hashlib.sha256(image.data).hexdigest())
style.show(lesson.epoch_seconds([[1.0, 2.0]]), "Épocas")
style.show(speed.lever_gains({"XLA": [0.5, 0.6]}), "Palancas")
"""


def test_a_chart_is_the_same_whatever_the_matplotlibrc(tmp_path: Path) -> None:
    calm, hostile = tmp_path / "calm", tmp_path / "hostile"
    calm.write_text("")
    hostile.write_text(
        "text.usetex: True\nsavefig.transparent: True\nsavefig.dpi: 300\n"
        "font.family: Una que no existe\nlines.linewidth: 7\naxes.facecolor: red\n"
        "backend: nonsense\nlines.markersize: grande\nesto no es nada\n"
    )
    one, other = (
        subprocess.run(
            [sys.executable, "-c", DRAW],
            env=os.environ | {"MATPLOTLIBRC": str(path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        for path in (calm, hostile)
    )
    assert len(one.stdout.split()) == 2
    assert (one.stdout, one.stderr) == (other.stdout, other.stderr)
    assert one.stderr == ""


def test_a_backend_that_does_not_exist_is_told_naming_its_variable() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from fashion_bench.charts import style"],
        env=os.environ | {"MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 1
    assert "TutorialError: MPLBACKEND='nonsense' no es válido: Matplotlib " in done.stderr


@pytest.mark.parametrize(
    "label",
    [
        "学习机 一号",
        "🚀 equipo",
        "👩\u200d💻",
        "מחשב שלי",
        "حاسوبي",
        "नमस्ते",
        "เครื่อง",
        "a\u0301\u0302",
        "\U0010ffff",
    ],
)
def test_any_label_is_drawn_without_warnings(label: str) -> None:
    record = make(1).model_copy(update={"label": label})
    assert style.draw(machines.compare_machines(groups([record]))).width  # un aviso sería un error


def test_only_installed_fonts_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [SimpleNamespace(name=name) for name in ("Malgun Gothic", "Otra", style.FONT)]
    monkeypatch.setattr(style.fontManager, "ttflist", installed)
    assert style.fonts() == [style.FONT, "Malgun Gothic"]


def test_a_text_is_never_a_formula() -> None:
    reason = r"costaba $\frac$ y $x_1$"
    figure = machines.compare_machines(
        groups([make(status="failed", reason=reason, label="a_b^2 {x}")])
    )
    assert f"a_b^2 {{x}} (AVX2) · CPU no cuenta: {reason}" in [
        word.replace("\n", " ") for word in words(figure)
    ]


# El cuaderno 01


def test_class_examples_are_in_the_row_of_their_class() -> None:
    figure = lesson.class_examples(IMAGES, LABELS)
    assert names(figure) == list(CLASS_NAMES)
    rows = [np.hstack(list(IMAGES[20 * label : 20 * label + 8])) for label in range(10)]
    assert picture(figure.axes[0]) == np.vstack(rows).tolist()


def test_an_image_as_numbers_shows_its_centre() -> None:
    figure = lesson.image_as_numbers(IMAGES[0], "Botín")
    whole, numbers = figure.axes
    assert picture(whole) == IMAGES[0].tolist()
    assert whole.get_title(loc="left") == "Botín, 28×28 píxeles"
    assert whole.patches[0].get_bbox().bounds == (9.5, 9.5, 8, 8)
    shown = {text.get_position(): text.get_text() for text in numbers.texts}
    assert shown == {
        (column, row): str(IMAGES[0][10 + row, 10 + column])
        for row in range(8)
        for column in range(8)
    }


def test_a_guess_highlights_the_best_class() -> None:
    figure = lesson.guess(IMAGES[0], IMAGES[1], np.array([0.2, 0.7, *[0.0125] * 8]))
    left, middle, right = figure.axes
    assert (picture(left), picture(middle)) == (IMAGES[0].tolist(), IMAGES[1].tolist())
    assert [label.get_text() for label in right.get_yticklabels()] == list(CLASS_NAMES)
    assert [round(bar.get_width(), 2) for bar in right.patches] == [20, 70, *[1.25] * 8]
    painted = [to_hex(bar.get_facecolor()).upper() for bar in right.patches]
    assert painted == [style.GREY, style.BLUE, *[style.GREY] * 8]
    assert {"20\xa0%", "70\xa0%"} < set(words(figure))


def test_a_convolution_shows_its_nine_products_and_where_their_sum_lands() -> None:
    image = IMAGES[0].copy()
    image[5:8, 20:23] = [[10, 20, 30], [40, 50, 60], [70, 80, 255]]
    figure = convolution.steps(image, VERTICAL, [(0, 0), (5, 20)])
    whole, landing, *grids = figure.axes
    assert picture(whole) == image.tolist()
    assert np.shape(picture(landing)) == (26, 26)
    assert picture(landing)[5][20] == 20 + 20 + 185
    assert whole.patches[1].get_bbox().bounds == (19.5, 4.5, 3, 3)
    assert landing.patches[1].get_bbox().bounds == (19.5, 4.5, 1, 1)
    patch, kernel, products, total = (
        [text.get_text() for text in axis.texts] for axis in grids[4:]
    )
    assert patch == ["10", "20", "30", "40", "50", "60", "70", "80", "255"]
    assert kernel == ["−1", "0", "1"] * 3  # noqa: RUF001
    assert products == ["−10", "0", "30", "−40", "0", "60", "−70", "0", "255"]  # noqa: RUF001
    assert total == ["225"]
    assert [axis.get_ylabel() for axis in grids[4:]] == ["2", "×", "=", "→"]
    limit = abs(convolution.convolve(image, VERTICAL)).max()
    assert grids[-1].images[0].get_clim() == landing.images[0].get_clim() == (-limit, limit)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (-245.0, "−245"),  # noqa: RUF001
        (1 / 9, "0.11"),
        (28.33, "28.3"),
        (-0.0, "0"),
    ],
)
def test_a_number_of_a_convolution_is_short(value: float, told: str) -> None:
    assert convolution.told(value) == told


def test_the_images_of_a_filter_carry_their_title_and_their_zero_is_grey() -> None:
    signed = IMAGES[1].astype(float) - 100
    figure = convolution.seen([IMAGES[0], signed], ["Original", "Bordes"])
    assert [axis.get_title() for axis in figure.axes] == ["Original", "Bordes"]
    assert [picture(axis) for axis in figure.axes] == [IMAGES[0].tolist(), signed.tolist()]
    assert [axis.images[0].norm(0) for axis in figure.axes] == [0, 0.5]


def test_each_filter_is_beside_its_map_and_in_order() -> None:
    kernels, maps = GENERATOR.normal(size=(3, 3, 6)), GENERATOR.random((28, 28, 6))
    [axis] = convolution.feature_maps(kernels, maps).axes
    drawn = [image.get_array().tolist() for image in axis.images]
    assert drawn[::2] == np.moveaxis(kernels, -1, 0).tolist()
    assert drawn[1::2] == np.moveaxis(maps, -1, 0).tolist()
    assert [text.get_text() for text in axis.texts] == ["1", "2", "3", "4", "5", "6"]
    for image, frame in zip(axis.images[::2], axis.patches, strict=True):
        assert image.norm(0) == 0.5
        assert frame.get_window_extent().bounds == pytest.approx(image.get_window_extent().bounds)
    for one, other in zip(axis.images[::2], axis.images[1::2], strict=True):
        assert one.get_extent()[1] < other.get_extent()[0] < one.get_extent()[1] + 1


def test_the_network_is_drawn_shape_by_shape() -> None:
    figure = network.shapes("Entrada", (28, 28, 1), SHAPES)
    told = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert told == [
        *("Entrada", "28×28×1", "784 números"),
        *("Rescaling + Conv2D", "28×28×32", "25\xa0088 números"),
        *("MaxPooling2D", "14×14×32", "6272 números"),
        *("Conv2D", "14×14×64", "12\xa0544 números"),
        *("MaxPooling2D", "7×7×64", "3136 números"),
        *("Flatten", "3136", "números en fila"),
        *("Dense", "128", "números en fila"),
        *("Dropout + Dense", "10", "números en fila"),
    ]
    fronts = [np.ptp(front.get_xy(), axis=0) for front in figure.axes[0].patches[2:15:3]]
    assert [(round(w), round(h)) for w, h in fronts] == [
        (side, side) for side in (28, 28, 14, 14, 7)
    ]


def test_the_shares_of_the_layers_are_percentages_and_the_tiny_ones_go() -> None:
    figure = network.shares(["a", "b", "c"], {"Pesos": [1, 3, 0], "Tiempo": [0.5, 0.496, 0.004]})
    assert bars(figure) == [25, 75, 50, 49.6]
    assert names(figure) == ["a", "b"]
    assert {"25\xa0%", "75\xa0%", "50\xa0%", "Pesos", "Tiempo"} < set(words(figure))


def test_learning_curves_draw_every_repeat() -> None:
    other = {key: [value + 0.01 for value in values] for key, values in HISTORY.items()}
    figure = lesson.learning_curves([HISTORY, other], [0.91, 0.93])
    for axis, key in zip(figure.axes, ("loss", "accuracy"), strict=True):
        assert [line.get_ydata().tolist() for line in axis.lines[:4]] == [
            history[name] for history in (HISTORY, other) for name in (key, f"val_{key}")
        ]
        assert [line.get_linestyle() for line in axis.lines[:4]] == ["-", "--"] * 2
        assert axis.lines[0].get_xdata().tolist() == [1, 2]
    test, floor = figure.axes[1].lines[4:]
    assert test.get_xydata().tolist() == [[2.5, 0.91], [2.5, 0.93]]
    assert set(floor.get_ydata()) == {ACCURACY_FLOOR}
    assert words(figure).count("Validación") == 1
    assert {"Prueba: 92.0\xa0%", "Mínimo: 90\xa0%"} < set(words(figure))
    assert not any(axis.texts for axis in figure.axes)


def test_the_curves_of_one_repeat_tell_their_last_values_and_the_bet() -> None:
    figure = lesson.learning_curves([HISTORY], [0.86], bet=0.7)
    told = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert told == [["0.350", "0.300"], ["88.0\xa0%", "87.0\xa0%"]]
    assert [2.5, 0.7] in points(figure.axes[1])[3]
    assert "Apuesta: 70.0\xa0%" in words(figure)
    assert "Apuesta" not in " ".join(words(lesson.learning_curves([HISTORY], [0.86])))


def test_one_epoch_is_the_only_mark_of_its_axis() -> None:
    for figure in (
        lesson.learning_curves([FIRST_EPOCH], [0.8], 0.9),
        lesson.epoch_seconds([[3.0]], bet=2.0),
    ):
        for axis in figure.axes:
            left, right = axis.get_xlim()
            assert [tick for tick in axis.get_xticks() if left <= tick <= right] == [1]


@pytest.mark.parametrize("change", [0.0002, 0.003, 0.4])
def test_accuracies_on_the_axis_are_told_apart(change: float) -> None:
    figure = lesson.learning_curves(
        [HISTORY | {"accuracy": [0.9, 0.9 + change]} | {"val_accuracy": [0.9, 0.9]}], [0.9]
    )
    words(figure)
    shown = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert len(shown) == len(set(shown)) > 2


def test_the_network_and_its_baselines_show_accuracy_seconds_and_bets() -> None:
    figure = lesson.against_baselines(MODELS, BETS)
    assert names(figure) == [
        "Regresión logística: 84.8\xa0%",
        "Red densa: 87.3\xa0%",
        "Red convolucional: 91.7\xa0%",
    ]
    top, bottom = figure.axes
    assert points(top) == [[[0.848, 0], [0.873, 1], [0.917, 2]], [[0.6, 0], [0.95, 2]]]
    assert points(bottom) == [[[0.75, 0], [3.2, 1], [11, 2]], [[30, 2]]]
    assert bottom.get_xlim()[0] == 0
    assert f"el eje empieza en el {100 * top.get_xlim()[0]:.0f}\xa0%" in top.get_xlabel()
    assert words(figure).count("Apuesta") == 1


def test_the_bets_of_the_first_notebook_are_all_drawn() -> None:
    notebook = Cells(NOTEBOOK)
    notebook.run("apuestas")
    assert set(notebook.names["bets"].values()) == {None}
    figure = lesson.against_baselines(MODELS, dict.fromkeys(notebook.names["bets"], 0.9))
    diamonds = [line for axis in figure.axes for line in axis.lines[1:]]
    assert sum(np.size(line.get_xdata()) for line in diamonds) == 4


@pytest.mark.parametrize(("kept", "diamonds"), [("Segundos por época", 1), ("ninguna", 0)])
def test_only_the_bets_that_were_made_are_drawn(kept: str, diamonds: int) -> None:
    figure = lesson.against_baselines(MODELS, {key: BETS[key] for key in BETS if key == kept})
    assert sum(len(axis.lines) - 1 for axis in figure.axes) == diamonds
    assert words(figure).count("Apuesta") == diamonds


def test_epoch_seconds_draw_every_repeat_and_the_median() -> None:
    figure = lesson.epoch_seconds([[1.0, 2.0], [3.0, 4.0]])
    first, second, middle = figure.axes[0].lines
    assert first.get_xydata().tolist() == [[1, 1], [2, 2]]
    assert second.get_xydata().tolist() == [[1, 3], [2, 4]]
    assert set(middle.get_ydata()) == {2.5}
    assert "Mediana: 2.50\xa0s" in words(figure)
    assert figure.axes[0].get_ylim()[0] == 0
    assert "Con el equipo perturbado" not in words(figure)


def test_disturbed_epochs_are_hollow() -> None:
    figure = lesson.epoch_seconds([[1.0, 2.0], [3.0, 4.0]], [None, "otros", "otros", None])
    first, _, hollow, _ = figure.axes[0].lines
    assert hollow.get_xydata().tolist() == [[2, 2], [1, 3]]
    assert (hollow.get_markerfacecolor(), first.get_markerfacecolor()) == ("white", style.BLUE)
    assert hollow.get_linestyle() == "None"
    assert "Con el equipo perturbado" in words(figure)
    calm = lesson.epoch_seconds([[1.0, 2.0], [3.0, 4.0]], [None] * 4)
    assert len(calm.axes[0].lines) == 3


def test_the_bet_of_the_seconds_is_a_hollow_diamond_that_fits() -> None:
    figure = lesson.epoch_seconds([[1.0, 2.0]], bet=8.0)
    bet = figure.axes[0].lines[-1]
    assert bet.get_xydata().tolist() == [[2.5, 8]]
    assert (bet.get_marker(), bet.get_markerfacecolor()) == ("D", "none")
    assert figure.axes[0].get_ylim()[1] == 10
    assert "Apuesta: 8\xa0s" in words(figure)


def test_confusion_matrix_is_in_percent_of_each_true_class() -> None:
    predictions = LABELS.copy()
    predictions[:5] = 6  # cinco de las veinte camisetas, por camisas
    figure = lesson.confusion_matrix(LABELS, predictions)
    shown = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    right = {(label, label): "100" for label in range(1, 10)}
    told = {place: text for place, text in shown.items() if text}
    assert told == right | {(0, 0): "75", (6, 0): "25"}
    assert figure.get_suptitle() == "Lo que más confunde: Camiseta → Camisa, 25 de cada 100"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (1, "Lo que más confunde: Botín → Bolso, menos de 1 de cada 100"),
        (0, "No confunde ninguna prenda"),
    ],
)
def test_the_confusion_matrix_never_writes_a_zero(wrong: int, told: str) -> None:
    labels = np.repeat(np.arange(10), 200)
    predictions = labels.copy()
    predictions[len(labels) - wrong :] = 8
    figure = lesson.confusion_matrix(labels, predictions)
    assert figure.get_suptitle() == told
    assert "0" not in words(figure)


def test_the_errors_of_the_matrix_are_seen() -> None:
    """Uno de cada diez se distingue del fondo; el acierto lleva otro color."""
    predictions = LABELS.copy()
    predictions[:2] = 6
    [image] = lesson.confusion_matrix(LABELS, predictions).axes[0].images
    shades = image.to_rgba(image.get_array())[..., :3] @ (0.2126, 0.7152, 0.0722)
    assert shades[0, 5] / shades[0, 6] > 3
    assert (
        len({tuple(color) for color in image.to_rgba(image.get_array())[range(10), range(10)]}) == 1
    )


def test_mistakes_go_by_pairs_from_the_most_confident_to_the_most_doubtful() -> None:
    labels = np.array([6, 6, 6, 6, 4, 2, 2])
    probabilities = np.full((7, 10), 0.0001)
    for index, (guess, chance) in enumerate(
        [(0, 0.5), (0, 0.9996), (0, 0.7), (0, 0.6), (2, 0.8), (2, 0.9), (4, 0.6)]
    ):
        probabilities[index, labels[index]] = 1 - chance
        probabilities[index, guess] = chance
    figure = lesson.mistakes(IMAGES[:7], labels, probabilities)
    assert [row.get_suptitle() for row in figure.subfigs] == [
        "Es Camisa y dice Camiseta: 4 veces",
        "Es Suéter y dice Abrigo: 1 vez",
        "Es Abrigo y dice Suéter: 1 vez",
    ]
    first, second, _ = (row.axes for row in figure.subfigs)
    assert [picture(axis) for axis in first] == [IMAGES[index].tolist() for index in (1, 3, 0)]
    assert [axis.get_xlabel().splitlines()[0] for axis in first] == [
        *("Camiseta >99.9\xa0%", "Camiseta 60.0\xa0%", "Camiseta 50.0\xa0%"),
    ]
    assert first[1].get_xlabel().splitlines()[1:] == ["Camisa 40.0\xa0%", "Pantalón <0.1\xa0%"]
    assert picture(second[0]) == IMAGES[6].tolist()
    assert not any(axis.images or axis.get_xlabel() for axis in second[1:])


def test_no_mistakes_at_all() -> None:
    figure = lesson.mistakes(IMAGES[:1], np.array([3]), np.eye(10)[[3]])
    assert words(figure) == ["Ni un error"]


# Los equipos


def test_compare_machines_highlights_this_and_marks_what_does_not_count() -> None:
    this = make(0, (3.0, 5.0), label="Este equipo")
    others = [
        make(1, (1.0, 2.0), label="Rápido"),
        make(2, (2.0, 2.0), label="Roto", status="failed", reason="sin memoria"),
    ]
    figure = machines.compare_machines(groups([*others, this]), this)
    assert names(figure) == [
        "Rápido (AVX2) · CPU",
        "Roto (AVX2) · CPU\nno cuenta: sin memoria",
        "Este equipo (AVX2) · CPU\n(esta ejecución)",
    ]
    assert typical(figure) == [1.5, 2, 4]
    assert painted(figure) == [style.SKY, None, style.BLUE]
    assert diamonds(figure)[1].get_markeredgecolor() == style.GREY
    assert {"1.50\xa0s", "2.00\xa0s", "4.00\xa0s"} < set(words(figure))
    assert figure.axes[0].yaxis_inverted()


def test_compare_machines_draws_every_epoch_of_every_repeat() -> None:
    repeat = RECORD["repeats"][0]
    record = make(
        repeats=[repeat, repeat | {"seed": 43, "epoch_seconds": [3.0, 9.0]}],
        parameters={"repeats": 2},
    )
    figure = machines.compare_machines(groups([record]))
    assert dots(figure) == [[1, 2, 3, 9], []]
    assert figure.axes[0].get_xlim()[1] > 9
    assert typical(figure) == [2.5]
    assert names(figure) == ["Equipo de prueba (AVX2) · CPU"]


def test_the_dots_of_disturbed_epochs_are_hollow() -> None:
    busy = RECORD["repeats"][0] | {
        "epoch_seconds": [1.0, 3.0, 2.0, 1.5],
        "surroundings": [around(others) for others in (0, 10, 0, 0)],
    }
    record = make(repeats=[busy], parameters={"epochs": 4})
    figure = machines.compare_machines(groups([record]))
    assert dots(figure) == [[1, 2, 1.5], [3]]
    _, filled, hollow = figure.axes[0].lines
    assert (filled.get_markerfacecolor(), hollow.get_markerfacecolor()) == ("black", "none")


def test_several_sessions_have_an_interval_and_all_their_epochs() -> None:
    several = in_sessions(make(0), (1.0, 4.0))
    group = groups([*several, make(1, (3.0, 3.0))])
    figure = machines.compare_machines(group)
    interval, diamond, *_ = figure.axes[0].lines
    estimate = group[0].estimate("median_epoch")
    assert interval.get_xdata().tolist() == [estimate.low, estimate.high]
    assert estimate.low < 2 < estimate.high
    assert interval.get_color() == diamond.get_color()
    assert dots(figure) == [[1, 1, 4, 4], [], [3, 3], []]
    assert typical(figure) == pytest.approx([2, 3])
    assert names(figure)[0].endswith("\n2 sesiones")
    assert "sesiones" not in names(figure)[1]
    assert figure.axes[0].get_xlim()[1] > estimate.high
    alone = machines.compare_machines(group[1:])
    assert len(alone.axes[0].lines) == 3
    mine = machines.compare_machines(group, several[0])
    assert painted(mine) == [style.BLUE, style.SKY]


def test_a_flawed_run_is_flawed_even_if_it_is_this_one() -> None:
    this = make(status="interrupted", reason="Parado por ti")
    figure = machines.compare_machines(groups([this, make(1)]), this)
    assert painted(figure) == [None, style.SKY]
    assert names(figure)[0].endswith("(esta ejecución)\nno cuenta: ejecución\nincompleta")


def test_without_a_run_of_ones_own_all_are_alike() -> None:
    assert painted(machines.compare_machines(groups([make(0), make(1)]))) == [style.BLUE] * 2


@pytest.mark.parametrize("mine", [3, 19, 20, 22, 24])
def test_ones_own_run_is_always_drawn(mine: int) -> None:
    many = [make(number, (1.0 + number,) * 2, label=f"Equipo {number}") for number in range(25)]
    figure = machines.compare_machines(groups(many), many[mine])
    expected = [*range(20)] if mine < 20 else [*range(19), mine]
    assert typical(figure) == [1 + number for number in expected]
    own = f"Equipo {mine} (AVX2) · CPU\n(esta ejecución)"
    assert [name for name in names(figure) if "esta" in name] == [own]
    looks = [style.BLUE if number == mine else style.SKY for number in expected]
    assert painted(figure) == looks
    assert "20 de 25 equipos" in words(figure)


def test_compare_machines_says_who_wins_only_if_there_is_somebody_to_compare_with() -> None:
    fast, slow = in_sessions(make(0), (1.0, 1.01, 1.02)), in_sessions(make(1), (3.0, 3.01, 3.02))
    setting = "Lote de 128, precisión float32"
    both = groups([*fast, *slow])
    assert message(machines.compare_machines(both)) == (
        f"«{both[0].name}», frente a «{both[1].name}»: 2.98× (2.92-3.05), más rápido {setting}"
    )
    told = message(machines.compare_machines(both, slow[-1]))
    assert told.startswith(f"«{both[1].name}», frente a «{both[0].name}»: 0.34× (")
    assert told.endswith(f"), más lento {setting}")
    cut = make(2, status="interrupted", reason="Parado por ti")
    assert message(machines.compare_machines(groups([*fast, cut]))) == setting
    assert message(machines.compare_machines(groups([*fast, *slow, cut]), cut)) == setting
    assert message(machines.compare_machines(both[:1])) == setting


@pytest.mark.parametrize("chart", [machines.first_epoch, machines.images_per_joule])
def test_a_chart_says_that_not_all_machines_are_in_it(chart: Callable[..., Figure]) -> None:
    many = groups([with_energy(make(number)) for number in range(21)])
    assert "20 de 21 equipos" in words(chart(many))
    assert not [word for word in words(chart(many[:20])) if "equipos" in word]
    assert len(names(chart(many))) == 20


def test_first_epoch_tells_what_starting_costs_in_epochs() -> None:
    repeats = [
        RECORD["repeats"][0] | {"seed": seed, "setup_seconds": setup, "epoch_seconds": seconds}
        for seed, setup, seconds in ((1, 0.5, [9, 2, 3]), (2, 0.7, [7, 4, 8]), (3, 4, [8, 5, 6]))
    ]
    parameters = {"repeats": 3, "epochs": 3}
    figure = machines.first_epoch(groups([make(repeats=repeats, parameters=parameters), make(1)]))
    assert bars(figure) == [0.7, 3.5, 0.8, 0]
    shown = words(figure)
    assert {"0.70\xa0s (0.16)", "3.50\xa0s (0.78)", "0.80\xa0s (0.40)"} < set(shown)
    assert "0.00\xa0s (0.00)" in shown  # la primera, más rápida que las demás
    assert (shown.count("Calentamiento"), shown.count("De más en la primera época")) == (1, 1)
    assert message(figure) == (
        "Donde más cuesta arrancar es en «Equipo de prueba (AVX2) · CPU #1»: 0.9 épocas de más"
    )


def test_throughput_has_a_line_for_each_sweep() -> None:
    figure = machines.throughput_by_batch(
        [
            [
                make(0, (1.0, 1.0), label="Uno", parameters={"batch_size": 32}),
                make(0, (0.5, 0.5), label="Uno", parameters={"batch_size": 512}),
            ],
            [make(0, (2.0, 2.0), label="Uno", parameters={"precision": "mixed_bfloat16"})],
            [make(3, (3.0, 3.0), label="Otro")],
        ]
    )
    assert points(figure.axes[0]) == [[[32, 2700], [512, 5400]], [[128, 1350]], [[128, 900]]]
    assert {
        "Uno (AVX2) · CPU · float32 · 2026-11-23",
        "Uno (AVX2) · CPU · mixed_bfloat16 · 2026-11-23",
        "Otro (AVX2) · CPU · float32 · 2026-11-23",
    } < set(words(figure))
    assert {"32", "128", "512"} < set(words(figure))
    assert message(figure) == "Lo más rápido: lote de 512 con float32, 5400\xa0imágenes/s"
    looks = [line.get_color() for line in figure.axes[0].lines]
    assert looks == [style.BLUE, style.ORANGE, style.SKY]


def test_throughput_crosses_out_what_does_not_count() -> None:
    cut = {"status": "interrupted", "reason": "Parado por ti"}
    figure = machines.throughput_by_batch(
        [[make(0), make(0, (1.0, 1.0), parameters={"batch_size": 512}, **cut)]]
    )
    line, cross = figure.axes[0].lines
    assert line.get_xydata().tolist() == [[128, 1800], [512, 2700]]
    assert cross.get_xydata().tolist() == [[512, 2700]]
    assert (cross.get_marker(), cross.get_linestyle()) == ("x", "None")
    assert "No cuenta: ejecución incompleta" in words(figure)
    assert message(figure) == "Lo más rápido: lote de 128 con float32, 1800\xa0imágenes/s"


def test_throughput_crosses_out_nothing_that_is_not_drawn() -> None:
    cut = {"status": "interrupted", "reason": "Parado por ti"}
    many = [[make(number, label=f"Equipo {number}")] for number in range(8)]
    figure = machines.throughput_by_batch([*many, [make(8, label="El noveno", **cut)]])
    assert len(figure.axes[0].lines) == 8
    assert "8 de 9 líneas" in words(figure)
    looks = [(line.get_color(), line.get_marker()) for line in figure.axes[0].lines]
    assert [len(set(look)) for look in zip(*looks, strict=True)] == [8, 8]
    assert not [word for word in words(machines.throughput_by_batch(many)) if "líneas" in word]


def test_two_equal_machines_with_a_long_name_are_told_apart() -> None:
    told = message(
        machines.compare_machines(groups([make(number, label="W" * 60) for number in (0, 1)]))
    )
    assert "W… #1», frente a «" in told
    assert "W… #2»: " in told


def test_images_per_joule_skips_those_who_do_not_know() -> None:
    broken = {"status": "failed", "reason": "sin memoria"}
    figure = machines.images_per_joule(
        groups([make(0, label="No sabe"), with_energy(make(1)), with_energy(make(2, **broken))])
    )
    assert bars(figure) == [100, 100]
    assert colors(figure) == [style.BLUE, None]
    assert words(figure).count("100.00") == 2


# El cuaderno 02


def test_the_ladder_has_a_dot_per_rung_and_a_diamond_per_bet() -> None:
    rungs = {"Python": 2e6, "NumPy": 3e8, "TensorFlow": 1.5e11}
    figure = ladder.ladder(rungs, {"Python": 0.5, "NumPy": None, "No está": 9.0})
    assert names(figure) == list(rungs)
    climbed, diamond = figure.axes[0].lines
    assert climbed.get_xdata().tolist() == pytest.approx([0.002, 0.3, 150])
    assert diamond.get_xydata().tolist() == [[0.5, 0]]
    assert {"Apuesta", "0.002", "0.3 (×150)", "150 (×75\xa0000)"} < set(words(figure))
    assert figure.axes[0].get_xscale() == "log"


def test_a_great_speed_is_told_in_whole_figures() -> None:
    assert "9000 (×9000)" in words(ladder.ladder({"Python": 1e9, "GPU": 9e12}, {}))


@pytest.mark.parametrize("bet", [1e-6, 1e6])
def test_the_ladder_reaches_the_bet_that_misses_by_far(bet: float) -> None:
    figure = ladder.ladder({"Python": 2e6, "NumPy": 3e8}, {"NumPy": bet})
    left, right = figure.axes[0].get_xlim()
    assert left < bet < right


def test_without_bets_the_ladder_has_no_diamonds() -> None:
    figure = ladder.ladder({"Python": 2e6}, {"Python": None})
    assert len(figure.axes[0].lines) == 1
    assert "Apuesta" not in words(figure)


def test_lanes_compare_with_what_would_be_proportional() -> None:
    figure = ladder.lanes({1: 0.002, 2: 0.002, 4: 0.003})
    measured, proportional = figure.axes[0].lines
    assert measured.get_xydata().tolist() == [[1, 2], [2, 2], [4, 3]]
    assert proportional.get_xydata().tolist() == [[1, 2], [2, 4], [4, 8]]


def test_throughput_tells_measures_from_predictions_and_sheets() -> None:
    figure = ladder.throughput(
        {"CPU": ([1, 64], [0.01, 0.001])},
        {"CPU": ([1, 64], [0.02, 0.001])},
        {"RTX 3060": ([1, 64], [0.01, 0.0001])},
    )
    model, measured, sheet = figure.axes[0].lines
    assert model.get_xydata().tolist() == [[1, 50], [64, 1000]]
    assert measured.get_xydata().tolist() == [[1, 100], [64, 1000]]
    assert (model.get_linestyle(), measured.get_linestyle(), sheet.get_linestyle()) == (
        *("-", "None"),
        "--",
    )
    assert model.get_color() == measured.get_color() != sheet.get_color()
    assert {"CPU: medido", "CPU: modelo", "RTX 3060: predicho con su ficha"} < set(words(figure))


# El cuaderno 06

CALLS = [0.001 * number for number in range(101)]
"""De 0 a 100 ms: la mediana es 50, y noventa de cada cien están entre 5 y 95."""


def test_each_way_of_asking_has_its_median_its_spread_and_its_bet() -> None:
    figure = use.calls(
        {"predict": CALLS, "Compilada": [0.002] * 3}, {"Compilada": 7.0, "predict": None, "No": 1.0}
    )
    assert names(figure) == ["predict", "Compilada"]
    spread, middle, *_, diamond = figure.axes[0].lines
    assert list(spread.get_xdata()) == pytest.approx([5, 95])
    assert list(middle.get_xdata()) == pytest.approx([50])
    assert diamond.get_xydata().tolist() == [[7, 1]]
    assert {"50\xa0ms", "2\xa0ms", "Apuesta"} < set(words(figure))
    assert "Apuesta" not in words(use.calls({"predict": CALLS}, {"predict": None}))


def test_latency_has_a_line_per_device_in_milliseconds() -> None:
    figure = use.latency({"CPU": {1: CALLS, 32: [0.2]}, "GPU": {1: [0.001], 32: [0.001]}})
    [axis] = figure.axes
    cpu, gpu = (container[0] for container in axis.containers)
    assert cpu.get_xydata().ravel() == pytest.approx([1, 50, 32, 200])
    assert gpu.get_xydata().ravel() == pytest.approx([1, 1, 32, 1])
    low, high = axis.containers[0][2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((5, 95))
    assert cpu.get_marker() != gpu.get_marker()
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert {"CPU", "GPU", "1", "32"} < set(words(figure))


def test_early_stopping_marks_the_epoch_it_goes_back_to_and_the_one_it_stops_at() -> None:
    figure = use.early_stopping([0.5, 0.3, 0.4, 0.6], best=2, stopped=3)
    losses, best, stop = figure.axes[0].lines
    assert losses.get_xydata().tolist() == [[1, 0.5], [2, 0.3], [3, 0.4], [4, 0.6]]
    assert best.get_xydata().tolist() == [[2, 0.3]]
    assert list(stop.get_xdata()) == [3, 3]


# El cuaderno 04


def test_layer_costs_add_forward_and_backward() -> None:
    figure = speed.layer_costs(COSTS[1:4])
    assert bars(figure) == [2, 0.6, 5, 7.5, 0.6, 12]
    assert [round(bar.get_x(), 6) for bar in figure.axes[0].patches[3:]] == [2, 0.6, 5]
    assert names(figure) == ["Convolución 1", "MaxPooling", "Convolución 2"]
    assert {"9.50\xa0ms, 34\xa0%", "1.20\xa0ms, 4\xa0%", "17.00\xa0ms, 61\xa0%"} < set(
        words(figure)
    )
    assert message(figure) == "Convolución 2: el 61\xa0% de lo que suman las capas"
    assert figure.axes[0].yaxis_inverted()
    assert {"Hacia delante", "Hacia atrás"} < set(words(figure))


def test_the_number_of_a_layer_is_that_of_its_network() -> None:
    told = speed.layer_titles(["conv2d_7", "flatten_3", "conv2d_8", "dense", "rara_2"])
    assert told == ["Convolución 1", "Aplanar", "Convolución 2", "Densa", "rara"]


def test_roofline_separates_layers_by_what_limits_them() -> None:
    figure = speed.roofline(COSTS, peak=2e11, bandwidth=4e10)
    roof, memory, compute = figure.axes[0].lines
    assert roof.get_xydata().round(6).tolist() == [[0.05, 2], [5, 200], [500, 200]]
    assert memory.get_xydata().round(2).tolist() == [[0.2, 5.33], [0.2, 4.57], [4.29, 30]]
    assert compute.get_xydata().round(2).tolist() == [[31.25, 142.86], [90, 180]]
    shown = set(words(figure))
    assert {
        "La limitan las cuentas: 200\xa0GFLOP/s",
        "La limita la memoria: 40\xa0GB/s",
        "100",
    } < shown
    drawn = np.concatenate([memory.get_xydata(), compute.get_xydata()])
    shares = [f"{100 * y / min(200, 40 * x):.0f}\xa0%" for x, y in drawn]
    labels = sorted(word for word in shown if word.endswith("\xa0%") and word.count(",") == 1)
    assert [label.partition(", ")[0] for label in labels] == [
        *("Convolución 1", "Convolución 2", "Densa 1"),
        *("MaxPooling 1", "MaxPooling 2"),
    ]
    assert sorted(label.partition(", ")[2] for label in labels) == sorted(shares)
    assert not any(word.startswith(("Reescalar", "Aplanar", "Densa 2")) for word in shown)
    assert message(figure) == (
        "Lo más cerca del techo, Convolución 2 (90\xa0%); lo más lejos, Convolución 1 (18\xa0%)"
    )


def test_a_lever_that_does_not_always_win_is_no_win() -> None:
    figure = speed.lever_gains(GAINS | {"16 pasos": [0.9, 1.05, 1.2], "8 pasos": [1.0, 1.1, 1.2]})
    assert names(figure) == [*GAINS, "16 pasos", "8 pasos"]
    *lines, before = figure.axes[0].lines
    extremes, middles = lines[::2], lines[1::2]
    assert [list(line.get_xdata()) for line in extremes[:3]] == [[1.1, 1.4], [0.4, 0.6], [1.9, 2.2]]
    assert [line.get_xdata()[0] for line in middles] == [1.2, 0.5, 2, 1.05, 1.1]
    looks = [line.get_color() for line in middles]
    assert looks == [style.BLUE, style.ORANGE, style.BLUE, style.GREY, style.GREY]
    assert set(before.get_xdata()) == {1}
    shown = words(figure)
    assert {"1.20×", "0.50×", "2.00×", "1.05×", "1.10×"} < set(shown)
    assert shown.count("Gana en todas las rondas") == shown.count("No se sabe") == 1
    assert message(figure) == (
        "De 5 palancas: gana en todas las rondas, 2; pierde en todas, 1; no se sabe, 2"
    )


def test_the_race_shows_every_seed_and_the_goal() -> None:
    figure = speed.race((120.0, 0.921), [(15.0, 0.922), (16.0, 0.919)], 0.92)
    goal, reference, runs = figure.axes[0].lines
    assert reference.get_xydata().tolist() == [[120.0, 0.921]]
    assert runs.get_xydata().tolist() == [[15.0, 0.922], [16.0, 0.919]]
    assert set(goal.get_ydata()) == {0.92}
    assert "Meta: 92\xa0%" in words(figure)
    assert figure.axes[0].get_xlim()[0] == 0
    assert message(figure) == (
        "La receta rápida tarda 7.7 veces menos que el cuaderno 01; exactitud media, 92.1\xa0% "
        "frente a 92.1\xa0%"
    )
    slow = speed.race((10.0, 0.921), [(20.0, 0.92)], 0.92)
    assert message(slow).startswith("La receta rápida tarda 2.0 veces más que el cuaderno 01;")


def test_the_race_does_not_magnify_what_chance_can_do() -> None:
    axis = speed.race((120.0, 0.921), [(15.0, 0.922), (16.0, 0.919)], 0.92).axes[0]
    low, high = axis.get_ylim()
    assert high - low > 10 * (0.922 - 0.919)
    [chance] = axis.patches
    assert chance.get_height() == pytest.approx(2 * 0.0053, abs=1e-4)  # 0.53 puntos a cada lado


# El cuaderno 05


def test_a_shared_step_gives_each_replica_its_half_of_the_batch() -> None:
    figure = cluster.data_parallelism(IMAGES[:8])
    [axis] = figure.axes
    assert [picture(inset) for inset in axis.child_axes] == IMAGES[:8].tolist()
    lefts = [inset.get_position().x0 for inset in axis.child_axes]
    assert max(lefts[:4]) < min(lefts[4:])
    shown = words(figure)
    assert [
        shown.count(f"Réplica {number}: calcula\ncon la red entera") for number in (1, 2, 3)
    ] == [1, 1, 0]
    assert shown.count("Da el mismo paso:\nlos mismos pesos nuevos") == 2
    assert shown.count("Todas suman (all-reduce)") == 1
    assert len(axis.patches) == 7
    assert len([text for text in axis.texts if getattr(text, "arrow_patch", None)]) == 8


def ideals(figure: Figure) -> list[float]:
    """Las alturas del ideal, que son los rectángulos vacíos."""
    return [box.get_height() for box in figure.axes[0].patches if not box.get_fill()]


def test_worker_speeds_compare_measured_ideal_and_model() -> None:
    figure = cluster.worker_speeds(
        {1: 100.0, 4: 120.0, 2: 150.0}, {1: 101.0, 2: 155.0, 4: 140.0}, places=4
    )
    measured, model = figure.axes[0].containers
    assert [bar.get_height() for bar in measured] == [100, 150, 120]
    assert [bar.get_height() for bar in model] == [101, 155, 140]
    assert ideals(figure) == [100, 200, 400]
    shown = words(figure)
    assert {"100", "150", "120", "101", "155", "140", "Medido", "Ideal", "Modelo"} <= set(shown)
    assert not [word for word in shown if word.startswith("Sin ideal")]
    assert message(figure) == "Con 2 procesos, 1.5 veces más rápido que con 1; lo ideal, 2"


@pytest.mark.parametrize(("places", "told"), [(2, "2 núcleos"), (1, "1 núcleo")])
def test_the_ideal_stops_at_the_cores_there_are(places: int, told: str) -> None:
    speeds = {1: 100.0, 2: 150.0, 4: 120.0}
    figure = cluster.worker_speeds(speeds, speeds, places)
    assert ideals(figure) == [100, 200][:places]
    assert words(figure).count(f"Sin ideal:\naquí solo hay\n{told}") == 3 - places
    assert figure.axes[0].get_ylim()[1] < 300  # el ideal imposible no encoge lo demás
    assert ("lo ideal" in message(figure)) is (places == 2)


def test_if_more_workers_gain_nothing_the_chart_says_so() -> None:
    figure = cluster.worker_speeds({1: 100.0, 2: 90.0}, {1: 100.0, 2: 90.0}, places=2)
    assert message(figure) == "Lo más rápido, con 1 proceso: con más no se gana"


def test_the_ideal_starts_at_the_fewest_workers() -> None:
    figure = cluster.worker_speeds({2: 150.0, 4: 200.0}, {2: 150.0, 4: 250.0}, places=4)
    assert ideals(figure) == [150, 300]


def test_predicted_gains_draw_every_network_and_the_ideal() -> None:
    figure = cluster.predicted_gains(GAINS_BY_LINK, "Predicción.\nLo que se aprende.")
    ideal, *others = figure.axes[0].lines
    assert ideal.get_xydata().tolist() == [[1, 1], [2, 2], [64, 64]]
    assert [list(line.get_ydata()) for line in others] == [
        list(gains.values()) for gains in GAINS_BY_LINK.values()
    ]
    looks = [(line.get_color(), line.get_marker(), line.get_markersize()) for line in others]
    assert [len(set(look)) for look in zip(*looks, strict=True)] == [3, 3, 3]
    assert {
        "Predicción.\nLo que se aprende.",
        "Ideal",
        "1 Gbit/s\nno compensa",
        "10 Gbit/s\n1.5× con 2",
        "100 Gbit/s\n3.0× con 64",
    } <= set(words(figure))


def test_each_name_is_at_the_end_of_its_line() -> None:
    axis = cluster.predicted_gains(GAINS_BY_LINK, "Predicción").axes[0]
    heights = {text.get_text(): text.xy for text in axis.texts}
    assert list(heights) == [
        "Ideal",
        "100 Gbit/s\n3.0× con 64",
        "10 Gbit/s\n1.5× con 2",
        "1 Gbit/s\nno compensa",
    ]
    assert heights["Ideal"] == (64, pytest.approx(64))
    assert heights["100 Gbit/s\n3.0× con 64"] == (64, pytest.approx(3, rel=0.1))
    assert [text.get_color() for text in axis.texts[1:]] == [
        line.get_color() for line in axis.lines[:0:-1]
    ]
