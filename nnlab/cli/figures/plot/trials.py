"""Commands of `nnlab plot` that compare trials."""

from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import (
    AcrossOption,
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
    """Draw a ranking of trials: seeds, means with 95 % intervals, and tiers.

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
        typer.Option("--lines", metavar="FIELD", help="another field, with one line per value"),
    ] = None,
    by: ByOption = None,
    over: Annotated[
        TrialAggregation,
        typer.Option("--over", help="value at each point: the best trial, or the mean of all"),
    ] = TrialAggregation.BEST,
) -> FigureOptions:
    """Draw a metric against a field, on a logarithmic axis if its values span decades.

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
    y: Annotated[str | None, typer.Option("--y", metavar="FIELD", help="another field")] = None,
    by: ByOption = None,
    over: Annotated[
        TrialAggregation,
        typer.Option("--over", help="value of each cell: the best trial, or the mean of all"),
    ] = TrialAggregation.BEST,
    spread: Annotated[
        bool, typer.Option("--spread", help="also write the uncertainty of each mean")
    ] = False,
) -> FigureOptions:
    """Draw a metric over two fields, with its values in the cells and a frame around the best.

    [bold]Examples[/bold]

        nnlab plot heatmap depth --x lr --y opt -o heatmap.pdf

        nnlab plot heatmap depth --x lr --y opt --spread -o heatmap.pdf
    """
    return what or (), drop_unset(x=x, y=y, by=by, over=str(over), spread=spread)


@app.command()
@figure_command("interaction")
def interaction(
    what: StudyOrRunsArgument = None,
    *,
    x: XOption = None,
    lines: Annotated[
        str | None, typer.Option("--lines", metavar="FIELD", help="the other field")
    ] = None,
    by: ByOption = None,
) -> FigureOptions:
    """Draw means over all other fields; lines that are not parallel show an interaction.

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
            "--top",
            metavar="N",
            min=1,
            max=MAX_ROWS,
            help="only the N best trials \\[default: all]",
        ),
    ] = None,
) -> FigureOptions:
    """Draw parallel coordinates: one axis per field, one line per trial, the best on top.

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
        int,
        typer.Option("--top", metavar="N", min=1, max=MAX_ROWS, help="only the N largest shares"),
    ] = 10,
) -> FigureOptions:
    """Draw the shares of variance that choices, and pairs of choices, explain.

    [bold]Example[/bold]

        nnlab plot effects depth -o effects.pdf
    """
    return what or (), drop_unset(by=by, top=top)


@app.command()
@figure_command("profile")
def profile(
    what: StudyOrRunsArgument = None,
    *,
    across: AcrossOption,
    by: ByOption = None,
) -> FigureOptions:
    """Draw performance profiles: the fraction of runs above each score, per value of a field.

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
            metavar="STUDY", help="the study of nnlab remedy", autocompletion=completion.studies
        ),
    ],
) -> FigureOptions:
    """Draw the effect of each remedy with its interval.

    [bold]Examples[/bold]

        nnlab plot remedy remedy/12 -o remedies.pdf
    """
    return [study], {}


@app.command()
@figure_command("gate")
def gate(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY", help="the study of nnlab gate", autocompletion=completion.studies
        ),
    ],
    *,
    top: Annotated[
        int,
        typer.Option(
            "--top",
            metavar="N",
            min=1,
            max=MAX_ROWS,
            help="only the N newest candidates, and those that were kept",
        ),
    ] = 40,
) -> FigureOptions:
    """Draw the effect of each candidate that nnlab gate has tested, and mark what was kept.

    [bold]Example[/bold]

        nnlab plot gate loop -o gate.pdf
    """
    return [study], drop_unset(top=top)
