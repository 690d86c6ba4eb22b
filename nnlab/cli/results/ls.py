"""`nnlab ls`: lists runs, newest first."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import MAX_ROWS, DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.diagnosis.headlines import table_findings
from nnlab.errors import UnknownName
from nnlab.records import Objective, Run, Status

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("run", "run", align_right=True),
    TableColumn("study", "study", priority=4),
    TableColumn("name", "name", priority=5),
    TableColumn("trial", "trial", wrap=True),
    TableColumn("seed", "seed", align_right=True, priority=1),
    TableColumn("status", "status"),
    TableColumn("epochs", "epochs", align_right=True, priority=2),
    TableColumn("epochs_planned", "of", align_right=True, priority=3),
    TableColumn("val_rmse", "val/rmse", lambda value: f"{value:.5g}", align_right=True, priority=1),
    TableColumn("val_mae", "val/mae", lambda value: f"{value:.5g}", align_right=True, priority=2),
    TableColumn("metric", "metric", priority=1),
    TableColumn("best", "best", lambda value: f"{value:.5g}", align_right=True),
    TableColumn("best_epoch", "at epoch", align_right=True, priority=3),
    TableColumn("flags", "flags", ", ".join, wrap=True, priority=2),
    TableColumn("tags", "tags", ", ".join, wrap=True, priority=6),
    TableColumn(
        "started_at",
        "started",
        lambda time: format_local_time(datetime.fromisoformat(time)),
        priority=5,
    ),
)
_ERROR_KEYS = ("val_rmse", "val_mae")


@app.command("ls")
def list_runs(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            show_default=False,
            help="a study \\[default: all]",
            autocompletion=completion.studies,
        ),
    ] = None,
    *,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help=f"only runs of this status: {', '.join(Status)}"
        ),
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="only runs with this tag")] = None,
    removed: Annotated[
        bool, typer.Option("--removed", help="only runs that `nnlab rm` removed")
    ] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            max=MAX_ROWS,
            metavar="N",
            help="maximum number of runs, 0 for all",
        ),
    ] = 20,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """List runs, newest first.

    [bold]Examples[/bold]

        nnlab ls

        nnlab ls depth --status failed --format json
    """
    if status is not None and status not in list(Status):
        raise UnknownName("status", status, list(Status))
    with open_db(db) as database:
        study_id = _study_id(database, study, removed=removed) if study else None
        runs = store.runs(
            database,
            study=study_id,
            status=Status(status) if status else None,
            tag=tag,
            limit=limit or None,
            newest_first=True,
            removed=removed,
        )
        ids = [run.id for run in runs]
        best = _best_objectives(database, runs)
        errors = {
            metric: store.values_at_selected_epoch(database, ids, metric)
            for metric in ("val/rmse", "val/mae")
        }
        findings = store.findings(database, ids)
    fields = distinguishing_fields([run.trial.setting for run in runs])
    rows = [
        _run_cells(
            run,
            fields,
            best.get(run.id),
            {metric: values.get(run.id) for metric, values in errors.items()},
            [finding.code for finding in table_findings(findings.get(run.id, ()))],
        )
        for run in runs
    ]
    # Errors in the unit of the target, before the loss of standardised targets.
    is_regression = any(row["val_rmse"] is not None for row in rows)
    columns = [column for column in COLUMNS if is_regression or column.key not in _ERROR_KEYS]
    render(rows, COLUMNS if format is Format.JSON else columns, format)
    if format is Format.TABLE and limit and len(runs) == limit:
        say(f"only the newest {limit}; --limit 0 lists all", style="dim")


def _study_id(db: store.Database, name: str, *, removed: bool) -> int:
    removed_studies = {study.name: study.id for study in store.all_studies(db, removed=True)}
    if removed and name in removed_studies:
        return removed_studies[name]
    return store.find_study(db, name).id


def _best_objectives(db: store.Database, runs: Sequence[Run]) -> dict[int, tuple[float, int]]:
    """The best value of each run's objective, and its epoch."""
    runs_by_objective: dict[str, list[int]] = {}
    for run in runs:
        if objective := run.trial.setting.get("objective"):
            runs_by_objective.setdefault(str(objective), []).append(run.id)
    best: dict[int, tuple[float, int]] = {}
    for text, ids in runs_by_objective.items():
        parsed = Objective.parse(text)
        best |= store.best_values(db, ids, parsed.metric, parsed.direction)
    return best


def _run_cells(
    run: Run,
    fields: tuple[str, ...],
    best: tuple[float, int] | None,
    errors: Mapping[str, tuple[int, float] | None],
    flags: list[str],
) -> Mapping[str, Any]:
    objective = str(run.trial.setting.get("objective", "")).partition(":")[0]
    values = {metric: value[1] if value else math.nan for metric, value in errors.items()}
    return {
        "run": run.id,
        "study": run.trial.study,
        "name": run.name,
        "trial": setting_label(run.trial.setting, fields),
        "seed": run.seed,
        "status": str(run.status),
        "epochs": run.epochs,
        "epochs_planned": run.epochs_planned,
        "metric": objective or None,
        "best": best[0] if best else None,
        "best_epoch": best[1] if best else None,
        **{
            metric.replace("/", "_"): None if math.isnan(value) else value
            for metric, value in values.items()
        },
        "flags": flags,
        "tags": list(run.tags),
        "started_at": run.started_at.isoformat() if run.started_at else None,
    }


def format_local_time(time: datetime) -> str:
    """A time in the local time zone, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
