import importlib.metadata
import json
import platform
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace

import pynvml
import pytest
from conftest import ROOT, child_environment

from fashion_bench import __main__
from fashion_bench.machine import diagnosis, hardware, probe
from fashion_bench.machine.diagnosis import findings
from fashion_bench.machine.facts import Facts, TensorFlow
from fashion_bench.machine.finding import Finding
from fashion_bench.machine.rules import gpu, installation
from fashion_bench.record import Accelerator

RTX = Accelerator(
    name="NVIDIA GeForce RTX 3060",
    memory_gib=12.0,
    driver="560.35.03",
    compute_capability="8.6",
    power_limit_w=170.0,
    mig=None,
)
CUDA = TensorFlow(
    version="2.21.0",
    built_with_cuda=True,
    compute_capabilities=("sm_60", "sm_70", "sm_80", "sm_89", "compute_90"),
    gpus=(RTX.name,),
)
CPU = TensorFlow(version="2.21.0")
BLIND = CUDA.model_copy(update={"gpus": ()})

LINUX = Facts(
    os="Ubuntu 24.04.1 LTS",
    system="Linux",
    architecture="x86_64",
    wsl=False,
    virtual_machine=False,
    rosetta=False,
    python="3.12.7",
    python_bits=64,
    python_command=".venv/bin/python",
    distributions={"tensorflow": "2.21.0", "numpy": "2.4.6", "protobuf": "7.36.2"},
    missing_cuda_wheels=(),
    tensorflow=CUDA,
    nvidia_cards=(RTX,),
    nvidia_error=None,
    nvidia_hardware=True,
    gpus_hidden=False,
    ld_library_path=False,
    free_memory_gib=12.0,
    free_disk_gib=80.0,
)
BARE = LINUX.model_copy(
    update={
        "tensorflow": CPU,
        "distributions": {"tensorflow-cpu": "2.21.0"},
        "nvidia_cards": (),
        "nvidia_error": "NVML Shared Library Not Found",
        "nvidia_hardware": False,
    }
)
WSL = LINUX.model_copy(
    update={
        "os": "Ubuntu 24.04.1 LTS, WSL2",
        "wsl": True,
        "nvidia_cards": (RTX.model_copy(update={"driver": "566.36"}),),
    }
)
MAC = BARE.model_copy(
    update={
        "os": "macOS 15.1",
        "system": "Darwin",
        "architecture": "arm64",
        "tensorflow": TensorFlow(version="2.19.1", gpus=("METAL",)),
        "distributions": {"tensorflow": "2.19.1", "tensorflow-metal": "1.2.0"},
    }
)
WINDOWS = BARE.model_copy(
    update={
        "os": "Windows 11",
        "system": "Windows",
        "architecture": "AMD64",
        "python_command": r".venv\Scripts\python.exe",
        "nvidia_cards": (RTX.model_copy(update={"driver": "566.36"}),),
        "nvidia_error": None,
    }
)


def card(**changes: str | None) -> dict[str, object]:
    return {"nvidia_cards": (RTX.model_copy(update=changes),)}


def broken(messages: str = "", exit_code: int | None = 1) -> dict[str, object]:
    """Importación fallida; los mensajes son los que TensorFlow o Python escriben de verdad."""
    return {"tensorflow": TensorFlow(version=None, exit_code=exit_code, messages=messages)}


DLOPEN = (
    "W0000 00:00:1744212707.411665 14 gpu_device.cc:2341] Cannot dlopen some GPU libraries. "
    "Please make sure the missing libraries mentioned above are installed properly if you would "
    "like to use GPU."
)
CUINIT = (
    "E0000 00:00:1744212707.411665 14 cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA "
    "error: Failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error"
)
METAL = (
    "tensorflow.python.framework.errors_impl.NotFoundError: dlopen(<entorno>/lib/python3.12/"
    "site-packages/tensorflow-plugins/libmetal_plugin.dylib, 0x0006): Symbol not found"
)
AVX = (
    "F tensorflow/core/platform/cpu_feature_guard.cc:35] The TensorFlow library was compiled to "
    "use AVX instructions, but these aren't available on your machine."
)
DLL = "ImportError: DLL load failed while importing _pywrap_tensorflow_internal"
PROTOBUF = "ImportError: cannot import name 'runtime_version' from 'google.protobuf'"
GENCODE = "VersionError: Detected incompatible Protobuf Gencode/Runtime versions when loading"
NUMPY = "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.1.3 as it may crash."
MISSING = "ModuleNotFoundError: No module named 'tensorflow'"

