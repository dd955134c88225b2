"""El registro de cada ejecución: un fichero JSON que se puede copiar y compartir.

No guarda nada que identifique a una persona: ni el nombre de red del equipo, ni el del
usuario, ni ninguna ruta.
"""

import os
import secrets
import shutil
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from fashion_bench import NOTEBOOKS_DIR, data
from fashion_bench.environment import Accelerator, Facts, Machine, Software
from fashion_bench.errors import TutorialError
from fashion_bench.text import Label, Text, clean

SCHEMA_VERSION = 1
ACCURACY_FLOOR = 0.90
"""Exactitud en prueba por debajo de la cual un tiempo no cuenta."""

MAX_BYTES = 1_000_000
"""Un registro ocupa unos pocos kB; uno mucho mayor no es un registro."""

FREE_BYTES_NEEDED = 10_000_000

Seconds = Annotated[float, Field(gt=0, lt=1e7)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Code(Facts):
    """Con qué código se midió."""

    version: Text
    git_commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,40}(-dirty)?$")] | None
    notebook_sha256: Sha256
    """SHA-256 de las celdas de código del cuaderno, sin resultados."""


class Data(Facts):
    """Con qué imágenes se entrenó y se midió la exactitud."""

    sha256: Sha256
    training_images: int = Field(ge=1, le=60_000)
    validation_images: int = Field(ge=0, le=60_000)
    test_images: int = Field(ge=1, le=10_000)


class Network(Facts):
    """La red, descrita de forma que dos iguales den lo mismo en cualquier versión."""

    layers: list[Text] = Field(min_length=1, max_length=200)
    optimizer: Text
    weights: int = Field(ge=1, le=10**12)


class RunParameters(Facts):
    """Los parámetros que influyen en la medida."""

    epochs: int = Field(ge=1, le=1000)
    batch_size: int = Field(ge=1, le=60_000)
    train_samples: int = Field(ge=1, le=60_000)
    device: Literal["auto", "cpu", "gpu"]
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"]
    repeats: int = Field(ge=1, le=100)
    seed: int = Field(ge=0, lt=2**32)
    workers: int = Field(1, ge=1, le=1000)
    """Procesos que entrenan a la vez, cada uno con una parte de cada lote."""


class Repeat(Facts):
    """Un entrenamiento completo, o lo que dio tiempo a hacer de él."""

    seed: int = Field(ge=0, lt=2**32)
    setup_seconds: Seconds
    epoch_seconds: list[Seconds] = Field(min_length=1, max_length=1000)
    total_seconds: Seconds
    images_per_second: float = Field(gt=0, lt=1e12)
    """Imágenes de una época entre los segundos de la época mediana."""
    test_accuracy: Fraction | None
    test_loss: float | None = Field(ge=0, le=1e6)
    energy_joules: float | None = Field(ge=0, le=1e12)


class Agreement(Facts):
    """Si un paso de entrenamiento da en el acelerador lo mismo que en la CPU."""

    loss_difference: float | None = Field(ge=0)
    """Diferencia relativa; `None` si salió infinita o no numérica."""
    gradient_difference: float | None = Field(ge=0)
    tolerance: float = Field(gt=0)
    ok: bool


