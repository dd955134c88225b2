"""Los gráficos: que dibujen los datos que se les dan, que se lean y que salgan iguales siempre."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
from conftest import NOTEBOOK, RECORD, Cells, consistent
from IPython.core.formatters import DisplayFormatter
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fashion_bench.charts import (
    basics,
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
from fashion_bench.compare import comparison
from fashion_bench.compare.comparison import Contender
from fashion_bench.data import CLASS_NAMES
from fashion_bench.figures import ACCURACY_FLOOR, Record

PHONE, SMALLEST = 358, 9
"""Puntos de ancho de un gráfico en un teléfono, y los que ha de medir su letra más pequeña."""

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
FIRST_EPOCH = {key: values[:1] for key, values in HISTORY.items()}
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
PARTS = {
    "Pesos": [0, 320, 0, 18_496, 0, 0, 401_536, 0, 1290],
    "Cuentas": [0, 225_792, 0, 3_612_672, 0, 0, 401_408, 0, 1280],
    "Tiempo": [0.1, 9, 1.2, 17, 0.7, 0.2, 2, 0.1, 0.05],
}


class LayerCost(NamedTuple):
    """El de `profiling`, que al importarse traería TensorFlow."""

    name: str
    forward_seconds: float
    backward_seconds: float
    operations: float
    bytes_moved: float


COSTS = [
    LayerCost("rescaling", 0.00001, 0, operations=2e5, bytes_moved=1e6),
    LayerCost("conv2d", 0.002, 0.0075, operations=6e7, bytes_moved=1.4e7),
    LayerCost("max_pooling2d", 0.0006, 0.0006, operations=3.2e6, bytes_moved=1.6e7),
    LayerCost("conv2d_1", 0.005, 0.012, operations=9e8, bytes_moved=1e7),
    LayerCost("max_pooling2d_1", 0.00035, 0.0003, operations=1.6e6, bytes_moved=8e6),
    LayerCost("flatten", 0.0002, 0, operations=0, bytes_moved=1e6),
    LayerCost("dense", 0.0007, 0.0013, operations=1e8, bytes_moved=3.2e6),
]
MANY_COSTS = [COSTS[1]._replace(name=f"conv2d_{number}" + "_x" * 10) for number in range(20)]
GAINS = {"Lote de 512": [1.1, 1.2, 1.4], "XLA": [0.4, 0.5, 0.6], "16 pasos": [0.9, 1.05, 1.2]}
GAINS_BY_LINK = {
    "1 Gbit/s": {1: 1.0, 2: 0.8, 64: 0.9},
    "10 Gbit/s": {1: 1.0, 2: 1.52, 64: 1.4},
    "100 Gbit/s": {1: 1.0, 2: 1.6, 64: 3.0},
}
STEP = {"Paso vacío": 0.001, "Peticiones": 0.002, "Cuentas": 0.004, "Memoria": 0.003}
SECONDS = {"CPU": ([1, 64], [0.01, 0.001])}, {"CPU": ([1, 64], [0.02, 0.001])}
CALLS = [0.001 * number for number in range(101)]
"""De 0 a 100 ms: la mediana es 50, y noventa de cada cien están entre 5 y 95."""
LOSSES = {"loss": [0.5, 0.3, 0.1], "val_loss": [0.5, 0.4, 0.6]}
CUT = {"status": "interrupted", "reason": "Parado por ti"}


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
    return Record.model_validate_json(json.dumps(consistent(RECORD | parts)))


def make_many(count: int) -> list[Record]:
    """Del más rápido al más lento, con las etiquetas más anchas que caben; alguno no cuenta."""
    reason = "la pérdida dejó de ser un número en la segunda época: baja learning_rate y repite"
    return [
        make(
            number,
            (1000.0 + number, 2000.0 + number),
            label=f"{number:03}" + 7 * " WWWWWWW",
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
                "run_id": f"{record.created_utc + timedelta(days=day):%Y%m%dT%H%M%SZ}-{day:08x}",
                "repeats": [record.repeats[0].model_copy(update={"epoch_seconds": [second] * 2})],
            }
        )
        for day, second in enumerate(seconds)
    ]


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
    """Los textos que se le han puesto."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def told(figure: Figure) -> str:
    """Todos ellos, seguidos, para buscar en ellos una cifra."""
    return " ".join(words(figure)).replace("\n", " ").replace("\xa0", " ")


