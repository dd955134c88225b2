"""Lo que rodea a la lección: datos, entorno, reloj, registros y gráficos."""

import sys
from pathlib import Path

# nbformat importa jsonschema, y este, si la encuentra, una biblioteca que tarda más de un
# segundo en arrancar, solo para reconocer direcciones internacionales, que aquí nadie comprueba.
sys.modules.setdefault("rfc3987_syntax", None)

PROJECT_DIR = Path(__file__).resolve().parents[2]
"""Carpeta del proyecto: el paquete se instala siempre desde ella (`pip install -e .`)."""

NOTEBOOKS_DIR = PROJECT_DIR / "notebooks"
