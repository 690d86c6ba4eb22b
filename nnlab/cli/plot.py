"""`nnlab plot`: figures from the database, and of what is to be trained."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.options import Db, StudyOrRuns, given, with_settings
from nnlab.cli.place import opened
from nnlab.cli.render import note, say
from nnlab.cli.scope import scope_of
from nnlab.errors import UsageError
from nnlab.report.figures import series_of
from nnlab.report.ranking import plural

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", no_args_is_help=True, help="Draw figures."
)

Output = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help=".pdf, .svg or .png; repeat for more"),
]


@app.callback()
def plot() -> None:
    """Draw figures."""


@app.command()
def curves(
    what: StudyOrRuns = None,
    *,
    output: Output = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="METRIC",
            help="loss, accuracy, val/loss, ...; repeat for more panels",
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option("--top", metavar="N", min=1, help="draw the N best trials"),
    ] = 6,
    db: Db = None,
) -> None:
    """Draw training and validation curves over epochs, a colour a trial, seeds as mean and range.

    The best epoch is marked, and the epoch from which a run overfits.

    [bold]Examples[/bold]

        nnlab plot curves -o curves.pdf

        nnlab plot curves depth --top 3 -o curves.pdf -o curves.png
    """
    output = _checked(output, "curves")
    with opened(db) as database:
        scope = scope_of(database, what)
        drawn = series_of(database, scope, top=top)
    from nnlab.plots.learning_curves import curves as draw
    from nnlab.plots.save import save

    figure = draw(drawn.series, metrics=metric, loss=drawn.loss)
    for path in output:
        save(figure, path, drawn.provenance)
        say(f"{path}: {plural(len(drawn.series), 'trial')}, {plural(drawn.runs, 'run')}")
    if drawn.left_out:
        note(f"{plural(drawn.left_out, 'more trial')} not drawn; --top N draws more")


@app.command("lr")
@with_settings
def learning_rate(
    *,
    output: Output = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="settings in a file, as `lr = 0.1`"),
    ] = None,
    steps: Annotated[
        int,
        typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="steps in an epoch"),
    ] = 100,
    db: Db = None,
    **settings: Any,
) -> None:
    """Draw the learning rate over epochs for settings that are not trained yet.

    Options are those of train; lists make several lines.

    [bold]Examples[/bold]

        nnlab plot lr --decay exp,inv,step,cosine -o lr.pdf

        nnlab plot lr --decay wsd --warmup 2 --lr 0.01,0.1 -o lr.png
    """
    from nnlab.cli import learning_rates
    from nnlab.cli.plan import Typed, read_config

    output = _checked(output, "lr")
    typed = read_config(config, Typed(settings=given(settings)))
    learning_rates.draw(typed, output, steps=steps, db=db)


@app.command()
def remedy(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY", help="as nnlab remedy named it", autocompletion=completion.studies
        ),
    ],
    *,
    output: Output = None,
    db: Db = None,
) -> None:
    """Draw what remedies changed, each with its interval.

    [bold]Examples[/bold]

        nnlab plot remedy remedy/12 -o remedies.pdf
    """
    from nnlab.cli import remedies

    remedies.draw(study, _checked(output, "remedy"), db=db)


def _checked(output: list[Path] | None, name: str) -> list[Path]:
    """The files to draw to, each of a format that can be drawn.

    Raises:
        UsageError: there are none, or a suffix names no format.
    """
    from nnlab.plots.save import check_format

    if not output:
        raise UsageError(f"nnlab plot {name} needs a file to draw to", hint=f"add -o {name}.pdf")
    for path in output:
        check_format(path)
    return output
