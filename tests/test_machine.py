"""Lo que se sabe del equipo antes de entrenar, y cómo se cuenta."""

import ctypes
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import archspec.cpu
import psutil
import pynvml
import pytest
from conftest import RTX, child_environment
from test_diagnosis import BARE, LINUX, NOT_TRIED, TORCH, having

from fashion_bench.doctor import device, diagnosis, summary, trial
from fashion_bench.doctor.facts import Facts
from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends, hardware
from fashion_bench.machine.engines import quiet
from fashion_bench.machine.hardware import Card, CardWatcher
from fashion_bench.record import Accelerator, GpuState

BROKEN = having(LINUX, {"gpus": (), "tried_on": "cpu", "cuda": None})
"""Tiene una GPU y un TensorFlow que no la ve."""

TRIED = having(BROKEN, {"messages": "failed call to cuInit: CUDA_ERROR_UNKNOWN"})

FIRST, SECOND = (f"GPU-{UUID(int=number)}" for number in (1, 2))


# --- El equipo ---


def test_the_machine_is_described() -> None:
    machine = hardware.machine()
    assert machine.logical_cores >= 1
    assert machine.memory_gib > 0.5
    assert machine.architecture == platform.machine()
    assert machine.cpu != "desconocido"


@pytest.mark.parametrize("brand", [None, "", OSError(1, "Operation not permitted")])
def test_a_processor_that_does_not_say_its_name_has_that_of_its_family(
    monkeypatch: pytest.MonkeyPatch, brand: str | Exception | None
) -> None:
    monkeypatch.setattr(archspec.cpu, "brand_string", lambda: answer(brand))
    monkeypatch.setattr(archspec.cpu, "host", lambda: SimpleNamespace(name="neoverse_v1"))
    assert hardware.machine().cpu == "neoverse_v1"


@pytest.mark.parametrize(
    ("battery", "power"),
    [
        (None, None),
        (SimpleNamespace(power_plugged=True), "mains"),
        (SimpleNamespace(power_plugged=False), "battery"),
        (SimpleNamespace(power_plugged=None), None),
    ],
)
def test_a_laptop_on_battery_is_told(
    monkeypatch: pytest.MonkeyPatch, battery: SimpleNamespace | None, power: str | None
) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert hardware.machine().power == power


UBUNTU = {"PRETTY_NAME": "Ubuntu 24.04"}


@pytest.mark.parametrize("mark", ["WSL", "dxg"])
def test_a_wsl_with_its_own_kernel_is_still_wsl(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mark: str
) -> None:
    """Su nombre no lleva `microsoft` (V21)."""
    monkeypatch.setattr(platform, "release", lambda: "6.6.87-mi-nucleo")
    monkeypatch.setattr(hardware, "WSL_MARKS", [str(tmp_path / name) for name in ("WSL", "dxg")])
    assert not hardware.is_wsl()
    (tmp_path / mark).touch()
    assert hardware.is_wsl()


@pytest.mark.parametrize(
    ("system", "release", "named", "expected"),
    [
        ("Linux", "6.8.0-45-generic", UBUNTU, "Ubuntu 24.04"),
        ("Linux", "5.15.153.1-microsoft-standard-WSL2", UBUNTU, "Ubuntu 24.04, WSL2"),
        ("Linux", "6.8.0", OSError("no hay os-release"), "Linux"),
        ("Linux", "6.8.0", {}, "Linux"),
        ("Darwin", "24.1.0", {}, "macOS 15.1"),
        ("Windows", "11", {}, "Windows 11"),
    ],
)
def test_operating_systems(
    monkeypatch: pytest.MonkeyPatch, system: str, release: str, named: object, expected: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: answer(named))
    assert hardware.operating_system() == expected


# --- Las GPU NVIDIA ---


def answer(value: object) -> object:
    """Devuelve lo que le dan; si es un error, lo lanza."""
    if isinstance(value, Exception):
        raise value
    return value


def nvml_error(code: int) -> pynvml.NVMLError:
    return pynvml.NVMLError(code)


