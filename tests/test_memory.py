"""La memoria que llega a ocupar un programa."""

import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fashion_bench.machine import memory

MB = 1_000_000


def test_the_peak_is_seen_although_it_is_gone_when_the_call_ends() -> None:
    def fill() -> None:
        table = np.ones(200 * MB, "uint8")
        time.sleep(0.1)
        del table

    before = memory.peak_bytes(lambda: None)
    assert memory.peak_bytes(fill) - before > 180 * MB
    assert memory.peak_bytes(lambda: None) - before < 100 * MB


def test_a_failed_call_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        memory.peak_bytes(lambda: 1 / 0)


def test_the_peak_of_a_gpu_is_what_its_tensors_take(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    counters = tf.config.experimental
    monkeypatch.setattr(counters, "reset_memory_stats", done.append)
    monkeypatch.setattr(counters, "get_memory_info", lambda device: {"current": 1, "peak": 7})
    assert memory.gpu_peak_bytes(lambda: done.append("calcula")) == 7
    assert done == ["GPU:0", "calcula"]


def test_a_device_that_does_not_count_its_memory_gives_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(device: str) -> None:
        raise ValueError(f"Allocator stats not available for device '{device}'")

    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", refuse)
    assert memory.gpu_peak_bytes(lambda: None) is None


@pytest.mark.slow
def test_a_program_that_answers_takes_more_with_more_images(tmp_path: Path) -> None:
    wide = keras.layers.Conv2D(32, 3)
    keras.Sequential([keras.Input((28, 28, 1)), wide]).save(tmp_path / "red.keras")
    before, one, many = memory.answering_peaks(tmp_path / "red.keras", (1, 2048))
    assert 100 * MB < before <= one
    assert many - one > 100 * MB  # la salida son 2048 × 26 × 26 × 32 números de 4 bytes
