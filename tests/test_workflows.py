"""Lo que GitHub hace sin nadie delante, hasta donde se puede hacer aquí."""

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from zlib import compress

import pytest
import yaml
from conftest import ROOT
from test_validation import UNREADABLE, good

from fashion_bench.compare import files
from fashion_bench.figures import Record
from fashion_bench.share import send

sys.path.insert(0, str(ROOT / "tools"))
import receive

FLOWS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
JOBS = [(flow, name, job) for flow, told in FLOWS.items() for name, job in told["jobs"].items()]
each_job = pytest.mark.parametrize(
    ("flow", "job"), [(flow, job) for flow, _, job in JOBS], ids=[f"{a}:{b}" for a, b, _ in JOBS]
)


@each_job
def test_nothing_has_more_power_than_it_needs(flow: str, job: dict) -> None:
    assert FLOWS[flow]["permissions"] == {"contents": "read"}
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert not any(re.search(r"\$\{\{ (?!matrix\.)", run) for run in runs)
    assert not re.search(r"secrets\.|pull_request_target", json.dumps(FLOWS[flow]))
    if "write" in job.get("permissions", {}).values():  # ni instala ni ejecuta nada del proyecto
        assert not any(re.search(r"python|pip |uv |tools/", run) for run in runs)
    for step in job["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    if "issues" in FLOWS[flow][True]:  # YAML lee `on` como un sí
        assert "cache" not in json.dumps(job)


def test_of_a_message_only_its_number_and_its_author_get_out_of_the_event() -> None:
    text = (ROOT / ".github" / "workflows" / "registro.yml").read_text(encoding="utf-8")
    used = {name for name in re.findall(r"\$\{\{ (.*?) \}\}", text) if "github.event" in name}
    assert used == {f"github.event.issue.{name}" for name in ("number", "user.login", "user.id")}
    assert send.HEADING.strip() in text
    check, tell = FLOWS["registro.yml"]["jobs"].values()
    assert "permissions" not in check
    assert tell["permissions"].keys() == {"contents", "issues", "pull-requests"}


def test_the_judge_needs_nothing_that_is_not_pinned_by_its_hash() -> None:
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "tools" / "builders.txt").read_text(), re.M))
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); before = set(sys.modules);"
        "import receive; tops = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*(tops - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used = {name.replace("_", "-") for name in done.stdout.split() if name[0] != "_"}
    assert {"pydantic", "numpy"} <= used <= pinned | {"fashion-bench", "receive"}


# Lo que contesta a lo peor que se le ocurre a alguien.

