"""Lo que se dice de equipos que nadie de aquí tiene, con un controlador de NVIDIA de mentira.

Lo abre `pynvml`, como al de verdad. Está en `tests/driver`, y allí dice de dónde sale cada equipo.
"""

import json
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import ROOT

from fashion_bench.doctor.facts import Engine
from fashion_bench.record import Accelerator, GpuState

CHILD = """
import contextlib, ctypes, json, os, sys
import pynvml
from fashion_bench.machine import hardware
from fashion_bench.record import Accelerator

def called():  # como llama a su GPU el motor: el nombre de la primera que ve CUDA
    cuda, device = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
    name = ctypes.create_string_buffer(100)
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0):
        return None
    cuda.cuDeviceGetName(name, 100, device)
    return name.value.decode()

def dump(model):
    return model and model.model_dump()

def tell(variables):
    os.environ |= variables
    cards, problem = hardware.ask_nvidia()
    uuid, name = hardware.first_cuda_uuid(), called()
    found = name and hardware.find_accelerator(name)
    unknown = dict.fromkeys(Accelerator.model_fields)
    watcher = hardware.CardWatcher(Accelerator(**unknown | {"name": name}) if name else None)
    joules = [watcher.joules(), watcher.joules()]
    state = watcher.state()
    with contextlib.suppress(pynvml.NVMLError):
        while True:
            pynvml.nvmlShutdown()  # `watcher` lo deja abierto
    for variable in variables:
        del os.environ[variable]
    return {
        "cards": [dump(card) for card in cards], "problem": problem, "uuid": uuid,
        "found": dump(found), "joules": joules, "state": dump(state),
    }

print(json.dumps([tell(variables) for variables in json.load(sys.stdin)]))
"""


def accelerator(
    name: str,
    memory_gib: float | None,
    driver: str,
    compute_capability: str,
    power_limit_w: float | None,
    mig: bool | None = None,
) -> Accelerator:
    return Accelerator(
        name=name,
        memory_gib=memory_gib,
        driver=driver,
        compute_capability=compute_capability,
        power_limit_w=power_limit_w,
        mig=mig,
    )