Case = tuple[Facts, dict[str, object], str]

CASES: list[Case] = [
    (LINUX, {}, "gpu-ready"),
    (LINUX, {"tensorflow": BLIND} | card(driver="520.61.05"), "driver-old"),
    (LINUX, {"tensorflow": CPU}, "cpu-build"),
    (
        LINUX,
        {"tensorflow": BLIND, "missing_cuda_wheels": ("nvidia-cudnn-cu12",)},
        "cuda-wheels-missing",
    ),
    (LINUX, {"tensorflow": BLIND.model_copy(update={"messages": DLOPEN})}, "libraries-not-found"),
    (LINUX, {"tensorflow": BLIND, "ld_library_path": True}, "foreign-libraries"),
    (LINUX, {"tensorflow": BLIND.model_copy(update={"messages": CUINIT})}, "cuda-not-starting"),
    (LINUX, {"tensorflow": BLIND, "gpus_hidden": True}, "gpu-hidden"),
    (LINUX, card(compute_capability="12.0"), "gpu-too-new"),
    (LINUX, {"tensorflow": BLIND} | card(compute_capability="5.2"), "gpu-too-old"),
    (LINUX, {"tensorflow": CPU, "architecture": "aarch64"}, "nvidia-arm"),
    (LINUX, broken(MISSING), "tensorflow-missing"),
    (LINUX, broken(exit_code=-signal.SIGILL), "no-avx"),
    (LINUX, broken(AVX, exit_code=-signal.SIGABRT), "no-avx"),
    (LINUX, broken(PROTOBUF), "protobuf-conflict"),
    (LINUX, broken(GENCODE), "protobuf-conflict"),
    (LINUX, broken(NUMPY), "numpy-conflict"),
    (LINUX, broken(exit_code=-signal.SIGSEGV), "tensorflow-broken"),
    (LINUX, broken(exit_code=None), "tensorflow-slow"),
    (LINUX, {"python": "3.14.0"} | broken(MISSING), "python-unsupported"),
    (LINUX, {"python": "3.10.12"}, "python-unsupported"),
    (BARE, {}, "no-gpu"),
    (BARE, {"virtual_machine": True}, "no-gpu"),
    (BARE, {"nvidia_hardware": True}, "driver-missing"),
    (
        BARE,
        {"nvidia_hardware": True, "nvidia_error": "Driver/library version mismatch"},
        "driver-not-loaded",
    ),
    (WSL, {}, "gpu-ready"),
    (WSL, {"tensorflow": BLIND} | card(driver="527.41"), "driver-old"),
    (
        WSL,
        {"tensorflow": BLIND, "nvidia_cards": (), "nvidia_error": "NVML Shared Library Not Found"},
        "wsl-driver-missing",
    ),
    (WINDOWS, {}, "windows-native"),
    (WINDOWS, {"nvidia_cards": ()}, "no-gpu"),
    (WINDOWS, broken(DLL), "visual-cpp-missing"),
    (WINDOWS, broken(exit_code=0xC000001D), "no-avx"),
    (WINDOWS, {"python_bits": 32} | broken(MISSING), "python-32-bit"),
    (WINDOWS, {"python": "3.14.0"} | broken(MISSING), "python-unsupported"),
    (MAC, {}, "metal-ready"),
    (
        MAC,
        {"distributions": {"tensorflow": "2.21.0", "tensorflow-metal": "1.2.0"}} | broken(METAL),
        "metal-breaks-tensorflow",
    ),
    (
        MAC,
        {"distributions": {"tensorflow": "2.20.0", "tensorflow-metal": "1.2.0"}}
        | broken(exit_code=-signal.SIGABRT),
        "metal-breaks-tensorflow",
    ),
    (MAC, {"tensorflow": CPU, "distributions": {"tensorflow": "2.21.0"}}, "metal-missing"),
    (
        MAC,
        {"tensorflow": CPU, "distributions": {"tensorflow": "2.21.0"}, "python": "3.13.1"},
        "metal-missing",
    ),
    (MAC, {"tensorflow": CPU}, "metal-not-seen"),
    (MAC, {"rosetta": True, "architecture": "x86_64"} | broken(AVX), "python-rosetta"),
    (MAC, {"architecture": "x86_64"} | broken(MISSING), "intel-mac"),
    (MAC, {"architecture": "x86_64", "tensorflow": TensorFlow(version="2.16.2")}, "no-gpu"),
]
OLD = RTX.model_copy(update={"name": "NVIDIA GeForce GTX 960", "compute_capability": "5.2"})
ORDER_CASES: list[Case] = [
    # Dos problemas a la vez: se dice el que impide arreglar el otro.
    (MAC, {"rosetta": True, "architecture": "x86_64", "python": "3.14.0"}, "python-rosetta"),
    (MAC, {"architecture": "x86_64", "python": "3.14.0"} | broken(MISSING), "intel-mac"),
    (WINDOWS, {"python_bits": 32, "python": "3.14.0"} | broken(MISSING), "python-32-bit"),
    (LINUX, {"python": "3.14.0"} | broken(AVX), "python-unsupported"),
    (LINUX, broken(MISSING + NUMPY), "tensorflow-missing"),
    (WINDOWS, broken(DLL + PROTOBUF), "visual-cpp-missing"),
    (WINDOWS, card(driver="400.1"), "windows-native"),
    (LINUX, {"tensorflow": CPU, "architecture": "aarch64"} | card(driver="400.1"), "nvidia-arm"),
    (LINUX, {"tensorflow": CPU} | card(driver="400.1"), "driver-old"),
    (LINUX, {"tensorflow": CPU, "gpus_hidden": True}, "cpu-build"),
    (
        LINUX,
        {"tensorflow": BLIND, "gpus_hidden": True, "ld_library_path": True},
        "gpu-hidden",
    ),
    (
        LINUX,
        {"tensorflow": BLIND, "missing_cuda_wheels": ("nvidia-cudnn-cu12",)}
        | card(compute_capability="5.2"),
        "gpu-too-old",
    ),
    (
        LINUX,
        {
            "tensorflow": BLIND.model_copy(update={"messages": CUINIT}),
            "missing_cuda_wheels": ("nvidia-cudnn-cu12",),
            "ld_library_path": True,
        },
        "cuda-wheels-missing",
    ),
    (
        LINUX,
        {"tensorflow": BLIND.model_copy(update={"messages": CUINIT}), "ld_library_path": True},
        "cuda-not-starting",
    ),
    # Si todo va bien, lo que escriba TensorFlow, o una variable que sobra, da igual.
    (LINUX, {"tensorflow": CUDA.model_copy(update={"messages": NUMPY + CUINIT})}, "gpu-ready"),
    (LINUX, {"gpus_hidden": True, "ld_library_path": True}, "gpu-ready"),
    (LINUX, card(driver="400.1"), "gpu-ready"),
    (MAC, {"distributions": {"tensorflow": "2.21.0", "tensorflow-metal": "1.2.0"}}, "metal-ready"),
    # Justo en el límite.
    (LINUX, {"tensorflow": BLIND} | card(driver="525.60.13"), "libraries-not-found"),
    (WSL, {"tensorflow": BLIND} | card(driver="528.33"), "libraries-not-found"),
    (WSL, {"tensorflow": BLIND} | card(driver="528.32"), "driver-old"),
    (LINUX, {"tensorflow": BLIND} | card(compute_capability="6.0"), "libraries-not-found"),
    (LINUX, card(compute_capability="9.0"), "gpu-ready"),
    (LINUX, {"python": "3.11.0"}, "gpu-ready"),
    (LINUX, {"python": "3.13.9"}, "gpu-ready"),
    # Con lo que el controlador no cuenta no se juzga.
    (LINUX, card(compute_capability=None), "gpu-ready"),
    (
        LINUX,
        {"tensorflow": BLIND} | card(compute_capability=None, driver=None),
        "libraries-not-found",
    ),
    (
        LINUX,
        {"tensorflow": BLIND.model_copy(update={"compute_capabilities": ()})}
        | card(compute_capability="5.2"),
        "libraries-not-found",
    ),
    # De varias tarjetas se juzga la que ve TensorFlow o, si no ve ninguna, la más capaz.
    (LINUX, {"nvidia_cards": (OLD, RTX)}, "gpu-ready"),
    (LINUX, {"tensorflow": BLIND, "nvidia_cards": (OLD, RTX)}, "libraries-not-found"),
    (LINUX, {"tensorflow": BLIND, "nvidia_cards": (OLD, OLD)}, "gpu-too-old"),
    (
        LINUX,
        {
            "nvidia_cards": (
                RTX.model_copy(update={"name": "RTX 5090", "compute_capability": "12.0"}),
                RTX,
            )
        },
        "gpu-ready",
    ),
    # Una tarjeta callada entre otras que responden no es un controlador que falta.
    (LINUX, {"nvidia_error": "GPU is lost"}, "gpu-ready"),
    (BARE, {"nvidia_hardware": True, "nvidia_error": None}, "driver-not-loaded"),
    (BARE, {"nvidia_hardware": True, "nvidia_error": "Function Not Found"}, "driver-not-loaded"),
]
EXTRA_CASES: list[Case] = [
    (LINUX, {"free_memory_gib": 0.7}, "low-memory"),
    (LINUX, {"free_disk_gib": 0.1}, "low-disk"),
    (BARE, {"free_disk_gib": 1.0} | broken(MISSING), "low-disk"),
    (
        LINUX,
        {"tensorflow": CUDA.model_copy(update={"gpus": (RTX.name, "NVIDIA T400")})},
        "several-gpus",
    ),
]


