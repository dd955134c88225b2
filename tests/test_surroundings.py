"""Lo que molesta a una época, molestando de verdad: otro programa, menos núcleos."""

import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import psutil
import pytest
from test_diagnosis import CPU

from fashion_bench.doctor import command, probe
from fashion_bench.figures import disturbance
from fashion_bench.machine import hardware
from fashion_bench.measure import surroundings

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
    told = f"solo pudo usar 1 de {len(allowed)} núcleos"
    calm = around.model_copy(update={"other_cpu_seconds": 0.0, "stolen_cpu_seconds": 0.0})
    assert disturbance(calm, 1.0, machine) == told


def test_counters_are_subtracted_and_one_that_goes_back_counts_as_nothing() -> None:
    early = surroundings.Snapshot(own=1.0, busy=10.0, stolen=0.5, waited=2.0, swapped=100)
    late = surroundings.Snapshot(own=3.0, busy=15.0, stolen=0.75, waited=2.5, swapped=2_000_100)
    for before, after, expected in (
        (early, late, [2, 3, 0.25, 0.5, 2]),
        (late, early, [0, 0, 0, 0, 0]),
    ):
        around = surroundings.between(before, after, None)
        assert [
            around.own_cpu_seconds,
            around.other_cpu_seconds,
            around.stolen_cpu_seconds,
            around.waiting_seconds,
            around.swapped_mb,
        ] == expected


STOPPED = """
import time
from fashion_bench.figures import disturbance
from fashion_bench.machine import hardware
from fashion_bench.measure import surroundings
machine, before, start = hardware.machine(), surroundings.snapshot(), time.perf_counter()
print(flush=True)
input()
around = surroundings.between(before, surroundings.snapshot(), None)
print(disturbance(around, time.perf_counter() - start, machine))
"""


@pytest.mark.skipif(os.name == "nt", reason="en Windows no se suspende así un programa")
@pytest.mark.parametrize("suspend", [True, False])
def test_a_suspended_program_is_disturbed(suspend: bool) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    child.stdout.readline()
    if suspend:
        child.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        child.send_signal(signal.SIGCONT)
    told, _ = child.communicate("\n")
    assert ("suspendido" in told) is suspend, told


def test_a_closed_lid_is_seen_even_if_the_usual_clock_stops_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = surroundings.snapshot()
    now = surroundings.Pulse.now
    monkeypatch.setattr(surroundings.Pulse, "now", staticmethod(lambda: now() + 3600))
    around = surroundings.between(before, surroundings.snapshot(), None)
    assert 3590 < around.stopped_seconds < 3610
    monkeypatch.undo()
    surroundings.snapshot()  # vuelve a su hora


PDH = RuntimeError("PdhAddEnglishCounterW failed. Performance counters may be disabled.")


