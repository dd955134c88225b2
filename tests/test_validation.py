"""Qué registros se pueden publicar: los de un equipo de verdad, y ninguno de estos otros."""

import copy
import json
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from itertools import combinations

import numpy as np
import pytest
from conftest import ROOT, RTX

from fashion_bench import data, doubts
from fashion_bench.compare import comparison, files
from fashion_bench.doubts import MAX_MFU
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.share.refusals import refusals
from fashion_bench.text import NO_BREAK

RESULTS = ROOT / "results"
PUBLISHED, _ = files.load_folder(RESULTS)
ALONE = "20261129T210430Z-927392b4"
"""Uno que cuenta, de un solo proceso y con pérdidas."""
DIFFERENCES = ("loss_difference", "gradient_difference", "update_difference")
RTX_AGREES = {"precision": "float32"} | dict.fromkeys(DIFFERENCES, 1e-4)
EXACT = {"precision": "float32"} | dict.fromkeys(DIFFERENCES, 0.0)
HOT = {
    "clock_mhz": None,
    "temperature_c": None,
    "slowed_by": "calor: https://timo.example",
    "other_programs": 0,
}
OTHER = {"run_id": "20261126T061357Z-00000000", "created_utc": "2026-11-26T06:13:57Z"}


UNREADABLE = [
    *("Equi\u00adpo", "Equipo\U000e0041", "PC\u200b", "PC\ufe0f", "\u2800", "\u3164", "\u115f"),
    *(" ", "\u00a0", "PC\u2028", "PC\u202e", "PC\u2066", "\u05d0\u05d1", "\u0645PC", "\u0663"),
    *("AMD \u0415\u0420Y\u0421", "\u0391MD", "\uff21MD", "\U0001d400MD", "AM\u13a0"),
    *("e" + "\u0301" * 60, "n\u0303", "P\u0335C"),
]
"""Lo que no se ve, va al revés, se apila o se confunde con una letra latina."""


def good(run_id: str = ALONE) -> dict:
    return json.loads((RESULTS / f"{run_id}.json").read_text(encoding="utf-8"))


def others(run_id: str) -> list[Record]:
    return [record for record in PUBLISHED if record.run_id != run_id]


def judge(record: dict, published: list[Record] | None = None) -> list[str]:
    content = json.dumps(record).encode()
    return refusals(content, others(record["run_id"]) if published is None else published)