NOT_SUPPORTED = nvml_error(pynvml.NVML_ERROR_NOT_SUPPORTED)
LOST = nvml_error(pynvml.NVML_ERROR_GPU_IS_LOST)
UNREADABLE = UnicodeDecodeError("utf-8", b"\xf8", 0, 1, "invalid start byte")


@dataclass
class FakeCard:
    """Lo que el controlador simulado responde de una GPU; un error se lanza."""

    nvmlDeviceGetName: object = RTX.name  # noqa: N815
    nvmlDeviceGetUUID: object = FIRST  # noqa: N815
    nvmlDeviceGetMemoryInfo: object = field(  # noqa: N815
        default_factory=lambda: SimpleNamespace(total=12 * 2**30)
    )
    nvmlDeviceGetCudaComputeCapability: object = (8, 6)  # noqa: N815
    nvmlDeviceGetTotalEnergyConsumption: object = 5000  # noqa: N815
    nvmlDeviceGetEnforcedPowerLimit: object = 170_000  # noqa: N815
    nvmlDeviceGetMigMode: object = field(default_factory=lambda: NOT_SUPPORTED)  # noqa: N815
    nvmlDeviceGetCurrentClocksThrottleReasons: object = 0  # noqa: N815
    nvmlDeviceGetComputeRunningProcesses: object = field(  # noqa: N815
        default_factory=lambda: [SimpleNamespace(pid=os.getpid())]
    )
    nvmlDeviceGetClockInfo: object = 1800  # noqa: N815
    nvmlDeviceGetTemperature: object = 65  # noqa: N815


class FakeDriver:
    """Un controlador de NVIDIA simulado: solo responde entre `nvmlInit` y `nvmlShutdown`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cards: list[FakeCard | Exception] = [FakeCard()]
        self.open = 0
        self.init: Exception | None = None
        self.count: Exception | None = None
        self.version: object = RTX.driver
        monkeypatch.setattr(pynvml, "nvmlInit", self._init)
        monkeypatch.setattr(pynvml, "nvmlShutdown", self._shutdown)
        monkeypatch.setattr(
            pynvml, "nvmlSystemGetDriverVersion", lambda: self._told(answer(self.version))
        )
        monkeypatch.setattr(
            pynvml, "nvmlDeviceGetCount", lambda: self._told(answer(self.count or len(self.cards)))
        )
        monkeypatch.setattr(
            pynvml, "nvmlDeviceGetHandleByIndex", lambda at: self._told(answer(self.cards[at]))
        )
        for name in vars(FakeCard()):
            monkeypatch.setattr(
                pynvml,
                name,
                lambda handle, *_, name=name: self._told(answer(getattr(handle, name))),
            )

    def _init(self) -> None:
        answer(self.init)
        self.open += 1

    def _shutdown(self) -> None:
        self.open -= 1

    def _told(self, value: object) -> object:
        if not self.open:
            raise nvml_error(pynvml.NVML_ERROR_UNINITIALIZED)
        return value


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Un controlador de NVIDIA simulado, con una GPU."""
    return FakeDriver(monkeypatch)


def test_an_nvidia_card_is_described(nvml: FakeDriver) -> None:
    assert hardware.ask_nvidia() == ([RTX], None)