@pytest.mark.parametrize(
    ("reading", "error"),
    [
        ("swap_memory", PDH),  # V6
        ("sensors_battery", FileNotFoundError(2, "No such file", "/sys/class/power_supply")),  # V4
        # Otras del mismo estilo.
        ("virtual_memory", PermissionError(13, "/proc/meminfo")),
        ("cpu_times", PermissionError(13, "/proc/stat")),
        ("cpu_freq", NotImplementedError("can't find current frequency file")),
        ("sensors_temperatures", ValueError("invalid literal for int()")),
        ("cpu_count", psutil.AccessDenied()),
        ("sensors_battery", AttributeError("module 'psutil' has no attribute")),
    ],
)
def test_a_reading_that_fails_stops_nothing_and_the_doctor_takes_them_all(
    monkeypatch: pytest.MonkeyPatch, reading: str, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(psutil, reading, fail, raising=False)
    machine, snapshot = hardware.machine(), surroundings.snapshot()
    around = surroundings.between(snapshot, surroundings.snapshot(), None)
    disturbance(around, 1.0, machine)
    unknown = {name for name, value in [*machine, *around] if value is None}
    facts = probe.gather(engine=CPU)
    expected, told = {
        "swap_memory": ("swapped_mb", "la memoria de intercambio"),
        "sensors_battery": ("power", None),
        "virtual_memory": ("memory_gib", "la memoria"),
        "cpu_times": ("other_cpu_seconds", "el procesador en uso"),
        "cpu_freq": ("frequency_mhz", None),
        "sensors_temperatures": ("temperature_c", None),
        "cpu_count": ("physical_cores", None),
    }[reading]
    assert expected in unknown
    assert facts.unread == ((told,) if told else ())
    assert told is None or told in command.table(facts, [], 80)


LINUX = namedtuple("LINUX", "user nice system idle iowait irq softirq steal guest guest_nice")
WINDOWS = namedtuple("WINDOWS", "user system idle interrupt dpc")


def linux(**seconds: float) -> LINUX:
    """Los contadores de Linux; los que no se dan, a cero."""
    return LINUX(**dict.fromkeys(LINUX._fields, 0) | seconds)


@pytest.mark.parametrize(
    ("times", "busy", "stolen"),
    [
        (linux(user=100, nice=20, system=30, irq=1, softirq=2), 153, 0),
        (linux(user=100, idle=1000, iowait=50, steal=7), 100, 7),
        (linux(user=100, nice=20, guest=40, guest_nice=5), 120, 0),  # ya en `user` y `nice`
        (WINDOWS(100, 30, 1000, 2, 1), 133, None),
    ],
)
def test_a_processor_is_busy_if_it_is_neither_idle_nor_stolen(
    monkeypatch: pytest.MonkeyPatch, times: tuple, busy: float, stolen: float | None
) -> None:
    monkeypatch.setattr(surroundings.psutil, "cpu_times", lambda: times)
    monkeypatch.setattr(os, "times", lambda: SimpleNamespace(user=6, system=2))
    swap = SimpleNamespace(sin=3, sout=4)
    monkeypatch.setattr(surroundings.psutil, "swap_memory", lambda: swap)
    found = surroundings.snapshot()
    assert (found.own, found.busy, found.stolen, found.swapped) == (8, busy, stolen, 7)


@pytest.mark.parametrize("frequency", [None, SimpleNamespace(current=0.0)])
def test_what_the_system_does_not_tell_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frequency: SimpleNamespace | None
) -> None:
    monkeypatch.setattr(surroundings, "PRESSURE", tmp_path / "no")
    monkeypatch.setattr(surroundings.psutil, "cpu_freq", lambda: frequency)
    monkeypatch.setattr(surroundings.psutil, "sensors_temperatures", dict, raising=False)
    snapshot = surroundings.snapshot()._replace(stolen=None)
    around = surroundings.between(snapshot, snapshot, None)
    assert around.waiting_seconds is around.stolen_cpu_seconds is None
    assert around.temperature_c is around.frequency_mhz is None
    assert around.own_cpu_seconds == around.other_cpu_seconds == 0


def test_pressure_temperature_and_frequency_where_the_system_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressure = tmp_path / "cpu"
    pressure.write_text("some avg10=1.00 avg60=2.00 avg300=3.00 total=2500000\nfull avg10=0\n")
    monkeypatch.setattr(surroundings, "PRESSURE", pressure)
    cold, hot, other = (SimpleNamespace(current=degrees) for degrees in (55.0, 71.0, 99.0))
    monkeypatch.setattr(
        surroundings.psutil,
        "sensors_temperatures",
        lambda: {"k10temp": [cold, hot], "nvme": [other]},
        raising=False,
    )
    monkeypatch.setattr(surroundings.psutil, "cpu_freq", lambda: SimpleNamespace(current=2400.0))
    snapshot = surroundings.snapshot()
    assert snapshot.waited == 2.5
    around = surroundings.between(snapshot, snapshot, None)
    assert (around.temperature_c, around.frequency_mhz) == (71.0, 2400.0)
