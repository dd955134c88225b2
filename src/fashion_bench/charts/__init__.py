"""Los gráficos, con Matplotlib: salen iguales lo configure como lo configure cada uno."""

import logging
import os

from fashion_bench.errors import TutorialError

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # sus avisos son de esa configuración
try:
    import matplotlib  # noqa: F401  (aquí, y no donde se use, para que falle con una explicación)
except ValueError:
    raise TutorialError(
        f"MPLBACKEND={os.environ.get('MPLBACKEND')!r} no es válido: Matplotlib no lo conoce, "
        "y sin Matplotlib no hay gráficos. Quita esa variable de entorno («unset MPLBACKEND» en "
        "Linux y macOS) y abre el cuaderno desde ahí."
    ) from None
