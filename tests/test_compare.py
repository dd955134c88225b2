"""`compare`: la página de una clase, con veinte equipos distintos o iguales."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fashion_bench.commands import BAD_USAGE, FAILED, FINE, compare
from fashion_bench.record import Record
from fashion_bench.results.files import Rejected

START = datetime(2026, 11, 20, tzinfo=UTC)


def make(record: dict, number: int, day: int = 0, **changes: object) -> Record:
    """El registro de un equipo, inventado, de un día."""
    content = record | {
        "run_id": f"20261120T000000Z-{100 * number + day:08x}",
        "created_utc": (START + timedelta(days=day, minutes=number)).isoformat(),
        "machine": record["machine"] | {"key": f"{number:032x}"},
        "repeats": [record["repeats"][0] | {"epoch_seconds": [1.0 + number, 1.1 + number]}],
    }
    return Record.model_validate_json(json.dumps(content | changes))


def rows(page: str) -> list[str]:
    """De cada fila de las tablas, su cabecera."""
    return re.findall(r'<th scope="row".*?>(.*?)</th>', page)


def test_twenty_equal_computers_are_twenty_rows(record: dict) -> None:
    page = compare.html([make(record, number) for number in range(20)], [])
    wanted = [f"Equipo de prueba (AVX2) · CPU #{number}" for number in range(1, 21)]
    names = rows(page)
    assert names[:20] == wanted
    assert len(names) == 60  # en la del grupo, en la de los equipos y en la de los registros
    assert sorted(names) == sorted(wanted * 3)
    assert "Equipos: 20. Registros: 20, de los que cuentan\n20." in page
    assert page.count("una sola sesión, sin veredicto") == 19


def test_the_page_carries_all_it_needs_and_nothing_from_outside(record: dict) -> None:
    page = compare.html([make(record, number, day) for number in range(3) for day in (0, 1)], [])
    assert re.findall(r"(?:src|href)=.{0,12}", page) == ['src="data:image/']
    assert "es la referencia</td><td>CPU inventada</td><td>TensorFlow 2.21.0</td><td>-</td>" in page
    assert "Son 2 veredictos" in page
    assert "de media, 0.1." in page


def test_what_does_not_count_is_listed_with_its_reason(record: dict) -> None:
    slow = [record["repeats"][0] | {"test_correct": 5000}]
    bad, good = make(record, 1, repeats=slow), make(record, 2)
    cut = make(record, 3, status="interrupted", reason="x", repeats=[])
    page = compare.html([bad, good, good, cut], [Rejected("<b>.json", "no es JSON válido")])
    assert "Registros: 3, de los que cuentan\n1; además, 1 repetidos" in page
    assert f"<td>{bad.run_id}.json</td><td>no: exactitud por debajo de 0.90</td>" in page
    assert f"<td>{cut.run_id}.json</td><td>no: ejecución incompleta</td>" in page
    assert "<li>&lt;b&gt;.json: no es JSON válido</li>" in page


@pytest.mark.parametrize(
    ("key", "labels", "told"),
    [
        ("a" * 32, ["PC 1", "PC 2"], r"«PC 2 \(AVX2\) · CPU» se ha llamado .* \(PC 1, PC 2\)"),
        (None, ["PC", "PC"], r"Los 2 registros de «PC \(AVX2\) · CPU» no llevan código"),
        ("a" * 32, ["PC", "PC"], None),
    ],
)
def test_what_may_be_several_computers_is_told(
    record: dict, key: str | None, labels: list[str], told: str | None
) -> None:
    machine = record["machine"] | {"key": key}
    found = [
        make(record, day, day, machine=machine, label=label) for day, label in enumerate(labels)
    ]
    page = compare.html(found, [])
    assert "Equipos: 1." in page
    assert bool(re.search(told, page)) if told else "Ojo" not in page


def test_without_a_single_epoch_there_is_no_chart(record: dict) -> None:
    page = compare.html([make(record, 1, status="failed", reason="x", repeats=[])], [])
    assert "Equipos: 0. Registros: 1, de los que cuentan\n0." in page
    assert "<img" not in page


def test_the_order_writes_the_page_where_you_are(
    record: dict, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clase"
    folder.mkdir()
    assert compare.main([str(folder)]) == FAILED
    assert "no hay ningún registro" in capsys.readouterr().err
    (folder / "uno.json").write_text(make(record, 1).model_dump_json(), encoding="utf-8")
    (folder / "dos.json").write_text("{", encoding="utf-8")
    assert compare.main([str(folder)]) == FINE
    out, err = capsys.readouterr()
    assert str(tmp_path / compare.PAGE) in out
    assert err == "No se usa dos.json: no es JSON válido\n"
    assert (tmp_path / compare.PAGE).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_bad_order_is_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for arguments in ([], ["--x"], ["a", "b"]):
        assert compare.main(arguments) == BAD_USAGE
        assert capsys.readouterr().err.startswith("Uso: ")
    assert compare.main([str(tmp_path / "nada")]) == BAD_USAGE
    assert "no existe o no es una carpeta" in capsys.readouterr().err
