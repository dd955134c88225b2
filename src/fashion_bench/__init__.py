"""Lo que rodea a la lección: datos, entorno, reloj, registros y gráficos."""

from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]
"""Carpeta del proyecto: el paquete se instala siempre desde ella (`pip install -e .`)."""

NOTEBOOKS_DIR = PROJECT_DIR / "notebooks"
