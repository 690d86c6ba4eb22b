"""`nnlab show`: all stored information about a run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.analysis.arm_labels import load_arms
from nnlab.analysis.objectives import define_hint, objectives_of_runs, resolve_direction
from nnlab.analysis.plain_values import finding_values
from nnlab.analysis.run_metrics import metric_rows
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, print_pairs, render, say
from nnlab.cli.output.script_output import output_lines
from nnlab.cli.results.findings import print_findings
from nnlab.cli.results.ls import format_local_time
from nnlab.cli.results.show_external import external_json, external_lines, print_samples
from nnlab.cli.train.train import messages
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.redaction import mask_diff
from nnlab.io.text import format_count, format_seed, position_number, position_text
from nnlab.metric_names import is_evaluation
from nnlab.objective import EVALUATION_PREFIX, is_layer_quantile
from nnlab.records import Artifact, Attempt, Axis, Run
from nnlab.settings import metric_directions
from nnlab.stats import format_duration

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Prefixes of metrics that are measured once, which the table omits.
_MEASURED_ONCE = ("data/", "probe/start_", "probe/model_")
# Of the output of a script.
_OUTPUT_LINES = 10


def _metric_columns(axis: Axis) -> tuple[TableColumn, ...]:
    def position(number: float) -> str:
        return position_number(number, [axis])

    return (
        TableColumn("metric", "metric"),
        TableColumn("last", "last", lambda value: f"{value:.5g}", align_right=True),
        TableColumn("last_epoch", axis, position, align_right=True, priority=2),
        TableColumn("best", "best", lambda value: f"{value:.5g}", align_right=True),
        TableColumn("best_epoch", f"at {axis}", position, align_right=True, priority=1),
        TableColumn("n", "points", lambda n: f"{n:,}", align_right=True, priority=3),
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
        bool, typer.Option("--curves", help="list every epoch; use json or csv for programs")
    ] = False,
    samples: Annotated[
        str | None,
        typer.Option(
            "--samples",
            metavar="METRIC",
            help="list every value of a metric that another program logged",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Show a run: setting, state, environment, last and best metrics, findings.

    [bold]Examples[/bold]

        nnlab show 1

        nnlab show 1 --curves --format csv

        nnlab show 1 --samples train/loss --format csv
    """
    if curves and samples is not None:
        raise UsageError("--curves and --samples exclude each other")
    with open_db(db) as database:
        runs = store.find_runs(database, [run])
        if format is Format.JSON and not curves and samples is None:
            print_json([_run_json(database, found_run) for found_run in runs])
            return
        for found_run in runs:
            if samples is not None:
                print_samples(database, found_run, samples, format)
            elif curves:
                _print_curves(database, found_run, format)
            else:
                _print_run(database, found_run, format)


def _run_json(db: store.Database, run: Run) -> Mapping[str, Any]:
    """All stored information, with stable keys (docs/formats.md)."""
    return {
        **_run_state(run),
        "arm": load_arms(db).arm_of(run.trial) or None,
        **external_json(db, run),
        "setting": dict(run.trial.setting),
        "metrics": metric_rows(db, run),
        "findings": [finding_values(f) for f in store.findings(db, [run.id]).get(run.id, ())],
        "attempts": [_attempt_json(attempt) for attempt in store.attempts(db, run.id)],
        "artifacts": [
            {"kind": a.kind, "path": path, "bytes": a.size} for a, path in _artifact_paths(db, run)
        ],
    }


def _artifact_paths(db: store.Database, run: Run) -> list[tuple[Artifact, str]]:
    """The artifacts of a run and their paths."""
    folder = store.artifacts_folder(db, run.artifacts).display_name
    return [(item, f"{folder}/{item.path}") for item in store.artifacts(db, run.id)]


