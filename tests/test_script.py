import asyncio
import builtins
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import nbformat
import PIL.Image
import psutil
import pytest
from conftest import RECORD, ROOT, child_environment, run_script
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, v4
from papermill import PapermillExecutionError
from papermill.engines import NotebookExecutionManager
from papermill.translators import PythonTranslator

from fashion_bench import MAIN_CHART, folders, install, lesson, parameters
from fashion_bench.compare import files
from fashion_bench.doctor import diagnosis, probe
from fashion_bench.doctor.finding import Finding
from fashion_bench.figures import MIME, Record
from fashion_bench.folders import shown
from fashion_bench.script import cli, interrupt, report
from fashion_bench.script.interrupt import Brake, StoppedError
from fashion_bench.script.kernel import Kernel
from fashion_bench.share import send

LAUNCHER = ROOT / "fashion_mnist_cnn.py"
QUICK = ("--epochs", "1", "--train-samples", "1000")
NO_CTRL_C = pytest.mark.skipif(os.name == "nt", reason="en Windows, Ctrl-C no se envía así")


# La orden: sin kernel, en este mismo proceso.


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """La carpeta en la que se guardan las ejecuciones, con llaves en su nombre."""
    folder = tmp_path / "curso {2026}"
    monkeypatch.setattr(cli, "RUNS_DIR", folder)
    return folder


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Da una orden al script y devuelve su código de salida."""

    def give(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["fashion_mnist_cnn.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return give


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[cli.Overrides]:
    """Los parámetros de cada ejecución empezada; todas van bien, pero no entrenan."""
    found = []

    def run(notebook: NotebookNode, overrides: cli.Overrides, folder: Path) -> cli.Outcome:
        found.append(overrides)
        return cli.Outcome(cli.FINE)

    monkeypatch.setattr(cli, "run", run)
    return found


def test_help_is_spanish_and_built_from_the_notebook(
    order: Callable[..., int], capsys: pytest.CaptureFixture
) -> None:
    assert order("--help") == 0
    told = capsys.readouterr().out
    assert told.startswith("Uso: fashion_mnist_cnn.py [OPCIONES]\n")
    assert not re.search(r"Usage|Options|default|Show|exit|None", told)
    flat = " ".join(told.split())
    found = lesson.defaults(lesson.read())
    assert found.keys() == parameters.Training.model_fields.keys()
    for name, (default, comment) in found.items():
        allowed = parameters.Training.model_fields[name].description
        start = flat.index(f"--{name.replace('_', '-')} ")
        row = flat[start : flat.index(allowed, start) + len(allowed) + 40]
        assert comment in row
        assert row.count("por defecto") == 1  # `results_dir` lo dice en su comentario
        assert name == "results_dir" or f"[por defecto: {default}" in row or default == ""


def test_a_variable_that_is_no_parameter_is_no_option(
    order: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    notebook = lesson.read()
    [cell] = [cell for cell in notebook.cells if cell.id == "parameters"]
    cell.source += '\nmine = "mía"\nphoto = mine + ".png"'
    monkeypatch.setattr(lesson, "read", lambda: notebook)
    assert order("--help") == 0
    told = capsys.readouterr().out
    assert "--mine" not in told
    assert "mía.png" in told


def test_a_broken_parameters_cell_is_told(
    order: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    notebook = lesson.read()
    [cell] = [cell for cell in notebook.cells if cell.id == "parameters"]
    cell.source += "\nepochs: int = "
    monkeypatch.setattr(lesson, "read", lambda: notebook)
    assert order("--help") == cli.BAD_USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert lesson.NOTEBOOK in told.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--epocas", "3"], ["--epocas", "--epochs"]),
        (["--zzz"], ["--zzz", "--help"]),
        (["--epochs"], ["--epochs", "falta"]),
        (["3"], ["sobra", "--help"]),
        (["--epochs", "0"], ["--epochs '0' ", "de 1 a 1000"]),
        (["--batch-size", "1.5"], ["--batch-size '1.5' "]),
        (["--train-samples", "100"], ["--batch-size 128 ", "--train-samples 100 ", " 90"]),
        (["--machine-name", "a/b"], ["--machine-name 'a/b' ", "60"]),
        (["--results-dir", ""], ["--results-dir '' "]),
        (["--results-dir", "/no/existe"], ["--results-dir '/no/existe' ", "(no existe)"]),
        (["--results-dir", "~nadie/x"], ["--results-dir ", "~nadie/x"]),
        (["--photo", "no.png"], ["--photo ", "no.png", "no existe"]),
        (["--photo", "~no.png"], ["--photo ", "~no.png", "no existe"]),
        (["--photo", "texto.jpg"], ["--photo ", "texto.jpg", "PNG"]),
        (["--batch-size", "64", "--batch-size", "0"], ["--batch-size '0' "]),
        (
            ["--train-samples", "100", "--train-samples", "1000", "--batch-size", "100"],
            ["--batch-size 100 ", " 90"],
        ),
    ],
)
def test_a_wrong_order_is_told_in_one_sentence_as_it_was_typed_and_starts_nothing(
    order: Callable[..., int],
    started: list,
    arguments: list[str],
    named: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texto.jpg").write_text("hola")
    assert order(*arguments) == cli.BAD_USAGE
    told = capsys.readouterr()
    assert (told.out, started) == ("", [])
    [line] = told.err.splitlines()
    assert line.startswith("Error. ")
    assert all(word in line for word in named)


def test_a_runs_folder_that_cannot_be_written(
    order: Callable[..., int], started: list, runs: Path, capsys: pytest.CaptureFixture
) -> None:
    runs.write_text("soy un archivo")
    assert order() == cli.BAD_USAGE
    assert shown(runs) in capsys.readouterr().err
    assert started == []


def test_options_get_their_type_and_paths_are_counted_from_the_terminal(
    order: Callable[..., int], started: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert order("--epochs", "3", "--machine-name", "3060", "--results-dir", "registros") == 0
    assert started == [
        {"epochs": 3, "machine_name": "3060", "results_dir": str(tmp_path / "registros")}
    ]
    assert (tmp_path / "registros").is_dir()


def test_without_options_it_runs_once_as_the_notebook_says(
    order: Callable[..., int], started: list, capsys: pytest.CaptureFixture
) -> None:
    assert order() == 0
    assert started == [{}]
    assert capsys.readouterr().out == ""


def test_repeated_options_make_every_combination_once(
    order: Callable[..., int], started: list, capsys: pytest.CaptureFixture
) -> None:
    options = ("--batch-size", "64", "--batch-size", "900", "--device", "gpu", "--device", "cpu")
    assert order("--epochs", "1", "--epochs", "1", *options) == 0
    assert started == [
        {"epochs": 1, "batch_size": batch_size, "device": device}
        for batch_size in (64, 900)
        for device in ("gpu", "cpu")
    ]
    headers = [line for line in capsys.readouterr().out.splitlines() if " de 4: " in line]
    assert len(headers) == 4
    assert "1 de 4: --batch-size 64 --device gpu" in headers[0]


def test_a_grid_goes_on_after_a_failure_stops_when_told_and_ends_with_a_table(
    order: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    good = Record.model_validate(RECORD)
    bad = good.model_copy(
        update={"repeats": [good.repeats[0].model_copy(update={"test_correct": 5000})]}
    )
    outcomes = iter(
        [
            cli.Outcome(cli.FINE, good),
            cli.Outcome(cli.FAILED),
            cli.Outcome(cli.FINE, bad),
            cli.Outcome(cli.FINE),
            cli.Outcome(cli.INTERRUPTED),
        ]
    )
    monkeypatch.setattr(cli, "run", lambda *_: next(outcomes))
    epochs = [word for number in range(1, 8) for word in ("--epochs", str(number))]
    assert order(*epochs) == cli.INTERRUPTED
    rows = capsys.readouterr().out.splitlines()[-7:]
    for number, (row, told) in enumerate(
        zip(
            rows,
            ("0.9100", "falló", "no cuenta: ", "sin registro", "interrumpida", *["sin hacer"] * 2),
            strict=True,
        ),
        1,
    ):
        assert row.startswith(f"--epochs {number} ")
        assert told in row


def test_a_failure_is_not_forgotten_by_what_comes_after(
    order: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = iter([cli.Outcome(cli.FAILED), cli.Outcome(cli.FINE)])
    monkeypatch.setattr(cli, "run", lambda *_: next(outcomes))
    assert order("--epochs", "1", "--epochs", "2") == cli.FAILED


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, LAUNCHER, "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="solo Linux tiene /dev/full")
def test_an_output_that_is_full_is_told_in_one_spanish_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, LAUNCHER, "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=child_environment(),
        )
    assert done.returncode == cli.FAILED
    [line] = done.stderr.splitlines()
    assert "(no queda espacio en el disco)" in line


@pytest.mark.skipif(os.name == "nt", reason="en Windows no se cierra así la consola")
def test_a_closed_console_does_not_matter() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" "$1" --help >&-', sys.executable, LAUNCHER],
        capture_output=True,
        env=child_environment(),
    )
    assert (done.returncode, done.stderr) == (0, b"")


# El lanzador, fashion_mnist_cnn.py, en este mismo proceso.


def test_the_launcher_leaves_ctrl_c_as_it_was_if_it_is_ignored_or_inside_a_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "main", lambda: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    runpy.run_path(str(LAUNCHER))
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(builtins, "get_ipython", lambda: None, raising=False)
    runpy.run_path(str(LAUNCHER))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_launcher_ends_at_once_if_ctrl_c_comes_outside_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(cli, "main", lambda: signal.raise_signal(signal.SIGINT))
    runpy.run_path(str(LAUNCHER))
    assert ended == [cli.INTERRUPTED]


def test_the_launcher_says_which_module_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fashion_bench.script.cli", None)
    with pytest.raises(SystemExit, match=r"^Falta el módulo fashion_bench\.script\.cli: "):
        runpy.run_path(str(LAUNCHER))


@pytest.mark.parametrize("flags", [["-S"], []], ids=["sin instalar", "carpeta copiada"])
def test_the_launcher_only_works_with_the_project_of_its_folder(
    tmp_path: Path, flags: list[str]
) -> None:
    """Un entorno copiado con la carpeta usaría, sin decirlo, el código de la de antes."""
    shutil.copy(LAUNCHER, tmp_path)
    package = tmp_path / "src" / "fashion_bench"
    package.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / lesson.NOTEBOOK).touch()
    for name in ("__init__.py", "install.py", "errors.py"):
        shutil.copy(ROOT / "src" / "fashion_bench" / name, package)
    done = subprocess.run(
        [sys.executable, *flags, tmp_path / LAUNCHER.name, "--help"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(PYTHONPATH="" if flags else str(ROOT / "src")),
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert "fashion_bench de esta carpeta" in line
    assert "-m pip install -r requirements" in line


CTYPES = ModuleNotFoundError("No module named '_ctypes'", name="_ctypes")
CLICK = ModuleNotFoundError("No module named 'click'", name="click")


@pytest.mark.parametrize(
    ("environment", "managed", "has_venv", "error", "told"),
    [
        (True, False, True, CLICK, "«python3 -m pip install -r requirements"),
        (
            False,
            True,
            False,
            CLICK,
            "«python3 -m venv .venv && . .venv/bin/activate && python",
        ),  # V11
        (False, True, True, CLICK, "«. .venv/bin/activate»"),  # sin activar
        (False, False, False, CLICK, "«python3 -m pip install -r"),  # un contenedor
        (True, False, True, CTYPES, "otro Python 3.12"),  # V37
        (True, False, True, ImportError("x.so: failed to map segment"), "noexec"),  # V38
        (True, False, True, ImportError("cannot import name 'x'"), "(cannot import name 'x')"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="en Windows se activa de otro modo")
def test_what_is_missing_is_told_with_an_order_for_this_python(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: bool,
    managed: bool,
    has_venv: bool,
    error: ImportError,
    told: str,
) -> None:
    monkeypatch.setattr(install, "PROJECT_DIR", tmp_path)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix + "/.venv" * environment)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    stdlib = tmp_path if managed else tmp_path / "no"
    monkeypatch.setattr(install.sysconfig, "get_path", lambda name: str(stdlib))
    if has_venv:
        (tmp_path / ".venv").mkdir()
    sentence = install.missing(error)
    assert told in sentence
    assert ("Falta" in sentence) is (error is CLICK)


def test_jupyter_lets_root_in_only_in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """En un contenedor, lo normal es ser root, y Jupyter no arrancaría (V7)."""
    for inside in (True, False):
        monkeypatch.setattr(install, "CONTAINER_MARKS", (str(ROOT),) if inside else ())
        monkeypatch.setattr(install, "CONTAINER_NAMES", ())
        server = SimpleNamespace(web_app=SimpleNamespace(settings={}), allow_root=False)
        install._load_jupyter_server_extension(server)
        assert server.allow_root is inside
    monkeypatch.setattr(install, "CONTAINER_NAMES", ("CODESPACES",))
    monkeypatch.setenv("CODESPACES", "true")
    assert install.is_container()


def test_an_equipment_that_cannot_talk_to_itself_is_told_before_waiting(
    order: Callable[..., int],
    started: list,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """Una VPN o una caja de arena sin 127.0.0.1 (V35)."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_server", refuse)
    assert (order(), started) == (cli.BAD_USAGE, [])
    [line] = capsys.readouterr().err.splitlines()
    assert "127.0.0.1" in line
    assert "instala" not in line


