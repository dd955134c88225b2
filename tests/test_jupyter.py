"""Importar los motores: callados, pero no cuando fallan, y siempre igual."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_bench.errors import TutorialError
from fashion_bench.machine import engines as jupyter

FAIL = """
import os
from fashion_bench.machine.engines import quiet
with quiet():
    os.write(2, b"lo que dijo TensorFlow")
    {then}
"""


@pytest.mark.parametrize(
    ("then", "told"), [("pass", False), ("raise ValueError('no se puede')", True)]
)
def test_notices_are_shown_only_if_the_import_fails(then: str, told: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAIL.format(then=then)], capture_output=True, text=True
    )
    assert ("lo que dijo TensorFlow" in done.stderr) is told
    assert (done.returncode != 0) is told


LOSE = """
from time import sleep
from fashion_bench.machine.engines import quiet

class Cleaned:
    def __del__(self):
        raise KeyboardInterrupt

class Broken:
    def __del__(self):
        raise ValueError("otra cosa")

with quiet():
    pass
Broken()
try:
    Cleaned()
    for _ in range(100):
        sleep(0.05)
except KeyboardInterrupt:
    print("detenido")
"""


def test_an_interruption_while_an_object_is_cleaned_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", LOSE], capture_output=True, text=True)
    assert done.stdout == "detenido\n"
    assert "otra cosa" in done.stderr
    assert "KeyboardInterrupt" not in done.stderr


@pytest.mark.parametrize("machine", ["x86_64", "AMD64"])
def test_a_tensorflow_imported_before_the_lesson_is_refused(
    monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    with pytest.raises(TutorialError, match="ya estaba importado al empezar"), jupyter.quiet():
        pass
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # quien la apaga ya lo ha decidido
    with jupyter.quiet():
        pass
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_where_there_is_no_onednn_nobody_turns_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    jupyter.prepare_import()
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ


def test_a_file_that_hides_a_library_is_found(tmp_path: Path) -> None:
    for name in ("keras.py", "random.py", "mis_notas.py"):
        (tmp_path / name).touch()
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").touch()
    found = jupyter.hiding_files(tmp_path)
    assert [file.name for file in found] == ["keras.py", "numpy", "random.py"]
