"""Los parámetros de cada cuaderno: qué valores admiten.

Los valores por defecto no están aquí, sino en la celda `parameters` de cada cuaderno.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from fashion_bench import data
from fashion_bench.errors import TutorialError
from fashion_bench.exercises import missing
from fashion_bench.figures import METRICS
from fashion_bench.machine import backends
from fashion_bench.record import (
    BatchSize,
    Device,
    Epochs,
    Label,
    Precision,
    Repeats,
    Seed,
    TrainSamples,
    refused,
)


class Checked(BaseModel):
    """Parámetros ya comprobados; la descripción de cada campo dice lo que se admite."""

    model_config = ConfigDict(strict=True, frozen=True)

    @classmethod
    def check(cls, cell: Mapping[str, object], *, strings: bool = False) -> Self:
        """Comprueba los valores que la celda de los parámetros deja en un cuaderno.

        Args:
            cell: los nombres del cuaderno, `globals()`; de los que no son parámetros no se ocupa.
            strings: si son textos, como los de la línea de órdenes.

        Raises:
            TutorialError: con una frase por cada valor que falta o no vale.
        """
        if callable(shell := cell.get("get_ipython")):
            missing.load_ipython_extension(shell())
        given = {name: cell[name] for name in cls.model_fields if name in cell}
        try:
            return cls.model_validate_strings(given) if strings else cls.model_validate(given)
        except ValidationError as error:
            found = error.errors()
            absent = [str(each["loc"][0]) for each in found if each["type"] == "missing"]
            sentences = [cls._in_spanish(each) for each in found if each["type"] != "missing"]
            if absent:
                verb = "Falta" if len(absent) == 1 else "Faltan"
                told = f"{verb} {', '.join(absent)}: ejecuta antes la celda de los parámetros."
                sentences.append(told)
            raise TutorialError("\n".join(sentences)) from None

    @classmethod
    def _in_spanish(cls, problem: ErrorDetails) -> str:
        if problem["type"] == "sentence":
            return problem["msg"]
        name = str(problem["loc"][0])
        value, allowed = f"{problem['input']!r:.80}", cls.model_fields[name].description
        return f"{name}={value} no es válido: debe ser {allowed}."


def _as_written(value: object) -> object:
    """El texto que papermill toma por otra cosa, como en `-p machine_name 3060`."""
    return str(value) if isinstance(value, int | float) else value


Name = Annotated[Label, BeforeValidator(_as_written)]
Route = Annotated[str, BeforeValidator(_as_written), Field(pattern=r"^[^\x00]*$")]
"""La ruta de un archivo o de una carpeta."""
Folder = Annotated[Route, Field(min_length=1, description="la ruta de una carpeta")]
Quick = Annotated[bool, Field(description="True o False")]
Stack = Annotated[
    Literal["tensorflow-metal", "tensorflow-windows"],
    Field(description="tensorflow-metal o tensorflow-windows"),
]
"""Las pilas con las que el cuaderno 02 predice: de las demás no hay medidas que lo sostengan."""
Engine = Annotated[
    Literal["auto", "tensorflow", "torch", "jax"],
    Field(description="auto, tensorflow, torch o jax"),
]
OnlyCpu = Annotated[Literal["auto", "cpu"], Field(description="auto o cpu")]


class OnEngine(Checked):
    """Dónde y con qué se calcula; `auto` deja de serlo al comprobarlo."""

    device: Device
    backend: Engine

    @field_validator("backend")
    @classmethod
    def _chosen(cls, asked: str, others: ValidationInfo) -> str:
        return backends.resolve(asked, others.data.get("device", "auto"))


class Sized(Checked):
    """Cuánto se entrena: lo comparten los cuadernos 01 y 05."""

    epochs: Epochs
    batch_size: BatchSize
    train_samples: TrainSamples

    @model_validator(mode="after")
    def _batch_fits(self) -> Self:
        training = self.train_samples - data.validation_size(self.train_samples)
        if self.batch_size > training:
            raise refused(
                f"batch_size={self.batch_size} no es válido: debe ser como mucho {training}, "
                f"porque con train_samples={self.train_samples} quedan {training} imágenes para "
                "entrenar."
            )
        return self


class Training(Sized, OnEngine):
    """Parámetros del cuaderno 01."""

    precision: Precision
    repeats: Repeats
    margin: int = Field(ge=0, le=50, description="un número entero de 0 a 50")
    seed: Seed
    machine_name: Name
    photo: Route = Field(description="la ruta de una foto, o vacío")
    results_dir: Folder


DEFAULTS: dict[str, object] = {
    **{"epochs": 10, "batch_size": 128, "train_samples": 60_000, "device": "auto"},
    **{"backend": "auto", "precision": "float32", "repeats": 1, "margin": 0, "seed": 42},
    **{"machine_name": "", "photo": "", "results_dir": "../results"},
}
"""Lo que valen los del cuaderno 01 si nadie los cambia."""


class Explanation(OnEngine):
    """Parámetros del cuaderno 02."""

    quick: Quick
    device: OnlyCpu
    other_name: Name
    other_tflops: float = Field(gt=0, le=1e5, description="un número mayor que 0, hasta 100000")
    other_gb_per_second: float = Field(
        gt=0, le=1e6, description="un número mayor que 0, hasta 1000000"
    )
    other_stack: Stack


class Comparison(Checked):
    """Parámetros del cuaderno 03."""

    results_dir: Folder
    baseline: Name = Field(description="el nombre o el identificador de un registro, o vacío")
    metric: str = Field(pattern=f"^({'|'.join(METRICS)})$", description=" o ".join(METRICS))


class Acceleration(OnEngine):
    """Parámetros del cuaderno 04."""

    quick: Quick
    precision: Literal["auto", "float32", "mixed_bfloat16"] = Field(
        description="auto, float32 o mixed_bfloat16"
    )
    seed: Seed


class Distribution(Sized):
    """Parámetros del cuaderno 05."""

    workers: int = Field(ge=2, le=64, description="un número entero de 2 a 64")
    device: Device
    seed: Seed
    address: str = Field(
        pattern=r"^([\w.-]+:\d{1,5})?$", description="equipo:puerto de un clúster de Ray, o vacío"
    )
    storage: Route = Field(description="la ruta de una carpeta, o vacío")
    machine_name: Name
    results_dir: Folder

    @model_validator(mode="after")
    def _every_worker_has_images(self) -> Self:
        if self.batch_size < 2 * self.workers:
            raise refused(
                f"batch_size={self.batch_size} no es válido: con workers={self.workers} debe ser "
                f"al menos {2 * self.workers}, para que todos tengan imágenes en cada paso."
            )
        return self


class Use(OnEngine):
    """Parámetros del cuaderno 06."""

    quick: Quick
    device: OnlyCpu
    seed: Seed
