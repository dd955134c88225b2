import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from fashion_bench import data
from fashion_bench.errors import TutorialError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Una carpeta de datos como la de verdad, que se puede estropear, con dos fotos de 2×3."""
    checksums = []
    for name in data.NAMES:
        shape = (2, 3, 2)[: 3 if "images" in name else 1]
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        content = gzip.compress(header + bytes(range(np.prod(shape))))
        (tmp_path / name).write_bytes(content)
        checksums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (tmp_path / "SHA256SUMS").write_text("".join(checksums), encoding="ascii")
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    return tmp_path


def test_loads_the_official_arrays() -> None:
    (train_images, train_labels), (test_images, test_labels) = data.load()
    assert train_images.shape == (60_000, 28, 28)
    assert train_labels.shape == (60_000,)
    assert test_images.shape == (10_000, 28, 28)
    assert test_labels.shape == (10_000,)
    assert {array.dtype for array in (train_images, train_labels, test_images, test_labels)} == {
        np.dtype("uint8")
    }
    assert np.bincount(train_labels).tolist() == [6000] * 10
    assert np.bincount(test_labels).tolist() == [1000] * 10
    assert train_labels[:5].tolist() == [9, 0, 0, 3, 0]  # las primeras del conjunto publicado


@pytest.mark.usefixtures("folder")
def test_the_shape_is_read_from_each_file() -> None:
    (train_images, train_labels), (test_images, test_labels) = data.load()
    assert train_images.tolist() == [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]]
    assert train_labels.tolist() == [0, 1]
    assert np.array_equal(test_images, train_images)
    assert np.array_equal(test_labels, train_labels)


def test_ships_the_licence_of_the_data() -> None:
    assert "Zalando" in (data.FOLDER / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*data.NAMES, "SHA256SUMS"])
def test_missing_file_is_told_in_spanish(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(
        TutorialError, match=rf"{name} no se puede leer \(no existe\); recupéralo con «git restore"
    ):
        data.load()


@pytest.mark.parametrize("name", data.NAMES)
@pytest.mark.parametrize("damage", ["truncated", "altered", "empty", "not gzip"])
def test_damaged_file_is_told_in_spanish(folder: Path, name: str, damage: str) -> None:
    content = (folder / name).read_bytes()
    middle = len(content) // 2
    (folder / name).write_bytes(
        {
            "truncated": content[:middle],
            "altered": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "empty": b"",
            "not gzip": b"hola",
        }[damage]
    )
    with pytest.raises(TutorialError, match=rf"{name} o SHA256SUMS no es el oficial.*git restore"):
        data.load()


def test_damaged_checksums_are_told_in_spanish(folder: Path) -> None:
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe")
    with pytest.raises(TutorialError, match="SHA256SUMS no es el oficial"):
        data.load()


@pytest.mark.parametrize("size", [0, 1, 999, 6000, 60_000])
def test_sample_is_stratified_and_seeded(size: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 6000))
    chosen = data.stratified_sample(labels, size, seed=7)
    assert len(np.unique(chosen)) == len(chosen) == size
    counts = np.bincount(labels[chosen], minlength=10)
    assert counts.max() - counts.min() <= 1
    assert np.array_equal(chosen, data.stratified_sample(labels, size, seed=7))
    if 0 < size < 60_000:
        assert not np.array_equal(chosen, data.stratified_sample(labels, size, seed=8))


def test_sample_keeps_the_proportions_of_unbalanced_labels() -> None:
    labels = np.repeat([0, 1, 2], [10, 30, 60])
    chosen = data.stratified_sample(labels, 10, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [1, 3, 6]