def test_a_kernel_does_not_inherit_what_turns_warnings_into_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Con `PYTHONWARNINGS=error`, un aviso de NumPy detenía el entrenamiento (V22)."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    given: dict = {}

    async def start(self: Kernel, **options: object) -> None:
        given.update(options)

    monkeypatch.setattr(AsyncKernelManager, "start_kernel", start)
    asyncio.run(Kernel({"A": "1"}).start_kernel())
    assert given["env"]["A"] == "1"
    assert "PYTHONWARNINGS" not in given["env"]


# Una ejecución: lo que se cuenta de ella, con un papermill fingido.


def chart(color: str, **metadata: object) -> NotebookNode:
    """Lo que deja una celda que dibuja: un cuadrado de un color."""
    drawn = BytesIO()
    PIL.Image.new("RGB", (40, 30), color).save(drawn, "PNG")
    return v4.new_output(
        "display_data",
        data={"image/png": b64encode(drawn.getvalue()).decode(), "text/plain": "un dibujo"},
        metadata={"image/png": {"alt": f"un cuadrado {color}", **metadata}},
    )


def record_output(**changes: object) -> NotebookNode:
    """Lo que deja una celda que acaba en `record`."""
    return v4.new_output("execute_result", data={MIME: RECORD | changes, "text/plain": "registro"})


