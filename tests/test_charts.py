import json
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fashion_bench import charts, data
from fashion_bench.profiling import LayerCost
from fashion_bench.records import Record

GENERATOR = np.random.default_rng(0)
LABELS = np.repeat(np.arange(10, dtype=np.uint8), 20)
IMAGES = GENERATOR.integers(0, 256, (200, 28, 28), np.uint8)


def pixels(figure: Figure) -> np.ndarray:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"))


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def make(record: dict, **changes: object) -> Record:
    return Record.model_validate_json(json.dumps(record | changes))


def faster(record: dict, factor: float) -> list[dict]:
    repeat = record["repeats"][0]
    return [
        repeat
        | {
            "epoch_seconds": [second / factor for second in repeat["epoch_seconds"]],
            "total_seconds": repeat["total_seconds"] / factor,
            "images_per_second": repeat["images_per_second"] * factor,
        }
    ]


def test_class_pictures_name_every_class() -> None:
    for figure in (charts.class_examples(IMAGES, LABELS), charts.class_balance(LABELS)):
        assert pixels(figure).std() > 10
        for name in data.CLASS_NAMES:
            assert name in texts(figure)


def test_class_balance_counts() -> None:
    assert texts(charts.class_balance(LABELS)).split("\n").count("20") == 10


def test_an_image_as_numbers_shows_its_centre() -> None:
    shown = texts(charts.image_as_numbers(IMAGES[0], "Botín")).split("\n")
    assert "Botín, 28×28 píxeles" in shown
    for value in IMAGES[0][8:20, 8:20].flat:
        assert str(value) in shown


def test_confusion_matrix_is_in_percent_of_each_true_class() -> None:
    predictions = LABELS.copy()
    predictions[:5] = 6  # cinco de las veinte camisetas, por camisas
    shown = texts(charts.confusion_matrix(LABELS, predictions)).split("\n")
    assert shown.count("100") == 9
    assert shown.count("75") == 1
    assert shown.count("25") == 1


def test_mistakes_show_the_most_confident_first() -> None:
    probabilities = np.full((3, 10), 0.01)
    probabilities[[0, 1, 2], [1, 2, 2]] = [0.6, 0.9, 0.99]
    figure = charts.mistakes(IMAGES[:3], np.array([0, 0, 2]), probabilities)
    shown = [axis.get_title(loc="center") for axis in figure.axes if axis.get_title(loc="center")]
    assert shown == [
        "Dice Suéter (90 %)\nEs Camiseta (1 %)",
        "Dice Pantalón (60 %)\nEs Camiseta (1 %)",
    ]
    assert len(figure.axes[0].images) == 1


def test_no_mistakes_at_all() -> None:
    figure = charts.mistakes(IMAGES[:1], np.array([3]), np.eye(10)[[3]])
    assert pixels(figure).min() == 255


