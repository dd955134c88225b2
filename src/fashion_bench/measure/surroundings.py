"""Lo que pasa en el equipo mientras dura una época, aparte de entrenar.

Se mira antes de poner en marcha el reloj y después de pararlo, así que dentro de él no cuesta nada.
"""

import os
from pathlib import Path
from typing import NamedTuple

import psutil

from fashion_bench.machine.identity import usable_cores
from fashion_bench.record import GpuState, Surroundings

PRESSURE = Path("/proc/pressure/cpu")
CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


class Snapshot(NamedTuple):
    """Los contadores del sistema en un instante."""

    own: float
    """Segundos de procesador de este programa."""
    busy: float
    """Segundos de procesador de todos los programas."""
    stolen: float | None
    """Segundos de procesador que la máquina virtual pidió y no tuvo."""
    waited: float | None
    """Segundos en que algún programa esperó a un núcleo libre."""
    swapped: int
    """Bytes que han ido o vuelto de la memoria de intercambio."""


def snapshot() -> Snapshot:
    """Lee los contadores del sistema."""
    own, every, swap = os.times(), psutil.cpu_times(), psutil.swap_memory()
    idle = every.idle + getattr(every, "iowait", 0.0)
    stolen = getattr(every, "steal", None)
    # Los de las máquinas virtuales que hay dentro ya están en `user` y `nice`.
    guests = getattr(every, "guest", 0.0) + getattr(every, "guest_nice", 0.0)
    return Snapshot(
        own=own.user + own.system,
        busy=sum(every) - idle - (stolen or 0.0) - guests,
        stolen=stolen,
        waited=_waited(),
        swapped=swap.sin + swap.sout,
    )


def between(before: Snapshot, after: Snapshot, gpu: GpuState | None) -> Surroundings:
    """Describe lo que ha pasado entre dos instantes; `gpu` es cómo está la GPU al final."""
    own = after.own - before.own
    return Surroundings(
        usable_cores=usable_cores(),
        own_cpu_seconds=max(0.0, own),
        other_cpu_seconds=max(0.0, after.busy - before.busy - own),
        stolen_cpu_seconds=_difference(before.stolen, after.stolen),
        waiting_seconds=_difference(before.waited, after.waited),
        swapped_mb=max(0, after.swapped - before.swapped) / 1e6,
        temperature_c=_temperature(),
        frequency_mhz=_frequency(),
        gpu=gpu,
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(0.0, after - before)


def _waited() -> float | None:
    try:
        some, *_ = PRESSURE.read_text().splitlines()
    except OSError:  # solo Linux lo cuenta, y según cómo esté configurado
        return None
    return int(some.rpartition("total=")[2]) / 1e6


def _temperature() -> float | None:
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    found = [sensor.current for name in CPU_SENSORS for sensor in sensors.get(name, [])]
    return max(found, default=None)


def _frequency() -> float | None:
    frequency = psutil.cpu_freq()
    return frequency.current if frequency and frequency.current else None
