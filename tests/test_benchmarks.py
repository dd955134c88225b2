"""Los bancos de medida, en pequeño: sus cifras aquí no valen, pero todo su código se ejecuta."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, weights

from fashion_bench import lesson

sys.path.append(str(ROOT / "benchmarks"))

import backends
import clock
import harness
import peers

PROGRAM = """
import os
import harness

def measure(name, number):
    print("algo que se escribe antes")
    return [name, number, os.getpid(), os.environ.get("ADDED")]

harness.main(print, measure)
"""


@pytest.fixture
def already_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """En este proceso TensorFlow ya está en marcha y no se puede esconder la GPU."""
    monkeypatch.setattr(harness.backends, "hide_devices", lambda *_: None)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Un banco de medida inventado."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "benchmarks"))
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_every_measure_is_made_in_a_new_process(
    program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    measured = harness.by_turns(str(program), {"a": {}, "b": {"ADDED": "1"}}, 2, 7)
    calls = [(name, *call) for name, rounds in measured.items() for call in rounds]
    assert [call[:3] for call in calls] == [(name, name, 7) for name in "aabb"]
    assert [call[4] for call in calls] == [None, None, "1", "1"]
    assert len({call[3] for call in calls} | {os.getpid()}) == 5
    told = capfd.readouterr().err.splitlines()
    assert told == [f"Se mide {name}" for name in "abba"]


def test_a_program_says_first_where_it_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["program.py"])
    harness.main(lambda: print("las cifras"))
    where, figures = capsys.readouterr().out.split("\n\n")
    assert harness.hardware.machine().cpu in where
    assert f"TensorFlow {harness.backends.software().tensorflow}" in where
    assert ("PyTorch" in where) == bool(find_spec("torch"))
    assert figures == "las cifras\n"


def test_a_spread_is_the_median_and_the_extremes() -> None:
    assert harness.spread([1.5, 0.904, 1.046]) == "1.05 (0.90-1.50)"
    assert harness.spread([1.0, 1.0625], digits=3) == "1.031 (1.000-1.062)"


def test_the_first_images_are_those_of_the_lesson(already_started: None) -> None:
    names = harness.load_lesson(train_samples=1000, batch_size=64)
    batches = [(images.numpy(), labels.numpy()) for images, labels in harness.first(names, 100)]
    assert [len(labels) for _, labels in batches] == [64, 36]
    assert (batches[1][0][..., 0] == names.train_images[64:100]).all()
    assert (batches[1][1] == names.train_labels[64:100]).all()


def test_the_peers_are_compared_round_by_round(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {
        "proyecto": [{"epoch": [1, 1], "call": [1, 2]}, {"epoch": [2, 4], "call": [2, 4]}],
        "sin oneDNN": [{"epoch": [2, 2], "call": [2, 2]}, {"epoch": [4, 8], "call": [4, 8]}],
        "keras": [{"epoch": [1, 3], "call": [2, 2]}, {"epoch": [2, 1], "call": [6, 6]}],
    }
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    monkeypatch.setattr(harness, "by_turns", lambda *_: measured)
    monkeypatch.setattr(peers, "limit", lambda: (150.0, 200.0))
    peers.compare(sizes=(100, 200))
    written = capsys.readouterr().out
    for row in (
        *(r"sin oneDNN +\d+ +2\.00 \(2\.00-2\.00\)", r"proyecto +75 +1\.00 \(1\.00-1\.00\) +1\.00"),
        r"keras +86 +1\.25 \(0\.50-2\.00\) +1\.67 \(1\.33-2\.00\)",
        *(r" +100  2\.50 \(2\.00-3\.00\)", r" +200  1\.25 \(1\.00-1\.50\)", r".* 50\xa0% \(MFU\)"),
    ):
        assert re.search(rf"^{row}", written, re.M), row


def test_the_network_written_in_pytorch_is_that_of_the_lesson() -> None:
    model = lesson.load().build_model()
    # Si la red del cuaderno 01 cambia, cambia también `torch_network` en benchmarks/peers.py.
    assert model.count_params() == weights()
    torch = pytest.importorskip("torch")
    network = peers.torch_network()
    assert sum(weight.numel() for weight in network.parameters()) == weights()
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Lo que se va midiendo de verdad, de cada uno."""
    measured: dict[str, list[Any]] = {}
    by_turns = harness.by_turns

    def listened(*arguments: Any) -> dict[str, list[Any]]:  # noqa: ANN401
        measured.update(by_turns(*arguments))
        return measured

    monkeypatch.setattr(harness, "by_turns", listened)
    return measured


@pytest.mark.slow
def test_the_peers_for_real(
    rounds: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    peers.compare(rounds=1, sizes=(128, 200))
    assert set(rounds) >= {"proyecto", "keras"}
    for [times] in rounds.values():
        assert len(times["epoch"]) == len(times["call"]) == 2
        pairs = zip(times["epoch"], times["call"], strict=True)
        assert all(0 < epoch <= call for epoch, call in pairs)
    written = capsys.readouterr().out
    assert bool(re.search(r"^torch +\d+ +\d+\.\d\d \(", written, re.M)) == bool(find_spec("torch"))


@pytest.mark.slow
def test_the_installed_backends_for_real(
    rounds: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    backends.compare(rounds=1, images=300)
    assert "tensorflow" in rounds
    assert all(times["warm_up"] > 0 < times["epoch"] for [times] in rounds.values())
    written = capsys.readouterr().out
    assert re.search(r"^TensorFlow +\d+\.\d\d +\d\.\d\d  1\.00 \(1\.00-1\.00\)$", written, re.M)
    for backend, title in backends.TITLES.items():
        assert (title in written.split("(mín.-máx.)")[1]) == bool(find_spec(backend))
    assert ("su bucle" in written) == bool(find_spec("torch"))


@pytest.mark.slow
def test_the_clock_is_weighed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    samples: list[int] = []
    monkeypatch.setattr(clock, "cell_gap", samples.append)  # la siguiente prueba
    clock.compare(sizes=(200,), samples=1000, chart=tmp_path / "clock.png")
    written = capsys.readouterr().out
    rows = re.findall(r"^ +200  (fit con NumPy|proyecto) +\d", written, re.M)
    assert rows == ["fit con NumPy", "proyecto"]
    assert (tmp_path / "clock.png").stat().st_size > 0
    assert samples == [1000]


@pytest.mark.slow
def test_nothing_is_hidden_in_the_training_cell(capsys: pytest.CaptureFixture[str]) -> None:
    clock.cell_gap(samples=1000)
    [figures] = re.findall(
        r"^La celda de entrenar tarda, sin el calentamiento, (.+)\xa0s: épocas (.+), "
        r"validación (.+), evaluación (.+) y el resto (.+)\xa0s, el .+\xa0%$",
        capsys.readouterr().out,
        re.M,
    )
    whole, *parts = map(float, figures)
    assert min(whole, *parts[:3]) > 0
    assert sum(parts) == pytest.approx(whole, abs=0.03)


def test_the_chart_adds_what_fit_takes_to_come_back() -> None:
    rows = [clock.Row(100, "fit con NumPy", 1.0, 3.0), clock.Row(100, "proyecto", 2.0, 2.0)]
    [axis] = clock.draw(rows).axes
    epochs, tails = axis.containers
    assert [bar.get_width() for bar in epochs] == [1.0, 2.0]
    assert [(bar.get_x(), bar.get_width()) for bar in tails] == [(1.0, 2.0), (2.0, 0.0)]
    assert [text.get_text() for text in axis.texts] == ["3.00×", "1.00×"]