def everything() -> list[Finding]:
    """Los hallazgos de todos los casos."""
    return [
        finding
        for base, changes, _ in CASES + ORDER_CASES + EXTRA_CASES
        for finding in findings(base.model_copy(update=changes))
    ]


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    CASES + ORDER_CASES,
    ids=lambda value: value.os.replace(" ", "_") if isinstance(value, Facts) else None,
)
def test_each_machine_has_one_main_finding(
    base: Facts, changes: dict[str, object], expected: str
) -> None:
    assert [finding.id for finding in findings(base.model_copy(update=changes))] == [expected]


@pytest.mark.parametrize(("base", "changes", "expected"), EXTRA_CASES)
def test_some_findings_come_besides_the_main_one(
    base: Facts, changes: dict[str, object], expected: str
) -> None:
    main, *_ = findings(base)
    found = [finding.id for finding in findings(base.model_copy(update=changes))]
    assert expected in found
    assert len(found) == 2
    assert expected == "low-disk" or main.id in found


def test_the_best_card_is_idle_only_if_tensorflow_sees_no_gpu() -> None:
    two = {"nvidia_cards": (OLD, RTX)}
    assert LINUX.model_copy(update=two).unused_card is None
    assert LINUX.model_copy(update=two | {"tensorflow": BLIND}).unused_card == RTX
    assert BARE.unused_card is None


