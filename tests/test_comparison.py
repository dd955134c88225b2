import json

import numpy as np
import pytest

from fashion_bench.errors import TutorialError
from fashion_bench.record import METRICS, Record
from fashion_bench.results import comparison


def make(record: dict, label: str, epochs: list[float], **changes: object) -> Record:
    """Registro inventado: una repetición con esas épocas, en segundos."""
    number = abs(hash((label, tuple(epochs)))) % 2**32
    content = record | {
        "run_id": f"20261123T162119Z-{number:08x}",
        "label": label,
        "repeats": [record["repeats"][0] | {"epoch_seconds": epochs}],
        "parameters": record["parameters"] | {"epochs": len(epochs)},
    }
    if changes.get("status", "ok") != "ok":
        content["reason"] = "alguien detuvo la ejecución"
    if "parameters" in changes:
        changes["parameters"] = content["parameters"] | changes["parameters"]
    return Record.model_validate_json(json.dumps(content | changes))


def test_groups_keep_apart_what_differs_and_order_the_rest(record: dict) -> None:
    slow, fast = make(record, "Lento", [4.0, 4.0]), make(record, "Rápido", [1.0, 1.0])
    other_batch = {"batch_size": 512}
    other_precision = {"precision": "mixed_bfloat16"}
    other_data = record["data"] | {"sha256": "2" * 64}
    other_network = record["network"] | {"weights": 1}
    apart = [
        make(record, "Lote", [1.0], parameters=other_batch),
        make(record, "Precisión", [1.0], parameters=other_precision),
        make(record, "Datos", [1.0], data=other_data),
        make(record, "Red", [1.0], network=other_network),
    ]
    for metric in METRICS:
        found = comparison.groups([slow, *apart, fast], metric)
        assert [[item.label for item in group] for group in found[:1]] == [["Rápido", "Lento"]]
        assert sorted(group[0].label for group in found[1:]) == [
            "Datos",
            "Lote",
            "Precisión",
            "Red",
        ]


def test_only_the_cold_total_needs_the_same_number_of_epochs(record: dict) -> None:
    one = make(record, "A", [1.0])
    two = make(record, "B", [1.0, 1.0])
    assert len(comparison.groups([one, two], "median_epoch")) == 1
    assert len(comparison.groups([one, two], "cold_total")) == 2


def test_one_and_two_workers_of_the_same_machine_are_compared(record: dict) -> None:
    two = make(record, "PC", [1.0, 1.0], parameters={"workers": 2})
    one = make(record, "PC", [2.0, 2.0])
    assert one.parameters.workers == 1
    assert comparison.groups([one, two], "median_epoch") == [[two, one]]
    assert comparison.comparable([two], one) == [two, one]
    table = comparison.table([two, one], one, "median_epoch")
    assert "PC · CPU · 2 procesos" in table
    assert "2.00×" in table


def test_of_each_machine_the_latest_that_counts_stays(record: dict) -> None:
    old = make(record, "PC", [1.0], created_utc="2026-01-01T00:00:00Z")
    new = make(record, "PC", [2.0], created_utc="2026-01-02T00:00:00Z")
    cut = make(record, "PC", [3.0], created_utc="2026-01-03T00:00:00Z", status="interrupted")
    empty = make(record, "PC", [4.0]).model_copy(update={"repeats": [], "status": "failed"})
    assert comparison.groups([new, cut, old, empty], "median_epoch") == [[new]]
    assert comparison.groups([cut, empty], "median_epoch") == [[cut]]
    assert comparison.groups([empty], "median_epoch") == []
    assert comparison.groups([], "median_epoch") == []


def test_the_group_of_this_run_has_this_run_in_it(record: dict) -> None:
    older = make(record, "PC", [1.0])
    this = make(record, "PC", [2.0], status="interrupted")
    other = make(record, "Otro", [3.0])
    assert comparison.comparable([older, other, this], this) == [this, other]
    empty = this.model_copy(update={"repeats": []})
    assert comparison.comparable([older, empty], empty) == []


def test_the_baseline_is_the_slowest_that_counts_unless_named(record: dict) -> None:
    fast, slow = make(record, "Rápido", [1.0]), make(record, "Lento", [4.0])
    cut = make(record, "Cortado", [9.0], status="interrupted")
    group = [fast, slow, cut]
    assert comparison.baseline_of(group, "") == slow
    assert comparison.baseline_of(group, "Rápido") == fast
    assert comparison.baseline_of(group, cut.run_id) == cut
    assert comparison.baseline_of(group, "No está") == slow
    assert comparison.baseline_of([cut], "") == cut
    comparison.check_baseline(group, "")
    comparison.check_baseline(group, "Lento")
    with pytest.raises(TutorialError, match=r"baseline='No está' no vale.*Cortado, Lento, Rápido"):
        comparison.check_baseline(group, "No está")


@pytest.mark.parametrize("metric", METRICS)
def test_speedup_of_a_machine_four_times_faster(record: dict, metric: str) -> None:
    record["repeats"][0]["setup_seconds"] = 1e-9
    slow, fast = make(record, "Lento", [4.0, 4.0, 4.0]), make(record, "Rápido", [1.0, 1.0, 1.0])
    result = comparison.speedup(fast, slow, metric)
    assert result.ratio == pytest.approx(4)
    assert comparison.speedup(slow, fast, metric).ratio == pytest.approx(1 / 4)
    if metric == "cold_total":
        assert result.margin is None
        assert str(result) == "4.00× (una sola medida)"
    else:
        assert result.margin == 0
        assert str(result) == "4.00× ± 0.00"


def test_the_margin_covers_the_truth_about_95_times_in_100(record: dict) -> None:
    generator = np.random.default_rng(5)
    inside = 0
    for _ in range(100):
        slow = make(record, "Lento", list(generator.normal(4.0, 0.2, 30)))
        fast = make(record, "Rápido", list(generator.normal(1.0, 0.05, 30)))
        ratio, margin = comparison.speedup(fast, slow, "median_epoch")
        inside += abs(ratio - 4) <= margin
    assert 88 <= inside <= 100


def test_noisier_epochs_widen_the_margin(record: dict) -> None:
    slow = make(record, "Lento", [4.0, 4.1, 3.9, 4.0])
    calm = make(record, "Rápido", [1.0, 1.01, 0.99, 1.0])
    noisy = make(record, "Ruidoso", [1.0, 1.5, 0.7, 1.0])
    margins = [comparison.speedup(item, slow, "median_epoch").margin for item in (calm, noisy)]
    assert 0 < margins[0] < margins[1]


def test_the_table_tells_figures_and_reasons(record: dict) -> None:
    fast, slow = make(record, "Rápido", [1.0, 1.0]), make(record, "Lento", [4.0, 4.0])
    cut = make(record, "Cortado", [9.0], status="interrupted")
    lines = comparison.table([fast, slow, cut], slow, "images_per_second").splitlines()
    assert "Rendimiento (imágenes/s)" in lines[0]
    assert "«Lento»" in lines[0]
    assert lines[1].split() == ["Rápido", "·", "CPU", "2700", "0.9100", "4.00×", "±", "0.00"]
    assert lines[2].endswith("es la referencia")
    assert lines[3].endswith("no cuenta: ejecución incompleta")
    assert len({line.index("0.9100") for line in lines[1:3]}) == 1


def test_two_hundred_records_are_compared_at_once(record: dict) -> None:
    many = [make(record, f"PC {number}", [1.0 + number]) for number in range(200)]
    [group] = comparison.groups(many, "images_per_second")
    assert len(group) == 200
    assert len(comparison.table(group, group[-1], "images_per_second").splitlines()) == 201
