"""Regenera results/schema.json, el esquema de los registros: `python tools/schema.py`."""

import json
from pathlib import Path

from fashion_bench.figures import Record

SCHEMA = Path(__file__).resolve().parents[1] / "results" / "schema.json"


def schema_text() -> str:
    """Devuelve el JSON Schema de `Record`, listo para guardar."""
    return json.dumps(Record.model_json_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    print(SCHEMA)
