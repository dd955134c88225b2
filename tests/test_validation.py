"""Qué registros se pueden publicar: los de un equipo de verdad, y ninguno de estos otros."""

import copy
import json

import pytest
from conftest import ROOT, RTX

from fashion_bench import data
from fashion_bench.compare import files
from fashion_bench.figures import Record
from fashion_bench.share.refusals import MAX_MFU, refusals
from fashion_bench.text import NO_BREAK

RESULTS = ROOT / "results"
PUBLISHED, _ = files.load_folder(RESULTS)
ALONE = next(
    record.run_id
    for record in PUBLISHED
    if record.flaw is None and record.machine.isa == "AVX-512" and record.parameters.workers == 1
)
CLUSTER = next(record.run_id for record in PUBLISHED if record.parameters.workers > 1)
"""Uno que cuenta, de un solo proceso, y otro de varios, sin calibración."""
HOT = {
    "clock_mhz": None,
    "temperature_c": None,
    "slowed_by": "calor: https://timo.example",
    "other_programs": 0,
}
OTHER_ID = "20261126T061357Z-00000000"


def good(run_id: str = ALONE) -> dict:
    return json.loads((RESULTS / f"{run_id}.json").read_text(encoding="utf-8"))


def others(run_id: str) -> list[Record]:
    return [record for record in PUBLISHED if record.run_id != run_id]


def judge(record: dict, published: list[Record] | None = None) -> list[str]:
    content = json.dumps(record).encode()
    return refusals(content, others(record["run_id"]) if published is None else published)


def put(record: dict, field: str, value: object) -> None:
    """Cambia un campo dado con puntos, como `repeats.0.seed`."""
    *parents, last = field.split(".")
    target = record
    for key in parents:
        target = target[int(key) if key.isdigit() else key]
    target[int(last) if last.isdigit() else last] = value


@pytest.mark.parametrize("record", PUBLISHED, ids=lambda record: record.run_id)
def test_every_published_record_is_accepted_once(record: Record) -> None:
    content = record.model_dump_json().encode()
    assert refusals(content, others(record.run_id)) == []
    assert refusals(content, []) == []
    [reason] = refusals(content, PUBLISHED)
    assert reason == f"ya está publicado: el {record.run_id}"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        # El formato y lo que se contradice: lo rechaza `Record`, y aquí se dice igual.
        ("run_id", "../../../.github/workflows/ci", "el campo run_id tiene un valor"),
        ("run_id", f"{ALONE}\nPATH=/tmp", "el campo run_id tiene un valor que no es válido"),
        ("label", "Mi\x1b[2Jequipo", "el campo label tiene un valor que no es válido"),
        ("code.git_commit", "main; rm -rf /", "el campo code.git_commit tiene un valor"),
        ("repeats.0.epoch_seconds", [12.0] * 9 + [float("nan")], "repeats.0.epoch_seconds.9"),
        ("parameters.epochs", 100, "le faltan épocas"),
        # La fecha.
        ("run_id", OTHER_ID, "su identificador y su fecha no concuerdan"),
        ("run_id", "2026112\u0666T061356Z-c26ec016", "su identificador y su fecha no concuerdan"),
        ("created_utc", "2026-11-26T07:13:56Z", "su identificador y su fecha no concuerdan"),
        ("created_utc", "2020-01-01T00:00:00Z", "y el proyecto es del 2026-11-23"),
        ("created_utc", "2100-01-01T00:00:00Z", "dice ser del 2100-01-01, que aún no ha llegado"),
        # Otra lección.
        ("code.notebook", "otro.ipynb", "un cuaderno que el proyecto no tiene"),
        ("code.git_commit", "c524e6871e3a-dirty", "con el código del paquete cambiado"),
        ("data.sha256", "0" * 64, "su huella es otra"),
        ("data.test_images", 9999, f"no se evaluó con las 10{NO_BREAK}000 imágenes"),
        ("parameters.batch_size", 54_001, "el campo parameters.batch_size"),
        ("network.weights", 1, "no se entrenó la red de la lección"),
        ("network.training_operations", 10**12, "no se entrenó la red de la lección"),
        ("network.optimizer", "SGD learning_rate=0.01", "no se entrenó la red de la lección"),
        ("network.layers", ["Flatten", "Dense units=10"], "no se entrenó la red de la lección"),
        # Los textos.
        ("label", "[gratis](javascript:alert)", "lleva un enlace, una mención o marcas"),
        ("machine.cpu", "![](https://espia.example/x.png)", "lleva un enlace, una mención"),
        ("machine.cpu", "ver https://timo.example", "lleva un enlace, una mención"),
        ("machine.os", "Linux, gracias a @alguien", "lleva un enlace, una mención"),
        ("label", "Equipo `rm`", "lleva un enlace, una mención"),
        ("label", "Equipo | 0.01 s", "lleva un enlace, una mención"),
        ("label", "Equipo &lt;b&gt;", "lleva un enlace, una mención"),
        ("label", "Equi\u00adpo", "lleva caracteres que no se ven"),
        ("label", "Equipo\U000e0041", "lleva caracteres que no se ven"),
        ("repeats.0.surroundings.0.gpu", HOT, "lleva un enlace, una mención"),
        ("machine.os", "Linux de /home/ana", "lleva la ruta de un archivo"),
        ("machine.microarchitecture", "../../etc/passwd", "lleva la ruta de un archivo"),
        ("machine.settings", {"XLA_FLAGS": r"C:\Users\ana"}, "lleva la ruta de un archivo"),
        # Lo que se contradice con su equipo.
        ("machine.usable_cores", 64, "usa más núcleos de los que tiene"),
        ("calibration.0.precision_flops", 3e11, "en float32 tiene dos valores"),
        ("repeats.0.epoch_seconds.3", 0.5, "entrena más deprisa de lo que su equipo calcula"),
        ("repeats.0.energy_joules", 5000.0, "cuenta la energía de una GPU que no usó"),
        ("repeats.0.surroundings.0.own_cpu_seconds", 900.0, "más tiempo de procesador del que"),
        # Lo que se olvida quien lo inventa.
        ("calibration", [], "le falta lo que da su dispositivo"),
        ("calibration", good()["calibration"][:1], "le falta lo que da su dispositivo"),
        ("software.backend", "torch", "no dice la versión del motor"),
        ("repeats.0.surroundings", None, "no dice qué más pasaba en el equipo"),
        ("parameters.seed", 7, "su primera semilla no es la que dice"),
    ],
)
def test_a_hostile_record_is_refused_with_its_reason(
    field: str, value: object, reason: str
) -> None:
    record = good()
    put(record, field, value)
    assert reason in "\n".join(judge(record))


