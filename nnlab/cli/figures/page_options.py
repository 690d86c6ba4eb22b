"""The options of the paper of a figure, for `nnlab plot` and commands that draw beside a result."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from nnlab.stats.uncertainty import Uncertainty

FIGURE_FILES_HELP: Final = ".pdf, .svg, .png, .eps, .pgf or .tikz; repeat for more"
_PAGE_PANEL = "Page"
_NAMES_PANEL = "Names, order and limits"


def _page_options(
    *,
    venue: Annotated[
        str | None,
        typer.Option(
            "--venue",
            metavar="NAME",
            rich_help_panel=_PAGE_PANEL,
            help="page width and fonts of neurips, icml, iclr, aaai, cvpr, acl, jmlr, tmlr, ieee,"
            " nature, beamer or poster",
        ),
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(
            "--columns",
            metavar="1|2",
            min=1,
            max=2,
            rich_help_panel=_PAGE_PANEL,
            help="number of columns that the figure spans",
        ),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            "--width",
            metavar="INCHES",
            rich_help_panel=_PAGE_PANEL,
            help="width of the figure \\[default: that of the venue, or 5.5]",
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style", metavar="NAME", rich_help_panel=_PAGE_PANEL, help="open, boxed, bare or dark"
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            "--palette",
            metavar="NAME",
            rich_help_panel=_PAGE_PANEL,
            help="okabe-ito, bright, muted or grey",
        ),
    ] = None,
    legend: Annotated[
        str | None,
        typer.Option(
            "--legend",
            metavar="WHERE",
            rich_help_panel=_PAGE_PANEL,
            help="outside, direct (at the ends of the lines), best (in the panel) or none",
        ),
    ] = None,
    uncertainty: Annotated[
        Uncertainty | None,
        typer.Option(
            "--uncertainty",
            rich_help_panel=_PAGE_PANEL,
            help="what error bars, bands and ± show: the sd of the seeds, or the standard error or"
            " 95 % interval of their mean \\[default: ci]",
        ),
    ] = None,
    anonymous: Annotated[
        bool,
        typer.Option(
            "--anonymous",
            rich_help_panel=_PAGE_PANEL,
            help="store neither commits nor the names of the database and of folders in the file",
        ),
    ] = False,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            "--rename",
            metavar="OLD=NEW",
            rich_help_panel=_NAMES_PANEL,
            help="another name for a trial, value, setting or metric; repeat for more",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="FIELD=VALUE[,...]",
            rich_help_panel=_NAMES_PANEL,
            help="only trials with these values (data=wine: of that data set), or the trial of"
            " this name; repeat for more",
        ),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order",
            metavar="NAME[,...]",
            rich_help_panel=_NAMES_PANEL,
            help="trials or values that come first, in this order",
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(
            "--title", metavar="TEXT", rich_help_panel=_NAMES_PANEL, help="title of the figure"
        ),
    ] = None,
    xlabel: Annotated[
        str | None,
        typer.Option(
            "--xlabel", metavar="TEXT", rich_help_panel=_NAMES_PANEL, help="label of the x axis"
        ),
    ] = None,
    ylabel: Annotated[
        list[str] | None,
        typer.Option(
            "--ylabel",
            metavar="TEXT",
            rich_help_panel=_NAMES_PANEL,
            help="label of the y axis; repeat for further panels",
        ),
    ] = None,
    xlim: Annotated[
        str | None,
        typer.Option(
            "--xlim",
            metavar="LOW..HIGH",
            rich_help_panel=_NAMES_PANEL,
            help="ends of the x axis; an end may be omitted",
        ),
    ] = None,
    ylim: Annotated[
        list[str] | None,
        typer.Option(
            "--ylim",
            metavar="LOW..HIGH",
            rich_help_panel=_NAMES_PANEL,
            help="ends of the y axis; repeat for further panels",
        ),
    ] = None,
    inset: Annotated[
        str | None,
        typer.Option(
            "--inset",
            metavar="LOW..HIGH",
            rich_help_panel=_NAMES_PANEL,
            help="magnify this part of the x axis in an empty place of each panel with curves",
        ),
    ] = None,
    brackets: Annotated[
        bool,
        typer.Option(
            "--brackets",
            rich_help_panel=_NAMES_PANEL,
            help="draw brackets from the best trial to the others with adjusted p values, in kinds"
            " with a trial per row or column",
        ),
    ] = False,
) -> None:
    """The options of the paper of a figure."""


PAGE_OPTIONS: Final[Mapping[str, inspect.Parameter]] = inspect.signature(_page_options).parameters


def chosen_page_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the paper that have a value, from the values of all options of a command."""
    return {
        name: str(value) if isinstance(value, Uncertainty) else value
        for name in PAGE_OPTIONS
        if (value := values.get(name)) is not None and value is not False
    }


def with_page_options(function: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of the paper, passed as the argument `page`.

    An option that the command has itself keeps its meaning: if its options are those of a setting,
    `--width` is the width of the model.
    """
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.name != "page"]
    own_names = {parameter.name for parameter in own}
    added = [p for name, p in PAGE_OPTIONS.items() if name not in own_names]

    def command(**values: Any) -> None:
        page = chosen_page_options({p.name: values.pop(p.name) for p in added})
        function(**values, page=page)

    parameters = [*own, *added]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command
