"""Lo que se cuenta del equipo antes de entrenar: primero, si hay GPU y, si no, por qué."""

from fashion_bench.doctor import device, diagnosis
from fashion_bench.doctor.finding import Finding
from fashion_bench.machine import backends, hardware
from fashion_bench.record import TITLES, Accelerator
from fashion_bench.text import wrapped, written


def gpu(requested: str, precision: str) -> str:
    """Dice si hay GPU y, si no, por qué; con qué motor se calcula, y lo que conviene arreglar.

    Depende del dispositivo pedido (`auto`, `cpu` o `gpu`) y de la precisión.
    """
    backend = backends.software().backend
    chosen, why = backends.choose(requested)
    engine = (
        f"Motor:          {TITLES[backend]}, {why if backend == chosen else 'el que has pedido'}"
    )
    accelerator, facts = backends.accelerator(backend), device.facts(backend)
    notices = [_notice(found) for found in diagnosis.besides(facts)]
    verdict = diagnosis.verdict(facts)
    if accelerator:
        first = f"GPU detectada: {_full_name(accelerator)}"
        if verdict.severity != "ok":
            notices.insert(0, _notice(verdict))
    elif requested == "cpu":
        first = "GPU no usada: has pedido device='cpu'"
    else:
        first = f"GPU no detectada: {verdict.sentence}. Se entrena en la CPU, más despacio."
        if verdict.cure:
            notices.insert(0, f"Ejecuta: {verdict.cure}")
    if precision == "mixed_float16" and not accelerator:
        notices.append(
            wrapped(
                "Aviso: casi ninguna CPU calcula en float16; irá muchísimo más despacio que en "
                "float32"
            )
        )
    return "\n".join([wrapped(first), wrapped(engine), *notices])


def _notice(found: Finding) -> str:
    cure = f"\nEjecuta: {found.cure}" if found.cure else ""
    return wrapped(f"Aviso: {found.sentence}") + cure


def equipment() -> str:
    """Describe en unas líneas el equipo y las versiones."""
    machine, software = hardware.machine(), backends.software()
    memory = written(machine.memory_gib, 1, "GiB") if machine.memory_gib else "no se sabe"
    cores = machine.physical_cores or machine.logical_cores
    cuda = f" (CUDA {software.cuda}, cuDNN {software.cudnn})" if software.cuda else ""
    onednn = {True: ", con oneDNN", False: ", sin oneDNN (TF_ENABLE_ONEDNN_OPTS=0)", None: ""}
    return "\n".join(
        [
            f"Sistema:        {machine.os} ({machine.architecture})",
            f"CPU:            {machine.cpu}, {cores} núcleo{'s' * (cores > 1)}",
            f"Cálculo en CPU: {machine.isa}{onednn[software.onednn]}",
            f"Memoria:        {memory}",
            f"Python:         {software.python}",
            f"TensorFlow:     {software.tensorflow}",
            f"Keras:          {software.keras} sobre {software.engine}{cuda}",
        ]
    )


def _full_name(accelerator: Accelerator) -> str:
    memory, driver = accelerator.memory_gib, accelerator.driver
    capability = accelerator.compute_capability
    details = [
        written(memory, 0, "GiB") if memory else None,
        f"capacidad de cómputo {capability}" if capability else None,
        f"controlador {driver}" if driver else None,
    ]
    known = ", ".join(filter(None, details))
    return f"{accelerator.name} ({known})" if known else accelerator.name
