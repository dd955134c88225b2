"""Lo que molesta a una época, molestando de verdad: otro programa, menos núcleos."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fashion_bench.machine import hardware
from fashion_bench.measure import surroundings
from fashion_bench.record import disturbance

BUSY = "import time; print(flush=True)\nwhile True: pass"


@contextmanager
def busy_process() -> Iterator[None]:
    """Otro programa que no para de calcular."""
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_busy_program_disturbs() -> None:
    before, start = surroundings.snapshot(), time.perf_counter()
    with busy_process():
        time.sleep(1.5)
    around = surroundings.between(before, surroundings.snapshot(), None)
    seconds = time.perf_counter() - start
    assert around.other_cpu_seconds > 0.2
    assert around.own_cpu_seconds < seconds / 2
    reason = disturbance(around, seconds, hardware.machine())
    assert reason is not None
    assert "procesador" in reason


def test_what_this_program_computes_is_its_own() -> None:
    before, start = surroundings.snapshot(), time.process_time()
    while time.process_time() - start < 0.3:
        sum(range(1000))
    around = surroundings.between(before, surroundings.snapshot(), None)
    assert around.own_cpu_seconds > 0.1


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2,
    reason="hace falta Linux y dos núcleos",
)
def test_fewer_cores_disturb() -> None:
    machine, allowed = hardware.machine(), os.sched_getaffinity(0)
    before = surroundings.snapshot()
    try:
        os.sched_setaffinity(0, {min(allowed)})
        around = surroundings.between(before, surroundings.snapshot(), None)
    finally:
        os.sched_setaffinity(0, allowed)
    assert around.usable_cores == 1
    told = f"pudo usar 1 núcleos de {len(allowed)}"
    calm = around.model_copy(update={"other_cpu_seconds": 0.0, "stolen_cpu_seconds": 0.0})
    assert disturbance(calm, 1.0, machine) == told


def test_counters_are_subtracted() -> None:
    before = surroundings.Snapshot(own=1.0, busy=10.0, stolen=0.5, waited=2.0, swapped=100)
    after = surroundings.Snapshot(own=3.0, busy=15.0, stolen=0.75, waited=2.5, swapped=2_000_100)
    around = surroundings.between(before, after, None)
    assert around.own_cpu_seconds == 2
    assert around.other_cpu_seconds == 3
    assert around.stolen_cpu_seconds == 0.25
    assert around.waiting_seconds == 0.5
    assert around.swapped_mb == 2


def test_what_the_system_does_not_tell_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "PRESSURE", tmp_path / "no")
    monkeypatch.setattr(surroundings.psutil, "cpu_freq", lambda: None)
    monkeypatch.setattr(surroundings.psutil, "sensors_temperatures", dict, raising=False)
    snapshot = surroundings.snapshot()._replace(stolen=None)
    around = surroundings.between(snapshot, snapshot, None)
    assert around.waiting_seconds is around.stolen_cpu_seconds is None
    assert around.temperature_c is around.frequency_mhz is None
    assert around.own_cpu_seconds == around.other_cpu_seconds == 0


def test_pressure_and_temperature_where_the_system_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressure = tmp_path / "cpu"
    pressure.write_text("some avg10=1.00 avg60=2.00 avg300=3.00 total=2500000\nfull avg10=0\n")
    monkeypatch.setattr(surroundings, "PRESSURE", pressure)
    sensor = type("Sensor", (), {"current": 71.0})
    other = type("Sensor", (), {"current": 99.0})
    monkeypatch.setattr(
        surroundings.psutil,
        "sensors_temperatures",
        lambda: {"k10temp": [sensor], "nvme": [other]},
        raising=False,
    )
    snapshot = surroundings.snapshot()
    assert snapshot.waited == 2.5
    assert surroundings.between(snapshot, snapshot, None).temperature_c == 71.0
