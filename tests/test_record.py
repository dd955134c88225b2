"""El registro: qué rechaza, cuándo cuenta y qué cifras da, venga de quien venga."""

import getpass
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CALM, FAST, RECORD, ROOT, RTX, consistent

from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.figures import ACCURACY_FLOOR, MIME, Record
from fashion_bench.record import TOLERANCE

GPU_CALM = {"clock_mhz": 1800, "temperature_c": 60, "slowed_by": None, "other_programs": 0}
GPU = RTX.model_dump()
DIFFERENCES = {"loss_difference": 1e-6, "gradient_difference": 1e-3, "update_difference": 1e-6}
AGREEMENT = {"precision": "float32", **DIFFERENCES}


def save(folder: Path, content: object, name: str = "otro.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def make(record: dict, **changes: object) -> Record:
    """Lee un registro con campos cambiados; los puntos bajan de nivel y se escriben «__»."""
    for field, value in changes.items():
        change(record, field.replace("__", "."), value)
    return Record.model_validate_json(json.dumps(consistent(record)))


def change(record: dict, field: str, value: object) -> dict:
    """Cambia un campo dado con puntos, como `repeats.0.seed`."""
    *parents, last = field.split(".")
    target = record
    for key in parents:
        target = target[int(key) if key.isdigit() else key]
    target[int(last) if last.isdigit() else last] = value
    return record


def test_figures_come_from_what_was_measured(record: dict) -> None:
    other = record["repeats"][0] | {
        "seed": 43,
        "setup_seconds": 0.1,
        "epoch_seconds": [3.0, 8.0],
        "test_correct": 9200,
    }
    record["repeats"].append(other)
    found = make(record, parameters__repeats=2, parameters__batch_size=2700)  # entero, en un lote
    assert found.epoch_seconds == [1.0, 2.0, 3.0, 8.0]
    assert found.median_epoch_seconds == 2.5  # la media sería 3.5
    assert found.images_per_second == 2700 / 2.5
    assert found.accuracies == [0.91, 0.92]
    assert found.accuracy == pytest.approx(0.915)
    assert found.cold_seconds == pytest.approx(3.8)  # solo la primera arranca en frío
    assert found.images_per_joule is None
    assert found.device == "CPU"
    assert found.flaw is None


def test_the_speed_is_that_of_the_median_epoch(record: dict) -> None:
    """La mediana de los cocientes sería otra: 1800 con épocas de 1 y 3 segundos."""
    assert make(record, repeats__0__epoch_seconds=[1.0, 3.0]).images_per_second == 1350


def test_energy_counts_every_image_of_every_epoch(record: dict) -> None:
    assert make(record, repeats__0__energy_joules=54.0).images_per_joule == 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run_id", "../../etc/passwd"),
        ("status", "perfecto"),
        ("label", ""),
        ("label", "<script>alert(1)</script>"),
        ("label", "$\\frac{1}{2}$"),
        ("label", "../otro"),
        ("label", "C:\\otro"),
        ("label", "x" * 61),
        ("label", "\u202eotro"),
        ("machine.cpu", "<b>CPU</b>"),
        ("machine.memory_gib", -1),
        ("machine.logical_cores", 0),
        ("repeats.0.epoch_seconds", [1.0, -2.0]),
        ("repeats.0.epoch_seconds", []),
        ("repeats.0.epoch_seconds", "rápido"),
        ("repeats.0.setup_seconds", 0),
        ("repeats.0.test_correct", -1),
        ("repeats.0.test_correct", 0.91),
        ("repeats.0.test_loss", -0.1),
        ("parameters.precision", "float8"),
        ("parameters.epochs", 1001),
        ("created_utc", "ayer"),
        ("created_utc", "2026-11-23T16:21:19"),
        ("data.sha256", "corto"),
        ("network.layers", []),
        ("code.notebook", "../otro.ipynb"),
        ("schema_version", 0),
        ("schema_version", "uno"),
        ("hostname", "mi-pc"),
        ("accuracy_floor", 0),
        ("floor_met", True),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_the_rest_load(
    tmp_path: Path, record: dict, field: str, value: object
) -> None:
    save(tmp_path, record, "bueno.json")
    save(tmp_path, change(record, field, value), "malo.json")
    loaded, rejected = files.load_folder(tmp_path)
    assert len(loaded) == 1
    assert [file.name for file in rejected] == ["malo.json"]
    assert field in rejected[0].reason
    assert not set(rejected[0].reason) & set("<>\n\x1b\u202e")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_version": 3}, "más nuevo"),
        ({"schema_version": 1}, "de una versión anterior"),
        ({"repeats": []}, "le faltan repeticiones"),
        ({"parameters.repeats": 3}, "le faltan repeticiones"),
        ({"repeats.0.epoch_seconds": [1.0]}, "le faltan épocas"),
        ({"parameters.epochs": 1}, "tiene más épocas de las que dice"),
        ({"repeats": RECORD["repeats"] * 2}, "más repeticiones de las que dice"),
        ({"repeats": RECORD["repeats"] * 2, "parameters.repeats": 2}, "repite una semilla"),
        ({"repeats.0.epoch_losses": [0.5, 0.4, 0.3]}, "tiene más pérdidas que épocas"),
        ({"repeats.0.surroundings": [CALM]}, "no dice qué pasaba en cada época"),
        ({"repeats.0.test_correct": None}, "le falta la evaluación"),
        ({"repeats.0.test_loss": None}, "le falta la evaluación"),
        ({"data.test_images": 9000}, "acierta más imágenes de prueba de las que hay"),
        ({"parameters.train_samples": 2999}, "no cuadran con train_samples"),
        ({"data.training_images": 2699}, "no cuadran con train_samples"),
        ({"parameters.batch_size": 2701}, "su lote tiene más imágenes"),
        ({"reason": "porque sí"}, "su estado y su razón no concuerdan"),
        ({"status": "failed"}, "su estado y su razón no concuerdan"),
        ({"agreement": AGREEMENT}, "comprueba una GPU que no dice tener"),
        (
            {"accelerator": GPU, "agreement": AGREEMENT | {"precision": "mixed_float16"}},
            "se hizo con otra precisión",
        ),
    ],
    ids=str,
)
def test_a_record_that_contradicts_itself_is_refused(
    tmp_path: Path, record: dict, changes: dict, reason: str
) -> None:
    for field, value in changes.items():
        change(record, field, value)
    with pytest.raises(TutorialError, match=reason):
        files.load_file(save(tmp_path, record))