def test_every_rule_has_its_case_and_says_one_thing() -> None:
    machines = [
        base.model_copy(update=changes) for base, changes, _ in CASES + ORDER_CASES + EXTRA_CASES
    ]
    said: dict[Callable[[Facts], Finding | None], str] = {}
    for rule in diagnosis.VERDICT + diagnosis.BESIDES:
        [said[rule]] = {found.id for machine in machines if (found := rule(machine))}
    answered = {finding.id for machine in machines for finding in findings(machine)}
    assert sorted(said.values()) == sorted(answered)


def test_the_gravest_comes_first() -> None:
    poor = LINUX.model_copy(update={"free_memory_gib": 0.7} | broken(MISSING))
    assert [finding.severity for finding in findings(poor)] == ["error", "warning"]
    assert [finding.severity for finding in findings(BARE)] == ["ok"]


def test_every_finding_reads_well_and_cites_an_official_page() -> None:
    official = re.compile(
        r"https://(www\.tensorflow\.org|github\.com/tensorflow|www\.nvidia\.com|docs\.nvidia\.com"
        r"|developer\.apple\.com|learn\.microsoft\.com|www\.python\.org|pip\.pypa\.io)/"
    )
    for finding in everything():
        first = finding.sentence.split()[0]
        assert first == first.lower() or first in {"TensorFlow", "WSL2", "Windows"}
        assert not finding.sentence.endswith("."), finding.sentence
        assert "\n" not in finding.sentence + finding.cure
        assert official.match(finding.url) or finding.id == "low-memory"
        assert finding.severity != "ok" or not finding.cure


def test_the_driver_of_wsl_is_installed_in_windows_and_that_of_ubuntu_with_one_order() -> None:
    [on_wsl] = findings(WSL.model_copy(update={"tensorflow": BLIND} | card(driver="527.41")))
    assert "en Windows" in on_wsl.sentence
    assert on_wsl.cure == ""
    hidden = {"nvidia_hardware": True}
    [on_ubuntu] = findings(BARE.model_copy(update=hidden))
    assert on_ubuntu.cure == "sudo ubuntu-drivers install && sudo reboot"
    [on_fedora] = findings(BARE.model_copy(update=hidden | {"os": "Fedora Linux 43"}))
    assert on_fedora.cure == ""


