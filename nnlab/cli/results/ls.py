"""`nnlab ls`: lists runs, newest first."""

from collections.abc import Mapping
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
from nnlab.records import MetricSummary, Run, Status

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
        summaries = store.summaries(database, ids)
        findings = store.findings(database, ids)
    fields = distinguishing_fields([run.trial.setting for run in runs])
    rows = [
        _run_cells(
            run,
            fields,
            summaries.get(run.id, {}),
            [finding.code for finding in table_findings(findings.get(run.id, ()))],
        )
        for run in runs
    ]
    render(rows, COLUMNS, format)
    if format is Format.TABLE and limit and len(runs) == limit:
        say(f"only the newest {limit}; --limit 0 lists all", style="dim")


def _study_id(db: store.Database, name: str, *, removed: bool) -> int:
    removed_studies = {study.name: study.id for study in store.all_studies(db, removed=True)}
    if removed and name in removed_studies:
        return removed_studies[name]
    return store.find_study(db, name).id


def _run_cells(
    run: Run, fields: tuple[str, ...], metrics: Mapping[str, MetricSummary], flags: list[str]
) -> Mapping[str, Any]:
    objective = str(run.trial.setting.get("objective", "")).partition(":")[0]
    summary = metrics.get(objective)
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
        "best": summary.best if summary else None,
        "best_epoch": summary.best_epoch if summary else None,
        "flags": flags,
        "tags": list(run.tags),
        "started_at": run.started_at.isoformat() if run.started_at else None,
    }


def format_local_time(time: datetime) -> str:
    """A time in the local time zone, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
