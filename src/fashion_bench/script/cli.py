"""La línea de órdenes: ejecuta el cuaderno 01 con papermill y muestra lo que va escribiendo."""

import logging
import os
import re
import shutil
import sys
from contextlib import chdir, closing, redirect_stdout
from datetime import datetime
from importlib.metadata import version
from io import TextIOWrapper
from itertools import product, zip_longest
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import click
import nbformat
from nbclient.exceptions import DeadKernelError
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
from fashion_bench.script.console import Console, OutputLostError, Relay
from fashion_bench.script.interrupt import Brake, StoppedError
from fashion_bench.script.kernel import Kernel
from fashion_bench.script.spanish import SpanishCommand, in_spanish, telling
from fashion_bench.share import send
from fashion_bench.text import written

RUNS_DIR = PROJECT_DIR / "runs"

RESULT_WITHOUT_RECORD = {FINE: "sin registro", FAILED: "falló", INTERRUPTED: "interrumpida"}


Overrides = dict[str, int | str]
"""Parámetros que se cambian en una ejecución."""


class Chosen(NamedTuple):
    """Lo que se pide a una ejecución, ya comprobado."""

    overrides: Overrides
    folder: Path
    """Dónde queda su registro."""


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
        with redirect_stdout(Console(sys.stdout)):
            code = obey()
    except OutputLostError as lost:
        code = FAILED
        if not isinstance(lost.cause, BrokenPipeError):  # de `… | head -1` no hay nada que decir
            _complain(
                f"Error. No se puede escribir la salida ({lost}); libera espacio o mándala a otro "
                "sitio."
            )
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
        ask = given.pop("send", False)
        combinations = checked(defaults, given)
        folders.make_folder(RUNS_DIR, "No se puede empezar")
    except click.UsageError as error:
        _complain(f"Error. {in_spanish(error)}")
        return BAD_USAGE
    except TutorialError as error:
        _complain(f"Error. {error}")
        return BAD_USAGE
    return run_all(notebook, combinations, ask)


def build_command(defaults: dict[str, tuple[object, str]]) -> click.Command:
    """Construye la orden; al llamarla devuelve las opciones escritas, como texto."""
    options = [
        click.Option(
            [_option(name), name],
            multiple=True,
            metavar="NÚMERO" if isinstance(default, int | float) else "TEXTO",
            help=f"{text}. Debe ser {parameters.Training.model_fields[name].description}"
            + (
                ""
                if "por defecto" in text
                else f" [por defecto: {'vacío' if default == '' else default}]"
            ),
        )
        for name, (default, text) in defaults.items()
    ]
    return SpanishCommand(
        Path(sys.argv[0]).name.removesuffix(".exe"),
        params=[
            *options,
            click.Option(
                ["--send"],
                is_flag=True,
                help="Al acabar, enseña el registro y pregunta si abre el formulario para "
                "compartirlo.",
            ),
            telling(["--version"], "Muestra la versión.", lambda _: version("fashion-bench")),
        ],
        callback=lambda **given: {name: texts for name, texts in given.items() if texts},
        help="Entrena una red convolucional con Fashion-MNIST y mide cuánto tarda este equipo: "
        "ejecuta el cuaderno notebooks/01_fashion_mnist_cnn.ipynb sin navegador. Si repites una "
        "opción con otro valor, prueba todas las combinaciones.",
    )


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
        typed = dict(zip(given, values, strict=True))
        chosen = typed | {
            name: folders.portable(folders.expanded(typed[name]))
            for name in typed.keys() & {"results_dir", "photo"}
            if typed[name]  # una ruta de la terminal se cuenta desde donde se escribe
        }
        try:
            config = parameters.Training.check(texts | chosen, strings=True)
            folder = folders.prepare_folder(config.results_dir)
            if config.photo:
                photo.load(config.photo)
        except TutorialError as error:
            raise TutorialError(_as_typed(str(error), chosen, typed)) from None
        combinations.append(Chosen({name: getattr(config, name) for name in chosen}, folder))
    return combinations


