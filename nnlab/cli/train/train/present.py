"""What `train` and `init-study` print: notes, the queued runs, events, and the result."""

from collections.abc import Sequence

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.scope import Scope
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, render, say
from nnlab.cli.results.compare.ranking_table import print_rankings
from nnlab.cli.train.train.messages import print_more_seeds_command, print_setting
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import Study
from nnlab.study.dry_run import DryRun
from nnlab.study.events import (
    AbandonedRunsFound,
    ExecutionEvent,
    SamplerExhausted,
    SamplerTrialsQueued,
    SamplerWaiting,
    WaitingForRuns,
)
from nnlab.study.execution import ExecutionResult
from nnlab.study.queue import OPEN_STUDY, QueuedRuns
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import Specification
from nnlab.study.spec import StudySpec, shortfall_notes

_MAX_ROWS = 20
_MAX_NAMES = 5
_MAX_SEEDS = 10


def print_notes(request: TrainRequest, specification: Specification) -> None:
    """Prints notes about a request: fewer trials or seeds than it counts, how data was read."""
    if isinstance(specification, StudySpec):
        for text in shortfall_notes(request, specification):
            note(text)


def print_queued(queued: QueuedRuns, *, quiet: bool = False) -> None:
    """Prints the settings, changes of the study, and how many runs are new or finished."""
    for old, new in queued.moved_paths:
        note(f"{new} has the content of {old}: its runs belong to the trials of {old}")
    _note_kept_names(queued)
    if quiet:
        return
    print_setting([spec.setting for spec in queued.run_specs])
    print_changes(queued.study, queued.changes)
    _print_counts(queued.study, queued.enqueued)


def _print_counts(study: Study, enqueued: store.EnqueueResult) -> None:
    """Prints how many runs are new, waiting, retried, running and finished."""
    parts = [f"{format_count(len(enqueued.run_ids), 'run')} in study '{study.name}'"]
    for count, state in (
        (enqueued.new, "new"),
        (enqueued.waiting, "waiting or interrupted"),
        (enqueued.retried, "failed before, tried again"),
        (enqueued.busy, "trained by another worker now"),
        (enqueued.done, "already trained"),
    ):
        if count:
            parts.append(f"{count:,} {state}")
    say(parts[0] + ": " + ", ".join(parts[1:]))
    if enqueued.done == len(enqueued.run_ids):
        say("nothing to train; --again trains once more", style="dim")


def print_changes(study: Study, lines: Sequence[str]) -> None:
    """Prints what was added to a study."""
    for line in lines:
        say(f"study '{study.name}': {line}")


def _note_kept_names(queued: QueuedRuns) -> None:
    """Names the runs that existed already and therefore keep their name, or have none."""
    kept_names = queued.enqueued.kept_names
    if not kept_names:
        return
    listed = [
        f"run {run_id} {'without a name' if old_name is None else repr(old_name)}"
        for run_id, old_name in list(kept_names.items())[:_MAX_NAMES]
    ]
    more = len(kept_names) - len(listed)
    note(
        f"--name {queued.name!r} was not given to {format_count(len(kept_names), 'run')} with the"
        f" same setting and seed: {', '.join(listed)}{f' and {more:,} more' if more else ''};"
        " --again trains new runs under that name"
    )


def print_event(event: ExecutionEvent) -> None:
    """Prints an event of the execution: on standard output what was queued, else a note."""
    match event:
        case SamplerTrialsQueued(sampler, new, tried, total):
            say(f"{sampler}: {format_count(new, 'trial')} more, {tried} of {total}")
        case SamplerWaiting(sampler):
            note(f"{sampler} waits for runs that other processes train")
        case SamplerExhausted(sampler, tried, total):
            note(f"{sampler} finds {format_count(tried, 'trial')}, not {total:,}")
        case WaitingForRuns(runs, epochs, epochs_planned, is_first):
            line = (
                f"waiting for {format_count(runs, 'run')} that other processes train:"
                f" {epochs:,} of {epochs_planned:,} epochs"
            )
            note(f"{line} (Ctrl-C or --no-wait returns at once)" if is_first else line)
        case AbandonedRunsFound():
            note("a process that trained some of the runs is gone: they are taken over")


def print_result(db: store.Database, result: ExecutionResult, *, quiet: bool) -> None:
    """Prints the ranking of the executed runs, and commands to continue with.

    Raises:
        NnlabError: the error of the result, after everything is printed.
    """
    _print_ranking(db, result.run_ids, quiet=quiet)
    if result.error is not None:
        raise result.error


def _print_ranking(db: store.Database, run_ids: Sequence[int], *, quiet: bool) -> None:
    runs = store.runs(db, run_ids=run_ids)
    if not any(run.epochs for run in runs):
        return
    studies = {study.name: study for study in store.all_studies(db)}
    names = list(dict.fromkeys(run.trial.study for run in runs))
    objectives = {studies[name].objective for name in names}
    objective = objectives.pop() if len(objectives) == 1 else None
    scope = Scope("these runs", runs=tuple(run_ids), objective=objective)
    rankings = rank_each_group(db, scope, top=_MAX_ROWS)
    print_rankings(rankings, Format.TABLE)
    if not quiet:
        if len(rankings) == 1:
            print_more_seeds_command(db, rankings[0])
        _print_next_commands(names[0], [run.id for run in runs])


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
    settings = list({spec.digest: spec.setting for spec in planned.run_specs}.values())
    print_setting(settings)
    fields = distinguishing_fields(settings)
    seeds = list(dict.fromkeys(spec.seed for spec in planned.run_specs))
    rows = [
        {
            "trial": setting_label(setting, fields) or "the setting above",
            "epochs": setting["epochs"],
        }
        for setting in settings[:_MAX_ROWS]
    ]
    if len(settings) > 1:
        columns = [
            TableColumn("trial", "trial", wrap=True),
            TableColumn("epochs", "epochs", align_right=True),
        ]
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