def test_what_did_not_end_is_refused() -> None:
    record = good()
    record.update(status="failed", reason="yo")
    assert "no llegó al final: yo" in judge(record)


@pytest.mark.parametrize(("times", "refused"), [(0.97, False), (1.03, True)])
def test_nobody_trains_much_faster_than_it_multiplies(times: float, refused: bool) -> None:
    record = good()
    fastest = max(each["precision_flops"] for each in record["calibration"])
    work = record["network"]["training_operations"] * record["data"]["training_images"]
    put(record, "repeats.0.epoch_seconds.0", work / fastest / MAX_MFU / times)
    put(record, "repeats.0.surroundings.0.own_cpu_seconds", 2.0)
    assert bool(judge(record)) == refused


def test_the_energy_of_a_gpu_is_welcome() -> None:
    record = good()
    record["accelerator"] = RTX.model_dump()
    record["agreement"] = {
        "precision": "float32",
        "loss_difference": 1e-6,
        "gradient_difference": 1e-3,
        "update_difference": 1e-6,
    }
    record["repeats"][0]["energy_joules"] = 1500.0
    assert judge(record) == []


def test_what_would_be_too_long_to_be_read_is_refused() -> None:
    """Cabe tal como llega, pero no tal como se guardaría."""
    record = good(CLUSTER)
    [repeat] = record["repeats"]
    seconds = [12.0 + number / 1e6 for number in range(1000)]
    losses = [0.1234567890123456] * 1000
    record["parameters"] |= {"repeats": 100, "epochs": 1000}
    record["repeats"] = [
        repeat
        | {"seed": record["parameters"]["seed"] + number}
        | {"epoch_seconds": [each + number for each in seconds], "epoch_losses": losses}
        for number in range(100)
    ]
    content = json.dumps(record, separators=(",", ":")).encode()
    assert len(content) < files.MAX_BYTES
    assert any("no se podría leer" in reason for reason in judge(record))


def test_the_same_run_under_another_identifier() -> None:
    record = good()
    put(record, "run_id", OTHER_ID)
    put(record, "created_utc", "2026-11-26T06:13:57Z")
    put(record, "label", "Otro equipo")
    put(record, "repeats.0.epoch_seconds.0", 12.5)
    assert judge(record, PUBLISHED) == [
        f"lleva los mismos tiempos que otro ya publicado, el {ALONE}"
    ]


def test_another_split_of_the_images() -> None:
    record = good()
    put(record, "data.training_images", 53_000)
    put(record, "data.validation_images", 7000)
    assert judge(record) == ["no aparta para validar las imágenes que aparta la lección"]
    assert data.validation_size(60_000) == 6000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no es JSON válido"),
        (b"\xff\xfe", "no es JSON válido"),
        (b'{"schema_version": 2}', "le falta el campo run_id"),
    ],
)
def test_what_is_not_a_record_is_told_in_one_sentence(content: bytes, reason: str) -> None:
    [told] = refusals(content, PUBLISHED)
    assert reason in told


def test_usual_names_are_no_attack() -> None:
    """Los nombres de verdad llevan arrobas, barras, paréntesis y almohadillas."""
    names = [
        ("machine.cpu", "Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz"),
        ("machine.cpu", "AMD Ryzen 7 5800X3D 8-Core Processor"),
        ("machine.os", "Debian GNU/Linux 12 (bookworm)"),
        ("label", "PC del aula nº 3, 2.ª planta #1 [nuevo] ~ñandú"),
        ("label", "Mi_PC_2 & co."),
        ("machine.settings", {"XLA_FLAGS": "--xla_gpu_autotune_level=2"}),
    ]
    for field, value in names:
        record = copy.deepcopy(good())
        put(record, field, value)
        assert judge(record) == [], value
