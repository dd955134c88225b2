"""Qué lleva el registro de una ejecución: el esquema, y qué valores admite cada cosa.

Guarda solo lo medido; lo que se calcula con ello está en `figures`. No lleva nada que identifique a
una persona: ni el nombre de red del equipo, ni el del usuario, ni ninguna ruta. Sus textos se
pueden imprimir, dibujar y guardar sin riesgo, vengan de donde vengan.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self
from unicodedata import normalize

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

SCHEMA_VERSION = 2

# Lo que se ve, se lee de izquierda a derecha, no se apila y no se confunde con otra letra: las
# latinas, con sus tildes, las cifras y los signos corrientes, sin las marcas de HTML.
_SIGNS = r"!-#%-.0-;=?-\[\]-~¡-¬®-ž\u2013\u2014\u2018-\u201d•…‰€™\u2212"
_LETTERS = "0-9A-Za-zªºÀ-ÖØ-öø-ž"

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120, pattern=rf"^[ $/\\{_SIGNS}]*[$/\\{_SIGNS}]$"),
]
"""Texto corto de una línea, en el que se ve algo."""

Version = Annotated[Text, Field(pattern=r"^[0-9]+\.[0-9][0-9A-Za-z_.+-]{0,40}$")]

Label = Annotated[
    str,
    StringConstraints(max_length=60, pattern=f"^([ {_SIGNS}]*[{_LETTERS}][ {_SIGNS}]*)?$"),
    Field(
        description="un texto de hasta 60 letras latinas, cifras y signos, sin saltos de línea ni "
        "< > $ / \\"
    ),
]
"""Nombre de un equipo: además, sin fórmulas ni separadores de carpetas. Puede estar vacío."""

Epochs = Annotated[int, Field(ge=1, le=1000, description="un número entero de 1 a 1000")]
Repeats = Annotated[int, Field(ge=1, le=100, description="un número entero de 1 a 100")]
Seed = Annotated[int, Field(ge=0, lt=2**31, description="un número entero de 0 a 2147483647")]
BatchSize = Annotated[int, Field(ge=1, le=54_000, description="un número entero de 1 a 54000")]
TrainSamples = Annotated[
    int, Field(ge=100, le=60_000, description="un número entero de 100 a 60000")
]
Precision = Annotated[
    Literal["float32", "mixed_float16", "mixed_bfloat16"],
    Field(description="float32, mixed_float16 o mixed_bfloat16"),
]
Backend = Annotated[
    Literal["tensorflow", "torch", "jax"], Field(description="tensorflow, torch o jax")
]
TITLES = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}
"""El nombre de cada motor, tal como lo lee una persona."""
Device = Annotated[Literal["auto", "cpu", "gpu"], Field(description="auto, cpu o gpu")]


class Frozen(BaseModel):
    """Datos que no cambian; no admiten campos de más ni números infinitos."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def clean(text: str) -> str:
    """Deja de `text` lo que `Text` admite; si no queda nada, devuelve «desconocido»."""
    text = " ".join(normalize("NFC", text).split())
    return re.sub(rf"[^ $/\\{_SIGNS}]", "", text)[:120].strip() or "desconocido"


def clean_label(text: str) -> str:
    """Deja de `text` lo que `Label` admite; si no queda ninguna letra, devuelve «desconocido»."""
    label = clean(re.sub(r"[$/\\]", " ", text))[:60]
    return label if re.search(f"[{_LETTERS}]", label) else "desconocido"


CEILINGS = (
    *((".*AMX|AVX10", "AMX"), ("AVX512", "AVX-512"), ("AVX2", "AVX2"), ("AVX$", "AVX")),
    ("SSE41", "SVE"),
)
"""Con cuál se calcula como mucho según lo que diga `ONEDNN_MAX_CPU_ISA`; lo que no entiende, nada.

https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
"""

ISAS = ("AMX", "AVX-512", "AVX2", "AVX", "SVE", "NEON")
"""Juegos de instrucciones que dan nombre a un equipo, del que más hace de una vez al que menos."""

