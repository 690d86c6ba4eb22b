"""`nnlab show`: all that is known of a run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format, FormatOption
from nnlab.cli.output.render import TableColumn, print_json, print_pairs, render, say
from nnlab.cli.results.findings_table import finding_json, print_findings
from nnlab.cli.results.ls import format_local_time
from nnlab.cli.train.train import messages
from nnlab.io.redaction import mask_diff
from nnlab.records import Artifact, Attempt, MetricSummary, Run
from nnlab.stats import format_duration

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Measured once: not what a reader of a run's course looks for.
_MEASURED_ONCE = ("data/", "probe/start_")
METRIC_COLUMNS = (
    TableColumn("metric", "metric"),
    TableColumn("last", "last", lambda value: f"{value:.5g}", right=True),
    TableColumn("last_epoch", "epoch", right=True, priority=2),
    TableColumn("best", "best", lambda value: f"{value:.5g}", right=True),
    TableColumn("best_epoch", "at epoch", right=True, priority=1),
    TableColumn("n", "points", right=True, priority=3),
)


@app.command()
def show(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="a run, by number or name", autocompletion=completion.runs
        ),
    ],
    *,
    curves: Annotated[
        bool, typer.Option("--curves", help="list every point; with json or csv for programs")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Show a run: setting, state, environment, last and best metrics, findings.

    [bold]Examples[/bold]

        nnlab show 1

        nnlab show 1 --curves --format csv
    """
    with open_db(db) as database:
        found = store.find_runs(database, [run])
        if format is Format.JSON and not curves:
            print_json([_run_json(database, one) for one in found])
            return
        for one in found:
            if curves:
                _print_curves(database, one, format)
            else:
                _print_run(database, one, format)


def _metric_rows(db: store.Database, run: Run) -> list[Mapping[str, Any]]:
    summaries = store.summaries(db, [run.id]).get(run.id, {})
    return [_metric_cells(summary) for _, summary in sorted(summaries.items())]


def _run_json(db: store.Database, run: Run) -> Mapping[str, Any]:
    """All of it, with stable keys (docs/formats.md)."""
    return {
        **_run_state(run),
        "setting": dict(run.trial.setting),
        "metrics": _metric_rows(db, run),
        "findings": [finding_json(f) for f in store.findings(db, [run.id]).get(run.id, ())],
        "attempts": [_attempt_json(attempt) for attempt in store.attempts(db, run.id)],
        "artifacts": [
            {"kind": a.kind, "path": path, "bytes": a.size} for a, path in _artifact_paths(db, run)
        ],
    }


def _artifact_paths(db: store.Database, run: Run) -> list[tuple[Artifact, str]]:
    """What a run made, and where that is."""
    folder = store.artifacts_folder(db, run.artifacts).shown
    return [(made, f"{folder}/{made.path}") for made in store.artifacts(db, run.id)]


def _print_run(db: store.Database, run: Run, how: Format) -> None:
    metrics = _metric_rows(db, run)
    if how is not Format.TABLE:
        render(metrics, METRIC_COLUMNS, how)
        return
    say(f"run {run.id}  {run.status}" + (f": {run.reason}" if run.reason else ""), style="bold")
    print_pairs(_state_lines(run))
    messages.print_setting([run.trial.setting])
    attempts = store.attempts(db, run.id)
    print_pairs(_environment_lines(attempts), unbroken=("Command",))
    if attempts and attempts[-1].traceback:
        say(attempts[-1].traceback)
    print_pairs(
        [("Artifact", path) for _, path in _artifact_paths(db, run)], unbroken=("Artifact",)
    )
    moving = [one for one in metrics if not str(one["metric"]).startswith(_MEASURED_ONCE)]
    render(moving, METRIC_COLUMNS, Format.TABLE)
    if once := len(metrics) - len(moving):
        say(
            f"and {once} numbers of the data and of the untrained model (data/, probe/start_):"
            " --format csv lists them",
            style="dim",
        )
    print_findings(store.findings(db, [run.id]).get(run.id, ()))


def _print_curves(db: store.Database, run: Run, how: Format) -> None:
    history = store.history(db, run.id)
    epochs = sorted({epoch for name in history.metrics for epoch, _ in history[name]})
    values = {name: dict(history[name]) for name in history.metrics}
    rows = [{"epoch": e, **{name: values[name].get(e) for name in values}} for e in epochs]
    columns = [
        TableColumn("epoch", "epoch", right=True),
        *(
            TableColumn(
                name,
                name,
                lambda value: f"{value:.5g}",
                right=True,
                priority=_column_priority(name),
            )
            for name in values
        ),
    ]
    render(rows, columns, how)


def _column_priority(metric: str) -> int:
    """The priority of a metric's column: those that most readers look for first are kept longest.

    >>> _importance("val/loss") < _importance("train/accuracy") < _importance("grad/norm")
    True
    """
    first = ("val/loss", "train/loss", "val/accuracy", "val/r2", "train/accuracy", "train/r2", "lr")
    return first.index(metric) + 1 if metric in first else len(first) + 1


