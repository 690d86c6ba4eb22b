"""Metrics `pair/...` of two runs of a trial: the distance of their solutions and the loss barrier.

Within each trial the runs of neighbouring seeds are paired, in ascending order of the seeds: the
first with the second, the third with the fourth. A run belongs to one pair, so the pairs are
independent. The values are stored with the run of the pair's first seed, at its selected epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.run_value import metrics_in
from nnlab.errors import CheckpointError, UsageError
from nnlab.objective import PAIR_METRICS, PAIR_PREFIX
from nnlab.records import Comparison, Run, Status, Study

if TYPE_CHECKING:
    from nnlab.analysis.interpolation import Interpolation

BARRIER, ALIGNED_BARRIER, DISTANCE, ALIGNED_DISTANCE = PAIR_METRICS
# The number of the pair's second run; another one than before means that the pair has changed.
PARTNER = f"{PAIR_PREFIX}run"
_ALL_METRICS = (*PAIR_METRICS, PARTNER)
# Positions on the line between two solutions, both ends included.
POINTS = 25


@dataclass(frozen=True, slots=True)
class PairReport:
    """The number of pairs that were measured now, and why others could not be."""

    measured: int
    problems: tuple[str, ...]


def has_pair_metrics(study: Study) -> bool:
    """Whether a comparison of a study reads metrics `pair/...`, which need the weights of runs."""
    return any(map(compares_pairs, study.comparisons))


def compares_pairs(comparison: Comparison) -> bool:
    """Whether the values of a comparison belong to pairs of runs, so that n counts pairs."""
    metrics = (*metrics_in(comparison.metric), *metrics_in(comparison.other_metric))
    return any(name.startswith(PAIR_PREFIX) for name in metrics)


def first_seeds(seeds: Sequence[int]) -> list[int]:
    """The seeds with whose runs the values of pairs are stored.

    >>> first_seeds([103, 100, 102, 101, 104])
    [100, 102]
    """
    ordered = sorted(seeds)
    return ordered[: len(ordered) - 1 : 2]


def store_pair_metrics(db: store.Database, study: Study) -> PairReport:
    """Measures and stores the metrics of all pairs of a study whose two runs have finished.

    Pairs that are stored already are not measured again, so an interrupted call is continued by
    the next one. Values of a run that no longer is the first of its pair are removed.
    """
    runs = store.runs(db, study=study.id, current_only=True)
    pairs = _pairs(runs)
    stored = _remove_outdated(db, runs, pairs)
    measured, problems = 0, []
    for first, second in pairs:
        if first.id in stored or not _have_solutions(first, second):
            continue
        from nnlab.analysis.interpolation import measure_interpolation  # imports torch

        try:
            values = pair_values(
                measure_interpolation(db, first, second, points=POINTS, splits=("train",))
            )
        except (UsageError, CheckpointError) as error:
            problems.append(f"runs {first.id} and {second.id}: {error.message}")
            continue
        store.store_evaluation(db, first, values)
        measured += 1
    return PairReport(measured, tuple(problems))


def pair_values(interpolation: "Interpolation") -> dict[str, float]:
    """The metrics of a pair by name; the aligned ones are missing if it cannot be aligned.

    Barriers are those of the training loss, in its unit.
    """
    values = {
        PARTNER: float(interpolation.second.id),
        BARRIER: interpolation.raw.barrier(),
        DISTANCE: interpolation.raw.distance,
    }
    if interpolation.aligned is not None:
        values[ALIGNED_BARRIER] = interpolation.aligned.barrier()
        values[ALIGNED_DISTANCE] = interpolation.aligned.distance
    return values


def _remove_outdated(
    db: store.Database, runs: Sequence[Run], pairs: Sequence[tuple[Run, Run]]
) -> set[int]:
    """The runs with stored values of their pair; those of pairs that have changed are removed."""
    partners = {first.id: second.id for first, second in pairs}
    histories = store.histories(db, [run.id for run in runs], [PARTNER])
    stored = set()
    for run in runs:
        curve = histories[run.id].get(PARTNER)
        if curve and curve.values[-1] == partners.get(run.id):
            stored.add(run.id)
        elif curve:
            store.remove_evaluation(db, run, _ALL_METRICS)
    return stored


def _pairs(runs: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Neighbouring seeds of each trial, two by two; the last of an odd number has no pair."""
    trials: dict[str, list[Run]] = {}
    for run in runs:
        trials.setdefault(run.trial.digest, []).append(run)
    ordered = [sorted(trial, key=lambda run: run.known_seed) for trial in trials.values()]
    return [pair for seeds in ordered for pair in zip(seeds[::2], seeds[1::2], strict=False)]


def _have_solutions(*runs: Run) -> bool:
    """Whether all runs have finished; one that diverged has no solution."""
    return all(run.status is Status.FINISHED and run.selected_epoch is not None for run in runs)
