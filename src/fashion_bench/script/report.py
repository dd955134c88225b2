"""El informe de una ejecución, para compartirlo: una página web y su gráfico principal.

La página empieza por un resumen, que sale del registro: lo que cabe en la pantalla de un teléfono.
"""

from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from nbconvert import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

from fashion_bench import MAIN_CHART, install, parameters
from fashion_bench.compare import comparison
from fashion_bench.errors import TutorialError
from fashion_bench.figures import ACCURACY_FLOOR, MIME, Record
from fashion_bench.folders import shown, write_atomically
from fashion_bench.share import send
from fashion_bench.text import written

NOTEBOOK_ONLY = "notebook-only"
"""Con esta etiqueta, una celda del cuaderno no está en el informe: sus ejercicios, por ejemplo."""


class Card(NamedTuple):
    """Lo primero que se lee de una ejecución."""

    name: str
    headline: str
    counts: bool
    verdict: str
    """Si su tiempo cuenta y, si no, por qué."""
    rows: list[tuple[str, str]]
    """Nombre y valor de cada dato."""


def record_of(notebook: NotebookNode) -> Record | None:
    """Devuelve el registro que enseña un cuaderno ejecutado, esté en la celda que esté.

    Si enseña varios, el último; si ninguno, `None`.
    """
    found = [output.data[MIME] for output in _shown(notebook) if MIME in output.data]
    return Record.model_validate(found[-1]) if found else None


def card(record: Record, records: Sequence[Record]) -> Card:
    """Resume una ejecución y la compara con las demás.

    No lleva la predicción del modelo de tres términos: pide las peticiones de un paso y los bytes
    de cada capa, que no están en el registro. Sí lleva su segundo término solo, que es un mínimo.
    """
    told, images = record.parameters, written(record.data.training_images, 0, "imágenes")
    conditions = f"lote de {told.batch_size}, precisión {told.precision}, {images}"
    code = f"{record.code.version}, {record.code.git_commit or 'sin git'}"
    machine = [
        *(("Equipo", _machine(record)), ("Condiciones", conditions)),
        ("Cuándo y con qué", f"{record.created_utc:%Y-%m-%d %H:%M} UTC, fashion-bench {code}"),
    ]
    verdict = record.flaw is None, f"No cuenta: {record.flaw}" if record.flaw else "Cuenta"
    if not record.repeats:
        return Card(record.name, "no terminó ninguna época", *verdict, machine)
    epochs, setup = record.epoch_seconds, record.repeats[0].setup_seconds
    total = written(mean(repeat.total_seconds for repeat in record.repeats), 1, "s")
    if len(record.repeats) > 1:
        total += f" de media en {len(record.repeats)} repeticiones"
    total += f": {len(epochs)} época{'s' * (len(epochs) > 1)}, de {min(epochs):.2f} a "
    total += f"{written(max(epochs), 2, 's')}; aparte, {written(setup, 1, 's')} de calentamiento"
    rows = [("Total", total), _against(record, records)]
    if record.flaw is None:
        rows.insert(0, ("Por qué cuenta", _why_it_counts(record)))
    accuracy = "sin medir" if record.accuracy is None else f"{record.accuracy:.4f}"
    speed = written(record.images_per_second, 0, "imágenes/s")
    rows += [("Exactitud y velocidad", f"{accuracy}; {speed}"), *machine]
    if record.mfu:
        least = written(record.mfu * record.median_epoch_seconds, 2, "s")
        used = written(100 * record.mfu, 0, "%")
        reached = (
            f"{least} por época si todo fuera tan deprisa como un producto de matrices; este "
            f"entrenamiento llega al {used}"
        )
        rows.append(("Como un producto de matrices", reached))
    headline = f"{written(record.median_epoch_seconds, 2, 's')} por época"
    return Card(record.name, headline, *verdict, rows)


def next_step(record: Record, path: Path | None) -> str:
    """Qué hacer después de una ejecución, según si su tiempo cuenta; `path` es su archivo."""
    if record.flaw is None and path:
        if install.address("Repository"):
            return f"Para compartirlo: {send.command(path)}"
        return f"Para compararlo con otro equipo, copia {shown(path)} a su carpeta results/."
    if record.flaw is None:
        return "Su registro no se ha podido guardar."
    told, usual, train = record.parameters, parameters.DEFAULTS, install.script("python")
    if (told.epochs, told.train_samples) != (usual["epochs"], usual["train_samples"]):
        return f"Para un tiempo que cuente: {train}"
    return f"Para intentarlo otra vez: {train}"


