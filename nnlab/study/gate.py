"""`nnlab gate`: tests a candidate against its baseline, or answers from the ledger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.gate import (
    describe_candidate,
    describe_change,
    find_best_trial,
)
from nnlab.errors import NnlabError, UsageError
from nnlab.metric_names import is_evaluation
from nnlab.records import LedgerEntry, Run, Status, Study, Trial
from nnlab.study.gate_baseline import BEST, find_baseline
from nnlab.study.gate_candidate import GateCandidate, with_measured_objective
from nnlab.study.gate_comparison import GateComparison, find_stored_verdict
from nnlab.study.gate_training import (
    GateInterface,
    check_baseline_run,
    train_missing_seeds,
    train_run_specs,
)

# With one pair nothing is known about the spread of the differences.
MIN_SEEDS = 2


@dataclass(frozen=True, slots=True)
class GateOptions:
    """How a candidate is tested.

    Attributes:
        against: `best`, the number or name of a run, or settings such as `opt=sgd,lr=0.1`.
        max_seeds: the largest number of pairs.
        min_effect: the least improvement of a candidate that is kept, in the metric's unit.
    """

    against: str = BEST
    max_seeds: int = 10
    min_effect: float = 0.0


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The verdict on a candidate.

    Attributes:
        study: its study.
        entry: its entry in the ledger.
        candidate: the trial of the candidate.
        baseline: the trial that it was compared with; None for the first baseline.
        change: what the candidate changes of the baseline.
        from_ledger: whether the verdict was in the ledger already, so that nothing was trained.
        best_trial: the baseline of the next candidate; None if there is none.
    """

    study: Study
    entry: LedgerEntry
    candidate: Trial
    baseline: Trial | None
    change: str
    from_ledger: bool
    best_trial: int | None


@dataclass(frozen=True, slots=True)
class GatePlan:
    """What a gate would compare.

    Attributes:
        baseline: the trial of the baseline.
        change: what the candidate changes of it.
        is_baseline: whether the candidate is the baseline itself, so that nothing is compared.
        entry: the entry of the ledger that answers it; None if it would be tested.
        candidate_runs: how many of its runs have a result.
        baseline_runs: the same for the baseline.
    """

    baseline: Trial
    change: str
    is_baseline: bool
    entry: LedgerEntry | None
    candidate_runs: int
    baseline_runs: int


def run_gate(
    db: store.Database, candidate: GateCandidate, options: GateOptions, interface: GateInterface
) -> GateAnswer:
    """Tests a candidate, or answers from the ledger if it was tested before.

    Args:
        db: the database, open for writing.
        candidate: the candidate.
        options: how it is tested.
        interface: how runs are trained and shown.

    Raises:
        UsageError: the options do not fit the candidate or the study.
        NnlabError: a run of the baseline failed, or a run has no value of the objective.
        Interrupted: the user stopped it; the same call goes on.
    """
    _check_options(options)
    # An error of the options must not leave an empty study behind.
    candidate, entries, baseline = _find_stored(
        db, _stored_study(db, candidate), candidate, options
    )
    study = candidate.open_study(db)
    is_new = baseline is None
    if baseline is None:
        baseline = _train_first_baseline(db, study, candidate, options, interface)
        candidate = with_measured_objective(db, study, candidate)
    if options.against == BEST:
        # The best trial of a study without a ledger has no entry, as the first one of a new study.
        entry = _entry_of_best(baseline, candidate, entries)
        is_own = baseline.digest == candidate.digest
        if is_own and not is_new and candidate.has_user_code:
            # The command that made it the baseline may have been killed before it had all seeds.
            runs = train_missing_seeds(
                db, study, candidate, options.max_seeds, interface, "it is the baseline"
            )
            if entry is None:
                _check_baseline_runs(runs)
        if entry is None:
            entry = store.register_baseline(db, study.id, baseline.id, candidate.objective)
        if is_own:
            is_stored = not is_new and entry in entries
            return _answer(db, study, candidate, entry, from_ledger=is_stored)
    if baseline.study != study.name:
        baseline = _copy_baseline(db, study, baseline, interface)
    comparison = GateComparison(
        db, study, candidate, baseline, options.max_seeds, options.min_effect, interface
    )
    stored = comparison.stored_verdict()
    if stored is not None:
        if stored.verdict == "keep":
            comparison.train_other_seeds()
        return _answer(db, study, candidate, stored, from_ledger=True)
    return _answer(db, study, candidate, comparison.run(), from_ledger=False)


def plan_gate(
    db: store.Database, candidate: GateCandidate, options: GateOptions
) -> GatePlan | None:
    """What a gate would compare; None if there is no baseline yet. Nothing is written.

    Raises:
        UsageError: the options do not fit the candidate or the study.
    """
    _check_options(options)
    study = _stored_study(db, candidate)
    candidate, entries, baseline = _find_stored(db, study, candidate, options)
    if baseline is None:
        return None
    if study is None:
        # The baseline is one of another study.
        change = describe_change(candidate.setting, baseline.setting)
        return GatePlan(baseline, change, False, None, 0, 0)
    is_own = baseline.digest == candidate.digest
    runs = store.runs(db, study=study.id, current_only=True)
    entry = (
        _entry_of_best(baseline, candidate, entries)
        if is_own
        else find_stored_verdict(
            db, study, candidate, baseline, options.max_seeds, options.min_effect
        )
    )
    ended = [run.trial.digest for run in runs if run.status is Status.FINISHED]
    return GatePlan(
        baseline,
        _describe_best(db, baseline, entry)
        if is_own
        else describe_change(candidate.setting, baseline.setting),
        is_own,
        entry,
        ended.count(candidate.digest),
        ended.count(baseline.digest),
    )


