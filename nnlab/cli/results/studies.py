"""`nnlab studies`: what was asked, and how far the answers are."""

import tomllib
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli.database_option import opened
from nnlab.cli.options import Db, Format, FormatOption
from nnlab.cli.output.render import Column, render
from nnlab.config.space import parse_seeds
from nnlab.records import Status
from nnlab.study import builtin as builtins

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    Column("study", "study"),
    Column("question", "question", wrap=True, priority=3),
    Column("objective", "objective", priority=4),
    Column("trials", "trials", right=True, priority=2),
    Column(
        "seeds",
        "seeds",
        lambda seeds: str(len(seeds)) if seeds else "any",
        right=True,
        priority=2,
    ),
    Column("runs", "runs", right=True),
    *(
        Column(status, status, lambda n: str(n) if n else "", right=True, priority=1)
        for status in Status
    ),
)


BUILTIN_COLUMNS = (
    Column("study", "study"),
    Column("question", "question", wrap=True),
    Column("claim", "claim", wrap=True, priority=2),
    Column("arms", "arms", right=True, priority=1),
    Column("seeds", "seeds", right=True, priority=1),
)


@app.command()
def studies(
    *,
    builtin: Annotated[
        bool, typer.Option("--builtin", help="those that come with nnlab, whatever was trained")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: Db = None,
) -> None:
    """List studies and how far they are.

    [bold]Examples[/bold]

        nnlab studies --format markdown

        nnlab studies --builtin
    """
    if builtin:
        render(_builtin_rows(), BUILTIN_COLUMNS, format)
        return
    with opened(db) as database:
        found = store.studies(database)
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


def _count_of(seeds: object) -> int:
    """How many seeds a study names, by their number or one by one."""
    return seeds if isinstance(seeds, int) else len(parse_seeds(seeds))


def _builtin_rows() -> list[dict[str, object]]:
    """Read from their files: nothing is multiplied out, so no data set is loaded."""
    rows = []
    for name in builtins.names():
        content = tomllib.loads(builtins.path_of(name).read_text(encoding="utf-8"))
        rows.append(
            {
                "study": name,
                "question": content["question"],
                "claim": content["claim"],
                "arms": len(content["arm"]),
                "seeds": _count_of(content["seeds"]),
            }
        )
    return rows
