"""`nnlab rm`: removes runs and studies, and restores them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.selection import RunSelection, select_runs
from nnlab.cli import completion
from nnlab.cli.confirm import ask_confirmation
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, format_bytes, render, say
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Run

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("name", "name"),
    TableColumn("runs", "runs", align_right=True),
    TableColumn("state", "state", wrap=True),
    TableColumn("size", "models and checkpoints", format_bytes, align_right=True, priority=1),
)

# Further runs are summarized in one row.
_MAX_ROWS = 20


@app.command()
def rm(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|STUDY...",
            show_default=False,
            help="runs by number or name, or whole studies",
            autocompletion=completion.studies_and_runs,
        ),
    ] = None,
    *,
    undo: Annotated[
        bool, typer.Option("--undo", help="restore them; without a name, what was removed last")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    db: DbOption = None,
) -> None:
    """Remove runs or studies: commands no longer show or count them.

    They stay in the database, and --undo restores them, until `nnlab db gc`
    deletes them. `nnlab ls --removed` lists them.

    [bold]Examples[/bold]

        nnlab rm 12 --yes

        nnlab rm --undo
    """
    with open_db(db, write=True) as database:
        if undo:
            _restore(database, names or ())
        elif names:
            _remove(database, names, yes=yes)
        else:
            raise UsageError("rm needs the name of a study, or runs by number or name")


def _remove(db: store.Database, names: Sequence[str], *, yes: bool) -> None:
    selection = select_runs(db, names)
    render(_selection_rows(db, selection), COLUMNS, Format.TABLE)
    count = _count_text(len(selection.studies), len(selection.runs))
    if not ask_confirmation(f"remove {count}?", yes=yes):
        say("nothing was removed")
        raise typer.Exit(1)
    removal = store.remove(
        db,
        study_ids=[study.id for study in selection.studies],
        run_ids=[run.id for run in selection.runs],
    )
    say(f"removed {_count_text(len(removal.study_ids), len(removal.run_ids))}")
    say("nnlab rm --undo restores them, nnlab db gc deletes them permanently", style="dim")


def _restore(db: store.Database, names: Sequence[str]) -> None:
    if names:
        selection = select_runs(db, names, removed=True)
        studies = [study.id for study in selection.studies]
        # The store restores the runs that were removed together with their study.
        runs = [run.id for run in selection.single_runs]
    else:
        latest = store.last_removal(db)
        studies, runs = list(latest.study_ids), list(latest.run_ids)
    restored = store.restore(db, study_ids=studies, run_ids=runs)
    if not (restored.study_ids or restored.run_ids):
        raise UsageError("nothing is removed" + (f" of {', '.join(names)}" if names else ""))
    say(f"restored {_count_text(len(restored.study_ids), len(restored.run_ids))}")


def _selection_rows(db: store.Database, selection: RunSelection) -> list[dict[str, object]]:
    """A row for each study, and for each of the first runs that were named without their study."""
    by_study: dict[str, list[Run]] = {study.name: [] for study in selection.studies}
    for run in selection.runs_of_studies:
        by_study[run.trial.study].append(run)
    rows = [_selection_cells(db, f"study {name}", runs) for name, runs in by_study.items()]
    single = [run for run in selection.single_runs if run.trial.study not in by_study]
    rows += [
        _selection_cells(db, f"run {run.id} of {run.trial.study}", [run])
        for run in single[:_MAX_ROWS]
    ]
    if remaining := single[_MAX_ROWS:]:
        rows.append(_selection_cells(db, "other runs", remaining))
    return rows


def _selection_cells(db: store.Database, name: str, runs: Sequence[Run]) -> dict[str, object]:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    return {
        "name": name,
        "runs": len(runs),
        "state": ", ".join(f"{count:,} {status}" for status, count in counts.items()),
        "size": store.total_size(store.existing_run_folders(db, [run.id for run in runs])),
    }


def _count_text(studies: int, runs: int) -> str:
    counts = [format_count(runs, "run")] if runs or not studies else []
    if studies:
        counts.append("1 study" if studies == 1 else f"{studies:,} studies")
    return " and ".join(counts)
