"""Lo que cambia una variable de entorno: `python benchmarks/variables.py`.

Entrena la red del cuaderno 01 con cada variable que cualquiera puede poner antes de abrir Python,
por turnos y cada vez en un proceso nuevo, y escribe cuántas veces más rápido va que sin ninguna.
Las de la memoria son de glibc, así que solo hacen algo en Linux
(https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html).
"""

from statistics import median

import harness

from fashion_bench.typography import written

ROUNDS = 5
IMAGES = 8192
EPOCHS = 5
USUAL = "sin ninguna"
VARIABLES = {
    USUAL: {},
    "una operación a la vez": {"TF_NUM_INTEROP_THREADS": "1"},
    "memoria que no se devuelve": {
        "MALLOC_MMAP_THRESHOLD_": str(2**30),
        "MALLOC_TRIM_THRESHOLD_": str(2**32),
    },
    "páginas de memoria grandes": {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
}


def measure(name: str, images: int) -> float:
    """Entrena en este proceso, ya caliente, y devuelve los segundos de la época mediana."""
    return harness.typical_epoch(harness.load_lesson(), images, EPOCHS)[1]


def compare(rounds: int = ROUNDS, images: int = IMAGES) -> None:
    """Mide por turnos y escribe los cocientes."""
    measured = harness.by_turns(__file__, VARIABLES, rounds, images)
    from fashion_bench.measure.profiling import ratios

    print(f"{'Variable':28}  Imágenes/s  Veces más rápido (mín.-máx.)")
    for name, seconds in measured.items():
        speed = written(images / median(seconds))
        print(f"{name:28}  {speed:>10}  {harness.spread(ratios(measured[USUAL], seconds))}")


if __name__ == "__main__":
    harness.main(compare, measure)
