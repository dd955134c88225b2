import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import RECORD, ROOT

from fashion_bench import folders
from fashion_bench.compare import files
from fashion_bench.errors import TutorialError


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    path = tmp_path / "otro.json"
    path.write_text(json.dumps(RECORD), encoding="utf-8")
    text = json.dumps(RECORD)
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(lambda: [folders.write_atomically(path, text) for _ in range(500)])
        reads = 0
        while not writer.done():
            assert files.load_file(path).run_id == RECORD["run_id"]
            reads += 1
        writer.result()
    assert reads > 10


def test_two_writers_of_the_same_file_do_not_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """El segundo empieza y acaba mientras el primero aún escribe."""
    path, fsync = tmp_path / "a.json", os.fsync

    def meanwhile(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        folders.write_atomically(path, "el segundo")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    folders.write_atomically(path, "el primero")
    assert path.read_text(encoding="utf-8") == "el primero"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_or_is_interrupted_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    path = tmp_path / "otro.json"
    path.write_text("lo de antes", encoding="utf-8")

    def fails(descriptor: int) -> None:
        raise stop

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(type(stop)):
        folders.write_atomically(path, "lo nuevo")
    assert path.read_text(encoding="utf-8") == "lo de antes"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_leaves_is_swept_and_never_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(tmp_path.iterdir()))
    folders.write_atomically(tmp_path / "a.json", "x")
    [left] = seen  # lo que quedaría si lo mataran justo ahí
    assert left.match(".*.tmp") and ".*.tmp" in (ROOT / ".gitignore").read_text().split()
    for path, when in ((left, time.time() - 4000), (tmp_path / ".b.json.0.tmp", None)):
        path.touch()
        os.utime(path, when and (when, when))
    folders.prepare_folder(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.json.0.tmp", "a.json"]


def test_results_folder_is_made_when_only_it_is_missing(tmp_path: Path) -> None:
    folder = folders.prepare_folder(str(tmp_path / "nueva"))
    assert folder == tmp_path / "nueva"
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_a_relative_results_folder_counts_from_notebooks() -> None:
    assert folders.prepare_folder("../results") == ROOT / "results"


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("no/existe", r"\(no existe\)"),
        ("archivo", r"\(ya hay un archivo con ese nombre\)"),
        ("archivo/dentro", r"\(una parte de la ruta no es una carpeta\)"),
    ],
)
def test_results_folder_that_cannot_be_made(tmp_path: Path, where: str, why: str) -> None:
    (tmp_path / "archivo").touch()
    with pytest.raises(TutorialError, match=rf"^results_dir=.* no es válido: .* {why}"):
        folders.prepare_folder(str(tmp_path / where))


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="al administrador no se le niega la escritura"
)
def test_results_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(TutorialError, match="no se puede escribir"):
        folders.prepare_folder(str(tmp_path))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="solo Linux tiene /proc")
def test_results_folder_where_nobody_can_write() -> None:
    with pytest.raises(TutorialError, match=r"results_dir='/proc/self' no es válido"):
        folders.prepare_folder("/proc/self")


def test_results_folder_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(TutorialError, match=r"quedan 1\.0\xa0MB y hacen falta 10"):
        folders.prepare_folder(str(tmp_path))


@pytest.mark.parametrize("busy", [1, folders.BUSY_ATTEMPTS])
def test_a_file_that_somebody_is_reading_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: int
) -> None:
    """Windows no deja cambiar un archivo abierto por otro programa."""
    replace, tried = Path.replace, []

    def busy_at_first(path: Path, target: Path) -> Path:
        tried.append(path)
        if len(tried) <= busy:
            raise PermissionError(13, "Access is denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", busy_at_first)
    monkeypatch.setattr(folders, "BUSY_SECONDS", 0)
    path = tmp_path / "otro.json"
    if busy < folders.BUSY_ATTEMPTS:
        folders.write_atomically(path, "lo nuevo")
        assert path.read_text(encoding="utf-8") == "lo nuevo"
    else:
        with pytest.raises(PermissionError):
            folders.write_atomically(path, "lo nuevo")
        assert list(tmp_path.iterdir()) == []


def test_paths_are_shown_from_the_project_or_from_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ana"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert folders.shown(ROOT / "results" / "a.json") == "results/a.json"
    assert folders.shown(home / "curso" / "a.json") == "~/curso/a.json"
    outside, disk = (Path(tmp_path.anchor, *names, "a.json") for names in (["otro"], ["x", "ana"]))
    assert folders.shown(outside) == str(outside)
    assert folders.shown(disk) == str(disk).replace("ana", "<usuario>")  # un disco de esa persona
    assert folders.portable(disk) == str(disk)  # así hace falta para encontrarlo
    assert folders.portable(home / "curso") == "~/curso"
    assert folders.portable(ROOT / "results") == "../results"


@pytest.mark.skipif(os.name == "nt", reason="en Windows, cada disco tiene su raíz")
@pytest.mark.parametrize("here", ["/", "/casas", "/casas/ana", "/casas/ana/curso"])
def test_paths_are_anonymous_wherever_the_terminal_is(
    monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    """Sin el proyecto descargado, su carpeta puede ser la raíz o la que contiene las personales."""
    monkeypatch.setenv("HOME", "/casas/ana")
    monkeypatch.setattr(folders, "PROJECT_DIR", Path(here))
    inside = Path("/casas/ana/curso/results")
    for told in (folders.shown(inside), folders.portable(inside), folders.anonymous(str(inside))):
        assert "ana" not in told
    assert folders.absolute(folders.portable(inside)) == inside
    assert folders.absolute("../results") == Path(here, "results")
    assert folders.anonymous("36000 imágenes / s") == "36000 imágenes / s"


@pytest.mark.parametrize("kind", ["no está", "archivo"])
def test_a_folder_to_read_from_must_exist(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "archivo":
        path.touch()
    with pytest.raises(TutorialError, match=r"^results_dir=.* no es válido: .* no es una carpeta"):
        folders.find_folder(str(path))
    assert folders.find_folder(str(tmp_path)) == tmp_path