@pytest.mark.parametrize(
    ("correct", "flaw"),
    [
        ([9000], None),
        ([8999], "exactitud por debajo de 0.90"),
        ([0], "exactitud por debajo de 0.90"),
        ([9100, 8950], "exactitud por debajo de 0.90"),  # aunque la media llegue
    ],
)
def test_every_repeat_must_reach_the_floor(
    record: dict, correct: list[int], flaw: str | None
) -> None:
    assert ACCURACY_FLOOR == 0.90
    repeat = record["repeats"][0]
    repeats = [
        repeat | {"seed": seed, "test_correct": n, "test_loss": 1} for seed, n in enumerate(correct)
    ]
    assert make(record, repeats=repeats, parameters__repeats=len(repeats)).flaw == flaw


@pytest.mark.parametrize(
    ("agreement", "flaw"),
    [
        (AGREEMENT, None),
        (None, "no se comprobó que la GPU calcule bien"),
        (AGREEMENT | {"gradient_difference": TOLERANCE["float32"]}, None),
        (AGREEMENT | {"gradient_difference": 0.11}, "no calcula lo mismo que la CPU"),
        (AGREEMENT | {"loss_difference": 0.011}, "no calcula lo mismo que la CPU"),
        (AGREEMENT | {"update_difference": 0.011}, "no calcula lo mismo que la CPU"),
        *((AGREEMENT | {name: None}, "no calcula lo mismo que la CPU") for name in DIFFERENCES),
    ],
)
def test_a_gpu_counts_only_if_it_agrees_with_the_cpu(
    record: dict, agreement: dict | None, flaw: str | None
) -> None:
    found = make(record, accelerator=GPU, agreement=agreement)
    assert found.flaw == flaw
    assert found.device == "GPU"


def test_nobody_brings_his_own_verdict_nor_tolerance(tmp_path: Path, record: dict) -> None:
    record["accelerator"] = GPU
    for field, value in (("ok", True), ("tolerance", 100.0)):
        record["agreement"] = AGREEMENT | {"loss_difference": 5.0, field: value}
        with pytest.raises(TutorialError, match=f"desconocido, agreement.{field}"):
            files.load_file(save(tmp_path, record))


def test_what_did_not_end_well_does_not_count_and_says_why(record: dict) -> None:
    cut = make(record, status="interrupted", reason="alguien detuvo la ejecución")
    assert cut.flaw == "ejecución incompleta"
    failed = make(
        record,
        status="failed",
        reason="la pérdida en prueba no es un número",
        repeats__0__test_loss=None,
    )
    assert failed.flaw == "la pérdida en prueba no es un número"
    assert failed.accuracy == 0.91
    empty = make(record, repeats=[])
    assert empty.accuracy is None
    assert str(empty) == (
        "Equipo de prueba (AVX2) · CPU, no cuenta: la pérdida en prueba no es un número"
    )


