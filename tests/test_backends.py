"""Los tres motores: qué se sabe de cada uno y si los tres entrenan igual.

Lo segundo, cada motor en su proceso; los que no están instalados se saltan.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import keras
import nbformat
import pytest
from conftest import NOTEBOOK, NOTEBOOKS, ROOT, RTX, SOLUTIONS, child_environment
from papermill import execute_notebook

from fashion_bench.compare.files import load_folder
from fashion_bench.errors import TutorialError
from fashion_bench.machine import backends, engines
from fashion_bench.record import Accelerator

BACKENDS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            find_spec(name) is None, reason=f"{title} no está instalado: requirements-{name}.txt"
        ),
    )
    for name, title in backends.TITLES.items()
]

WITH_ANY = [path for path in (*NOTEBOOKS, *SOLUTIONS) if path.stem[:2] in ("01", "02", "04", "06")]
"""Los cuadernos y las soluciones que calculan con cualquier motor."""

FIRST_STEP = """
import json, sys
from fashion_bench import lesson
names = lesson.load(
    "parameters", "importar", "datos", "repartir", "lotes", "red", "compilar",
    backend=sys.argv[1], device="cpu", train_samples=1000,
)
import numpy as np
from fashion_bench.machine import correctness
from fashion_bench.measure import clock
model = names.compile_model(names.build_model())
generator = np.random.default_rng(0)
model.set_weights([generator.normal(0, 0.05, w.shape) for w in model.get_weights()])
images, labels = names.train_images[:128, ..., None], names.train_labels[:128]
first = correctness.training_steps(model, images, labels, "cpu", "float32")[0]
names.keras.utils.set_random_seed(1)
data = names.make_dataset(names.train_images, names.train_labels, 7)
order = [int(label) for _, batch in data for label in batch]
fit = lambda model: model.fit(data, epochs=2, verbose=0, shuffle=False).history["loss"]
results = []
for warm_ups in (1, 2):
    names.keras.utils.set_random_seed(1)
    other = names.compile_model(names.build_model())
    data = names.make_dataset(names.train_images, names.train_labels, 7)
    for _ in range(warm_ups):
        few = names.make_dataset(names.train_images[:132], names.train_labels[:132])
        clock.warm_up(other, few)
    results.append(fit(other))
from fashion_bench.experiments import orders
from fashion_bench.machine import profiling
costs = profiling.layer_costs(model, images, calls=3)
print(json.dumps({
    "orders": orders.count_orders(model), "backward": [cost.backward_seconds for cost in costs],
    "bytes": [cost.bytes_moved for cost in costs], "with_tensorflow": orders.with_tensorflow(model),
    "loss": float(first.loss[0]), "norms": [float(np.linalg.norm(g)) for g in first.gradients],
    "order": order, "one": results[0], "two": results[1],
}))
"""


@cache
def first_step(backend: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEP, backend],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(),
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_step_and_the_order_of_the_data_agree(backend: str) -> None:
    reference, other = first_step("tensorflow"), first_step(backend)
    assert other["loss"] == pytest.approx(reference["loss"], abs=1e-4)
    assert other["norms"] == pytest.approx(reference["norms"], rel=1e-3)
    assert other["order"] == reference["order"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_engine_tells_where_its_step_goes(backend: str) -> None:
    reference, other = first_step("tensorflow"), first_step(backend)
    assert other["bytes"] == reference["bytes"]
    assert other["backward"][0] == 0 < sum(other["backward"])  # la primera no aprende nada
    counted, usual = other["orders"], reference["orders"]
    kept = counted["la red"] + counted["Adam"]
    assert counted["sin optimizar"] > kept or backend == "torch"
    assert kept < usual["la red"] + usual["Adam"] or backend == "tensorflow"
    assert other["with_tensorflow"] == usual["la red"] + usual["Adam"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_second_warm_up_changes_nothing(backend: str) -> None:
    # Con PyTorch y JAX no se puede comparar con ninguno: Keras gasta un número al azar la
    # primera vez que entrena, al construir la red de forma simbólica.
    result = first_step(backend)
    assert result["two"] == pytest.approx(result["one"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("path", WITH_ANY, ids=lambda path: f"{path.parent.name}-{path.stem[:2]}")
@pytest.mark.parametrize("backend", BACKENDS[1:])  # con TensorFlow, en otros archivos
def test_the_notebook_runs_on_it(
    backend: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in child_environment().items():
        monkeypatch.setenv(name, value)
    chosen = {"backend": backend, "quick": True}
    if path == NOTEBOOK:
        few = {"epochs": 1, "train_samples": 1000, "device": "cpu", "results_dir": str(tmp_path)}
        chosen = {"backend": backend} | few
    execute_notebook(path, tmp_path / path.name, chosen, cwd=path.parent, progress_bar=False)
    cells = nbformat.read(tmp_path / path.name, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    if path == NOTEBOOK:
        [record], rejected = load_folder(tmp_path)
        assert (rejected, record.status, record.software.backend) == ([], "ok", backend)
        assert getattr(record.software, backend)
        assert record.name.endswith(f" · CPU · {backend}")


# --- Elegir el motor ---


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Unas variables de entorno de mentira, con Keras aún sin importar y todo instalado."""
    variables: dict[str, str] = {}
    monkeypatch.setattr(backends, "os", SimpleNamespace(environ=variables))
    monkeypatch.setattr(backends, "find_spec", lambda name: True)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.delitem(sys.modules, "keras")
    return variables


