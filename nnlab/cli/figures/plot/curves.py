"""`nnlab plot`: what goes on over epochs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.figures.plot.draw import draws
from nnlab.cli.figures.plot.options import Asked, By, Cost, Metric, Seeds, Steps, Top, app, said
from nnlab.cli.options import StudyOrRuns, given, with_settings
from nnlab.errors import UsageError


@app.command()
@draws("curves")
def curves(
    what: StudyOrRuns = None,
    *,
    metric: Metric = None,
    top: Top = 6,
    seeds: Annotated[
        Seeds, typer.Option("--seeds", help="band of several seeds, or all of them thin")
    ] = Seeds.INTERVAL,
    log: Annotated[
        bool | None,
        typer.Option("--log/--linear", show_default=False, help="\\[default: log over decades]"),
    ] = None,
) -> Asked:
    """Draw training and validation curves over epochs, a colour a trial, seeds as a mean and band.

    The best epoch is marked, and the epoch from which a run overfits.

    [bold]Examples[/bold]

        nnlab plot curves

        nnlab plot curves -o curves.pdf

        nnlab plot curves depth --top 3 -o curves.pdf -o curves.png --venue icml
    """
    return what or (), said(metric=metric, top=top, seeds=str(seeds), log=log)


@app.command()
@draws("gap")
def gap(
    what: StudyOrRuns = None,
    *,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="loss or accuracy")
    ] = "loss",
    top: Top = 4,
) -> Asked:
    """Draw training against validation, the gap shaded, darker once a run overfits.

    [bold]Example[/bold]

        nnlab plot gap depth -o gap.pdf
    """
    return what or (), said(metric=metric, top=top)


@app.command("lr")
@draws("lr")
@with_settings
def learning_rate(
    what: StudyOrRuns = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="settings in a file, as `lr = 0.1`"),
    ] = None,
    steps: Steps = 100,
    **settings: Any,
) -> Asked:
    """Draw the learning rate over epochs: of trained trials, or of settings not trained yet.

    Options are those of train; lists make several lines.

    [bold]Examples[/bold]

        nnlab plot lr --decay exp,inv,step,cosine -o lr.pdf

        nnlab plot lr --decay wsd --warmup 2 --lr 0.01,0.1 -o lr.png

        nnlab plot lr depth
    """
    from nnlab.study.spec import Typed, read_config

    typed = read_config(config, Typed(settings=given(settings)))
    if what and typed.settings:
        raise UsageError("either runs are drawn, or settings that are typed")
    if what:
        return what, {"steps": steps}
    return (), {"settings": dict(typed.settings), "steps": steps}


@app.command("time")
@draws("time")
def time(
    what: StudyOrRuns = None,
    *,
    metric: Annotated[
        str | None,
        typer.Option("--metric", metavar="METRIC", help="\\[default: the study's objective]"),
    ] = None,
    x: Annotated[Cost, typer.Option("--x", help="what it cost")] = Cost.SECONDS,
    target: Annotated[
        float | None, typer.Option("--target", metavar="VALUE", help="mark when it was reached")
    ] = None,
    top: Top = 6,
) -> Asked:
    """Draw a metric against seconds, epochs or steps, and when a target was reached.

    [bold]Example[/bold]

        nnlab plot time depth --target 0.2 -o time.pdf
    """
    return what or (), said(metric=metric, x=str(x), target=target, top=top)


@app.command()
@draws("compare")
def compare(what: StudyOrRuns = None, *, by: By = None) -> Asked:
    """Draw two trials side by side: their curves, and the difference of every seed.

    [bold]Example[/bold]

        nnlab plot compare 3 7 -o compare.pdf
    """
    return what or (), said(by=by)