def put(record: dict, field: str, value: object) -> dict:
    """Cambia un campo dado con puntos, como `repeats.0.seed`."""
    *parents, last = field.split(".")
    target = record
    for key in parents:
        target = target[int(key) if key.isdigit() else key]
    target[int(last) if last.isdigit() else last] = value
    return record


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
        ("run_id", OTHER["run_id"], "su identificador y su fecha no concuerdan"),
        ("run_id", "2026112\u0666T061356Z-c26ec016", "el campo run_id tiene un valor"),
        ("created_utc", "2026-11-26T07:13:56Z", "su identificador y su fecha no concuerdan"),
        ("created_utc", "2026-11-22T23:59:59Z", "y el proyecto es del 2026-11-23"),
        ("created_utc", "2099-12-31T00:00:00Z", "dice ser del 2099-12-31, que aún no ha llegado"),
        *(
            ("created_utc", date, "el campo created_utc tiene un valor")
            for date in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1e400", "")
        ),
        # Otra lección.
        ("code.notebook", "otro.ipynb", "un cuaderno con el que no se mide"),
        ("code.notebook", "06_usar_la_red.ipynb", "un cuaderno con el que no se mide"),
        ("code.version", "99.9", "se hizo con una versión que aún no existe, la 99.9"),
        ("software.tensorflow", "99", "el campo software.tensorflow tiene un valor"),
        ("software.keras", "3.15 &ltb", "el campo software.keras tiene un valor"),
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
        *(
            ("label", text, "lleva un enlace, una mención o marcas de Markdown")
            for text in ("**gana**", "_gana_ x", "~~y~~", "ya :tada:", "@0xcafe", "yo@1and1.com")
        ),
        *(
            (field, text, f"el campo {field} tiene un valor que no es válido")
            for field in ("label", "machine.cpu")
            for text in UNREADABLE
        ),
        ("repeats.0.surroundings.0.gpu", HOT, "lleva un enlace, una mención"),
        ("machine.os", "Linux de /home/ana", "lleva la ruta de un archivo"),
        ("machine.microarchitecture", "../../etc/passwd", "lleva la ruta de un archivo"),
        ("machine.settings", {"XLA_FLAGS": r"C:\Users\ana"}, "lleva la ruta de un archivo"),
        (
            "machine.settings",
            {"XLA_FLAGS": "Juan Pérez 600123456"},
            "de entorno llevan un texto",
        ),
        ("machine.settings", {"XLA_FLAGS": "--a" * 39 + "!"}, "sus variables de entorno llevan un"),
        ("machine.settings", {"XLA_FLAGS": "--a=1 soy yo"}, "sus variables de entorno llevan un"),
        ("machine.settings", {"Juan Pérez": "1"}, "sus variables de entorno llevan un"),
        # Los tamaños.
        ("machine.family", 10**4298, "el campo machine.family tiene un valor"),
        ("machine.model", 2**16, "el campo machine.model tiene un valor"),
        ("machine.logical_cores", 4096, "el campo machine.logical_cores tiene un valor"),
        ("repeats.0.epoch_seconds.0", 1e-300, "el campo repeats.0.epoch_seconds.0 tiene un valor"),
        ("repeats.0.surroundings.0.other_cpu_seconds", 1e308, "el campo repeats.0.surroundings.0"),
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


def times(record: dict, factor: float, *, own: float = 1) -> dict:
    """Multiplica sus segundos y, por `own`, los de procesador."""
    [repeat] = record["repeats"]
    repeat["epoch_seconds"] = [second * factor for second in repeat["epoch_seconds"]]
    for around in repeat["surroundings"]:
        around["own_cpu_seconds"] *= own
    return record


def computes(record: dict, flops: float) -> dict:
    for each in record["calibration"]:
        each |= {"float32_flops": flops, "precision_flops": flops}
    return record


def on_gpu(record: dict, **changes: object) -> dict:
    """Lo mismo, en una GPU."""
    record["accelerator"] = RTX.model_dump() | changes
    record["agreement"] = RTX_AGREES
    record["software"]["cuda"] = "12.8"
    computes(record, 8e12)
    return record