def _as_typed(sentence: str, chosen: dict[str, str], typed: dict[str, str]) -> str:
    """Una frase sobre los parámetros, con sus opciones y con los valores que se han escrito."""
    for name, text in typed.items():
        sentence = sentence.replace(f"{name}={chosen[name]!r}", f"{name}={text or _shown(text)}")
    for name in parameters.Training.model_fields:
        sentence = re.sub(rf"\b{name}=", f"{_option(name)} ", sentence)
    return sentence


def _shown(value: object) -> object:
    return "vacío" if value == "" else value


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run_all(notebook: nbformat.NotebookNode, combinations: list[Chosen], ask: bool = False) -> int:
    """Ejecuta con el cuaderno las combinaciones una tras otra y devuelve el código de salida.

    Una que falla no detiene a las demás. Si hay varias, acaba con una tabla de todas.

    Args:
        notebook: el cuaderno 01.
        combinations: lo que se pide a cada ejecución.
        ask: si al acabar se pregunta por cada registro si se comparte; si no, solo se dice cómo
            compartir los que cuentan.
    """
    outcomes = []
    names = _names([chosen.overrides for chosen in combinations])
    for number, (name, chosen) in enumerate(zip(names, combinations, strict=True), 1):
        if len(combinations) > 1:
            print(f"\n=== {number} de {len(combinations)}: {name} ===", flush=True)
        outcomes.append(run(notebook, *chosen))
        if outcomes[-1].code == INTERRUPTED:
            break
    if len(combinations) > 1:
        print(f"\n{summary(names, outcomes)}")
    code = max(outcome.code for outcome in outcomes)
    if code == INTERRUPTED:
        return code
    for outcome in outcomes:
        if outcome.record and outcome.path and not _share(outcome.record, outcome.path, ask):
            code = max(code, FAILED)
    return code


def _share(record: Record, path: Path, ask: bool) -> bool:
    """Pregunta si se comparte un registro, o dice cómo, y devuelve si todo ha ido bien."""
    try:
        if ask:
            send.send(path)
        elif record.flaw is None:
            print(f"Para compartirlo: {send.command(path)}")
    except TutorialError as error:
        _complain(f"Error. {error}")
        return False
    return True


def summary(names: list[str], outcomes: list[Outcome]) -> str:
    """Escribe la tabla de las combinaciones, en texto; las que faltan no se llegaron a hacer."""
    width = max(map(len, ["Combinación", *names]))
    lines = [f"{'Combinación':{width}}  {'s/época':>8}  {'imágenes/s':>10}  {'Exactitud':>9}"]
    for name, outcome in zip_longest(names, outcomes, fillvalue=None):
        if outcome is None:
            result = "sin hacer"
        elif outcome.record is None:
            result = RESULT_WITHOUT_RECORD[outcome.code]
        else:
            record = outcome.record
            accuracy = record.accuracy or 0.0
            result = f"{record.median_epoch_seconds:8.2f}  {written(record.images_per_second):>10}"
            result += f"  {accuracy:9.4f}"
            result += f"  no cuenta: {record.flaw}" if record.flaw else ""
        lines.append(f"{name:{width}}  {result}")
    return "\n".join(lines)


def run(notebook: nbformat.NotebookNode, overrides: Overrides, folder: Path) -> Outcome:
    """Ejecuta el cuaderno en un kernel nuevo, con su texto en directo.

    Una celda a la que le falta lo que otra define no detiene a las siguientes: quizá alguien ha
    quitado o movido esa otra.

    Args:
        notebook: el cuaderno 01.
        overrides: los parámetros que se cambian.
        folder: la carpeta de los registros.
    """
    output = RUNS_DIR / f"{datetime.now():%Y-%m-%d_%H%M%S}-{os.getpid()}.ipynb"
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # lo que falle se dice aquí
    kernel = Kernel({**_progress(), FOLDER_VARIABLE: str(PROJECT_DIR)})
    brake = Brake(kernel)
    told = Relay(sys.stdout, brake)
    executed = notebook
    failure: Exception | None = None
    Thread(target=_get_report_ready).start()  # antes de que se entrene: arranca el kernel
    with brake.ctrl_c(), closing(kernel):
        try:
            with chdir(RUNS_DIR):  # papermill anota la ruta que se le da: que sea solo el nombre
                executed = execute_notebook(
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
                    on_cell_start=brake.before_cell,
                    on_cell_executed=_forget_who,
                    allow_error_names=["NameError"],
                    coalesce_streams=True,  # del avance de cada época, guarda solo lo último
                )
        except (
            DeadKernelError,
            OSError,
            PapermillExecutionError,
            StoppedError,
            TutorialError,
        ) as error:
            failure = error
        try:
            if output.exists():
                executed = order.restore(output, notebook)
        except (OSError, ValueError) as error:
            failure = failure or error
        if told.lost:
            raise told.lost
        if failure is None:
            outcome = _tell(executed, output, folder)
        elif brake.pressed:
            _complain(f"Interrumpido.{_partial(output)}")
            outcome = Outcome(INTERRUPTED)
        else:
            _complain(f"Error. {_sentence(failure)}")
            outcome = _tell_partial(executed, output, folder)
        return outcome._replace(code=INTERRUPTED) if brake.pressed else outcome