def test_a_conflict_names_the_version_that_does_not_fit() -> None:
    for message, package in ((PROTOBUF, "protobuf"), (NUMPY, "numpy")):
        facts = LINUX.model_copy(update=broken(message))
        told = f"la versión {facts.distributions[package]} de {package}"
        assert told in diagnosis.verdict(facts).sentence


def test_a_machine_without_gpu_is_called_what_it_is() -> None:
    assert diagnosis.verdict(BARE).sentence.startswith("este equipo no tiene ninguna GPU")
    virtual = diagnosis.verdict(BARE.model_copy(update={"virtual_machine": True}))
    assert virtual.sentence.startswith("esta máquina virtual no tiene ninguna GPU")


def test_wsl_is_restarted_from_windows() -> None:
    stuck = {"tensorflow": BLIND.model_copy(update={"messages": CUINIT})}
    assert diagnosis.verdict(LINUX.model_copy(update=stuck)).cure == "sudo reboot"
    assert diagnosis.verdict(WSL.model_copy(update=stuck)).cure == "wsl.exe --shutdown"


def test_a_driver_that_answers_is_never_said_to_be_silent() -> None:
    # Estas reglas no dependen de que otras contesten antes.
    for facts in (LINUX, WSL, LINUX.model_copy(update={"tensorflow": BLIND}), BARE):
        for rule in (gpu.wsl_driver_missing, gpu.driver_missing, gpu.driver_not_loaded):
            assert rule(facts) is None


@pytest.mark.parametrize(
    ("base", "changes", "lock"),
    [
        (LINUX, {}, "requirements-cuda.txt"),
        (BARE, {}, "requirements.txt"),
        (BARE, {"nvidia_hardware": True}, "requirements-cuda.txt"),
        (LINUX, {"architecture": "aarch64"}, "requirements.txt"),
        (WSL, {}, "requirements-cuda.txt"),
        (WSL, {"nvidia_cards": ()}, "requirements.txt"),
        (WINDOWS, {}, "requirements.txt"),
        (MAC, {}, "requirements-macos.txt"),
        (MAC, {"python": "3.13.1"}, "requirements.txt"),
    ],
)
def test_a_missing_tensorflow_is_installed_from_the_lock_of_the_machine(
    base: Facts, changes: dict[str, object], lock: str
) -> None:
    [finding] = findings(base.model_copy(update=changes | broken(MISSING)))
    assert finding.cure == f"{base.python_command} -m pip install -r {lock}"


def test_metal_on_a_new_python_needs_a_new_environment() -> None:
    changes = {"tensorflow": CPU, "distributions": {}, "python": "3.13.1"}
    [finding] = findings(MAC.model_copy(update=changes))
    assert finding.cure.startswith("python3.12 -m venv --clear .venv && ")


@pytest.mark.skipif(sys.platform == "win32", reason="la orden es para Linux")
def test_the_cure_for_lost_libraries_links_them_beside_tensorflow(tmp_path: Path) -> None:
    venv = tmp_path / "mi entorno" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "tensorflow").mkdir()
    library = packages / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9"
    library.parent.mkdir(parents=True)
    library.touch()
    [finding] = findings(LINUX.model_copy(update={"tensorflow": BLIND}))
    subprocess.run(["bash", "-c", finding.cure], cwd=venv.parent, check=True)
    assert (packages / "tensorflow" / "libcudnn.so.9").resolve() == library


# --- Lo que dicen el README y los entornos de conda es lo mismo que dicen los hallazgos ---


