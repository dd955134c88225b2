"""Juzga el registro que trae un mensaje de GitHub: `python tools/receive.py EVENTO CARPETA`.

Lo usa `.github/workflows/registro.yml`. Deja en la carpeta la respuesta, `comentario.md`, y, si se
puede publicar, el registro, `registro.json`, cuyo identificador escribe en la salida del paso. Nada
de lo que trae el mensaje se ejecuta ni pasa por la línea de órdenes: se lee del archivo en el que
GitHub cuenta lo que ha ocurrido.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.share.refusals import refusals
from fashion_bench.share.send import unpack
from fashion_bench.text import written

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"


def judge(message: str, published: Sequence[Record]) -> tuple[Record | None, list[str]]:
    """Devuelve el registro de un mensaje, o `None` y las razones por las que no se acepta."""
    try:
        content = unpack(message)
    except TutorialError as error:
        return None, [str(error)]
    reasons = refusals(content, published)
    return (None, reasons) if reasons else (files.parse(content), [])


def claims(record: Record, published: Sequence[Record]) -> Iterator[str]:
    """Dice lo que quien revisa un registro debe mirar: es posible, y quizá no sea verdad."""
    key, code = record.machine.key, record.code
    if same := [other for other in published if None is not other.machine.key == key]:
        told = ", ".join(other.run_id for other in same[:3])
        more = f" y {len(same) - 3} más" if len(same) > 3 else ""
        people = sorted({_git("log", "--format=%an", "--", _path(other)) for other in same})
        yield f"Dice ser el equipo de {told}{more} (publicados por {' y '.join(people)})."
        labels = sorted({other.label for other in same} - {record.label})
        if labels:
            yield f"Allí se llama «{'» y «'.join(labels)}»; aquí, «{record.label}»."
            if record.created_utc < min(other.created_utc for other in same):
                yield "Dice ser anterior a todos: el equipo pasaría a llamarse como en este."
        alike = [each for each in same if _place(each) == _place(record)]
        seconds = sorted(each.median_epoch_seconds for each in alike) or [0]
        middle = seconds[len(seconds) // 2]
        if middle:
            away = written(100 * (record.median_epoch_seconds / middle - 1), 0, "%", sign=True)
            yield (
                f"Allí la época dura de {seconds[0]:.2f} a {written(seconds[-1], 2, 's')}; aquí, "
                f"{written(record.median_epoch_seconds, 2, 's')}: un {away} sobre la de en medio."
            )
    for other in published:
        mine, theirs = _loss(record), _loss(other)
        if None not in (mine, theirs) and mine != theirs and _sums(record) == _sums(other):
            yield f"Con lo mismo, {other.run_id} empieza con otra pérdida, {theirs!r}."
            break
    if code.git_commit and not _git("rev-parse", "--verify", f"{code.git_commit}^{{commit}}"):
        yield f"Su código, el de la confirmación {code.git_commit}, no está en la historia de main."
    if code.notebook_sha256 not in {other.code.notebook_sha256 for other in published}:
        yield "Con el código de su cuaderno no se ha publicado nada: quizá lo haya cambiado."


def comment(record: Record | None, reasons: list[str], notes: Sequence[str] = ()) -> str:
    """Escribe la respuesta, en Markdown.

    Lo que viene del registro va como código: así no puede llevar enlaces ni mencionar a nadie.
    """
    if record is None:
        return (
            "Gracias por enviarlo. Este registro no se puede aceptar:\n\n"
            f"{_quoted(reasons)}\n"
            "Si se estropeó al pegarlo, edita el mensaje y se mirará otra vez. Si está tal como lo "
            "dejó el programa, dilo aquí: quizá el fallo es nuestro.\n"
        )
    counts = "Cuenta para comparar equipos.\n"
    if record.flaw:
        counts = f"Se publicará diciendo que no cuenta, y por qué:\n\n{_quoted([record.flaw])}"
    look = f"\nPara quien lo revise:\n\n{_quoted(notes)}" if notes else ""
    return (
        f"Gracias: el registro `{record.run_id}` se acepta. {counts}\n"
        "Queda propuesto el cambio que lo añade: estará publicado en cuanto alguien lo revise. Los "
        f"tiempos son los que tú declaras: aquí solo se rechaza lo imposible.\n{look}"
    )


def _quoted(sentences: Sequence[str]) -> str:
    lines = "\n".join(f"- {sentence}" for sentence in sentences)
    return f"```text\n{lines.replace('`', chr(39))}\n```\n"


def _place(record: Record) -> tuple[object, ...]:
    return record.machine_key, record.setting


def _loss(record: Record) -> float | None:
    """La pérdida de la primera época, que en la CPU sale igual, cifra por cifra, con lo mismo."""
    losses = None if record.accelerator else record.repeats[0].epoch_losses
    return losses[0] if losses else None


def _sums(record: Record) -> tuple[object, ...]:
    """Lo que decide esa pérdida: con todo esto igual, otra pérdida extraña."""
    machine, told = record.machine, record.parameters
    return (
        *(machine.cpu, machine.instruction_sets, machine.usable_cores, machine.settings),
        record.software.model_dump(exclude={"python"}),
        record.code.notebook_sha256,
        *(told.batch_size, told.precision, told.seed, told.workers, record.setting),
    )


def _path(record: Record) -> str:
    return f"results/{record.run_id}.json"


def _git(*arguments: str) -> str:
    """La última línea de lo que dice git; nada, si no lo sabe."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip().rpartition("\n")[2]


def main(event: Path, folder: Path) -> None:
    """Lee el mensaje, escribe la respuesta y, si se acepta, el registro."""
    issue = json.loads(event.read_text(encoding="utf-8"))["issue"]
    published, _ = files.load_folder(RESULTS)
    record, reasons = judge(issue["body"] or "", published)
    notes = [f"Lo envía {issue['user']['login']}.", *claims(record, published)] if record else []
    (folder / "comentario.md").write_text(comment(record, reasons, notes), encoding="utf-8")
    if record is None:
        return
    (folder / "registro.json").write_text(files.stored(record), encoding="utf-8")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"run_id={record.run_id}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
