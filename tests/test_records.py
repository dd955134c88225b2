import getpass
import json
import math
import os
import shutil
import socket
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import RECORD, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from fashion_bench import records
from fashion_bench.errors import TutorialError


def save(folder: Path, content: object, name: str = "otro.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def change(record: dict, field: str, value: object) -> dict:
    """Cambia un campo dado con puntos, como `repeats.0.seed`."""
    *parents, last = field.split(".")
    target = record
    for key in parents:
        target = target[int(key) if key.isdigit() else key]
    target[int(last) if last.isdigit() else last] = value
    return record


def test_a_good_record_loads_and_tells_its_figures(tmp_path: Path, record: dict) -> None:
    loaded = records.load_file(save(tmp_path, record))
    assert loaded.median_epoch_seconds == 1.5
    assert loaded.device == "CPU"
    assert loaded.flaw is None


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
        ("repeats.0.total_seconds", 0),
        ("repeats.0.test_accuracy", 1.01),
        ("parameters.precision", "float8"),
        ("created_utc", "ayer"),
        ("created_utc", "2026-11-23T16:21:19"),
        ("data.sha256", "corto"),
        ("network.layers", []),
        ("accuracy_floor", None),
        ("schema_version", 0),
        ("schema_version", "uno"),
        ("hostname", "mi-pc"),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_the_rest_load(
    tmp_path: Path, record: dict, field: str, value: object
) -> None:
    save(tmp_path, record, "bueno.json")
    save(tmp_path, change(record, field, value), "malo.json")
    loaded, rejected = records.load_folder(tmp_path)
    assert len(loaded) == 1
    assert [file.name for file in rejected] == ["malo.json"]
    assert field in rejected[0].reason
    assert not set(rejected[0].reason) & set("<>\n\x1b\u202e")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("schema_version", 2, "más nuevo"),
        ("repeats.0.total_seconds", 2.0, "no cuadran"),
        ("repeats.0.images_per_second", 9999.0, "no cuadran"),
        ("floor_met", False, "no concuerda"),
        ("repeats.0.test_accuracy", 0.5, "no concuerda"),
        ("repeats", [], "repeticiones"),
        ("parameters.repeats", 3, "repeticiones"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(
    tmp_path: Path, record: dict, field: str, value: object, reason: str
) -> None:
    with pytest.raises(TutorialError, match=reason):
        records.load_file(save(tmp_path, change(record, field, value)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no es JSON válido"),
        ("{", "no es JSON válido"),
        ("[" * 100_000, "no es JSON válido"),
        ("[]", "valor que no vale"),
        ("null", "valor que no vale"),
        ("{}", "le falta el campo schema_version"),
        (json.dumps(RECORD | {"accuracy_floor": math.nan}), "accuracy_floor"),
        (json.dumps(RECORD).replace("1800.0", "1e999"), "images_per_second"),
        (json.dumps(RECORD).replace("1800.0", "NaN"), "images_per_second"),
        (" " * 100_000_000, "ocupa más de"),
    ],
    ids=["vacío", "cortado", "anidado", "lista", "nulo", "sin campos", "NaN", "1e999",
         "NaN en tiempos", "100 MB"],
)  # fmt: skip
def test_what_is_not_a_record_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(TutorialError, match=reason):
        records.load_file(save(tmp_path, content))


def test_folders_pipes_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "carpeta.json").mkdir()
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00{")
    names = ["bytes.json", "carpeta.json"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "tubo.json")
        names.append("tubo.json")
    loaded, rejected = records.load_folder(tmp_path)
    assert loaded == []
    assert [file.name for file in rejected] == names


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3)
    ),
    max_leaves=5,
)


