import getpass
import platform
import socket
import subprocess
import sys
from concurrent.futures import Future

import pynvml
import pytest
from conftest import child_environment
from test_diagnosis import LINUX

from fashion_bench import diagnosis, environment
from fashion_bench.environment import Accelerator, EnergyMeter
from fashion_bench.errors import TutorialError
from fashion_bench.facts import Facts, TensorFlow

RTX = Accelerator(
    name="NVIDIA GeForce RTX 3060", memory_gib=12.0, driver="560.35", compute_capability="8.6"
)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Un controlador de NVIDIA simulado, con una tarjeta; devuelve su contador de energía."""
    counter = {"millijoules": 5000}
    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: RTX.driver,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: RTX.name,
        "nvmlDeviceGetMemoryInfo": lambda handle: type("Memory", (), {"total": 12 * 2**30}),
        "nvmlDeviceGetCudaComputeCapability": lambda handle: (8, 6),
        "nvmlDeviceGetTotalEnergyConsumption": lambda handle: counter["millijoules"],
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    return counter


def test_the_machine_is_described_without_naming_it() -> None:
    machine = environment.machine()
    assert machine.logical_cores >= 1
    assert machine.memory_gib > 0.5
    assert machine.architecture == platform.machine()
    assert machine.cpu != "desconocido"
    text = machine.model_dump_json()
    assert socket.gethostname() not in text
    if getpass.getuser() != "root":
        assert getpass.getuser() not in text


def test_the_processor_is_looked_at_again_if_the_first_look_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed: Future[dict] = Future()
    failed.set_exception(OSError(14, "Bad address"))
    monkeypatch.setattr(environment, "look_at_processor", lambda: failed)
    monkeypatch.setattr(environment.cpuinfo, "get_cpu_info", lambda: {"brand_raw": "CPU de prueba"})
    assert environment.machine().cpu == "CPU de prueba"


@pytest.mark.parametrize(
    ("system", "release", "expected"),
    [
        ("Linux", "6.8.0-45-generic", "Ubuntu 24.04"),
        ("Linux", "5.15.153.1-microsoft-standard-WSL2", "Ubuntu 24.04, WSL2"),
        ("Darwin", "24.1.0", "macOS 15.1"),
        ("Windows", "11", "Windows 11"),
    ],
)
def test_operating_systems(
    monkeypatch: pytest.MonkeyPatch, system: str, release: str, expected: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"PRETTY_NAME": "Ubuntu 24.04"})
    assert environment.machine().os == expected


def test_an_nvidia_card_is_described(nvml: dict[str, int]) -> None:
    assert environment.nvidia_cards() == [RTX]


def test_without_nvidia_driver_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert environment.nvidia_cards() == []


def test_energy_is_read_in_joules_only_from_the_card_that_trains(nvml: dict[str, int]) -> None:
    meter = EnergyMeter(RTX)
    assert meter.joules() == 5.0
    nvml["millijoules"] += 2500
    assert meter.joules() == 7.5
    assert EnergyMeter(None).joules() is None
    assert EnergyMeter(RTX.model_copy(update={"name": "Apple M2"})).joules() is None


def test_old_cards_do_not_count_energy(
    nvml: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_supported(handle: int) -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", not_supported)
    assert EnergyMeter(RTX).joules() is None


@pytest.mark.skipif(platform.system() != "Linux", reason="el consejo es el de Linux")
def test_a_card_that_a_cpu_build_cannot_use_is_explained(nvml: dict[str, int]) -> None:
    import tensorflow as tf

    if tf.test.is_built_with_cuda():
        pytest.skip("este TensorFlow sí tiene CUDA")
    first, _ = environment.report(
        environment.machine(), environment.software(), None, "auto", "float32"
    ).split("\n", maxsplit=1)
    assert first.startswith(f"GPU no detectada: este equipo tiene una {RTX.name}, pero ")
    assert first.endswith("-m pip install -r requirements-cuda.txt")


def run_python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip


START = "from fashion_bench import environment\nwith environment.quiet(): import tensorflow\n"


def test_tensorflow_starts_without_a_word() -> None:
    done = run_python(START + "print(environment.choose_device('auto', 'tensorflow'))")
    assert (done.returncode, done.stdout, done.stderr) == (0, "cpu\n", "")


def test_asking_for_a_gpu_that_is_not_there() -> None:
    done = run_python(START + "environment.choose_device('gpu', 'tensorflow')")
    assert done.returncode == 1
    assert "TutorialError: device='gpu' no es posible; elige " in done.stderr


def test_changing_the_device_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def too_late(devices: list, kind: str) -> None:
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "set_visible_devices", too_late)
    with pytest.raises(TutorialError, match="reinicia el kernel"):
        environment.choose_device("cpu", "tensorflow")


def test_cpu_hides_the_gpu_and_auto_shows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    visible = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda gpus, kind: visible.append(gpus))
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: visible[-1])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {})
    chosen = [environment.choose_device(name, "tensorflow") for name in ("cpu", "auto", "gpu")]
    assert chosen == ["cpu", "gpu", "gpu"]
    assert visible == [[], ["GPU:0"], ["GPU:0"]]


def test_a_missing_tensorflow_is_told_in_spanish() -> None:
    done = run_python(
        "import sys; sys.modules['tensorflow'] = None\n"
        "from fashion_bench import environment\nwith environment.quiet(): import tensorflow\n"
    )
    assert done.returncode == 1
    assert "TutorialError: TensorFlow no se puede importar" in done.stderr
    assert "pip install -r requirements.txt" in done.stderr
    assert "python -m fashion_bench" in done.stderr


def test_an_import_that_fails_in_any_other_way_is_told_in_spanish() -> None:
    with pytest.raises(TutorialError, match=r"no se puede importar \(dlopen"), environment.quiet():
        raise ValueError("dlopen(libmetal_plugin.dylib)")


@pytest.mark.parametrize(
    ("accelerator", "requested", "start"),
    [
        (RTX, "auto", "GPU detectada: NVIDIA GeForce RTX 3060 (12 GiB, capacidad de cómputo 8.6, "
                      "controlador 560.35)"),
        (None, "cpu", "GPU no usada: has pedido device='cpu'"),
        (None, "auto", "GPU no detectada: "),
    ],
)  # fmt: skip
def test_the_first_line_of_the_report_is_about_the_gpu(
    accelerator: Accelerator | None, requested: str, start: str
) -> None:
    lines = environment.report(
        environment.machine(), environment.software(), accelerator, requested, "float32"
    ).splitlines()
    assert lines[0].startswith(start)
    assert lines[1].endswith("la GPU" if accelerator else "la CPU")


def test_the_report_tells_what_the_diagnosis_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    software = environment.software()
    too_new = LINUX.nvidia_cards[0].model_copy(update={"compute_capability": "12.0"})
    for changes in (
        {"free_memory_gib": 0.1},
        {"free_disk_gib": 0.1, "free_memory_gib": 0.1},
        {"tensorflow": LINUX.tensorflow.model_copy(update={"gpus": (RTX.name, RTX.name)})},
        {"nvidia_cards": (too_new,)},
    ):
        facts = LINUX.model_copy(update=changes)
        monkeypatch.setattr(environment, "gather", lambda *_, facts=facts: facts)
        lines = environment.report(environment.machine(), software, RTX, "auto", "float32")
        told = [line for line in lines.splitlines() if line.startswith("Aviso: ")]
        expected = [found.line for found in diagnosis.findings(facts) if found.id != "gpu-ready"]
        assert sorted(told) == sorted(f"Aviso: {line}" for line in expected) != []


def test_a_problem_is_judged_with_what_a_fresh_import_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def gather(*tensorflow: TensorFlow) -> Facts:
        asked.append(len(tensorflow))
        messages = "" if tensorflow else "failed call to cuInit: CUDA_ERROR_UNKNOWN"
        blind = LINUX.tensorflow.model_copy(update={"gpus": (), "messages": messages})
        return LINUX.model_copy(update={"tensorflow": blind})

    monkeypatch.setattr(environment, "gather", gather)
    facts = environment.machine(), environment.software()
    first = environment.report(*facts, None, "auto", "float32").splitlines()[0]
    assert asked == [1, 0]
    assert "CUDA no arranca" in first


def test_half_precision_on_the_cpu_is_warned_about() -> None:
    facts = environment.machine(), environment.software()
    assert "Aviso" in environment.report(*facts, None, "auto", "mixed_float16")
    assert "Aviso" not in environment.report(*facts, RTX, "auto", "mixed_float16")
    assert "Aviso" not in environment.report(*facts, None, "auto", "mixed_bfloat16")
