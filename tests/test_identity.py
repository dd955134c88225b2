"""Qué procesador es, con archivos como los de otros equipos."""

import os
import platform
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import archspec.cpu.detect
import pytest

from fashion_bench.machine import hardware, identity


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Un código guardado en otro sitio."""
    monkeypatch.setattr(identity, "key_file", lambda: tmp_path / "datos" / "machine-key")
    return tmp_path / "datos" / "machine-key"


def test_the_key_is_made_once_and_kept_until_it_is_deleted_or_damaged(key_file: Path) -> None:
    key = identity.machine_key()
    assert key is not None
    assert len(key) == 32
    assert identity.machine_key() == key
    assert key_file.read_text() == f"{key}\n"
    key_file.unlink()
    another = identity.machine_key()
    assert another != key
    for damaged in (b"\xffhola", b""):
        key_file.write_bytes(damaged)
        assert identity.machine_key() not in (key, another, "", None)
        assert key_file.read_text() == f"{identity.machine_key()}\n"


def test_the_key_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """La de VS Code instalado con snap cambia esas variables en cada revisión (V19)."""
    before = identity.key_file()
    for name in ("XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, "/home/ana/snap/code/182/.local/share")
    assert identity.key_file() == before


def test_of_four_programs_that_make_it_at_once_all_keep_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(4)

    def make(_: int) -> str | None:
        together.wait()
        return identity.machine_key()

    with ThreadPoolExecutor(4) as pool:
        for trial in map(str, range(100)):
            file = tmp_path / trial / "machine-key"
            monkeypatch.setattr(identity, "key_file", lambda file=file: file)
            assert set(pool.map(make, range(4))) == {file.read_text().strip()}
            assert len(list(file.parent.iterdir())) == 1


def test_where_it_cannot_be_kept_there_is_no_key(key_file: Path) -> None:
    key_file.parent.write_text("soy un archivo")
    assert identity.machine_key() is None


@pytest.mark.parametrize(
    ("features", "architecture", "expected"),
    [
        ({"sse2", "avx", "avx2", "fma"}, "x86_64", ["AVX", "AVX2"]),
        (
            {"avx", "avx2", "avx512f", "avx512_bf16", "amx_tile"},
            "x86_64",
            ["AVX", "AVX2", "AVX-512", "AVX512-BF16", "AMX"],
        ),
        (set(), "arm64", ["NEON"]),
        ({"asimd", "sve"}, "aarch64", ["NEON", "SVE"]),
        ({"sse2"}, "x86_64", []),
    ],
)
def test_the_instruction_sets_that_matter(
    monkeypatch: pytest.MonkeyPatch, features: set, architecture: str, expected: list
) -> None:
    monkeypatch.setattr(
        archspec.cpu.detect, "detected_info", lambda: SimpleNamespace(features=features)
    )
    monkeypatch.setattr(platform, "machine", lambda: architecture)
    assert identity.instruction_sets() == expected


@pytest.mark.skipif(platform.system() != "Linux", reason="/proc/cpuinfo es de Linux")
def test_on_this_machine_it_says_what_the_system_says() -> None:
    flags = Path("/proc/cpuinfo").read_text()
    machine = hardware.machine()
    assert ("AVX-512" in machine.instruction_sets) == ("avx512f" in flags)
    assert ("AVX2" in machine.instruction_sets) == ("avx2" in flags)
    assert machine.virtual is ("hypervisor" in flags)
    assert 0 < machine.usable_cores <= machine.logical_cores
    assert machine.cache_mib == sorted(machine.cache_mib)


def test_family_and_model_from_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setattr(platform, "processor", lambda: "AMD64 Family 25 Model 33 Stepping 2")
    assert identity.family_and_model() == (25, 33)
    monkeypatch.setattr(platform, "processor", lambda: "ARMv8 (64-bit)")
    assert identity.family_and_model() == (None, None)
    assert identity.is_virtual() is None


OWN, SLURM = "4:memory:/a/b\n1:cpu,cpuacct:/a/b\n0::/", "0::/a/b/c"


@pytest.mark.parametrize(
    ("groups", "files", "affinity", "expected"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, {0, 1, 2, 3}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, {0, 1, 2, 3}, 4),
        ("0::/", {"cpu.max": "150000 100000"}, {3}, 1),
        ("0::/", {}, {3}, 1),
        (None, {"cpu.max": "150000 100000"}, {0, 1, 2, 3}, 1.5),
        # El grupo propio, y no solo la raíz (V18); de todos los que lo contienen, el que menos da.
        (OWN, {"cpu/a/b/quota": "50000", "cpu/a/b/period": "100000"}, {0, 1}, 0.5),
        (OWN, {"cpu/quota": "-1", "cpu/period": "100000"}, {0, 1}, 2),
        (OWN, {"cpu/a/quota": "50000", "cpu/a/period": "50000"}, {0, 1}, 1),
        (SLURM, {"a/b/cpu.max": "50000 100000", "a/cpu.max": "max 100000"}, {0, 1}, 0.5),
        (SLURM, {"a/b/c/cpu.max": "80000 100000", "a/cpu.max": "60000 100000"}, {0, 1}, 0.6),
        # La ruta es la de fuera del contenedor: dentro, su grupo es la raíz.
        ("0::/docker/1f2e", {"cpu.max": "150000 100000"}, {0, 1}, 1.5),
        ("0::/../../x", {"cpu.max": "150000 100000"}, {0, 1}, 1.5),
    ],
    ids=str,
)
def test_the_cores_that_may_be_used(
    cgroup: Callable[[str | None, dict], None],
    monkeypatch: pytest.MonkeyPatch,
    groups: str | None,
    files: dict[str, str],
    affinity: set[int],
    expected: float,
) -> None:
    cgroup(groups, files)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: affinity, raising=False)
    assert identity.usable_cores() == expected


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None, dict], None]:
    """Los grupos de un proceso y lo que dicen sus archivos; `quota` y `period` son de cgroup 1."""
    monkeypatch.setattr(identity, "CGROUP", tmp_path)
    monkeypatch.setattr(identity, "OWN_GROUPS", tmp_path / "own")

    def write(groups: str | None, files: dict[str, str]) -> None:
        if groups:
            (tmp_path / "own").write_text(f"{groups}\n")
        for name, content in files.items():
            file = tmp_path / re.sub("(quota|period)$", r"cpu.cfs_\1_us", name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{content}\n")

    return write


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/", {}, (16, 8)),
        ("0::/", {"memory.max": "max"}, (16, 8)),
        ("0::/", {"memory.max": "2000", "memory.current": "500"}, (2000, 1500)),  # V16
        (OWN, {"memory/a/b/memory.limit_in_bytes": "2000"}, (2000, 2000)),
        (OWN, {"memory/memory.limit_in_bytes": str(2**63 - 4096)}, (16, 8)),  # sin límite
        (
            "0::/",
            {"memory.max": "2000", "memory.current": "1900", "memory.stat": "inactive_file 900"},
            (2000, 1000),  # lo leído del disco se puede soltar
        ),
    ],
    ids=str,
)
def test_the_memory_is_that_of_the_container(
    cgroup: Callable[[str | None, dict], None],
    monkeypatch: pytest.MonkeyPatch,
    groups: str,
    files: dict[str, str],
    expected: tuple[int, int],
) -> None:
    cgroup(groups, files)
    whole = SimpleNamespace(total=16 * 2**30, available=8 * 2**30)
    monkeypatch.setattr(identity.psutil, "virtual_memory", lambda: whole)
    told = tuple(size // 2**30 if size >= 2**30 else size for size in identity.memory())
    assert told == expected


def test_caches_from_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(identity, "CPU_CACHES", tmp_path)
    for index, (kind, size) in enumerate(
        (("Data", "32K"), ("Instruction", "32K"), ("Unified", "512K"), ("Unified", "16384K"))
    ):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "type").write_text(f"{kind}\n")
        (tmp_path / f"index{index}" / "size").write_text(f"{size}\n")
    assert identity.cache_mib() == [0.031, 0.5, 16.0]


def test_settings_that_change_the_sums_are_told_without_paths(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in identity.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("TF_SET_ONEDNN_FPMATH_MODE", "BF16")  # V2
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/home/ana/cuda --otra=1")
    monkeypatch.setenv("OTRA", "1")
    assert identity.settings() == {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
        "XLA_FLAGS": "… --otra=1",
    }
