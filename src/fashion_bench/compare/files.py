"""Leer registros, propios o ajenos: un archivo dañado nunca impide leer los demás."""

import json
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from fashion_bench.errors import TutorialError, cause
from fashion_bench.figures import Record
from fashion_bench.record import clean
from fashion_bench.text import written

MAX_BYTES = 2_000_000
"""El registro más largo que se admite, de mil épocas, ocupa la mitad."""


class Rejected(NamedTuple):
    """Un archivo que no se ha podido leer como registro y por qué."""

    name: str
    reason: str


def load_folder(folder: Path) -> tuple[list[Record], list[Rejected]]:
    """Lee los registros de una carpeta, del más antiguo al más reciente, y dice qué se rechaza.

    De las copias de un registro queda una; de dos que llevan el mismo identificador y distinto
    contenido, ninguno. Lo que está oculto, como lo que un Mac deja en las memorias USB, no se mira.
    Cada uno se mira junto a los anteriores: es dudoso si los contradice.
    """
    read: dict[str, list[tuple[str, Record]]] = {}
    found, rejected = [], []
    for path in sorted(folder.glob("*")):
        name = clean(path.name)
        if path.name.startswith(".") or path.name == "schema.json":
            continue
        if path.is_dir() and any(path.glob("*.json")):
            rejected.append(Rejected(name, "es una carpeta: saca de ella los registros que tiene"))
        if not path.name.lower().endswith((".json", ".json.txt")):
            continue
        try:
            record = load_file(path)
            read.setdefault(record.run_id, []).append((name, record))
        except TutorialError as error:
            rejected.append(Rejected(name, str(error)))
    for same in read.values():
        (first, record), *others = same
        if all(other == record for _, other in others):
            found.append(record)
            rejected += [Rejected(name, f"es una copia de {first}") for name, _ in others]
        else:  # no se sabe cuál es el verdadero
            names = " y ".join(name for name, _ in same)
            reason = f"{names} dicen ser la misma ejecución y no coinciden; deja solo el verdadero"
            rejected += [Rejected(name, reason) for name, _ in same]
    found.sort(key=lambda record: record.created_utc)
    trusted: list[Record] = []
    for place, record in enumerate(found):
        found[place] = record.beside(trusted)
        trusted += [record] * (not found[place].doubts)
    return found, rejected


def stored(record: Record) -> str:
    """Lo que se escribe en el archivo de un registro."""
    return record.model_dump_json(indent=1) + "\n"


def load_file(path: Path) -> Record:
    """Lee un registro y lo comprueba como `parse`."""
    try:
        if not path.is_file():
            raise TutorialError("es una carpeta" if path.exists() else "no existe; corrige la ruta")
        if path.stat().st_size > MAX_BYTES:
            raise TutorialError(
                f"ocupa más de {written(MAX_BYTES / 1000, 0, 'kB')}, y no es un registro"
            )
        content = path.read_bytes()
    except OSError as error:
        raise TutorialError(f"no se puede leer ({cause(error)})") from None
    return parse(content)


def parse(content: bytes) -> Record:
    """Comprueba el contenido de un registro, que puede venir de cualquiera.

    Raises:
        TutorialError: con la razón por la que no vale.
    """
    try:
        # Según con qué se haya guardado, lleva delante una marca o está en UTF-16.
        return Record.model_validate_json(content.decode(json.detect_encoding(content)))
    except UnicodeDecodeError:
        raise TutorialError("no es JSON válido") from None
    except ValidationError as error:
        raise TutorialError(first_problem(error)) from None


def first_problem(error: ValidationError) -> str:
    """Dice en una frase lo primero que no vale de un registro."""
    problem = error.errors(include_url=False)[0]
    field = clean(".".join(map(str, problem["loc"])))
    match problem["type"]:
        case "sentence":
            return problem["msg"]
        case "json_invalid":
            return "no es JSON válido"
        case "missing":
            return f"le falta el campo {field}"
        case "extra_forbidden":
            return f"tiene un campo desconocido, {field}"
        case _:
            value = clean(repr(problem["input"]))[:40]
            return f"el campo {field} tiene un valor que no es válido, {value}"