def _print_run(db: store.Database, run: Run, output_format: Format) -> None:
    metrics = metric_rows(db, run)
    if output_format is not Format.TABLE:
        render(metrics, _metric_columns(run.axis), output_format)
        return
    say(f"run {run.id}  {run.status}" + (f": {run.reason}" if run.reason else ""), style="bold")
    print_pairs([*_state_lines(db, run), *external_lines(db, run)])
    messages.print_setting([run.trial.setting])
    attempts = store.attempts(db, run.id)
    print_pairs(_environment_lines(attempts), unbroken=("Command",))
    if attempts and attempts[-1].traceback:
        say(attempts[-1].traceback)
    print_pairs(
        [("Artifact", path) for _, path in _artifact_paths(db, run)], unbroken=("Artifact",)
    )
    repeated = [row for row in metrics if not str(row["metric"]).startswith(_MEASURED_ONCE)]
    curves = [row for row in repeated if not is_layer_quantile(str(row["metric"]))]
    curves.sort(key=lambda row: _is_standardised(str(row["metric"])))
    render(curves, _metric_columns(run.axis), Format.TABLE)
    for line in _unranked_notes(db, run, [str(row["metric"]) for row in curves]):
        say(line, style="dim")
    if quantiles := len(repeated) - len(curves):
        say(
            f"{quantiles} quantiles of weights and gradients are not shown;"
            f" {quote_command('nnlab', 'plot', 'histograms', run.id)} draws them",
            style="dim",
        )
    if hidden := len(metrics) - len(repeated):
        say(
            f"{hidden} metrics of the data and the untrained model (data/, probe/start_,"
            " probe/model_) are not shown; --format csv lists them",
            style="dim",
        )
    print_findings(store.findings(db, [run.id]).get(run.id, ()), axis=run.axis)
    for line in output_lines(db, run, _OUTPUT_LINES):
        say(line, style="dim")


def _print_curves(db: store.Database, run: Run, output_format: Format) -> None:
    history = store.history(db, run.id)
    epochs = sorted({epoch for name in history.metrics for epoch, _ in history[name]})
    shown = [
        name
        for name in history.metrics
        if output_format is not Format.TABLE or not is_layer_quantile(name)
    ]
    names = sorted(shown, key=_is_standardised)
    values = {name: dict(history[name]) for name in names}
    rows = [{run.axis: e, **{name: values[name].get(e) for name in values}} for e in epochs]
    columns = [
        TableColumn(run.axis, run.axis, lambda n: position_number(n, [run.axis]), align_right=True),
        *(
            TableColumn(
                name,
                name,
                lambda value: f"{value:.5g}",
                align_right=True,
                priority=_column_priority(name),
            )
            for name in values
        ),
    ]
    render(rows, columns, output_format)


def _is_standardised(metric: str) -> bool:
    """False for errors in the unit of the target, which are shown first."""
    return metric.rpartition("/")[2].removesuffix("_exact") not in ("rmse", "mae")


def _unranked_notes(db: store.Database, run: Run, metrics: Sequence[str]) -> list[str]:
    """A note on the metrics of the user whose direction is unknown."""
    user, declared = store.user_directions(db), metric_directions(run.trial.setting)
    unknown = [
        name
        for name in metrics
        if (is_evaluation(name) if run.origin.is_external else name.startswith("val/"))
        and not name.startswith(EVALUATION_PREFIX)
        and name not in user
        and resolve_direction(name, user, declared) is None
    ]
    if not unknown:
        return []
    if run.origin.is_external:
        return [
            f"no best value of {', '.join(unknown)}: it is not known whether lower or higher is"
            f" better; {define_hint(unknown[0])}, or :min"
        ]
    return [
        f"no best value of {', '.join(unknown)}: it is not known whether lower or higher is better;"
        f" --metrics NAME:max or --by {unknown[0]}:max says so"
    ]


def _column_priority(metric: str) -> int:
    """The priority of a metric's column: the most important metrics are dropped last.

    >>> _column_priority("val/loss") < _column_priority("lr") < _column_priority("grad/norm")
    True
    """
    important = (
        *("val/rmse", "train/rmse", "val/mae", "train/mae"),
        *("val/loss", "train/loss", "val/accuracy", "val/r2", "train/accuracy", "train/r2"),
        "lr",
    )
    return important.index(metric) + 1 if metric in important else len(important) + 1


