"""Comparar: quién entra en cada grupo, qué sesiones tiene y qué se dice de él."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from conftest import consistent

from fashion_bench.compare import comparison
from fashion_bench.compare.comparison import Contender
from fashion_bench.compare.interval import Estimate
from fashion_bench.errors import TutorialError
from fashion_bench.figures import METRICS, Metric, Record
from fashion_bench.text import Table

START = datetime(2026, 11, 25, tzinfo=UTC)
CUT = {"status": "interrupted", "reason": "alguien detuvo la ejecución"}


def make(
    record: dict, label: str, epochs: list[float], minute: float = 0, **changes: object
) -> Record:
    """Registro inventado: una repetición con esas épocas; cada etiqueta es un equipo.

    Los diccionarios de `changes` cambian solo parte de lo suyo.
    """
    number = abs(hash((label, tuple(epochs), minute))) % 2**32
    changes["machine"] = {"key": label.encode().hex()[:32].zfill(32)} | changes.get("machine", {})
    changes["parameters"] = {"epochs": len(epochs)} | changes.get("parameters", {})
    changes.setdefault("repeats", [record["repeats"][0] | {"epoch_seconds": epochs}])
    content = record | {
        "run_id": f"20261123T162119Z-{number:08x}",
        "created_utc": (START + timedelta(minutes=minute)).isoformat(),
        "label": label,
    }
    parts = {
        name: record[name] | value if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return Record.model_validate_json(json.dumps(consistent(content | parts)))


def names(group: list[Contender]) -> list[str]:
    return [contender.name for contender in group]


def alone(record: Record) -> Contender:
    return Contender(record.name, [record])


# Grupos


@pytest.mark.parametrize("metric", METRICS)
def test_groups_keep_apart_what_differs_and_order_the_rest(record: dict, metric: str) -> None:
    slow, fast = make(record, "Lento", [4.0, 4.0]), make(record, "Rápido", [1.0, 1.0])
    apart = {
        "Lote": make(record, "Lote", [1.0], parameters={"batch_size": 512}),
        "Precisión": make(record, "Precisión", [1.0], parameters={"precision": "mixed_bfloat16"}),
        "Datos": make(record, "Datos", [1.0], data={"sha256": "2" * 64}),
        "Red": make(record, "Red", [1.0], network={"weights": 1}),
    }
    first, *others = comparison.groups([slow, *apart.values(), fast], metric)
    assert names(first) == ["Rápido (AVX2) · CPU", "Lento (AVX2) · CPU"]
    assert sorted(name for group in others for name in names(group)) == sorted(
        f"{label} (AVX2) · CPU" for label in apart
    )
    assert len(others) == 4


def test_only_the_cold_total_needs_the_same_number_of_epochs(record: dict) -> None:
    one, two = make(record, "A", [1.0]), make(record, "B", [1.0, 1.0])
    assert len(comparison.groups([one, two], "median_epoch")) == 1
    assert len(comparison.groups([one, two], "cold_total")) == 2


def test_a_metric_that_some_records_lack_leaves_them_out(
    record: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Con sus tablas y sus cocientes: ni fallan ni cuentan lo que no se midió."""
    losses = Metric("Pérdida", lambda each: each.repeats[0].epoch_losses or [])
    monkeypatch.setitem(METRICS, "losses", losses)
    measured = [record["repeats"][0] | {"epoch_seconds": [1.0], "epoch_losses": [0.5]}]
    known = [
        make(record, "Con", [1.0], minute, repeats=measured, machine={"key": "a" * 32})
        for minute in (0, 60)
    ]
    [[only]] = comparison.groups([*known, make(record, "Sin", [1.0])], "losses")
    assert (only.records, only.seconds("losses")) == (known, [0.5, 0.5])
    assert "Sin" not in str(comparison.table([only], only, "losses"))
    assert comparison.groups([make(record, "Sin", [1.0])], "losses") == []


def test_twenty_equal_machines_with_equal_label_are_twenty_rows(record: dict) -> None:
    equal = [
        make(record, "Aula", [1.0 + number], minute=number, machine={"key": f"{number:032x}"})
        for number in range(20)
    ]
    [group] = comparison.groups(equal, "median_epoch")
    assert names(group) == [f"Aula (AVX2) · CPU #{number}" for number in range(1, 21)]
    assert [contender.records for contender in group] == [[each] for each in equal]
    table = comparison.table(group, group[-1], "median_epoch")
    assert [row[1] for row in table.rows[1:]].count("es la referencia") == 1
    assert len(table.rows) == 21


