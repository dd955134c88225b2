"""¿Por qué no se ve mi GPU? De los hechos de un equipo deduce qué arreglar y cómo.

Aquí solo se razona: con los mismos hechos, los mismos hallazgos. Para añadir uno basta con su
función en `rules`, su sitio en una de estas dos listas y su caso en las pruebas.
"""

from collections.abc import Callable

from fashion_bench.machine.facts import Facts
from fashion_bench.machine.finding import Finding
from fashion_bench.machine.rules import gpu, installation, resources

Rule = Callable[[Facts], Finding | None]

VERDICT: tuple[Rule, ...] = (
    installation.rosetta,
    installation.intel_mac,
    installation.python_32_bit,
    installation.python_unsupported,
    installation.metal_breaks_tensorflow,
    installation.tensorflow_missing,
    installation.no_avx,
    installation.visual_cpp_missing,
    installation.protobuf_conflict,
    installation.numpy_conflict,
    installation.tensorflow_slow,
    installation.tensorflow_broken,
    gpu.metal_ready,
    gpu.gpu_too_new,
    gpu.gpu_ready,
    gpu.metal_not_seen,
    gpu.metal_missing,
    gpu.windows_native,
    gpu.nvidia_arm,
    gpu.driver_old,
    gpu.cpu_build,
    gpu.gpu_hidden,
    gpu.gpu_too_old,
    gpu.cuda_wheels_missing,
    gpu.cuda_not_starting,
    gpu.foreign_libraries,
    gpu.libraries_not_found,
    gpu.wsl_driver_missing,
    gpu.driver_missing,
    gpu.driver_not_loaded,
    gpu.no_gpu,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""

BESIDES: tuple[Rule, ...] = (gpu.several_gpus, resources.low_memory, resources.low_disk)


def findings(facts: Facts) -> list[Finding]:
    """Dice qué se deduce de los hechos: primero, lo más grave."""
    found = [verdict(facts), *besides(facts)]
    return sorted(found, key=lambda finding: ("error", "warning", "ok").index(finding.severity))


def verdict(facts: Facts) -> Finding:
    """Dice qué pasa con la GPU: lo que responde la primera regla que tiene algo que decir."""
    return next(finding for rule in VERDICT if (finding := rule(facts)))


def besides(facts: Facts) -> list[Finding]:
    """Dice lo que, además del veredicto, conviene saber antes de entrenar."""
    return [finding for rule in BESIDES if (finding := rule(facts))]
