"""The loop of an adaptive sampler: it queues trials round by round until it has all it may try."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nnlab import store
from nnlab.records import Run, Status, Study
from nnlab.search import ScoredTrial
from nnlab.study.events import (
    ExecutionEvent,
    SamplerExhausted,
    SamplerTrialsQueued,
    SamplerWaiting,
)
from nnlab.study.expansion import complete_space, make_expander
from nnlab.study.next_trials import load_scored_trials, sampled_objective, suggest_trials
from nnlab.study.script_trials import suggest_script_runs

# Time between two checks whether runs of other processes have ended.
_POLL_SECONDS = 1.0


def queue_sampler_trials(
    db: store.Database,
    study: Study,
    report: Callable[[ExecutionEvent], None],
    *,
    name: str | None = None,
    tags: tuple[str, ...] = (),
    wait: bool = True,
) -> Iterator[tuple[int, ...]]:
    """Queues trials round by round; yields the ids of their runs, which the caller trains.

    The loop ends when the sampler has tried all trials that it may try, when it has no new one to
    suggest, or when `nnlab stop` holds back some of the runs.

    Args:
        db: the database, open for writing.
        study: a study with an adaptive sampler.
        report: receives events for the user.
        name: the name of new runs.
        tags: the tags of new runs.
        wait: whether to wait for results from other processes that the sampler needs.
    """
    if study.sampler is None:
        return
    sampler, total = study.sampler.name, int(study.sampler.options["trials"] or 0)
    has_reported_waiting = False
    while not _has_stop_request(runs := store.runs(db, study=study.id, current_only=True)):
        if study.script is not None:
            # A run may have changed it to the name that the script gives to its metric.
            study = replace(study, objective=store.find_study(db, study.name).objective)
        scored = load_scored_trials(db, study)
        run_specs = _suggest_runs(db, study, scored, name, tags)
        if run_specs:
            run_ids = _enqueue_unless_outdated(db, study, run_specs, expected_trials=len(scored))
            if run_ids is None:
                continue
            count = len({spec.digest for spec in run_specs})
            report(SamplerTrialsQueued(sampler, count, len(scored) + count, total))
            yield run_ids
        elif wait and len(scored) < total and any(run.status is Status.RUNNING for run in runs):
            if not has_reported_waiting:
                has_reported_waiting = True
                report(SamplerWaiting(sampler))
            time.sleep(_POLL_SECONDS)
        else:
            if len(scored) < total:
                report(SamplerExhausted(sampler, len(scored), total))
            return


def _enqueue_unless_outdated(
    db: store.Database, study: Study, run_specs: Sequence[store.RunSpec], *, expected_trials: int
) -> tuple[int, ...] | None:
    """Queues suggested runs; returns None if the study has other trials than expected by now.

    Two processes may ask the sampler at the same time. The check and the write are in one
    transaction: otherwise both would add trials, and the study would have more than it may have.
    """
    with db.transaction():
        runs = store.runs(db, study=study.id, current_only=True)
        if len({run.trial.id for run in runs}) != expected_trials:
            return None
        return store.enqueue(db, study, run_specs).run_ids


def _has_stop_request(runs: Sequence[Run]) -> bool:
    return any(run.stop_requested_at and run.status.needs_training for run in runs)


def _suggest_runs(
    db: store.Database,
    study: Study,
    scored_trials: Sequence[ScoredTrial],
    name: str | None,
    tags: tuple[str, ...],
) -> list[store.RunSpec]:
    """The runs of the trials that the sampler suggests next."""
    if study.sampler is None or study.space is None:
        return []
    objective = sampled_objective(study)
    if study.script is not None:
        return suggest_script_runs(study, objective, scored_trials, name=name, tags=tags)
    space = complete_space(db, study)
    expand = make_expander(db.address.target, shared=space)
    trials = suggest_trials(study.sampler, space, objective, scored_trials, expand)
    return [
        store.RunSpec(trial.setting, trial.digest, seed, trial.config.epochs, name, tags)
        for seed in study.seeds
        for trial in trials
    ]
