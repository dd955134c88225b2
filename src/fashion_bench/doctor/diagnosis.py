"""¿Por qué no se ve mi GPU? De los hechos de un equipo deduce qué arreglar y cómo.

Aquí solo se razona: con los mismos hechos, los mismos hallazgos. Para añadir uno basta con su
condición, en el sitio que le toque en un módulo de `rules`, y su caso en las pruebas.
"""

from fashion_bench.doctor.facts import Facts
from fashion_bench.doctor.finding import Finding
from fashion_bench.doctor.rules import installation, resources, sees, silent

VERDICT = (
    installation.system,
    installation.in_the_way,
    installation.engine_not_imported,
    installation.cannot_train,
    sees.ready,
    silent.jetson,
    sees.without_code,
    sees.step_fails,
    silent.mac,
    silent.nvidia_unused,
    silent.driver_silent,
    silent.other_gpu,
    silent.no_gpu,
)
"""Por orden: mientras falla una pieza no se juzgan las que se apoyan en ella."""


def findings(facts: Facts) -> list[Finding]:
    """Dice qué se deduce de los hechos: primero, lo más grave."""
    found = [verdict(facts), *besides(facts)]
    return sorted(found, key=lambda finding: ("error", "warning", "ok").index(finding.severity))


def verdict(facts: Facts) -> Finding:
    """Dice qué pasa con la GPU: el primer hallazgo; los siguientes ni se buscan."""
    return next(finding for rules in VERDICT for finding in rules(facts))


def besides(facts: Facts) -> list[Finding]:
    """Dice lo que, además del veredicto, conviene saber antes de entrenar."""
    return list(resources.besides(facts))
