"""Del «Intro» al primer paso de entrenamiento: `python benchmarks/startup.py`.

Lanza tres veces el script con muy poco que entrenar, cada vez desde cero, y reparte lo que tarda
entre las celdas del cuaderno. papermill apunta lo que dura cada una.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import nbformat

from fashion_bench import PROJECT_DIR

RUNS = 3
STEPS = {
    "importar": "Importar TensorFlow y Keras",
    "entorno": "Mirar el equipo",
    "datos": "Cargar y comprobar los datos",
    "calentar": "Trazar y calentar la red",
    "entrenar": "Entrenar una época y examinar",
    "fuera": "La lección sobre medir desde fuera",
}
REST = "Las demás celdas: gráficos y resultados"
OUTSIDE = "Fuera del cuaderno: script, papermill, kernel e informe"


def run(results: str) -> dict[str, float]:
    """Ejecuta el script una vez y devuelve los segundos de cada parte."""
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, PROJECT_DIR / "fashion_mnist_cnn.py", "--epochs", "1",
         "--train-samples", "1000", "--results-dir", results],
        check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    wall = perf_counter() - start
    path = Path(done.stdout.splitlines()[-1].removeprefix("Cuaderno ejecutado: "))
    cells = nbformat.read(path, as_version=4).cells
    path.unlink()
    seconds = {cell.id: cell.metadata.papermill.duration or 0.0 for cell in cells}
    parts = {title: seconds.pop(name) for name, title in STEPS.items()}
    return parts | {
        REST: sum(seconds.values()),
        OUTSIDE: wall - sum([*parts.values(), *seconds.values()]),
    }


def main() -> None:
    """Mide y escribe la mediana de cada parte."""
    with tempfile.TemporaryDirectory() as results:
        runs = [run(results) for _ in range(RUNS)]
    for title in runs[0]:
        print(f"{title:48} {median(each[title] for each in runs):6.2f} s")
    print(f"{'Total':48} {median(sum(each.values()) for each in runs):6.2f} s")


if __name__ == "__main__":
    main()
