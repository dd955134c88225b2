"""Las líneas de órdenes, en español: click solo habla inglés."""

from typing import Any

import click

TITLES = {"Options": "Opciones", "Commands": "Órdenes"}


class _Formatter(click.HelpFormatter):
    def write_usage(self, prog: str, args: str = "", prefix: str | None = "Uso: ") -> None:
        super().write_usage(prog, args, prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(TITLES[heading])


class _Context(click.Context):
    formatter_class = _Formatter


class SpanishCommand(click.Command):
    """Orden de click con la ayuda en español, que se pide con `--help` o con `-h`."""

    context_class = _Context

    def __init__(self, name: str | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(name, add_help_option=False, options_metavar="[OPCIONES]", **options)
        click.help_option("-h", "--help", help="Muestra esta ayuda.")(self)


class Orders(SpanishCommand, click.Group):
    """Varias órdenes, cada una con su nombre; sin ninguno, se hace la primera."""

    command_class = SpanishCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Pone el nombre de la primera orden a lo que empieza por una de sus opciones."""
        own = {option for each in self.params for option in each.opts}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


version_option = click.version_option(
    package_name="fashion-bench", message="%(version)s", help="Muestra la versión."
)
"""Añade a una orden la opción `--version`."""


def in_spanish(error: click.UsageError) -> str:
    """Dice en una frase qué tiene de malo una orden y qué hacer."""
    similar = getattr(error, "possibilities", None)
    guess = f" (¿querías decir {similar[0]}?)" if similar else ""
    match error:
        case click.NoSuchCommand():
            problem = f"La orden {error.command_name} no existe{guess};"
        case click.NoSuchOption():
            problem = f"La opción {error.option_name} no existe{guess};"
        case click.BadOptionUsage():
            problem = f"A la opción {error.option_name} le falta su valor;"
        case click.MissingParameter(param=click.Parameter() as missing):
            problem = f"Falta {missing.human_readable_name};"
        case click.BadParameter(param=click.Option() as option):
            problem = f"La opción {option.opts[0]} no admite ese valor;"
        case _:
            problem = "En la orden sobra algo: cada valor va detrás de su opción;"
    return f"{problem} mira cómo se usa con --help."