def _run_state(run: Run) -> Mapping[str, Any]:
    return {
        "run": run.id,
        "study": run.trial.study,
        "trial": run.trial.id,
        "digest": run.trial.digest,
        "seed": run.seed,
        "origin": str(run.origin),
        "axis": run.axis,
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


def _iso_time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _attempt_json(attempt: Attempt) -> Mapping[str, Any]:
    environment = attempt.environment
    return {
        "attempt": attempt.id,
        "hostname": environment.hostname if environment else None,
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
        if environment is None
        else {
            "platform": environment.platform,
            "python": environment.python,
            "torch": environment.torch,
            "nnlab": environment.nnlab,
            "packages": dict(environment.packages),
            "device": environment.device,
            "threads": environment.threads,
            "git_commit": environment.git_commit,
            "git_dirty": environment.git_dirty,
            "git_diff": environment.git_diff and mask_diff(environment.git_diff),
        },
    }


def _state_lines(db: store.Database, run: Run) -> list[tuple[str, str]]:
    lines = [
        ("Study", f"{run.trial.study}, trial {run.trial.id} ({run.trial.digest})"),
        *([("Arm", arm)] if (arm := load_arms(db).arm_of(run.trial)) else []),
        ("Seed", format_seed(run.seed) + (f", repeat {run.repeat}" if run.repeat else "")),
        (f"{run.axis.capitalize()}s", _progress_text(run)),
    ]
    if run.selected_epoch:
        objective = objectives_of_runs(db, [run], store.summaries(db, [run.id])).get(run.id)
        criterion = "" if objective is None else f" ({objective})"
        position = position_text(run.selected_epoch, run.axis)
        lines.append(("Selected", f"{position}{criterion}"))
    if run.name or run.tags:
        lines.append(("Name", " ".join([run.name or "", *(f"[{tag}]" for tag in run.tags)])))
    if run.started_at:
        lines.append(("Started", format_local_time(run.started_at)))
    if run.wall_seconds is not None:
        device = f" ({format_duration(run.device_seconds)} training)" if run.device_seconds else ""
        lines.append(("Duration", f"{format_duration(run.wall_seconds)}{device}"))
    if run.parent_id is not None:
        lines.append(("Initial weights", f"of run {run.parent_id}"))
    if run.data_fingerprint:
        lines.append(("Data hash", run.data_fingerprint))
    return lines


def _progress_text(run: Run) -> str:
    done = position_number(run.epochs, [run.axis])
    return f"{done} of {run.epochs_planned:,}" if run.epochs_planned else done


def _environment_lines(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    if not attempts:
        return []
    last = attempts[-1]
    lines = [("Command", last.command)]
    if len(attempts) > 1:
        lines.append(("Attempts", ", ".join(map(_describe_attempt, attempts))))
    elif last.engine:
        lines.append(("Engine", _describe_engine(last)))
    machine = last.environment
    if machine is None:
        return lines
    threads = format_count(machine.threads, "thread")
    lines.append(("Machine", f"{machine.hostname}, {machine.device}, {threads}"))
    versions = f"nnlab {machine.nnlab}, torch {machine.torch}, Python {machine.python}"
    lines.append(("Code", versions))
    if machine.git_commit:
        dirty = ", with uncommitted changes (stored)" if machine.git_dirty else ""
        lines.append(("Commit", machine.git_commit[:12] + dirty))
    return lines


def _describe_attempt(attempt: Attempt) -> str:
    outcome = f"{attempt.outcome or 'running'} from epoch {attempt.first_epoch}"
    return f"{outcome} ({_describe_engine(attempt)})" if attempt.engine else outcome


def _describe_engine(attempt: Attempt) -> str:
    """The engine of an attempt (single or batched) and its peak memory."""
    if attempt.peak_bytes is None:
        return str(attempt.engine)
    return f"{attempt.engine}, {attempt.peak_bytes / 2**20:,.0f} MiB"
