"""Lo que mide la GPU en el navegador, en un Chromium cuya GPU es un programa que la imita."""

import gzip
import json
import shutil
import subprocess
import threading
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from http.server import ThreadingHTTPServer
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import compress

import numpy as np
import pytest
from conftest import BROWSER, CHROMIUM, ROOT, SCREENSHOTS, serious
from test_site import Quiet

from fashion_bench import lesson
from fashion_bench.compare import interval

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

BUILT = ROOT / "src" / "fashion_bench" / "browser"
DATA = ROOT / "src" / "fashion_bench" / "datasets" / "fashion-mnist"
MOST_BYTES = 400_000
"""Lo que puede pesar el programa, comprimido."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., "Page"]]:
    """Abre la página, y mira que no haya errores ni se pida nada fuera; da con qué se abre."""
    if not BROWSER:
        pytest.skip("hacen falta Chromium y Playwright")
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("gpu")
    shutil.copy(ROOT / "tests" / "gpu_page.html", folder / "index.html")
    for path in [BUILT / "gpu.js", *DATA.glob("t10k-*.gz")]:
        shutil.copy(path, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    asked, errors = list[str](), list[str]()
    gpu = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking", *gpu]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)

        def open_page(after: str = "", **context: Any) -> "Page":  # noqa: ANN401
            page = browser.new_context(**context).new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address + after)
            page.wait_for_function("window.gpu")
            return page

        yield open_page
        browser.close()
    server.shutdown()
    server.server_close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert errors == []


def measure(page: "Page") -> dict[str, Any]:
    """Pulsa «Medir», espera y devuelve lo medido."""
    page.get_by_role("button", name="Medir").click()
    page.get_by_text("Medido.", exact=True).wait_for(timeout=60_000)
    return page.evaluate("gpu.sessions()")[-1]


@pytest.fixture(scope="module")
def phone(opened: Callable[..., "Page"]) -> "Page":
    """La página en un teléfono, con el tema oscuro."""
    return opened(viewport={"width": 390, "height": 844}, color_scheme="dark")


@pytest.fixture(scope="module")
def result(phone: "Page") -> dict[str, Any]:
    return measure(phone)


def numbers(text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), np.float32).astype(float)


def test_both_train_the_same(result: dict[str, Any]) -> None:
    losses = result["losses"]
    assert len(losses["cpu"]) == 20 and losses["cpu"][-1] < losses["cpu"][0]
    np.testing.assert_allclose(losses["gpu"], losses["cpu"], rtol=1e-4)
    assert (result["why"], result["refused"], result["adapter"]["software"]) == (None, [], True)
    assert all(result["ladder"].values())
    assert [each["batch"] for each in result["training"]] == [4, 8]
    assert all(each["cpu"] and each["gpu"] for each in result["training"])


def test_it_is_the_network_of_notebook_01(phone: "Page") -> None:
    import tensorflow as tf

    base = lesson.load(backend="tensorflow", device="cpu")
    model = base.compile_model(base.build_model())
    optimizer = base.keras.optimizers.Adam(phone.evaluate("gpu.RATE"))
    start = np.concatenate([table.ravel() for table in model.get_weights()])
    losses, gradients = [], []
    for first in range(0, 320, 16):
        images, labels = (each[first : first + 16] for each in (base.test_images, base.test_labels))
        with tf.GradientTape() as tape:  # sin entrenar, Dropout no hace nada
            loss = model.loss(labels, model(images[..., None], training=False))
        gradients.append(tape.gradient(loss, [each.value for each in model.trainable_variables]))
        optimizer.apply(gradients[-1], model.trainable_variables)
        losses.append(float(loss))
    expected = np.concatenate([np.ravel(each) for each in gradients[0]])
    for device, steps in (("wasm", 20), ("webgpu", 3)):
        given = [device, b64encode(start.tobytes()).decode(), steps]
        seen, found = phone.evaluate("(given) => train(...given)", given)
        np.testing.assert_allclose(seen, losses[:steps], rtol=1e-4)
        assert np.abs(numbers(found) - expected).max() < 1e-4 * np.abs(expected).max()


def test_every_kernel_multiplies(phone: "Page") -> None:
    found = {name: numbers(values) for name, values in phone.evaluate("multiply()")}
    expected = (found.pop("a").reshape(-1, 288) @ found.pop("b").reshape(288, -1)).ravel()
    assert len(found) == 5
    for name, values in found.items():
        assert np.abs(values - expected).max() < 1e-5 * np.abs(expected).max(), name


def test_what_a_step_asks_is_what_the_model_says(phone: "Page") -> None:
    """Las peticiones y los bytes que la fórmula da por sabidos, contados al pasar."""
    [[orders, few], [_, many]] = phone.evaluate("count()")
    moved, work = (many - few) // 2, phone.evaluate("gpu.WORK")
    assert work == {"orders": orders, "bytes_moved": moved, "weight_bytes": few - 2 * moved} | {
        "operations": work["operations"]
    }
    assert phone.evaluate("gpu.weightCount()") == 421_642


def test_a_wrong_gpu_gives_no_times(opened: Callable[..., "Page"]) -> None:
    page = opened()
    page.evaluate(
        r"""spoil((code) => code.includes("tile_a") ? code.replace("k = 0u", "k = 1u")
        : code.replace(/\bexp\(/g, "exp2("))"""  # el softmax de la pérdida
    )
    result = measure(page)
    assert (result["why"], result["refused"]) == ("wrong", ["tiled", "batch 4"])
    assert result["gpu"] is result["ladder"]["tiled"] is result["ladder"]["engine"] is None
    assert [each["gpu"] for each in result["training"]] == [None, None]
    assert result["losses"]["batch"] == 4
    assert result["training"][0]["cpu"] > 0 and result["ladder"]["plain"] > 0
    for who in ("Shader con mosaicos", "La red, con lotes de 4"):
        page.get_by_text(f"{who}: no da lo mismo que la CPU").wait_for()
    page.screenshot(path=SCREENSHOTS / "gpu-mal.png", full_page=True)


def test_a_lost_gpu_is_told_and_the_cpu_goes_on(opened: Callable[..., "Page"]) -> None:
    page = opened()
    page.evaluate('spoil((code, gpu) => (code.includes("tile_a") && gpu.destroy(), code))')
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    result = measure(page)
    assert result["warnings"] == ["hidden"]
    page.get_by_text("La página ha estado escondida").wait_for()
    assert (result["why"], result["gpu"], result["training"][0]["gpu"]) == ("lost", None, None)
    assert result["cpu"] and result["ladder"]["plain"]
    page.get_by_text("El navegador ha perdido la GPU").wait_for()


def test_what_imitates_a_gpu_gives_no_times_and_it_can_be_stopped(
    opened: Callable[..., "Page"],
) -> None:
    page = opened("?sin")
    page.get_by_role("button", name="Medir").click()
    page.get_by_role("button", name="Parar", exact=True).click()
    page.get_by_text("Parado").wait_for(timeout=20_000)
    assert page.evaluate("gpu.sessions()") == []
    result = measure(page)
    assert (result["why"], result["gpu"]) == ("software", None)
    assert [name for name, speed in result["ladder"].items() if speed] == ["loops", "wasm"]
    page.get_by_role("button", name="Probar").click()
    page.get_by_text("Da lo mismo que los bucles").wait_for()
    assert page.get_by_text("Esto no es una GPU").count() == 2
    assert page.get_by_text("Va a").count() == 0


def test_a_notebook_gets_what_was_measured(opened: Callable[..., "Page"]) -> None:
    """Con un modelo de `anywidget` de mentira, donde no hay WebGPU."""
    assert opened().evaluate("render()") == ["Aviso", "missing", 2, None, 0]


def test_the_editor_says_what_is_wrong(phone: "Page") -> None:
    code, button = phone.locator("textarea"), phone.get_by_role("button", name="Probar")
    original = code.input_value()
    code.fill(original.replace("k = 0u", "k = 1u"))
    button.click()
    phone.get_by_text("Están mal").wait_for()
    assert phone.locator("rect.mal").count() > 50
    code.fill(original.replace("var total = 0.0", "var total = nada"))
    button.click()
    line = original[: original.index("var total")].count("\n") + 1
    phone.get_by_text(f"mira la línea {line}").wait_for()
    chosen = "(each) => each.value.slice(each.selectionStart, each.selectionEnd)"
    assert code.evaluate(chosen) == "  var total = nada;"
    phone.get_by_role("button", name="Volver al original").click()
    button.click()
    phone.get_by_text("Da lo mismo que los bucles").wait_for()


def packed(sessions: Any, **other: Any) -> str:  # noqa: ANN401
    """Lo que va en un enlace; un texto, tal cual."""
    record = {"kind": "navegador", "version": 1, "sessions": sessions} | other
    text = sessions if isinstance(sessions, str) else json.dumps(record)
    return "r=" + urlsafe_b64encode(compress(text.encode(), wbits=-15)).decode().rstrip("=")


BAD = {
    ("kind",): ["otro", 1], ("version",): [2, "1"], ("date",): ["ayer", 2026, "2026-11-30<b>"],
    ("session",): [-1, 1.5], ("engine",): ["jax-js <i>", ""], ("cores",): [0, 1e9, "8"],
    ("adapter", "vendor"): ["<img src=x onerror=alert(1)>", 7, "x" * 81, None],
    ("adapter",): [[], {"vendor": "a"}], ("ladder", "wasm"): [-1, 1e30, "9", True],
    ("ladder",): [{}, None], ("cpu",): [None], ("cpu", "flops"): [0],
    ("training",): [[], [{"batch": 1, "cpu": 1}], [{"batch": 8, "cpu": 1, "gpu": 1}] * 9],
    ("training", 0, "cpu"): [None, "1"], ("losses", "cpu"): [[], [1] * 101, ["a"]],
    ("why",): ["porque sí"], ("refused",): [["<script>"]], ("warnings",): ["hidden", ["otro"]],
    ("toString",): [1], ("__proto__",): [{"kind": "navegador"}],
}  # fmt: skip


def test_a_link_brings_what_was_measured_and_nothing_else(
    phone: "Page", result: dict[str, Any]
) -> None:
    decode = "(link) => gpu.decode(link).catch(() => null)"
    assert phone.evaluate(decode, packed([result])) == [result]
    assert phone.evaluate("async () => gpu.decode(await gpu.encode(gpu.sessions()))") == [result]
    hostile = ["", "r=", "r=????", "r=AAAA", "x=1", "r=" + "A" * 30_000, packed(""), packed("[]"),
               packed("null"), packed([]), packed([result] * 13), packed([result], other=1),
               packed([result])[:-9], packed(" " * 10_000_000)]  # fmt: skip
    for (*path, last), values in BAD.items():
        for value in values:
            place = copy = deepcopy(result)
            for each in path:
                place = place[each]
            place[last] = value
            hostile.append(packed([copy]))
    assert len(hostile) > 30
    assert [link for link in hostile if phone.evaluate(decode, link) is not None] == []


def test_two_computers_are_compared_by_their_sessions(
    opened: Callable[..., "Page"], result: dict[str, Any]
) -> None:
    def sessions(*speeds: float) -> list[dict[str, Any]]:
        return [
            result | {"session": number, "training": [{"batch": 64, "cpu": each, "gpu": 3 * each}]}
            for number, each in enumerate(speeds)
        ]

    page = opened("#" + packed(sessions(100)))
    page.get_by_text("Este aún no se ha medido").wait_for()
    page.evaluate("(all) => all.forEach((each) => gpu.remember(each))", sessions(50, 51))
    page.reload()
    page.get_by_text("todavía no hay veredicto").wait_for()
    page.evaluate("(link) => (location.hash = link)", packed(sessions(100, 101, 99)))
    page.get_by_role("row", name="GPU, lote de 64").get_by_text("más lento").wait_for()
    page.screenshot(path=SCREENSHOTS / "gpu-comparacion.png", full_page=True)
    page.evaluate("location.hash = 'r=roto'")
    page.get_by_text("Eso no lo ha guardado esta página").wait_for()
    for sides in ([[2.0, 2.1, 2.3], [1.0, 1.5]], [[3.0, 3.1], [3.0, 3.05, 2.9, 3.3]]):
        found = page.evaluate("(sides) => Object.values(gpu.quotient(...sides))", sides)
        np.testing.assert_allclose(found, interval.quotient(*sides)[:3], rtol=1e-3)


def test_on_a_phone_it_fits_and_nobody_is_left_out(phone: "Page", result: dict[str, Any]) -> None:
    if not find_spec("axe_playwright_python"):
        pytest.skip("hace falta axe-playwright-python, que trae axe-core")
    phone.screenshot(path=SCREENSHOTS / "gpu-movil-oscuro.png", full_page=True)
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    phone.evaluate(axe)
    assert serious(phone.evaluate("axe.run({resultTypes: ['violations']})")) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    small = """(all) => all.filter((each) => each.offsetParent && each.type !== "radio"
        && each.getBoundingClientRect().height < 44).map((each) => each.outerHTML)"""
    assert phone.locator("button, input, summary, .opcion").evaluate_all(small) == []


def test_the_bundle_is_what_its_source_gives(tmp_path: Path, registry: None) -> None:
    assert len(gzip.compress((BUILT / "gpu.js").read_bytes(), 9)) < MOST_BYTES
    assert "http" not in (ROOT / "browser" / "package-lock.json").read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("hacen falta Node y npm")
    source, built = tmp_path / "browser", tmp_path / "hecho"
    shutil.copytree(ROOT / "browser", source, ignore=shutil.ignore_patterns("node_modules"))
    built.mkdir()
    for command in (["ci", "--no-audit", "--no-fund"], ["run", "build", "--", str(built)]):
        subprocess.run([npm, *command], cwd=source, check=True, capture_output=True)
    for path in built.iterdir():
        assert path.read_bytes() == (BUILT / path.name).read_bytes(), path.name
