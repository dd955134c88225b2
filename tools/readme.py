"""Regenera la tabla y el gráfico de resultados del README: `python tools/readme.py`.

Salen de los registros de `results/` hechos con el lote, la precisión y las imágenes por
defecto; de cada equipo, el más reciente que cuenta.
"""

import hashlib
import re
from pathlib import Path

from fashion_bench import charts, comparison, records
from fashion_bench.records import Record

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CHART = ROOT / "results" / "resultados.png"
BLOCK = re.compile(r"(<!-- resultados: .*? -->\n).*?(<!-- fin de resultados -->)", re.DOTALL)


def chosen_records() -> list[Record]:
    """Devuelve los registros que se publican, del más rápido al más lento."""
    found, _ = records.load_folder(ROOT / "results")
    default = [
        record
        for record in found
        if record.flaw is None
        and (record.parameters.batch_size, record.parameters.precision) == (128, "float32")
        and record.parameters.train_samples == 60_000
        and record.parameters.workers == 1
    ]
    return comparison.groups(default, "median_epoch")[0]


def table(chosen: list[Record]) -> str:
    """Escribe la tabla en Markdown."""
    lines = [
        "| Equipo | Entrena en | s/época (mediana) | Imágenes/s | Exactitud en prueba | Registro |",
        "|---|---|---:|---:|---:|---|",
    ]
    for record in chosen:
        seconds = record.median_epoch_seconds
        accuracies = [f"{repeat.test_accuracy:.4f}" for repeat in record.repeats]
        lines.append(
            f"| {record.label.replace('|', ' ')} | {record.device} | {seconds:.2f} "
            f"| {record.data.training_images / seconds:.0f} | {', '.join(accuracies)} "
            f"| [{record.created_utc:%Y-%m-%d}](results/{record.run_id}.json) |"
        )
    return "\n".join(lines) + "\n"


def readme_text(chosen: list[Record]) -> str:
    """Devuelve el README con la tabla al día."""
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: f"{match[1]}\n{table(chosen)}\n{match[2]}", text)


def fingerprint(chosen: list[Record]) -> str:
    """Devuelve la huella de lo que dibuja el gráfico, que se guarda dentro de él."""
    content = "".join(record.model_dump_json() for record in chosen)
    return hashlib.sha256(content.encode()).hexdigest()


if __name__ == "__main__":
    published = chosen_records()
    README.write_text(readme_text(published), encoding="utf-8")
    figure = charts.hardware(published)
    figure.savefig(CHART, metadata={"Description": fingerprint(published)})
    print(f"{README}\n{CHART}")