def test_readme_and_environments_give_the_same_minimum_drivers() -> None:
    for name in ("README.md", "environment-cuda.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert f"{gpu.MIN_DRIVER} o posterior" in text
        assert f"{gpu.MIN_WSL_DRIVER} o posterior" in text
        assert set(re.findall(r"\d{3}\.\d{2}(?:\.\d{2})?\b", text)) == {
            gpu.MIN_DRIVER,
            gpu.MIN_WSL_DRIVER,
        }


def test_readme_and_environments_give_the_orders_of_the_findings() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    cures = {finding.cure for finding in everything()}
    locks = {lock for cure in cures for lock in re.findall(r"-r (\S+)", cure)}
    assert locks == {"requirements.txt", "requirements-cuda.txt", "requirements-macos.txt"}
    for lock in locks:
        assert (ROOT / lock).exists()
        assert f".venv/bin/python -m pip install -r {lock}" in readme
    assert "wsl --install" in cures
    assert "`wsl --install`" in readme
    assert ".venv/bin/python -m fashion_bench" in readme
    for name, lock in (("cuda", "requirements-cuda.txt"), ("macos", "requirements-macos.txt")):
        text = (ROOT / f"environment-{name}.yml").read_text(encoding="utf-8")
        assert f"- -r {lock}" in text
        assert "python -m fashion_bench" in text


def test_every_document_names_the_same_pair_for_metal() -> None:
    [finding] = findings(MAC.model_copy(update=broken(METAL)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = project["project"]["optional-dependencies"]["macos"]
    for text in (
        finding.sentence,
        (ROOT / "README.md").read_text(encoding="utf-8").replace("`", ""),
        (ROOT / "environment-macos.yml").read_text(encoding="utf-8"),
    ):
        [pair] = re.findall(r"TensorFlow (\d\S+) (?:con|y) tensorflow-metal (\d\.\d\.\d)", text)
        assert {f"tensorflow=={pair[0]}", f"tensorflow-metal=={pair[1]}"} < set(pinned)


def test_the_supported_pythons_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (first, last) = installation.PYTHONS
    assert project["project"]["requires-python"] == f">=3.{first[1]},<3.{last[1] + 1}"


# --- Los hechos ---


def test_the_facts_of_this_machine() -> None:
    found = probe.gather(CPU)
    assert found.tensorflow == CPU
    assert found.system == platform.system()
    assert found.python == platform.python_version()
    assert {"keras", "numpy", "protobuf"} < set(found.distributions)
    assert found.free_memory_gib > 0


@pytest.mark.parametrize(("value", "hidden"), [("", True), ("-1", True), ("0", False)])
def test_a_variable_that_hides_the_gpus_is_a_fact(
    monkeypatch: pytest.MonkeyPatch, value: str, hidden: bool
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert probe.gather(CPU).gpus_hidden is hidden
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert probe.gather(CPU).gpus_hidden is False


def test_a_path_of_foreign_libraries_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/cuda/lib64")
    assert probe.gather(CPU).ld_library_path is True
    monkeypatch.setenv("LD_LIBRARY_PATH", "")
    assert probe.gather(CPU).ld_library_path is False


@pytest.mark.parametrize(
    ("flags", "release", "expected"),
    [
        ("flags : fpu sse hypervisor avx2", "6.8.0-45-generic", True),
        ("flags : fpu sse avx2", "6.8.0-45-generic", False),
        ("flags : fpu hypervisor", "5.15.153.1-microsoft-standard-WSL2", False),
        (None, "24.1.0", False),
    ],
)
def test_a_virtual_machine_is_known_by_its_processor(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    flags: str | None,
    release: str,
    expected: bool,
) -> None:
    monkeypatch.setattr(probe, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "release", lambda: release)
    if flags:
        probe.CPUINFO.write_text(flags)
    assert probe.gather(CPU).virtual_machine is expected


def test_the_cards_that_answer_and_the_one_that_does_not_are_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "ask_nvidia", lambda: ([RTX], "GPU is lost"))
    found = probe.gather(CUDA)
    assert (found.nvidia_cards, found.nvidia_error) == ((RTX,), "GPU is lost")


def test_the_cuda_libraries_that_tensorflow_asks_for_and_are_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = [
        "numpy>=1.26.0",
        'nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
        'nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"',
        'nvidia-nccl-cu12 (<3,>=2.27.7) ; extra == "and-cuda"',
    ]
    installed = [
        SimpleNamespace(name="nvidia_cudnn_cu12", version="9.10.2.21"),
        SimpleNamespace(name=None, version=None),
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: asked)
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: installed)
    found = probe.gather(CPU)
    assert found.missing_cuda_wheels == ("nvidia-cublas-cu12", "nvidia-nccl-cu12")
    assert found.distributions == {"nvidia-cudnn-cu12": "9.10.2.21"}

    def missing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert probe.gather(CPU).missing_cuda_wheels == ()


def test_what_tensorflow_tells_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    build = {"cuda_compute_capabilities": ["sm_60", "compute_90"]}
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: build)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [RTX.name, ""])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda name: {"device_name": name} if name else {},
    )
    assert probe.ask_tensorflow() == TensorFlow(
        version=tf.__version__,
        built_with_cuda=True,
        compute_capabilities=("sm_60", "compute_90"),
        gpus=(RTX.name, "GPU"),
    )
    monkeypatch.setattr(tf.sysconfig, "get_build_info", dict)
    assert probe.ask_tensorflow().compute_capabilities == ()


