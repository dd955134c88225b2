import pytest
from test_clock import build_model, dataset

from fashion_bench.measure import progress
from fashion_bench.measure.clock import EpochClock


def test_one_spanish_line_an_epoch(capsys: pytest.CaptureFixture) -> None:
    clock = EpochClock(images=200)
    build_model().fit(
        dataset(),
        validation_data=dataset(),
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[clock, progress.EpochLine(clock)],
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Época 1/2: ")
    for word in (" s,", "pérdida", "exactitud", "validación"):
        assert word in lines[1]


@pytest.mark.parametrize("looks", ["un editor", "una terminal", None])
def test_progress_is_written_over_only_when_somebody_looks(
    looks: str | None, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y la línea de la época no deja nada del último aviso."""
    monkeypatch.delenv("FASHION_BENCH_PROGRESS", raising=False)
    monkeypatch.setattr(progress, "is_attended", lambda: looks == "un editor")
    if looks == "una terminal":
        monkeypatch.setenv("FASHION_BENCH_PROGRESS", "40")
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 1e-9)
    clock = EpochClock(images=200)
    build_model().fit(
        dataset(),
        validation_data=dataset(),
        shuffle=False,
        verbose=0,
        callbacks=[clock, progress.EpochLine(clock)],
    )
    *steps, line = capsys.readouterr().out.split("\r")
    assert line.startswith("Época 1/1: ")
    assert line.endswith("\n")
    assert "validación" in line
    assert (steps == []) == (looks is None)
    columns = 40 if looks == "una terminal" else 80
    assert all(len(text) < min(columns, len(line)) and "\n" not in text for text in steps)
    assert looks != "un editor" or "imágenes/s, quedan" in steps[-1]


@pytest.mark.parametrize(
    ("batch", "written"),
    [
        (1, None),  # aún no ha pasado medio segundo
        (25, "\rÉpoca 3/7:  25 %,      50 imágenes/s, quedan   3 s "),
        (75, "\rÉpoca 3/7:  75 %,     150 imágenes/s, quedan   0 s "),
    ],
)
def test_progress_says_what_is_done_how_fast_and_what_is_left(
    batch: int, written: str | None, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASHION_BENCH_PROGRESS", "80")
    now = [10.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    line = progress.EpochLine(EpochClock(images=200))
    line.set_params({"epochs": 7, "steps": 100})
    line.on_epoch_begin(2)
    now[0] += 0.4 if written is None else 1.0
    line.on_train_batch_begin(batch)
    assert capsys.readouterr().out == (written or "")


def test_final_line_is_the_median_of_the_sums() -> None:
    assert progress.final_line([3.0]) == "--- Entrenamiento finalizado en 3.00 segundos ---"
    assert progress.final_line([3.0, 30.0, 5.005]) == (
        "--- Entrenamiento finalizado en 5.00 segundos ---"
    )