def start_keras(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started = SimpleNamespace(backend=SimpleNamespace(backend=lambda: backend))
    monkeypatch.setitem(sys.modules, "keras", started)


@pytest.mark.parametrize("backend", backends.TITLES)
def test_a_backend_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(TutorialError, match=f"falta {backends.TITLES[backend]}; ") as error:
        backends.prepare(backend, "auto")
    [lock] = re.findall(r"-r (\S+\.txt)", str(error.value))
    assert (ROOT / lock).exists()


@pytest.mark.parametrize(
    ("backend", "hidden"),
    [
        ("tensorflow", {}),
        ("torch", {"KERAS_TORCH_DEVICE": "cpu"}),
        ("jax", {"JAX_PLATFORMS": "cpu"}),
    ],
)
def test_the_chosen_device_overrules_the_environment(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    hidden: dict[str, str],
) -> None:
    for device, expected in (("cpu", hidden), ("auto", {}), ("cpu", hidden), ("gpu", {})):
        monkeypatch.delitem(sys.modules, "keras", raising=False)
        backends.prepare(backend, device)
        assert environ == expected
        assert os.environ["KERAS_BACKEND"] == backend


CARDS = {"RTX 3060": [RTX], "RTX 5090": [RTX.model_copy(update={"compute_capability": "12.0"})]}
CUDA_LIBRARIES = {"tensorflow": "2.21.0", backends.CUDNN: "9.10.2"}


@pytest.mark.parametrize(
    ("system", "torch", "card", "libraries", "expected"),
    [
        ("Linux", None, "RTX 3060", CUDA_LIBRARIES, "tensorflow"),
        ("Linux", "2.10.0", "RTX 3060", CUDA_LIBRARIES, "tensorflow"),
        ("Linux", "2.10.0", "RTX 5090", CUDA_LIBRARIES, "torch"),
        ("Linux", "2.10.0", "RTX 3060", {}, "torch"),  # TensorFlow es el de la CPU
        ("Linux", "2.10.0", None, {}, "tensorflow"),
        ("Linux ARM", "2.15.0", "RTX 3060", CUDA_LIBRARIES, "torch"),
        ("Linux", "2.13.0+cpu", "RTX 5090", {}, "tensorflow"),
        ("Linux", "2.10.0+rocm6.4", None, {}, "torch"),
        ("Windows", "2.10.0+cu126", "RTX 3060", {"tensorflow": "2.21.0"}, "torch"),
        ("Windows", "2.10.0+cu126", None, {}, "tensorflow"),
        ("Windows", "2.10.0", "RTX 3060", {}, "tensorflow"),  # el del registro es solo de CPU
        ("Windows", "2.10.0+xpu", None, {}, "torch"),
        ("Darwin", "2.13.0", None, {}, "torch"),
        ("Darwin", None, None, {}, "tensorflow"),
    ],
)
def test_auto_is_the_engine_that_reaches_the_gpu(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    torch: str | None,
    card: str | None,
    libraries: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.setattr(backends.platform, "system", lambda: system.split()[0])
    machine = "aarch64" if "ARM" in system else "x86_64"
    monkeypatch.setattr(backends.platform, "machine", lambda: machine)
    monkeypatch.setattr(backends, "_installed", ({"torch": torch} | libraries).get)
    monkeypatch.setattr(backends, "ask_nvidia", lambda: (CARDS.get(card, []), None))
    assert backends.choose("auto")[0] == expected
    assert backends.choose("cpu")[0] == "tensorflow"


def test_auto_does_not_change_the_engine_that_is_running(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "choose", lambda device: ("torch", ""))
    assert backends.resolve("auto", "auto") == backends.prepare("auto", "auto") == "torch"
    start_keras("jax", monkeypatch)
    assert backends.resolve("auto", "auto") == "jax"
    assert backends.resolve("tensorflow", "auto") == "tensorflow"


def test_changing_the_backend_too_late(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_keras("tensorflow", monkeypatch)
    with pytest.raises(TutorialError, match="Keras ya está en marcha con otro motor"):
        backends.prepare("jax", "auto")
    assert environ == {}


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize(("before", "after"), [("auto", "cpu"), ("cpu", "auto"), ("cpu", "gpu")])
def test_changing_the_device_too_late(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    before: str,
    after: str,
) -> None:
    backends.prepare(backend, before)
    start_keras(backend, monkeypatch)
    chosen = dict(environ)
    backends.prepare(backend, before)  # repetir la celda sin cambiar nada no es un error
    with pytest.raises(TutorialError, match="en otro dispositivo: reinicia el kernel"):
        backends.prepare(backend, after)
    assert environ == chosen


# --- Qué GPU es ---


Place = Callable[[object], None]
BARE = {
    "memory_gib": None,
    "driver": None,
    "compute_capability": None,
    "power_limit_w": None,
    "mig": None,
}


@dataclass(frozen=True)
class Device:
    """Un dispositivo de PyTorch."""

    type: str
    index: int | None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


class JaxDevice(NamedTuple):
    """Un dispositivo de JAX."""

    platform: str
    device_kind: str


CPU, CUDA = Device("cpu", None), Device("cuda", 0)


class FakeTorch:
    """Un PyTorch con dos GPU: sabe sus nombres y guarda su azar."""

    __version__ = "2.6.0"
    version = SimpleNamespace(cuda="12.4")
    backends = SimpleNamespace(cudnn=SimpleNamespace(version=lambda: 90100, allow_tf32=True))
    cuda = SimpleNamespace(get_device_name=lambda device: ["RTX 4090", RTX.name][1 - device.index])
    xpu = SimpleNamespace(get_device_name=lambda device: "Intel Arc B580")

    def __init__(self) -> None:
        self.state = {"cpu": 0, "cuda:0": 0, "cuda:1": 0, "mps:0": 0}
        self.random = SimpleNamespace(fork_rng=self.fork_rng)

    @contextmanager
    def fork_rng(self, devices: list[int], device_type: str = "cuda") -> Iterator[None]:
        kept = {
            name: self.state[name] for name in ("cpu", *(f"{device_type}:{i}" for i in devices))
        }
        yield
        self.state |= kept


class FakeTensor:
    """Un tensor de cualquiera de los tres motores: dice dónde está."""

    def __init__(self, device: object) -> None:
        self.device = device

    def devices(self) -> set[object]:
        return {self.device}


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> FakeTorch:
    fake = FakeTorch()
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    return fake


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """Dice en qué dispositivo crea Keras los tensores."""
    return lambda device: monkeypatch.setattr(keras.ops, "zeros", lambda shape: FakeTensor(device))


@pytest.fixture(autouse=True)
def nvidia(monkeypatch: pytest.MonkeyPatch) -> None:
    """La GPU que conoce el controlador."""
    monkeypatch.setattr(backends, "find_accelerator", {RTX.name: RTX}.get)


def model_on(device: object) -> SimpleNamespace:
    """Un modelo con los pesos en ese dispositivo."""
    return SimpleNamespace(trainable_variables=[SimpleNamespace(value=FakeTensor(device))])


@pytest.mark.parametrize(
    ("device", "name", "called"),
    [
        (CPU, None, "cpu"),
        (CUDA, RTX.name, "cuda:0"),
        (Device("cuda", 1), "RTX 4090", "cuda:1"),
        (Device("mps", 0), "GPU de Apple (MPS)", "mps:0"),
        (Device("xpu", 0), "Intel Arc B580", "xpu:0"),
    ],
)
def test_torch_trains_where_keras_puts_its_tensors(
    torch: FakeTorch, place: Place, device: Device, name: str | None, called: str
) -> None:
    place(device)
    assert backends.gpu_name("torch") == name
    assert backends.gpu_device("torch") == called


@pytest.mark.parametrize(
    ("platform", "name"), [("cpu", None), ("gpu", RTX.name), ("cuda", RTX.name)]
)
def test_jax_trains_where_keras_puts_its_tensors(
    monkeypatch: pytest.MonkeyPatch, place: Place, platform: str, name: str | None
) -> None:
    device = JaxDevice(platform, RTX.name)
    place(device)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert backends.gpu_name("jax") == name
    assert backends.gpu_device("jax") == backends.gpu_device("tensorflow") == "gpu:0"
    assert backends.accelerator_of(model_on(device)) == (RTX if name else None)


def test_a_gpu_is_described_with_what_its_driver_says(torch: FakeTorch, place: Place) -> None:
    place(CUDA)
    assert backends.accelerator("torch") == RTX
    place(Device("mps", 0))
    assert backends.accelerator("torch") == Accelerator(name="GPU de Apple (MPS)", **BARE)
    place(CPU)
    assert backends.accelerator("torch") is None


def test_the_accelerator_is_the_one_that_has_the_weights(
    torch: FakeTorch, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Keras ya estaba en marcha en la GPU cuando alguien pidió la CPU, o al revés.
    monkeypatch.setenv("KERAS_TORCH_DEVICE", "cpu")
    place(CPU)
    assert backends.accelerator_of(model_on(CUDA)) == RTX
    place(CUDA)
    assert backends.accelerator_of(model_on(CPU)) is None


@pytest.mark.parametrize(("device", "expected"), [("GPU:0", RTX), ("CPU:0", None)])
def test_the_weights_of_tensorflow_say_where_they_are(
    monkeypatch: pytest.MonkeyPatch, device: str, expected: Accelerator | None
) -> None:
    import tensorflow as tf

    details = {"device_name": RTX.name, "compute_capability": (8, 6)}
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    model = model_on(f"/job:localhost/replica:0/task:0/device:{device}")
    assert backends.accelerator_of(model) == expected
    assert backends.accelerator("tensorflow") == RTX


def test_a_model_on_this_cpu_has_no_accelerator() -> None:
    with keras.device("cpu"):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert backends.accelerator_of(model) is None


# --- Lo demás ---


def test_the_versions_of_the_backend_are_told(
    torch: FakeTorch, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(CPU)
    told = backends.software()
    assert (told.backend, told.torch, told.cuda, told.cudnn) == ("torch", "2.6.0", "12.4", "9.1.0")
    monkeypatch.setattr(torch, "version", SimpleNamespace(cuda=None), raising=False)
    assert (backends.software().cuda, backends.software().cudnn) == (None, None)
    place(JaxDevice("cpu", "cpu"))
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(__version__="0.10.2"))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    told = backends.software()
    assert (told.backend, told.torch, told.jax, told.cuda) == ("jax", None, "0.10.2", None)


def test_tensorflow_says_what_it_was_built_with(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    build = {"cuda_version": "12.5.1", "cudnn_version": "9"}
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: build)
    told = backends.software()
    assert (told.tensorflow, told.keras) == (tf.__version__, keras.__version__)
    assert (told.backend, told.torch, told.cuda, told.cudnn) == ("tensorflow", None, "12.5.1", "9")


@pytest.mark.parametrize(
    ("processor", "variable", "expected"),
    [
        *(("x86_64", None, True), ("AMD64", "1", True), ("x86_64", "0", False)),
        *(("arm64", "0", None), ("x86_64", "false", False), ("x86_64", "FALSE", False)),  # V3
        *(("x86_64", "off", True), ("x86_64", "", True), ("x86_64", "True", True)),
    ],
)
def test_whether_tensorflow_uses_onednn(
    monkeypatch: pytest.MonkeyPatch, processor: str, variable: str | None, expected: bool | None
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if variable is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", variable)
    assert backends.software().onednn is expected
    monkeypatch.delitem(sys.modules, "tensorflow")
    engines.prepare_import()  # lo que TensorFlow no entiende, se le dice de otro modo
    told = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower()
    assert expected is None or (told in ("1", "true")) is expected


@pytest.mark.parametrize(
    ("backend", "capability", "allowed", "override", "expected"),
    [
        ("torch", "8.0", True, None, True),
        ("torch", "8.6", False, None, False),
        ("torch", "7.5", True, None, False),
        ("torch", "8.6", True, "0", False),
        ("torch", None, True, None, None),
        ("tensorflow", "12.0", True, "1", True),
        ("tensorflow", "8.6", False, None, False),
        ("jax", "8.6", True, None, True),
        ("jax", "7.0", True, None, False),
    ],
)
def test_whether_a_gpu_multiplies_with_fewer_bits(
    torch: FakeTorch,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    capability: str | None,
    allowed: bool,
    override: str | None,
    expected: bool | None,
) -> None:
    import tensorflow as tf

    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(__version__="0.10.2"))
    place({"torch": CUDA, "jax": JaxDevice("cuda", RTX.name), "tensorflow": None}[backend])
    monkeypatch.setattr(backends, "_tensorflow_gpu", lambda: RTX.name)
    card = RTX.model_copy(update={"compute_capability": capability})
    monkeypatch.setattr(backends, "find_accelerator", {card.name: card}.get)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)
    monkeypatch.setattr(
        tf.config.experimental, "tensor_float_32_execution_enabled", lambda: allowed
    )
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    if override is not None:
        monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", override)
    assert backends.software().tf32 is expected


def test_the_cpu_has_no_such_precision(torch: FakeTorch, place: Place) -> None:
    place(CPU)
    assert (backends.software().tf32, backends.software().onednn) == (None, None)


@pytest.mark.parametrize(
    ("device", "touched"),
    [(CPU, {"cpu"}), (CUDA, {"cpu", "cuda:0"}), (Device("mps", 0), {"cpu", "mps:0"})],
)
def test_the_chance_of_torch_is_kept_only_where_it_trains(
    torch: FakeTorch, place: Place, device: Device, touched: set[str]
) -> None:
    place(device)
    with backends.keep_random_state("torch"):
        torch.state = dict.fromkeys(torch.state, 1)
    assert {name for name, state in torch.state.items() if state == 0} == touched


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_chance_of_the_others_is_in_their_variables(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # importarlo sería un error
    with backends.keep_random_state(backend):
        pass


def error_named(*names: str, message: str = "", base: type[Exception] = RuntimeError) -> Exception:
    kind = base
    for name in names:
        kind = type(name, (kind,), {})
    return kind(message)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (error_named("ResourceExhaustedError", base=Exception), True),
        (error_named("OutOfMemoryError", "Hija"), True),
        (error_named("XlaRuntimeError", message="RESOURCE_EXHAUSTED: Out of memory"), True),
        (error_named("AcceleratorError", message="CUDA error: out of memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate"), True),
        (RuntimeError("otra cosa"), False),
        (error_named("JaxRuntimeError", message="INTERNAL: CUDA_ERROR_ILLEGAL_ADDRESS"), False),
        (ValueError("RESOURCE_EXHAUSTED"), False),
    ],
    ids=repr,
)
def test_every_backend_has_its_out_of_memory_error(error: Exception, expected: bool) -> None:
    assert backends.is_out_of_memory(error) is expected


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX no está instalado: requirements-jax.txt")
def test_the_out_of_memory_error_of_the_jax_installed() -> None:
    import jax

    told = "RESOURCE_EXHAUSTED: Out of memory allocating 40000000000000 bytes."
    assert backends.is_out_of_memory(jax.errors.JaxRuntimeError(told))
