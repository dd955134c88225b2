"""¿Por qué no se ve mi GPU? De los hechos de un equipo deduce qué arreglar y cómo.

Aquí solo se razona: con los mismos hechos, los mismos hallazgos. Para añadir uno basta con su
función y su sitio en `RULES`, en un módulo de `rules`, y su caso en las pruebas.
"""

from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import Finding
from fashion_bench.doctor.rules import gpu, installation, resources

VERDICT = (*installation.RULES, *gpu.RULES)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""

BESIDES = (gpu.several_gpus, *resources.RULES)


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
