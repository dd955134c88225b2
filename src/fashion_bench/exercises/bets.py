"""Los números que escribe quien aprende, también con costumbres españolas, y sus apuestas."""

import re
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import Any

from fashion_bench.errors import TutorialError

GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:[.,\s]\d{3})+")
"""Un número con los millares separados."""

WHOLE = ("Cuántas", "Cuántos", "Número de")
"""Cómo empiezan las apuestas que se responden contando."""


def numbers(name: str, value: Any) -> list[float]:  # noqa: ANN401
    """Devuelve los números que puede querer decir lo que alguien ha escrito, el literal primero.

    Una coma (`1,25`, que en Python son dos números, o `"1,25"`) puede separar los decimales o los
    millares, y un punto seguido de tres cifras, también.

    Raises:
        TutorialError: si no es un número finito; lo dice de `name`.
    """
    found, given = [], value
    if isinstance(value, tuple) and all(type(part) is int for part in value):
        value = ",".join(map(str, value))  # lo que entiende Python si se escribe con comas
    text = value.strip() if isinstance(value, str) else repr(value)
    if not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):
            found.append(float(text.replace(",", ".") if isinstance(value, str) else value))
    if GROUPS.fullmatch(text):
        found.append(float(re.sub(r"[.,\s]", "", text)))
    found = [number for number in found if isfinite(number)]
    if not found:
        raise TutorialError(
            f"{name}: {given!r} no es un número; escríbelo sin unidades y, si tiene decimales, con "
            "punto (por ejemplo, 1.25), o deja None."
        )
    return found


class Bets(dict[str, float | None]):
    """Lo que se apuesta antes de medir; se comprueba al escribirlo y se usa como un diccionario.

    Las que se llaman «Exactitud…» van de 0 a 1; las de `WHOLE` son enteros, y las demás (segundos,
    veces, GFLOP/s…), positivas. `None` es no apostar.

    Raises:
        TutorialError: si lo apostado no es un número o no puede ser.
    """

    def __init__(self, written: Mapping[str, object]) -> None:
        super().__init__(
            {name: None if bet is None else _bet(name, bet) for name, bet in written.items()}
        )

    def said(self, name: str) -> str:
        """Devuelve lo que se apostó, para escribirlo detrás de lo medido; nada, si no se apostó."""
        bet = self[name]
        return "" if bet is None else f"; apostaste {bet:g}"


def _bet(name: str, written: object) -> float:
    bet = numbers(name, written)[0]
    if name.startswith("Exactitud") and not 0 <= bet <= 1:
        meant = f" ¿Querías decir {bet / 100:.12g}?" if 1 < bet <= 100 else ""
        raise TutorialError(f"{name}: {bet:.12g} no puede ser, porque va de 0 a 1.{meant}")
    if name.startswith(WHOLE) and (bet < 0 or bet % 1):
        raise TutorialError(f"{name}: {bet:.12g} no puede ser; escribe un número entero.")
    if not name.startswith(("Exactitud", *WHOLE)) and bet <= 0:
        raise TutorialError(f"{name}: {bet:.12g} no puede ser; escribe un número mayor que 0.")
    return bet
