"""`nnlab plot`: trials against each other."""

from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.figures.plot.draw import draws
from nnlab.cli.figures.plot.options import Asked, By, Over, Top, X, app, said
from nnlab.cli.options import MOST_ROWS, StudyOrRuns


@app.command()
@draws("ranking")
def ranking(what: StudyOrRuns = None, *, by: By = None, top: Top = 20) -> Asked:
    """Draw trials ranked: seeds, means with 95 % intervals, and tiers.

    [bold]Example[/bold]

        nnlab plot ranking depth -o ranking.pdf
    """
    return what or (), said(by=by, top=top)


@app.command()
@draws("sweep")
def sweep(
    what: StudyOrRuns = None,
    *,
    x: X = None,
    lines: Annotated[
        str | None,
        typer.Option("--lines", metavar="FIELD", help="another setting, a line for each value"),
    ] = None,
    by: By = None,
    over: Annotated[
        Over, typer.Option("--over", help="at each point the best trial, or the mean of all")
    ] = Over.BEST,
) -> Asked:
    """Draw a metric against a setting, logarithmic where the setting spans decades.

    [bold]Examples[/bold]

        nnlab plot sweep depth --x lr -o sweep.pdf

        nnlab plot sweep depth --x lr --lines opt -o sweep.pdf
    """
    return what or (), said(x=x, lines=lines, by=by, over=str(over))


@app.command()
@draws("heatmap")
def heatmap(
    what: StudyOrRuns = None,
    *,
    x: X = None,
    y: Annotated[str | None, typer.Option("--y", metavar="FIELD", help="another setting")] = None,
    by: By = None,
    over: Annotated[
        Over, typer.Option("--over", help="in each cell the best trial, or the mean of all")
    ] = Over.BEST,
) -> Asked:
    """Draw a metric over two settings, its numbers in the cells.

    [bold]Example[/bold]

        nnlab plot heatmap depth --x lr --y opt -o heatmap.pdf
    """
    return what or (), said(x=x, y=y, by=by, over=str(over))


@app.command()
@draws("interaction")
def interaction(
    what: StudyOrRuns = None,
    *,
    x: X = None,
    lines: Annotated[
        str | None, typer.Option("--lines", metavar="FIELD", help="the other setting")
    ] = None,
    by: By = None,
) -> Asked:
    """Draw means over all other choices: lines that are not parallel interact.

    [bold]Example[/bold]

        nnlab plot interaction depth --x opt --lines decay -o interaction.pdf
    """
    return what or (), said(x=x, lines=lines, by=by)


@app.command()
@draws("parallel")
def parallel(
    what: StudyOrRuns = None,
    *,
    by: By = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top", metavar="N", min=1, max=MOST_ROWS, help="the N best trials \\[default: all]"
        ),
    ] = None,
) -> Asked:
    """Draw every choice as an axis and every trial as a line across them, best on top.

    [bold]Example[/bold]

        nnlab plot parallel depth -o parallel.pdf
    """
    return what or (), said(by=by, top=top)


@app.command()
@draws("effects")
def effects(
    what: StudyOrRuns = None,
    *,
    by: By = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, max=MOST_ROWS, help="the N largest shares")
    ] = 10,
) -> Asked:
    """Draw which choices matter: shares of the outcome's variance, and of pairs.

    [bold]Example[/bold]

        nnlab plot effects depth -o effects.pdf
    """
    return what or (), said(by=by, top=top)


@app.command()
@draws("profile")
def profile(
    what: StudyOrRuns = None,
    *,
    across: Annotated[
        str, typer.Option("--across", metavar="FIELD", help="whose values are compared, as opt")
    ],
    by: By = None,
) -> Asked:
    """Draw performance profiles: of each value of a field the share of runs above each score.

    [bold]Example[/bold]

        nnlab plot profile small large --across opt -o profile.pdf
    """
    return what or (), said(across=across, by=by)


@app.command()
@draws("remedy")
def remedy(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY", help="as nnlab remedy named it", autocompletion=completion.studies
        ),
    ],
) -> Asked:
    """Draw what remedies changed, each with its interval.

    [bold]Examples[/bold]

        nnlab plot remedy remedy/12 -o remedies.pdf
    """
    return [study], {}
