"""Juzga el registro que trae un mensaje de GitHub: `python tools/receive.py EVENTO COMENTARIO`.

Lo usa `.github/workflows/registro.yml`. Si el registro se puede publicar, lo guarda en `results/` y
escribe su identificador en la salida del paso. Nada de lo que trae el mensaje se ejecuta ni pasa
por la línea de órdenes: se lee del archivo en el que GitHub cuenta lo que ha ocurrido.
"""

import json
import os
import sys
from pathlib import Path

from fashion_bench.compare import files
from fashion_bench.errors import TutorialError
from fashion_bench.figures import Record
from fashion_bench.folders import write_atomically
from fashion_bench.share.refusals import refusals
from fashion_bench.share.send import unpack

RESULTS = Path(__file__).resolve().parents[1] / "results"


def judge(message: str, folder: Path) -> tuple[Record | None, list[str]]:
    """Devuelve el registro de un mensaje, o `None` y las razones por las que no se acepta.

    En `folder` están los registros ya publicados.
    """
    try:
        content = unpack(message)
    except TutorialError as error:
        return None, [str(error)]
    reasons = refusals(content, files.load_folder(folder)[0])
    return (None, reasons) if reasons else (files.parse(content), [])


def comment(record: Record | None, reasons: list[str]) -> str:
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
    return (
        f"Gracias: el registro `{record.run_id}` se acepta. {counts}\n"
        "Queda propuesto el cambio que lo añade: estará publicado en cuanto alguien lo revise.\n"
    )


def _quoted(sentences: list[str]) -> str:
    lines = "\n".join(f"- {sentence}" for sentence in sentences)
    return f"```text\n{lines.replace('`', chr(39))}\n```\n"


def main(event: Path, answer: Path) -> None:
    """Lee el mensaje, escribe la respuesta y, si se acepta, guarda el registro."""
    message = json.loads(event.read_text(encoding="utf-8"))["issue"]["body"] or ""
    record, reasons = judge(message, RESULTS)
    answer.write_text(comment(record, reasons), encoding="utf-8")
    if record is None:
        return
    write_atomically(RESULTS / f"{record.run_id}.json", record.model_dump_json(indent=1) + "\n")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"run_id={record.run_id}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
