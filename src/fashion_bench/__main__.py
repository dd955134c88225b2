"""`python -m fashion_bench`: qué ve TensorFlow en este equipo y qué arreglar si no ve la GPU."""

import json
import shutil
import sys
import textwrap
from io import TextIOWrapper

from fashion_bench.machine.diagnosis import findings
from fashion_bench.machine.facts import Facts
from fashion_bench.machine.finding import Finding
from fashion_bench.machine.probe import gather

FINE, TO_CURE, BAD_USAGE = 0, 1, 2
LABELS = {"error": "FALLO", "warning": "AVISO", "ok": "BIEN"}


def main() -> None:
    """Punto de entrada: escribe el diagnóstico y termina con su código de salida."""
    for stream in (sys.stdout, sys.stderr):  # una consola cp1252 no puede con todo
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if sys.argv[1:] not in ([], ["--json"]):
        print("Uso: python -m fashion_bench [--json]", file=sys.stderr)
        sys.exit(BAD_USAGE)
    facts = gather()
    found = findings(facts)
    if sys.argv[1:]:
        report = {
            "facts": facts.model_dump(mode="json"),
            "findings": [finding.model_dump(mode="json") for finding in found],
        }
        print(json.dumps(report, indent=2))
    else:
        print(table(facts, found, shutil.get_terminal_size().columns))
    sys.exit(FINE if all(finding.severity == "ok" for finding in found) else TO_CURE)


def table(facts: Facts, found: list[Finding], width: int) -> str:
    """Compone el diagnóstico; las órdenes y las direcciones no se parten, para copiarlas."""
    cards = [
        f"{card.name}, controlador {card.driver}" if card.driver else card.name
        for card in facts.nvidia_cards
    ]
    seen = facts.tensorflow.gpus
    rows = [
        ("Sistema", f"{facts.os} ({facts.architecture})"),
        ("Python", facts.python),
        ("TensorFlow", facts.tensorflow.version or "no se puede importar"),
        ("NVIDIA", "; ".join(cards) or "ninguna tarjeta a la vista"),
        ("TensorFlow ve", ", ".join(seen) or "ninguna GPU"),
        ("Queda libre", f"memoria, {facts.free_memory_gib} GiB; disco, {facts.free_disk_gib} GiB"),
    ]
    lines = [f"{name + ':':<15} {value}" for name, value in rows]
    for finding in found:
        sentence = finding.sentence[0].upper() + finding.sentence[1:] + "."
        lines += [
            "",
            *textwrap.wrap(
                f"{LABELS[finding.severity]:<7}{sentence}", width, subsequent_indent=" " * 7
            ),
        ]
        if finding.cure:
            lines.append(f"       Ejecuta:  {finding.cure}")
        if finding.url:
            lines.append(f"       Más en:   {finding.url}")
    if any(finding.cure for finding in found):
        lines += ["", "Ejecuta las órdenes en un terminal abierto en la carpeta del proyecto."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
