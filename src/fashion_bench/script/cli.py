"""La línea de órdenes: ejecuta el cuaderno 01 con papermill y muestra lo que va escribiendo."""

import logging
import os
import re
import shutil
import socket
import sys
from contextlib import chdir, closing
from datetime import datetime
from io import TextIOWrapper
from itertools import product
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import click
import nbformat
from nbclient.exceptions import CellTimeoutError
from papermill import PapermillExecutionError, execute_notebook

from fashion_bench import (
    FOLDER_VARIABLE,
    NOTEBOOKS_DIR,
    PROJECT_DIR,
    folders,
    install,
    lesson,
    parameters,
)
from fashion_bench.compare import files
from fashion_bench.errors import BAD_USAGE, FAILED, FINE, INTERRUPTED, TutorialError, cause
from fashion_bench.figures import Record
from fashion_bench.folders import shown
from fashion_bench.photo import pictures as photo
from fashion_bench.script import order
from fashion_bench.script.interrupt import Brake, Relay, StoppedError
from fashion_bench.script.kernel import Kernel
from fashion_bench.script.spanish import SpanishCommand, in_spanish, version_option
from fashion_bench.text import Table, wrapped, written

RUNS_DIR = PROJECT_DIR / "runs"

PATIENCE_SECONDS = 300
"""Lo que se espera a un kernel que tarda en arrancar o en contar lo que escribe."""

RESULT_WITHOUT_RECORD = {FINE: "sin registro", FAILED: "falló", INTERRUPTED: "interrumpida"}

OUTSIDE = re.compile(r'^((?:photo|results_dir) = ")(?:[/\\]|[A-Za-z]:).*(?:/|\\\\)', re.MULTILINE)
"""La carpeta de un parámetro, si no es del proyecto ni de la carpeta personal."""

Overrides = dict[str, int | str]
"""Parámetros que se cambian en una ejecución."""

Chosen = tuple[Overrides, Path]
"""Lo que se pide a una ejecución, ya comprobado, y la carpeta donde queda su registro."""


class Outcome(NamedTuple):
    """Cómo acabó una ejecución."""

    code: int
    record: Record | None = None
    path: Path | None = None
    """Dónde está guardado el registro, si se ha podido guardar."""


def main() -> None:
    """Punto de entrada: lee la orden, ejecuta el cuaderno y termina con su código de salida."""
    for number, stream in enumerate((sys.stdout, sys.stderr), 1):
        if isinstance(stream, TextIOWrapper):  # dentro de un kernel es otra cosa
            stream.reconfigure(errors="replace")  # una consola cp1252 no puede con todo
        elif stream is None:  # cerrada: el kernel necesita alguna
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            os.set_inheritable(number, True)
    try:
        code = obey()
        if sys.stdout:
            sys.stdout.flush()
    except OSError as lost:  # los demás se han contado ya: es de la salida
        # Lo que no ha cabido sigue pendiente, y Python lo intentaría otra vez al terminar.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
        if not isinstance(lost, BrokenPipeError):  # de `… | head -1` no hay nada que decir
            _complain(f"Error. {_sentence(lost)}")
    sys.exit(code)


def obey() -> int:
    """Hace lo que se pide en la línea de órdenes y devuelve el código de salida."""
    try:
        notebook = lesson.read()
        defaults = {
            name: told
            for name, told in lesson.defaults(notebook).items()
            if name in parameters.Training.model_fields
        }
        command = build_command(defaults)
        given = command.main(prog_name=command.name, standalone_mode=False)
        if isinstance(given, int):  # se pidió --help
            return given
        combinations = checked(defaults, given)
        _tell_changes({name: value for name, (value, _) in defaults.items() if name not in given})
        folders.prepare_folder(str(RUNS_DIR), "runs")
        check_loopback()
    except (click.UsageError, TutorialError) as error:
        told = in_spanish(error) if isinstance(error, click.UsageError) else error
        _complain(f"Error. {told}")
        return BAD_USAGE
    return run_all(notebook, combinations)


