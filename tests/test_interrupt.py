"""Ctrl-C en cualquier momento del script: ni una traza, ni medio registro, ni un proceso suelto.

Los momentos se sortean, uno de cada tramo de la ejecución. En las pruebas de siempre son pocos;
`FASHION_BENCH_CTRL_C=200 python -m pytest tests/test_interrupt.py` prueba doscientos.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import ROOT, child_environment

from fashion_bench.compare import files
from fashion_bench.script import cli

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="en Windows, Ctrl-C no se envía así"),
]

FIRST, LAST = 0.5, 16.0
"""Segundos: antes, Python aún no ha llegado al script; después, ya ha acabado."""
MOMENTS = int(os.environ.get("FASHION_BENCH_CTRL_C", "2"))
QUICK = ("--epochs", "1", "--train-samples", "1000")
BROKEN = ("Traceback", "Exception ignored", "never awaited", "was destroyed", "Error:")


def moments() -> list[float]:
    draw, width = random.Random(18), (LAST - FIRST) / MOMENTS
    return [round(FIRST + (number + draw.random()) * width, 3) for number in range(MOMENTS)]


def marked(mark: str) -> list[psutil.Process]:
    """Los procesos que han heredado una marca en su entorno."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK") == mark and process.status() != "zombie":
                found.append(process)
        except psutil.Error:  # es de otro usuario o acaba de terminar
            continue
    return found


@pytest.mark.parametrize("seconds", moments())
def test_ctrl_c_at_any_moment(tmp_path: Path, seconds: float) -> None:
    mark = str(tmp_path)
    process = subprocess.Popen(
        [sys.executable, ROOT / "fashion_mnist_cnn.py", *QUICK, "--results-dir", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=child_environment(MARK=mark),
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        told, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode in (cli.FINE, cli.INTERRUPTED, -signal.SIGINT), told
    if "Address already in use" not in told:  # otro kernel le ha quitado un puerto a este
        assert [word for word in BROKEN if word in told] == [], told
    found, rejected = files.load_folder(tmp_path)
    assert rejected == []
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{record.run_id}.json" for record in found
    }
    if process.returncode == cli.FINE:
        assert [record.status for record in found] == ["ok"]
    for line in told.splitlines():
        if "runs/" in line and line.endswith(".ipynb"):
            nbformat.read(ROOT / line[line.index("runs/") :], as_version=4)
    deadline = time.monotonic() + 5
    while marked(mark) and time.monotonic() < deadline:  # un kernel sin padre tarda en notarlo
        time.sleep(0.1)
    assert marked(mark) == []
