"""Qué procesador es, con archivos como los de otros equipos."""

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import archspec.cpu.detect
import pytest

from fashion_bench.machine import hardware, identity


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Una carpeta personal de mentira."""
    monkeypatch.setattr(identity, "KEY_FILE", tmp_path / "datos" / "machine-key")
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
    key_file.write_bytes(b"\xffhola")
    assert identity.machine_key() not in (key, another)
    assert key_file.read_text() == f"{identity.machine_key()}\n"


def test_of_four_programs_that_make_it_at_once_all_keep_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(4)

    def make(_: int) -> str | None:
        together.wait()
        return identity.machine_key()

    with ThreadPoolExecutor(4) as pool:
        for trial in map(str, range(100)):
            monkeypatch.setattr(identity, "KEY_FILE", tmp_path / trial / "machine-key")
            keys = set(pool.map(make, range(4)))
            assert keys == {(tmp_path / trial / "machine-key").read_text().strip()}
            assert len(list((tmp_path / trial).iterdir())) == 1


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


@pytest.mark.parametrize(
    ("files", "affinity", "expected"),
    [
        ({"cpu.max": "150000 100000"}, {0, 1, 2, 3}, 1.5),
        ({"cpu.max": "max 100000"}, {0, 1, 2, 3}, 4),
        ({"quota": "50000", "period": "100000"}, {0, 1, 2, 3}, 0.5),
        ({"quota": "-1", "period": "100000"}, {0, 1, 2, 3}, 4),
        ({}, {0, 1, 2, 3}, 4),
        ({}, {3}, 1),
        ({"cpu.max": "150000 100000"}, {3}, 1),
    ],
    ids=str,
)
def test_the_cores_that_may_be_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict,
    affinity: set[int],
    expected: float,
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(f"{content}\n")
    quotas = ([tmp_path / "cpu.max"], [tmp_path / "quota", tmp_path / "period"])
    monkeypatch.setattr(identity, "CPU_QUOTAS", quotas)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: affinity, raising=False)
    assert identity.usable_cores() == expected


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
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/home/ana/cuda --otra=1")
    monkeypatch.setenv("OTRA", "1")
    assert identity.settings() == {"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "… --otra=1"}
