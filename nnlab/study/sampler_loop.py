"""Round by round: a sampler that learns is asked for more trials until it has all it may try."""

import time
from collections.abc import Iterator, Sequence

from nnlab import store
from nnlab.cli.output.render import note, say
from nnlab.config.space import TrialSpec
from nnlab.io.text import format_count
from nnlab.records import Run, Status, Study
from nnlab.search import ScoredTrial
from nnlab.study.next_trials import load_scored_trials, suggest_trials
from nnlab.study.spec import TrainRequest, make_expander

# How often to look whether runs that are trained elsewhere are over.
_POLL_SECONDS = 1.0


def queue_sampler_trials(
    db: store.Database, study: Study, typed: TrainRequest, *, quiet: bool, wait: bool = True
) -> Iterator[tuple[int, ...]]:
    """Queues more trials each time, and gives their runs; the caller trains them in between.

    It ends when the sampler has all the trials that it may try, has nothing new to try, or when
    runs are held back by `nnlab stop`.

    Args:
        db: where the study is.
        study: one with a sampler that learns.
        typed: the name and the tags of new runs.
        quiet: whether to say nothing.
        wait: whether to wait for results from other processes that the sampler needs.
    """
    assert study.sampler is not None
    total = int(study.sampler.options["trials"] or 0)
    said = False
    while not _has_stop_request(runs := store.runs(db, study=study.id, current_only=True)):
        tried = load_scored_trials(db, study)
        points = _suggest_trials(db, study, tried)
        if points:
            queued = _enqueue_unless_outdated(
                db, study, _run_specs(study, points, typed), known=len(tried)
            )
            if queued is None:
                continue
            if not quiet:
                place = f"{len(tried) + len(points)} of {total}"
                say(f"{study.sampler.name}: {format_count(len(points), 'trial')} more, {place}")
            yield queued
        elif wait and len(tried) < total and any(run.status is Status.RUNNING for run in runs):
            if not quiet and not said:
                said = True
                note(f"{study.sampler.name} waits for runs that other processes train")
            time.sleep(_POLL_SECONDS)
        else:
            if len(tried) < total and not quiet:
                note(
                    f"{study.sampler.name} finds {format_count(len(tried), 'trial')}, not {total:,}"
                )
            return


def _enqueue_unless_outdated(
    db: store.Database, study: Study, plans: Sequence[store.RunSpec], *, known: int
) -> tuple[int, ...] | None:
    """Queues what a sampler asked for; None if it knew of fewer trials than there are by now.

    Two terminals may ask at once: without the look under the write lock both would add trials, and
    there would be more than the study may have.
    """
    with db.transaction():
        runs = store.runs(db, study=study.id, current_only=True)
        if len({run.trial.id for run in runs}) != known:
            return None
        return store.enqueue(db, study, plans).run_ids


def _has_stop_request(runs: Sequence[Run]) -> bool:
    return any(run.stop_requested_at and run.status.needs_training for run in runs)


def _suggest_trials(
    db: store.Database, study: Study, tried: Sequence[ScoredTrial]
) -> tuple[TrialSpec, ...]:
    assert study.sampler is not None
    assert study.space is not None
    assert study.objective is not None
    expand = make_expander(db.address.target, shared=study.space)
    return suggest_trials(study.sampler, study.space, study.objective, tried, expand)


def _run_specs(
    study: Study, points: Sequence[TrialSpec], typed: TrainRequest
) -> list[store.RunSpec]:
    return [
        store.RunSpec(
            point.setting, point.digest, seed, point.config.epochs, typed.name, typed.tags
        )
        for seed in study.seeds
        for point in points
    ]
