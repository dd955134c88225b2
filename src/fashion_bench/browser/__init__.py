"""La GPU del equipo desde el que se mira un cuaderno, medida en su propio navegador.

Es la otra puerta del programa de la página «Mide tu GPU en esta página»: está en `browser/`.
"""

from pathlib import Path

import anywidget
import numpy as np
import traitlets

from fashion_bench.experiments.prediction import Device, Work

REMOTE = (
    "Se mide la GPU del equipo que tienes delante, donde está tu navegador. Si el cuaderno se "
    "ejecuta en otro (Colab, un servidor), no es la suya."
)

RUNGS = {"loops": "JavaScript", "wasm": "WASM", "tiled": "shader", "engine": "GPU"}
PLACES = {"cpu": "CPU (navegador)", "gpu": "GPU (navegador)"}


class BrowserGpu(anywidget.AnyWidget):
    """Un botón que mide, en el navegador de quien lee, la CPU y la GPU de su equipo.

    Attributes:
        found: lo medido, con la forma de `Result`, en `browser/src/share.js`; vacío, si nada.
    """

    _esm = Path(__file__).with_name("gpu.js")
    images = traitlets.Bytes().tag(sync=True)
    labels = traitlets.Bytes().tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)
    batches = traitlets.List(traitlets.Int(), [16, 64, 256, 1024]).tag(sync=True)
    note = traitlets.Unicode(REMOTE).tag(sync=True)
    allow_software = traitlets.Bool(False).tag(sync=True)
    found = traitlets.Dict().tag(sync=True)

    def __init__(self, images: np.ndarray, labels: np.ndarray, **options: object) -> None:
        """Toma las imágenes `(n, 28, 28)` y las etiquetas `(n,)`, las dos `uint8`."""
        super().__init__(images=images.tobytes(), labels=labels.tobytes(), **options)

    @property
    def rungs(self) -> dict[str, float]:
        """Operaciones por segundo de cada peldaño medido."""
        found = self.found.get("ladder", {})
        return {f"Navegador, {name}": found[key] for key, name in RUNGS.items() if found.get(key)}

    @property
    def devices(self) -> dict[str, Device]:
        """Los dispositivos medidos, con sus números para la fórmula."""
        found = {name: self.found.get(key) for key, name in PLACES.items()}
        return {name: Device(name, **numbers) for name, numbers in found.items() if numbers}

    @property
    def work(self) -> Work:
        """Lo que pide allí un paso de la red del curso."""
        return Work(**self.found["work"])

    @property
    def steps(self) -> dict[str, dict[int, float]]:
        """Segundos medidos de un paso, según el dispositivo y el lote."""
        rows = self.found.get("training", [])
        return {
            name: {row["batch"]: row["batch"] / row[key] for row in rows if row[key]}
            for key, name in PLACES.items()
        }
