"""`python -m fashion_bench verify REGISTRO.json`: si lo que dice un registro sale también aquí."""

import sys

from fashion_bench.commands import BAD_USAGE, FAILED, FINE
from fashion_bench.errors import TutorialError
from fashion_bench.folders import expanded, shown
from fashion_bench.verify import verify

NOT_COMPARABLE = 3
"""Código de salida: aquí no se puede saber."""

USAGE = f"""Uso: python -m fashion_bench verify REGISTRO.json [--first-epoch]

Entrena otra vez con los parámetros del registro y dice si salen las mismas pérdidas y los mismos
aciertos, cifra por cifra; lo que se tarda no lo comprueba. Con --first-epoch repite solo la primera
época. Códigos de salida:
  {FINE}  reproducido
  {FAILED}  no reproducido, o detenido antes de saberlo
  {BAD_USAGE}  la orden o el registro no valen
  {NOT_COMPARABLE}  no comparable aquí, y por qué"""


def main(arguments: list[str]) -> int:
    """Repite un registro, escribe el veredicto y devuelve el código de salida."""
    match arguments:
        case ["-h" | "--help"]:
            print(USAGE)
            return FINE
        case [file] | [file, "--first-epoch"] | ["--first-epoch", file] if file[:1] != "-":
            path = expanded(file)
        case _:
            print(USAGE, file=sys.stderr)
            return BAD_USAGE
    try:
        reproduced = verify(path, first_epoch_only="--first-epoch" in arguments)
    except TutorialError as error:
        print(f"{shown(path)} no es válido como registro: {error}.", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("\nDetenido: no se ha llegado a saber.", file=sys.stderr)
        return FAILED
    return {True: FINE, False: FAILED, None: NOT_COMPARABLE}[reproduced]
