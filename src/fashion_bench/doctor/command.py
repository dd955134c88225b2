"""`python -m fashion_bench`: si este equipo puede entrenar, dónde, y qué arreglar si no puede."""

import json
import shutil
import sys
import textwrap

from fashion_bench.doctor.diagnosis import findings
from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import Finding
from fashion_bench.doctor.probe import anonymous, gather
from fashion_bench.errors import FAILED, FINE
from fashion_bench.record import Backend
from fashion_bench.text import written

LABELS = {"error": "FALLO", "warning": "AVISO", "ok": "BIEN"}


def main(backend: Backend = "tensorflow", as_json: bool = False) -> int:
    """Escribe el diagnóstico y devuelve el código de salida: 1 si hay algo que arreglar.

    Con `as_json` lo escribe para un informe de error, sin lo que delata a la persona.
    """
    facts = gather(backend, tell=lambda text: print(text, file=sys.stderr, flush=True))
    found = findings(facts)
    if as_json:
        report = {
            "facts": facts.model_dump(mode="json"),
            "findings": [finding._asdict() for finding in found],
        }
        print(json.dumps(_anonymous(report), indent=2))
    else:
        print(table(facts, found, shutil.get_terminal_size().columns))
    return FINE if all(finding.severity == "ok" for finding in found) else FAILED


def table(facts: Facts, found: list[Finding], width: int) -> str:
    """Compone el diagnóstico; las órdenes y las direcciones no se parten, para copiarlas."""
    cards = [
        f"{card.name}, controlador {card.driver}" if card.driver else card.name
        for card in facts.nvidia_cards
    ]
    engine, failed = facts.engine, "no se puede importar"
    missing = any(finding.id == "engine-missing" for finding in found)
    rows = [
        ("Sistema", f"{facts.os} ({facts.architecture})"),
        ("Python", facts.python),
        (facts.title, engine.version or ("no está instalado" if missing else failed)),
        ("Keras", engine.keras or (failed if engine.version else "no se ha llegado a probar")),
        ("NVIDIA", "; ".join(cards) or "ninguna GPU a la vista"),
        (f"{facts.title} ve", ", ".join(engine.gpus) or "ninguna GPU"),
        ("Paso de prueba", _step(facts)),
        (
            "Queda libre",
            f"memoria, {_gib(facts.free_memory_gib)}; disco, {_gib(facts.free_disk_gib)}",
        ),
        *([("No se sabe", ", ".join(facts.unread))] if facts.unread else []),
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
        lines += ["", "Ejecuta las órdenes en una terminal abierta en la carpeta del proyecto."]
    return "\n".join(lines)


def _gib(size: float | None) -> str:
    return "no se sabe" if size is None else written(size, 1, "GiB")


def _step(facts: Facts) -> str:
    if facts.engine.tried_on is None:
        return "no se ha llegado a él"
    where = "la GPU" if facts.engine.tried_on == "gpu" else "la CPU"
    if facts.engine.agrees is None:
        return f"falla en {where}"
    return f"{'bien' if facts.engine.agrees else 'mal'}, en {where}"


def _anonymous(told: object) -> object:
    """Lo mismo, sin lo que delata a la persona; se juzga antes, sobre el texto entero."""
    if isinstance(told, str):
        return anonymous(told)
    if isinstance(told, dict):
        return {name: _anonymous(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_anonymous(each) for each in told]
    return told