def _stored_study(db: store.Database, candidate: GateCandidate) -> Study | None:
    return next((s for s in store.all_studies(db) if s.name == candidate.study), None)


def _find_stored(
    db: store.Database, study: Study | None, candidate: GateCandidate, options: GateOptions
) -> tuple[GateCandidate, Sequence[LedgerEntry], Trial | None]:
    """The candidate with its measured objective, the ledger, and the baseline if there is one.

    Raises:
        UnknownName, UsageError: `--against` names no trial, or the candidate itself.
    """
    entries: Sequence[LedgerEntry] = ()
    if study is not None:
        candidate = with_measured_objective(db, study, candidate)
        entries = store.ledger(db, [study.id])
    baseline = find_baseline(db, study, entries, candidate, options.against)
    is_own = baseline is not None and baseline.digest == candidate.digest
    if is_own and options.against != BEST:
        raise UsageError(f"--against {options.against} names the candidate itself")
    return candidate, entries, baseline


def _describe_best(db: store.Database, best: Trial, entry: LedgerEntry | None) -> str:
    """What the best trial changed of the trial that it was compared with."""
    previous = entry.baseline_trial if entry is not None else None
    return describe_candidate(best, store.trials(db, [previous])[previous] if previous else None)


def _check_options(options: GateOptions) -> None:
    if not (math.isfinite(options.min_effect) and options.min_effect >= 0):
        raise UsageError(f"--min-effect must be a number of at least 0, got {options.min_effect:g}")
    if options.max_seeds < MIN_SEEDS:
        raise UsageError(f"--max-seeds must be at least {MIN_SEEDS}, got {options.max_seeds}")


def _train_first_baseline(
    db: store.Database,
    study: Study,
    candidate: GateCandidate,
    options: GateOptions,
    interface: GateInterface,
) -> Trial:
    """The first baseline: the candidate, or the trial of another process which was faster.

    One run shows that it can be trained. Of user code all seeds are trained at once, because the
    code may be changed before the next candidate.
    """
    if candidate.has_user_code:
        runs = train_missing_seeds(
            db, study, candidate, options.max_seeds, interface, "there is no baseline yet"
        )
    else:
        runs = train_run_specs(db, study, [candidate.run_spec(0)], interface)
    _check_baseline_runs(runs)
    candidate = with_measured_objective(db, study, candidate)
    _check_measured(db, runs[0], candidate.objective.metric)
    entries = store.ledger(db, [study.id])
    best = find_best_trial(db, study, entries, candidate.setting, candidate.objective)
    return runs[0].trial if best is None or not entries else best


def _check_baseline_runs(runs: Sequence[Run]) -> None:
    """Checks that no run of a baseline failed or diverged.

    Raises:
        NnlabError: one did.
    """
    for run in runs:
        check_baseline_run(run)


def _check_measured(db: store.Database, run: Run, metric: str) -> None:
    """Checks that a run has measured the objective.

    Raises:
        NnlabError: it has not; the message lists its metrics.
    """
    metrics = store.summaries(db, [run.id]).get(run.id, {})
    if metric not in metrics:
        names = [name for name in metrics if is_evaluation(name)] or list(metrics)
        raise NnlabError(
            f"run {run.id} has not measured {metric}; it has {', '.join(sorted(names)) or 'none'}",
            hint="--objective METRIC:min or METRIC:max names one of them",
        )


def _entry_of_best(
    best: Trial, candidate: GateCandidate, entries: Sequence[LedgerEntry]
) -> LedgerEntry | None:
    """The entry that made a trial the best one; None if the ledger has none."""
    return next(
        (
            entry
            for entry in reversed(entries)
            if entry.candidate_trial == best.id
            and entry.objective == candidate.objective
            and entry.verdict in ("keep", "baseline")
        ),
        None,
    )


def _copy_baseline(
    db: store.Database, study: Study, baseline: Trial, interface: GateInterface
) -> Trial:
    """The trial with the setting of a baseline in the study of the candidate.

    Pairs belong to one study, and further seeds may not be added to every other study.
    """
    trials = {run.trial.digest: run.trial for run in store.runs(db, study=study.id)}
    if baseline.digest in trials:
        return trials[baseline.digest]
    interface.report(
        f"the baseline is one of study '{baseline.study}': its setting is trained once more in"
        f" study '{study.name}', which has the ledger"
    )
    original_study = store.find_study(db, baseline.study)
    original = next(
        run for run in store.runs(db, study=original_study.id) if run.trial.id == baseline.id
    )
    spec = store.RunSpec(
        baseline.setting, baseline.digest, 0, original.epochs_planned, origin=original.origin
    )
    (run_id,) = store.enqueue(db, study, [spec]).run_ids
    return store.runs(db, run_ids=[run_id])[0].trial


def _answer(
    db: store.Database,
    study: Study,
    candidate: GateCandidate,
    entry: LedgerEntry,
    *,
    from_ledger: bool,
) -> GateAnswer:
    ids = [entry.candidate_trial, *([entry.baseline_trial] if entry.baseline_trial else [])]
    trials = store.trials(db, ids)
    trial, baseline = trials[entry.candidate_trial], trials.get(entry.baseline_trial or 0)
    entries = store.ledger(db, [study.id])
    best = find_best_trial(db, study, entries, candidate.setting, candidate.objective)
    return GateAnswer(
        study,
        entry,
        trial,
        baseline,
        describe_candidate(trial, baseline),
        from_ledger,
        None if best is None else best.id,
    )
