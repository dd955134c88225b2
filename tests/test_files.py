import json
import os
from pathlib import Path

import pytest
from conftest import RECORD
from hypothesis import given, settings
from hypothesis import strategies as st

from fashion_bench.compare import files
from fashion_bench.errors import TutorialError


def save(folder: Path, content: object, name: str = "otro.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no es JSON válido"),
        ("{", "no es JSON válido"),
        ("[" * 100_000, "no es JSON válido"),
        ("[]", "valor que no es válido"),
        ("null", "valor que no es válido"),
        ("{}", "le falta el campo schema_version"),
        (json.dumps(RECORD).replace("23.5", "NaN"), "memory_gib"),
        (json.dumps(RECORD).replace("0.8", "1e999"), "setup_seconds"),
        (json.dumps(RECORD).replace("0.8", "NaN"), "setup_seconds"),
        (" " * 100_000_000, "ocupa más de"),
    ],
    ids=[
        "vacío",
        "cortado",
        "anidado",
        "lista",
        "nulo",
        "sin campos",
        "NaN",
        "1e999",
        "NaN en tiempos",
        "100 MB",
    ],
)
def test_what_is_not_a_record_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(TutorialError, match=reason):
        files.load_file(save(tmp_path, content))


def test_folders_pipes_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "carpeta.json").mkdir()
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00{")
    names = ["bytes.json", "carpeta.json"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "tubo.json")
        names.append("tubo.json")
    loaded, rejected = files.load_folder(tmp_path)
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


@settings(max_examples=200, deadline=None)
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
        loaded = files.load_file(file)
    except TutorialError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert loaded.median_epoch_seconds > 0 or not loaded.repeats


def test_records_come_from_the_oldest_to_the_newest(tmp_path: Path) -> None:
    for day, name in ((2, "a"), (1, "b"), (3, "c")):
        content = RECORD | {
            "run_id": f"2026110{day}T000000Z-685e8f16",
            "created_utc": f"2026-11-0{day}T00:00:00Z",
        }
        save(tmp_path, content, f"{name}.json")
    save(tmp_path, "{}", "schema.json")
    loaded, rejected = files.load_folder(tmp_path)
    assert [record.created_utc.day for record in loaded] == [1, 2, 3]
    assert rejected == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_record_is_read_however_it_was_saved(tmp_path: Path, encoding: str) -> None:
    """El Bloc de notas y PowerShell le ponen una marca delante o lo pasan a UTF-16."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(RECORD), encoding=encoding)
    assert files.load_file(path).label == RECORD["label"]


def test_what_is_hidden_is_not_looked_at_and_what_is_elsewhere_is_told(tmp_path: Path) -> None:
    for number, name in enumerate(("a.json", "B.JSON", "c.json.txt")):
        save(tmp_path, RECORD | {"run_id": f"20261101T000000Z-0000000{number}"}, name)
    for name in ("._a.json", ".b.json", "notas.txt", "a.json~"):
        save(tmp_path, "no", name)
    for name in ("Ana", "vacía", ".oculta"):
        (tmp_path / name).mkdir()
    for name in ("Ana", ".oculta"):
        save(tmp_path / name, RECORD, "d.json")
    loaded, rejected = files.load_folder(tmp_path)
    assert len(loaded) == 3
    assert [name for name, _ in rejected] == ["Ana"]


def test_of_the_copies_of_a_record_one_is_used(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save(tmp_path, RECORD, f"{name}.json")
    [loaded], rejected = files.load_folder(tmp_path)
    assert loaded.run_id == RECORD["run_id"]
    assert rejected == [(f"{name}.json", "es una copia de a.json") for name in ("b", "c")]


def test_two_that_say_to_be_the_same_run_are_told_and_none_is_used(tmp_path: Path) -> None:
    for name, label in (("a", "Uno"), ("b", "Uno"), ("c", "Otro")):
        save(tmp_path, RECORD | {"label": label}, f"{name}.json")
    loaded, rejected = files.load_folder(tmp_path)
    assert loaded == []
    assert [name for name, _ in rejected] == ["a.json", "b.json", "c.json"]
    assert all("a.json y b.json y c.json" in reason for _, reason in rejected)