def test_the_verdict_fits_in_one_line_that_ends_with_the_cure() -> None:
    line = diagnosis.verdict(LINUX.model_copy(update={"tensorflow": CPU})).line
    assert len(line.splitlines()) == 1
    assert line.startswith(f"este equipo tiene una {RTX.name}, ")
    assert line.endswith(
        ": .venv/bin/python -m pip uninstall -y tensorflow tensorflow-cpu && "
        ".venv/bin/python -m pip install -r requirements-cuda.txt"
    )


@pytest.mark.parametrize(
    ("executable", "project", "expected"),
    [
        (
            PurePosixPath("/home/ana/curso/.venv/bin/python"),
            PurePosixPath("/home/ana/curso"),
            ".venv/bin/python",
        ),
        (
            PurePosixPath("/home/ana/miniforge3/bin/python"),
            PurePosixPath("/home/ana/curso"),
            "python",
        ),
        (
            PureWindowsPath(r"C:\Users\Ana\curso\.venv\Scripts\python.exe"),
            PureWindowsPath(r"c:\users\ana\curso"),
            r".venv\Scripts\python.exe",
        ),
        (PureWindowsPath(r"C:\Python312\python.exe"), PureWindowsPath(r"D:\curso"), "python"),
    ],
)
def test_python_is_named_from_the_project_folder(
    executable: PurePosixPath, project: PurePosixPath, expected: str
) -> None:
    assert probe.python_command(executable, project) == expected


@pytest.mark.parametrize(
    ("home", "prefix", "text"),
    [
        (
            PurePosixPath("/home/ana"),
            "/home/ana/curso/.venv",
            'File "/home/ana/curso/.venv/lib/x.py"; host: torre-ana; /mnt/c/Users/ana/y',
        ),
        (
            PureWindowsPath(r"C:\Users\ana"),
            r"D:\curso\.venv",
            r"File D:\curso\.venv\Lib\x.py; 'C:\\Users\\ana\\AppData'; hostname: torre-ana",
        ),
    ],
)
def test_messages_lose_whatever_names_their_owner(
    monkeypatch: pytest.MonkeyPatch, home: PurePosixPath, prefix: str, text: str
) -> None:
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(socket, "gethostname", lambda: "torre-ana.local")
    clean = probe.anonymous(text)
    assert "ana" not in clean
    assert "<entorno>" in clean
    assert "x.py" in clean


def test_an_nvidia_card_is_found_without_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "PCI_DEVICES", tmp_path)
    monkeypatch.setattr(platform, "release", lambda: "6.8.0-45-generic")
    assert probe._has_nvidia_hardware() is False
    for name, vendor, kind in (
        ("0000:00:02.0", "0x8086", "0x030000"),  # gráficos de Intel
        ("0000:01:00.1", "0x10de", "0x040300"),  # sonido de NVIDIA
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
        (tmp_path / name / "class").write_text(f"{kind}\n")
    assert probe._has_nvidia_hardware() is False
    (tmp_path / "0000:01:00.1" / "class").write_text("0x030000\n")
    assert probe._has_nvidia_hardware() is True


def test_the_driver_says_why_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def mismatch() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)

    monkeypatch.setattr(pynvml, "nvmlInit", mismatch)
    monkeypatch.setattr(probe, "_has_nvidia_hardware", lambda: True)
    [finding] = findings(probe.gather(BLIND).model_copy(update={"python": "3.12.7"}))
    assert finding.id == "driver-not-loaded"


@pytest.mark.parametrize(("answer", "expected"), [("1\n", True), ("0\n", False), ("", False)])
def test_rosetta_is_asked_to_the_system(
    monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=answer))
    assert probe._is_rosetta() is expected


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> TensorFlow:
    """Lo que se deduce de un proceso que, en vez de importar TensorFlow, ejecuta `code`."""
    run = subprocess.run
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **options: run([sys.executable, "-c", code], **options),
    )
    return probe._import_in_a_child()


def test_a_tensorflow_that_imports_says_what_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = CUDA.model_dump_json()
    got = child(monkeypatch, f"import sys; print({answer!r}); sys.stderr.write('aviso')")
    assert got == CUDA.model_copy(update={"messages": "aviso"})


def test_a_crash_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    got = child(monkeypatch, "import tensorflow_inventado")
    assert (got.version, got.exit_code) == (None, 1)
    assert "No module named 'tensorflow_inventado'" in got.messages