@pytest.mark.parametrize("error", [NOT_SUPPORTED, UNREADABLE])
@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("nvmlDeviceGetName", {"name": "GPU de NVIDIA"}),
        ("nvmlDeviceGetMemoryInfo", {"memory_gib": None}),
        ("nvmlDeviceGetCudaComputeCapability", {"compute_capability": None}),
        ("nvmlDeviceGetEnforcedPowerLimit", {"power_limit_w": None}),
        ("nvmlDeviceGetMigMode", {"mig": None}),
        ("nvmlDeviceGetUUID", {}),
    ],
)
def test_a_query_that_fails_loses_only_its_field(
    nvml: FakeDriver, error: Exception, query: str, changes: dict[str, object]
) -> None:
    nvml.cards = [FakeCard(**{query: error}), FakeCard()]
    assert hardware.ask_nvidia() == ([RTX.model_copy(update=changes), RTX], None)


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        # Responde cómo está y cómo quedará cuando se reinicie.
        ({"nvmlDeviceGetMigMode": (1, 1)}, {"mig": True}),
        ({"nvmlDeviceGetMigMode": (0, 0)}, {"mig": False}),
        ({"nvmlDeviceGetMigMode": (0, 1)}, {"mig": False}),
        ({"nvmlDeviceGetMemoryInfo": SimpleNamespace(total=0)}, {"memory_gib": None}),
        ({"nvmlDeviceGetMemoryInfo": SimpleNamespace(total=2**20)}, {"memory_gib": None}),
    ],
)
def test_what_a_card_tells_of_itself(
    nvml: FakeDriver, told: dict[str, object], changes: dict[str, object]
) -> None:
    nvml.cards = [FakeCard(**told)]
    assert hardware.ask_nvidia() == ([RTX.model_copy(update=changes)], None)


@pytest.mark.parametrize(
    ("changes", "cards", "problem"),
    [
        (
            {"init": nvml_error(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)},
            [],
            "NVML Shared Library Not Found",
        ),
        ({"count": nvml_error(pynvml.NVML_ERROR_UNKNOWN)}, [], "Unknown Error"),
        ({"version": UNREADABLE}, [RTX.model_copy(update={"driver": None})], None),
        ({"cards": [LOST, FakeCard()]}, [RTX], "GPU is lost"),
        ({"cards": [FakeCard(), LOST]}, [RTX], "GPU is lost"),
    ],
)
def test_what_fails_is_told_and_loses_only_itself(
    nvml: FakeDriver, changes: dict[str, object], cards: list[Accelerator], problem: str | None
) -> None:
    vars(nvml).update(changes)
    assert hardware.ask_nvidia() == (cards, problem)


# --- La energía ---


def test_energy_is_read_in_joules_only_from_the_card_that_trains(nvml: FakeDriver) -> None:
    card = FakeCard()
    nvml.cards = [card]
    watcher = CardWatcher(RTX)
    assert watcher.joules() == 5.0
    card.nvmlDeviceGetTotalEnergyConsumption = 7500
    hardware.ask_nvidia()  # preguntar otra vez por las GPU no cierra el contador
    assert watcher.joules() == 7.5


@pytest.mark.parametrize(("seen", "joules"), [(FIRST, 5.0), (SECOND, 9.0), (None, None)])
def test_of_two_equal_cards_the_energy_is_that_of_the_one_cuda_uses(
    nvml: FakeDriver, monkeypatch: pytest.MonkeyPatch, seen: str | None, joules: float | None
) -> None:
    nvml.cards = [
        FakeCard(),
        FakeCard(nvmlDeviceGetUUID=SECOND, nvmlDeviceGetTotalEnergyConsumption=9000),
    ]
    monkeypatch.setattr(hardware, "first_cuda_uuid", lambda: seen)
    assert CardWatcher(RTX).joules() == joules


# --- Cómo está la GPU ---

SLOWED = {
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown: "se calentaba demasiado",
    pynvml.nvmlClocksThrottleReasonSwThermalSlowdown: "se calentaba demasiado",
    pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: "la fuente no le daba más corriente",
    pynvml.nvmlClocksThrottleReasonSwPowerCap: None,
    pynvml.nvmlClocksThrottleReasonGpuIdle: None,
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    | pynvml.nvmlClocksThrottleReasonSwThermalSlowdown
    | pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: (
        "la fuente no le daba más corriente y se calentaba demasiado"
    ),
}


@pytest.mark.parametrize(("reasons", "told"), SLOWED.items())
def test_a_card_says_why_it_slows_down(nvml: FakeDriver, reasons: int, told: str | None) -> None:
    nvml.cards = [FakeCard(nvmlDeviceGetCurrentClocksThrottleReasons=reasons)]
    assert CardWatcher(RTX).state() == GpuState(
        clock_mhz=1800, temperature_c=65, slowed_by=told, other_programs=0
    )


