"""Los tres motores, cada uno en su proceso; los que no están instalados se saltan."""

import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import NOTEBOOK, ROOT, child_environment

from fashion_bench import backends, records
from fashion_bench.errors import TutorialError

BACKENDS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            find_spec(name) is None, reason=f"{title} no está instalado: requirements-{name}.txt"
        ),
    )
    for name, title in backends.TITLES.items()
]

FIRST_STEP = """
import json, sys
from fashion_bench import lesson
names = lesson.load(
    "parameters", "importar", "datos", "repartir", "lotes", "red", "compilar",
    backend=sys.argv[1], device="cpu", train_samples=1000,
)
import numpy as np
from fashion_bench import correctness, timing
model = names.compile_model(names.build_model())
generator = np.random.default_rng(0)
model.set_weights([generator.normal(0, 0.05, w.shape) for w in model.get_weights()])
images, labels = names.train_images[:128, ..., None], names.train_labels[:128]
loss, gradients = correctness.training_step(model, images, labels, "cpu", "float32")
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
        timing.warm_up(other, few)
    results.append(fit(other))
print(json.dumps({
    "loss": loss, "norms": [float(np.linalg.norm(g)) for g in gradients], "order": order,
    "one": results[0], "two": results[1],
}))
"""


@cache
def first_step(backend: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEP, backend],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", env=child_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_step_and_the_order_of_the_data_agree(backend: str) -> None:
    reference, other = first_step("tensorflow"), first_step(backend)
    assert other["loss"] == pytest.approx(reference["loss"], abs=1e-4)
    assert other["norms"] == pytest.approx(reference["norms"], rel=1e-3)
    assert other["order"] == reference["order"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_second_warm_up_changes_nothing(backend: str) -> None:
    # Con PyTorch y JAX no se puede comparar con ninguno: Keras gasta un número al azar la
    # primera vez que entrena, al construir la red de forma simbólica.
    result = first_step(backend)
    assert result["two"] == pytest.approx(result["one"], rel=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_notebook_runs_on_it(backend: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "papermill", NOTEBOOK, tmp_path / "01.ipynb", "-p", "epochs", "1",
         "-p", "train_samples", "1000", "-p", "device", "cpu", "-p", "backend", backend,
         "-p", "results_dir", str(tmp_path), "--no-progress-bar"],
        cwd=ROOT, check=True, env=child_environment(),
    )  # fmt: skip
    [record], rejected = records.load_folder(tmp_path)
    assert rejected == []
    assert record.status == "ok"
    assert record.software.backend == backend
    assert getattr(record.software, backend)
    assert record.name.endswith("CPU" if backend == "tensorflow" else f"CPU · {backend}")


def test_a_backend_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(TutorialError, match=r"falta PyTorch; .* requirements-torch\.txt"):
        backends.prepare("torch", "auto")


def test_changing_the_backend_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: True)
    with pytest.raises(TutorialError, match="Keras ya está en marcha con otro motor"):
        backends.prepare("jax", "auto")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("ResourceExhaustedError", (Exception,), {})(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
        type("XlaRuntimeError", (RuntimeError,), {})("RESOURCE_EXHAUSTED: Out of memory"),
    ],
)
def test_every_backend_has_its_out_of_memory_error(error: Exception) -> None:
    assert backends.is_out_of_memory(error)
    assert not backends.is_out_of_memory(RuntimeError("otra cosa"))