def learned(record: dict, correct: int, images: int = 54_000) -> dict:
    record["repeats"][0] |= {"test_correct": correct, "test_loss": 0.5}
    record["data"] |= {"training_images": images, "validation_images": images // 9}
    record["parameters"] |= {"train_samples": images * 10 // 9, "batch_size": 32}
    return record


def one_epoch(record: dict) -> dict:
    record["parameters"]["epochs"] = 1
    for name in ("epoch_seconds", "epoch_losses", "surroundings"):
        del record["repeats"][0][name][1:]
    return record


def on_cluster(record: dict, workers: int, factor: float = 1) -> dict:
    times(record, factor)
    record["parameters"]["workers"], record["calibration"] = workers, []
    record["repeats"][0]["surroundings"] = None
    return record


LOSSES = "le faltan las pérdidas de sus épocas"
FALSE_LOSSES = "sus pérdidas no son las de una red que acierta lo que dice"
LIES: list[tuple[Callable[[dict], object], str]] = [
    # De la tabla de `confianza.md`, en su orden.
    (lambda r: times(r, 1 / 50), "entrena más deprisa de lo que su equipo calcula"),
    (lambda r: (times(r, 1 / 20), computes(r, 5e12)), "su dispositivo da 5000"),
    (lambda r: times(r, 0.11 / 1.63, own=0.01), "entrena más deprisa"),
    (lambda r: (times(r, 0.001), computes(r, 3e15)), "ninguno como él llega a tanto"),
    (lambda r: (on_gpu(r), times(r, 1e-4, own=0), computes(r, 9e15)), "ninguno como él llega"),
    (lambda r: (on_gpu(r), times(r, 4e-6, own=0)), "entrena más deprisa de lo que su equipo"),
    (lambda r: on_gpu(r, name="NVIDIA GeForce RTX 5090"), "capacidad de cómputo 8.6, sino 12.0"),
    (lambda r: on_gpu(r, memory_gib=0.001), "el campo accelerator.memory_gib tiene un valor"),
    (lambda r: (on_gpu(r), put(r, "software.cuda", None)), "en una GPU de NVIDIA sin CUDA"),
    (lambda r: (on_gpu(r), put(r, "agreement", EXACT)), "hasta la última cifra"),
    (lambda r: (on_gpu(r), put(r, "repeats.0.energy_joules", 1e-6)), "gasta menos de un vatio"),
    (lambda r: times(r, 1, own=0), "entrenó en la CPU casi sin usarla"),
    (lambda r: on_cluster(r, 64), "tiene más procesos que núcleos"),
    (lambda r: learned(r, 9699), f"con 54{NO_BREAK}000 imágenes nadie llega a una"),
    (lambda r: (learned(r, 9690), one_epoch(r)), "nadie llega a una exactitud de 0.9690"),
    (lambda r: learned(r, 9600, 90), "con 90 imágenes nadie llega a una exactitud de 0.9600"),
    (lambda r: put(r, "repeats.0.epoch_losses", None), LOSSES),
    (lambda r: put(r, "repeats.0.epoch_losses", []), LOSSES),
    (lambda r: put(r, "repeats.0.epoch_losses", [0.5]), LOSSES),
    (lambda r: put(r, "repeats.0.epoch_losses", [0.0] * 10), FALSE_LOSSES),
    (lambda r: put(r, "repeats.0.epoch_losses", [10.0**n for n in range(10)]), FALSE_LOSSES),
    (lambda r: put(r, "repeats.0.test_loss", 1e300), FALSE_LOSSES),
    (lambda r: r["machine"].update(cpu="Intel Pentium 4", vendor="AuthenticAMD", virtual=False),
     "dice que su procesador es de Intel y de AuthenticAMD"),
    # Parecidas, nuestras.
    (lambda r: times(r, 1 / 1000), "entrena más deprisa de lo que su equipo calcula"),
    (lambda r: on_cluster(r, 2, 1e-4), "entrena más deprisa de lo que su equipo"),
    (lambda r: on_gpu(r, name="NVIDIA GeForce GTX 1080 Ti"), "sino 6.1"),
    (lambda r: on_gpu(r, name="NVIDIA GeForce RTX 4090 Laptop GPU"), "sino 8.9"),
    (lambda r: (on_gpu(r, name="H900", compute_capability="9.0"), computes(r, 6e15)), "ninguno"),
    (lambda r: (on_gpu(r), put(r, "repeats.0.energy_joules", 0.0)), "gasta menos de un vatio"),
    (lambda r: times(r, 1, own=0.05), "entrenó en la CPU casi sin usarla"),
    (lambda r: on_cluster(r, 3), "tiene más procesos que núcleos"),
    (lambda r: learned(r, 9200, 900), "con 900 imágenes nadie llega a una exactitud de 0.9200"),
    (lambda r: put(r, "repeats.0.epoch_losses.9", 0.0), FALSE_LOSSES),
    (lambda r: put(r, "repeats.0.test_loss", 0.03), FALSE_LOSSES),  # con un 7.9 % de fallos
    (lambda r: (put(r, "code.version", "0.2.0"), put(r, "repeats.0.epoch_losses", None)), LOSSES),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "reason"), LIES, ids=range(len(LIES)))
def test_a_lie_is_doubted_everywhere(lie: Callable[[dict], object], reason: str) -> None:
    """Lo que no puede ser no se publica, y tampoco cuenta donde se lea."""
    record = good()
    lie(record)
    told = judge(record)
    assert reason in "\n".join(told)
    if not told[0].startswith("el campo"):
        assert reason in str(files.parse(json.dumps(record).encode()).flaw)


@pytest.mark.parametrize(("factor", "refused"), [(0.97, False), (1.03, True)])
def test_nobody_trains_much_faster_than_it_multiplies(factor: float, refused: bool) -> None:
    record = good()
    fastest = max(each["precision_flops"] for each in record["calibration"])
    work = record["network"]["training_operations"] * record["data"]["training_images"]
    put(record, "repeats.0.epoch_seconds.0", work / fastest / MAX_MFU / factor)
    put(record, "repeats.0.surroundings.0.own_cpu_seconds", 2.0)
    assert bool(judge(record)) == refused


COPIES: list[Callable[[list[float]], list[float]]] = [
    lambda told: told,
    lambda told: told[::-1],
    lambda told: [second * 1.0000001 for second in told],
    lambda told: [second * (1 + 1e-9 * (place > 4)) for place, second in enumerate(told)],
    lambda told: [second * 2.2 for second in told],  # a otra velocidad
    lambda told: sorted(second * 1.4 for second in told),
    lambda told: [*told[:4], *(second * 1.01**place for place, second in enumerate(told[4:], 1))],
    lambda told: told[:3],
    lambda told: [*told, *(second + 0.1 for second in told)],
]


@pytest.mark.parametrize("copied", COPIES, ids=range(len(COPIES)))
def test_the_same_run_under_another_identifier(copied: Callable) -> None:
    record = good()
    [repeat] = record["repeats"]
    seconds = copied(repeat["epoch_seconds"])
    again = [place % 10 for place in range(len(seconds))]
    repeat |= {name: [repeat[name][n] for n in again] for name in ("epoch_losses", "surroundings")}
    for around, second in zip(repeat["surroundings"], seconds, strict=True):
        around["own_cpu_seconds"] = second
    repeat["epoch_seconds"] = seconds
    record |= OTHER | {"label": "Otro equipo"}
    record["machine"]["key"], record["parameters"]["epochs"] = "f" * 32, len(seconds)
    reason = f"lleva los mismos tiempos que otro, el {ALONE}"
    assert judge(record, [Record.model_validate(good())]) == [reason]


def test_the_steadiest_machines_are_not_taken_for_copies() -> None:
    """Mil épocas de un reloj de 100 ns que solo varían un 0.1 %, y ninguna es de otra."""
    random = np.random.default_rng(34)
    for epochs in (1, 2, 3, 10, 100, 1000):
        runs = [np.round(random.normal(3, 0.003, epochs), 7).tolist() for _ in range(20)]
        pairs = list(combinations(runs, 2))
        found = [doubts._copied(one, other) for one, other in pairs]
        assert sum(found) <= 0.01 * len(pairs), epochs


def test_nobody_is_measured_twice_at_the_same_time() -> None:
    first = Record.model_validate(good())
    lasted = sum(first.epoch_seconds) + first.repeats[0].setup_seconds
    for seconds, told in ((lasted - 2, 1), (lasted + 2, 0), (2 - lasted, 1), (-2 - lasted, 0)):
        record = good()
        later = first.created_utc + timedelta(seconds=round(seconds))
        record["created_utc"] = later.isoformat()
        record["run_id"] = f"{later:%Y%m%dT%H%M%SZ}-00000000"
        for place in range(10):
            record["repeats"][0]["epoch_seconds"][place] *= 1.001**place
        reasons = judge(record, [first])
        same = f"se midió a la vez que otro que dice ser del mismo equipo, el {ALONE}"
        assert reasons == [same] * told
        record["machine"]["key"] = "f" * 32
        assert judge(record, [first]) == []


def test_two_contents_never_share_an_identifier() -> None:
    record = good()
    record["label"] = "Otro"
    reasons = judge(record, [Record.model_validate(good())])
    assert reasons == [f"ya está publicado, y dice otra cosa: el {ALONE}"]


def test_a_record_has_a_bounded_size() -> None:
    """Con 3.6 kB se podía llenar la memoria; lo más largo que se admite se lee y se compara."""
    for repeats, epochs in ((100, 900), (100, 100), (2, 501), (1, 1001)):
        with pytest.raises(TutorialError):
            files.parse(json.dumps(long_record(repeats, epochs, None)).encode())
    for repeats, epochs in ((1, 1000), (100, 10)):
        content = files.stored(files.parse(json.dumps(long_record(repeats, epochs)).encode()))
        assert len(content.encode()) < files.MAX_BYTES
        tracemalloc.start()
        both = [files.parse(content.encode()), Record.model_validate(good())]
        [group, *_] = comparison.groups(both, "median_epoch")
        comparison.table(group, group[0], "median_epoch")
        assert tracemalloc.get_traced_memory()[1] < 30e6
        tracemalloc.stop()


def long_record(repeats: int, epochs: int, watched: bool | None = True) -> dict:
    """Con todo lo que puede llevar una época, escrito con tantas letras como cabe."""
    record = good()
    [repeat] = record["repeats"]
    around = dict.fromkeys(repeat["surroundings"][0], 1.234567890123456e-05) | {
        "gpu": HOT | {"slowed_by": "…" * 120, "clock_mhz": 1.2345678901234e-5},
        "usable_cores": 2,
    }
    record["parameters"] |= {"repeats": repeats, "epochs": epochs}
    seconds = {
        "epoch_seconds": [12.345678901234567] * epochs,
        "epoch_losses": [0.12345678901234567] * epochs,
        "surroundings": watched and [around] * epochs,
    }
    record["repeats"] = [
        repeat | seconds | {"seed": record["parameters"]["seed"] + n} for n in range(repeats)
    ]
    return record


def suspended(record: dict) -> None:
    """La tapa cerrada una hora en cada época."""
    [repeat] = record["repeats"]
    repeat["epoch_seconds"] = [3600 + second for second in repeat["epoch_seconds"]]
    for around in repeat["surroundings"]:
        around["stopped_seconds"] = 3600


STRANGE: list[Callable[[dict], object]] = [
    lambda r: (on_gpu(r), put(r, "repeats.0.energy_joules", 15_000.0)),
    lambda r: r["machine"].update(cpu="Intel Core (Haswell)", virtual=True),  # en un AMD
    lambda r: (computes(r, 3e12), put(r, "software.tf32", True)),  # AMX, que redondea
    lambda r: times(r, 1, own=0.2),  # un núcleo para ocho programas
    lambda r: learned(r, 9540),  # lo que da una red de 768 000 pesos, según la lista de Zalando
    suspended,
]


@pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
def test_what_is_only_strange_is_no_lie(strange: Callable[[dict], object]) -> None:
    record = good()
    strange(record)
    assert judge(record) == []


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
        ("machine.cpu", "Apple M4 Pro"),
        ("machine.os", "Debian GNU/Linux 12 (bookworm)"),
        ("label", "PC del aula nº 3, 2.ª planta #1 [nuevo] ~ñandú"),
        ("label", "Mi_PC_2 & co."),
        ("label", "«Equipo» de Łukasz – 12:30…"),
        ("machine.settings", {"XLA_FLAGS": "--xla_gpu_autotune_level=2 … --b=1,2"}),
        ("machine.settings", {"OMP_PROC_BIND": "close", "KMP_AFFINITY": "granularity=fine,1,0"}),
    ]
    for field, value in names:
        record = copy.deepcopy(good())
        put(record, field, value)
        assert judge(record) == [], value
