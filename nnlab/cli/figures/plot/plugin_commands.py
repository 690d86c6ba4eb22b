"""The group `nnlab plot`, with commands made on demand: of plugins, and of files of figures."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import FigureOptions
from nnlab.cli.figures.plot.paper_file import draw_paper
from nnlab.cli.options import DbOption, StudyOrRunsArgument
from nnlab.cli.output.help import use_two_columns
from nnlab.errors import UnknownName
from nnlab.figures.kind_table import KINDS
from nnlab.figures.plugin_figures import FIGURE_PLUGINS, FigurePlugin, find_plugin_figure
from nnlab.records import Scalar

_RedrawOption = Annotated[
    bool,
    typer.Option(
        "--force", help="draw unchanged figures too, replace files that nnlab did not create"
    ),
]


class PlotGroup(TyperGroup):
    """The group `plot`: its own commands, and those of the installed plugins."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The kinds of figures; no plugin is imported."""
        return [*super().list_commands(ctx), *FIGURE_PLUGINS.names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a kind of figure; that of a plugin is imported, if it is executed."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        if cmd_name.lower().endswith(".toml"):
            return _paper_command(Path(cmd_name))
        if ctx.resilient_parsing:
            return self.plugin_commands().get(cmd_name)
        figure = find_plugin_figure(cmd_name)
        return None if figure is None else _make_command(figure)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that is called.

        Raises:
            UnknownName: there is no such kind of figure.
        """
        name = args[0]
        is_kind = ctx.resilient_parsing or self.get_command(ctx, name) is not None
        if not is_kind and not name.startswith("-"):
            raise UnknownName("kind of figure", name, (*KINDS, *FIGURE_PLUGINS.names()))
        return super().resolve_command(ctx, args)

    def plugin_commands(self) -> dict[str, TyperCommand]:
        """Commands that only have a name and a description, for the help page and completion."""
        return {
            name: TyperCommand(name, help=f"Plugin of {package}.", rich_help_panel="Plugins")
            for name, package in FIGURE_PLUGINS.names().items()
        }


def _paper_command(path: Path) -> Any:
    """The command that draws the figures of a file; its name is the path of the file."""

    def draw(*, force: _RedrawOption = False, db: DbOption = None) -> None:
        """Draw all figures that a TOML file describes, if they changed."""
        draw_paper(path, force=force, db=db)

    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(str(path))(draw)
    return use_two_columns(typer.main.get_command(app))


def _make_command(figure: FigurePlugin) -> Any:
    """The command of a figure: its options, and those of every figure."""

    def options_of(what: StudyOrRunsArgument = None, **options: Scalar) -> FigureOptions:
        return what or (), options

    options_of.__name__ = figure.name
    options_of.__doc__ = figure.summary
    signature = inspect.signature(options_of)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [_parameter(name, default) for name, default in figure.options.items()]
    options_of.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(figure.name)(figure_command(figure.name)(options_of))
    return use_two_columns(typer.main.get_command(app))


def _parameter(name: str, default: Scalar) -> inspect.Parameter:
    """The parameter of the command for an option of `prepare`."""
    flag = f"--{name.replace('_', '-')}"
    is_switch = isinstance(default, bool)
    info = typer.Option(f"{flag}/--no-{flag[2:]}" if is_switch else flag, help="")
    base: Any = str | None if default is None else type(default)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[base, info],
    )
