"""What `train` and `init-study` print: notes, the queued runs, events, and the result."""

from collections.abc import Sequence
from functools import partial

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.scope import scope_of_runs
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, render, say
from nnlab.cli.results.compare.ranking_table import print_rankings
from nnlab.cli.train.train.messages import print_more_seeds_command, print_setting
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import Run, Study
from nnlab.settings import builtin_fields
from nnlab.study.dry_run import DryRun
from nnlab.study.events import ExecutionEvent, SamplerTrialsQueued
from nnlab.study.execution import ExecutionResult
from nnlab.study.progress_lines import event_line
from nnlab.study.queue import OPEN_STUDY, QueuedRuns
from nnlab.study.queue_notes import queue_notes
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import Specification
from nnlab.study.spec import StudySpec, shortfall_notes
from nnlab.workers.spool import retry_when_disconnected

_MAX_ROWS = 20
_MAX_SEEDS = 10


def print_notes(request: TrainRequest, specification: Specification) -> None:
    """Prints notes about a request: fewer trials or seeds than it counts, how data was read."""
    if isinstance(specification, StudySpec):
        for text in shortfall_notes(request, specification):
            note(text)


def print_queued(queued: QueuedRuns, *, quiet: bool = False) -> None:
    """Prints the settings, changes of the study, and how many runs are new or finished."""
    for text in queue_notes(queued):
        note(text)
    if quiet:
        return
    print_setting([spec.setting for spec in queued.run_specs])
    print_changes(queued.study, queued.changes)
    _print_counts(queued.study, queued.enqueued)


def _print_counts(study: Study, enqueued: store.EnqueueResult) -> None:
    """Prints how many runs are new, waiting, retried, running and finished."""
    parts = [f"{format_count(len(enqueued.run_ids), 'run')} in study '{study.name}'"]
    for count, state in (
        (enqueued.created, "new"),
        (enqueued.already_waiting, "waiting or interrupted"),
        (enqueued.retried, "failed before, tried again"),
        (enqueued.already_running, "trained by another worker now"),
        (enqueued.already_ended, "already trained"),
    ):
        if count:
            parts.append(f"{count:,} {state}")
    say(parts[0] + ": " + ", ".join(parts[1:]))
    if enqueued.already_ended == len(enqueued.run_ids):
        say("nothing to train; --again trains once more", style="dim")


def print_changes(study: Study, lines: Sequence[str]) -> None:
    """Prints what was added to a study."""
    for line in lines:
        say(f"study '{study.name}': {line}")


def print_event(event: ExecutionEvent) -> None:
    """Prints an event of the execution: on standard output what was queued, else a note."""
    show = say if isinstance(event, SamplerTrialsQueued) else note
    show(event_line(event))


def print_result(db: store.Database, result: ExecutionResult, *, quiet: bool) -> None:
    """Prints the ranking of the executed runs, and commands to continue with.

    Raises:
        NnlabError: the error of the result, after everything is printed.
    """
    runs, rankings = retry_when_disconnected(partial(_rank_runs, db, result.run_ids), note)
    if rankings:
        print_rankings(rankings, Format.TABLE)
    if rankings and not quiet:
        if len(rankings) == 1:
            print_more_seeds_command(db, rankings[0])
        _print_next_commands(runs[0].trial.study, [run.id for run in runs])
    if result.error is not None:
        raise result.error


def _rank_runs(
    db: store.Database, run_ids: Sequence[int]
) -> tuple[Sequence[Run], tuple[Ranking, ...]]:
    """The executed runs, and their rankings; none if no epoch is finished."""
    runs = store.runs(db, run_ids=run_ids)
    if not any(run.epochs for run in runs):
        return runs, ()
    return runs, rank_each_group(db, scope_of_runs(db, runs), RankingRequest(top=_MAX_ROWS))


def _print_next_commands(study: str, run_ids: Sequence[int]) -> None:
    which = [study] if study != OPEN_STUDY else []
    say(f"next: {quote_command('nnlab', 'compare', *which)}", style="dim")
    curves = quote_command("nnlab", "plot", "curves", *which, "-o", "curves.pdf")
    say(f"      {curves}", style="dim")
    say(f"      {quote_command('nnlab', 'show', run_ids[-1])}", style="dim")


def print_dry_run(planned: DryRun) -> None:
    """Prints the trials that would be trained, and how many runs have a result already."""
    if planned.extension is not None:
        print_changes(planned.extension.study, planned.extension.changes)
    by_digest = {spec.digest: spec.setting for spec in planned.run_specs}
    settings, labels = list(by_digest.values()), planned.labels
    print_setting(settings)
    seeds = list(dict.fromkeys(spec.seed for spec in planned.run_specs))
    rows = [
        {
            "trial": labels[digest] or "the setting above",
            "epochs": builtin_fields(setting).get("epochs"),
        }
        for digest, setting in list(by_digest.items())[:_MAX_ROWS]
    ]
    if len(settings) > 1:
        columns = [TableColumn("trial", "trial", wrap=True)]
        # Only a script knows how many epochs it trains.
        if any(row["epochs"] is not None for row in rows):
            columns.append(TableColumn("epochs", "epochs", align_right=True))
        render(rows, columns, Format.TABLE)
        if len(settings) > len(rows):
            note(f"and {len(settings) - len(rows):,} more trials")
    more_seeds = ", ..." if len(seeds) > _MAX_SEEDS else ""
    say(
        f"{format_count(len(settings), 'trial')} with {format_count(len(seeds), 'seed')}"
        f" ({', '.join(map(str, seeds[:_MAX_SEEDS]))}{more_seeds}):"
        f" {format_count(len(planned.run_specs), 'run')},"
        f" {planned.num_completed:,} already trained, {planned.num_missing:,} to train"
    )
    say("dry run: nothing was trained or written", style="dim")