def _metric_cells(summary: MetricSummary) -> Mapping[str, Any]:
    return {
        "metric": summary.metric,
        "last": summary.last,
        "last_epoch": summary.last_epoch,
        "best": summary.best,
        "best_epoch": summary.best_epoch,
        "n": summary.n,
    }


def _run_state(run: Run) -> Mapping[str, Any]:
    return {
        "run": run.id,
        "study": run.trial.study,
        "trial": run.trial.id,
        "digest": run.trial.digest,
        "seed": run.seed,
        "repeat": run.repeat,
        "current": run.current,
        "name": run.name,
        "tags": list(run.tags),
        "status": str(run.status),
        "reason": run.reason,
        "epochs": run.epochs,
        "epochs_planned": run.epochs_planned,
        "selected_epoch": run.selected_epoch,
        "data_fingerprint": run.data_fingerprint,
        "parent": run.parent_id,
        "pruned_at": run.pruned_at,
        "stop_requested_at": _iso_time(run.stop_requested_at),
        "wall_seconds": run.wall_seconds,
        "device_seconds": run.device_seconds,
        "created_at": run.created_at.isoformat(),
        "started_at": _iso_time(run.started_at),
        "ended_at": _iso_time(run.ended_at),
    }


def _iso_time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _attempt_json(attempt: Attempt) -> Mapping[str, Any]:
    where = attempt.environment
    return {
        "attempt": attempt.id,
        "hostname": where.hostname if where else None,
        "pid": attempt.pid,
        "command": attempt.command,
        "first_epoch": attempt.first_epoch,
        "outcome": attempt.outcome,
        "engine": attempt.engine,
        "peak_bytes": attempt.peak_bytes,
        "traceback": attempt.traceback,
        "started_at": attempt.started_at.isoformat(),
        "ended_at": _iso_time(attempt.ended_at),
        "environment": None
        if where is None
        else {
            "platform": where.platform,
            "python": where.python,
            "torch": where.torch,
            "nnlab": where.nnlab,
            "packages": dict(where.packages),
            "device": where.device,
            "threads": where.threads,
            "git_commit": where.git_commit,
            "git_dirty": where.git_dirty,
            "git_diff": mask_diff(where.git_diff) if where.git_diff else where.git_diff,
        },
    }


def _state_lines(run: Run) -> list[tuple[str, str]]:
    lines = [
        ("Study", f"{run.trial.study}, trial {run.trial.id} ({run.trial.digest})"),
        ("Seed", str(run.seed) + (f", repeat {run.repeat}" if run.repeat else "")),
        ("Epochs", f"{run.epochs} of {run.epochs_planned}"),
    ]
    if run.selected_epoch:
        lines.append(("Selected", f"epoch {run.selected_epoch} ({run.trial.setting['objective']})"))
    if run.name or run.tags:
        lines.append(("Name", " ".join([run.name or "", *(f"[{tag}]" for tag in run.tags)])))
    if run.started_at:
        lines.append(("Started", format_local_time(run.started_at)))
    if run.wall_seconds is not None:
        device = (
            f", {format_duration(run.device_seconds)} of it training" if run.device_seconds else ""
        )
        lines.append(("Took", f"{format_duration(run.wall_seconds)}{device}"))
    if run.parent_id is not None:
        lines.append(("Began with", f"the weights of run {run.parent_id}"))
    if run.data_fingerprint:
        lines.append(("Data hash", run.data_fingerprint))
    return lines


def _environment_lines(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    if not attempts:
        return []
    last = attempts[-1]
    lines = [("Command", last.command)]
    if len(attempts) > 1:
        lines.append(("Attempts", ", ".join(map(_describe_attempt, attempts))))
    elif last.engine:
        lines.append(("Engine", _describe_engine(last)))
    where = last.environment
    if where is None:
        return lines
    threads = f"{where.threads} thread{'s' if where.threads > 1 else ''}"
    lines.append(("Machine", f"{where.hostname}, {where.device}, {threads}"))
    lines.append(("Code", f"nnlab {where.nnlab}, torch {where.torch}, Python {where.python}"))
    if where.git_commit:
        dirty = ", with uncommitted changes (kept)" if where.git_dirty else ""
        lines.append(("Commit", where.git_commit[:12] + dirty))
    return lines


def _describe_attempt(attempt: Attempt) -> str:
    told = f"{attempt.outcome or 'running'} from epoch {attempt.first_epoch}"
    return f"{told} ({_describe_engine(attempt)})" if attempt.engine else told


def _describe_engine(attempt: Attempt) -> str:
    """How an attempt was trained: alone, or one of many in one program; the memory it took."""
    if attempt.peak_bytes is None:
        return str(attempt.engine)
    return f"{attempt.engine}, {attempt.peak_bytes / 2**20:,.0f} MiB"
