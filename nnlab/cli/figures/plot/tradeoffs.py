"""Commands of `nnlab plot` that compare methods over tasks, costs, seeds and budgets."""

from typing import Annotated

import typer

from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import (
    ByOption,
    FigureOptions,
    RankBlocks,
    app,
    drop_unset,
)
from nnlab.cli.options import StudyOrRunsArgument


@app.command("critical-difference")
@figure_command("critical-difference")
def critical_difference(
    what: StudyOrRunsArgument = None,
    *,
    across: Annotated[
        str,
        typer.Option(
            "--across", metavar="FIELD", help="field whose values are ranked, for example opt"
        ),
    ],
    by: ByOption = None,
    blocks: Annotated[
        RankBlocks,
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
