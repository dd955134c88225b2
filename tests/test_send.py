"""Enviar un registro: qué se enseña, qué se pregunta, cómo viaja y qué se contesta."""

import json
import socket
import sys
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from conftest import RECORD, ROOT

from fashion_bench.__main__ import obey
from fashion_bench.compare import files
from fashion_bench.errors import FAILED, FINE
from fashion_bench.folders import shown
from fashion_bench.share import send

sys.path.insert(0, str(ROOT / "tools"))
import receive

PUBLISHED, _ = files.load_folder(ROOT / "results")
GOOD = next(record for record in PUBLISHED if record.flaw is None)
PATH = ROOT / "results" / f"{GOOD.run_id}.json"
FLAWED = next(record for record in PUBLISHED if record.flaw)
FORM = "https://github.com/fashion-bench/fashion-bench/issues/new"
WORKFLOW = (ROOT / ".github" / "workflows" / "registro.yml").read_text(encoding="utf-8")


class Terminal(StringIO):
    """Una terminal en la que alguien ya ha escrito su respuesta."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Las direcciones abiertas en el navegador, que no se abre de verdad."""
    addresses: list[str] = []

    def open_page(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(send.webbrowser, "open", open_page)
    return addresses


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """El proyecto ya tiene dirección."""
    monkeypatch.setattr(send, "address", lambda _: FORM.removesuffix("/issues/new"))


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Contesta a la pregunta en una terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))


def message(address: str) -> str:
    """El mensaje que GitHub compone con lo que va en la dirección de un formulario."""
    [packed] = parse_qs(urlsplit(address).query)[send.FIELD]
    return f"### Registro\n\n```text\n{packed}\n```\n"


def test_with_a_yes_the_form_opens_with_exactly_what_was_shown(
    opened: list[str], answer: Callable[[str], None], capsys: pytest.CaptureFixture
) -> None:
    answer("sí\n")
    assert obey(["send", str(PATH)]) == FINE
    told = capsys.readouterr().out
    record, _, rest = told.partition("\n}\n")
    [address] = opened
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == FORM
    assert {name: values for name, values in parse_qs(parts.query).items() if name != "record"} == {
        "template": ["registro.yml"],
        "title": [f"Registro {GOOD.run_id}"],
    }
    assert len(address) < 3000  # y caben 8191
    assert json.loads(send.unpack(message(address))) == json.loads(f"{record}\n}}")
    assert f"{FORM.removesuffix('/new')}." in rest
    assert "[s/N]" in rest


@pytest.mark.parametrize("text", ["\n", "n\n", "no\n", "", "yes\n", "sip\n"])
def test_without_a_yes_nothing_opens(
    opened: list[str], answer: Callable[[str], None], text: str
) -> None:
    answer(text)
    assert obey(["send", str(PATH)]) == FINE
    assert opened == []