def paths(value: object, prefix: tuple = ()) -> list[tuple]:
    """Devuelve el camino de cada campo, a cualquier profundidad."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, child in pairs:
        found.append((*prefix, key))
        if isinstance(child, (dict, list)):
            found.extend(paths(child, (*prefix, key)))
    return found


@settings(max_examples=1000, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from(paths(RECORD)), st.none() | st.just("quitar") | json_values),
        min_size=1,
        max_size=4,
    ),
    noise=st.none() | st.tuples(st.integers(0, 1500), st.binary(min_size=1, max_size=4)),
)
def test_a_mutated_record_loads_or_is_refused_with_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list, noise: tuple | None
) -> None:
    mutated = json.loads(json.dumps(RECORD))
    for path, value in changes:
        target = mutated
        try:
            for key in path[:-1]:
                target = target[key]
            if value == "quitar":
                del target[path[-1]]
            else:
                target[path[-1]] = value
        except (KeyError, IndexError, TypeError):  # otro cambio quitó ya este campo
            continue
    content = json.dumps(mutated).encode("utf-8", "surrogatepass")
    if noise:
        content = content[: noise[0]] + noise[1] + content[noise[0] + len(noise[1]) :]
    file = tmp_path_factory.getbasetemp() / "mutado.json"
    file.write_bytes(content)
    try:
        loaded = records.load_file(file)
    except TutorialError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert loaded.median_epoch_seconds > 0 or not loaded.repeats


def test_eight_writers_leave_eight_whole_records(tmp_path: Path) -> None:
    text = json.dumps(RECORD)
    names = [tmp_path / f"{number}.json" for number in range(8)]

    def save_often(name: Path) -> None:
        for _ in range(20):
            records.write_atomically(name, text)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save_often, names))
    loaded, rejected = records.load_folder(tmp_path)
    assert len(loaded) == 8
    assert rejected == []
    assert len(list(tmp_path.iterdir())) == 8


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    path = save(tmp_path, RECORD)
    text = json.dumps(RECORD)
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(lambda: [records.write_atomically(path, text) for _ in range(500)])
        reads = 0
        while not writer.done():
            assert records.load_file(path).run_id == RECORD["run_id"]
            reads += 1
        writer.result()
    assert reads > 10


def test_a_failed_write_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, "lo de antes")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        records.write_atomically(path, "lo nuevo")
    assert path.read_text(encoding="utf-8") == "lo de antes"
    assert list(tmp_path.iterdir()) == [path]


def test_results_folder_is_made_when_only_it_is_missing(tmp_path: Path) -> None:
    folder = records.prepare_folder(str(tmp_path / "nueva"))
    assert folder == tmp_path / "nueva"
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_a_relative_results_folder_counts_from_notebooks() -> None:
    assert records.prepare_folder("../results") == ROOT / "results"


def test_results_folder_whose_parent_is_missing(tmp_path: Path) -> None:
    with pytest.raises(TutorialError, match=r"results_dir=.* no vale: la carpeta .* no existe"):
        records.prepare_folder(str(tmp_path / "no" / "existe"))


@pytest.mark.parametrize("inside", ["", "/dentro"])
def test_results_folder_that_is_a_file(tmp_path: Path, inside: str) -> None:
    file = save(tmp_path, "soy un fichero", "fichero")
    with pytest.raises(TutorialError, match="no es una carpeta, sino un fichero"):
        records.prepare_folder(f"{file}{inside}")


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="al administrador no se le niega la escritura"
)
def test_results_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(TutorialError, match="no se puede escribir"):
        records.prepare_folder(str(tmp_path))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="solo Linux tiene /proc")
def test_results_folder_where_nobody_can_write() -> None:
    with pytest.raises(TutorialError, match=r"results_dir='/proc/self' no vale"):
        records.prepare_folder("/proc/self")


def test_results_folder_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(records.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(TutorialError, match=r"quedan 1\.0 MB y hacen falta 10"):
        records.prepare_folder(str(tmp_path))


def test_results_folder_on_a_disk_that_is_really_full(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("hace falta permiso para montar un disco pequeño")
    try:
        with pytest.raises(TutorialError, match=r"quedan 0\.1 MB y hacen falta 10"):
            records.prepare_folder(str(tmp_path))
        (tmp_path / "relleno").write_bytes(b"0" * 65_536)
        with pytest.raises(TutorialError, match=r"no se puede escribir en .* libera espacio"):
            records.prepare_folder(str(tmp_path))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_flaws_are_told_in_words(record: dict) -> None:
    low = change(change(record, "repeats.0.test_accuracy", 0.5), "floor_met", False)
    assert records.Record.model_validate_json(json.dumps(low)).flaw == (
        "exactitud por debajo de 0.90"
    )
    wrong = RECORD | {
        "agreement": {
            "loss_difference": None, "gradient_difference": 3.0, "tolerance": 0.01, "ok": False,
        }
    }  # fmt: skip
    assert "CPU" in records.Record.model_validate_json(json.dumps(wrong)).flaw
    cut = RECORD | {"status": "interrupted", "repeats": [], "floor_met": False}
    assert records.Record.model_validate_json(json.dumps(cut)).flaw == "ejecución incompleta"


def test_schema_file_is_up_to_date() -> None:
    exported = json.loads((ROOT / "results" / "schema.json").read_text(encoding="utf-8"))
    assert exported == records.Record.model_json_schema(), "ejecuta python tools/schema.py"


def test_committed_records_are_valid_and_name_nobody() -> None:
    loaded, rejected = records.load_folder(ROOT / "results")
    assert rejected == []
    for record in loaded:
        text = record.model_dump_json()
        assert socket.gethostname() not in text
        assert getpass.getuser() not in text.replace("root", "") or getpass.getuser() == "root"
        assert "/home/" not in text
