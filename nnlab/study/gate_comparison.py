"""The sequential test of one candidate against one baseline, pair by pair, kept in the ledger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.gate import GatePair, current_runs_by_seed, newest_entry, read_pair
from nnlab.analysis.metric_resolution import difference_spread
from nnlab.errors import NnlabError, UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.objective import limits_of
from nnlab.records import GateVerdictName, LedgerEntry, Run, Status, Study, Trial
from nnlab.stats.online_fdr import next_level
from nnlab.stats.sequential_test import GateVerdict, SequentialResult, assess_differences
from nnlab.study.gate_candidate import GateCandidate
from nnlab.study.gate_training import (
    GateInterface,
    check_baseline_run,
    train_missing_seeds,
    train_run_specs,
)

_VERDICTS: dict[GateVerdict, GateVerdictName] = {
    GateVerdict.KEEP: "keep",
    GateVerdict.DISCARD: "discard",
    GateVerdict.NOT_YET: "not yet",
}


@dataclass(frozen=True, slots=True)
class GateComparison:
    """A candidate and the baseline that it is compared with.

    Attributes:
        db: the database, open for writing.
        study: the study of both, which has the ledger.
        candidate: the candidate.
        baseline: the trial of the baseline.
        max_seeds: the number of pairs at which the test ends.
        min_effect: the least improvement of a candidate that is kept, in the metric's unit.
        interface: how runs are trained and shown.
    """

    db: store.Database
    study: Study
    candidate: GateCandidate
    baseline: Trial
    max_seeds: int
    min_effect: float
    interface: GateInterface

    def stored_verdict(self) -> LedgerEntry | None:
        """The entry of an earlier test that answers this one; None if runs have to be trained."""
        return find_stored_verdict(
            self.db, self.study, self.candidate, self.baseline, self.max_seeds, self.min_effect
        )

    def run(self) -> LedgerEntry:
        """Trains pair after pair until the test ends; the entry has the verdict.

        Pairs that are trained already are only read, so that an interrupted test goes on where it
        stopped, with the level that it got when it began.

        Raises:
            UsageError: the runs have no values of the objective, or the code of the baseline has
                changed and there is no run to compare with.
            NnlabError: a run of the baseline failed or diverged.
            Interrupted: the user stopped it.
        """
        seeds = self._seeds()
        entry = self._register(seeds[0])
        pairs: list[GatePair] = []
        for seed in seeds:
            candidate, baseline = self._train_pair(seed)
            check_baseline_run(baseline)
            if candidate.status is not Status.FINISHED:
                verb = "failed" if candidate.status is Status.FAILED else "diverged"
                return self._discard_run(entry, pairs, candidate, f"{verb}: {candidate.reason}")
            pair = read_pair(self.db, self.candidate.objective, seed, candidate, baseline)
            _check_baseline_value(pair, self.candidate.objective.metric)
            if not math.isfinite(pair.candidate):
                fault = f"has no finite value of {self.candidate.objective.metric}"
                return self._discard_run(entry, pairs, candidate, fault)
            pairs.append(pair)
            entry = self._store(entry, pairs, is_last=seed == seeds[-1])
            self.interface.report_pair(pairs[-1], entry)
            if entry.verdict is not None:
                break
        if entry.verdict == "keep":
            self.train_other_seeds()
        return entry

    @property
    def _can_train_baseline(self) -> bool:
        return self.candidate.can_train(self.baseline)

    def _seeds(self) -> tuple[int, ...]:
        """The seeds of the pairs, in their order."""
        if self._can_train_baseline:
            return tuple(range(self.max_seeds))
        runs = current_runs_by_seed(self.db, self.study, self.baseline)
        finished = sorted(seed for seed, run in runs.items() if run.status is Status.FINISHED)
        if not finished:
            raise UsageError(
                "the code of the baseline has changed, and it has no finished run to compare with",
                hint="--against RUN compares with another trial",
            )
        return tuple(finished[: self.max_seeds])

    def _register(self, first_seed: int) -> LedgerEntry:
        """The entry of this test; the first run of the candidate is queued for it."""
        spec = self.candidate.run_spec(first_seed)
        (run_id,) = store.enqueue(self.db, self.study, [spec]).run_ids
        return store.register_candidate(
            self.db,
            self.study.id,
            baseline_trial=self.baseline.id,
            candidate_trial=store.runs(self.db, run_ids=[run_id])[0].trial.id,
            objective=self.candidate.objective,
            min_effect=self.min_effect,
            max_seeds=self.max_seeds,
            next_level=next_level,
        )

    def _train_pair(self, seed: int) -> tuple[Run, Run]:
        """The runs of candidate and baseline with a seed, after they were trained."""
        own = self.candidate.run_spec(seed)
        if not self._can_train_baseline:
            stored = current_runs_by_seed(self.db, self.study, self.baseline)[seed]
            return train_run_specs(self.db, self.study, [own], self.interface)[0], stored
        other = store.RunSpec(
            self.baseline.setting,
            self.baseline.digest,
            seed,
            0 if self.candidate.script is not None else int(str(self.baseline.setting["epochs"])),
            origin=self.candidate.origin,
        )
        baseline, candidate = train_run_specs(self.db, self.study, [other, own], self.interface)
        return candidate, baseline

    def _store(
        self, entry: LedgerEntry, pairs: Sequence[GatePair], *, is_last: bool
    ) -> LedgerEntry:
        """The entry after these pairs, of which the last one is new."""
        result = self._assess(pairs, entry)
        is_open = result.verdict is GateVerdict.NOT_YET
        reason = result.reason
        if is_open and is_last and len(pairs) < entry.max_seeds:
            reason = (
                f"the baseline has {format_count(len(pairs), 'finished run')}, and its code has"
                " changed since: no further seeds of it can be trained"
            )
        # With few pairs a bound may exceed what the metric allows: accuracies differ by at most 1.
        lowest, highest = limits_of(self.candidate.objective.metric)
        largest = highest - lowest
        return store.put_gate_result(
            self.db,
            entry.id,
            verdict=None if is_open and not is_last else _VERDICTS[result.verdict],
            p=result.p,
            effect=result.mean,
            low=max(result.low, -largest) if math.isfinite(result.low) else -math.inf,
            high=min(result.high, largest) if math.isfinite(result.high) else math.inf,
            seeds=[pair.seed for pair in pairs],
            expected_left=result.expected_left,
            reason=reason,
        )

    def _assess(self, pairs: Sequence[GatePair], entry: LedgerEntry) -> SequentialResult:
        values = [value for pair in pairs for value in (pair.candidate, pair.baseline)]
        runs = [pair.baseline_run for pair in pairs]
        return assess_differences(
            [pair.difference for pair in pairs],
            level=entry.level or 0.0,
            max_pairs=entry.max_seeds,
            min_effect=entry.min_effect,
            min_sd=difference_spread(self.db, runs, values, self.candidate.objective),
        )

    def _discard_run(
        self, entry: LedgerEntry, pairs: Sequence[GatePair], run: Run, fault: str
    ) -> LedgerEntry:
        """Discards a candidate because of one of its runs; no later level depends on it."""
        return store.put_gate_result(
            self.db,
            entry.id,
            verdict="discard",
            p=1.0,
            effect=math.fsum(pair.difference for pair in pairs) / len(pairs) if pairs else None,
            low=-math.inf,
            high=math.inf,
            seeds=[pair.seed for pair in pairs],
            expected_left=0.0,
            reason=f"run {run.id} of the candidate, with seed {run.seed}, {fault}",
        )

    def train_other_seeds(self) -> None:
        """Trains the other seeds of a candidate that was kept, if it executes code of the user."""
        if self.candidate.has_user_code:
            train_missing_seeds(
                self.db, self.study, self.candidate, self.max_seeds, self.interface, "it is kept"
            )


def find_stored_verdict(
    db: store.Database,
    study: Study,
    candidate: GateCandidate,
    baseline: Trial,
    max_seeds: int,
    min_effect: float,
) -> LedgerEntry | None:
    """The entry of an earlier test that answers this one; None if runs have to be trained.

    A test that ended without a decision does not answer one with more seeds. One that ended because
    a run of the candidate failed does not either: the cause may be gone.
    """
    entries = store.ledger(db, [study.id])
    trials = store.trials(db, [entry.candidate_trial for entry in entries])
    trial = next((t for t in trials.values() if t.digest == candidate.digest), None)
    if trial is None:
        return None
    entry = newest_entry(
        entries,
        baseline=baseline.id,
        candidate=trial.id,
        objective=candidate.objective,
        min_effect=min_effect,
    )
    if entry is None or entry.verdict is None:
        return None
    if entry.verdict == "not yet" and entry.max_seeds < max_seeds:
        return None
    runs = current_runs_by_seed(db, study, trial).values()
    if entry.verdict == "discard" and any(run.status is Status.FAILED for run in runs):
        return None
    return entry


def _check_baseline_value(pair: GatePair, metric: str) -> None:
    """Checks that the run of the baseline has a finite value of the objective.

    Raises:
        NnlabError: it has none.
    """
    if not math.isfinite(pair.baseline):
        show = quote_command("nnlab", "show", pair.baseline_run)
        raise NnlabError(
            f"run {pair.baseline_run} of the baseline has no finite value of {metric}",
            hint=f"{show} lists its metrics; --objective names one of them",
        )