def test_without_an_address_nothing_opens_and_it_says_so(
    opened: list[str],
    answer: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(send, "address", lambda _: None)
    answer("sí\n")
    assert obey(["send", str(PATH)]) == FINE
    last = capsys.readouterr().out.splitlines()[-1]
    assert PATH.name in last and "[s/N]" not in last
    assert opened == []


@pytest.mark.parametrize("stdin", [StringIO("s\n"), None])
def test_without_a_terminal_nothing_opens_and_it_says_how(
    opened: list[str],
    stdin: StringIO | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert obey(["send", str(PATH)]) == FINE
    assert opened == []
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"«python -m fashion_bench send results/{PATH.name}»" in last
    assert FORM in last


def test_without_a_browser_the_address_is_printed(
    answer: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(send.webbrowser, "open", lambda _: False)
    answer("s\n")
    assert obey(["send", str(PATH)]) == FINE
    [address] = [line for line in capsys.readouterr().out.splitlines() if line.startswith(FORM)]
    assert send.unpack(message(address)) == GOOD.model_dump_json().encode()


def test_what_does_not_fit_in_an_address_is_pasted(
    opened: list[str],
    answer: Callable[[str], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send, "MAX_ADDRESS", 1000)
    path = tmp_path / PATH.name
    path.write_bytes(PATH.read_bytes())
    answer("s\n")
    assert obey(["send", str(path)]) == FINE
    [address] = opened
    assert send.FIELD not in parse_qs(urlsplit(address).query)
    assert shown(path) in capsys.readouterr().out
    pasted = f"### Registro\r\n\r\n```text\r\n{path.read_text('utf-8')}\r\n```\r\n"
    assert files.parse(send.unpack(pasted)) == GOOD


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repeats": []}, "le faltan repeticiones"),
        ({"label": "gracias a @alguien"}, "lleva un enlace, una mención"),
        ({"created_utc": "2026-11-01T00:00:00Z"}, "el proyecto es del"),
        ({"created_utc": "9999-12-31T23:59:59-14:00"}, "el campo created_utc tiene un valor"),
    ],
)
def test_what_would_not_be_accepted_is_not_sent(
    opened: list[str],
    answer: Callable[[str], None],
    tmp_path: Path,
    change: dict,
    reason: str,
    capsys: pytest.CaptureFixture,
) -> None:
    path = tmp_path / "malo.json"
    path.write_text(json.dumps(GOOD.model_dump(mode="json") | change), encoding="utf-8")
    answer("s\n")
    assert obey(["send", str(path)]) == FAILED
    told = capsys.readouterr()
    assert (told.out, opened) == ("", [])
    assert "malo.json" in told.err
    assert reason in told.err


def test_what_does_not_count_or_names_someone_is_said_before_asking(
    opened: list[str],
    answer: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "anamaria"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "anamaria"))
    monkeypatch.setattr(socket, "gethostname", lambda: "torre-azul.local")
    path = tmp_path / "registro.json"
    record = FLAWED.model_copy(update={"label": "Torre-azul de Anamaria"})
    path.write_text(record.model_dump_json(), encoding="utf-8")
    answer("n\n")
    assert obey(["send", str(path)]) == FINE
    told = capsys.readouterr().out
    assert f"({FLAWED.flaw})" in told
    assert "«anamaria», «torre-azul»" in told
    answer("n\n")
    assert obey(["send", str(PATH)]) == FINE
    assert "Aviso" not in capsys.readouterr().out


def test_a_path_with_spaces_can_be_copied(tmp_path: Path) -> None:
    path = tmp_path / "mis registros" / "uno.json"
    assert send.command(path) == f'python -m fashion_bench send "{shown(path)}"'


# Lo que llega: el mensaje, la respuesta y el flujo que la da.


def field(text: str) -> str:
    return f"### Registro\n\n```text\n{text}\n```\n"


def test_a_good_message_is_saved_as_the_program_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setattr(receive, "RESULTS", results)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "salida"))
    event, answered = tmp_path / "evento", tmp_path / "comentario.md"
    body = field(json.dumps(GOOD.model_dump(mode="json")))
    sent = {"issue": {"body": body, "user": {"login": "ana"}}}
    event.write_text(json.dumps(sent), encoding="utf-8")
    receive.main(event, tmp_path)
    assert (tmp_path / "registro.json").read_text("utf-8") == files.stored(GOOD)
    assert (tmp_path / "salida").read_text() == f"run_id={GOOD.run_id}\n"
    told = answered.read_text("utf-8")
    assert f"el registro `{GOOD.run_id}` se acepta. Cuenta para comparar equipos." in told
    assert "- Lo envía ana.\n" in told
    (tmp_path / "registro.json").rename(results / "con otro nombre.json")
    receive.main(event, tmp_path)
    assert f"- ya está publicado: el {GOOD.run_id}\n" in answered.read_text("utf-8")
    assert not (tmp_path / "registro.json").exists()


def test_one_that_does_not_count_is_accepted_and_said() -> None:
    told = receive.comment(*receive.judge(field(send.pack(FLAWED)), []))
    assert f"Se publicará diciendo que no cuenta, y por qué:\n\n```text\n- {FLAWED.flaw}\n" in told


def bomb() -> str:
    return urlsafe_b64encode(zlib.compress(b" " * 50_000_000, 9)).decode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "no es JSON válido"),
        ("Hola, ¿cómo envío el mío?", "no es JSON válido"),
        (field(""), "no es JSON válido"),
        (field("_No response_"), "no es JSON válido"),
        (field(send.pack(GOOD)[:-40]), "está cortado"),
        (field(send.pack(GOOD)[:-1]), "está cortado"),
        (field(send.pack(GOOD).swapcase()), "no se puede descomprimir"),
        (field("AAAA"), "no se puede descomprimir"),
        (field(bomb()), "es demasiado grande"),
        (field("[" * 60_000), "no es JSON válido"),
        (field("\ud800"), "no es JSON válido"),
        (field('{"label": "`` `![x](https://espia.example)"}'), "le falta el campo schema_version"),
        (field(json.dumps(RECORD | {"label": "$`@todos`$"})), "el campo label tiene un valor"),
    ],
)
def test_a_bad_message_is_answered_with_its_reason_and_nothing_of_it_runs(
    body: str, reason: str
) -> None:
    record, reasons = receive.judge(body, PUBLISHED)
    told = receive.comment(record, reasons)
    assert reason in told
    _, quoted, rest = told.split("```")  # nada de lo que venía cierra la cita ni está fuera de ella
    assert reason in quoted
    assert "@" not in rest


def test_the_form_has_the_field_that_is_filled() -> None:
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE" / send.TEMPLATE).read_text("utf-8"))
    [field] = [each for each in form["body"] if each.get("id") == send.FIELD]
    assert f"### {field['attributes']['label']}\n" == send.HEADING
    assert field["attributes"]["render"] == "text"  # GitHub lo pone como código, sin interpretarlo
    assert field["validations"] == {"required": True}
    assert send.HEADING.strip() in WORKFLOW