TOLERANCE: dict[str, float] = {"float32": 0.1, "mixed_float16": 0.1, "mixed_bfloat16": 0.4}
"""Diferencia relativa que se admite en los gradientes entre una GPU y la CPU en float32.

Lo medido con los tres motores en una CPU y nada estropeado, en 207 veces: con la red del cuaderno
01, como mucho 0.036 con float16 y 0.225 con bfloat16; con BatchNormalization, 0.064 y 0.33. En
float32, las GPU de NVIDIA desde Ampere multiplican con 10 bits de mantisa (TF32): imitado, 0.033;
sin él, 0.000004. De un redondeo depende qué neuronas apaga ReLU. Un fallo de los publicados da 0.43
o más.
"""

STRICT_TOLERANCE = 0.01
"""La que se admite en la pérdida, que en ellas fue de 0.0008, y en lo que hace el optimizador."""

MAX_EPOCHS = 1000
"""Las épocas que caben en un registro, entre todas sus repeticiones, y en lo que ocupa."""

Seconds = Annotated[float, Field(ge=1e-6, lt=1e7)]
Amount = Annotated[float, Field(ge=0, lt=1e10)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Code(Frozen):
    """Con qué código se midió."""

    version: Version
    git_commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,40}(-dirty)?$")] | None
    notebook: Annotated[str, Field(pattern=r"^[\w-]{1,60}\.ipynb$")]
    """El cuaderno que se ejecutó."""
    notebook_sha256: Sha256
    """SHA-256 de las celdas de código de ese cuaderno, sin resultados."""