def test_a_name_says_what_is_not_usual(record: dict) -> None:
    assert make(record).name == "Equipo de prueba (AVX2) · CPU"
    unusual = {"software__backend": "torch", "parameters__workers": 2, "software__onednn": False}
    name = make(record, **unusual).name
    assert name == "Equipo de prueba (AVX2) · CPU · torch · sin oneDNN · 2 procesos"
    usual = {"software__backend": "tensorflow", "parameters__workers": 1, "software__tf32": True}
    found = make(record, accelerator=GPU, agreement=AGREEMENT, **usual)
    assert found.name == "Equipo de prueba · GPU · TF32"
    half = {"parameters__precision": "mixed_float16", "agreement__precision": "mixed_float16"}
    assert "TF32" not in make(record, **half).name


def test_a_cpu_that_rounds_is_another_row(record: dict) -> None:
    """Con `TF_SET_ONEDNN_FPMATH_MODE=BF16` se calcula en bfloat16 (V2)."""
    whole, rounded = make(record), make(record, software__tf32=True)
    assert "menos cifras" in rounded.name
    assert whole.machine_key != rounded.machine_key


def test_in_a_notebook_it_is_a_line_and_the_whole_record(record: dict) -> None:
    found = make(record)
    shown = found._repr_mimebundle_()
    assert shown["text/plain"] == (
        "Equipo de prueba (AVX2) · CPU, 1.50\xa0s por época, 1800\xa0imágenes/s, "
        "exactitud 0.9100, cuenta"
    )
    assert Record.model_validate(shown[MIME]) == found