def test_names_that_look_alike_are_told_apart(record: dict) -> None:
    alike = ["Intel 10", "lntel 1O", "ÍNTEL IO", "Intel  l0", "Intel 100"]
    found = [make(record, label, [1.0], number) for number, label in enumerate(alike)]
    [group] = comparison.groups(found, "median_epoch")
    assert names(group) == [f"{each} (AVX2) · CPU #{n}" for n, each in enumerate(alike[:4], 1)] + [
        "Intel 100 (AVX2) · CPU"
    ]


def test_the_name_of_a_machine_is_that_of_its_first_record(record: dict) -> None:
    key = {"key": "a" * 32}
    old = make(record, "PC", [2.0], machine=key)
    new = make(record, "Mi PC", [2.0], minute=60, machine=key)
    [[only]] = comparison.groups([new, old], "median_epoch")
    assert only == Contender("PC (AVX2) · CPU", [old, new])


def test_different_instructions_are_never_one_row(record: dict) -> None:
    sets = ["AVX", "AVX2", "AVX-512"]
    whole = make(record, "PC", [1.0], machine={"instruction_sets": sets})
    limited = {"instruction_sets": sets, "settings": {"ONEDNN_MAX_CPU_ISA": "AVX2"}}
    half = make(record, "PC", [2.0], minute=60, machine=limited)
    [group] = comparison.groups([whole, half], "median_epoch")
    assert names(group) == ["PC (AVX-512) · CPU", "PC (AVX2) · CPU"]


def test_one_and_two_workers_of_the_same_machine_are_compared(record: dict) -> None:
    two = make(record, "PC", [1.0, 1.0], parameters={"workers": 2})
    one = make(record, "PC", [2.0, 2.0])
    [group] = comparison.groups([one, two], "median_epoch")
    assert [contender.records for contender in group] == [[two], [one]]
    table = str(comparison.table(group, group[1], "median_epoch"))
    assert "PC (AVX2) · CPU · 2 procesos" in table
    assert "2.00×" in table


def test_groups_with_more_machines_that_count_go_first(record: dict) -> None:
    big = {"batch_size": 512}
    cut = [make(record, label, [1.0], parameters=big, **CUT) for label in "ABC"]
    counting = [make(record, label, [1.0]) for label in "AB"]
    sizes = [len(group) for group in comparison.groups([*cut, *counting], "median_epoch")]
    assert sizes == [2, 3]


def test_of_each_machine_only_what_counts_stays(record: dict) -> None:
    old = make(record, "PC", [1.0])
    new = make(record, "PC", [2.0], minute=60)
    cut = make(record, "PC", [3.0], minute=120, **CUT)
    last_cut = make(record, "PC", [4.0], minute=180, **CUT)
    empty = cut.model_copy(update={"repeats": []})
    [[counting]] = comparison.groups([new, cut, old, empty], "median_epoch")
    assert (counting.records, counting.flaw) == ([old, new], None)
    [[flawed]] = comparison.groups([last_cut, empty, cut], "median_epoch")
    assert (flawed.records, flawed.flaw) == ([last_cut], "ejecución incompleta")


def test_records_without_an_epoch_are_in_no_group(record: dict) -> None:
    empty = make(record, "PC", [4.0], **CUT).model_copy(update={"repeats": []})
    for records in ([], [empty]):
        assert comparison.groups(records, "median_epoch") == []
        assert comparison.sweeps(records) == []


# Sesiones


@pytest.mark.parametrize(("minutes", "sessions"), [(14, 1), (15, 2), (16, 2)])
def test_a_session_ends_after_a_quarter_of_an_hour_of_calm(
    record: dict, minutes: float, sessions: int
) -> None:
    first = make(record, "PC", [600.0, 1200.0])  # media hora
    lasted = (1800 + record["repeats"][0]["setup_seconds"]) / 60
    second = make(record, "PC", [1.0], minute=lasted + minutes)
    found = comparison.sessions_of([second, first])
    assert [each for session in found for each in session] == [first, second]
    assert len(found) == sessions


def test_the_figure_of_a_machine_is_the_geometric_mean_of_its_sessions(record: dict) -> None:
    records = [
        make(record, "PC", [1.0, 1.0, 9.0]),
        make(record, "PC", [4.0, 4.0], minute=60),
        make(record, "PC", [4.0, 99.0], minute=62),
        make(record, "PC", [999.0], minute=120, **CUT),
    ]
    [[only]] = comparison.groups(records, "median_epoch")
    assert only.seconds("median_epoch") == [1.0, 4.0]
    seconds, speed = only.estimate("median_epoch"), only.estimate("images_per_second")
    assert seconds.value == pytest.approx(2)
    assert seconds.sessions == 2
    assert speed.value == pytest.approx(2700 / 2)
    assert seconds.low < seconds.value < seconds.high
    assert (speed.low, speed.high) == pytest.approx((2700 / seconds.high, 2700 / seconds.low))


