"""Commands of `nnlab plot` that compare methods over tasks, costs, seeds and budgets."""

from typing import Annotated

import typer

from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import (
    AcrossOption,
    ByOption,
    FigureOptions,
    RankBlocks,
    RunPooling,
    TopOption,
    app,
    drop_unset,
)
from nnlab.cli.options import MAX_ROWS, StudyOrRunsArgument

BudgetOption = Annotated[
    str,
    typer.Option(
        "--x",
        metavar="COST",
        help="seconds, epochs, steps, energy, params, or a field such as width",
    ),
]


@app.command("critical-difference")
@figure_command("critical-difference")
def critical_difference(
    what: StudyOrRunsArgument = None,
    *,
    across: AcrossOption,
    by: ByOption = None,
    blocks: Annotated[
        RankBlocks,
        RunPooling,
        TopOption,
        typer.Option(
            "--blocks", help="rank within each data set, or within each seed of one data set"
        ),
    ] = RankBlocks.DATA,
) -> FigureOptions:
    """Draw average ranks over data sets; bars join methods that do not differ (Nemenyi test).

    [bold]Example[/bold]

        nnlab plot critical-difference small medium large --across opt -o cd.pdf
    """
    return what or (), drop_unset(across=across, by=by, blocks=str(blocks))


@app.command()
@figure_command("pareto")
def pareto(
    what: StudyOrRunsArgument = None, *, x: BudgetOption = "seconds", by: ByOption = None
) -> FigureOptions:
    """Draw a metric against its cost, and the Pareto front: trials that no other one dominates.

    [bold]Examples[/bold]

        nnlab plot pareto depth -o pareto.pdf

        nnlab plot pareto depth --x params --by val/loss -o pareto.pdf
    """
    return what or (), drop_unset(x=x, by=by)


@app.command()
@figure_command("seeds")
def seeds(
    what: StudyOrRunsArgument = None,
    *,
    x: Annotated[
        str | None,
        typer.Option("--x", metavar="FIELD", help="a row per value of a field, not per trial"),
    ] = None,
    box: Annotated[
        bool,
        typer.Option(
            "--box", help="box plots: quartiles, median, whiskers within 1.5 times the box"
        ),
    ] = False,
    over: Annotated[
        RunPooling,
        typer.Option("--over", help="at a value of --x: the seeds of the best trial, or all runs"),
    ] = RunPooling.BEST,
    by: ByOption = None,
    top: TopOption = 20,
) -> FigureOptions:
    """Draw the value of every seed, with the mean and its interval, or as box plots.

    [bold]Examples[/bold]

        nnlab plot seeds depth -o seeds.pdf

        nnlab plot seeds depth --x opt --box --over all -o seeds.pdf
    """
    return what or (), drop_unset(x=x, box=box, over=str(over), by=by, top=top)


@app.command()
@figure_command("scaling")
def scaling(
    what: StudyOrRunsArgument = None,
    *,
    x: BudgetOption = "train_size",
    lines: Annotated[
        str | None,
        typer.Option("--lines", metavar="FIELD", help="another field, with one fit per value"),
    ] = None,
    by: ByOption = None,
) -> FigureOptions:
    """Draw an error or a loss over a budget on logarithmic axes, with a fitted power law.

    The fit is limit + scale * x^-exponent; of an accuracy, 1 - accuracy is fitted.

    [bold]Examples[/bold]

        nnlab init-study size --data digits --train-size 50,100,200,400,800 --seeds 5

        nnlab plot scaling size -o scaling.pdf

        nnlab plot scaling depth --x params --by val/loss --lines opt -o scaling.pdf
    """
    return what or (), drop_unset(x=x, lines=lines, by=by)


@app.command()
@figure_command("dependence")
def dependence(
    what: StudyOrRunsArgument = None,
    *,
    x: Annotated[
        list[str] | None,
        typer.Option(
            "--x", metavar="FIELD", help="a varied field; repeat for more \\[default: all]"
        ),
    ] = None,
    by: ByOption = None,
    top: Annotated[
        int,
        typer.Option("--top", metavar="N", min=1, max=MAX_ROWS, help="the N with most effect"),
    ] = 6,
) -> FigureOptions:
    """Draw a metric over each setting, averaged over the others: partial dependence.

    The marginal means of a full grid; of sampled settings those of a random forest.

    [bold]Example[/bold]

        nnlab plot dependence depth --x lr --x opt -o dependence.pdf
    """
    return what or (), drop_unset(x=x, by=by, top=top)
