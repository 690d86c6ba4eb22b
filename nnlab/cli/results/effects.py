"""`nnlab effects`: importance of the choices of a study."""

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
from nnlab.cli.options import DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.stats.rounding import ROUNDING_NOISE
from nnlab.stats.variance_shares import VarianceShare

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("choice", "choice", wrap=True),
    TableColumn("share", "share of variance", lambda value: f"{value:.1%}", align_right=True),
    TableColumn(
        "interval",
        "90 % interval",
        lambda bounds: f"{bounds[0]:.1%} to {bounds[1]:.1%}",
        align_right=True,
        priority=2,
    ),
    TableColumn("best", "best value", priority=1),
    TableColumn(
        "reach", "range of the means", lambda value: f"{value:.3g}", align_right=True, priority=3
    ),
)


@app.command()
def effects(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help="studies, or runs by number or name",
            autocompletion=completion.studies_and_runs,
        ),
    ],
    *,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", "--metric", metavar="METRIC", help="metric \\[default: the study's objective]"
        ),
    ] = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Show which choices matter: the share of variance that each choice, and each pair, explains.

    Uses analysis of variance if every combination of the values was trained, otherwise functional
    ANOVA of a random forest. Trials are averaged over seeds.

    [bold]Examples[/bold]

        nnlab effects depth

        nnlab effects depth --by val/loss --format json
    """
    with open_db(db) as database:
        result = compute_effects(database, resolve_scope(database, names), by=by)
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
            f"{result.method} of {ranking.objective.metric}, {result.trials} trials; the share of"
            " a pair is that of its interaction",
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
        "reach": _range_of(values) if values else None,
    }


def _range_of(means: Sequence[float]) -> float:
    """The distance of the largest and smallest mean; 0 if it is a rounding error."""
    distance = max(means) - min(means)
    return distance if distance > ROUNDING_NOISE * max(map(abs, means)) else 0.0
