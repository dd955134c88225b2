"""Las líneas de órdenes, en español: click solo habla inglés."""

from collections.abc import Callable, Iterable
from typing import Any

import click


class SpanishCommand(click.Command):
    """Orden de click con la ayuda en español, que se pide con `--help` o con `-h`."""

    def __init__(self, name: str | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(name, add_help_option=False, **options)
        described = any(isinstance(each, click.Option) for each in self.params)
        self.options_metavar = "[OPCIONES]" if described else ""
        self.params.append(telling(["-h", "--help"], "Muestra esta ayuda.", click.Context.get_help))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Escribe la línea de uso."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix="Uso: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Escribe la tabla de opciones."""
        with formatter.section("Opciones"):
            options = (each for each in self.params if isinstance(each, click.Option))
            rows = (option.get_help_record(ctx) for option in options)
            formatter.write_dl([row for row in rows if row])


class Orders(SpanishCommand, click.Group):
    """Varias órdenes, cada una con su nombre; sin ninguno, se hace la primera."""

    command_class = SpanishCommand

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Escribe la tabla de órdenes y la de opciones."""
        with formatter.section("Órdenes"):
            rows = [(name, each.get_short_help_str(200)) for name, each in self.commands.items()]
            formatter.write_dl(rows)
        super().format_options(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Pone el nombre de la primera orden a lo que empieza por una de sus opciones."""
        own = {option for each in self.params for option in each.opts}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def telling(names: list[str], text: str, tell: Callable[[click.Context], str]) -> click.Option:
    """Una opción que solo escribe algo y termina.

    Args:
        names: cómo se escribe.
        text: lo que dice de ella la ayuda.
        tell: da lo que escribe.
    """

    def callback(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
        if asked:
            print(tell(ctx))
            ctx.exit()

    return click.Option(
        names, is_flag=True, is_eager=True, expose_value=False, callback=callback, help=text
    )


def in_spanish(error: click.UsageError) -> str:
    """Dice en una frase qué tiene de malo una orden y qué hacer."""
    see_help = "mira cómo se usa con --help."
    match error:
        case click.NoSuchCommand(ctx=click.Context(command=click.Group() as group)):
            guess = "".join(f" ¿querías decir {name}?;" for name in error.possibilities or [])
            names = _listed(group.commands)
            return f"La orden {error.command_name} no existe;{guess} las que hay son {names}."
        case click.NoSuchOption(possibilities=[*similar]) if similar:
            return f"La opción {error.option_name} no existe; ¿querías decir {similar[0]}?"
        case click.NoSuchOption():
            return f"La opción {error.option_name} no existe; {see_help}"
        case click.BadOptionUsage():
            return f"A la opción {error.option_name} le falta su valor; escríbelo detrás."
        case click.MissingParameter(param=click.Parameter() as missing):
            return f"Falta {missing.human_readable_name}; {see_help}"
        case click.BadParameter(param=click.Option(type=click.Choice(choices=choices)) as option):
            return f"{option.opts[0]} debe ser {_listed(choices, 'o')}; {see_help}"
        case _:
            return f"En la orden sobra algo: cada valor va detrás de su opción; {see_help}"


def _listed(names: Iterable[str], last: str = "y") -> str:
    *most, end = names
    return f"{', '.join(most)} {last} {end}"
