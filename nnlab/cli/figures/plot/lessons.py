"""Commands of `nnlab plot` that explain a method without runs: optimizers, normalisation."""

from functools import partial
from typing import Annotated, Any, Final

import typer

from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import FigureOptions, app, drop_unset
from nnlab.cli.options import given_settings, with_settings

# The fields of a setting that change a path on a surface.
_PATH_FIELDS: Final = (
    *("opt", "lr", "momentum", "beta1", "beta2", "eps", "memory", "inner_steps", "damping"),
    *("clip", "clip_value", "decay", "decay_rate", "decay_every", "decay_factor", "decay_at"),
    *("decay_power", "decay_restarts", "decay_share", "decay_floor", "warmup"),
)


@app.command("surface", cls=SettingsCommand)
@figure_command("surface")
@partial(with_settings, only=_PATH_FIELDS)
def surface(
    *,
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="NAME[,...]",
            help="rosenbrock, saddle, ravine, quadratic, minima or himmelblau",
        ),
    ] = "rosenbrock",
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="X,Y", help="first point \\[default: depends on --on]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=1,
            max=20_000,
            help="number of steps, which count as epochs for --decay \\[default: depends on --on]",
        ),
    ] = None,
    noise: Annotated[
        float,
        typer.Option(
            "--noise",
            metavar="SD",
            min=0.0,
            help="standard deviation of noise in the gradient, as from minibatches",
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="seed of the noise")] = 0,
    **settings: Any,
) -> FigureOptions:
    """Draw the paths of optimizers on losses of two weights, and their losses.

    By default sgd, momentum, adam and lbfgs with rates that suit each surface. --lr takes one rate
    per optimizer (sgd=0.1,adam=0.5), or a list for each of them.

    [bold]Examples[/bold]

        nnlab plot surface --opt sgd,momentum,adam,lbfgs --on ravine -o ravine.pdf

        nnlab plot surface --opt sgd --lr 0.05,0.19,0.21 --on ravine

        nnlab plot surface --on saddle --start -1.6,0 --noise 0.1 -o saddle.gif

        nnlab plot surface --on minima -o minima.html
    """
    return (), drop_unset(
        on=on,
        settings=given_settings(settings),
        start=start,
        steps=steps,
        noise=noise,
        seed=seed,
    )


@app.command("norm", cls=SettingsCommand)
@figure_command("norm")
@partial(with_settings, only=("data",))
def norm(
    *,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", metavar="N", min=1, max=4096, help="number of training images"
        ),
    ] = 32,
    channels: Annotated[
        int,
        typer.Option(
            "--channels", metavar="C", min=1, max=512, help="number of channels of the layer"
        ),
    ] = 8,
    groups: Annotated[
        int,
        typer.Option(
            "--groups", metavar="G", min=1, max=512, help="number of groups of group norm"
        ),
    ] = 2,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="seed of the weights")
    ] = 0,
    **settings: Any,
) -> FigureOptions:
    """Draw what batch, layer, instance and group norm average, and the values before and after.

    The values are the outputs of the first layer of an untrained cnn for a batch of images.

    [bold]Examples[/bold]

        nnlab plot norm

        nnlab plot norm --data digits --batch-size 32 --channels 8 --groups 2 -o norm.pdf
    """
    return (), drop_unset(
        settings=given_settings(settings),
        batch_size=batch_size,
        channels=channels,
        groups=groups,
        seed=seed,
    )