def test_the_cold_total_is_that_of_the_first_repeat(record: dict) -> None:
    repeat = record["repeats"][0] | {"setup_seconds": 0.5}
    repeats = [repeat | {"epoch_seconds": [3.0, 1.0]}, repeat | {"epoch_seconds": [7.0, 7.0]}]
    repeats[1]["seed"] = 43
    cold = make(record, "PC", [0.0, 0.0], repeats=repeats, parameters={"repeats": 2})
    [[only]] = comparison.groups([cold], "cold_total")
    assert only.seconds("cold_total") == [4.5]
    assert only.estimate("cold_total").value == pytest.approx(4.5)


def test_the_accuracy_is_the_mean_of_all_its_records(record: dict) -> None:
    repeat = record["repeats"][0] | {"epoch_seconds": [1.0]}
    one = make(record, "PC", [1.0], repeats=[repeat | {"test_correct": 9100}])
    other = make(record, "PC", [1.0], minute=60, repeats=[repeat | {"test_correct": 9300}])
    cut = make(record, "PC", [1.0], repeats=[repeat | {"test_correct": None}], **CUT)
    assert Contender("PC", [one, other]).accuracy == pytest.approx(0.92)
    assert alone(cut).accuracy is None


def test_the_mfu_is_the_best_of_its_records(record: dict) -> None:
    flops = 15_680 * 2700 * 2  # a la mitad, con épocas de 1 s
    calibration = {
        "float32_flops": flops,
        "precision_flops": flops,
        "bytes_per_second": 1e9,
        "order_seconds": 1e-6,
    }
    slow = make(record, "PC", [2.0], calibration=[calibration] * 2)
    fast = make(record, "PC", [1.0], minute=60, calibration=[calibration] * 2)
    assert Contender("PC", [fast, slow]).mfu == pytest.approx(0.5)
    assert alone(make(record, "PC", [1.0], calibration=[])).mfu is None


# Series


def swept(record: dict, batch: int, minute: float, **changes: object) -> Record:
    parameters = {"batch_size": batch} | changes.pop("parameters", {})
    return make(record, "PC", [1.0], minute=minute, parameters=parameters, **changes)


def test_a_sweep_is_of_only_one_session(record: dict) -> None:
    yesterday = [swept(record, batch, -1440 + batch / 128) for batch in (512, 128, 256)]
    today = [swept(record, batch, batch / 128) for batch in (1024, 256)]
    [line] = comparison.sweeps([*today, *yesterday])
    assert [each.parameters.batch_size for each in line] == [128, 256, 512]
    assert all(each in yesterday for each in line)


def test_among_equal_sweeps_the_latest_stays(record: dict) -> None:
    yesterday = [swept(record, batch, -1440 + batch / 128) for batch in (128, 256)]
    today = [swept(record, batch, batch / 128) for batch in (512, 1024)]
    repeated = swept(record, 512, 9)
    assert comparison.sweeps([repeated, *today, *yesterday]) == [[repeated, today[1]]]


@pytest.mark.parametrize(
    "change",
    [
        {"machine": {"key": "f" * 32}},
        {"network": {"weights": 1}},
        {"data": {"sha256": "2" * 64}},
        {"parameters": {"precision": "mixed_bfloat16"}},
    ],
)
def test_a_sweep_does_not_join_what_differs(record: dict, change: dict) -> None:
    assert comparison.sweeps([swept(record, 128, 0), swept(record, 256, 1, **change)]) == []
    assert len(comparison.sweeps([swept(record, 128, 0), swept(record, 256, 1)])) == 1


def test_batches_of_different_days_are_not_joined(record: dict) -> None:
    assert comparison.sweeps([swept(record, 128, 0), swept(record, 256, 1440)]) == []


# La referencia y los cocientes