SPITEFUL = [
    *("```\n@todos\n```", "`````", "![x](https://espia.example/x.png)", "[a](javascript:alert(1))"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;", "&#64;todos"),
    *("@todos", "#1", "**gana**", "~~y~~", "_x_", ":tada:", "| a | b |", "\\|", "$\\frac{1}{2}$"),
    *("\x1b[2J", "\x00", "a\nb", "\r\n### Registro\r\n", "\u202e\u2066", "${{ github.token }}"),
    *("$(touch /tmp/x)", "`id`", "'; rm -rf / #", "::set-output name=run_id::x", "../../x", "=1+1"),
    *("x" * 5000, "\ud800", "%s%n", "{0.__class__}", "C:\\Users\\ana", "/etc/passwd", *UNREADABLE),
]
FIELDS = [
    *("label", "run_id", "created_utc", "status", "schema_version", "code.version", "reason"),
    *("code.notebook", "machine.cpu", "machine.key", "machine.settings.XLA_FLAGS", "accelerator"),
    *("software.tensorflow", "network.optimizer", "repeats.0.test_loss", "parameters.precision"),
]


def bodies() -> list[str]:
    """Mensajes con un registro al que se le ha cambiado un texto, o con cualquier otra cosa."""
    found = []
    for place, text in enumerate(SPITEFUL):
        for field in (FIELDS[place % len(FIELDS)], FIELDS[(5 * place + 3) % len(FIELDS)], "label"):
            record = good()
            *parents, last = field.split(".")
            target = record
            for key in parents:
                target = target[int(key) if key.isdigit() else key]
            target[last] = text
            found.append(json.dumps(record))
        found += [text, f"### Registro\n{text}", f"### Registro\n\n```text\n{text}\n```\n### Otro"]
    packed = urlsafe_b64encode(compress(json.dumps(good()).encode())).decode()
    found += [packed[:-n] for n in (1, 2, 4, 40)] + [packed[n:] for n in (1, 4, 40)]
    found += [packed.swapcase(), packed * 2, packed + "\n" + packed, "é" + packed, "=" * 5000]
    found += [urlsafe_b64encode(compress(each)).decode() for each in BOMBS]
    return [each if "###" in each else f"### Registro\n\n```text\n{each}\n```\n" for each in found]


BOMBS = [
    *(b" " * 40_000_000, b"[" * 900_000, b'{"a":' * 100_000, b"9" * 900_000, b"1e400", b"NaN"),
    *(b"", b"null", b"\xff\xfe", b'{"run_id": 1}' * 2, json.dumps([good()]).encode()),
    json.dumps(good() | {"created_utc": "0001-01-01T00:00:00+14:00"}).encode(),
    json.dumps(good() | {"repeats": good()["repeats"] * 900}).encode(),
]


def test_every_spiteful_message_is_answered_in_a_way_that_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "salida"))
    monkeypatch.setattr(receive, "_git", lambda *_: "ana")
    published = files.load_folder(ROOT / "results")
    monkeypatch.setattr(files, "load_folder", lambda _: published)
    every = bodies()
    assert len(every) > 200
    for body in [None, *every]:
        event = {"issue": {"body": body, "user": {"login": "ana"}}}
        (tmp_path / "evento").write_text(json.dumps(event), encoding="utf-8")
        receive.main(tmp_path / "evento", tmp_path)
        told = (tmp_path / "comentario.md").read_text(encoding="utf-8")
        assert told.count("```") == 2 and len(told) < 20_000, body
        outside = told.partition("```")[0] + told.rpartition("```")[2]
        assert not re.search(r"[@<>\x00-\x09\x0b-\x1f|*_!#$]|://", outside), body
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u200b-\u202e\u2066-\u2069]", told), body
    assert not (tmp_path / "registro.json").exists()  # el bueno está publicado, y los demás…
    assert not (tmp_path / "salida").exists()


# Lo que hace con lo que se acepta, con un GitHub de mentira y un git de verdad.

GH = """#!/usr/bin/env bash
echo "$*" >> "$FAKE/log"
case "$1 $2" in
  "pr list")
    head="" all='[inputs | select($head == "" or . == $head) | {headRefName: ., number: 1}]'
    while [ "$1" != --jq ]; do if [ "$1" = --head ]; then head=$2; fi; shift; done
    jq -Rn --arg head "$head" "$all" "$FAKE/open" | jq -r "$2" ;;
  "pr create") echo "$4" >> "$FAKE/open"; cp "${@: -1}" "$FAKE/body" || true ;;
  "pr close") sed -i "/^$3$/d" "$FAKE/open"; git push -q origin --delete "$3" ;;
  "issue comment") cp "${@: -1}" "$FAKE/comment" ;;
esac
"""


