"""Reglas sobre lo que le queda libre al equipo."""

from fashion_bench.doctor import needs
from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import Told, warning
from fashion_bench.text import written

MIN_FREE_MEMORY_GIB = 1.5
"""Medido: la lección entera, sin GPU, llega a 1.1 GiB."""
MIN_FREE_DISK_GIB = 0.5


@warning(when=lambda facts: facts.free_memory_gib < MIN_FREE_MEMORY_GIB)
def low_memory(facts: Facts) -> Told:
    """Falta memoria."""
    return Told(
        f"solo quedan {written(facts.free_memory_gib, 1, 'GiB')} de memoria libre y entrenar "
        f"necesita alrededor de {MIN_FREE_MEMORY_GIB:.1f}; cierra otros programas"
    )


@warning("https://pip.pypa.io/en/stable/cli/pip_cache/")
def low_disk(facts: Facts) -> Told | None:
    """Falta disco para guardar los resultados o, si aún no hay TensorFlow, para instalarlo."""
    if facts.engine.version:
        needed, purpose = MIN_FREE_DISK_GIB, "guardar los resultados"
    else:
        needed, purpose = needs.INSTALL_DISK_GIB[facts.engine_lock], f"instalar {facts.engine_lock}"
    if facts.free_disk_gib >= needed:
        return None
    return Told(
        f"en el disco solo quedan {written(facts.free_disk_gib, 1, 'GiB')} libres y {purpose} "
        f"necesita {written(needed, 1, 'GiB')}; vacía la caché de pip",
        f"{facts.python_command} -m pip cache purge",
    )