def _tell_changes(taken: dict[str, object]) -> None:
    """Dice qué parámetros, de los que se toman del cuaderno, alguien ha cambiado en él."""
    usual = parameters.DEFAULTS
    found = [f"{name}={value!r}" for name, value in taken.items() if value != usual[name]]
    if found:
        changed = " y ".join(found)
        _complain(wrapped(f"Aviso. Los parámetros del cuaderno están cambiados: {changed}."))


def check_loopback() -> None:
    """Comprueba que el script podrá hablar con su kernel.

    Raises:
        TutorialError: si el equipo no puede hablar consigo mismo.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    except OSError as error:
        raise TutorialError(
            f"Este equipo no puede hablar consigo mismo, en 127.0.0.1 ({cause(error)}), y el "
            "cuaderno no arrancaría; permítelo en la VPN, el cortafuegos o la caja de arena que lo "
            "impide."
        ) from None


def build_command(defaults: dict[str, tuple[object, str]]) -> click.Command:
    """Construye la orden; al llamarla devuelve las opciones escritas, como texto."""
    options: list[click.Parameter] = []
    for name, (default, text) in defaults.items():
        told = f"{text}. Debe ser {parameters.Training.model_fields[name].description}"
        if "por defecto" not in text:
            told += f" [por defecto: {'vacío' if default == '' else default}]"
        kind = "NÚMERO" if isinstance(default, int | float) else "TEXTO"
        options.append(click.Option([_option(name), name], multiple=True, metavar=kind, help=told))
    command = SpanishCommand(
        Path(sys.argv[0]).name.removesuffix(".exe"),
        params=options,
        callback=lambda **given: {name: texts for name, texts in given.items() if texts},
        help="Entrena una red convolucional con Fashion-MNIST y mide cuánto tarda este equipo: "
        "ejecuta el cuaderno notebooks/01_fashion_mnist_cnn.ipynb sin navegador. Si repites una "
        "opción con otro valor, prueba todas las combinaciones.",
    )
    return version_option(command)


def checked(
    defaults: dict[str, tuple[object, str]], given: dict[str, tuple[str, ...]]
) -> list[Chosen]:
    """Comprueba las opciones escritas y devuelve todas sus combinaciones, con su tipo.

    Raises:
        TutorialError: si alguna no vale o no se podrá guardar el registro.
    """
    texts = {name: str(default) for name, (default, _) in defaults.items()}
    combinations = []
    for values in product(*map(dict.fromkeys, given.values())):
        chosen = dict(zip(given, values, strict=True))
        for name in {"results_dir", "photo"} & chosen.keys():
            if chosen[name]:  # una ruta de la terminal se cuenta desde donde se escribe
                chosen[name] = folders.portable(folders.expanded(chosen[name]))
        try:
            config = parameters.Training.check(texts | chosen, strings=True)
            folder = folders.prepare_folder(config.results_dir)
            if config.photo:
                photo.load(config.photo)
        except TutorialError as error:
            names = "|".join(texts)
            sentence = re.sub(rf"\b({names})=", lambda found: f"{_option(found[1])} ", str(error))
            raise TutorialError(sentence) from None
        combinations.append(({name: getattr(config, name) for name in chosen}, folder))
    return combinations


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run_all(notebook: nbformat.NotebookNode, combinations: list[Chosen]) -> int:
    """Ejecuta con el cuaderno las combinaciones una tras otra y devuelve el código de salida.

    Una que falla no detiene a las demás. Si hay varias, acaba con una tabla de todas.
    """
    outcomes = []
    names = _names([overrides for overrides, _ in combinations])
    for number, (name, chosen) in enumerate(zip(names, combinations, strict=True), 1):
        if len(combinations) > 1:
            print(f"\n=== {number} de {len(combinations)}: {name} ===", flush=True)
        outcomes.append(run(notebook, *chosen))
        if outcomes[-1].code == INTERRUPTED:
            break
    if len(combinations) > 1:
        print(f"\n{summary(names, outcomes)}")
    return max(outcome.code for outcome in outcomes)


def summary(names: list[str], outcomes: list[Outcome]) -> Table:
    """Compone la tabla de las combinaciones; las que faltan no se llegaron a hacer."""
    rows = [("Combinación", "s/época", "imágenes/s", "Exactitud", "¿Cuenta?")]
    for name, outcome in zip(names, outcomes, strict=False):
        if record := outcome.record:
            speed = f"{record.median_epoch_seconds:.2f}", written(record.images_per_second)
            counts = f"no cuenta: {record.flaw}" if record.flaw else "sí"
            rows.append((name, *speed, f"{record.accuracy or 0:.4f}", counts))
        else:
            rows.append((name, "", "", "", RESULT_WITHOUT_RECORD[outcome.code]))
    rows += [(name, "", "", "", "sin hacer") for name in names[len(outcomes) :]]
    return Table("Todas las combinaciones:", rows)


def run(notebook: nbformat.NotebookNode, overrides: Overrides, folder: Path) -> Outcome:
    """Ejecuta el cuaderno en un kernel nuevo, con su texto en directo.

    Una celda a la que le falta lo que otra define no detiene a las siguientes: quizá alguien ha
    quitado o movido esa otra.

    Raises:
        OSError: si se pierde la salida.
    """
    output = RUNS_DIR / f"{datetime.now():%Y-%m-%d_%H%M%S}-{os.getpid()}.ipynb"
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # lo que falle se dice aquí
    variables = {FOLDER_VARIABLE: str(PROJECT_DIR)}
    if sys.stdout and sys.stdout.isatty():  # si alguien mira el avance, que lo enseñe
        variables["FASHION_BENCH_PROGRESS"] = str(shutil.get_terminal_size().columns)
    kernel = Kernel(variables)
    brake = Brake(kernel)
    told = Relay(brake)
    executed = notebook
    failure: Exception | None = None

    def before(cell: nbformat.NotebookNode, **_: object) -> None:
        brake.before_cell()
        told.quiet = order.CAN_WAIT in cell.metadata.get("tags", [])  # va detrás, y es de antes

    ready = Thread(target=_get_report_ready)
    ready.start()  # antes de que se entrene: arranca el kernel
    with brake.ctrl_c(), closing(kernel):
        try:
            with chdir(RUNS_DIR):  # papermill anota la ruta que se le da: que sea solo el nombre
                execute_notebook(
                    order.training_first(notebook),
                    output.name,
                    overrides,
                    kernel_name="python3",
                    language="python",
                    # Dentro de un paquete instalado no se escribe.
                    cwd=NOTEBOOKS_DIR if NOTEBOOKS_DIR.parent == PROJECT_DIR else RUNS_DIR,
                    progress_bar=False,
                    stdout_file=told,
                    stderr_file=sys.stderr,
                    km=kernel,
                    on_notebook_start=_forget_where,
                    on_cell_start=before,
                    on_cell_executed=_forget_who,
                    start_timeout=PATIENCE_SECONDS,
                    iopub_timeout=PATIENCE_SECONDS,
                    allow_error_names=["NameError"],
                    coalesce_streams=True,  # del avance de cada época, guarda solo lo último
                )
        except (OSError, PapermillExecutionError, RuntimeError, StoppedError) as error:
            failure = error
        try:
            if output.exists():
                executed = order.restore(output, notebook)
        except OSError as error:
            failure = failure or error
        if told.pending:
            told.write("\n")
        if told.lost:
            raise told.lost
        ready.join()
        outcome = _tell(executed, output, folder, failure, brake.pressed)
    if outcome.record:
        from fashion_bench.script.report import next_step

        print(wrapped(f"{outcome.record}."))
        print(wrapped(next_step(outcome.record, outcome.path)))
    if told.final:
        print(told.final)
    return outcome._replace(code=INTERRUPTED) if brake.pressed else outcome


def _get_report_ready() -> None:
    from fashion_bench.script import report

    try:
        report.page(nbformat.v4.new_notebook(), "")
    except TutorialError as error:
        _complain(f"Aviso. {error}")


def _tell(
    executed: nbformat.NotebookNode,
    output: Path,
    folder: Path,
    failure: Exception | None,
    pressed: bool,
) -> Outcome:
    """Cuenta cómo ha acabado una ejecución y dónde ha quedado todo; si hay registro, con informe.

    Args:
        executed: el cuaderno, quizá a medias.
        output: dónde está guardado, si lo está.
        folder: la carpeta de los registros.
        failure: lo que la ha detenido, si no ha llegado al final.
        pressed: si se ha pulsado Ctrl-C.
    """
    from fashion_bench.script import report

    record = report.record_of(executed) if output.exists() else None
    if failure:
        _complain("Interrumpido." if pressed else f"Error. {_sentence(failure)}")
        if record is None or pressed:
            if output.exists():
                _complain(f"El cuaderno a medias está en {shown(output)}")
            return Outcome(FAILED)
    elif record is None:
        print("El cuaderno no enseña su registro: le falta la celda que lo hace.")
    path = folder / f"{record.run_id}.json" if record else None
    saved = path if path and path.exists() else None
    outcome = Outcome(FAILED if failure else FINE, record, saved)
    try:
        page, picture = report.write(executed, output, files.load_folder(folder)[0], saved)
    except (OSError, TutorialError) as error:
        _complain(f"Error. {_sentence(error)}")
        return outcome._replace(code=FAILED)
    print(f"Informe: {shown(page)}")
    if picture:
        print(f"Gráfico: {shown(picture)}")
    print(f"Cuaderno ejecutado: {shown(output)}")
    return outcome


def _sentence(error: Exception) -> str:
    recover = install.restore(f"notebooks/{lesson.NOTEBOOK}")
    match error:
        case PapermillExecutionError(ename=TutorialError.__name__):
            return error.evalue
        case PapermillExecutionError():
            return (
                f"La celda {error.exec_count} ha fallado («{error.ename}: {error.evalue}»); si has "
                f"cambiado, movido o quitado alguna, recupera el cuaderno {recover}, y, si no, "
                "mira qué dice «python -m fashion_bench»."
            )
        case CellTimeoutError():
            return (
                "El equipo va tan despacio que el texto del cuaderno no llega a tiempo; cierra "
                "otros programas y repite."
            )
        case RuntimeError():
            return f"El Python que ejecutaba el cuaderno ha muerto de golpe ({error}){_why()}."
        case OSError():
            where = f" {shown(Path(error.filename))}" if error.filename else ""
            return (
                f"No se puede leer o escribir{where} ({cause(error)}); libera espacio o cambia "
                "los permisos."
            )
    return str(error)


def _why() -> str:
    """Por qué pudo morir el kernel: lo que dice el diagnóstico, que prueba en otro proceso."""
    from fashion_bench.doctor import diagnosis, probe  # solo hace falta si algo falla

    verdict = diagnosis.verdict(probe.gather())
    if verdict.severity != "ok":
        return f", y el diagnóstico dice que {verdict.line}"
    return "; si el equipo se quedó sin memoria, prueba con un lote menor"


def _forget_where(notebook: nbformat.NotebookNode) -> None:
    """Quita de un cuaderno el de partida, que papermill mete dentro, y las rutas de sus datos."""
    notebook.metadata.papermill.update(input_path=lesson.NOTEBOOK, parameters={})


def _forget_who(cell: nbformat.NotebookNode, **_: object) -> None:
    """Quita de una celda ya ejecutada, la de los parámetros, a la persona y sus carpetas."""
    cell.source = OUTSIDE.sub(r"\1…/", folders.anonymous(cell.source))


def _names(combinations: list[Overrides]) -> list[str]:
    """Nombra cada combinación por las opciones que cambian de una a otra."""
    varied = [
        name
        for name, value in combinations[0].items()
        if any(other[name] != value for other in combinations)
    ]
    return [
        " ".join(f"{_option(name)} {overrides[name]}" for name in varied)
        for overrides in combinations
    ]


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
