"""Las cifras de un registro: las que salen de lo que guarda, y si su tiempo cuenta."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple, Self, TypeVar

from fashion_bench import doubts
from fashion_bench.record import Content, Machine, Surroundings
from fashion_bench.text import written

MIME = "application/vnd.fashion-bench.record+json"
"""Con este tipo enseña un cuaderno su registro, y así lo encuentra quien lo ha ejecutado."""

ACCURACY_FLOOR = 0.90
"""Exactitud en prueba por debajo de la cual un tiempo no cuenta."""

ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")
"""Cómo llama Keras a la exactitud, según cómo se le pida."""

Told = TypeVar("Told")

MAX_DRIFT = 0.10
"""Cambio entre las dos calibraciones a partir del cual se dice."""

MAX_DISTURBED = 1 / 3
"""Parte de las épocas que pueden estar perturbadas sin que la ejecución deje de contar."""

MAX_OTHERS, MAX_STOLEN, MAX_SWAPPED_MB = 0.05, 0.02, 10
"""Cuánto puede hacer el resto del equipo durante una época tranquila: parte de los núcleos que
usan otros programas, parte que se lleva otra máquina virtual y MB de memoria de intercambio."""


class Record(Content):
    """Una ejecución de un cuaderno que entrena."""

    _clashes: tuple[str, ...] = ()

    def beside(self, earlier: Sequence["Record"]) -> Self:
        """Este registro, con las dudas que da si son verdad otros, los que estaban antes."""
        copy = self.model_copy()
        copy._clashes = tuple(doubts.beside(self, earlier))
        return copy

    @property
    def doubts(self) -> list[str]:
        """Por qué no puede ser verdad: frases que siguen a «este registro…»; ninguna, si puede."""
        return [*doubts.alone(self), *self._clashes]

    @property
    def median_epoch_seconds(self) -> float:
        """Mediana, en segundos, de todas las épocas de todas las repeticiones."""
        return median(self.epoch_seconds)

    @property
    def images_per_second(self) -> float:
        """Imágenes de una época entre los segundos de la época mediana."""
        return self.data.training_images / self.median_epoch_seconds

    @property
    def cold_seconds(self) -> float:
        """Segundos de la primera repetición, la única que arranca en frío, y su calentamiento."""
        return self.repeats[0].setup_seconds + self.repeats[0].total_seconds

    @property
    def accuracy(self) -> float | None:
        """Media de `accuracies`; `None` si ninguna repetición llegó a la evaluación."""
        return sum(self.accuracies) / len(self.accuracies) if self.accuracies else None

    @property
    def images_per_joule(self) -> float | None:
        """Imágenes procesadas por julio de la GPU; `None` si no se sabe su energía."""
        joules = [repeat.energy_joules for repeat in self.repeats]
        if not joules or not all(joules):
            return None
        return self.data.training_images * len(self.epoch_seconds) / sum(filter(None, joules))

    @property
    def device(self) -> str:
        """En qué se entrenó: «GPU» o «CPU»."""
        return "GPU" if self.accelerator else "CPU"

    @property
    def name(self) -> str:
        """Cómo se llama en tablas y gráficos: equipo, dispositivo y lo que no sea lo normal."""
        backend, workers = self.software.backend, self.parameters.workers
        label = self.label if self.accelerator else f"{self.label} ({self.machine.isa})"
        unusual: list[str] = [] if backend == "tensorflow" else [backend]
        if self.software.onednn is False and not self.accelerator:
            unusual.append("sin oneDNN")
        if self.software.tf32 and self.parameters.precision == "float32":
            unusual.append("TF32" if self.accelerator else "float32 con menos cifras")
        if workers > 1:
            unusual.append(f"{workers} procesos")
        return " · ".join([label, self.device, *unusual])

    @property
    def machine_key(self) -> tuple[object, ...]:
        """Lo que distingue a un equipo, y una forma de usarlo, de los demás.

        Dos registros con la misma clave son dos sesiones del mismo equipo. Sin el código al azar
        del equipo, cuenta lo que de él se sabe.
        """
        machine, software = self.machine, self.software
        known = (self.label, machine.vendor, machine.family, machine.model, machine.memory_gib)
        return (
            machine.key or known,
            machine.cpu,
            machine.isa,
            machine.usable_cores,
            tuple(sorted(machine.settings.items())),
            self.accelerator.name if self.accelerator else None,
            software.backend,
            software.onednn,
            software.tf32,
            self.parameters.workers,
        )

    @property
    def mfu(self) -> float | None:
        """Parte del límite del dispositivo a la que llega, de 0 a 1; `None` si no se midió.

        Es la *model FLOPs utilization* de Chowdhery y otros (2022), «PaLM», arXiv:2204.02311: las
        operaciones que pide la red entre las que da el producto de matrices.
        """
        if not self.calibration or not self.repeats:
            return None
        best = max(each.precision_flops for each in self.calibration)
        return self.network.training_operations * self.images_per_second / best

    @property
    def drift(self) -> str | None:
        """Qué cambió en el equipo entre antes y después de entrenar, si algo cambió."""
        if len(self.calibration) < 2:
            return None
        before, after = self.calibration
        rates = (
            ("producto de matrices", before.precision_flops, after.precision_flops, "GFLOP/s"),
            ("memoria", before.bytes_per_second, after.bytes_per_second, "GB/s"),
        )
        changed = [
            f"{name}, de {written(first / 1e9, 0, unit)} a {written(last / 1e9, 0, unit)}"
            for name, first, last, unit in rates
            if abs(last / first - 1) > MAX_DRIFT
        ]
        return "; ".join(changed) or None

    @property
    def disturbed(self) -> list[str | None]:
        """De cada época, por qué está perturbada, o `None` si fue tranquila o no se sabe."""
        reasons: list[str | None] = []
        for repeat in self.repeats:
            if repeat.surroundings is None:
                reasons += [None] * len(repeat.epoch_seconds)
            else:
                pairs = zip(repeat.surroundings, repeat.epoch_seconds, strict=True)
                reasons += [disturbance(around, second, self.machine) for around, second in pairs]
        return reasons

    @property
    def setting(self) -> tuple[object, ...]:
        """Lo que debe coincidir para que dos tiempos por época se puedan comparar."""
        return (
            self.network.model_dump_json(),
            self.data,
            self.parameters.batch_size,
            self.parameters.precision,
        )

    @property
    def flaw(self) -> str | None:
        """Por qué sus tiempos no cuentan, o `None` si cuentan."""
        if self.status == "interrupted":
            return "ejecución incompleta"
        if self.status == "failed":
            return self.reason
        if found := self.doubts:
            return f"dudoso: {'; '.join(found)}"
        if self.accelerator and not self.agreement:
            return "no se comprobó que la GPU calcule bien"
        if self.agreement and not self.agreement.ok:
            return "no calcula lo mismo que la CPU"
        if any(accuracy < ACCURACY_FLOOR for accuracy in self.accuracies):
            return f"exactitud por debajo de {ACCURACY_FLOOR:.2f}"
        reasons = [reason for reason in self.disturbed if reason]
        if len(reasons) > MAX_DISTURBED * len(self.epoch_seconds):
            return (
                f"perturbado en {len(reasons)} de {len(self.epoch_seconds)} épocas, "
                f"la primera porque {reasons[0]}"
            )
        return None

    def __str__(self) -> str:
        figures = [self.name]
        if self.repeats:
            figures += [
                f"{written(self.median_epoch_seconds, 2, 's')} por época",
                written(self.images_per_second, 0, "imágenes/s"),
            ]
        if self.accuracy is not None:
            figures.append(f"exactitud {self.accuracy:.4f}")
        figures.append(f"no cuenta: {self.flaw}" if self.flaw else "cuenta")
        return ", ".join(figures)

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        """En un cuaderno se lee como texto y, además, va entero para quien lo busque."""
        return {"text/plain": str(self), MIME: self.model_dump(mode="json")}


class Metric(NamedTuple):
    """Una forma de medir lo rápido que va un equipo."""

    title: str
    seconds: Callable[[Record], list[float]]
    """Los segundos de un registro de los que sale; ninguno, si no los lleva."""


METRICS = {
    "images_per_second": Metric("Rendimiento (imágenes/s)", lambda record: record.epoch_seconds),
    "median_epoch": Metric("Época mediana (s)", lambda record: record.epoch_seconds),
    "cold_total": Metric("Total en frío (s)", lambda record: [record.cold_seconds]),
}


def accuracy_in(told: Mapping[str, Told], prefix: str = "") -> Told | None:
    """Busca la exactitud en lo que cuenta Keras, se llame como se llame; `None` si no está."""
    return next((told[prefix + name] for name in ACCURACIES if prefix + name in told), None)


def disturbance(around: Surroundings, seconds: float, machine: Machine) -> str | None:
    """Dice qué perturbó una época que duró `seconds`, o `None` si fue tranquila."""
    available = seconds * machine.logical_cores
    others = (around.other_cpu_seconds or 0.0) / available
    stolen = (around.stolen_cpu_seconds or 0.0) / available
    if around.usable_cores < machine.usable_cores:
        return f"solo pudo usar {around.usable_cores:g} de {machine.usable_cores:g} núcleos"
    if around.stopped_seconds:
        return f"estuvo suspendido {written(around.stopped_seconds, 0, 's')}"
    if stolen > MAX_STOLEN:
        return f"otra máquina virtual se llevó el {written(100 * stolen, 0, '%')} del procesador"
    if others > MAX_OTHERS:
        return f"otros programas usaron el {written(100 * others, 0, '%')} del procesador"
    if around.swapped_mb and around.swapped_mb > MAX_SWAPPED_MB:
        return f"faltó memoria ({written(around.swapped_mb, 0, 'MB')} fueron o volvieron del disco)"
    if around.gpu and around.gpu.slowed_by:
        return f"la GPU se frenó ({around.gpu.slowed_by})"
    if around.gpu and around.gpu.other_programs:
        return "otro programa usaba la GPU"
    return None