RTX_3060 = accelerator("NVIDIA GeForce RTX 3060", 12.0, "555.42.02", "8.6", 170.0)
SMALL_RTX_3060 = RTX_3060.model_copy(update={"memory_gib": 8.0})
OLD_RTX_3060 = RTX_3060.model_copy(update={"memory_gib": 11.8, "driver": "470.256.02"})
GT_710 = accelerator("NVIDIA GeForce GT 710", 2.0, "470.256.02", "3.5", None)
QUADRO = accelerator("Quadro RTX 4000", 8.0, "535.129.03", "7.5", 125.0)
GTX_1080_TI = accelerator("NVIDIA GeForce GTX 1080 Ti", 11.0, "570.133.07", "6.1", 250.0)
V100 = accelerator("Tesla V100-SXM2-32GB", 32.0, "525.105.17", "7.0", 300.0)
RTX_5090 = accelerator("NVIDIA GeForce RTX 5090", 31.8, "595.71.05", "12.0", 600.0)
H100 = accelerator("NVIDIA H100 80GB HBM3", 79.6, "550.127.08", "9.0", 700.0, mig=False)
RTX_2080_TI = accelerator("NVIDIA GeForce RTX 2080 Ti", 11.0, "520.61.05", "7.5", 250.0)
A4000 = accelerator("NVIDIA RTX A4000", 16.0, "525.85.12", "8.6", 140.0)
GB10 = accelerator("NVIDIA GB10", None, "580.126.09", "12.1", None)
A100 = accelerator("NVIDIA A100-SXM4-80GB", None, "535.161.08", "8.0", 400.0, mig=True)
SLICE = A100.model_copy(update={"name": f"{A100.name} MIG 3g.40gb", "power_limit_w": None})
UNNAMED = accelerator("GPU de NVIDIA", 24.0, "555.85", "8.6", 370.0)
FIRST, SECOND = (f"GPU-00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))


def state(
    clock: float, temperature: float, slowed: str | None = None, others: int | None = 0
) -> GpuState:
    return GpuState(
        clock_mhz=clock, temperature_c=temperature, slowed_by=slowed, other_programs=others
    )


@dataclass
class Case:
    """Un equipo y lo que se tiene que decir de él."""

    machine: str
    visible: str | None
    """CUDA_VISIBLE_DEVICES."""
    cards: list[Accelerator]
    uuid: str | None
    """El de la primera GPU que ve CUDA."""
    found: Accelerator | None
    """Aquella en la que se entrena, con todo lo que se sabe de ella."""
    joules: float | None
    state: GpuState | None = None
    problem: str | None = None
    order: str = "FASTEST_FIRST"
    """CUDA_DEVICE_ORDER."""

    def __str__(self) -> str:
        return f"{self.machine}, {self.visible}, {self.order}"

    @property
    def variables(self) -> dict[str, str]:
        chosen = {"FAKE_DRIVER": self.machine, "CUDA_DEVICE_ORDER": self.order}
        return chosen | ({} if self.visible is None else {"CUDA_VISIBLE_DEVICES": self.visible})


ONE, TWO = state(1545, 30), state(1560, 30)
"""Cómo están las dos iguales."""

CASES = [
    Case("rtx3060", None, [RTX_3060], FIRST, RTX_3060, 1000, state(1800, 65)),
    Case("gtx1080ti", None, [GTX_1080_TI], FIRST, GTX_1080_TI, None,
         state(1480, 84, "se calentaba demasiado", 1)),
    Case("v100", None, [V100], FIRST, V100, 2000, state(1530, 38)),
    Case("rtx5090", None, [RTX_5090], FIRST, RTX_5090, 3000, state(2400, 46)),
    Case("h100", None, [H100], FIRST, H100, 4000, state(1980, 34)),
    Case("gb10", None, [GB10], FIRST, GB10, 9000, state(2400, 36)),
    # Una vieja en la primera ranura (E9). CUDA las cuenta de otro modo que NVML.
    Case("old-first", None, [GT_710, OLD_RTX_3060], SECOND, OLD_RTX_3060, 1000,
         state(1800, 65, None, None)),
    Case("old-first", "0", [GT_710, OLD_RTX_3060], SECOND, OLD_RTX_3060, 1000,
         state(1800, 65, None, None)),
    Case("old-first", "0", [GT_710, OLD_RTX_3060], FIRST, GT_710, None,
         GpuState(clock_mhz=None, temperature_c=50, slowed_by=None, other_programs=None),
         order="PCI_BUS_ID"),
    # Escondidas con un número que no hay, con otra palabra o con un UUID que ya no es (E10).
    Case("rtx3060", "1", [RTX_3060], None, None, None),
    Case("rtx3060", "NoDevFiles", [RTX_3060], None, None, None),
    Case("rtx3060", "GPU-8932f937", [RTX_3060], None, None, None),
    Case("rtx3060", "", [RTX_3060], None, None, None),
    # Una de las dos falla, o un dato (E11).
    Case("lost", None, [RTX_2080_TI], SECOND, RTX_2080_TI, 7000, state(1545, 70),
         problem="GPU is lost"),
    Case("container", None, [A4000], SECOND, A4000, 8000, state(1560, 30, None, None),
         problem="Unknown Error"),
    Case("wsl", None, [UNNAMED], FIRST, None, None),
    # Dos iguales (E12).
    Case("two-equal", None, [QUADRO, QUADRO], FIRST, QUADRO, 5000, ONE),
    Case("two-equal", "1", [QUADRO, QUADRO], SECOND, QUADRO, 6000, TWO),
    Case("two-equal", "1,0", [QUADRO, QUADRO], SECOND, QUADRO, 6000, TWO),
    Case("two-equal", "0,7", [QUADRO, QUADRO], FIRST, QUADRO, 5000, ONE),
    Case("two-equal", SECOND, [QUADRO, QUADRO], SECOND, QUADRO, 6000, TWO),
    Case("two-equal", "GPU-0000", [QUADRO, QUADRO], None, None, None),  # vale para las dos
    # Dos que se llaman igual y no lo son.
    Case("same-name", "0", [SMALL_RTX_3060, RTX_3060], FIRST, SMALL_RTX_3060, 1000,
         state(1800, 65)),
    Case("same-name", "1", [SMALL_RTX_3060, RTX_3060], SECOND, RTX_3060, 2000, state(1800, 65)),
    # De una parte no se cuentan los julios: son los de la GPU entera.
    Case("a100-mig", None, [A100], "GPU-ff000000-0000-0000-0000-000000000001", SLICE, None),
    # No arrancan.
    Case("no-permission", None, [], None, None, None, problem="Insufficient Permissions"),
    Case("mismatch", None, [], None, None, None,
         problem="RM has detected an NVML/RM version mismatch."),
    Case("not-loaded", None, [], None, None, None, problem="Driver Not Loaded"),
    Case("container-lost", None, [], None, None, None, problem="Unknown Error"),
    Case("wsl-blocked", None, [], None, None, None,
         problem="The operating system has blocked the request."),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(driver: Callable[[str], dict[str, str]]) -> list[dict[str, Any]]:
    """Lo que se dice en cada caso; los recorre un solo proceso, que es más rápido."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([case.variables for case in CASES]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=driver("rtx3060"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("at", range(len(CASES)), ids=map(str, CASES))
def test_each_machine_is_told_as_it_is(told: list[dict[str, Any]], at: int) -> None:
    case = CASES[at]
    assert told[at] == {
        "cards": [card.model_dump() for card in case.cards],
        "problem": case.problem,
        "uuid": case.uuid,
        "found": case.found and case.found.model_dump(),
        # El contador de mentira sube 1.5 julios cada vez que se le pregunta.
        "joules": [None, None] if case.joules is None else [case.joules, case.joules + 1.5],
        "state": case.state and case.state.model_dump(),
    }


VERDICTS = """
import json, os, sys
from fashion_bench import install
from fashion_bench.doctor import diagnosis, probe
from fashion_bench.doctor.facts import Engine
from fashion_bench.machine import hardware
probe._has_nvidia_hardware = lambda: True
for machine, engine in json.load(sys.stdin):
    os.environ["FAKE_DRIVER"] = machine
    install.is_container = lambda: machine.startswith("container")
    hardware.is_wsl = lambda: machine.startswith("wsl")
    print(diagnosis.verdict(probe.gather(engine=Engine(**engine))).id)
"""
CPU = Engine(name="tensorflow", version="2.21.0", keras="3.15.1", tried_on="cpu", agrees=True)
BLIND_CUDA = CPU.model_copy(update={"cuda": "12.5.1"})
TORCH = CPU.model_copy(update={"name": "torch", "version": "2.10.0+cu128", "cuda": "12.8"})
FAILED = {"tried_on": "gpu", "agrees": None, "exit_code": 1}
NOT_TRIED = {"tried_on": None, "agrees": None}


def seeing(card: str, **changes: object) -> Engine:
    """Un TensorFlow con CUDA que ve esa GPU y, si no se dice más, no la ha probado."""
    return BLIND_CUDA.model_copy(update={"gpus": (card,)} | NOT_TRIED | changes)


def judged(machine: str, *verdicts: str) -> list[tuple[str, Engine, str]]:
    """Lo que se dice con un TensorFlow sin CUDA, con uno con CUDA que no la ve y con PyTorch."""
    return [(machine, *each) for each in zip((CPU, BLIND_CUDA, TORCH), verdicts, strict=True)]


UNUSED = ("cpu-build", "libraries-not-found", "engine-blind")
SOURCE = "tests/driver/nvidia.c"
JUDGED = [
    *(each for machine in ("rtx3060", "v100", "two-equal") for each in judged(machine, *UNUSED)),
    *(each for machine in ("same-name", "container") for each in judged(machine, *UNUSED)),
    *judged("wsl", *UNUSED),
    *judged("gtx1080ti", "cpu-build", "libraries-not-found", "gpu-too-old"),
    *judged("rtx5090", "gpu-too-new", "gpu-too-new", "engine-blind"),
    *judged("gb10", "gpu-too-new", "gpu-too-new", "engine-blind"),
    *judged("h100", "driver-old", "driver-old", "engine-blind"),
    *judged("a100-mig", *UNUSED),  # tiene una parte, y CUDA la ve: no es eso
    *judged("mig-empty", "cpu-build", "mig-without-instance", "mig-without-instance"),
    *judged("old-first", *["driver-old"] * 3),  # juzga la mejor de las dos
    *judged("lost", *["driver-old"] * 3),  # la otra responde
    *judged("refused", *["card-refused"] * 3),
    *judged("mismatch", *["driver-mismatch"] * 3),
    *judged("no-permission", *["driver-forbidden"] * 3),
    *judged("not-loaded", *["driver-not-loaded"] * 3),
    *judged("container-lost", *["container-without-gpu"] * 3),
    *judged("wsl-blocked", *["wsl-driver-missing"] * 3),
    ("gtx1080ti", seeing("NVIDIA GeForce GTX 1080 Ti"), "gpu-ready"),
    ("rtx5090", seeing("NVIDIA GeForce RTX 5090"), "gpu-too-new"),
    ("h100", seeing("NVIDIA H100 80GB HBM3"), "gpu-ready"),
    ("h100", seeing("NVIDIA H100 80GB HBM3", **FAILED), "driver-old"),
    ("a100-mig", seeing("NVIDIA A100-SXM4-80GB MIG 3g.40gb"), "gpu-ready"),
    ("old-first", seeing("NVIDIA GeForce GT 710", **FAILED), "gpu-too-old"),
]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="en otros procesadores es otra historia")
def test_the_verdict_on_each_machine(driver: Callable[[str], dict[str, str]]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", VERDICTS],
        input=json.dumps([(machine, engine.model_dump()) for machine, engine, _ in JUDGED]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=driver("rtx3060"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    machines = re.findall(r'^    \{"([\w-]+)",', (ROOT / SOURCE).read_text("utf-8"), re.MULTILINE)
    assert {machine for machine, *_ in JUDGED} == set(machines)
    verdicts = zip(JUDGED, done.stdout.splitlines(), strict=True)
    assert [(*case[:2], told) for case, told in verdicts] == JUDGED