HERE, OTHER, ANOTHER = (SimpleNamespace(pid=os.getpid() + more) for more in (0, 1, 2))


@pytest.mark.parametrize(
    ("programs", "others"),
    [([HERE], 0), ([OTHER, HERE, ANOTHER], 2), ([], None), ([SimpleNamespace(pid=-1)], None)],
)
def test_this_program_is_not_one_of_the_others(
    nvml: FakeDriver, programs: list[SimpleNamespace], others: int | None
) -> None:
    """En un contenedor que esconde este, no se acusa a nadie."""
    nvml.cards = [FakeCard(nvmlDeviceGetComputeRunningProcesses=programs)]
    state = CardWatcher(RTX).state()
    assert state is not None
    assert state.other_programs == others


def test_what_a_card_does_not_say_is_unknown(nvml: FakeDriver) -> None:
    nvml.cards = [
        FakeCard(
            nvmlDeviceGetTotalEnergyConsumption=NOT_SUPPORTED,
            nvmlDeviceGetCurrentClocksThrottleReasons=NOT_SUPPORTED,
            nvmlDeviceGetComputeRunningProcesses=NOT_SUPPORTED,
            nvmlDeviceGetClockInfo=NOT_SUPPORTED,
            nvmlDeviceGetTemperature=NOT_SUPPORTED,
        )
    ]
    watcher = CardWatcher(RTX)
    assert watcher.joules() is None
    assert watcher.state() == GpuState(
        clock_mhz=None, temperature_c=None, slowed_by=None, other_programs=None
    )


def test_an_unknown_card_tells_nothing(nvml: FakeDriver) -> None:
    watchers = [CardWatcher(None), CardWatcher(RTX.model_copy(update={"name": "Apple M2"}))]
    nvml.init = nvml_error(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    for watcher in (*watchers, CardWatcher(RTX)):
        assert (watcher.joules(), watcher.state()) == (None, None)


def card(name: str, uuid: str | None) -> Card:
    return Card(RTX.model_copy(update={"name": name}), uuid, object())


@pytest.mark.parametrize(
    ("cards", "cuda", "expected"),
    [
        ([], None, None),
        ([card("A", FIRST)], None, 0),
        ([card("B", FIRST)], FIRST, None),
        # Un nombre dentro de otro: «RTX 3060» y «RTX 3060 Ti».
        ([card("A Ti", FIRST)], FIRST, None),
        ([card("A Ti", FIRST), card("A", SECOND)], FIRST, 1),
        ([card("B", FIRST), card("A", SECOND)], None, 1),
        ([card("A", FIRST), card("A", SECOND)], SECOND, 1),
        ([card("A", FIRST), card("A", SECOND)], None, None),
        ([card("A", None), card("A", None)], None, None),
        ([card("A", None), card("A", SECOND)], None, None),
        ([card("A", FIRST), card("A", FIRST)], FIRST, None),
        # CUDA pone la primera otra, que TensorFlow no usa por pequeña.
        ([card("A", FIRST), card("A", SECOND), card("B", "GPU-3")], "GPU-3", None),
    ],
)
def test_the_card_that_trains_is_found_only_for_certain(
    cards: list[Card], cuda: str | None, expected: int | None
) -> None:
    found = hardware.match_card(cards, "A", cuda)
    assert found is (None if expected is None else cards[expected])


@pytest.mark.parametrize(
    "cuda", [SimpleNamespace(), OSError("cannot open shared object file")], ids=["antigua", "no"]
)
@pytest.mark.parametrize(
    ("system", "library"), [("Linux", "libcuda.so.1"), ("Windows", "nvcuda.dll")]
)
def test_without_a_recent_cuda_nobody_says_which_card_it_sees_first(
    monkeypatch: pytest.MonkeyPatch, cuda: object, system: str, library: str
) -> None:
    """Lo que dice la que hay está en `test_driver.py`."""
    opened: list[str] = []

    def load(name: str) -> object:
        opened.append(name)
        return answer(cuda)

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(platform, "system", lambda: system)
    assert hardware.first_cuda_uuid() is None
    assert opened == [library]


# --- Elegir el dispositivo ---


def test_tensorflow_starts_without_a_word() -> None:
    code = (
        "from fashion_bench.machine.engines import quiet\n"
        "with quiet(): import tensorflow\n"
        "from fashion_bench.doctor import device\n"
        "device.choose_device('auto', 'tensorflow')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (ModuleNotFoundError("", name="tensorflow"), "pip install -r requirements"),
        (ValueError("dlopen(libmetal_plugin.dylib)"), "(dlopen(libmetal_plugin.dylib))"),
        (OSError(24, "Too many open files"), "ulimit -n 1024"),  # V33
        (ImportError("libx.so: failed to map segment from shared object"), "noexec"),  # V38
    ],
)
def test_an_import_that_fails_is_told_in_spanish(failure: Exception, told: str) -> None:
    with pytest.raises(TutorialError) as error, quiet():
        raise failure
    assert told in str(error.value)
    assert ("python -m fashion_bench" in str(error.value)) is isinstance(failure, ValueError)


