"""Regenera la tabla y el gráfico de resultados del README: `python tools/readme.py`.

Salen de los registros de `results/` hechos con el lote, la precisión y las imágenes por
defecto; de cada equipo, todas las sesiones que cuentan.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from fashion_bench import lesson
from fashion_bench.charts import style
from fashion_bench.charts.machines import compare_machines
from fashion_bench.compare import comparison, files
from fashion_bench.compare.comparison import Contender
from fashion_bench.figures import Record
from fashion_bench.text import written

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CHART = ROOT / "results" / "resultados.png"
BLOCK = re.compile(r"(<!-- resultados: .*? -->\n).*?(<!-- fin de resultados -->)", re.DOTALL)


def published() -> list[Contender]:
    """Devuelve los equipos de `results/` que se publican."""
    found, _ = files.load_folder(ROOT / "results")
    return choose(found)


def choose(found: Sequence[Record]) -> list[Contender]:
    """Elige los que se publican, del más rápido al más lento; si ninguno sirve, ninguno."""
    cell = lesson.defaults(lesson.read())
    usual = {name: cell[name][0] for name in ("batch_size", "precision", "train_samples")}
    chosen = [
        record
        for record in found
        if record.flaw is None
        and record.parameters.workers == 1
        and usual.items() <= record.parameters.model_dump().items()
    ]
    return next(iter(comparison.groups(chosen, "median_epoch")), [])


def table(chosen: Sequence[Contender]) -> str:
    """Escribe la tabla en Markdown."""
    lines = [
        "| Equipo | Sesiones | s/época (intervalo del 95\N{NO-BREAK SPACE}%) | Imágenes/s "
        "| MFU | Exactitud | Veredicto | Registros |",
        "|---|---:|---:|---:|---:|---:|---|---|",
    ]
    base = comparison.baseline_of(chosen, "")
    rows = comparison.rows(chosen, base, "median_epoch")
    for row in rows:
        speed = row.contender.estimate("images_per_second").value
        links = [
            f"[{number}](results/{record.run_id}.json)"
            for number, record in enumerate(row.contender.records, 1)
        ]
        lines.append(
            f"| {neutral(row.contender.name)} | {row.estimate.sessions} | {row.figure} "
            f"| {written(speed)} | {row.mfu} | {row.accuracy} | {row.verdict} "
            f"| {', '.join(links)} |"
        )
    return "\n".join(lines) + "\n"


def neutral(name: str) -> str:
    """Un nombre que en Markdown no es más que texto: si lleva algún signo raro, como código."""
    plain = re.fullmatch(r"[^\W_](?:[\w ()·.,#+-]*[\w)])?", name)
    if plain and not re.search(r"_|www\.", name):
        return name
    return f"`{name.replace('|', ' ').replace('`', chr(39))}`"


def readme_text(chosen: Sequence[Contender]) -> str:
    """Devuelve el README con la tabla al día."""
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: f"{match[1]}\n{table(chosen)}\n{match[2]}", text)


def fingerprint(chosen: Sequence[Contender]) -> str:
    """Devuelve la huella de lo que dibuja el gráfico, que se guarda dentro de él."""
    records = [record for contender in chosen for record in contender.records]
    content = "".join(record.model_dump_json(exclude_defaults=True) for record in records)
    return hashlib.sha256(content.encode()).hexdigest()


def main() -> None:
    """Escribe la tabla en el README y el gráfico en `results/`."""
    chosen = published()
    README.write_text(readme_text(chosen), encoding="utf-8")
    told = PngInfo()
    told.add_text("Description", fingerprint(chosen))
    style.draw(compare_machines(chosen)).save(CHART, pnginfo=told)
    print(f"{README}\n{CHART}")


if __name__ == "__main__":
    main()