def test_the_baseline_is_the_slowest_with_several_sessions_unless_named(record: dict) -> None:
    fast, slow = make(record, "Rápido", [1.0]), make(record, "Lento", [4.0])
    again = make(record, "Rápido", [1.0], minute=60)
    cut = make(record, "Cortado", [9.0], **CUT)
    records = [fast, again, slow, cut]
    [group] = comparison.groups(records, "median_epoch")
    quick, late, last = group
    assert comparison.baseline_of(group, "") == quick  # de los demás no habría veredicto
    assert comparison.baseline_of([late, last], "") == late
    for baseline in ("Rápido", "Rápido (AVX2) · CPU", fast.run_id, again.run_id):
        assert comparison.baseline_of(group, baseline) == quick
    assert comparison.baseline_of(group, cut.run_id) == last
    assert comparison.baseline_of(group, late.name) == late
    assert comparison.baseline_of(group, "No está") == quick
    assert comparison.baseline_of([last], "") == last
    for baseline in ("", "Lento", "Lento (AVX2) · CPU", again.run_id):
        comparison.check_baseline(records, baseline)
    with pytest.raises(
        TutorialError, match=r"baseline='No está' no es válido.*Cortado, Lento, Rápido"
    ):
        comparison.check_baseline(records, "No está")
    with pytest.raises(TutorialError, match="ese identificador; aún no hay ninguno"):
        comparison.check_baseline([], "Lento")


@pytest.mark.parametrize("metric", METRICS)
def test_a_machine_four_times_faster(record: dict, metric: str) -> None:
    record["repeats"][0]["setup_seconds"] = 1e-6
    minutes = (0, 60, 120)
    slow, fast = (
        Contender(name, [make(record, name, [seconds] * 2, minute) for minute in minutes])
        for name, seconds in (("Lento", 4.0), ("Rápido", 1.0))
    )
    assert comparison.speedup(fast, slow, metric) == pytest.approx((4, 4, 4, 3), rel=1e-5)
    assert comparison.speedup(slow, fast, metric).value == pytest.approx(1 / 4)
    short = slow._replace(records=slow.records[:2])
    assert comparison.speedup(fast, short, metric).sessions == 2


@pytest.mark.parametrize(
    ("ratio", "told"),
    [
        (Estimate(4.0, 3.9, 4.1, 1), "4.00× (una sola sesión, sin veredicto)"),
        (Estimate(4.0, 3.5, 4.5, 2), "4.00× (3.50-4.50), más rápido"),
        (Estimate(0.5, 0.4, 0.6, 3), "0.50× (0.40-0.60), más lento"),
        (Estimate(1.1, 0.9, 1.3, 3), "1.10× (0.90-1.30), no se distingue"),
    ],
)
def test_a_speedup_is_told_with_its_verdict(ratio: Estimate, told: str) -> None:
    assert comparison.tell_speedup(ratio) == told


def test_a_figure_is_told_with_its_interval_if_there_are_sessions() -> None:
    assert comparison.tell_figure(Estimate(4.125, 4.0, 4.2, 1), 1) == "4.1"
    assert comparison.tell_figure(Estimate(4.126, 4.0, 4.2, 2), 2) == "4.13 (4.00-4.20)"


def test_the_table_tells_figures_and_reasons(record: dict) -> None:
    records = [
        *(make(record, "Rápido", [1.0, 1.0], minute) for minute in (0, 60)),
        *(make(record, "Lento", [4.0, 4.0], minute) for minute in (0, 60)),
        make(record, "Único", [8.0]),
        make(record, "Cortado", [9.0], **CUT),
    ]
    [group] = comparison.groups(records, "images_per_second")
    table = comparison.table(group, group[1], "images_per_second")
    caption, *lines = str(table).splitlines()
    assert caption == table.caption == "Lote de 128, precisión float32, 2700 imágenes"
    titles = ["Equipo", "Veredicto", "Rendimiento (imágenes/s)", "Sesiones", "Exactitud"]
    assert list(table.rows[0]) == [*titles, "MFU", "Dispositivo", "Motor"]
    told = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[1:]]
    usual = ["0.9100", "0\xa0%", "CPU inventada", "TensorFlow 2.21.0"]
    assert told == [
        ["Rápido (AVX2) · CPU", "4.00× (4.00-4.00), más rápido", "2700 (2700-2700)", "2", *usual],
        ["Lento (AVX2) · CPU", "es la referencia", "675 (675-675)", "2", *usual],
        ["Único (AVX2) · CPU", "0.50× (una sola sesión, sin veredicto)", "338", "1", *usual],
        ["Cortado (AVX2) · CPU", "no cuenta: ejecución incompleta", "300", "1", *usual],
    ]
    assert len({line.index("0.9100") for line in lines[1:]}) == 1
    assert "4.00 (4.00-4.00)" in str(comparison.table(group, group[1], "median_epoch"))


