"""Los parámetros de cada cuaderno: qué valores admiten.

Los valores por defecto no están aquí, sino en la celda `parameters` de cada cuaderno.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from fashion_bench import data
from fashion_bench.errors import TutorialError
from fashion_bench.text import Label


class Checked(BaseModel):
    """Parámetros ya comprobados; la descripción de cada campo dice lo que se admite."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @classmethod
    def check(cls, **values: object) -> Self:
        """Comprueba los valores que llegan a un cuaderno.

        Raises:
            TutorialError: con una frase por cada valor que no vale.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise cls._in_spanish(error) from None

    @classmethod
    def check_strings(cls, values: dict[str, str]) -> Self:
        """Como `check`, con los valores en texto que llegan de la línea de órdenes.

        Raises:
            TutorialError: con una frase por cada valor que no vale.
        """
        try:
            return cls.model_validate_strings(values)
        except ValidationError as error:
            raise cls._in_spanish(error) from None

    @classmethod
    def _in_spanish(cls, error: ValidationError) -> TutorialError:
        sentences = []
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            if problem["type"] == "sentence":
                sentences.append(problem["msg"])
            elif name in cls.model_fields:
                allowed = cls.model_fields[name].description
                sentences.append(f"{name}={problem['input']!r:.80} no vale: debe ser {allowed}.")
            else:
                known = ", ".join(cls.model_fields)
                sentences.append(f"El parámetro {name} no existe; los que hay son: {known}.")
        return TutorialError("\n".join(sentences))


MACHINE_NAME = Field(
    description="un texto de hasta 60 caracteres sin saltos de línea ni los signos < > $ / \\"
)
RESULTS_DIR = Field(min_length=1, pattern=r"^[^\x00]*$", description="la ruta de una carpeta")


Device = Annotated[Literal["auto", "cpu", "gpu"], Field(description="auto, cpu o gpu")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="un número entero de 0 a 2147483647")]


class Sized(Checked):
    """Cuánto se entrena: lo comparten los cuadernos 01 y 04."""

    epochs: int = Field(ge=1, le=1000, description="un número entero de 1 a 1000")
    batch_size: int = Field(ge=1, le=54_000, description="un número entero de 1 a 54000")
    train_samples: int = Field(
        ge=100, le=data.TRAIN_IMAGES, description="un número entero de 100 a 60000"
    )

    @model_validator(mode="after")
    def _batch_fits(self) -> Self:
        training = self.train_samples - data.validation_size(self.train_samples)
        if self.batch_size > training:
            raise PydanticCustomError(
                "sentence",
                "batch_size={batch_size} no vale: debe ser como mucho {training}, porque con "
                "train_samples={train_samples} quedan {training} imágenes para entrenar.",
                {
                    "batch_size": self.batch_size,
                    "training": training,
                    "train_samples": self.train_samples,
                },
            )
        return self


class Training(Sized):
    """Parámetros del cuaderno 01."""

    device: Device
    backend: Literal["tensorflow", "torch", "jax"] = Field(description="tensorflow, torch o jax")
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = Field(
        description="float32, mixed_float16 o mixed_bfloat16"
    )
    repeats: int = Field(ge=1, le=100, description="un número entero de 1 a 100")
    seed: Seed
    machine_name: Label = MACHINE_NAME
    photo: str = Field(pattern=r"^[^\x00]*$", description="la ruta de una foto, o vacío")
    results_dir: str = RESULTS_DIR


class Comparison(Checked):
    """Parámetros del cuaderno 02."""

    results_dir: str = RESULTS_DIR
    baseline: Label = Field(description="la etiqueta o el identificador de un registro, o vacío")
    metric: Literal["images_per_second", "median_epoch", "cold_total"] = Field(
        description="images_per_second, median_epoch o cold_total"
    )


class Acceleration(Checked):
    """Parámetros del cuaderno 03."""

    quick: bool = Field(description="True o False")
    device: Device
    precision: Literal["float32", "mixed_bfloat16"] = Field(description="float32 o mixed_bfloat16")
    seed: Seed


class Distribution(Sized):
    """Parámetros del cuaderno 04."""

    workers: int = Field(ge=2, le=64, description="un número entero de 2 a 64")
    device: Device
    seed: Seed
    address: str = Field(
        pattern=r"^([\w.-]+:\d{1,5})?$", description="equipo:puerto de un clúster de Ray, o vacío"
    )
    storage: str = Field(pattern=r"^[^\x00]*$", description="la ruta de una carpeta, o vacío")
    machine_name: Label = MACHINE_NAME
    results_dir: str = RESULTS_DIR

    @model_validator(mode="after")
    def _every_worker_has_images(self) -> Self:
        if self.batch_size < 2 * self.workers:
            raise PydanticCustomError(
                "sentence",
                "batch_size={batch_size} no vale: con workers={workers} debe ser al menos "
                "{least}, para que todos tengan imágenes en cada paso.",
                {
                    "batch_size": self.batch_size,
                    "workers": self.workers,
                    "least": 2 * self.workers,
                },
            )
        return self
