"""Regenera la tabla y el gráfico de resultados del README: `python tools/readme.py`.

Salen de los registros de `results/` hechos con el lote, la precisión y las imágenes por
defecto; de cada equipo, el más reciente que cuenta.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from fashion_bench import lesson
from fashion_bench.charts.machines import compare_machines
from fashion_bench.record import Record
from fashion_bench.results import comparison, files

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CHART = ROOT / "results" / "resultados.png"
BLOCK = re.compile(r"(<!-- resultados: .*? -->\n).*?(<!-- fin de resultados -->)", re.DOTALL)


def published() -> list[Record]:
    """Devuelve los registros de `results/` que se publican."""
    found, _ = files.load_folder(ROOT / "results")
    return choose(found)


def choose(found: Sequence[Record]) -> list[Record]:
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


def table(chosen: Sequence[Record]) -> str:
    """Escribe la tabla en Markdown."""
    lines = [
        "| Equipo | Entrena en | s/época (mediana) | Imágenes/s | Exactitud en prueba | Registro |",
        "|---|---|---:|---:|---:|---|",
    ]
    for record in chosen:
        accuracies = [f"{accuracy:.4f}" for accuracy in record.accuracies]
        lines.append(
            f"| {record.label.replace('|', ' ')} | {record.device} "
            f"| {record.median_epoch_seconds:.2f} | {record.images_per_second:.0f} "
            f"| {', '.join(accuracies)} "
            f"| [{record.created_utc:%Y-%m-%d}](results/{record.run_id}.json) |"
        )
    return "\n".join(lines) + "\n"


def readme_text(chosen: Sequence[Record]) -> str:
    """Devuelve el README con la tabla al día."""
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: f"{match[1]}\n{table(chosen)}\n{match[2]}", text)


def fingerprint(chosen: Sequence[Record]) -> str:
    """Devuelve la huella de lo que dibuja el gráfico, que se guarda dentro de él."""
    content = "".join(record.model_dump_json() for record in chosen)
    return hashlib.sha256(content.encode()).hexdigest()


def main() -> None:
    """Escribe la tabla en el README y el gráfico en `results/`."""
    chosen = published()
    if not chosen:
        raise SystemExit(
            "En results/ no hay ningún registro que cuente y esté hecho con los valores por "
            "defecto: ejecuta «python fashion_mnist_cnn.py» y vuelve."
        )
    README.write_text(readme_text(chosen), encoding="utf-8")
    compare_machines(chosen).savefig(CHART, metadata={"Description": fingerprint(chosen)})
    print(f"{README}\n{CHART}")


if __name__ == "__main__":
    main()
