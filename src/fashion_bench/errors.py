"""El único tipo de error que una persona debe leer."""


class TutorialError(Exception):
    """Fallo que la persona puede arreglar.

    Su texto es una frase en español: qué pasa, por qué y qué hacer.
    """

    def _render_traceback_(self) -> list[str]:
        """Líneas que IPython muestra en lugar de la traza: solo la frase, en rojo."""
        return [f"\x1b[31m{self}\x1b[0m"]