def test_changing_the_device_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def too_late(devices: list[object], kind: str) -> None:
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "set_visible_devices", too_late)
    with pytest.raises(TutorialError, match="reinicia el kernel"):
        device.choose_device("cpu", "tensorflow")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Un TensorFlow con dos GPU; devuelve las que, cada vez, se dejan a la vista."""
    import tensorflow as tf

    visible: list[list[str]] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda gpus, kind: visible.append(gpus))
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: visible[-1])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": f"la {gpu}"}
    )
    return visible


def test_cpu_hides_the_gpu_and_auto_shows_one(two_gpus: list[list[str]]) -> None:
    names = []
    for requested in ("cpu", "auto", "gpu"):
        device.choose_device(requested, "tensorflow")
        names.append(backends.gpu_name("tensorflow"))
    assert names == [None, "la GPU:0", "la GPU:0"]
    assert two_gpus == [[], ["GPU:0"], ["GPU:0"]]


def test_tensorflow_leaves_the_gpu_to_the_other_backends(
    two_gpus: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "gpu_name", lambda backend: RTX.name)
    for backend in ("torch", "jax"):
        device.choose_device("gpu", backend)
    assert two_gpus == [[], []]


def test_asking_for_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    judged_by(BARE, monkeypatch)
    monkeypatch.setattr(backends, "hide_devices", lambda requested, backend: None)
    monkeypatch.setattr(backends, "gpu_name", lambda backend: None)
    with pytest.raises(TutorialError) as error:
        device.choose_device("gpu", "tensorflow")
    assert diagnosis.verdict(BARE).line in str(error.value)
    assert "se entrena en la CPU" not in str(error.value)
    for requested in ("auto", "cpu"):
        device.choose_device(requested, "tensorflow")


# --- El resumen ---


def judged_by(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hace que el resumen juzgue con esos hechos, sin preguntar a TensorFlow."""
    monkeypatch.setattr(trial, "ask", lambda backend: facts.engine)
    monkeypatch.setattr(device, "gather", lambda *_: facts)


def described(
    accelerator: Accelerator | None,
    monkeypatch: pytest.MonkeyPatch,
    requested: str = "auto",
    precision: str = "float32",
) -> list[str]:
    monkeypatch.setattr(backends, "accelerator", lambda backend: accelerator)
    monkeypatch.setattr(summary, "wrapped", str)  # sin partir en renglones
    return summary.gpu(requested, precision).splitlines()


UNKNOWN = dict.fromkeys(("memory_gib", "driver", "compute_capability", "power_limit_w"))


