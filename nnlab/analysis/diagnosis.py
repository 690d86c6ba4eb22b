"""Diagnosis of stored runs and their trials, used by `nnlab diagnose`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.diagnosis import SeedsDisagree, diagnose
from nnlab.records import Finding, Run


@dataclass(frozen=True, slots=True)
class TrialFinding:
    """A finding about the seeds of a trial; `run` is one of its runs."""

    run: Run
    finding: Finding


@dataclass(frozen=True, slots=True)
class RunDiagnoses:
    """The findings of runs by run id, and the findings about their trials."""

    by_run: Mapping[int, tuple[Finding, ...]]
    trials: tuple[TrialFinding, ...]

    @property
    def all_findings(self) -> list[Finding]:
        """The findings of all runs, then those of the trials."""
        findings = [finding for group in self.by_run.values() for finding in group]
        return findings + [trial.finding for trial in self.trials]


def diagnose_runs(db: store.Database, runs: Sequence[Run]) -> RunDiagnoses:
    """The findings of runs and of their trials; the rules see all seeds of `runs`.

    Reads the histories of one trial at a time: those of a whole database may exceed the memory.
    """
    by_run: dict[int, tuple[Finding, ...]] = {}
    trials: list[TrialFinding] = []
    for group in _group_by_trial(runs):
        histories = store.histories(db, [run.id for run in group])
        for run in group:
            by_run[run.id] = diagnose(histories[run.id], run.trial.setting)
        seeds = [(histories[run.id], by_run[run.id]) for run in group]
        objective = str(group[0].trial.setting.get("objective", "val/loss:min"))
        if (finding := SeedsDisagree().check_seeds(seeds, objective)) is not None:
            trials.append(TrialFinding(group[0], finding))
    return RunDiagnoses(by_run, tuple(trials))


def _group_by_trial(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[int, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.trial.id, []).append(run)
    return list(groups.values())
