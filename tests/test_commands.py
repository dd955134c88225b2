"""`python -m fashion_bench`: qué orden se hace, y lo que se dice de una mal escrita."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from conftest import child_environment

from fashion_bench.__main__ import obey, orders
from fashion_bench.doctor import command as diagnose
from fashion_bench.errors import BAD_USAGE, FINE, INTERRUPTED
from fashion_bench.machine import backends

DONE = 7
"""El código de una orden de mentira."""


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Lo que se pide al diagnóstico, que no se hace."""
    asked: list[tuple[str, bool]] = []

    def examine(backend: str, as_json: bool) -> int:
        asked.append((backend, as_json))
        return DONE

    monkeypatch.setattr(diagnose, "main", examine)
    monkeypatch.setattr(backends, "choose", lambda device: ("jax", f"con {device}"))
    return asked


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], ("jax", False)),
        (["--json"], ("jax", True)),
        (["--backend", "tensorflow", "--json"], ("tensorflow", True)),
        (["diagnostico", "--backend", "torch"], ("torch", False)),
    ],
)
def test_without_an_order_the_machine_is_examined(
    examined: list[tuple[str, bool]], arguments: list[str], asked: tuple[str, bool]
) -> None:
    assert obey(arguments) == DONE
    assert examined == [asked]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_lists_every_order_and_each_has_its_own(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert obey([option]) == FINE
    told = capsys.readouterr().out
    for name in ("diagnostico", "send", "compare", "verify", "notebooks"):
        assert f"\n  {name} " in told
        assert obey([name, option]) == FINE
        own = capsys.readouterr().out
        assert own.startswith(f"Uso: python -m fashion_bench {name}")
        assert orders.commands[name].help.split(".")[0] in " ".join(own.split())


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert obey(["--version"]) == FINE
    assert capsys.readouterr().out == f"{version('fashion-bench')}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["comprae", "x"], ["comprae", "¿querías decir compare?", "--help"]),
        (["zzz"], ["zzz", "--help"]),
        (["--jsom"], ["--jsom", "--json"]),
        (["--backend", "tpu"], ["--backend", "--help"]),
        (["--backend"], ["--backend"]),
        (["send"], ["REGISTRO", "--help"]),
        (["compare"], ["CARPETA", "--help"]),
        (["verify", "a.json", "b.json"], ["sobra", "--help"]),
        (["notebooks", "--zzz"], ["--zzz", "--help"]),
    ],
)
def test_a_wrong_order_is_told_in_one_line_and_does_nothing(
    examined: list[tuple[str, bool]],
    arguments: list[str],
    named: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert obey(arguments) == BAD_USAGE
    told = capsys.readouterr()
    assert (told.out, examined) == ("", [])
    [line] = told.err.splitlines()
    assert all(word in line for word in named)


def test_ctrl_c_ends_it_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(diagnose, "main", interrupted)
    assert obey([]) == INTERRUPTED


HEAVY = """
import sys
from fashion_bench.__main__ import obey
obey(["--help"])
print({*sys.modules} & {"tensorflow", "keras", "numpy", "matplotlib"})
"""


def test_the_help_waits_for_no_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAVY], capture_output=True, text=True, encoding="utf-8",
        env=child_environment(),
    )  # fmt: skip
    assert done.stdout.endswith("\nset()\n"), done.stderr
