"""JupyterLab en español y sin preguntas al arrancar, cuando se lanza desde esta carpeta."""

from pathlib import Path

c = get_config()  # noqa: F821  (Jupyter la define al leer este fichero)
c.LabApp.app_settings_dir = str(Path(__file__).resolve().parent / "jupyter")
