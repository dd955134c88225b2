"""Lo que pasa en el equipo mientras dura una época, aparte de entrenar.

Se mira antes de poner en marcha el reloj y después de pararlo, así que dentro de él no cuesta nada.
"""

import os
import time
from functools import cache
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

import psutil

from fashion_bench.machine.identity import known, usable_cores
from fashion_bench.record import GpuState, Surroundings

PRESSURE = Path("/proc/pressure/cpu")
CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


class Snapshot(NamedTuple):
    """Los contadores del sistema en un instante."""

    own: float
    """Segundos de procesador de este programa."""
    busy: float | None
    """Segundos de procesador de todos los programas."""
    stolen: float | None
    """Segundos de procesador que la máquina virtual pidió y no tuvo."""
    waited: float | None
    """Segundos en que algún programa esperó a un núcleo libre."""
    swapped: int | None
    """Bytes que han ido o vuelto de la memoria de intercambio."""
    stopped: float = 0.0
    """Segundos en que este programa, o el equipo, estuvo suspendido."""


class Pulse:
    """Un latido que se nota si falta: así se ve que el programa o el equipo se han suspendido.

    Ningún contador lo dice en todos los sistemas: ni Ctrl-Z, ni la tapa del portátil, ni una
    máquina virtual en pausa. El reloj es el que sigue contando mientras el equipo duerme.
    """

    EVERY_SECONDS, MAX_DELAY_SECONDS = 0.5, 2.0

    def __init__(self) -> None:
        self.stopped = 0.0
        self._lock, self._last, self._own = Lock(), self.now(), _own()
        Thread(target=self._go_on, daemon=True).start()

    @staticmethod
    def now() -> float:
        """Los segundos de un reloj que no se para con el equipo."""
        asleep_too = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
        return time.monotonic() if asleep_too is None else time.clock_gettime(asleep_too)

    def beat(self) -> float:
        """Late y devuelve los segundos suspendidos hasta ahora."""
        with self._lock:
            now, own = self.now(), _own()
            late, worked = now - self._last - self.EVERY_SECONDS, own - self._own
            self._last, self._own = now, own
            # Si llega tarde y mientras se ha calculado, es que alguien no le dejaba latir.
            self.stopped += late if late > self.MAX_DELAY_SECONDS and worked < late / 2 else 0.0
            return self.stopped

    def _go_on(self) -> None:
        while True:
            time.sleep(self.EVERY_SECONDS)
            self.beat()


_pulse = cache(Pulse)


def snapshot() -> Snapshot:
    """Lee los contadores del sistema."""
    every, swap = known(_processor), known(psutil.swap_memory)
    return Snapshot(
        own=_own(),
        busy=every and every[0],
        stolen=every and every[1],
        waited=known(_waited),
        swapped=swap and swap.sin + swap.sout,
        stopped=_pulse().beat(),
    )


def between(before: Snapshot, after: Snapshot, gpu: GpuState | None) -> Surroundings:
    """Describe lo que ha pasado entre dos instantes; `gpu` es cómo está la GPU al final."""
    own = max(0.0, after.own - before.own)
    busy, swapped = _difference(before.busy, after.busy), _difference(before.swapped, after.swapped)
    return Surroundings(
        usable_cores=usable_cores(),
        own_cpu_seconds=own,
        other_cpu_seconds=None if busy is None else max(0.0, busy - own),
        stolen_cpu_seconds=_difference(before.stolen, after.stolen),
        waiting_seconds=_difference(before.waited, after.waited),
        swapped_mb=None if swapped is None else swapped / 1e6,
        stopped_seconds=after.stopped - before.stopped,
        temperature_c=known(_temperature),
        frequency_mhz=known(_frequency),
        gpu=gpu,
    )


def _own() -> float:
    told = os.times()
    return told.user + told.system


def _processor() -> tuple[float, float | None]:
    """Los segundos de procesador ocupados y, en una máquina virtual, los robados."""
    every = psutil.cpu_times()
    idle, stolen = every.idle + getattr(every, "iowait", 0.0), getattr(every, "steal", None)
    # Los de las máquinas virtuales que hay dentro ya están en `user` y `nice`.
    guests = getattr(every, "guest", 0.0) + getattr(every, "guest_nice", 0.0)
    return sum(every) - idle - (stolen or 0.0) - guests, stolen


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(0.0, after - before)


def _waited() -> float:
    some, *_ = PRESSURE.read_text().splitlines()  # solo en Linux, y según cómo esté configurado
    return int(some.rpartition("total=")[2]) / 1e6


def _temperature() -> float | None:
    sensors = psutil.sensors_temperatures()
    found = [sensor.current for name in CPU_SENSORS for sensor in sensors.get(name, [])]
    return max(found, default=None)


def _frequency() -> float | None:
    return psutil.cpu_freq().current or None
