"""The baseline of a gate: what `--against` names, or the best trial so far."""

from collections.abc import Sequence
from contextlib import suppress

from nnlab import store
from nnlab.analysis.base_trial import find_base_row, unknown_base_error
from nnlab.analysis.comparable import find_incomparable_fields
from nnlab.analysis.gate import find_best_trial
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.errors import UnknownName, UsageError
from nnlab.records import LedgerEntry, Study, Trial
from nnlab.study.gate_candidate import GateCandidate

BEST = "best"


def find_baseline(
    db: store.Database,
    study: Study | None,
    entries: Sequence[LedgerEntry],
    candidate: GateCandidate,
    against: str,
) -> Trial | None:
    """The trial that a candidate is compared with; None if there is none yet.

    Args:
        db: the database.
        study: the study of the candidate; None if it does not exist yet.
        entries: the ledger of the study.
        candidate: the candidate.
        against: `best`, the number or name of a run, or settings such as `opt=sgd,lr=0.1`.

    Raises:
        UnknownName: there is no such run.
        UsageError: several trials or none match, nnlab cannot train the trial, or it cannot be
            compared with the candidate.
    """
    if against == BEST:
        if study is None:
            return None
        return find_best_trial(db, study, entries, candidate.setting, candidate.objective)
    trial = (
        _trial_with_settings(db, study, candidate, against)
        if "=" in against
        else _trial_of_run(db, candidate, against)
    )
    fields = find_incomparable_fields(
        (candidate.setting, trial.setting), (candidate.study, trial.study), candidate.objective
    )
    if fields:
        raise UsageError(
            f"the candidate and {against} cannot be compared by {candidate.objective.metric}: they"
            f" differ in {', '.join(fields)}",
            hint="a baseline with the same data, or another --objective",
        )
    return trial


def _trial_with_settings(
    db: store.Database, study: Study | None, candidate: GateCandidate, against: str
) -> Trial:
    rankings: Sequence[Ranking] = ()
    if study is not None:
        scope = Scope(study.name, studies=(study.id,), objective=candidate.objective)
        # Without a run that has the metric there is no ranking.
        with suppress(UnknownName):
            rankings = rank_each_group(db, scope, RankingRequest(by=str(candidate.objective)))
    rows = [row for ranking in rankings for row in ranking.rows]
    row = find_base_row(db, rows, against)
    if row is None:
        raise unknown_base_error(f"study '{candidate.study}'", against, rows)
    return store.trials(db, row.trials)[row.trials[0]]


def _trial_of_run(db: store.Database, candidate: GateCandidate, against: str) -> Trial:
    runs = store.find_runs(db, [against])
    trials = {run.trial.id: run.trial for run in runs}
    if len(trials) > 1:
        raise UsageError(
            f"--against {against}: {len(trials)} trials have runs of this name",
            hint="give the number of one run",
        )
    run = runs[0]
    is_script = candidate.script is not None
    if not run.origin.is_startable or run.origin.is_external != is_script:
        kind = "a script" if is_script else "nnlab itself"
        raise UsageError(
            f"--against {against}: run {run.id} was not trained by {kind}, so no further seeds of"
            " it can be trained next to this candidate",
            hint="nnlab compare compares runs that exist already",
        )
    return run.trial
