"""Diverged and failed runs of a ranking: marked in the rows, and trials that have no value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab import store
from nnlab.analysis.records import RankingRow, UnrankedTrial
from nnlab.analysis.scope import Scope
from nnlab.records import Run, Status

_UNSUCCESSFUL = (Status.DIVERGED, Status.FAILED)


def unsuccessful_runs(db: store.Database, scope: Scope) -> Mapping[int, Sequence[Run]]:
    """The current runs of a scope that diverged or failed, by trial."""
    counts = store.count_runs(db, study_ids=scope.studies, run_ids=scope.runs)
    runs: dict[int, list[Run]] = {}
    for status in _UNSUCCESSFUL:
        if counts.get(status):
            for study in scope.studies or (None,):
                for run in store.runs(
                    db, study=study, run_ids=scope.runs, status=status, current_only=True
                ):
                    runs.setdefault(run.trial.id, []).append(run)
    return runs


def with_unsuccessful_runs(
    rows: Sequence[RankingRow], runs: Mapping[int, Sequence[Run]]
) -> tuple[RankingRow, ...]:
    """The rows with the numbers of their diverged and failed runs, with and without a value."""
    marked = []
    for row in rows:
        own = [run for trial in row.trials for run in runs.get(trial, ())]
        marked.append(
            replace(
                row,
                unsuccessful=Counter(run.status for run in own),
                runs_without_value=tuple(run.id for run in own if run.id not in row.runs),
            )
            if own
            else row
        )
    return tuple(marked)


def unranked_trials(
    ranked: Sequence[int], runs: Mapping[int, Sequence[Run]]
) -> tuple[UnrankedTrial, ...]:
    """The trials without any value of the metric whose runs diverged or failed.

    Args:
        ranked: the ids of the trials in the ranking.
        runs: as `unsuccessful_runs` returns them.
    """
    return tuple(
        UnrankedTrial(
            trial,
            own[0].trial.setting,
            tuple(run.id for run in own),
            Counter(run.status for run in own),
        )
        for trial, own in sorted(runs.items())
        if trial not in ranked
    )
