"""`nnlab effects`: which choices of a study matter."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from nnlab.analysis.effects import compute_effects
from nnlab.analysis.records import Ranking
from nnlab.analysis.scope import resolve_scope
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format, FormatOption
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.stats.variance_shares import VarianceShare

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("choice", "choice", wrap=True),
    TableColumn("share", "share of variance", lambda value: f"{value:.1%}", right=True),
    TableColumn(
        "interval",
        "90 % interval",
        lambda b: f"{b[0]:.1%} to {b[1]:.1%}",
        right=True,
        priority=2,
    ),
    TableColumn("best", "best value", priority=1),
    TableColumn("reach", "best to worst", lambda value: f"{value:.3g}", right=True, priority=3),
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
    db: DbOption = None,
) -> None:
    """Say which choices matter: the share of the outcome's variance that each explains, and pairs.

    Analysis of variance where every combination of the values was trained; else functional ANOVA of
    a random forest, trials averaged over seeds.

    [bold]Examples[/bold]

        nnlab effects depth

        nnlab effects depth --by val/loss --format json
    """
    with open_db(db) as database:
        result = compute_effects(database, resolve_scope(database, what), by=by)
    ranking = result.ranking
    if format is Format.JSON:
        print_json(
            {
                "by": str(ranking.objective),
                "method": str(result.method),
                "notes": list(result.notes),
                "effects": [asdict(share) for share in result.shares],
            }
        )
        return
    render([_effect_cells(share, ranking) for share in result.notable_shares], COLUMNS, format)
    if format is Format.TABLE:
        say(
            f"{result.method} of {ranking.objective.metric}, {result.trials} trials; a pair's share"
            " is what it adds to its two choices",
            style="dim",
        )
        for line in (*result.notes, *ranking.left_out):
            say(line, style="dim")


def _effect_cells(share: VarianceShare, ranking: Ranking) -> Mapping[str, Any]:
    values: Sequence[float] = list(share.means.values())
    better = max if ranking.objective.direction == "max" else min
    return {
        "choice": " and ".join(share.fields),
        "share": share.share,
        "interval": None if math.isnan(share.low) else (share.low, share.high),
        "best": better(share.means, key=share.means.__getitem__) if share.means else None,
        "reach": max(values) - min(values) if values else None,
    }