@pytest.mark.parametrize(
    ("accelerator", "requested", "facts", "told"),
    [
        (RTX, "auto", LINUX, ["detectada", RTX.name, "12\xa0GiB", "8.6", "560.35.03"]),
        (RTX.model_copy(update={"name": "Apple M2"} | UNKNOWN), "gpu", LINUX, ["Apple M2"]),
        (None, "cpu", LINUX, ["device='cpu'"]),
        (None, "auto", BARE, ["no detectada", diagnosis.verdict(BARE).sentence]),
        (None, "auto", BROKEN, ["no detectada", diagnosis.verdict(BROKEN).sentence]),
    ],
)
def test_the_first_line_of_the_report_is_about_the_gpu(
    monkeypatch: pytest.MonkeyPatch,
    accelerator: Accelerator | None,
    requested: str,
    facts: Facts,
    told: list[str],
) -> None:
    judged_by(facts, monkeypatch)
    first, *others = described(accelerator, monkeypatch, requested)
    assert first.startswith("GPU ")
    assert all(fact in first for fact in told)
    assert "None" not in first
    cure = diagnosis.verdict(facts).cure
    assert (f"Ejecuta: {cure}" in others) is (facts == BROKEN)
    assert ("Se entrena en la CPU" in first) is (not accelerator and requested == "auto")


def test_the_line_that_opens_the_notebooks_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    judged_by(BARE, monkeypatch)
    assert len(described(None, monkeypatch)[0].split()) <= 20


def test_the_equipment_is_that_of_this_machine() -> None:
    machine, software = hardware.machine(), backends.software()
    for fact in (machine.os, machine.cpu, software.python, software.tensorflow, software.keras):
        assert fact in summary.equipment()


def test_the_report_tells_what_the_diagnosis_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    too_new = LINUX.nvidia_cards[0].model_copy(update={"compute_capability": "12.0"})
    for changes in (
        {"free_memory_gib": 0.1},
        {"free_disk_gib": 0.1, "free_memory_gib": 0.1},
        {"gpus": (RTX.name, RTX.name)},
        {"nvidia_cards": (too_new,)} | NOT_TRIED,
        {"nvidia_cards": (too_new,), "free_memory_gib": 0.1} | NOT_TRIED,
    ):
        facts = having(LINUX, changes)
        judged_by(facts, monkeypatch)
        _, *told = described(RTX, monkeypatch)
        told = [line for line in told if not line.startswith("Motor:")]
        expected = list[str]()
        for found in diagnosis.findings(facts):
            if found.id != "gpu-ready":
                expected.append(f"Aviso: {found.sentence}")
                expected += [f"Ejecuta: {found.cure}"] if found.cure else []
        assert told == expected != []


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        (LINUX, [("tensorflow", LINUX.engine)]),
        (BROKEN, [("tensorflow", LINUX.engine), ("tensorflow",)]),
    ],
)
def test_only_a_problem_is_judged_with_what_a_trial_says(
    monkeypatch: pytest.MonkeyPatch, seen: Facts, asked: list[tuple[object, ...]]
) -> None:
    calls: list[tuple[object, ...]] = []

    def gather(*arguments: object) -> Facts:
        calls.append(arguments)
        return seen if len(arguments) > 1 else TRIED

    monkeypatch.setattr(trial, "ask", lambda backend: LINUX.engine)
    monkeypatch.setattr(device, "gather", gather)
    assert device.facts("tensorflow") == (TRIED if len(asked) > 1 else seen)
    assert calls == asked


def test_each_backend_is_judged_by_its_own_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    judged_by(having(TORCH, {"gpus": (), "tried_on": "cpu", "cuda": None}), monkeypatch)
    torch = {"backend": "torch", "torch": "2.6.0", "cuda": "12.4"}
    software = backends.software().model_copy(update=torch)
    monkeypatch.setattr(backends, "software", lambda: software)
    assert "PyTorch instalado no trae CUDA" in described(None, monkeypatch)[0]
    assert "sobre PyTorch 2.6.0 (CUDA 12.4, " in summary.equipment()


def test_half_precision_on_the_cpu_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    judged_by(LINUX, monkeypatch)
    for accelerator, precision, warned in (
        (None, "mixed_float16", True),
        (RTX, "mixed_float16", False),
        (None, "mixed_bfloat16", False),
    ):
        told = described(accelerator, monkeypatch, precision=precision)
        assert any(line.startswith("Aviso") for line in told) is warned
