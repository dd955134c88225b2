"""Del «Intro» al primer paso de entrenamiento: `python benchmarks/startup.py`.

Lanza tres veces el script con muy poco que entrenar, cada vez desde cero, y reparte lo que tarda
entre las celdas del cuaderno. papermill anota lo que dura cada una; el registro, lo que dura el
calentamiento.
"""

import tempfile
from statistics import median
from time import perf_counter

import harness
import nbformat

from fashion_bench import PROJECT_DIR
from fashion_bench.script import report

RUNS = 3
EPOCH = "Época 1/1"
FIRST = "Hasta la línea de la primera época"


def run(results: str) -> dict[str, float]:
    """Ejecuta el script una vez y devuelve los segundos de cada parte."""
    script = PROJECT_DIR / "fashion_mnist_cnn.py"
    options = ["--epochs", 1, "--train-samples", 1000, "--results-dir", results]
    start, first = perf_counter(), 0.0
    for line in harness.lines(script, *options):
        if line.startswith(EPOCH) and not first:
            first = perf_counter() - start
    wall = perf_counter() - start
    path = PROJECT_DIR / line.removeprefix("Cuaderno ejecutado: ")
    notebook = nbformat.read(path, as_version=4)
    for written in path.parent.glob(f"{path.stem}.*"):
        written.unlink()
    return {FIRST: first, **split(notebook, wall)}


def split(notebook: nbformat.NotebookNode, wall: float) -> dict[str, float]:
    """Reparte los segundos de una ejecución entre las celdas del cuaderno y lo de fuera.

    Args:
        notebook: el cuaderno que ha ejecutado papermill.
        wall: segundos que ha tardado el script.
    """
    record = report.record_of(notebook)
    assert record, "el cuaderno no enseña su registro"
    warm_up = record.repeats[0].setup_seconds
    cells = {cell.id: cell.metadata.papermill.duration or 0.0 for cell in notebook.cells}
    inside = sum(cells.values())
    parts = {
        "Importar TensorFlow y Keras": cells["importar"],
        "Mirar el equipo": cells["entorno"],
        "Cargar y comprobar los datos": cells["datos"],
        "Trazar y calentar la red": warm_up,
        "Entrenar una época y evaluar": cells["entrenar"] - warm_up,
        "Los dos modelos sencillos": cells["sencillos-medir"],
    }
    return {
        "Fuera del cuaderno: script, papermill, kernel e informe": wall - inside,
        **parts,
        "Las demás celdas: gráficos y resultados": inside - sum(parts.values()),
    }


def compare(runs: int = RUNS) -> None:
    """Mide y escribe la mediana de cada parte."""
    with tempfile.TemporaryDirectory() as results:
        measured = [run(results) for _ in range(runs)]
    for title in measured[0]:
        print(f"{title:56} {median(each[title] for each in measured):6.2f} s")
    totals = [sum(each.values()) - each[FIRST] for each in measured]
    print(f"{'Total':56} {median(totals):6.2f} s")


if __name__ == "__main__":
    harness.main(compare)
