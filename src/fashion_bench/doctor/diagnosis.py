"""¿Por qué no se ve mi GPU? De los hechos de un equipo deduce qué arreglar y cómo.

Aquí solo se razona: con los mismos hechos, los mismos hallazgos. Para añadir uno basta con su
función, en un módulo de `rules`, su sitio en `VERDICT` o en `BESIDES` y su caso en las pruebas.
"""

from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import Finding, Rule
from fashion_bench.doctor.rules import installation, mac, resources, sees, silent

VERDICT: tuple[Rule, ...] = (
    # El motor no se importa, o no calcula ni en la CPU.
    installation.wsl_1,
    installation.python_rosetta,
    installation.intel_mac,
    installation.python_32_bit,
    installation.system_unsupported,
    installation.python_unsupported,
    installation.file_in_the_way,
    installation.variable_in_the_way,
    installation.metal_breaks_tensorflow,
    installation.engine_missing,
    installation.illegal_instruction,
    installation.path_too_long,
    installation.visual_cpp_missing,
    installation.protobuf_conflict,
    installation.numpy_conflict,
    installation.engine_slow,
    installation.engine_broken,
    installation.keras_broken,
    installation.cpu_does_not_compute,
    # Ve la GPU, o no trae código para ella.
    sees.gpu_ready,
    sees.gpu_too_old,
    sees.gpu_too_new,
    sees.cudnn_too_new,
    sees.gpu_computes_wrong,
    sees.gpu_memory_taken,
    sees.gpu_without_code,
    sees.cudnn_broken,
    # No ve la de un Mac.
    mac.jax_on_mac,
    mac.mps_not_seen,
    mac.metal_not_seen,
    mac.metal_missing,
    # No ve, o no puede usar, una de NVIDIA que responde.
    silent.windows_native,
    silent.nvidia_arm,
    sees.driver_old,
    sees.gpu_does_not_compute,
    silent.cpu_build,
    silent.gpu_hidden,
    silent.cuda_wheels_missing,
    silent.container_lost_gpu,
    silent.cuda_not_starting,
    silent.libraries_not_found,
    silent.engine_blind,
    # La hay, pero su controlador no responde.
    silent.driver_mismatch,
    silent.container_without_gpu,
    silent.wsl_driver_missing,
    silent.driver_forbidden,
    silent.gpu_lost,
    silent.prime_off,
    silent.nouveau_in_use,
    silent.driver_missing,
    silent.secure_boot,
    silent.driver_not_loaded,
    silent.no_gpu,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""

BESIDES: tuple[Rule, ...] = (sees.several_gpus, resources.low_memory, resources.low_disk)
"""Todas se miran."""


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