def ran(*outputs: NotebookNode) -> NotebookNode:
    """Un cuaderno ejecutado, con cada resultado en una celda y un texto por medio."""
    cells = [v4.new_code_cell("...", outputs=[output], execution_count=1) for output in outputs]
    printed = v4.new_output("stream", text="hola\n")
    return v4.new_notebook(
        cells=[v4.new_markdown_cell("# Título"), v4.new_code_cell(outputs=[printed]), *cells]
    )


MAIN = {MAIN_CHART: True}


def test_the_record_is_found_in_whatever_cell_shows_it() -> None:
    notebook = ran(chart("red"), record_output(label="el primero"), record_output(), chart("blue"))
    assert report.record_of(notebook) == Record.model_validate(RECORD)
    for cell in notebook.cells:
        del cell["id"]
    assert report.record_of(notebook) == Record.model_validate(RECORD)
    assert report.record_of(ran(chart("red"))) is None
    assert report.record_of(v4.new_notebook()) is None


def test_the_main_chart_is_found_in_whatever_cell_draws_it(tmp_path: Path) -> None:
    notebook = ran(chart("red"), chart("lime", **MAIN), chart("blue"))
    page, picture = report.write(notebook, tmp_path / "a {b} ñ.ipynb")
    assert (page.name, picture.name) == ("a {b} ñ.html", "a {b} ñ.png")
    assert PIL.Image.open(picture).getpixel((0, 0)) == (0, 255, 0)
    html = page.read_text(encoding="utf-8")
    assert html.count("<img") == 3
    assert html.count('alt="un cuadrado lime"') == 1
    assert html.index("cuadrado lime") < html.index("cuadrado red") < html.index("#graficos")
    assert "<title>Fashion-MNIST contra el reloj, a {b} ñ</title>" in html


CALIBRATION = {
    "float32_flops": 15_680 * 1800 * 2.0,
    "precision_flops": 15_680 * 1800 * 2.0,
    "bytes_per_second": 2.5e10,
    "order_seconds": 1e-6,
}


def session(day: int, label: str, seconds: float, **changes: object) -> Record:
    """Una sesión de un equipo: de cada día y nombre, una."""
    number = len(label)
    return Record.model_validate(
        RECORD
        | {
            "run_id": f"202611{22 + day}T162119Z-{number:08x}",
            "created_utc": f"2026-11-{22 + day}T16:21:19Z",
            "label": label,
            "machine": RECORD["machine"] | {"key": f"{number:032x}"},
            "repeats": [RECORD["repeats"][0] | {"epoch_seconds": [seconds, seconds]}],
        }
        | changes
    )


def test_the_card_tells_the_run_and_compares_its_machine_session_by_session() -> None:
    others = [session(day, "El lento", 4 + day / 100) for day in (1, 2, 3)]
    mine = [session(day, "El mío", 1.5 + day / 100) for day in (4, 5)]
    record = session(6, "El mío", 1.5, calibration=[CALIBRATION] * 2)
    told = report.card(record, [*others, *mine, record])
    assert (told.name, told.headline) == ("El mío (AVX2) · CPU", "1.50\xa0s por época")
    rows = dict(told.rows)
    assert rows["Total"].startswith("3.0\xa0s: 2 épocas")
    assert rows["Exactitud y velocidad"].startswith("0.9100")
    assert told.counts
    assert "Por qué cuenta" in rows
    assert f"{record.created_utc:%Y-%m-%d}" in rows["Cuándo y con qué"]
    assert "TensorFlow 2.21.0" in rows["Equipo"]
    rival = "Este equipo, frente a «El lento (AVX2) · CPU»"
    assert rows[rival].startswith("2.63× (")
    assert rows[rival].endswith("), más rápido")
    least = rows["Como un producto de matrices"]
    assert ("0.75\xa0s por época" in least, "50\xa0%" in least) == (True, True)
    alone = dict(report.card(record, [*others, record]).rows)
    assert "sin veredicto" in alone[rival]


