"""`nnlab studies`: what was asked, and how far the answers are."""

import tomllib
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format, FormatOption
from nnlab.cli.output.render import TableColumn, render
from nnlab.config.space import parse_seeds
from nnlab.records import Status
from nnlab.study import builtin as builtins

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("study", "study"),
    TableColumn("question", "question", wrap=True, priority=3),
    TableColumn("objective", "objective", priority=4),
    TableColumn("trials", "trials", right=True, priority=2),
    TableColumn(
        "seeds",
        "seeds",
        lambda seeds: str(len(seeds)) if seeds else "any",
        right=True,
        priority=2,
    ),
    TableColumn("runs", "runs", right=True),
    *(
        TableColumn(status, status, lambda n: str(n) if n else "", right=True, priority=1)
        for status in Status
    ),
)


BUILTIN_COLUMNS = (
    TableColumn("study", "study"),
    TableColumn("question", "question", wrap=True),
    TableColumn("claim", "claim", wrap=True, priority=2),
    TableColumn("arms", "arms", right=True, priority=1),
    TableColumn("seeds", "seeds", right=True, priority=1),
)


@app.command()
def studies(
    *,
    builtin: Annotated[
        bool, typer.Option("--builtin", help="those that come with nnlab, whatever was trained")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """List studies and how far they are.

    [bold]Examples[/bold]

        nnlab studies --format markdown

        nnlab studies --builtin
    """
    if builtin:
        render(_builtin_rows(), BUILTIN_COLUMNS, format)
        return
    with open_db(db) as database:
        found = store.study_overviews(database)
    rows = [
        {
            "study": overview.study.name,
            "question": overview.study.question,
            "objective": str(overview.study.objective) if overview.study.objective else None,
            "trials": overview.trials,
            "seeds": list(overview.study.seeds),
            "runs": overview.runs,
            **{str(status): overview.by_status.get(status, 0) for status in Status},
        }
        for overview in found
    ]
    render(rows, COLUMNS, format)


def _seed_count(seeds: object) -> int:
    """How many seeds a study names, by their number or one by one."""
    return seeds if isinstance(seeds, int) else len(parse_seeds(seeds))


def _builtin_rows() -> list[dict[str, object]]:
    """Read from their files: nothing is multiplied out, so no data set is loaded."""
    rows = []
    for name in builtins.builtin_study_names():
        content = tomllib.loads(builtins.builtin_study_path(name).read_text(encoding="utf-8"))
        rows.append(
            {
                "study": name,
                "question": content["question"],
                "claim": content["claim"],
                "arms": len(content["arm"]),
                "seeds": _seed_count(content["seeds"]),
            }
        )
    return rows
