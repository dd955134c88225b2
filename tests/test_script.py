import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import PIL.Image
import psutil
import pytest
from conftest import ROOT, child_environment, run_script
from papermill import inspect_notebook

from fashion_bench import cli, records

QUICK = ("--epochs", "1", "--train-samples", "1000")


def test_help_is_spanish_and_built_from_the_notebook() -> None:
    done = run_script("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Uso: fashion_mnist_cnn.py [OPCIONES]")
    assert not re.search(r"Usage|Options|default|Show|exit", done.stdout)
    flat = " ".join(done.stdout.split())
    for name, info in inspect_notebook(cli.NOTEBOOK).items():
        assert f"--{name.replace('_', '-')}" in flat
        assert info["help"] in flat


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epocas", "3"], "La opción --epocas no existe; ¿querías decir --epochs?"),
        (["--zzz"], "La opción --zzz no existe; mira las que hay con --help."),
        (["--epochs"], "A la opción --epochs le falta su valor"),
        (["3"], "Cada valor va detrás de su opción"),
        (["--epochs", "0"], "epochs='0' no vale: debe ser un número entero de 1 a 1000."),
    ],
)
def test_a_wrong_order_is_told_in_one_spanish_sentence(arguments: list, sentence: str) -> None:
    done = run_script(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {sentence}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_quick_run_from_another_folder(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "registros").mkdir()
    done = subprocess.run(
        [sys.executable, ROOT / "fashion_mnist_cnn.py", *QUICK, "--results-dir", "registros",
         "--machine-name", "Mi PC"],
        cwd=tmp_path, capture_output=True, env=child_environment(PYTHONIOENCODING=encoding),
    )  # fmt: skip
    output = done.stdout.decode(encoding)
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert done.stderr == b""
    lines = output.splitlines()
    assert lines[0].startswith("GPU no detectada: ")
    epoch = next(number for number, line in enumerate(lines) if line.startswith("Época 1/1: "))
    final = [
        number
        for number, line in enumerate(lines)
        if re.fullmatch(r"--- Entrenamiento finalizado en \d+\.\d\d segundos ---", line)
    ]
    assert len(final) == 1
    assert final[0] > epoch
    [record_file] = (tmp_path / "registros").iterdir()
    assert lines[-4] == f"Registro guardado en {record_file}"
    executed = Path(lines[-1].removeprefix("Cuaderno ejecutado: "))
    assert executed.parent == ROOT / "runs"
    nbformat.validate(nbformat.read(executed, as_version=4))
    assert lines[-3] == f"Informe: {executed.with_suffix('.html')}"
    assert executed.with_suffix(".html").stat().st_size > 100_000
    assert lines[-2] == f"Gráfico: {executed.with_suffix('.png')}"
    assert PIL.Image.open(executed.with_suffix(".png")).width > 500
    record = records.load_file(record_file)
    assert record.label == "Mi PC"
    assert record.parameters.train_samples == 1000
    total = float(lines[final[0]].split()[-3])
    assert total == pytest.approx(record.repeats[0].total_seconds, abs=0.006)


@pytest.mark.skipif(os.name == "nt", reason="Windows no tiene pty")
def test_on_a_terminal_the_epoch_shows_that_it_lives_and_leaves_one_line(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, ROOT / "fashion_mnist_cnn.py", "--epochs", "1", "--train-samples", "9000",
         "--results-dir", tmp_path],
        stdout=theirs, stderr=subprocess.DEVNULL, env=child_environment(),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # el final de una terminal que se cierra
        while chunk := os.read(ours, 4096):
            shown += chunk
    os.close(ours)
    assert process.wait() == 0
    lines = shown.decode("utf-8").split("\r\n")
    [epoch] = [line for line in lines if "Época 1/1" in line]
    assert re.match(r"\rÉpoca 1/1: +\d+ %, +\d+ imágenes/s, quedan +\d+ s \r", epoch)
    executed = Path(lines[-2].removeprefix("Cuaderno ejecutado: "))
    [cell] = [cell for cell in nbformat.read(executed, 4).cells if cell.id == "entrenar"]
    assert re.fullmatch(
        r"Época 1/1: .* validación 0\.\d+\n--- Entrenamiento .*\n", cell.outputs[0].text
    )


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [("no.png", None, "ese fichero no existe"), ("no.jpg", "hola", "no es una imagen")],
)
def test_a_bad_photo_is_refused_before_training(
    tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    if content:
        (tmp_path / name).write_text(content)
    done = run_script("--photo", name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_failing_cell_ends_with_its_sentence_and_the_notebook(tmp_path: Path) -> None:
    done = run_script(*QUICK, "--device", "gpu", "--results-dir", str(tmp_path))
    assert done.returncode == 1
    first, last = done.stderr.splitlines()
    assert first.startswith("Error: device='gpu' no es posible; elige ")
    partial = Path(last.removeprefix("El cuaderno a medias está en "))
    assert "device='gpu' no es posible" in partial.read_text(encoding="utf-8")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_runs_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "runs").write_text("soy un fichero")
    monkeypatch.setattr(cli, "RUNS_DIR", tmp_path / "runs")
    assert cli.run({}).code == 1
    assert "no se puede escribir en" in capsys.readouterr().err


def test_a_grid_goes_on_after_a_failure_and_ends_with_a_table(tmp_path: Path) -> None:
    done = run_script(
        *QUICK, "--batch-size", "64", "--batch-size", "900", "--device", "gpu", "--device", "cpu",
        "--results-dir", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    headers = [line for line in lines if line.startswith("===")]
    assert headers == [
        "=== 1 de 4: --batch-size 64 --device gpu ===",
        "=== 2 de 4: --batch-size 64 --device cpu ===",
        "=== 3 de 4: --batch-size 900 --device gpu ===",
        "=== 4 de 4: --batch-size 900 --device cpu ===",
    ]
    table = lines[-5:]
    assert table[0].split() == ["Combinación", "s/época", "imágenes/s", "Exactitud"]
    assert table[1].split() == ["--batch-size", "64", "--device", "gpu", "falló"]
    assert "no cuenta: exactitud por debajo de 0.90" in table[2]
    found, rejected = records.load_folder(tmp_path)
    assert rejected == []
    assert [record.parameters.batch_size for record in found] == [64, 900]
    assert done.stderr.count("device='gpu' no es posible") == 2


def test_a_grid_with_one_bad_value_does_not_start(tmp_path: Path) -> None:
    done = run_script("--epochs", "1", "--batch-size", "64", "--batch-size", "0")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "batch_size='0' no vale" in done.stderr


def test_a_repeated_value_runs_once() -> None:
    defaults = cli.notebook_parameters()
    assert cli.checked(defaults, {"epochs": ("1", "1", "2")}) == [{"epochs": 1}, {"epochs": 2}]


@contextmanager
def long_run(folder: Path) -> Iterator[subprocess.Popen]:
    """Un entrenamiento largo que ha escrito la línea de la tercera época: dos están guardadas."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "fashion_mnist_cnn.py", "--epochs", "500", "--train-samples",
         "1000", "--results-dir", folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env=child_environment(),
    )  # fmt: skip
    try:
        for line in process.stdout:
            if "3/500" in line:
                break
        yield process
    finally:
        process.kill()
        process.communicate()


def kernels(process: subprocess.Popen) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "ipykernel" in " ".join(child.cmdline())
    ]


@pytest.mark.skipif(os.name == "nt", reason="en Windows, Ctrl-C no se puede enviar así")
def test_ctrl_c_stops_keeps_the_epochs_and_leaves_no_kernel(tmp_path: Path) -> None:
    with long_run(tmp_path) as process:
        [kernel] = kernels(process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert not kernel.is_running()
    assert "Interrumpido" in errors
    assert "Traceback" not in output + errors
    [file] = tmp_path.iterdir()
    assert f"Lo hecho hasta aquí queda en {file}" in output
    record = records.load_file(file)
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) >= 2


@pytest.mark.skipif(os.name == "nt", reason="en Windows, Ctrl-C no se puede enviar así")
@pytest.mark.parametrize("seconds", [0.3, 0.6, 0.9, 3])
def test_ctrl_c_before_training(tmp_path: Path, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, ROOT / "fashion_mnist_cnn.py", "--results-dir", tmp_path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        env=child_environment(),
    )  # fmt: skip
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in output


def test_a_killed_kernel_is_told_and_loses_no_epoch(tmp_path: Path) -> None:
    with long_run(tmp_path) as process:
        [kernel] = kernels(process)
        kernel.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
    assert "ha muerto de golpe" in errors
    assert "Traceback" not in errors
    found, rejected = records.load_folder(tmp_path)
    assert rejected == []
    assert found[0].status == "interrupted"
    assert len(found[0].repeats[0].epoch_seconds) >= 2