def test_reading_a_record_imports_almost_nothing() -> None:
    code = (
        "import sys; from fashion_bench.compare import files;"
        "print([name for name in ('tensorflow', 'keras', 'psutil', 'pynvml', 'archspec',"
        " 'matplotlib', 'IPython', 'nbformat') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_schema_file_is_up_to_date() -> None:
    exported = json.loads((ROOT / "results" / "schema.json").read_text(encoding="utf-8"))
    assert exported == Record.model_json_schema(), "ejecuta python tools/schema.py"


def test_committed_records_are_valid_and_name_nobody() -> None:
    loaded, rejected = files.load_folder(ROOT / "results")
    assert rejected == []
    assert loaded
    for record in loaded:
        text = record.model_dump_json()
        assert socket.gethostname() not in text
        assert getpass.getuser() not in text.replace("root", "") or getpass.getuser() == "root"
        assert "/home/" not in text


@pytest.mark.parametrize(
    ("sets", "settings", "isa"),
    [
        (["AVX", "AVX2"], {}, "AVX2"),
        (["AVX", "AVX2", "AVX-512", "AVX512-BF16"], {}, "AVX-512"),
        (["AVX", "AVX2", "AVX-512", "AMX", "AMX-BF16"], {}, "AMX"),
        (["AVX", "AVX2", "AVX-512", "AMX"], {"ONEDNN_MAX_CPU_ISA": "AVX2"}, "AVX2"),
        (["AVX", "AVX2", "AVX-512"], {"ONEDNN_MAX_CPU_ISA": "avx512_core"}, "AVX-512"),
        (["AVX", "AVX2", "AVX-512"], {"ONEDNN_MAX_CPU_ISA": "ALL"}, "AVX-512"),
        (["AVX", "AVX2", "AVX-512"], {"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, "AVX-512"),
        (["AVX", "AVX2", "AVX-512"], {"DNNL_MAX_CPU_ISA": "AVX2"}, "AVX2"),
        (["AVX", "AVX2", "AVX-512", "AMX"], {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, "AVX-512"),
        (["AVX", "AVX2", "AVX-512", "AMX"], {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, "AMX"),
        (["AVX", "AVX2", "AVX-512"], {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI_2"}, "AVX2"),
        (["AVX", "AVX2"], {"ONEDNN_MAX_CPU_ISA": "avx"}, "AVX"),
        (["AVX", "AVX2"], {"ONEDNN_MAX_CPU_ISA": "SSE41"}, "x86_64"),
        (["NEON"], {}, "NEON"),
        (["NEON", "SVE"], {}, "SVE"),
        ([], {}, "x86_64"),
    ],
)
def test_a_machine_is_named_by_the_instructions_it_computes_with(
    record: dict, sets: list, settings: dict, isa: str
) -> None:
    found = make(record, machine__instruction_sets=sets, machine__settings=settings)
    assert found.machine.isa == isa
    assert found.name == f"Equipo de prueba ({isa}) · CPU"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("machine.key", "1" * 32),
        ("machine.cpu", "Otra CPU inventada"),
        ("machine.instruction_sets", ["AVX", "AVX2", "AVX-512"]),
        ("machine.usable_cores", 2),
        ("machine.settings", {"OMP_NUM_THREADS": "1"}),
        ("software.onednn", False),
        ("software.tf32", True),
        ("software.backend", "torch"),
        ("parameters.workers", 2),
        ("accelerator", GPU),
    ],
)
def test_what_makes_another_machine(record: dict, field: str, value: object) -> None:
    key = make(record).machine_key
    assert make(change(record, field, value)).machine_key != key


def test_a_label_does_not_make_another_machine_unless_nothing_else_tells_them_apart(
    record: dict,
) -> None:
    key = make(record).machine_key
    assert make(record, label="Con otro nombre").machine_key == key
    nameless = make(record, machine__key=None).machine_key
    assert nameless != key
    assert make(record, label="Otro más").machine_key != nameless


@pytest.mark.parametrize(
    ("field", "value"), [("vendor", "Otros"), ("family", 6), ("model", 18), ("memory_gib", 31.0)]
)
def test_without_a_key_what_is_known_of_the_machine_tells_it_apart(
    record: dict, field: str, value: object
) -> None:
    key = make(record, machine__key=None).machine_key
    assert make(change(record, f"machine.{field}", value)).machine_key != key


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"other_cpu_seconds": 0.4}, None),  # el 5 % justo de ocho núcleos durante un segundo
        ({"other_cpu_seconds": 0.48}, "otros programas usaron el 6\xa0% del procesador"),
        ({"stolen_cpu_seconds": 0.16}, None),
        ({"stolen_cpu_seconds": 0.24}, "otra máquina virtual se llevó el 3\xa0% del procesador"),
        ({"stolen_cpu_seconds": None}, None),
        ({"usable_cores": 3}, "solo pudo usar 3 de 4 núcleos"),
        ({"swapped_mb": 11}, "faltó memoria (11\xa0MB fueron o volvieron del disco)"),
        ({"gpu": GPU_CALM}, None),
        (
            {"gpu": GPU_CALM | {"slowed_by": "se calentaba demasiado"}},
            "la GPU se frenó (se calentaba demasiado)",
        ),
        ({"gpu": GPU_CALM | {"other_programs": 1}}, "otro programa usaba la GPU"),
        ({"gpu": GPU_CALM | {"other_programs": None}}, None),
    ],
    ids=str,
)
def test_an_epoch_is_calm_or_disturbed_for_a_reason(
    record: dict, changes: dict, reason: str | None
) -> None:
    """De todos los núcleos del equipo, aunque este programa solo pueda usar la mitad."""
    around = [CALM | changes, CALM | {"other_cpu_seconds": 0}]
    found = make(record, machine__logical_cores=8, repeats__0__surroundings=around)
    assert found.disturbed == [reason, None]


@pytest.mark.parametrize(("disturbed", "counts"), [(1, True), (2, False), (3, False)])
def test_a_run_disturbed_in_more_than_a_third_of_its_epochs_does_not_count(
    record: dict, disturbed: int, counts: bool
) -> None:
    busy = CALM | {"other_cpu_seconds": 2.0}
    found = make(
        record,
        parameters__epochs=3,
        repeats__0__epoch_seconds=[1.0] * 3,
        repeats__0__surroundings=[busy] * disturbed + [CALM] * (3 - disturbed),
    )
    reason = (
        f"perturbado en {disturbed} de 3 épocas, la primera porque otros programas usaron el "
        "50\xa0% del procesador"
    )
    assert found.flaw == (None if counts else reason)
    assert len(found.epoch_seconds) == 3


def test_mfu_is_the_share_of_the_best_matrix_product(record: dict) -> None:
    slower = FAST | {"precision_flops": 1e11, "float32_flops": 4e11}
    found = make(record, calibration=[slower, FAST], network__training_operations=10**7)
    assert found.mfu == pytest.approx(1e7 * 1800 / 2e11)
    assert make(record, calibration=[]).mfu is None


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({}, None),
        ({"precision_flops": 2.19e11, "order_seconds": 1.0}, None),
        ({"precision_flops": 1.7e11}, "producto de matrices, de 200\xa0GFLOP/s a 170\xa0GFLOP/s"),
        ({"bytes_per_second": 5e10}, "memoria, de 40\xa0GB/s a 50\xa0GB/s"),
    ],
)
def test_drift_is_told_from_ten_percent_on(record: dict, after: dict, told: str | None) -> None:
    assert make(record, calibration=[FAST, FAST | after]).drift == told
    assert make(record, calibration=[FAST]).drift is None
