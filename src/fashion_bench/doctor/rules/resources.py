"""Reglas sobre lo que conviene saber además: varias GPU, y poca memoria o poco disco."""

from collections.abc import Iterator

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import TENSORFLOW_GPU_PAGE, Finding, fine, warning
from fashion_bench.text import written

MIN_FREE_MEMORY_GIB = 1.5
"""Medido: la lección entera, sin GPU, llega a 1.1 GiB."""
MIN_FREE_DISK_GIB = 0.5


def besides(facts: Facts) -> Iterator[Finding]:
    """Todas se miran."""
    engine = facts.engine
    if len(engine.gpus) > 1:
        yield fine(
            "several-gpus",
            f"{facts.title} ve {len(engine.gpus)} GPU y el cuaderno usa la primera, "
            f"{engine.gpus[0]}",
            url=TENSORFLOW_GPU_PAGE,
        )
    if facts.free_memory_gib < MIN_FREE_MEMORY_GIB:
        yield warning(
            "low-memory",
            f"solo quedan {written(facts.free_memory_gib, 1, 'GiB')} de memoria libre y entrenar "
            f"necesita alrededor de {MIN_FREE_MEMORY_GIB:.1f}; cierra otros programas",
        )
    needed, purpose = MIN_FREE_DISK_GIB, "guardar los resultados"
    if not engine.version:
        needed, purpose = needs.INSTALL_DISK_GIB[facts.engine_lock], f"instalar {facts.engine_lock}"
    if facts.free_disk_gib < needed:
        yield warning(
            "low-disk",
            f"en el disco solo quedan {written(facts.free_disk_gib, 1, 'GiB')} libres y {purpose} "
            f"necesita {written(needed, 1, 'GiB')}; vacía la caché de pip",
            f"{facts.python_command} -m pip cache purge",
            "https://pip.pypa.io/en/stable/cli/pip_cache/",
        )
