"""`nnlab studies`: lists studies and their progress."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.analysis.plain_values import study_values
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render
from nnlab.records import Status
from nnlab.study.builtin_overview import BuiltinStudyOverview, builtin_study_overviews

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("study", "study"),
    TableColumn("question", "question", wrap=True, priority=3),
    TableColumn("objective", "objective", priority=4),
    TableColumn("trials", "trials", align_right=True, priority=2),
    TableColumn(
        "seeds",
        "seeds",
        lambda seeds: str(len(seeds)) if seeds else "any",
        align_right=True,
        priority=2,
    ),
    TableColumn("runs", "runs", align_right=True),
    *(
        TableColumn(status, status, lambda n: str(n) if n else "", align_right=True, priority=1)
        for status in Status
    ),
)


BUILTIN_COLUMNS = (
    TableColumn("study", "study"),
    TableColumn("question", "question", wrap=True),
    TableColumn("claim", "claim", wrap=True, priority=2),
    TableColumn("arms", "arms", align_right=True, priority=1),
    TableColumn("seeds", "seeds", align_right=True, priority=1),
    TableColumn("verdict", "verdict here", priority=1),
    TableColumn("published_verdicts", "published", ", ".join, priority=1),
    *(
        TableColumn(name, name, hidden=True)
        for name in ("comparisons", "subclaims", "verdict_seeds", "pilot_seeds", "published")
    ),
)


@app.command()
def studies(
    *,
    builtin: Annotated[
        bool,
        typer.Option(
            "--builtin", help="the studies included in nnlab, whether or not they were trained"
        ),
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """List studies and their progress.

    [bold]Examples[/bold]

        nnlab studies --format markdown

        nnlab studies --builtin
    """
    if builtin:
        rows = [_builtin_row(overview) for overview in builtin_study_overviews()]
        render(rows, BUILTIN_COLUMNS, format)
        return
    with open_db(db) as database:
        overviews = store.study_overviews(database)
    rows = [study_values(overview) for overview in overviews]
    render(rows, COLUMNS, format)


def _builtin_row(overview: BuiltinStudyOverview) -> Mapping[str, Any]:
    """A built-in study with the keys of docs/formats.md."""
    row = asdict(overview)
    reference = row.pop("reference")
    return {
        **row,
        "published_verdicts": list(overview.published_verdicts),
        "verdict": reference["verdict"] if reference else None,
    }
