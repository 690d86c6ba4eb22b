"""`nnlab rm`: takes runs and studies out of sight, and brings them back."""

from collections.abc import Sequence
from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.selection import RunSelection, select_runs
from nnlab.cli import completion
from nnlab.cli.confirm import ask_confirmation
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format
from nnlab.cli.output.render import TableColumn, format_bytes, render, say
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Run

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("what", "what"),
    TableColumn("runs", "runs", right=True),
    TableColumn("stand", "state", wrap=True),
    TableColumn("size", "models and checkpoints", format_bytes, right=True, priority=1),
)

# So many runs are shown one by one.
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
        bool, typer.Option("--undo", help="bring them back; without a name, what was removed last")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    db: DbOption = None,
) -> None:
    """Remove runs or studies: no command shows or counts them any more.

    They stay in the database, and --undo brings them back, until `nnlab db gc`
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
    chosen = select_runs(db, names)
    render(_selection_rows(db, chosen), COLUMNS, Format.TABLE)
    if not ask_confirmation(
        f"remove {_count_text(len(chosen.studies), len(chosen.runs))}?", yes=yes
    ):
        say("nothing was removed")
        raise typer.Exit(1)
    done = store.remove(
        db,
        study_ids=[study.id for study in chosen.studies],
        run_ids=[run.id for run in chosen.runs],
    )
    say(f"removed {_count_text(len(done.studies), len(done.runs))}")
    say("nnlab rm --undo brings back, nnlab db gc deletes for good", style="dim")


def _restore(db: store.Database, names: Sequence[str]) -> None:
    if names:
        chosen = select_runs(db, names, removed=True)
        studies = [study.id for study in chosen.studies]
        # The store knows which of a study's runs come back with it.
        runs = [run.id for run in chosen.single_runs]
    else:
        last = store.last_removal(db)
        studies, runs = list(last.studies), list(last.runs)
    done = store.restore(db, study_ids=studies, run_ids=runs)
    if not (done.studies or done.runs):
        raise UsageError("nothing is removed" + (f" of {', '.join(names)}" if names else ""))
    say(f"brought back {_count_text(len(done.studies), len(done.runs))}")


def _selection_rows(db: store.Database, chosen: RunSelection) -> list[dict[str, object]]:
    """A row for each study, and for each of the first runs that were named alone."""
    runs: dict[str, list[Run]] = {study.name: [] for study in chosen.studies}
    for run in chosen.runs_of_studies:
        runs[run.trial.study].append(run)
    rows = [_selection_cells(db, f"study {name}", found) for name, found in runs.items()]
    alone = [run for run in chosen.single_runs if run.trial.study not in runs]
    rows += [
        _selection_cells(db, f"run {run.id} of {run.trial.study}", [run])
        for run in alone[:_MAX_ROWS]
    ]
    if rest := alone[_MAX_ROWS:]:
        rows.append(_selection_cells(db, "other runs", rest))
    return rows


def _selection_cells(db: store.Database, what: str, runs: Sequence[Run]) -> dict[str, object]:
    stand: dict[str, int] = {}
    for run in runs:
        stand[run.status] = stand.get(run.status, 0) + 1
    return {
        "what": what,
        "runs": len(runs),
        "stand": ", ".join(f"{count:,} {status}" for status, count in stand.items()),
        "size": store.total_size(store.existing_run_folders(db, [run.id for run in runs])),
    }


def _count_text(studies: int, runs: int) -> str:
    told = [format_count(runs, "run")] if runs or not studies else []
    if studies:
        told.append("1 study" if studies == 1 else f"{studies:,} studies")
    return " and ".join(told)
