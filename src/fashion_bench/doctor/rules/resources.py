"""Reglas sobre lo que conviene saber además: varias GPU, y poca memoria o poco disco."""

from collections.abc import Iterator

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import TENSORFLOW_GPU_PAGE, Finding, fine, warning
from fashion_bench.text import written

MIN_FREE_MEMORY_GIB = 1.5
"""Medido: la lección entera, sin GPU, llega a 1.1 GiB."""
MIN_FREE_DISK_GIB = 0.5
MIN_FREE_TEMP_GIB = 2
"""Lo que pip descomprime a la vez, con holgura: las bibliotecas de CUDA pasan de 0.5 cada una."""


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
    memory, disk, temporary = facts.free_memory_gib, facts.free_disk_gib, facts.free_temp_gib
    if memory is not None and memory < MIN_FREE_MEMORY_GIB:
        yield warning(
            "low-memory",
            f"solo quedan {written(memory, 1, 'GiB')} de memoria libre y entrenar necesita "
            f"alrededor de {MIN_FREE_MEMORY_GIB:.1f}; {facts.more_memory}",
        )
    needed, purpose = MIN_FREE_DISK_GIB, "guardar los resultados"
    if not engine.version:
        needed, purpose = needs.INSTALL_DISK_GIB[facts.engine_lock], f"instalar {facts.engine_lock}"
    if disk is not None and disk < needed:
        yield warning(
            "low-disk",
            f"en el disco solo quedan {written(disk, 1, 'GiB')} libres y {purpose} "
            f"necesita {written(needed, 1, 'GiB')}; vacía la caché de pip",
            f"{facts.python_command} -m pip cache purge",
            "https://pip.pypa.io/en/stable/cli/pip_cache/",
        )
    elif engine.version or temporary is None or facts.system == "Windows":
        return
    elif temporary < MIN_FREE_TEMP_GIB:
        yield warning(
            "low-temp",
            f"en la carpeta en la que pip descomprime solo quedan {written(temporary, 1, 'GiB')} "
            "libres, y quizá no baste; dile que use otra, como una de tu carpeta personal",
            "mkdir -p ~/tmp && export TMPDIR=~/tmp",
            "https://pip.pypa.io/en/stable/cli/pip_install/",
        )