def points(axis: Axes, marker: str | None = None) -> list[list[list[float]]]:
    """Los puntos de cada línea; si se pide, solo de las de esa marca."""
    lines = [line for line in axis.lines if marker in (None, line.get_marker())]
    return [np.round(line.get_xydata(), 6).tolist() for line in lines]


def typical(figure: Figure) -> list[float]:
    """Los segundos de la época típica de cada equipo: los de su rombo."""
    return [x for [[x, _]] in points(figure.axes[0], "D")]


def looks(figure: Figure) -> list[str | None]:
    """De cada rombo o barra, su color, o `None` si es hueco."""
    axis = figure.axes[0]
    fills = [line.get_markerfacecolor() for line in axis.lines if line.get_marker() == "D"]
    fills = fills or [bar.get_facecolor() for bar in axis.patches]
    return [to_hex(fill).upper() if to_rgba(fill)[3] else None for fill in fills]


def dots(figure: Figure) -> list[list[float]]:
    """Los segundos de los puntos de cada equipo: los rellenos y los huecos."""
    return [[x for x, _ in line] for line in points(figure.axes[0], "o")]


def bars(figure: Figure) -> list[float]:
    return [round(bar.get_width(), 6) for bar in figure.axes[0].patches]


def names(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def picture(axis: Axes) -> list[list[float]]:
    return axis.images[0].get_array().tolist()


def crowd(count: int) -> list[Contender]:
    return groups([with_energy(record, joules=0.54) for record in make_many(count)])


ALL: dict[str, Callable[[], Figure]] = {
    "class_examples": lambda: lesson.class_examples(IMAGES, LABELS),
    "image_as_numbers": lambda: lesson.image_as_numbers(IMAGES[0], "Zapatilla"),
    "steps": lambda: convolution.steps(IMAGES[0], VERTICAL, [(0, 0), (9, 9), (25, 25)]),
    "steps of one": lambda: convolution.steps(IMAGES[0], VERTICAL / 9, [(12, 11)]),
    "seen": lambda: convolution.seen(
        IMAGES[:4], ["Original", "Bordes verticales", "Bordes horizontales", "Desenfoque"]
    ),
    "pooling": lambda: basics.pooling(IMAGES[0], (12, 10)),
    "receptive_field": lambda: basics.receptive_field(
        IMAGES[0], [("Conv2D", 3), ("MaxPooling2D", 4), ("2.ª Conv2D", 8), ("2.ª MaxPooling2D", 10)]
    ),
    "loss": lambda: basics.loss(list(CLASS_NAMES[:3]), np.array([2, 1, 0.1])),
    "descent": lambda: basics.descent([1, -0.6, 0.36]),
    "answers": lambda: basics.answers(IMAGES[:12], LABELS[:12], LABELS[-12:]),
    "deep_filter": lambda: network.deep_filter((14, 14, 32), 3, 64),
    "shapes": lambda: network.shapes("Entrada", (28, 28, 1), SHAPES),
    "shares": lambda: network.shares(
        [f"{name}\n{'×'.join(map(str, shape))}" for name, shape in SHAPES], PARTS
    ),
    "guess": lambda: lesson.guess(IMAGES[0], IMAGES[1], np.eye(10)[4]),
    "against_baselines": lambda: lesson.against_baselines(MODELS, BETS),
    "against_baselines with nothing learnt": lambda: lesson.against_baselines(
        dict.fromkeys(MODELS, (0.1, 1000.0)), BETS
    ),
    "feature_maps": lambda: convolution.feature_maps(
        GENERATOR.random((3, 3, 32)), GENERATOR.random((28, 28, 32))
    ),
    "learning_curves": lambda: lesson.learning_curves([HISTORY] * 3, [0.9, 0.91, 0.92]),
    "learning_curves of one epoch": lambda: lesson.learning_curves([FIRST_EPOCH], [0.84]),
    "epoch_seconds": lambda: lesson.epoch_seconds(
        [[9.0, 0.1, 0.2]] * 3, [None, "otros programas", None] * 3, bet=20
    ),
    "epoch_seconds of one": lambda: lesson.epoch_seconds([[9.0]], bet=1.5),
    "confusion_matrix": lambda: lesson.confusion_matrix(LABELS, LABELS[::-1]),
    "mistakes": lambda: lesson.mistakes(IMAGES, LABELS, PROBABILITIES),
    "ladder": lambda: ladder.ladder(
        {"Bucles de Python, 1 imagen": 2e7, "Todos los hilos, lote de 256": 9e12}, {}
    ),
    "throughput": lambda: ladder.throughput(
        *SECONDS, {name: ([1, 64], [0.01, 0.0001]) for name in ("RTX 3060", "M1", "H100")}, 1.3
    ),
    "orders": lambda: ladder.orders(257, {"De la red": 41, "De Adam": 176}),
    "parts": lambda: ladder.parts({"Esta CPU": STEP, "El otro": STEP}),
    "layer_costs": lambda: speed.layer_costs(COSTS),
    "layer_costs of 20": lambda: speed.layer_costs(MANY_COSTS),
    "roofline": lambda: speed.roofline(COSTS, peak=2e11, bandwidth=4e10),
    "lever_gains": lambda: speed.lever_gains(GAINS),
    "lever_gains of 20": lambda: speed.lever_gains(
        {f"{number} " + "W" * 20: [0.9, 2, 3] for number in range(20)}
    ),
    "race": lambda: speed.race((120.0, 0.921), [(15.0, 0.922), (16.0, 0.919)], 0.92),
    "data_parallelism": lambda: cluster.data_parallelism(IMAGES[:8]),
    "worker_speeds": lambda: cluster.worker_speeds(
        {1: 2884, 2: 4281, 4: 2842}, {1: 2930, 2: 5103, 4: 4200}, places=2, whole=5300
    ),
    "worker_speeds of many": lambda: cluster.worker_speeds(
        {1: 2884, 64: 14281, 128: 28420}, {1: 2930, 64: 15103, 128: 9e4}, places=128, whole=2884
    ),
    "predicted_gains": lambda: cluster.predicted_gains(GAINS_BY_LINK, "Predicción. " * 12),
    "predicted_gains that fall": lambda: cluster.predicted_gains(
        {f"{links} Gbit/s": {1: 1.0, 2: 0.5, 64: 0.1 + links / 1e4} for links in range(4)}, "Cae"
    ),
    "predicted_gains near the ideal": lambda: cluster.predicted_gains(
        {f"{links} Gbit/s": {1: 1.0, 2: 2.0, 64: 60.0 + links} for links in range(4)}, "Ideal"
    ),
    "calls": lambda: use.calls({"predict": CALLS, "Compilada": [0.002] * 3}, {"Compilada": 7.0}),
    "latency": lambda: use.latency({"CPU": {1: CALLS, 32: [0.2]}, "GPU": {1: [0.1], 32: [0.1]}}),
    "overfitting": lambda: use.overfitting(
        {"Sin Dropout": LOSSES, "Con Dropout": {key: each[::-1] for key, each in LOSSES.items()}}
    ),
    "overfitting of one": lambda: use.overfitting({"Sin parar": LOSSES}, best=1),
    "compare_machines in sessions": lambda: machines.compare_machines(
        groups([s for record in make_many(3) for s in in_sessions(record, (1e3, 1.5e3, 2e3))])
    ),
}
for count in (1, 21):
    for chart in (machines.compare_machines, machines.images_per_joule):
        ALL[f"{chart.__name__} of {count}"] = partial(chart, crowd(count))
    sweeps = [[record] for record in make_many(count)]
    ALL[f"throughput_by_batch of {count}"] = partial(machines.throughput_by_batch, sweeps)


@pytest.mark.parametrize("chart", ALL)
def test_every_text_is_whole_clear_of_the_others_and_readable_on_a_phone(chart: str) -> None:
    figure = ALL[chart]()
    boxes = [(text, Text.get_window_extent(text)) for text in drawn_texts(figure)]
    shrunk = min(1, PHONE / figure.bbox.width)
    for text, box in boxes:
        assert min(box.x0, box.y0) > -1, text
        assert box.x1 < figure.bbox.x1 + 1, text
        assert box.y1 < figure.bbox.y1 + 1, text
        assert not text.get_parse_math(), text  # un nombre de equipo nunca es una fórmula
        assert shrunk * text.get_fontsize() * figure.dpi / 72 >= SMALLEST, text
    level = [(text, box) for text, box in boxes if text.get_rotation() in (0, 90)]
    for (one, a), (other, b) in combinations(level, 2):
        common = Bbox.intersection(a, b)
        assert common is None or min(common.width, common.height) < 1.5, (one, other)


OTHER = {key: [value + 0.01 for value in values] for key, values in HISTORY.items()}
SWEEPS = [
    [
        make(0, (1.0, 1.0), label="Uno", parameters={"batch_size": 32}),
        make(0, (0.5, 0.5), label="Uno", parameters={"batch_size": 512}, **CUT),
    ],
    [make(0, (2.0, 2.0), label="Uno", parameters={"precision": "mixed_bfloat16"})],
]

DRAWN: dict[str, tuple[Callable[[], Figure], list, str]] = {
    "learning_curves": (
        lambda: lesson.learning_curves([HISTORY, OTHER], [0.91, 0.93]),
        [
            *([[1, each[key][0]], [2, each[key][1]]] for each in (HISTORY, OTHER) for key in each),
            *([[2.5, 0.91], [2.5, 0.93]], [[0, ACCURACY_FLOOR], [1, ACCURACY_FLOOR]]),
        ],
        "92.0 %",
    ),
    "against_baselines": (
        ALL["against_baselines"],
        [
            *([[0.848, 0], [0.873, 1], [0.917, 2]], [[0.6, 0], [0.95, 2]]),
            *([[0.75, 0], [3.2, 1], [11, 2]], [[30, 2]]),
        ],
        "el eje empieza en",
    ),
    "epoch_seconds": (  # las molestadas, además, en su propia línea
        lambda: lesson.epoch_seconds([[1.0, 2.0], [3.0, 4.0]], [None, "x", "x", None], bet=8.0),
        [[[1, 1], [2, 2]], [[1, 3], [2, 4]], [[2, 2], [1, 3]], [[0, 2.5], [1, 2.5]], [[2.5, 8]]],
        "2.50 s",
    ),
    "throughput_by_batch": (
        lambda: machines.throughput_by_batch(SWEEPS),
        [[[32, 2700], [512, 5400]], [[128, 1350]], [[512, 5400]]],
        "lote de 32",
    ),
    "ladder": (
        lambda: ladder.ladder({"A": 2e6, "B": 3e8, "C": 9e12}, {"A": 1e6, "B": None, "No": 9.0}),
        [[[0.002, 0]], [[0.3, 1]], [[9000, 2]], [[1e6, 0]]],
        "9000 (×4 500 000)",
    ),
    "lanes": (
        lambda: ladder.lanes({1: 0.002, 2: 0.002, 4: 0.003}),
        [[[1, 2], [2, 2], [4, 3]], [[0, 0], [4, 3]]],
        "",
    ),
    "throughput": (
        lambda: ladder.throughput(*SECONDS, {"M1": ([1, 64], [0.01, 0.0001])}, 2),
        [[[1, 50], [64, 1000]], [[1, 100], [64, 1000]], [[1, 100], [64, 10_000]]],
        "M1: predicho",
    ),
    "calls": (ALL["calls"], [[[7, 1]]], "50 ms"),
    "latency": (
        ALL["latency"],
        [[[1, 50], [32, 200]], [[1, 100], [32, 100]]],
        "GPU",
    ),
    "overfitting": (
        ALL["overfitting"],
        [
            *([[1, 0.5], [2, 0.3], [3, 0.1]], [[1, 0.5], [2, 0.4], [3, 0.6]], [[2, 0.4]]),
            *([[1, 0.1], [2, 0.3], [3, 0.5]], [[1, 0.6], [2, 0.4], [3, 0.5]], [[2, 0.4]]),
        ],
        "Sin Dropout: época 2",
    ),
    "overfitting of one": (
        ALL["overfitting of one"],
        [[[1, 0.5], [2, 0.3], [3, 0.1]], [[1, 0.5], [2, 0.4], [3, 0.6]], [[1, 0.5]]],
        "Sin parar: época 1",
    ),
    "roofline": (  # sin lo que no calcula ni lo que dura tan poco que no se mide
        ALL["roofline"],
        [
            *([[0.05, 2], [5, 200], [500, 200]],),
            *([[4.285714, 30], [0.2, 5.333333], [0.2, 4.571429]],),
            *([[90, 180], [31.25, 142.857143]],),
        ],
        "Convolución 2, 90 %",
    ),
    "lever_gains": (
        ALL["lever_gains"],
        [
            *([[1.1, 0], [1.4, 0]], [[1.2, 0]], [[0.4, 1], [0.6, 1]], [[0.5, 1]]),
            *([[0.9, 2], [1.2, 2]], [[1.05, 2]], [[1, 0], [1, 1]]),
        ],
        "gana en todas, 1; pierde en todas, 1; no se sabe, 1",
    ),
    "race": (
        ALL["race"],
        [
            *([[120, 0], [120, 1]], [[15, 0], [16, 1]]),
            *([[0.921, 0], [0.921, 1]], [[0.922, 0], [0.919, 1]], [[0.92, 0], [0.92, 1]]),
        ],
        "7.7 veces menos",
    ),
    "a race that is lost": (
        lambda: speed.race((10.0, 0.921), [(20.0, 0.92)], 0.92),
        [
            *([[10, 0], [10, 1]], [[20, 0]]),
            *([[0.921, 0], [0.921, 1]], [[0.92, 0]], [[0.92, 0], [0.92, 1]]),
        ],
        "2.0 veces más",
    ),
    "predicted_gains": (
        ALL["predicted_gains"],
        [[[1, 1], [2, 2], [64, 64]], *([[*p] for p in g.items()] for g in GAINS_BY_LINK.values())],
        "1.5× con 2",
    ),
}


@pytest.mark.parametrize("chart", DRAWN)
def test_what_is_drawn_is_what_is_given(chart: str) -> None:
    """En sus líneas, ni más ni menos, salvo las de la dispersión; y la cifra que se lee en él."""
    make, lines, figure_told = DRAWN[chart]
    figure = make()
    drawn = [line for axis in figure.axes for line in points(axis)]
    given = [np.round(line, 6).tolist() for line in lines]
    assert all(line in drawn for line in given)
    assert len(drawn) == len(given) or chart in ("calls", "latency")
    assert figure_told in told(figure)


BARS: dict[str, tuple[Callable[[], Figure], list[float]]] = {
    "shares": (
        lambda: network.shares(list("abc"), {"P": [1, 3, 0], "T": [0.5, 0.496, 0.004]}),
        [25, 75, 50, 49.6],
    ),
    "layer_costs": (lambda: speed.layer_costs(COSTS[1:4]), [2, 0.6, 5, 7.5, 0.6, 12]),
    "images_per_joule": (
        lambda: machines.images_per_joule(groups([make(0), with_energy(make(1))])),
        [100],
    ),
}


@pytest.mark.parametrize("chart", BARS)
def test_every_bar_is_as_long_as_what_it_tells(chart: str) -> None:
    make, lengths = BARS[chart]
    assert bars(make()) == lengths


# El estilo


def test_show_gives_the_picture_its_alternative_text_and_says_which_is_the_main_one() -> None:
    figure = lesson.epoch_seconds([[1.0, 2.0]])
    with mock.patch.object(style, "display") as display:
        style.show(figure, "Barras iguales")
        style.show(figure, "La principal", main=True)
    (plain, shown), (_, main) = [
        DisplayFormatter().format(call.args[0]) for call in display.call_args_list
    ]
    expected = {"alt": "Barras iguales", "width": int(100 * figure.get_figwidth())}
    assert shown == {"image/png": expected}
    assert main["image/png"] == expected | {"alt": "La principal", "fashion-bench-main": True}
    assert "image/png" in plain


DRAW = """
import hashlib
from fashion_bench.charts import lesson, style
print(hashlib.sha256(style.png(lesson.epoch_seconds([[1.0, 2.0]]))[0]).hexdigest())
"""


def test_a_chart_is_the_same_whatever_the_matplotlibrc(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    hostile.write_text(
        "text.usetex: True\nsavefig.transparent: True\nsavefig.dpi: 300\n"
        "font.family: Una que no existe\nlines.linewidth: 7\naxes.facecolor: red\n"
        "backend: nonsense\nlines.markersize: grande\nesto no es nada\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        env=os.environ | {"MATPLOTLIBRC": str(hostile)},
        capture_output=True,
        text=True,
    )
    names: dict[str, object] = {}
    with mock.patch("builtins.print") as said:
        exec(DRAW, names)
    assert (done.stdout.strip(), done.stderr) == (said.call_args.args[0], "")


@pytest.mark.parametrize(
    "label", ["学习机 一号", "👩\u200d💻", "مחשב حاسوبي", "a\u0301\u0302", "\U0010ffff"]
)
def test_any_label_is_drawn_without_warnings(label: str) -> None:
    record = make(1).model_copy(update={"label": label})
    assert style.draw(machines.compare_machines(groups([record]))).width  # un aviso sería un error


# El cuaderno 01


def test_class_examples_are_in_the_row_of_their_class() -> None:
    figure = lesson.class_examples(IMAGES, LABELS)
    assert names(figure) == list(CLASS_NAMES)
    rows = [np.hstack(list(IMAGES[20 * label : 20 * label + 8])) for label in range(10)]
    assert picture(figure.axes[0]) == np.vstack(rows).tolist()


def test_an_image_as_numbers_shows_its_centre() -> None:
    whole, numbers = lesson.image_as_numbers(IMAGES[0], "Botín").axes
    assert picture(whole) == IMAGES[0].tolist()
    assert whole.patches[0].get_bbox().bounds == (9.5, 9.5, 8, 8)
    shown = {text.get_position()[::-1]: int(text.get_text()) for text in numbers.texts}
    assert shown == dict(np.ndenumerate(IMAGES[0][10:18, 10:18]))


def test_a_guess_highlights_the_best_class() -> None:
    figure = lesson.guess(IMAGES[0], IMAGES[1], np.array([0.2, 0.7, *[0.0125] * 8]))
    left, middle, right = figure.axes
    assert (picture(left), picture(middle)) == (IMAGES[0].tolist(), IMAGES[1].tolist())
    assert [round(bar.get_width(), 2) for bar in right.patches] == [20, 70, *[1.25] * 8]
    painted = [to_hex(bar.get_facecolor()).upper() for bar in right.patches]
    assert painted == [style.GREY, style.BLUE, *[style.GREY] * 8]


def test_a_convolution_shows_its_nine_products_and_where_their_sum_lands() -> None:
    image = IMAGES[0].copy()
    image[5:8, 20:23] = [[10, 20, 30], [40, 50, 60], [70, 80, 255]]
    figure = convolution.steps(image, VERTICAL, [(0, 0), (5, 20)])
    whole, landing, *grids = figure.axes
    assert picture(whole) == image.tolist()
    assert np.shape(picture(landing)) == (26, 26)
    assert picture(landing)[5][20] == 225
    assert whole.patches[1].get_bbox().bounds == (19.5, 4.5, 3, 3)
    assert landing.patches[1].get_bbox().bounds == (19.5, 4.5, 1, 1)
    shown = [
        [int(text.get_text().replace("\u2212", "-")) for text in axis.texts] for axis in grids[4:]
    ]
    window = image[5:8, 20:23].astype(int)
    products = (window * VERTICAL).ravel().tolist()
    assert shown == [window.ravel().tolist(), VERTICAL.ravel().tolist(), products, [225]]
    limit = abs(convolution.convolve(image, VERTICAL)).max()
    assert grids[-1].images[0].get_clim() == landing.images[0].get_clim() == (-limit, limit)


def test_each_filter_is_beside_its_map_and_in_order() -> None:
    kernels, maps = GENERATOR.normal(size=(3, 3, 6)), GENERATOR.random((28, 28, 6))
    [axis] = convolution.feature_maps(kernels, maps).axes
    drawn = [image.get_array().tolist() for image in axis.images]
    assert drawn[::2] == np.moveaxis(kernels, -1, 0).tolist()
    assert drawn[1::2] == np.moveaxis(maps, -1, 0).tolist()
    for one, other in zip(axis.images[::2], axis.images[1::2], strict=True):
        assert one.norm(0) == 0.5
        assert one.get_extent()[1] < other.get_extent()[0] < one.get_extent()[1] + 1


def test_one_epoch_is_the_only_mark_of_its_axis() -> None:
    for figure in (
        lesson.learning_curves([FIRST_EPOCH], [0.8]),
        lesson.epoch_seconds([[3.0]], bet=2.0),
    ):
        for axis in figure.axes:
            left, right = axis.get_xlim()
            assert [tick for tick in axis.get_xticks() if left <= tick <= right] == [1]


def test_accuracies_on_the_axis_are_told_apart() -> None:
    figure = lesson.learning_curves(
        [HISTORY | {"accuracy": [0.9, 0.9002]} | {"val_accuracy": [0.9, 0.9]}], [0.9]
    )
    drawn_texts(figure)
    shown = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert len(shown) == len(set(shown)) > 2


def test_the_bets_of_the_first_notebook_are_all_drawn() -> None:
    notebook = Cells(NOTEBOOK)
    notebook.run("apuestas")
    assert set(notebook.names["bets"].values()) == {None}
    figure = lesson.against_baselines(MODELS, dict.fromkeys(notebook.names["bets"], 0.9))
    assert sum(len(points(axis, "D")[0]) for axis in figure.axes) == 4


def test_confusion_matrix_is_in_percent_of_each_true_class_and_its_errors_are_seen() -> None:
    predictions = LABELS.copy()
    predictions[:2] = 6  # dos de las veinte camisetas, por camisas
    figure = lesson.confusion_matrix(LABELS, predictions)
    [axis] = figure.axes[:1]
    shown = {text.get_position(): text.get_text() for text in axis.texts if text.get_text()}
    right = {(label, label): "100" for label in range(1, 10)}
    assert shown == right | {(0, 0): "90", (6, 0): "10"}
    assert "Camiseta → Camisa, 10 de cada 100" in told(figure)
    colors = axis.images[0].to_rgba(axis.images[0].get_array())
    shades = colors[..., :3] @ (0.2126, 0.7152, 0.0722)
    assert shades[0, 5] / shades[0, 6] > 3
    assert len({tuple(color) for color in colors[range(10), range(10)]}) == 1


def test_mistakes_go_by_pairs_from_the_most_confident_to_the_most_doubtful() -> None:
    labels = np.array([6, 6, 6, 6, 4, 2, 2])
    probabilities = np.full((7, 10), 0.0001)
    for index, (guess, chance) in enumerate(
        [(0, 0.5), (0, 0.9996), (0, 0.7), (0, 0.6), (2, 0.8), (2, 0.9), (4, 0.6)]
    ):
        probabilities[index, labels[index]] = 1 - chance
        probabilities[index, guess] = chance
    first, second = lesson.mistakes(IMAGES[:7], labels, probabilities).subfigs[:2]
    assert [picture(axis) for axis in first.axes] == [IMAGES[index].tolist() for index in (1, 3, 0)]
    [sure, middling, _] = [axis.get_xlabel().replace("\xa0", " ") for axis in first.axes]
    assert "Camiseta 100.0 %" in sure
    assert "Camiseta 60.0 %" in middling and "Camisa 40.0 %" in middling
    assert picture(second.axes[0]) == IMAGES[6].tolist()
    assert not any(axis.images for axis in second.axes[1:])


# Los equipos


def test_compare_machines_highlights_this_and_marks_what_does_not_count() -> None:
    this = make(0, (3.0, 5.0), label="Este equipo")
    others = [make(1, (1.0, 2.0), label="Rápido"), make(2, (2.0, 2.0), label="Roto", **CUT)]
    figure = machines.compare_machines(groups([*others, this]), this)
    fast, broken, own = names(figure)
    assert fast.startswith("Rápido") and broken.startswith("Roto") and own.startswith("Este equipo")
    assert "no cuenta" in broken and "esta ejecución" in own
    assert typical(figure) == [1.5, 2, 4]
    assert looks(figure) == [style.SKY, None, style.BLUE]
    assert figure.axes[0].yaxis_inverted()
    assert looks(machines.compare_machines(groups(others))) == [style.BLUE, None]
    cut = make(3, **CUT)
    assert looks(machines.compare_machines(groups([cut, this]), cut)) == [None, style.SKY]


def test_every_epoch_is_a_dot_hollow_if_the_machine_was_busy() -> None:
    with mock.patch.object(Record, "disturbed", [None, "otros programas"]):
        figure = machines.compare_machines(groups([make(0, (1.0, 9.0))]))
    assert dots(figure) == [[1], [9]]
    filled, hollow = (line for line in figure.axes[0].lines if line.get_marker() == "o")
    assert (filled.get_markerfacecolor(), hollow.get_markerfacecolor()) == ("black", "none")
    assert figure.axes[0].get_xlim()[1] > 9


def test_several_sessions_have_an_interval_and_all_their_epochs() -> None:
    several = in_sessions(make(0), (1.0, 4.0))
    group = groups([*several, make(1, (3.0, 3.0))])
    figure = machines.compare_machines(group, several[0])
    interval, *_ = figure.axes[0].lines
    estimate = group[0].estimate("median_epoch")
    assert interval.get_xdata().tolist() == [estimate.low, estimate.high]
    assert dots(figure) == [[1, 1, 4, 4], [], [3, 3], []]
    assert typical(figure) == pytest.approx([2, 3])
    assert ["2 sesiones" in name for name in names(figure)] == [True, False]


@pytest.mark.parametrize("mine", [3, 19, 20, 21])
def test_ones_own_run_is_always_drawn(mine: int) -> None:
    many = [make(number, (1.0 + number,) * 2) for number in range(22)]
    figure = machines.compare_machines(groups(many), many[mine])
    expected = [*range(20)] if mine < 20 else [*range(19), mine]
    assert typical(figure) == [1 + number for number in expected]
    assert looks(figure) == [style.BLUE if number == mine else style.SKY for number in expected]
    assert "20 de 22 equipos" in words(figure)


def test_compare_machines_says_who_wins_only_if_there_is_somebody_to_compare_with() -> None:
    fast, slow = in_sessions(make(0), (1.0, 1.01, 1.02)), in_sessions(make(1), (3.0, 3.01, 3.02))
    both = groups([*fast, *slow])
    won = machines.compare_machines(both).get_suptitle()
    lost = machines.compare_machines(both, slow[-1]).get_suptitle()
    assert won.startswith(f"«{both[0].name}»") and "2.98×" in won
    assert lost.startswith(f"«{both[1].name}»") and "0.34×" in lost
    cut = make(2, **CUT)
    for group, this in (([*fast, cut], None), ([*fast, *slow, cut], cut), (fast, None)):
        assert "×" not in machines.compare_machines(groups(group), this).get_suptitle()


def test_throughput_by_batch_crosses_out_only_what_is_drawn() -> None:
    many = [[make(number, label=f"Equipo {number}")] for number in range(8)]
    figure = machines.throughput_by_batch([*many, [make(8, label="El noveno", **CUT)]])
    assert len(figure.axes[0].lines) == 8
    assert "8 de 9 líneas" in words(figure)


# Los cuadernos 04 y 05


def test_the_number_of_a_layer_is_that_of_its_network() -> None:
    found = speed.layer_titles(["conv2d_7", "flatten_3", "conv2d_8", "dense", "rara_2"])
    assert found == ["Convolución 1", "Aplanar", "Convolución 2", "Densa", "rara"]


def test_a_shared_step_gives_each_replica_its_half_of_the_batch() -> None:
    [axis] = cluster.data_parallelism(IMAGES[:8]).axes
    assert [picture(inset) for inset in axis.child_axes] == IMAGES[:8].tolist()
    lefts = [inset.get_position().x0 for inset in axis.child_axes]
    assert max(lefts[:4]) < min(lefts[4:])
    assert len([text for text in axis.texts if getattr(text, "arrow_patch", None)]) == 8


def test_worker_speeds_compare_measured_and_model_and_say_what_is_won() -> None:
    figure = cluster.worker_speeds(
        {1: 100.0, 4: 120.0, 2: 150.0}, {1: 101.0, 2: 155.0, 4: 140.0}, 4, whole=200
    )
    heights = [[bar.get_height() for bar in bars] for bars in figure.axes[0].containers]
    assert heights == [[100, 150, 120], [101, 155, 140]]
    assert "con 2 procesos: 0.75 veces" in told(figure)
    alone = {1: 100.0, 2: 90.0}
    assert "con 1 proceso: 1.00" in told(cluster.worker_speeds(alone, alone, 2, whole=100))


@pytest.mark.parametrize("places", [1, 2])
def test_the_ideal_stops_at_the_cores_there_are(places: int) -> None:
    speeds = {1: 100.0, 2: 150.0, 4: 120.0}
    figure = cluster.worker_speeds(speeds, speeds, places, whole=150)
    ideals = [box.get_height() for box in figure.axes[0].patches if not box.get_fill()]
    assert ideals == [100, 200][:places]
    assert told(figure).count("Sin ideal") == 3 - places
    assert figure.axes[0].get_ylim()[1] < 300  # el ideal imposible no encoge lo demás