class Forge:
    """Un repositorio con la rama main y dos registros, y un `gh` que apunta lo que se le pide."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.answer = folder, folder / "temp" / "respuesta"
        self.environ = os.environ | {
            **{"FAKE": str(folder), "RUNNER_TEMP": str(folder / "temp"), "HOME": str(folder)},
            **{"PATH": f"{folder}:{os.environ['PATH']}", "AUTHOR": "ana-maria", "AUTHOR_ID": "7"},
            **{"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@y", "GIT_CONFIG_NOSYSTEM": "1"},
            **{"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@y"},
        }
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)
        self.answer.mkdir(parents=True)
        (folder / "open").touch()
        self.run(
            "git init -q --bare -b main origin && git clone -q origin main 2>&1 && cd main && "
            "git switch -q -c main && mkdir results && echo uno > README.md && echo antes > "
            "results/resultados.png && echo {} > "
            "results/20261101T000000Z-00000000.json && git add . && git commit -qm uno && "
            "git push -q origin main"
        )

    def run(self, script: str, where: str = ".", **environ: str) -> str:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder / where, env=self.environ | environ, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def job(self, run_id: str, content: str | None, issue: str = "12") -> None:
        """El trabajo `contestar`, con lo que haya dejado el otro, en una copia nueva de main."""
        shutil.rmtree(self.answer)
        self.answer.mkdir()
        if content is not None:
            (self.answer / "comentario.md").write_text("Gracias.\n")
            (self.answer / "registro.json").write_text(content)
        self.run("rm -rf copia && git clone -q origin copia")
        for step in FLOWS["registro.yml"]["jobs"]["contestar"]["steps"]:
            if "run" in step:
                self.run(step["run"], "copia", RUN_ID=run_id, ISSUE=issue)

    @property
    def open(self) -> list[str]:
        return (self.folder / "open").read_text().split()

    def changes(self, branch: str) -> list[str]:
        return self.run(f"git diff --name-status main {branch}", "origin").splitlines()


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    if os.name == "nt" or not (shutil.which("sha256sum") and shutil.which("jq")):
        pytest.skip("hacen falta bash, sha256sum y jq: apt install jq")
    return Forge(tmp_path)


FIRST, SECOND = "20261201T000000Z-0000000a", "20261202T000000Z-0000000b"


def test_a_proposal_adds_one_file_and_never_changes(forge: Forge) -> None:
    forge.job(FIRST, "{1}\n")
    [branch] = forge.open
    assert forge.changes(branch) == [f"A\tresults/{FIRST}.json"]
    told = forge.run(f"git log -1 --format='%s|%an|%ae' {branch}", "origin")
    assert told == f"Registro {FIRST}|ana-maria|7+ana-maria@users.noreply.github.com"
    assert (forge.folder / "body").read_text() == "Gracias.\n\nCloses #12\n"
    before = forge.run("git for-each-ref", "origin")
    forge.job(FIRST, "{1}\n")  # ha cambiado otra cosa del mensaje
    assert (forge.open, forge.run("git for-each-ref", "origin")) == ([branch], before)
    forge.job(FIRST, "{2}\n")  # el mismo identificador, y dice otra cosa
    [second] = forge.open
    assert second != branch and branch not in forge.run("git branch", "origin")
    forge.job(SECOND, "{2}\n")  # otro registro
    [third] = forge.open
    assert forge.changes(third) == [f"A\tresults/{SECOND}.json"]
    log = (forge.folder / "log").read_text()
    assert f"pr create --head {third} --title Registro {SECOND} " in log
    assert log.count("issue comment 12 --edit-last --create-if-none") == 4
    forge.job("", "no vale")  # y al final, ninguno
    assert forge.open == []


def test_two_proposals_do_not_get_in_each_other_s_way(forge: Forge) -> None:
    forge.job(FIRST, "{1}\n", "12")
    forge.job(SECOND, "{2}\n", "123")
    forge.job(SECOND, "{3}\n", "1")
    assert len(forge.open) == 3
    merged = [f"git merge -q --no-edit origin/{branch}" for branch in forge.open[:2]]
    forge.run(" && ".join(["git fetch -q", *merged, "git push -q origin main"]), "main")
    assert "Gracias" in (forge.folder / "comment").read_text()
    forge.job(SECOND, "{4}\n", "44")  # ya está en main: no se escribe encima
    assert len(forge.open) == 3


def test_a_broken_judge_is_answered_too(forge: Forge) -> None:
    job = FLOWS["registro.yml"]["jobs"]["contestar"]
    assert job["if"] == "!cancelled() && needs.comprobar.result != 'skipped'"
    [download] = [step for step in job["steps"] if "download" in step.get("uses", "")]
    assert download["continue-on-error"] is True
    forge.job("", None)
    assert "el fallo es nuestro" in (forge.folder / "comment").read_text()
    assert forge.open == []


@pytest.mark.parametrize(
    "run_id",
    [
        *("../../.github/workflows/ci", "20261101T000000Z-00000000", "README", "$(id)", "a b", "*"),
        *(f"{FIRST}\n", f"{FIRST}/x", f"x{FIRST}", FIRST.upper(), "2026\u0661201T000000Z-0000000a"),
    ],
)
def test_with_a_false_identifier_nothing_is_proposed(forge: Forge, run_id: str) -> None:
    forge.job(run_id, "{1}\n")
    assert forge.open == []
    assert forge.run("git branch --format='%(refname:short)'", "origin") == "main"


def test_the_table_is_proposed_from_what_is_in_main(forge: Forge) -> None:
    """Siempre en la misma rama, y solo si cambia algo; no toca nada más."""
    [step] = [
        step for step in FLOWS["resultados.yml"]["jobs"]["proponer"]["steps"] if "run" in step
    ]
    made = forge.folder / "temp" / "resultados"
    (made / "results").mkdir(parents=True)
    for text in ("uno\n", "dos\n", "tres\n"):
        (made / "README.md").write_text(text)
        (made / "results" / "resultados.png").write_bytes(b"png")
        forge.run("rm -rf copia && git clone -q origin copia")
        forge.run(step["run"], "copia")
        changed = ["M\tREADME.md"] * (text != "uno\n") + ["M\tresults/resultados.png"]
        assert forge.changes("resultados") == changed
    assert forge.open == ["resultados"]


# Lo que mira quien lo revisa.


def test_who_takes_over_a_machine_is_told_to_whom_reviews_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receive, "_git", lambda *_: "ana")
    published, _ = files.load_folder(ROOT / "results")
    mine = Record.model_validate(good())
    others = [record for record in published if record.run_id != mine.run_id]
    told = " ".join(receive.claims(mine, others))
    assert "(publicados por ana)" in told and "aquí, 1" in told and "se llama" not in told
    taken = good() | {"label": "Chatarra del vecino"}
    taken["code"]["notebook_sha256"] = "0" * 64
    taken["repeats"][0]["epoch_seconds"] = [s * 2.2 for s in mine.epoch_seconds]
    told = " ".join(receive.claims(Record.model_validate(taken), published))
    assert "Dice ser el equipo de 20261129T194212Z-8f1a32a0, 2026" in told
    assert f"Allí se llama «{mine.label}»; aquí, «Chatarra del vecino»." in told
    assert re.search(r"aquí, \d\d\.\d\d\xa0s: un \+\d+\xa0% sobre la de en medio", told)
    assert "Con el código de su cuaderno no se ha publicado nada" in told
    assert "anterior" not in told
    taken["created_utc"] = "2026-11-24T00:00:00Z"
    assert "anterior a todos" in " ".join(receive.claims(Record.model_validate(taken), published))
    alone = good()
    alone["machine"]["key"] = "f" * 32
    assert list(receive.claims(Record.model_validate(alone), published)) == []


def test_another_first_loss_with_everything_equal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "_git", lambda *_: "ana")
    published, _ = files.load_folder(ROOT / "results")
    for record in published:  # los de verdad no dan que hablar
        assert not [told for told in receive.claims(record, published) if "otra pérdida" in told]
    false = good()
    false["repeats"][0]["epoch_losses"][0] += 1e-4
    told = " ".join(receive.claims(Record.model_validate(false), published))
    assert f"Con lo mismo, {false['run_id']} empieza con otra pérdida" in told


def test_a_commit_that_is_not_in_the_history_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    known = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if known.returncode:
        pytest.skip("esta copia no es de git")
    for commit, told in ((known.stdout.strip(), False), ("0" * 40, True), ("c0ffee1", True)):
        record = good()
        record["code"]["git_commit"] = commit
        found = receive.claims(Record.model_validate(record), [])
        assert any("no está en la historia" in sentence for sentence in found) is told
