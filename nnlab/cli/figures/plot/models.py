"""`nnlab plot`: what is inside models, and what they say."""

from typing import Annotated, Any

import typer

from nnlab.cli.figures.plot.draw import draws
from nnlab.cli.figures.plot.options import Asked, Split, Top, What, app, said
from nnlab.cli.options import StudyOrRuns, given, with_settings
from nnlab.errors import UsageError


@app.command()
@draws("activations")
def activations(runs: StudyOrRuns = None, *, what: What = None, top: Top = 2) -> Asked:
    """Draw what each layer puts out over epochs: sd, dead and saturated units.

    [bold]Example[/bold]

        nnlab plot activations 12 -o activations.pdf
    """
    return runs or (), said(what=what, top=top)


@app.command()
@draws("gradients")
def gradients(runs: StudyOrRuns = None, *, what: What = None, top: Top = 2) -> Asked:
    """Draw gradient norms and update sizes of each layer over epochs (train with --probe full).

    [bold]Example[/bold]

        nnlab plot gradients 12 -o gradients.pdf
    """
    return runs or (), said(what=what, top=top)


@app.command()
@draws("init")
@with_settings
def init(**settings: Any) -> Asked:
    """Draw what each layer puts out before training; options are those of train.

    By default a relu mlp of ten layers, from weights too small, too large, Xavier and MSRA.

    [bold]Example[/bold]

        nnlab plot init --init xavier,msra,lsuv --activation tanh -o init.pdf
    """
    seed = settings["seed"]
    if seed is not None and not str(seed).isdecimal():
        raise UsageError(f"--seed {seed}: one seed draws one set of weights")
    return (), said(settings=given(settings), seed=None if seed is None else int(seed))


@app.command()
@draws("landscape")
def landscape(
    what: StudyOrRuns = None,
    *,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=2, help="training examples to measure on")
    ] = 512,
    grid: Annotated[
        int,
        typer.Option("--grid", metavar="N", min=3, max=201, help="steps along a direction, odd"),
    ] = 21,
    directions: Annotated[
        int, typer.Option("--directions", metavar="N", min=2, max=100, help="random directions")
    ] = 5,
    top: Top = 2,
) -> Asked:
    """Draw the loss around trained weights: lines along random directions, and a plane.

    [bold]Example[/bold]

        nnlab plot landscape 3 7 -o landscape.pdf
    """
    return what or (), said(examples=examples, grid=grid, directions=directions, top=top)


@app.command()
@draws("confusion")
def confusion(what: StudyOrRuns = None, *, split: Split = "val") -> Asked:
    """Draw which classes a run takes for which, by the weights that it kept.

    [bold]Example[/bold]

        nnlab plot confusion 12 -o confusion.pdf
    """
    return what or (), said(split=split)


@app.command()
@draws("calibration")
def calibration(
    what: StudyOrRuns = None,
    *,
    split: Split = "val",
    bins: Annotated[int, typer.Option("--bins", metavar="N", min=2, max=100)] = 15,
    top: Top = 2,
) -> Asked:
    """Draw how often a run is right where it says that it is so sure.

    [bold]Example[/bold]

        nnlab plot calibration 12 -o calibration.pdf
    """
    return what or (), said(split=split, bins=bins, top=top)


@app.command()
@draws("examples")
def examples(
    what: StudyOrRuns = None,
    *,
    split: Split = "val",
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=200)] = 24,
) -> Asked:
    """Draw the examples that a run gets most wrong, as they look.

    [bold]Example[/bold]

        nnlab plot examples 12 -o worst.pdf
    """
    return what or (), said(split=split, count=count)