def test_every_record_is_told_next_to_those_of_its_machine(record: dict) -> None:
    names = [f"PC {number}" for number in range(12)]
    records = [make(record, name, [1.0], number) for number, name in enumerate(names)]
    last = make(record, "PC 0", [1.0], 60, status="interrupted", reason="x", repeats=[])
    _, *told = comparison.records_table([last, *records]).rows
    assert [row[0] for row in told] == [f"PC {n} (AVX2) · CPU" for n in (0, 0, *range(1, 12))]
    assert [row[1] for row in told[:2]] == [f"{each.run_id}.json" for each in (records[0], last)]
    assert [row[2] for row in told[:3]] == ["sí", "no: ejecución incompleta", "sí"]


@pytest.mark.parametrize(
    ("key", "labels", "doubts"),
    [("a" * 32, ["PC 1", "PC 2"], 1), (None, ["PC", "PC"], 1), ("a" * 32, ["PC", "PC"], 0)],
)
def test_what_may_be_several_computers_is_told(
    record: dict, key: str | None, labels: list[str], doubts: int
) -> None:
    found = [
        make(record, label, [1.0], minute=60 * day, machine={"key": key})
        for day, label in enumerate(labels)
    ]
    [[only]] = comparison.groups(found, "median_epoch")
    told = comparison.doubts([only])
    assert len(told) == doubts
    assert all(only.name in sentence for sentence in told)


@pytest.mark.parametrize(("machines", "expected"), [(1, None), (2, None), (3, "0.1"), (21, "1.0")])
def test_many_verdicts_come_with_how_many_are_due_to_chance(
    record: dict, machines: int, expected: str | None
) -> None:
    records = [
        make(record, f"PC {number}", [1.0 + number], minute)
        for number in range(machines)
        for minute in (0, 60)
    ]
    cut = make(record, "Cortado", [1.0], **CUT)
    alone = make(record, "Único", [1.0])
    [group] = comparison.groups([*records, cut, alone], "median_epoch")
    rows = comparison.rows(group, comparison.baseline_of(group, ""), "median_epoch")
    told = comparison.by_chance(rows)
    assert (told is None) if expected is None else f"de media, {expected}." in str(told)
    if expected:
        assert str(told).startswith(f"Son {machines - 1} veredictos")


def test_the_rival_is_the_baseline_of_the_others_that_count(record: dict) -> None:
    fast, slow = make(record, "Rápido", [1.0]), make(record, "Lento", [4.0])
    cut = make(record, "Cortado", [9.0], **CUT)
    quick, late, last = comparison.groups([fast, slow, cut], "median_epoch")[0]
    assert comparison.rival(quick, [quick, late, last]) == late
    assert comparison.rival(late, [quick, late, last]) == quick
    assert comparison.rival(late, [late, last]) is None


def test_in_a_notebook_the_table_is_one_of_html(record: dict) -> None:
    group = [alone(make(record, "A", [1.0])), alone(make(record, "B", [2.0]))]
    table = comparison.table(group, group[1], "median_epoch")
    html = table._repr_html_()
    assert (html.count("<tr>"), html.count("<td>")) == (3, 14)
    assert (html.count('<th scope="col"'), html.count('<th scope="row"')) == (8, 2)
    assert ">Lote de 128, precisión float32, 2700 imágenes</caption>" in html
    html = Table("<x>", [("a & b",), ("<y>",)])._repr_html_()
    assert all(text in html for text in ("&lt;x&gt;", "a &amp; b", "&lt;y&gt;"))


def test_the_table_leaves_an_unknown_accuracy_blank(record: dict) -> None:
    repeat = record["repeats"][0] | {"epoch_seconds": [1.0], "test_correct": None}
    cut = alone(make(record, "PC", [1.0], repeats=[repeat], **CUT))
    [row] = comparison.rows([cut], cut, "median_epoch")
    assert (row.accuracy, row.figure) == ("-", "1.00")
    assert row.verdict == "no cuenta: ejecución incompleta"


def test_the_table_of_machines_leaves_blank_what_was_not_measured(record: dict) -> None:
    plain = make(record, "PC", [1.0], calibration=[])
    flops = 15_680 * 2700 * 4.0
    calibration = {
        "float32_flops": 3e11,
        "precision_flops": flops,
        "bytes_per_second": 2.5e10,
        "order_seconds": 1e-6,
    }
    known = make(
        record,
        "PC",
        [1.0],
        machine={"virtual": True, "usable_cores": 1.5},
        calibration=[calibration] * 2,
    )
    _, *rows = comparison.machines_table({"PC #2": plain, known.name: known}).rows
    assert rows == [
        ("PC #2", "x86_64_v3", "4", "no", "-", "-", "-"),
        ("PC (AVX2) · CPU", "x86_64_v3", "1.5", "sí", "300", "25", "25\xa0%"),
    ]
