"""Round by round: a sampler that learns is asked for more trials until it has all it may try."""

import time
from collections.abc import Iterator, Sequence

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.cli.output.render import note, say
from nnlab.config.space import Point
from nnlab.records import Run, Status, Study
from nnlab.search import Tried
from nnlab.study.next_trials import next_points, tried_in
from nnlab.study.spec import Typed, expander

# How often to look whether runs that are trained elsewhere are over.
_SECONDS = 1.0


def rounds(
    db: store.Database, study: Study, typed: Typed, *, quiet: bool, wait: bool = True
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
    while not _is_held(runs := store.runs(db, study=study.id, current_only=True)):
        tried = tried_in(db, study)
        points = _asked(db, study, tried)
        if points:
            queued = _queued(db, study, _plans(study, points, typed), known=len(tried))
            if queued is None:
                continue
            if not quiet:
                place = f"{len(tried) + len(points)} of {total}"
                say(f"{study.sampler.name}: {plural(len(points), 'trial')} more, {place}")
            yield queued
        elif wait and len(tried) < total and any(run.status is Status.RUNNING for run in runs):
            if not quiet and not said:
                said = True
                note(f"{study.sampler.name} waits for runs that other processes train")
            time.sleep(_SECONDS)
        else:
            if len(tried) < total and not quiet:
                note(f"{study.sampler.name} finds {plural(len(tried), 'trial')}, not {total:,}")
            return


def _queued(
    db: store.Database, study: Study, plans: Sequence[store.Plan], *, known: int
) -> tuple[int, ...] | None:
    """Queues what a sampler asked for; None if it knew of fewer trials than there are by now.

    Two terminals may ask at once: without the look under the write lock both would add trials, and
    there would be more than the study may have.
    """
    with db.together():
        runs = store.runs(db, study=study.id, current_only=True)
        if len({run.trial.id for run in runs}) != known:
            return None
        return store.enqueue(db, study, plans).run_ids


def _is_held(runs: Sequence[Run]) -> bool:
    return any(run.stop_requested_at and run.status.is_missing for run in runs)


def _asked(db: store.Database, study: Study, tried: Sequence[Tried]) -> tuple[Point, ...]:
    assert study.sampler is not None
    assert study.space is not None
    assert study.objective is not None
    expand = expander(db.address.target, shared=study.space)
    return next_points(study.sampler, study.space, study.objective, tried, expand)


def _plans(study: Study, points: Sequence[Point], typed: Typed) -> list[store.Plan]:
    return [
        store.Plan(point.setting, point.digest, seed, point.config.epochs, typed.name, typed.tags)
        for seed in study.seeds
        for point in points
    ]