def test_the_next_step_depends_on_whether_the_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "address", lambda of: "https://localhost/curso")
    path = Path("registro.json")
    good, cut = session(6, "El mío", 1.5), session(6, "El mío", 1.5, **CUT_SHORT)
    whole = {"epochs": 10, "train_samples": 60_000}
    again = cut.model_copy(update={"parameters": cut.parameters.model_copy(update=whole)})
    steps = [report.next_step(record, path) for record in (good, cut, again)]
    assert send.command(path) in steps[0]
    assert all("fashion_mnist_cnn.py" in step for step in steps[1:])
    assert len({*steps, report.next_step(good, None)}) == 4
    monkeypatch.setattr(install, "address", lambda of: None)  # aún no hay adónde enviarlo
    assert "send" not in report.next_step(good, path)


CUT_SHORT: dict[str, object] = {"status": "interrupted", "reason": "Parado por ti"}


def test_the_card_compares_nothing_that_does_not_count() -> None:
    record = session(6, "El mío", 1.5)
    cut = session(6, "El mío", 1.5, **CUT_SHORT)
    unlike = session(1, "Otro lote", 4, parameters=RECORD["parameters"] | {"batch_size": 512})
    flawed = session(1, "El lento", 4, **CUT_SHORT)
    rivals = [session(1, "El lento", 4)]
    for told, others in ((record, [unlike, flawed]), (record, []), (cut, rivals)):
        assert "×" not in dict(report.card(told, others).rows)["Frente a otros"]
    empty = session(6, "El mío", 1.5, repeats=[], **CUT_SHORT)
    for told in (cut, empty):
        card = report.card(told, rivals)
        assert (card.counts, card.verdict) == (False, f"No cuenta: {told.flaw}")


def test_the_report_starts_with_the_card_and_leaves_out_what_is_only_for_the_notebook(
    tmp_path: Path,
) -> None:
    notebook = ran(record_output(label="Tú & yo"), chart("lime", **MAIN))
    exercises = v4.new_markdown_cell("## Ejercicios", metadata={"tags": [report.NOTEBOOK_ONLY]})
    notebook.cells.append(exercises)
    page, _ = report.write(notebook, tmp_path / "a.ipynb", [session(1, "El lento", 4)])
    html = page.read_text(encoding="utf-8")
    first = [html.index(text) for text in ("Tú &amp; yo", "frente a «", "<figure", "Título")]
    assert first == sorted(first)
    assert "Ejercicios" not in html
    assert notebook.cells[-1] is exercises


@pytest.fixture
def papermill(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[NotebookNode | BaseException], list]:
    """Finge que papermill devuelve un cuaderno o falla; da los argumentos con los que se llama."""
    runs.mkdir()

    def pretend(result: NotebookNode | BaseException) -> list[dict]:
        calls = []

        def execute(
            notebook: NotebookNode, output: str, overrides: dict, **options: object
        ) -> NotebookNode:
            calls.append({"output": output, "overrides": overrides, **options})
            if isinstance(result, BaseException):
                nbformat.write(v4.new_notebook(), output)
                raise result
            nbformat.write(result, output)
            return result

        monkeypatch.setattr(cli, "execute_notebook", execute)
        return calls

    return pretend


WHOLE = (chart("red"), record_output(), chart("lime", **MAIN))
NO_RECORD = "El cuaderno no enseña su registro: le falta la celda que lo hace."


