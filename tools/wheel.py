"""Añade al paquete suelto, y no al que se instala desde su carpeta, el TensorFlow que necesita."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelHook(BuildHookInterface):
    """El paso de la construcción que `pyproject.toml` pide."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Anota lo que pide `needs`; `version` es «editable» con `pip install -e .`."""
        if version == "standard":
            build_data["dependencies"] += self.config["needs"]