def _get_report_ready() -> None:
    from fashion_bench.script import report

    report.get_ready()


def _tell(executed: nbformat.NotebookNode, output: Path, folder: Path) -> Outcome:
    """Escribe el informe y cuenta dónde ha quedado todo."""
    from fashion_bench.script import report

    record = report.record_of(executed)
    if record is None:
        print("El cuaderno no enseña su registro: le falta la celda que lo hace.")
    path = folder / f"{record.run_id}.json" if record else None
    outcome = Outcome(FINE, record, path if path and path.exists() else None)
    try:
        page, picture = report.write(executed, output, files.load_folder(folder)[0])
    except OSError as error:
        _complain(f"Error. {_sentence(error)}")
        return outcome._replace(code=FAILED)
    print(f"Informe: {shown(page)}")
    if picture:
        print(f"Gráfico: {shown(picture)}")
    print(f"Cuaderno ejecutado: {shown(output)}")
    return outcome


def _tell_partial(executed: nbformat.NotebookNode, output: Path, folder: Path) -> Outcome:
    """Cuenta dónde ha quedado un cuaderno que ha fallado; si ya enseña su registro, con informe."""
    from fashion_bench.script import report

    if output.exists():
        if report.record_of(executed):
            return _tell(executed, output, folder)._replace(code=FAILED)
        _complain(_partial(output).strip())
    return Outcome(FAILED)


def _partial(output: Path) -> str:
    return f" El cuaderno a medias está en {shown(output)}" if output.exists() else ""


def _sentence(error: Exception) -> str:
    match error:
        case PapermillExecutionError(ename=TutorialError.__name__):
            return error.evalue
        case PapermillExecutionError(ename=NameError.__name__):
            return (
                f"La celda {error.exec_count} ha fallado ({error.evalue}); si has quitado o movido "
                "la que define ese nombre, recupérala "
                f"{install.restore(f'notebooks/{lesson.NOTEBOOK}')}."
            )
        case PapermillExecutionError():
            return (
                f"La celda {error.exec_count} ha fallado («{error.ename}: {error.evalue}»); si has "
                f"cambiado el cuaderno, recupéralo "
                f"{install.restore(f'notebooks/{lesson.NOTEBOOK}')}, y, si no, mira qué dice "
                "«python -m fashion_bench»."
            )
        case DeadKernelError():
            return f"El proceso de Python que ejecutaba el cuaderno ha muerto de golpe{_why()}."
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
    return (
        ", y «python -m fashion_bench» no ve por qué; si el equipo se quedó sin memoria, "
        "prueba con un lote menor"
    )


def _progress() -> dict[str, str]:
    """Lo que hay que decirle al kernel para que enseñe el avance, si alguien lo mira."""
    if sys.stdout is None or not sys.stdout.isatty():
        return {}
    return {"FASHION_BENCH_PROGRESS": str(shutil.get_terminal_size().columns)}


def _forget_where(notebook: nbformat.NotebookNode) -> None:
    """Quita de un cuaderno el de partida, que papermill mete dentro, y las rutas de sus datos."""
    notebook.metadata.papermill.update(input_path=lesson.NOTEBOOK, parameters={})


def _forget_who(cell: nbformat.NotebookNode, **_: object) -> None:
    """Quita de una celda ya ejecutada, la de los parámetros, el nombre de la persona."""
    cell.source = folders.anonymous(cell.source)


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
