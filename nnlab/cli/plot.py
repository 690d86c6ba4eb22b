"""`nnlab plot`: figures from the database, and of what is to be trained."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.drawing import draws
from nnlab.cli.options import Db, StudyOrRuns, given, with_settings
from nnlab.cli.place import opened
from nnlab.cli.render import say
from nnlab.errors import UsageError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    invoke_without_command=True,
    help="Draw figures.",
)

# What a kind's own options come to: studies or runs, and options that JSON can hold.
_Asked = tuple[Sequence[str], dict[str, Any]]

By = Annotated[
    str | None, typer.Option("--by", metavar="METRIC", help="\\[default: the study's objective]")
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="METRIC", help="loss, accuracy, val/loss, ...; repeat for more panels"
    ),
]
Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="draw the N best trials")]
X = Annotated[
    str | None,
    typer.Option("--x", metavar="FIELD", help="a setting \\[default: the one that differs most]"),
]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="train, val or test")]
Steps = Annotated[
    int, typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="steps in an epoch")
]


class Seeds(StrEnum):
    """How several seeds are drawn."""

    INTERVAL = "interval"
    RANGE = "range"
    SD = "sd"
    ALL = "all"


class Over(StrEnum):
    """What stands for all trials that agree in the settings drawn."""

    BEST = "best"
    MEAN = "mean"


class Cost(StrEnum):
    """What a metric is drawn against."""

    SECONDS = "seconds"
    EPOCHS = "epochs"
    STEPS = "steps"


@app.callback()
def plot(
    context: typer.Context,
    *,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="say whether a figure is stale, and exit"),
    ] = None,
    db: Db = None,
) -> None:
    """Draw figures for a paper, or in the terminal where no -o FILE says where to.

    [bold]Examples[/bold]

        nnlab plot curves depth -o fig1.pdf --venue neurips

        nnlab plot --check fig1.pdf
    """
    if check is None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
        return
    from nnlab.report.figures.made import State, checked

    with opened(db) as database:
        found = checked(database, check)
    if found is None:
        raise UsageError(f"{check} was not drawn by nnlab plot")
    say(f"{check}: {found.state}, {found.why}")
    if found.command:
        say(f"made by: {found.command}", style="dim")
    raise typer.Exit(0 if found.state is State.FRESH else 3)


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
) -> _Asked:
    """Draw training and validation curves over epochs, a colour a trial, seeds as a mean and band.

    The best epoch is marked, and the epoch from which a run overfits.

    [bold]Examples[/bold]

        nnlab plot curves

        nnlab plot curves -o curves.pdf

        nnlab plot curves depth --top 3 -o curves.pdf -o curves.png --venue icml
    """
    return what or (), _given(metric=metric, top=top, seeds=str(seeds), log=log)


@app.command()
@draws("gap")
def gap(
    what: StudyOrRuns = None,
    *,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="loss or accuracy")
    ] = "loss",
    top: Top = 4,
) -> _Asked:
    """Draw training against validation, the gap shaded, darker once a run overfits.

    [bold]Example[/bold]

        nnlab plot gap depth -o gap.pdf
    """
    return what or (), _given(metric=metric, top=top)


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
) -> _Asked:
    """Draw the learning rate over epochs: of trained trials, or of settings not trained yet.

    Options are those of train; lists make several lines.

    [bold]Examples[/bold]

        nnlab plot lr --decay exp,inv,step,cosine -o lr.pdf

        nnlab plot lr --decay wsd --warmup 2 --lr 0.01,0.1 -o lr.png

        nnlab plot lr depth
    """
    from nnlab.cli.plan import Typed, read_config

    typed = read_config(config, Typed(settings=given(settings)))
    if what and typed.settings:
        raise UsageError("either runs are drawn, or settings that are typed")
    if what:
        return what, {"steps": steps}
    return (), {"settings": dict(typed.settings), "steps": steps}


@app.command()
@draws("ranking")
def ranking(what: StudyOrRuns = None, *, by: By = None, top: Top = 20) -> _Asked:
    """Draw trials ranked: seeds, means with 95 % intervals, and who cannot be told from the best.

    [bold]Example[/bold]

        nnlab plot ranking depth -o ranking.pdf
    """
    return what or (), _given(by=by, top=top)


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
) -> _Asked:
    """Draw a metric against a setting, logarithmic where the setting spans decades.

    [bold]Examples[/bold]

        nnlab plot sweep depth --x lr -o sweep.pdf

        nnlab plot sweep depth --x lr --lines opt -o sweep.pdf
    """
    return what or (), _given(x=x, lines=lines, by=by, over=str(over))


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
) -> _Asked:
    """Draw a metric over two settings, its numbers in the cells.

    [bold]Example[/bold]

        nnlab plot heatmap depth --x lr --y opt -o heatmap.pdf
    """
    return what or (), _given(x=x, y=y, by=by, over=str(over))


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
) -> _Asked:
    """Draw means over all other choices: lines that are not parallel interact.

    [bold]Example[/bold]

        nnlab plot interaction depth --x opt --lines decay -o interaction.pdf
    """
    return what or (), _given(x=x, lines=lines, by=by)


@app.command()
@draws("parallel")
def parallel(
    what: StudyOrRuns = None,
    *,
    by: By = None,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="N", min=1, help="the N best trials \\[default: all]"),
    ] = None,
) -> _Asked:
    """Draw every choice as an axis and every trial as a line across them, best on top.

    [bold]Example[/bold]

        nnlab plot parallel depth -o parallel.pdf
    """
    return what or (), _given(by=by, top=top)


@app.command()
@draws("effects")
def effects(
    what: StudyOrRuns = None,
    *,
    by: By = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="the N largest shares")
    ] = 10,
) -> _Asked:
    """Draw which choices matter: shares of the outcome's variance, and of pairs.

    [bold]Example[/bold]

        nnlab plot effects depth -o effects.pdf
    """
    return what or (), _given(by=by, top=top)


@app.command()
@draws("profile")
def profile(
    what: StudyOrRuns = None,
    *,
    across: Annotated[
        str, typer.Option("--across", metavar="FIELD", help="whose values are compared, as opt")
    ],
    by: By = None,
) -> _Asked:
    """Draw performance profiles: of each value of a field the share of runs above each score.

    [bold]Example[/bold]

        nnlab plot profile small large --across opt -o profile.pdf
    """
    return what or (), _given(across=across, by=by)


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
) -> _Asked:
    """Draw a metric against seconds, epochs or steps, and when a target was reached.

    [bold]Example[/bold]

        nnlab plot time depth --target 0.2 -o time.pdf
    """
    return what or (), _given(metric=metric, x=str(x), target=target, top=top)


What = Annotated[
    list[str] | None,
    typer.Option("--what", metavar="NAME", help="as nnlab show names it after probe/; repeat"),
]


@app.command()
@draws("activations")
def activations(runs: StudyOrRuns = None, *, what: What = None, top: Top = 2) -> _Asked:
    """Draw what each layer puts out over epochs: sd, dead and saturated units.

    [bold]Example[/bold]

        nnlab plot activations 12 -o activations.pdf
    """
    return runs or (), _given(what=what, top=top)


@app.command()
@draws("gradients")
def gradients(runs: StudyOrRuns = None, *, what: What = None, top: Top = 2) -> _Asked:
    """Draw gradient norms and update sizes of each layer over epochs (train with --probe full).

    [bold]Example[/bold]

        nnlab plot gradients 12 -o gradients.pdf
    """
    return runs or (), _given(what=what, top=top)


@app.command()
@draws("init")
@with_settings
def init(**settings: Any) -> _Asked:
    """Draw what each layer puts out before training; options are those of train.

    By default a relu mlp of ten layers, from weights too small, too large, Xavier and MSRA.

    [bold]Example[/bold]

        nnlab plot init --init xavier,msra,lsuv --activation tanh -o init.pdf
    """
    seed = settings["seed"]
    if seed is not None and not str(seed).isdigit():
        raise UsageError(f"--seed {seed}: one seed draws one set of weights")
    return (), _given(settings=given(settings), seed=None if seed is None else int(seed))


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
) -> _Asked:
    """Draw the loss around trained weights: lines along random directions, and a plane.

    [bold]Example[/bold]

        nnlab plot landscape 3 7 -o landscape.pdf
    """
    return what or (), _given(examples=examples, grid=grid, directions=directions, top=top)


@app.command()
@draws("confusion")
def confusion(what: StudyOrRuns = None, *, split: Split = "val") -> _Asked:
    """Draw which classes a run takes for which, by the weights that it kept.

    [bold]Example[/bold]

        nnlab plot confusion 12 -o confusion.pdf
    """
    return what or (), _given(split=split)


@app.command()
@draws("calibration")
def calibration(
    what: StudyOrRuns = None,
    *,
    split: Split = "val",
    bins: Annotated[int, typer.Option("--bins", metavar="N", min=2, max=100)] = 15,
    top: Top = 2,
) -> _Asked:
    """Draw how often a run is right where it says that it is so sure.

    [bold]Example[/bold]

        nnlab plot calibration 12 -o calibration.pdf
    """
    return what or (), _given(split=split, bins=bins, top=top)


@app.command()
@draws("examples")
def examples(
    what: StudyOrRuns = None,
    *,
    split: Split = "val",
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=200)] = 24,
) -> _Asked:
    """Draw the examples that a run gets most wrong, as they look.

    [bold]Example[/bold]

        nnlab plot examples 12 -o worst.pdf
    """
    return what or (), _given(split=split, count=count)


@app.command()
@draws("remedy")
def remedy(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY", help="as nnlab remedy named it", autocompletion=completion.studies
        ),
    ],
) -> _Asked:
    """Draw what remedies changed, each with its interval.

    [bold]Examples[/bold]

        nnlab plot remedy remedy/12 -o remedies.pdf
    """
    return [study], {}


@app.command()
@draws("compare")
def compare(what: StudyOrRuns = None, *, by: By = None) -> _Asked:
    """Draw two trials side by side: their curves, and the difference of every seed.

    [bold]Example[/bold]

        nnlab plot compare 3 7 -o compare.pdf
    """
    return what or (), _given(by=by)


def _given(**options: Any) -> dict[str, Any]:
    """The options that say something."""
    return {name: value for name, value in options.items() if value is not None}