@pytest.mark.parametrize("ending", ["print(0)", "raise SystemExit(1)"])
def test_what_the_child_writes_names_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(TensorFlow, "model_validate_json", lambda text: CPU)
    got = child(monkeypatch, f"import sys; sys.stderr.write({str(tmp_path / 'x')!r}); {ending}")
    assert got.messages == str(Path("~", "x"))


@pytest.mark.skipif(sys.platform == "win32", reason="las señales son de Linux y macOS")
def test_a_fatal_signal_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    got = child(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    [finding] = findings(LINUX.model_copy(update={"tensorflow": got}))
    assert finding.id == "no-avx"


def test_a_child_that_hangs_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "IMPORT_TIMEOUT_SECONDS", 0.2)
    got = child(monkeypatch, "import time; time.sleep(60)")
    assert (got.version, got.exit_code) == (None, None)


# --- La orden ---


def ask(*arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fashion_bench", *arguments],
        capture_output=True,
        env=child_environment(**environ),
    )


def test_the_order_writes_a_table_that_survives_a_cp1252_console(tmp_path: Path) -> None:
    done = ask(PYTHONIOENCODING="cp1252", PYTHONPATH=str(without_tensorflow(tmp_path)))
    text = done.stdout.decode("cp1252")
    assert done.returncode == 1
    assert done.stderr == b""
    assert "TensorFlow:     no se puede importar" in text
    assert "FALLO  TensorFlow no está instalado en este Python; instálalo." in text
    assert "Ejecuta las órdenes en un terminal abierto en la carpeta del proyecto." in text


def test_the_report_for_bugs_names_nobody(tmp_path: Path) -> None:
    home = tmp_path / "ana-maría"
    home.mkdir()
    fake = without_tensorflow(home, f"raise RuntimeError({str(home)!r})")
    done = ask(
        "--json",
        PYTHONIOENCODING="cp1252",
        HOME=str(home),
        USERPROFILE=str(home),
        PYTHONPATH=str(fake),
    )
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["findings"][0]["id"] == "tensorflow-broken"
    assert "RuntimeError: ~" in report["facts"]["tensorflow"]["messages"]
    text = json.dumps(report, ensure_ascii=False)
    for secret in (str(ROOT), sys.prefix, str(home), home.name, platform.node()):
        assert secret not in text


def without_tensorflow(
    folder: Path, code: str = "raise ModuleNotFoundError(\"No module named 'tensorflow'\")"
) -> Path:
    """Carpeta que, puesta en PYTHONPATH, hace que importar TensorFlow falle."""
    (folder / "tensorflow.py").write_text(code + "\n", encoding="utf-8")
    return folder


def test_a_wrong_order_is_told_in_spanish() -> None:
    done = ask("--jsom")
    assert done.returncode == 2
    assert done.stderr.decode() == "Uso: python -m fashion_bench [--json]\n"


@pytest.mark.parametrize(("base", "code"), [(LINUX, 0), (BARE, 0), (WINDOWS, 1)])
def test_the_exit_code_says_whether_there_is_something_to_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], base: Facts, code: int
) -> None:
    monkeypatch.setattr(__main__, "gather", lambda: base)
    monkeypatch.setattr(sys, "argv", ["fashion_bench"])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == code
    assert base.os in capsys.readouterr().out


def test_orders_and_addresses_are_never_broken() -> None:
    for base, changes, _ in CASES + ORDER_CASES + EXTRA_CASES:
        machine = base.model_copy(update=changes)
        lines = __main__.table(machine, findings(machine), width=50).splitlines()
        for finding in findings(machine):
            assert not finding.cure or f"       Ejecuta:  {finding.cure}" in lines
            assert not finding.url or f"       Más en:   {finding.url}" in lines


def test_the_table_names_the_cards_with_what_is_known_of_them() -> None:
    other = RTX.model_copy(update={"name": "NVIDIA T400", "driver": None})
    machine = LINUX.model_copy(update={"nvidia_cards": (RTX, other)})
    lines = __main__.table(machine, [], width=80).splitlines()
    assert f"NVIDIA:         {RTX.name}, controlador {RTX.driver}; NVIDIA T400" in lines
    assert f"TensorFlow ve:  {RTX.name}" in lines
    lines = __main__.table(BARE, [], width=80).splitlines()
    assert "NVIDIA:         ninguna tarjeta a la vista" in lines
    assert "TensorFlow ve:  ninguna GPU" in lines


def test_cures_are_orders_that_a_terminal_can_split() -> None:
    for finding in everything():
        assert finding.cure == "" or shlex.split(finding.cure)