class Record(Facts):
    """Una ejecución del cuaderno 01."""

    schema_version: Literal[1]
    run_id: Annotated[str, Field(pattern=r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")]
    created_utc: AwareDatetime
    status: Literal["ok", "failed", "interrupted"]
    reason: Text | None
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
    accuracy_floor: Fraction
    floor_met: bool
    agreement: Agreement | None

    @model_validator(mode="before")
    @classmethod
    def _known_version(cls, value: Any) -> Any:  # noqa: ANN401
        version = value.get("schema_version") if isinstance(value, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise PydanticCustomError(
                "sentence",
                "usa el formato {version}, más nuevo que el de este proyecto ({known}): "
                "actualiza el proyecto",
                {"version": version, "known": SCHEMA_VERSION},
            )
        return value

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for repeat in self.repeats:
            total = sum(repeat.epoch_seconds)
            speed = self.data.training_images / median(repeat.epoch_seconds)
            if (
                abs(repeat.total_seconds / total - 1) > 1e-3
                or abs(repeat.images_per_second / speed - 1) > 1e-3
            ):
                raise PydanticCustomError("sentence", "sus tiempos no cuadran entre sí")
        if self.status == "ok" and len(self.repeats) != self.parameters.repeats:
            raise PydanticCustomError("sentence", "le faltan repeticiones")
        if self.floor_met != floor_met(self.repeats, self.accuracy_floor):
            raise PydanticCustomError("sentence", "floor_met no concuerda con la exactitud")
        return self

    @property
    def median_epoch_seconds(self) -> float:
        """Mediana, en segundos, de todas las épocas de todas las repeticiones."""
        return median(second for repeat in self.repeats for second in repeat.epoch_seconds)

    @property
    def device(self) -> str:
        """En qué se entrenó: «GPU» o «CPU»."""
        return "GPU" if self.accelerator else "CPU"

    @property
    def name(self) -> str:
        """Cómo se llama en tablas y gráficos: equipo, dispositivo y lo que no sea lo normal."""
        backend, workers = self.software.backend, self.parameters.workers
        unusual = [] if backend == "tensorflow" else [backend]
        if workers > 1:
            unusual.append(f"{workers} procesos")
        return " · ".join([self.label, self.device, *unusual])

    @property
    def setting(self) -> tuple:
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
        if self.status != "ok":
            return "ejecución incompleta"
        if self.agreement and not self.agreement.ok:
            return "no calcula lo mismo que la CPU"
        if not self.floor_met:
            return f"exactitud por debajo de {self.accuracy_floor:.2f}"
        return None


class Rejected(NamedTuple):
    """Un fichero que no se ha podido leer como registro y por qué."""

    name: str
    reason: str


def prepare_folder(folder: str, parameter: str = "results_dir") -> Path:
    """Deja lista una carpeta y comprueba que se puede escribir en ella.

    Args:
        folder: ruta; si es relativa, se cuenta desde la carpeta `notebooks/`.
        parameter: el parámetro que la da, para los errores.

    Raises:
        TutorialError: si no existe ni ella ni la carpeta que la contiene, si es un fichero,
            si no se puede escribir en ella o si el disco está lleno.
    """
    path = _absolute(folder)
    blame = f"{parameter}={folder!r} no vale"
    try:
        path.mkdir(exist_ok=True)
        write_atomically(path / f".{secrets.token_hex(8)}", " " * 10_000).unlink()
        free = shutil.disk_usage(path).free
    except FileNotFoundError:
        raise TutorialError(
            f"{blame}: la carpeta {path.parent} no existe; créala o elige otra."
        ) from None
    except (FileExistsError, NotADirectoryError):
        raise TutorialError(
            f"{blame}: {path} no es una carpeta, sino un fichero; elige otra ruta."
        ) from None
    except OSError as error:
        raise TutorialError(
            f"{blame}: no se puede escribir en {path} ({error.strerror}); "
            "libera espacio, cambia los permisos o elige otra carpeta."
        ) from None
    if free < FREE_BYTES_NEEDED:
        raise TutorialError(
            f"{blame}: en el disco de {path} quedan {free / 1e6:.1f} MB y hacen falta "
            f"{FREE_BYTES_NEEDED / 1e6:.0f}; libera espacio o elige otra carpeta."
        )
    return path


def find_folder(results_dir: str) -> Path:
    """Devuelve la carpeta de la que leer registros.

    Raises:
        TutorialError: si no existe o no es una carpeta.
    """
    folder = _absolute(results_dir)
    if not folder.is_dir():
        raise TutorialError(
            f"results_dir={results_dir!r} no vale: {folder} no existe o no es una carpeta; "
            "escribe la ruta de la carpeta que tiene los registros."
        )
    return folder


def _absolute(results_dir: str) -> Path:
    return (NOTEBOOKS_DIR / Path(results_dir).expanduser()).resolve()


def describe_data(training_images: int, validation_images: int) -> Data:
    """Describe las imágenes con las que se entrena, se valida y se mide la exactitud."""
    return Data(
        sha256=data.fingerprint(),
        training_images=training_images,
        validation_images=validation_images,
        test_images=data.TEST_IMAGES,
    )


def load_folder(folder: Path) -> tuple[list[Record], list[Rejected]]:
    """Lee todos los registros de una carpeta, propios o ajenos.

    Returns:
        Los registros, del más antiguo al más reciente, y los ficheros rechazados, con la
        razón. Un fichero dañado nunca impide leer los demás.
    """
    loaded, rejected = [], []
    for path in sorted(folder.glob("*.json")):
        if path.name == "schema.json":
            continue
        try:
            loaded.append(load_file(path))
        except TutorialError as error:
            rejected.append(Rejected(clean(path.name), str(error)))
    return sorted(loaded, key=lambda record: record.created_utc), rejected


def load_file(path: Path) -> Record:
    """Lee y comprueba un registro, que puede venir de cualquiera.

    Raises:
        TutorialError: con la razón por la que no vale.
    """
    try:
        if not path.is_file():
            raise TutorialError("no es un fichero")
        if path.stat().st_size > MAX_BYTES:
            raise TutorialError(f"ocupa más de {MAX_BYTES // 1000} kB: no es un registro")
        return Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise TutorialError(_first_problem(error)) from None
    except OSError as error:
        raise TutorialError(f"no se puede leer ({error.strerror})") from None


def write_atomically(path: Path, text: str) -> Path:
    """Escribe un fichero entero o no lo escribe: nunca deja uno a medias.

    Raises:
        OSError: si no se puede escribir; entonces, si `path` existía, sigue como estaba.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def floor_met(repeats: list[Repeat], floor: float) -> bool:
    """Dice si todas las repeticiones, y al menos una, llegan al mínimo de exactitud."""
    return bool(repeats) and all((repeat.test_accuracy or 0) >= floor for repeat in repeats)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    field = clean(".".join(map(str, problem["loc"])))
    match problem["type"]:
        case "sentence":
            return problem["msg"]
        case "json_invalid":
            return "no es JSON válido"
        case "missing":
            return f"le falta el campo {field}"
        case "extra_forbidden":
            return f"tiene un campo desconocido, {field}"
        case _:
            value = clean(repr(problem["input"]))[:40]
            return f"el campo {field} tiene un valor que no vale, {value}"