class Machine(Frozen):
    """El equipo, sin nada que identifique a su dueño (ni su nombre de red, ni rutas)."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None
    """Un código al azar que se hace una vez y distingue este equipo de otro igual."""
    os: Text
    architecture: Text
    cpu: Text
    vendor: Text | None
    family: int | None = Field(ge=0, lt=2**16)
    model: int | None = Field(ge=0, lt=2**16)
    microarchitecture: Text
    instruction_sets: list[Text] = Field(max_length=50)
    """De los que deciden lo rápido que se calcula, los que tiene el procesador."""
    cache_mib: list[float] = Field(max_length=4)
    """Cachés de primer nivel (datos), segundo y tercero, hasta donde se sabe."""
    physical_cores: int | None = Field(ge=1, le=1024)
    logical_cores: int = Field(ge=1, le=1024)
    usable_cores: float = Field(gt=0, le=1024)
    """Los que este programa puede usar: afinidad y cuota del contenedor."""
    virtual: bool | None
    """Si es una máquina virtual; `None` si no se sabe."""
    memory_gib: float | None = Field(gt=0, le=1e6)
    settings: dict[Text, Text] = Field(max_length=30)
    """Variables de entorno que cambian las cuentas, las que estaban puestas."""
    power: Literal["mains", "battery"] | None
    """Corriente o batería, donde el sistema lo dice: a batería muchos portátiles van más lentos."""

    @property
    def isa(self) -> str:
        """El mayor juego de instrucciones vectoriales con el que se calcula en la CPU."""
        limit = self.settings.get("DNNL_MAX_CPU_ISA", "ALL")
        limit = self.settings.get("ONEDNN_MAX_CPU_ISA", limit).upper()
        top = next((isa for said, isa in CEILINGS if re.match(said, limit)), ISAS[0])
        allowed = ISAS[ISAS.index(top) :]
        return next((name for name in allowed if name in self.instruction_sets), self.architecture)


class Accelerator(Frozen):
    """Una GPU. Lo que el sistema no cuenta queda en `None`."""

    name: Text
    memory_gib: float | None = Field(ge=0.1, le=1e6)
    driver: Text | None
    compute_capability: Text | None
    power_limit_w: float | None = Field(gt=0, le=1e5)
    mig: bool | None
    """Si es solo una parte de una GPU partida (MIG)."""


class Software(Frozen):
    """Versiones de lo que ejecuta el entrenamiento."""

    python: Version
    tensorflow: Version
    keras: Version
    backend: Backend
    torch: Version | None = None
    jax: Version | None = None
    cuda: Text | None
    cudnn: Text | None
    onednn: bool | None
    """Si TensorFlow calcula con oneDNN en la CPU; `None` donde no se elige."""
    tf32: bool | None
    """Si float32 se multiplica con menos cifras (TF32, bfloat16); `None` donde no se elige."""

    @property
    def engine(self) -> str:
        """El motor con el que se entrena y su versión: «TensorFlow 2.21.0»."""
        return f"{TITLES[self.backend]} {getattr(self, self.backend) or 'sin versión'}"


class Data(Frozen):
    """Con qué imágenes se entrenó y se midió la exactitud."""

    sha256: Sha256
    training_images: int = Field(ge=1, le=60_000)
    validation_images: int = Field(ge=0, le=60_000)
    test_images: int = Field(ge=1, le=10_000)


class Network(Frozen):
    """La red, descrita de forma que dos iguales den lo mismo en cualquier versión."""

    layers: list[Text] = Field(min_length=1, max_length=200)
    optimizer: Text
    weights: int = Field(ge=1, le=10**12)
    training_operations: int = Field(ge=1, le=10**15)
    """Sumas y multiplicaciones de entrenar con una imagen."""


class RunParameters(Frozen):
    """Los parámetros con los que de verdad se entrenó."""

    epochs: Epochs
    batch_size: BatchSize
    train_samples: TrainSamples
    precision: Precision
    repeats: Repeats
    seed: Seed
    workers: int = Field(1, ge=1, le=1000)
    """Procesos que entrenan a la vez, cada uno con una parte de cada lote."""


class GpuState(Frozen):
    """Cómo estaba la GPU de NVIDIA al acabar una época."""

    clock_mhz: float | None
    temperature_c: float | None
    slowed_by: Text | None
    """Por qué va más despacio de lo normal: calor o falta de corriente."""
    other_programs: int | None = Field(ge=0)


class Calibration(Frozen):
    """Lo rápido que es el dispositivo, aparte de la red: sus cuatro números."""

    float32_flops: float = Field(gt=0)
    """Operaciones por segundo del producto de matrices en float32."""
    precision_flops: float = Field(gt=0)
    """Lo mismo, en la precisión con la que se entrena."""
    bytes_per_second: float = Field(gt=0)
    """Bytes por segundo de la memoria."""
    order_seconds: float = Field(gt=0)
    """Lo que cuesta hacer una petición."""


class Surroundings(Frozen):
    """Lo que pasaba en el equipo durante una época. Lo que el sistema no cuenta, `None`."""

    usable_cores: float = Field(gt=0)
    own_cpu_seconds: Amount
    """Segundos de procesador de este programa, sumando todos los núcleos."""
    other_cpu_seconds: Amount | None
    """De los demás programas."""
    stolen_cpu_seconds: Amount | None
    """Que la máquina virtual pidió y no tuvo."""
    waiting_seconds: Amount | None
    """En que algún programa, quizá este, esperó a un núcleo libre."""
    swapped_mb: Amount | None
    """Que fueron a la memoria de intercambio o volvieron de ella."""
    stopped_seconds: float | None = Field(None, ge=0)
    """En que el programa o el equipo estuvo suspendido; `None` si no se miró."""
    temperature_c: float | None
    frequency_mhz: float | None = Field(gt=0)
    gpu: GpuState | None


class Repeat(Frozen):
    """Un entrenamiento completo, o lo que dio tiempo a hacer de él."""

    seed: Seed
    setup_seconds: Seconds
    """El calentamiento."""
    epoch_seconds: list[Seconds] = Field(min_length=1, max_length=1000)
    epoch_losses: list[Annotated[float, Field(ge=0)]] | None = None
    """La pérdida de entrenamiento de cada época, con la que `verify` repite la primera; `None` si
    no se anotó o no salió un número."""
    test_correct: int | None = Field(ge=0, le=10_000)
    """Imágenes de prueba acertadas; `None` si no llegó a la evaluación."""
    test_loss: float | None = Field(ge=0)
    """`None` si no llegó a la evaluación o si la pérdida no salió un número."""
    energy_joules: float | None = Field(ge=0, le=1e12)
    surroundings: list[Surroundings] | None
    """De cada época; `None` si se entrena en varios procesos."""

    @property
    def total_seconds(self) -> float:
        """Suma de las épocas, en segundos."""
        return sum(self.epoch_seconds)


class Agreement(Frozen):
    """Cuánto se apartan de la CPU tres pasos de entrenamiento dados en la GPU."""

    precision: Precision
    loss_difference: float | None = Field(ge=0)
    """Diferencia relativa, la mayor de los tres; `None` si salió infinita o no numérica."""
    gradient_difference: float | None = Field(ge=0)
    update_difference: float | None = Field(ge=0)
    """En lo que cambian los pesos y las tablas del optimizador, con los mismos gradientes."""

    @property
    def tolerance(self) -> float:
        """Diferencia relativa que se admite en los gradientes."""
        return TOLERANCE[self.precision]

    @property
    def ok(self) -> bool:
        """Dice si las tres diferencias caben en lo que se admite."""
        return all(
            difference is not None and difference <= allowed
            for difference, allowed in (
                (self.loss_difference, STRICT_TOLERANCE),
                (self.gradient_difference, self.tolerance),
                (self.update_difference, STRICT_TOLERANCE),
            )
        )


class Content(Frozen):
    """Lo que se guarda de una ejecución de un cuaderno que entrena."""

    schema_version: Literal[2]
    run_id: Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$")]
    created_utc: AwareDatetime = Field(
        ge=datetime(2026, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC)
    )
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

    @property
    def epoch_seconds(self) -> list[float]:
        """Segundos de todas las épocas de todas las repeticiones, en orden."""
        return [second for repeat in self.repeats for second in repeat.epoch_seconds]

    @property
    def ended_utc(self) -> datetime:
        """Cuándo acabó de entrenar, por lo que duró."""
        lasted = sum(repeat.setup_seconds + repeat.total_seconds for repeat in self.repeats)
        return self.created_utc + timedelta(seconds=lasted)

    @property
    def accuracies(self) -> list[float]:
        """Exactitud en prueba, de 0 a 1, de cada repetición que llegó a la evaluación."""
        return [
            repeat.test_correct / self.data.test_images
            for repeat in self.repeats
            if repeat.test_correct is not None
        ]

    @model_validator(mode="before")
    @classmethod
    def _known_version(cls, value: object) -> object:
        version = value.get("schema_version") if isinstance(value, dict) else None
        if type(version) is int and 1 <= version != SCHEMA_VERSION:
            newer = "más nuevo que el de este proyecto; actualízalo"
            older = "de una versión anterior de este proyecto; mide otra vez"
            told = newer if version > SCHEMA_VERSION else older
            raise refused(f"usa el formato {version}, {told}")
        return value

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        told, data, whole = self.parameters, self.data, self.status == "ok"
        if data.training_images + data.validation_images != told.train_samples:
            raise refused("sus imágenes no cuadran con train_samples")
        if told.batch_size > data.training_images:
            raise refused("su lote tiene más imágenes que el entrenamiento")
        if told.epochs * told.repeats > MAX_EPOCHS:
            raise refused(f"tiene más de {MAX_EPOCHS} épocas")
        if len(self.repeats) > told.repeats:
            raise refused("tiene más repeticiones de las que dice")
        if whole and len(self.repeats) < told.repeats:
            raise refused("le faltan repeticiones")
        if whole and max(len(repeat.epoch_seconds) for repeat in self.repeats) < told.epochs:
            raise refused("le faltan épocas")
        if len({repeat.seed for repeat in self.repeats}) != len(self.repeats):
            raise refused("repite una semilla")
        for repeat in self.repeats:
            epochs, around = len(repeat.epoch_seconds), repeat.surroundings
            if epochs > told.epochs:
                raise refused("tiene más épocas de las que dice")
            if whole and None in (repeat.test_correct, repeat.test_loss):
                raise refused("le falta la evaluación con las imágenes de prueba")
            if (repeat.test_correct or 0) > data.test_images:
                raise refused("acierta más imágenes de prueba de las que hay")
            if around is not None and len(around) != epochs:
                raise refused("no dice qué pasaba en cada época")
            if len(repeat.epoch_losses or ()) > epochs:
                raise refused("tiene más pérdidas que épocas")
        if self.agreement and not self.accelerator:
            raise refused("comprueba una GPU que no dice tener")
        if self.agreement and self.agreement.precision != told.precision:
            raise refused("su comprobación de la GPU se hizo con otra precisión")
        if whole != (self.reason is None):
            raise refused("su estado y su razón no concuerdan")
        return self


def refused(sentence: str) -> PydanticCustomError:
    """El error con el que se rechaza algo, dicho con una frase entera."""
    return PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})
