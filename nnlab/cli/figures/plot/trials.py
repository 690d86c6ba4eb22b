"""`nnlab plot`: trials against each other."""

from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.figures.plot.draw import figure_command
from nnlab.cli.figures.plot.options import (
    ByOption,
    FigureOptions,
    TopOption,
    TrialAggregation,
    XOption,
    app,
    drop_unset,
)
from nnlab.cli.options import MAX_ROWS, StudyOrRunsArgument


@app.command()
@figure_command("ranking")
def ranking(
    what: StudyOrRunsArgument = None, *, by: ByOption = None, top: TopOption = 20
) -> FigureOptions:
    """Draw trials ranked: seeds, means with 95 % intervals, and tiers.

    [bold]Example[/bold]

        nnlab plot ranking depth -o ranking.pdf
    """
    return what or (), drop_unset(by=by, top=top)


@app.command()
@figure_command("sweep")
def sweep(
    what: StudyOrRunsArgument = None,
    *,
    x: XOption = None,
    lines: Annotated[
        str | None,
        typer.Option("--lines", metavar="FIELD", help="another setting, a line for each value"),
    ] = None,
    by: ByOption = None,
    over: Annotated[
        TrialAggregation,
        typer.Option("--over", help="at each point the best trial, or the mean of all"),
    ] = TrialAggregation.BEST,
) -> FigureOptions:
    """Draw a metric against a setting, logarithmic where the setting spans decades.

    [bold]Examples[/bold]

        nnlab plot sweep depth --x lr -o sweep.pdf

        nnlab plot sweep depth --x lr --lines opt -o sweep.pdf
    """
    return what or (), drop_unset(x=x, lines=lines, by=by, over=str(over))


@app.command()
@figure_command("heatmap")
def heatmap(
    what: StudyOrRunsArgument = None,
    *,
    x: XOption = None,
    y: Annotated[str | None, typer.Option("--y", metavar="FIELD", help="another setting")] = None,
    by: ByOption = None,
    over: Annotated[
        TrialAggregation,
        typer.Option("--over", help="in each cell the best trial, or the mean of all"),
    ] = TrialAggregation.BEST,
) -> FigureOptions:
    """Draw a metric over two settings, its numbers in the cells.

    [bold]Example[/bold]

        nnlab plot heatmap depth --x lr --y opt -o heatmap.pdf
    """
    return what or (), drop_unset(x=x, y=y, by=by, over=str(over))


@app.command()
@figure_command("interaction")
def interaction(
    what: StudyOrRunsArgument = None,
    *,
    x: XOption = None,
    lines: Annotated[
        str | None, typer.Option("--lines", metavar="FIELD", help="the other setting")
    ] = None,
    by: ByOption = None,
) -> FigureOptions:
    """Draw means over all other choices: lines that are not parallel interact.

    [bold]Example[/bold]

        nnlab plot interaction depth --x opt --lines decay -o interaction.pdf
    """
    return what or (), drop_unset(x=x, lines=lines, by=by)


@app.command()
@figure_command("parallel")
def parallel(
    what: StudyOrRunsArgument = None,
    *,
    by: ByOption = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top", metavar="N", min=1, max=MAX_ROWS, help="the N best trials \\[default: all]"
        ),
    ] = None,
) -> FigureOptions:
    """Draw every choice as an axis and every trial as a line across them, best on top.

    [bold]Example[/bold]

        nnlab plot parallel depth -o parallel.pdf
    """
    return what or (), drop_unset(by=by, top=top)


@app.command()
@figure_command("effects")
def effects(
    what: StudyOrRunsArgument = None,
    *,
    by: ByOption = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, max=MAX_ROWS, help="the N largest shares")
    ] = 10,
) -> FigureOptions:
    """Draw which choices matter: shares of the outcome's variance, and of pairs.

    [bold]Example[/bold]

        nnlab plot effects depth -o effects.pdf
    """
    return what or (), drop_unset(by=by, top=top)


@app.command()
@figure_command("profile")
def profile(
    what: StudyOrRunsArgument = None,
    *,
    across: Annotated[
        str, typer.Option("--across", metavar="FIELD", help="whose values are compared, as opt")
    ],
    by: ByOption = None,
) -> FigureOptions:
    """Draw performance profiles: of each value of a field the share of runs above each score.

    [bold]Example[/bold]

        nnlab plot profile small large --across opt -o profile.pdf
    """
    return what or (), drop_unset(across=across, by=by)


@app.command()
@figure_command("remedy")
def remedy(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY", help="as nnlab remedy named it", autocompletion=completion.studies
        ),
    ],
) -> FigureOptions:
    """Draw what remedies changed, each with its interval.

    [bold]Examples[/bold]

        nnlab plot remedy remedy/12 -o remedies.pdf
    """
    return [study], {}
