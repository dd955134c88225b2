"""El registro de una ejecución: qué lleva, cuándo cuenta y qué cifras se sacan de él.

Guarda solo lo medido; todo lo demás (la mediana, las imágenes/s, si cuenta…) se calcula aquí, y
en ningún otro sitio. De qué se compone cada una de sus partes lo dice `parts`.
"""

from collections.abc import Callable
from statistics import median
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from fashion_bench.parts import (
    Accelerator,
    Agreement,
    Calibration,
    Code,
    Data,
    Machine,
    Network,
    Repeat,
    RunParameters,
    Software,
    Surroundings,
)
from fashion_bench.typography import written
from fashion_bench.values import Frozen, Label, Text

SCHEMA_VERSION = 2

MIME = "application/vnd.fashion-bench.record+json"
"""Con este tipo enseña un cuaderno su registro, y así lo encuentra quien lo ha ejecutado."""

ACCURACY_FLOOR = 0.90
"""Exactitud en prueba por debajo de la cual un tiempo no cuenta."""

MAX_DRIFT = 0.10
"""Cambio entre las dos calibraciones a partir del cual se dice."""

MAX_DISTURBED = 1 / 3
"""Parte de las épocas que pueden estar perturbadas sin que la ejecución deje de contar."""

MAX_OTHERS, MAX_STOLEN, MAX_SWAPPED_MB = 0.05, 0.02, 10
"""Cuánto puede hacer el resto del equipo durante una época tranquila: parte de los núcleos que
usan otros programas, parte que se lleva otra máquina virtual y MB de memoria de intercambio."""


