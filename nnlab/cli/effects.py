"""`nnlab effects`: which choices of a study matter."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.options import Db, Format, FormatOption
from nnlab.cli.place import opened
from nnlab.cli.render import Column, print_json, render, say
from nnlab.report.effects import effects_of
from nnlab.report.ranking import Ranking
from nnlab.report.scope import scope_of
from nnlab.stats.variance import Share

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    Column("choice", "choice", wrap=True),
    Column("share", "share of variance", lambda value: f"{value:.1%}", right=True),
    Column(
        "interval",
        "90 % interval",
        lambda b: f"{b[0]:.0%} to {b[1]:.0%}",
        right=True,
        priority=2,
    ),
    Column("best", "best value", priority=1),
    Column("reach", "best to worst", lambda value: f"{value:.3g}", right=True, priority=3),
)


@app.command()
def effects(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help="studies, or runs",
            autocompletion=completion.studies_and_runs,
        ),
    ],
    *,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="METRIC", help="\\[default: the study's objective]"),
    ] = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: Db = None,
) -> None:
    """Say which choices matter: the share of the outcome's variance that each explains, and pairs.

    Functional ANOVA of a random forest over the values that were tried, trials averaged over seeds.

    [bold]Examples[/bold]

        nnlab effects depth

        nnlab effects depth --by val/loss --format json
    """
    with opened(db) as database:
        found = effects_of(database, scope_of(database, what), by=by)
    ranking, shares = found.ranking, found.shares
    if format is Format.JSON:
        print_json({"by": str(ranking.objective), "effects": [asdict(one) for one in shares]})
        return
    render([_row(one, ranking) for one in found.worth], COLUMNS, format)
    if format is Format.TABLE:
        judged = len(ranking.rows) - found.left
        left = f"; {found.left} without a finite value left out" if found.left else ""
        say(
            f"{ranking.objective.metric} of {judged} trials; a pair's share is what it adds to"
            f" its two choices{left}",
            style="dim",
        )


def _row(one: Share, ranking: Ranking) -> Mapping[str, Any]:
    values: Sequence[float] = list(one.means.values())
    better = max if ranking.objective.direction == "max" else min
    return {
        "choice": " and ".join(one.fields),
        "share": one.share,
        "interval": (one.low, one.high),
        "best": better(one.means, key=one.means.__getitem__) if one.means else None,
        "reach": max(values) - min(values) if values else None,
    }