def test_curves_and_seconds_draw_every_repeat() -> None:
    history = {key: [0.5, 0.7] for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
    assert len(charts.learning_curves([history] * 3).axes[0].lines) == 6
    assert texts(charts.learning_curves([history] * 3)).count("Validación") == 1
    figure = charts.epoch_seconds([[1.0, 2.0], [3.0, 4.0]])
    assert "Mediana: 2.50 s" in texts(figure)
    assert len(figure.axes[0].lines) == 3


def test_pictures_in_a_row_and_feature_maps() -> None:
    assert "Bordes" in texts(charts.image_row(IMAGES[:2], ["Original", "Bordes"]))
    figure = charts.feature_maps(GENERATOR.random((28, 28, 20)))
    assert sum(bool(axis.images) for axis in figure.axes) == 20


def test_hardware_marks_what_does_not_count_and_draws_every_epoch(record: dict) -> None:
    this = make(record, label="Este equipo")
    others = [
        make(record, run_id="20261123T162119Z-00000001", label="Rápido",
             repeats=faster(record, 10)),
        make(record, run_id="20261123T162119Z-00000002", label="Sin nota", status="failed",
             repeats=faster(record, 5)),
    ]  # fmt: skip
    figure = charts.hardware([*others, this], this)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [
        "Rápido · CPU",
        "Sin nota · CPU\nno cuenta: ejecución incompleta",
        "Este equipo · CPU\n(esta ejecución)",
    ]
    assert [bool(bar.get_hatch()) for bar in figure.axes[0].patches] == [False, True, False]
    assert "0.15 s" in texts(figure)
    assert figure.axes[0].lines[-1].get_xdata().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("count", [1, 2, 200])
@pytest.mark.parametrize("chart", ["hardware", "first_epoch", "throughput_by_batch"])
def test_charts_with_few_and_with_many_long_labels(record: dict, chart: str, count: int) -> None:
    many = [
        make(record, run_id=f"20261123T162119Z-{number:08x}", label=f"{number:03}" + "x" * 57)
        for number in range(count)
    ]
    figure = getattr(charts, chart)(many)
    drawn = figure.axes[0].get_yticklabels() if chart != "throughput_by_batch" else []
    assert len(drawn) <= 20
    assert pixels(figure).std() > 5


def test_first_epoch_leaves_it_out_of_the_median_of_the_rest(record: dict) -> None:
    shown = texts(charts.first_epoch([make(record)]))
    for value in ("0.80 s", "1.00 s", "2.00 s"):
        assert value in shown


def test_throughput_has_a_line_for_each_precision(record: dict) -> None:
    other = record["parameters"] | {"precision": "mixed_bfloat16", "batch_size": 512}
    figure = charts.throughput_by_batch([make(record), make(record, parameters=other)])
    assert len(figure.axes[0].lines) == 2
    cut = make(record, status="interrupted")
    assert "No cuenta: ejecución incompleta" in texts(charts.throughput_by_batch([cut]))


def test_images_per_joule_counts_every_epoch(record: dict) -> None:
    repeats = [record["repeats"][0] | {"energy_joules": 54.0}]
    assert "100.00 imágenes/J" in texts(charts.images_per_joule([make(record, repeats=repeats)]))


def test_a_label_is_never_a_formula(record: dict) -> None:
    this = make(record, label="a_b^2 {x} % #")
    assert pixels(charts.hardware([this], this)).std() > 10


def test_show_carries_the_alternative_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(charts, "display", shown.append)
    charts.show(charts.class_balance(LABELS), "Barras iguales")
    assert shown[0].alt == "Barras iguales"
    assert shown[0].data.startswith(b"\x89PNG")


def test_the_cost_of_layers_and_the_roofline() -> None:
    costs = [
        LayerCost("conv2d", 0.002, 0.004, operations=2e8, bytes_moved=1e6),
        LayerCost("max_pooling2d", 0.001, 0.001, operations=1e6, bytes_moved=8e6),
        LayerCost("flatten", 0.0001, 0, operations=0, bytes_moved=1e6),
        LayerCost("dense_1", 0.00001, 0, operations=1e6, bytes_moved=1e6),
    ]
    drawn = charts.layer_costs(costs)
    assert [bar.get_width() for bar in drawn.axes[0].patches] == [2, 1, 0.1, 0.01, 4, 1, 0, 0]
    roof = charts.roofline(costs, peak=2e11, bandwidth=2e10)
    assert {"conv2d", "max_pooling2d", "Cuentas: 200 GFLOP/s", "Memoria: 20 GB/s"} < set(
        texts(roof).split("\n")
    )
    assert not {"flatten", "dense_1"} & set(texts(roof).split("\n"))
    assert "mathdefault" not in texts(roof)
    assert pixels(drawn).std() > 10
    assert pixels(roof).std() > 5


def test_each_lever_shows_its_median() -> None:
    figure = charts.lever_gains({"Lote de 512": [1.1, 1.2, 1.4], "XLA": [0.4, 0.5, 0.6]})
    assert {"Lote de 512", "XLA", "1.20×", "0.50×"} < set(texts(figure).split("\n"))
    assert pixels(figure).std() > 10


def test_the_race_shows_every_seed_and_the_goal() -> None:
    figure = charts.race((120.0, 0.921), [(15.0, 0.922), (16.0, 0.919)], 0.92)
    points = [line.get_xydata() for line in figure.axes[0].lines[:2]]
    assert points[0].tolist() == [[120.0, 0.921]]
    assert points[1].tolist() == [[15.0, 0.922], [16.0, 0.919]]
    assert "Meta: 92 %" in texts(figure)


def test_a_shared_step_names_its_parts() -> None:
    figure = charts.data_parallelism(IMAGES[:8])
    assert pixels(figure).std() > 10
    assert texts(figure).count("Los mismos\npesos nuevos") == 2
    assert "Suma\n(all-reduce)" in texts(figure)


def test_worker_speeds_compare_measured_ideal_and_model() -> None:
    figure = charts.worker_speeds({1: 100.0, 2: 150.0, 4: 120.0}, {1: 100.0, 2: 155.0, 4: 140.0})
    ideal, model = figure.axes[0].lines
    assert ideal.get_ydata().tolist() == [100, 200, 400]
    assert model.get_ydata().tolist() == [100, 155, 140]
    assert {"100", "150", "120", "Medido", "Ideal", "Modelo"} <= set(texts(figure).split("\n"))


def test_predicted_gains_draw_every_network_and_the_ideal() -> None:
    curves = {"1 Gbit/s": {1: 1.0, 2: 1.5, 64: 3.0}, "10 Gbit/s": {1: 1.0, 2: 1.9, 64: 20.0}}
    figure = charts.predicted_gains(curves, "Predicción")
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [
        [1, 2, 64], [1, 1.5, 3], [1, 1.9, 20],
    ]  # fmt: skip
    assert {"Predicción", "1 Gbit/s", "10 Gbit/s", "Ideal"} <= set(texts(figure).split("\n"))
