"""`compare`: la página de una clase, que es el cuaderno 03 con los registros de su carpeta."""

import json
import re
from pathlib import Path

import pytest
from conftest import NOTEBOOK, Cells

from fashion_bench.__main__ import obey
from fashion_bench.errors import FAILED, FINE, TutorialError
from fashion_bench.figures import Record
from fashion_bench.script import page


def save(folder: Path, record: dict, number: int, day: int = 20, **changes: object) -> Record:
    """Guarda el registro de un equipo, inventado, de un día."""
    content = record | {
        "run_id": f"202611{day}T000000Z-{number:08x}",
        "created_utc": f"2026-11-{day}T00:{number:02}:00Z",
        "machine": record["machine"] | {"key": f"{number:032x}"},
        "repeats": [record["repeats"][0] | {"epoch_seconds": [1.0 + number, 1.1 + number]}],
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
        for day in (20, 21):
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
    assert told.count("más rápido</td>") == 2
    assert "roto.json" in told and "es una copia de" in told
    assert f"{bad.run_id}.json</td><td>no: ejecución incompleta</td>" in told
    assert "la clase de ana" not in told
    assert "Ejercicios" not in told


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
