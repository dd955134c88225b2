"""`compare`: la página de una clase, que es el cuaderno 03 con los registros de su carpeta."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import NOTEBOOK, ROOT, Cells
from test_validation import good

from fashion_bench.__main__ import obey
from fashion_bench.compare import comparison
from fashion_bench.errors import FAILED, FINE, TutorialError
from fashion_bench.figures import Record
from fashion_bench.script import page
from fashion_bench.share.refusals import refusals

sys.path.insert(0, str(ROOT / "tools"))
import board
import readme


def save(folder: Path, record: dict, number: int, day: int = 24, **changes: object) -> Record:
    """Guarda el registro de un equipo, inventado, de un día."""
    content = record | {
        "run_id": f"202611{day}T00{number:02}00Z-{number:08x}",
        "created_utc": f"2026-11-{day}T00:{number:02}:00Z",
        "machine": record["machine"] | {"key": f"{number:032x}"},
        "repeats": [
            record["repeats"][0] | {"epoch_seconds": [1.0 + number + day / 1e3, 1.1 + number]}
        ],
    }
    saved = Record.model_validate_json(json.dumps(content | changes))
    name = f"{saved.run_id}.json"
    (folder / name).write_text(saved.model_dump_json(), encoding="utf-8")
    return saved


def test_the_page_of_a_class(
    record: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Lleva dentro todo, y nada de quien la hizo: el equipo, el veredicto y lo que no se usa."""
    folder = tmp_path / "la clase de ana"
    folder.mkdir()
    for number in range(3):
        for day in (24, 25):
            save(folder, record, number, day)
    bad = save(folder, record, 9, status="interrupted", reason="x", repeats=[])
    (folder / "copia.json").write_text(bad.model_dump_json(), encoding="utf-8")
    (folder / "roto.json").write_text("{", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert obey(["compare", str(folder)]) == FINE
    assert str(tmp_path / page.PAGE) in capsys.readouterr().out
    told = (tmp_path / page.PAGE).read_text(encoding="utf-8")
    assert "<title>Comparación de equipos</title>" in told
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.(?!data:)", told) == []
    assert "data:image/png" in told
    assert told.count("es la referencia") >= 1
    assert told.count("más rápido</td>") == 4  # delante y en su sitio
    assert told.index("más rápido</td>") < told.index("Qué aprenderás")
    assert "roto.json" in told and "es una copia de" in told
    assert f"{bad.run_id}.json</td><td>no: ejecución incompleta</td>" in told
    assert "la clase de ana" not in told
    assert "Ejercicios" not in told


def student(number: int) -> dict:
    """El registro de un equipo de la clase, que es de verdad en todo menos en ser suyo."""
    random, start = np.random.default_rng(number), datetime(2026, 11, 29, 12, tzinfo=UTC)
    record, start = good(), start + timedelta(minutes=number)
    record |= {"run_id": f"{start:%Y%m%dT%H%M%SZ}-{number:08x}", "label": f"Alumno {number}"}
    record |= {"created_utc": start.isoformat()}
    record["machine"]["key"] = f"{number:032x}"
    seconds = (random.uniform(10, 40) * random.normal(1, 0.02, 10)).tolist()
    record["repeats"][0]["epoch_seconds"] = seconds
    for around, second in zip(record["repeats"][0]["surroundings"], seconds, strict=True):
        around["own_cpu_seconds"] = 1.7 * second
    return record


def test_of_a_class_of_thirty_the_five_that_lie_are_told_the_same_way_everywhere(
    tmp_path: Path,
) -> None:
    """Por el cuaderno 03 y la página de la clase, por el tablero, por el README y por el juez."""
    lies = {
        3: "entrena más deprisa de lo que su equipo calcula",
        8: "lleva los mismos tiempos que otro, el 20261129T120200Z-00000002",
        13: "entrenó en la CPU casi sin usarla",
        21: "nadie llega a una exactitud de 0.9700",
        27: "se midió a la vez que otro que dice ser del mismo equipo, el 20261129T122600Z",
    }
    pupils = [student(number) for number in range(30)]
    repeats = [pupil["repeats"][0] for pupil in pupils]
    repeats[3]["epoch_seconds"] = [second / 1000 for second in repeats[3]["epoch_seconds"]]
    repeats[8]["epoch_seconds"] = [second * 1.0000001 for second in repeats[2]["epoch_seconds"]]
    for around in repeats[13]["surroundings"]:
        around["own_cpu_seconds"] = 0
    repeats[21]["test_correct"] = 9700
    pupils[27]["machine"]["key"] = pupils[26]["machine"]["key"]  # y dura más de un minuto
    for number, pupil in enumerate(pupils):
        (tmp_path / f"{29 - number}.json").write_text(json.dumps(pupil), encoding="utf-8")
    cells = Cells(NOTEBOOK.with_name(page.NOTEBOOK), results_dir=str(tmp_path))
    cells.run("comprobar", "leer")
    found = cells.names["found"]
    assert [record.label for record in found] == [f"Alumno {number}" for number in range(30)]
    shown = {row[1]: row[2] for row in comparison.records_table(found).rows[1:]}
    rows = map(board.measured, board.contenders(found))
    flaws = {run_id: flaw for row in rows for run_id, flaw in row["registros"].items()}
    charted = {record.run_id for each in readme.choose(found) for record in each.records}
    published: list[Record] = []
    for number, record in enumerate(found):
        content = json.dumps(pupils[number]).encode()
        told, reasons = shown[f"{record.run_id}.json"], refusals(content, published)
        assert (told == "sí") == (record.run_id in charted) == (not reasons) == (number not in lies)
        assert told == ("sí" if not reasons else f"no: dudoso: {'; '.join(reasons)}")
        if number in lies:
            assert lies[number] in told and told == f"no: {flaws[record.run_id]}"
        else:
            published.append(record)


def test_a_false_record_replaces_nobody_s(record: dict, tmp_path: Path) -> None:
    """Con el identificador de otro y otro contenido, ninguno de los dos se usa, y se dice."""
    good = save(tmp_path, record, 1)
    save(tmp_path, record, 2)
    false = good.model_copy(update={"label": "El impostor"}).model_dump_json()
    (tmp_path / "zzz.json").write_text(false, encoding="utf-8")
    cells = Cells(NOTEBOOK.with_name(page.NOTEBOOK), results_dir=str(tmp_path))
    cells.run("comprobar", "leer")
    assert [each.machine.key for each in cells.names["found"]] == [f"{2:032x}"]
    assert sorted(file.name for file in cells.names["rejected"]) == [
        f"{good.run_id}.json",
        "zzz.json",
    ]


def test_without_records_there_is_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roto.json").write_text("{", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "nada", tmp_path / "roto.json"):
        assert obey(["compare", str(folder)]) == FAILED
        assert folder.name in capsys.readouterr().err
    assert not (tmp_path / page.PAGE).exists()


def test_a_page_that_cannot_be_written_is_told(
    record: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, record, 1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(page, "_executed", lambda folder: page.lesson.read(page.NOTEBOOK))
    (tmp_path / page.PAGE).mkdir()
    with pytest.raises(TutorialError, match=page.PAGE):
        page.compare(tmp_path)