@pytest.mark.parametrize(
    ("outputs", "shows"),
    [
        (WHOLE, ["Informe", "Gráfico", "Cuaderno ejecutado"]),
        (WHOLE[:2], ["Informe", "Cuaderno ejecutado"]),
        (WHOLE[2:], [NO_RECORD, "Informe", "Gráfico", "Cuaderno ejecutado"]),
        ((), [NO_RECORD, "Informe", "Cuaderno ejecutado"]),
    ],
)
def test_a_missing_cell_costs_only_its_piece(
    papermill: Callable,
    outputs: tuple,
    shows: list[str],
    runs: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    papermill(ran(*outputs))
    outcome = cli.run(v4.new_notebook(), {}, runs)
    assert outcome.code == cli.FINE
    assert outcome.record == (Record.model_validate(RECORD) if record_output() in outputs else None)
    told = capsys.readouterr()
    assert told.err == ""
    lines, verdict = told.out.splitlines()[: len(shows)], told.out.splitlines()[len(shows) :]
    assert " ".join(verdict).startswith(str(outcome.record or ""))
    assert [line.partition(": /")[0] for line in lines] == shows
    written = [line.partition(": ")[2] for line in lines if line != NO_RECORD]
    assert [Path(path).suffix for path in written[:-1]] == [".html", ".png"][: len(written) - 1]
    for path in written:
        assert Path(path).parent == runs
        assert Path(path).stat().st_size > 0


def test_the_run_is_compared_with_the_records_of_its_folder(
    papermill: Callable, runs: Path, tmp_path: Path
) -> None:
    rival = session(1, "El lento", 4)
    (tmp_path / "rival.json").write_text(rival.model_dump_json(), encoding="utf-8")
    papermill(ran(record_output()))
    for folder, compared in ((tmp_path, True), (tmp_path / "no está", False)):
        cli.run(v4.new_notebook(), {}, folder)
        [page] = runs.glob("*.html")
        assert ("El lento" in page.read_text(encoding="utf-8")) is compared
        page.unlink()


def test_it_runs_with_this_python_whatever_the_kernels_installed(
    papermill: Callable, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"argv": ["/no/existe/python"], "display_name": "Otro", "language": "python"}
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    calls = papermill(ran())
    cli.run(v4.new_notebook(), {}, runs)
    [call] = calls
    assert call["km"].kernel_spec.argv[0] == sys.executable


def failure(name: str, text: str) -> PapermillExecutionError:
    return PapermillExecutionError(5, 4, "código", name, text, [])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (failure("TutorialError", "Falta una pieza: ponla."), "Error. Falta una pieza: ponla."),
        (CellTimeoutError("Timeout waiting for IOPub output"), "cierra otros programas"),  # V10
        (failure("KeyError", "'a'"), f"«git restore notebooks/{lesson.NOTEBOOK}»"),
        (DeadKernelError("Kernel died"), "tal cosa («hazlo»)"),
        (RuntimeError("Kernel died before replying"), "tal cosa («hazlo»)"),
        (OSError(28, "No space left on device"), "(no queda espacio en el disco)"),
        (PermissionError(13, "Denied", "/jupyter/runtime"), " /jupyter/runtime (falta permiso)"),
    ],
    ids=[
        "TutorialError",
        "equipo lento",
        "otro error",
        "kernel muerto",
        "no arranca",
        "disco lleno",
        "carpeta de Jupyter",
    ],
)
def test_a_failed_run_tells_what_failed_and_where_the_notebook_is(
    papermill: Callable,
    error: BaseException,
    told: str,
    runs: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = Finding(id="x", severity="error", sentence="tal cosa", cure="hazlo")
    monkeypatch.setattr(probe, "gather", lambda: None)
    monkeypatch.setattr(diagnosis, "verdict", lambda facts: verdict)
    papermill(error)
    assert cli.run(v4.new_notebook(), {}, runs) == cli.Outcome(cli.FAILED)
    out, err = capsys.readouterr()
    assert out == ""
    first, last = err.splitlines()
    assert told in first
    assert f"{shown(runs)}{os.sep}" in last


def test_a_reader_that_leaves_in_the_middle_stops_the_notebook(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """La celda que escribía no sigue hasta el final sin nadie que la lea."""
    runs.mkdir()
    reader, writer = os.pipe()
    os.close(reader)
    cells = [v4.new_code_cell(f"import time\nprint({n})\ntime.sleep(120)") for n in range(2)]
    pipe = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stdout", pipe)
    with pytest.raises(BrokenPipeError):
        cli.run(v4.new_notebook(cells=cells), {}, runs)
    with pytest.raises(BrokenPipeError):  # lo que no se ha podido escribir sigue pendiente
        pipe.close()
    assert capsys.readouterr().err == ""


def test_a_report_that_cannot_be_written_names_its_file_and_keeps_the_record(
    papermill: Callable, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    calls = papermill(ran(*WHOLE))
    really_write = report.write

    def write(
        notebook: NotebookNode, executed: Path, records: list[Record], saved: Path | None
    ) -> tuple[Path, Path | None]:
        executed.with_suffix(".png").mkdir()
        return really_write(notebook, executed, records, saved)

    monkeypatch.setattr(report, "write", write)
    outcome = cli.run(v4.new_notebook(), {}, runs)
    assert outcome == cli.Outcome(cli.FAILED, Record.model_validate(RECORD))
    picture = (runs / calls[0]["output"]).with_suffix(".png")
    told = capsys.readouterr()
    assert told.out.replace("\n", " ").startswith(str(outcome.record))
    [line] = told.err.splitlines()
    assert shown(picture) in line


def test_without_the_templates_of_nbconvert_it_is_told_before_training_and_the_record_is_kept(
    papermill: Callable, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Van en share/jupyter, que a veces se pierde (V23)."""

    def no_templates() -> None:
        raise ValueError("No template sub-directory with name 'lab' found in the following paths:")

    monkeypatch.setattr(report, "_exporter", no_templates)
    papermill(ran(*WHOLE))
    outcome = cli.run(v4.new_notebook(), {}, runs)
    assert outcome == cli.Outcome(cli.FAILED, Record.model_validate(RECORD))
    told = capsys.readouterr().err.splitlines()
    assert sorted(line.split()[0] for line in told) == ["Aviso.", "Error."]
    assert all("nbconvert" in line for line in told)


# Ctrl-C, sin kernel.


@NO_CTRL_C
def test_ctrl_c_with_no_cell_running_stops_at_the_next_one(capsys: pytest.CaptureFixture) -> None:
    cut = []

    def previous(*_: object) -> None:
        cut.append(True)

    signal.signal(signal.SIGINT, previous)
    brake = Brake(Kernel({}))
    brake.before_cell(cell=None, cell_index=0)
    with brake.ctrl_c():
        signal.raise_signal(signal.SIGINT)
        assert brake.pressed
        with pytest.raises(StoppedError):
            brake.before_cell(cell=None, cell_index=1)
        assert cut == []
        signal.raise_signal(signal.SIGINT)
        assert cut == [True]
    assert signal.getsignal(signal.SIGINT) is previous
    assert len(capsys.readouterr().err.splitlines()) == 2


@NO_CTRL_C
def test_ctrl_c_that_was_ignored_stays_ignored(capsys: pytest.CaptureFixture) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    brake = Brake(Kernel({}))
    with brake.ctrl_c():
        signal.raise_signal(signal.SIGINT)
    assert not brake.pressed
    brake.before_cell(cell=None, cell_index=0)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert capsys.readouterr().err == ""


class FakeKernel:
    """Anota lo que se le hace."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def interrupt_now(self) -> None:
        self.done.append("interrumpir")

    def kill_now(self) -> None:
        self.done.append("matar")


def test_a_cell_is_interrupted_once_and_only_while_it_runs() -> None:
    kernel = FakeKernel()
    brake = Brake(kernel)
    brake.before_cell()
    brake.stop()  # cuando ya se le ha pedido al kernel que empiece, pero aún no ha empezado
    assert kernel.done == []
    kernel.when_cell_runs()
    brake.stop()
    assert kernel.done == ["interrumpir"]
    kernel.when_cell_ends()
    brake.stop()
    assert kernel.done == ["interrumpir"]
    with pytest.raises(StoppedError):
        brake.before_cell()


@pytest.mark.parametrize(
    ("patience", "deadline", "ends", "done"),
    [
        (0.05, 30, 2, ["interrumpir", "matar"]),  # acaba, pero no responde
        (2, 0.05, 0, ["interrumpir", "matar"]),  # no acaba nunca
        (2, 0.1, 1, ["interrumpir"]),  # acaba a tiempo
    ],
)
def test_a_kernel_that_does_not_end_after_an_interruption_is_killed(
    monkeypatch: pytest.MonkeyPatch, patience: float, deadline: float, ends: int, done: list[str]
) -> None:
    monkeypatch.setattr(interrupt, "PATIENCE_SECONDS", patience)
    monkeypatch.setattr(interrupt, "DEADLINE_SECONDS", deadline)
    kernel = FakeKernel()
    brake = Brake(kernel)
    with brake.ctrl_c():
        kernel.when_cell_runs()
        kernel.when_cell_ends()
        time.sleep(0.1)
        assert kernel.done == []  # sin interrupción, no hay prisa
        kernel.when_cell_runs()
        brake.stop()
        for _ in range(ends):
            kernel.when_cell_ends()
        if done[-1] == "matar":
            time.sleep(0.2)
    time.sleep(0.2)
    assert kernel.done == done


# Papermill y un kernel de verdad, con un cuaderno que no entrena.

TINY = v4.new_notebook(
    cells=[
        v4.new_code_cell(
            'epochs: int = 2 * 5  # (antes = 5)\nmachine_name: str = "aula=3"\nphoto: str = "a #b"',
            metadata={"tags": ["parameters"]},
        ),
        v4.new_code_cell("print([epochs, machine_name, photo])"),
        v4.new_code_cell(
            "import os\nprint(os.environ.get('JPY_SESSION_NAME'), os.environ['MPLBACKEND'][:6])"
        ),
    ]
)
"""Sin decir su kernel ni su lenguaje, como lo dejan algunos editores."""


def test_a_real_kernel_gets_the_parameters_and_its_text_is_shown(
    runs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs.mkdir()
    for name in ("JPY_SESSION_NAME", "MPLBACKEND"):
        monkeypatch.setenv(name, "del cuaderno desde el que se lanza")
    kernel = Kernel({})
    monkeypatch.setattr(cli, "Kernel", lambda _: kernel)
    overrides = {"epochs": 3, "machine_name": "{x} \\ \"a\" 'b' ñ", "photo": "c"}
    assert cli.run(TINY, overrides, runs) == cli.Outcome(cli.FINE)
    told = capsys.readouterr()
    assert told.err == ""
    assert [record.getMessage() for record in caplog.records] == []
    lines = told.out.splitlines()
    assert lines[:3] == [str([*overrides.values()]), "None module", NO_RECORD]
    page, executed = [Path(line.partition(": ")[2]) for line in lines[3:]]
    assert sorted(runs.iterdir()) == [page, executed]
    nbformat.validate(nbformat.read(executed, as_version=4))
    assert not kernel.has_kernel
    assert [client.channels_running for client in kernel._clients] == [False]
    assert os.environ["JPY_SESSION_NAME"] == "del cuaderno desde el que se lanza"


def test_what_a_run_leaves_behind_does_not_tell_who_you_are(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Ni en los parámetros, ni en lo que se escribe, ni en las trazas, ni en los metadatos."""
    home = tmp_path / "casa-de-nadie"
    (home / "curso").mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: home)
    elsewhere = f"/media/{home.name}/usb"
    parts = (
        "import sys",
        "from IPython.display import HTML, display",
        f"print({str(home)!r}, file=sys.stderr)",
        "display(HTML(machine_name))",
        "machine_name",
        "raise ValueError(photo, machine_name)",
    )
    notebook = v4.new_notebook(
        cells=[TINY.cells[0], v4.new_code_cell("\n".join(parts[:-1])), v4.new_code_cell(parts[-1])]
    )
    runs.mkdir()
    overrides = {"photo": folders.portable(home / "foto.png"), "machine_name": elsewhere}
    assert cli.run(notebook, overrides, runs) == cli.Outcome(cli.FAILED)
    told = capsys.readouterr()
    assert "~" in told.err
    [executed] = runs.iterdir()
    everything = [told.out, told.err, executed.read_text(encoding="utf-8"), executed.name]
    everything[2] = everything[2].replace(f"print({str(home)!r}", "")  # está en el cuaderno
    for text in everything:
        assert home.name not in text
    assert everything[2].count("/media/<usuario>/usb") >= 4
    assert set(nbformat.read(executed, as_version=4).metadata.papermill) >= {"version"}


def test_a_missing_name_costs_only_its_cell(runs: Path, capsys: pytest.CaptureFixture) -> None:
    """Como cuando alguien quita o mueve la celda que lo define."""
    data = {MIME: RECORD, "text/plain": ""}
    shows = f"from IPython.display import display\ndisplay({data!r}, raw=True)"
    notebook = v4.new_notebook(
        cells=[TINY.cells[0], *map(v4.new_code_cell, ("mistakes(1)", "print('sigue')", shows))]
    )
    runs.mkdir()
    assert cli.run(notebook, {}, runs) == cli.Outcome(cli.FAILED, Record.model_validate(RECORD))
    told = capsys.readouterr()
    [line] = told.err.splitlines()
    assert "'mistakes'" in line
    first, page, executed, *_ = told.out.splitlines()
    assert (first, page[-5:], executed[-6:]) == ("sigue", ".html", ".ipynb")


def test_what_fails_after_training_costs_only_its_cell(
    runs: Path, capsys: pytest.CaptureFixture
) -> None:
    """Como un dibujo que no esperaba la red de quien ha cambiado el cuaderno."""
    data = {MIME: RECORD, "text/plain": ""}
    shows = f"from IPython.display import display\ndisplay({data!r}, raw=True)"
    sources = ("1 / 0", "print('sigue')", shows)
    later = [v4.new_code_cell(source) for source in sources]
    training = v4.new_code_cell("print('entrena')", id="entrenar")
    notebook = v4.new_notebook(cells=[TINY.cells[0], training, *later])
    runs.mkdir()
    assert cli.run(notebook, {}, runs) == cli.Outcome(cli.FAILED, Record.model_validate(RECORD))
    told = capsys.readouterr()
    [line] = told.err.splitlines()
    assert "ZeroDivisionError" in line
    ends = [text.rpartition(".")[2] for text in told.out.splitlines()]
    assert ends[:4] == ["entrena", "sigue", "html", "ipynb"]


def test_a_kernel_that_does_not_start_is_told(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('roto')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(cli, "_why", lambda: "")
    runs.mkdir()
    assert cli.run(TINY, {}, runs) == cli.Outcome(cli.FAILED)
    told = capfd.readouterr()
    broken, first, last = told.err.splitlines()
    assert broken == "roto"
    assert "(Kernel died" in first
    assert last.endswith(".ipynb")


@NO_CTRL_C
@pytest.mark.parametrize(("cell", "printed"), [(1, 1), (2, 2)])
def test_ctrl_c_while_papermill_saves_stops_the_grid(
    runs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    cell: int,
    printed: int,
) -> None:
    saved = NotebookExecutionManager.cell_complete

    def interrupted(manager: NotebookExecutionManager, node: NotebookNode, cell_index: int) -> None:
        saved(manager, node, cell_index)
        if cell_index == cell:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(NotebookExecutionManager, "cell_complete", interrupted)
    runs.mkdir()
    before = signal.getsignal(signal.SIGINT)
    assert cli.run_all(TINY, [({}, runs)] * 2) == cli.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before
    told = capsys.readouterr()
    _, *others = told.err.strip().splitlines()
    assert [line[-6:] for line in others] == (["mpido.", ".ipynb"] if cell == 1 else [])
    lines = told.out.splitlines()
    assert lines[2 : 2 + printed] == ["[10, 'aula=3', 'a #b']", "None module"][:printed]
    assert lines[2 + printed] in ("", NO_RECORD)  # ninguna otra celda ha escrito nada
    assert lines[-1].split() == ["sin", "hacer"]


def test_what_is_changed_in_the_notebook_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    notebook = lesson.read()
    [cell] = [each for each in notebook.cells if each.id == "parameters"]
    cell.source = cell.source.replace("epochs: int = 10", "epochs: int = 1")
    monkeypatch.setattr(cli.lesson, "read", lambda: notebook)
    monkeypatch.setattr(cli, "run_all", lambda *_: cli.FINE)
    for options, told in (([], "epochs=1"), (["--epochs", "3"], "")):
        monkeypatch.setattr(sys, "argv", ["fashion_mnist_cnn.py", *options])
        assert cli.obey() == cli.FINE
        found = capsys.readouterr().err
        assert (told in found, "batch_size" in found) == (True, False)
        assert bool(found) == bool(told)


# El script entero, en otro proceso.


@pytest.mark.slow
def test_a_quick_run_from_another_folder_and_another_encoding(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tmp_path = tmp_path_factory.mktemp("casa-de-nadie")  # la carpeta personal
    (tmp_path / "registros").mkdir()
    (tmp_path / "registros" / "a → b.json").write_text("hola")
    done = subprocess.run(
        [
            *(sys.executable, LAUNCHER, *QUICK),
            *("--results-dir", "registros", "--machine-name", "Mi PC #2"),
        ],
        cwd=tmp_path,
        capture_output=True,
        env=child_environment(
            PYTHONIOENCODING="cp1252",
            HOME=str(tmp_path),
            USERPROFILE=str(tmp_path),
            MPLCONFIGDIR=matplotlib.get_configdir(),  # si no, buscaría otra vez todas las letras
        ),
    )
    assert (done.returncode, done.stderr.decode("cp1252")) == (0, "")
    lines = done.stdout.decode("cp1252").splitlines()
    assert lines[0].startswith("GPU")
    [file] = (tmp_path / "registros").glob("2*.json")
    [epoch] = [number for number, line in enumerate(lines) if line.startswith("Época 1/1: ")]
    saved = lines.index(f"Registro guardado en ~/registros/{file.name}")
    assert re.fullmatch(r"--- Entrenamiento finalizado en \d+\.\d\d segundos ---", lines[-1])
    total = float(lines[-1].split()[-3])
    [last] = [number for number, line in enumerate(lines) if line.startswith("Cuaderno ejecutado")]
    assert epoch < saved < last
    assert not [line for line in lines if len(line) > 79]
    executed = ROOT / lines[last].removeprefix("Cuaderno ejecutado: ")
    assert executed.parent == ROOT / "runs"
    page, picture = executed.with_suffix(".html"), executed.with_suffix(".png")
    assert lines[last - 2 : last + 1] == [
        f"Informe: {shown(page)}",
        f"Gráfico: {shown(picture)}",
        f"Cuaderno ejecutado: {shown(executed)}",
    ]
    notebook = nbformat.read(executed, as_version=4)
    nbformat.validate(notebook)
    drawings = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert page.read_text(encoding="utf-8").count("<img ") == len(drawings)
    PIL.Image.open(picture).verify()
    record = files.load_file(file)
    assert report.record_of(notebook) == record
    assert (record.label, record.status) == ("Mi PC #2", "ok")
    assert (record.parameters.epochs, record.parameters.train_samples) == (1, 1000)
    assert total == pytest.approx(record.repeats[0].total_seconds, abs=0.006)
    parameters_used = [
        cell.source
        for cell in notebook.cells
        if "injected-parameters" in cell.metadata.get("tags", [])
    ]
    assert 'results_dir = "~/registros"' in parameters_used[0]
    host = socket.gethostname()
    for left in (executed, page, picture, file):
        content = left.read_bytes()
        assert tmp_path.name.encode() not in content
        assert str(ROOT).encode() not in content
        if re.search(r"[\d-]", host):  # no es un nombre cualquiera
            assert host.encode() not in content


@pytest.mark.slow
def test_a_grid_with_a_failing_cell_goes_on(tmp_path: Path) -> None:
    devices = ("--device", "gpu", "--device", "cpu")
    done = run_script(*QUICK, *devices, "--results-dir", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    first, last = done.stderr.splitlines()
    assert "'gpu'" in first
    partial = ROOT / last.removeprefix("El cuaderno a medias está en ")
    assert first.removeprefix("Error. ")[:40] in partial.read_text(encoding="utf-8")
    table = done.stdout.splitlines()[-3:]
    assert table[0].split() == ["Combinación", "s/época", "imágenes/s", "Exactitud", "¿Cuenta?"]
    assert table[1].split() == ["--device", "gpu", "falló"]
    assert "no cuenta: " in table[2]
    [record], rejected = files.load_folder(tmp_path)
    assert rejected == []
    assert f"{record.accuracy:.4f}" in table[2]


@pytest.mark.slow
def test_a_notebook_without_ids_nor_its_last_cells_keeps_what_it_earns(
    tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    notebook = json.loads((lesson.NOTEBOOKS_DIR / lesson.NOTEBOOK).read_text(encoding="utf-8"))
    keep = [cell for cell in notebook["cells"] if cell["id"] not in ("registro", "equipos")]
    for cell in keep:
        del cell["id"]
    (tmp_path / lesson.NOTEBOOK).write_text(json.dumps(notebook | {"cells": keep}))
    monkeypatch.setattr(lesson, "NOTEBOOKS_DIR", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    runs.mkdir()
    overrides = {"epochs": 1, "train_samples": 1000, "results_dir": str(tmp_path)}
    assert cli.run(lesson.read(), overrides, tmp_path) == cli.Outcome(cli.FINE)
    told = capsys.readouterr()
    assert told.err == ""
    lines = told.out.splitlines()
    [file] = tmp_path.glob("*.json")
    assert files.load_file(file).status == "ok"
    assert f"Registro guardado en {shown(file)}" in lines
    assert NO_RECORD in lines
    assert lines[-2].startswith("Cuaderno ejecutado: ")


def kernels(process: subprocess.Popen) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "ipykernel" in " ".join(child.cmdline())
    ]


@NO_CTRL_C
@pytest.mark.slow
def test_on_a_terminal_each_epoch_lives_in_one_line_and_ctrl_c_keeps_them(tmp_path: Path) -> None:
    """Y no deja ningún kernel. Con el primer aviso de la tercera, dos están guardadas."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 40))
    options = ("--epochs", "500", "--train-samples", "9000", "--results-dir", tmp_path)
    process = subprocess.Popen(
        [sys.executable, LAUNCHER, *options],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={name: text for name, text in child_environment().items() if name != "COLUMNS"},
    )
    os.close(theirs)
    output, kernel = b"", None
    try:
        with suppress(OSError):  # el final de una terminal que se cierra
            while chunk := os.read(ours, 4096):
                output += chunk
                if kernel is None and b"3/500" in output:
                    [kernel] = kernels(process)
                    process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == cli.INTERRUPTED
        assert kernel is not None
        assert not kernel.is_running()
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert "Traceback" not in output.decode("utf-8") + errors
    lines = output.decode("utf-8").split("\r\n")
    for number in (1, 2):
        [epoch] = [line for line in lines if f"{number}/500" in line]
        *steps, _ = epoch.removeprefix("\r").split("\r")
        assert all(re.match(r"Época +\d/500: +\d+ %, +\d+ imágenes", step) for step in steps)
        assert {len(step) for step in steps} == {39}
    told = [line for line in errors.splitlines() if line]
    assert told[0] == "Interrumpido: se detiene el entrenamiento…"
    executed = ROOT / told[2].removeprefix("El cuaderno a medias está en ")
    assert executed.parent == ROOT / "runs"
    [kept] = [
        output.text
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", [])
        if "Época" in output.get("text", "")
    ]
    whole = re.findall(r"^Época +\d/500: .* validación 0\.\d+$", kept, re.MULTILINE)
    assert len(whole) >= 2
    assert "quedan" not in "".join(whole)
    [file] = tmp_path.iterdir()
    # Entre un aviso a medias y esto, en la terminal va lo que se dice por la otra salida.
    assert any(line.endswith(f"Registro guardado en {shown(file)}") for line in lines)
    record = files.load_file(file)
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) >= 2


@pytest.mark.slow
def test_a_killed_kernel_is_told_and_loses_no_epoch(tmp_path: Path) -> None:
    options = ("--epochs", "500", "--train-samples", "1000", "--results-dir", tmp_path)
    process = subprocess.Popen(
        [sys.executable, LAUNCHER, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=child_environment(),
    )
    try:
        assert any("3/500" in line for line in process.stdout)
        [kernel] = kernels(process)
        kernel.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == cli.FAILED
    finally:
        process.kill()
        process.communicate()
    assert "ha muerto de golpe" in errors
    assert "Traceback" not in errors
    [record], rejected = files.load_folder(tmp_path)
    assert rejected == []
    assert record.status == "interrupted"
    assert len(record.repeats[0].epoch_seconds) >= 2


@pytest.mark.slow
def test_a_file_named_as_a_library_does_not_stop_the_script(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "fashion_mnist_cnn.py", tmp_path)
    (tmp_path / "random.py").write_text("mío = 1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, "--help"], capture_output=True, text=True, env=child_environment()
    )
    assert (done.returncode, done.stderr) == (0, "")


NOBODY = """
import os, pwd, runpy, sys
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown
del os.environ["HOME"]
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="en Windows la carpeta no sale de pwd")
def test_a_user_without_a_home_can_use_the_script() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, ROOT / "fashion_mnist_cnn.py", "--help"],
        capture_output=True,
        text=True,
        env=child_environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Uso: fashion_mnist_cnn.py")


@pytest.mark.parametrize(
    ("route", "kept"),
    [
        ("/media/usb/Perez Gomez/mi foto.jpg", "…/mi foto.jpg"),
        ('/media/Pérez "el Rubio"/a=b/mi foto.jpg', "…/mi foto.jpg"),
        ("D:\\Perez Gomez\\mi foto.jpg", "…/mi foto.jpg"),
        ("\\\\servidor\\Perez\\mi foto.jpg", "…/mi foto.jpg"),
        ('/mnt/Perez/mi "foto".jpg', '…/mi \\"foto\\".jpg'),
        ("../mi foto.jpg", "../mi foto.jpg"),
        ("~/Fotos/mi foto.jpg", "~/Fotos/mi foto.jpg"),
    ],
)
def test_the_path_of_a_photo_outside_home_stays_out_of_the_notebook(route: str, kept: str) -> None:
    """Ni de la carpeta de los registros; con la celda tal como la escribe papermill."""
    written = PythonTranslator.codify({"epochs": 1, "photo": route, "results_dir": route})
    cell = v4.new_code_cell(written)
    cli._forget_who(cell)
    assert cell.source.splitlines()[-2:] == [f'photo = "{kept}"', f'results_dir = "{kept}"']