class Record(Frozen):
    """Una ejecución de un cuaderno que entrena."""

    schema_version: Literal[2]
    run_id: Annotated[str, Field(pattern=r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")]
    created_utc: AwareDatetime
    status: Literal["ok", "failed", "interrupted"]
    reason: Text | None
    """Por qué no es `ok`."""
    code: Code
    label: Label = Field(min_length=1)
    machine: Machine
    accelerator: Accelerator | None
    software: Software
    parameters: RunParameters
    data: Data
    network: Network
    repeats: list[Repeat] = Field(max_length=100)
    """Las repeticiones de las que terminó al menos una época."""
    agreement: Agreement | None
    """`None` si se entrenó en la CPU, que es la referencia."""
    calibration: list[Calibration] = Field(max_length=2)
    """Antes de entrenar y, si se llegó al final, después."""

    @model_validator(mode="before")
    @classmethod
    def _known_version(cls, value: Any) -> Any:  # noqa: ANN401
        version = value.get("schema_version") if isinstance(value, dict) else None
        if type(version) is int and version > SCHEMA_VERSION:
            raise _contradiction(
                f"usa el formato {version}, más nuevo que el de este proyecto ({SCHEMA_VERSION}); "
                "actualiza el proyecto"
            )
        if type(version) is int and 1 <= version < SCHEMA_VERSION:
            raise _contradiction(
                f"usa el formato {version}, de una versión anterior de este proyecto; mide otra vez"
            )
        return value

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        told, data = self.parameters, self.data
        if data.training_images + data.validation_images != told.train_samples:
            raise _contradiction("sus imágenes no cuadran con train_samples")
        if told.batch_size > data.training_images:
            raise _contradiction("su lote tiene más imágenes que el entrenamiento")
        if any((repeat.test_correct or 0) > data.test_images for repeat in self.repeats):
            raise _contradiction("acierta más imágenes de prueba de las que hay")
        if any(len(repeat.epoch_seconds) > told.epochs for repeat in self.repeats):
            raise _contradiction("tiene más épocas de las que dice")
        if any(
            repeat.surroundings is not None
            and len(repeat.surroundings) != len(repeat.epoch_seconds)
            for repeat in self.repeats
        ):
            raise _contradiction("no dice qué pasaba en cada época")
        if any(len(each.epoch_losses or ()) > len(each.epoch_seconds) for each in self.repeats):
            raise _contradiction("tiene más pérdidas que épocas")
        if len(self.repeats) > told.repeats:
            raise _contradiction("tiene más repeticiones de las que dice")
        if len({repeat.seed for repeat in self.repeats}) != len(self.repeats):
            raise _contradiction("repite una semilla")
        if self.agreement and not self.accelerator:
            raise _contradiction("comprueba una GPU que no dice tener")
        if self.agreement and self.agreement.precision != told.precision:
            raise _contradiction("su comprobación de la GPU se hizo con otra precisión")
        if (self.status == "ok") != (self.reason is None):
            raise _contradiction("su estado y su razón no concuerdan")
        if self.status == "ok":
            self._is_whole()
        return self

    def _is_whole(self) -> None:
        if len(self.repeats) != self.parameters.repeats:
            raise _contradiction("le faltan repeticiones")
        for repeat in self.repeats:
            if len(repeat.epoch_seconds) != self.parameters.epochs:
                raise _contradiction("le faltan épocas")
            if repeat.test_correct is None or repeat.test_loss is None:
                raise _contradiction("le falta la evaluación con las imágenes de prueba")

    @property
    def epoch_seconds(self) -> list[float]:
        """Segundos de todas las épocas de todas las repeticiones, en orden."""
        return [second for repeat in self.repeats for second in repeat.epoch_seconds]

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
    def accuracies(self) -> list[float]:
        """Exactitud en prueba, de 0 a 1, de cada repetición que llegó a la evaluación."""
        return [
            repeat.test_correct / self.data.test_images
            for repeat in self.repeats
            if repeat.test_correct is not None
        ]

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
        if self.software.tf32 is False and self.accelerator:
            unusual.append("sin TF32")
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
        changed = [
            f"{name}, de {shown(getattr(before, field))} a {shown(getattr(after, field))}"
            for field, name, shown in DRIFTS
            if abs(getattr(after, field) / getattr(before, field) - 1) > MAX_DRIFT
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
    unit: str
    value: Callable[[Record], float]
    """La cifra de un registro."""
    seconds: Callable[[Record], list[float]]
    """Los segundos de los que sale; ninguno, si el registro no los lleva."""
    more_is_better: bool

    def known(self, record: Record) -> bool:
        """Dice si un registro lleva lo que hace falta para esta medida."""
        return bool(record.repeats and self.seconds(record))


METRICS = {
    "images_per_second": Metric(
        "Rendimiento",
        "imágenes/s",
        lambda record: record.images_per_second,
        lambda record: record.epoch_seconds,
        more_is_better=True,
    ),
    "median_epoch": Metric(
        "Época mediana",
        "s",
        lambda record: record.median_epoch_seconds,
        lambda record: record.epoch_seconds,
        more_is_better=False,
    ),
    "cold_total": Metric(
        "Total en frío",
        "s",
        lambda record: record.cold_seconds,
        lambda record: [record.cold_seconds],
        more_is_better=False,
    ),
}


DRIFTS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    (
        "precision_flops",
        "producto de matrices",
        lambda flops: written(flops / 1e9, 0, "GFLOP/s"),
    ),
    ("bytes_per_second", "memoria", lambda rate: written(rate / 1e9, 0, "GB/s")),
)


def _contradiction(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})


def disturbance(around: Surroundings, seconds: float, machine: Machine) -> str | None:
    """Dice qué perturbó una época, o `None` si fue tranquila.

    Args:
        around: lo que pasaba mientras tanto.
        seconds: lo que duró la época.
        machine: el equipo.
    """
    available = seconds * machine.logical_cores
    others = around.other_cpu_seconds / available
    stolen = (around.stolen_cpu_seconds or 0.0) / available
    if around.usable_cores < machine.usable_cores:
        return f"solo pudo usar {around.usable_cores:g} de {machine.usable_cores:g} núcleos"
    if stolen > MAX_STOLEN:
        return f"otra máquina virtual se llevó el {written(100 * stolen, 0, '%')} del procesador"
    if others > MAX_OTHERS:
        return f"otros programas usaron el {written(100 * others, 0, '%')} del procesador"
    if around.swapped_mb > MAX_SWAPPED_MB:
        return f"faltó memoria ({written(around.swapped_mb, 0, 'MB')} fueron o volvieron del disco)"
    if around.gpu and around.gpu.slowed_by:
        return f"la GPU se frenó ({around.gpu.slowed_by})"
    if around.gpu and around.gpu.other_programs:
        return "otro programa usaba la GPU"
    return None