def write(
    notebook: NotebookNode,
    executed: Path,
    records: Sequence[Record] = (),
    saved: Path | None = None,
) -> tuple[Path, Path | None]:
    """Escribe el informe al lado del cuaderno 01 ejecutado, y lo compara con otros registros.

    El registro de esta ejecución está en `saved`, si se ha podido guardar.

    Returns:
        Las rutas de la página (`.html`) y del gráfico principal (`.png`), que es `None` si el
        cuaderno no lo dibuja.

    Raises:
        OSError: si no se puede escribir.
    """
    record = record_of(notebook)
    summary = card(record, records) if record else None
    if record and summary:
        summary.rows.append(("Lo siguiente", next_step(record, saved)))
    title = f"Fashion-MNIST contra el reloj, {executed.stem}"
    html = write_atomically(executed.with_suffix(".html"), page(notebook, title, summary))
    pictures = _main_pictures(notebook)
    if not pictures:
        return html, None
    drawn = b64decode(pictures[0].data["image/png"])
    return html, write_atomically(executed.with_suffix(".png"), drawn)


def page(notebook: NotebookNode, title: str, summary: Card | None = None) -> str:
    """Compone la página de un cuaderno ejecutado, con un resumen delante si se da.

    Lleva dentro todo lo que necesita: se abre sin conexión. El código no se ve hasta que se pide.

    Raises:
        TutorialError: si faltan las plantillas de nbconvert.
    """
    resources = {
        "metadata": {"name": title},
        "card": summary,
        "main_mark": MAIN_CHART,
        "main": _main_pictures(notebook),
    }
    try:
        composed: str = _exporter().from_notebook_node(notebook, resources)[0]
    except (OSError, ValueError) as error:  # según qué plantilla falte
        raise TutorialError(
            "No se puede hacer el informe, porque faltan las plantillas de nbconvert, que van en "
            "share/jupyter; instálalo otra vez con "
            f"«{install.this_python()} -m pip install --force-reinstall --no-deps nbconvert»."
        ) from error
    return composed


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter(
        Config(TagRemovePreprocessor={"enabled": True, "remove_cell_tags": {NOTEBOOK_ONLY}}),
        raw_template=Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"),
        language_code="es",
    )


def _why_it_counts(record: Record) -> str:
    """Dice por qué cuenta un registro, que ha de contar (`flaw` es `None`)."""
    reasons = ["llegó al final", f"la exactitud no baja de {ACCURACY_FLOOR:.2f}"]
    if record.agreement:
        reasons.append("la GPU calcula lo mismo que la CPU")
    if all(repeat.surroundings for repeat in record.repeats):
        busy = sum(map(bool, record.disturbed))
        reasons.append(f"épocas perturbadas: {busy or 'ninguna'} de {len(record.disturbed)}")
    return ", ".join(reasons)


def _machine(record: Record) -> str:
    """Qué equipo es: GPU, procesador, núcleos, instrucciones, sistema y motor."""
    machine = record.machine
    cores = "1 núcleo" if machine.usable_cores == 1 else f"{machine.usable_cores:g} núcleos"
    parts = [f"{machine.cpu}, {cores}, {machine.isa}", machine.os]
    if record.accelerator:
        parts.insert(0, record.accelerator.name)
    if machine.virtual:
        parts.append("máquina virtual")
    if machine.power == "battery":
        parts.append("a batería")
    return "; ".join([*parts, record.software.engine])


def _against(record: Record, records: Sequence[Record]) -> tuple[str, str]:
    """Con quién se compara su equipo, y cuántas veces más rápido es, con todas sus sesiones."""
    title = "Frente a otros"
    if record.flaw:
        return title, "no se compara, porque su tiempo no cuenta"
    others = [each for each in records if each.run_id != record.run_id]
    groups = comparison.groups([*others, record], "images_per_second")
    [(mine, group)] = [
        (each, group) for group in groups for each in group if record in each.records
    ]
    rival = comparison.rival(mine, group)
    if not rival:
        return title, "aún no hay registros de otro equipo que cuenten, con estas condiciones"
    [row] = comparison.rows([mine], rival, "images_per_second")
    return f"Este equipo, frente a «{rival.name}»", row.verdict


def _main_pictures(notebook: NotebookNode) -> list[NotebookNode]:
    """Los gráficos de los resultados, por orden: los que llevan su marca."""
    return [each for each in _shown(notebook) if MAIN_CHART in each.metadata.get("image/png", {})]


def _shown(notebook: NotebookNode) -> list[NotebookNode]:
    """Los resultados de las celdas que no son solo texto."""
    return [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output
    ]
