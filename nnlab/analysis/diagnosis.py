"""Diagnosis of stored runs and their trials, used by `nnlab diagnose`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnlab import store
from nnlab.analysis.objectives import objectives_of_runs
from nnlab.diagnosis import SeedsDisagree, diagnose
from nnlab.diagnosis.external_curves import diagnose_external, external_curves
from nnlab.records import Finding, Run


@dataclass(frozen=True, slots=True)
class TrialFinding:
    """A finding about the seeds of a trial; `run` is one of its runs."""

    run: Run
    finding: Finding


@dataclass(frozen=True, slots=True)
class RunDiagnoses:
    """The findings of runs by run id, and the findings about their trials.

    `notes` say what is missing in the curves of runs of other programs, by run id.
    """

    by_run: Mapping[int, tuple[Finding, ...]]
    trials: tuple[TrialFinding, ...]
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

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
    notes: dict[int, tuple[str, ...]] = {}
    objectives = _objectives(db, runs)
    for group in _group_by_trial(runs):
        histories = store.histories(db, [run.id for run in group])
        for run in group:
            if run.origin.is_external:
                by_run[run.id] = diagnose_external(histories[run.id], run.axis)
                notes[run.id] = external_curves(histories[run.id]).notes
            else:
                by_run[run.id] = diagnose(histories[run.id], run.trial.setting)
        seeds = [(histories[run.id], by_run[run.id]) for run in group]
        objective = objectives.get(group[0].id, "val/loss:min")
        if (finding := SeedsDisagree().check_seeds(seeds, objective)) is not None:
            trials.append(TrialFinding(group[0], finding))
    return RunDiagnoses(by_run, tuple(trials), notes)


def _objectives(db: store.Database, runs: Sequence[Run]) -> dict[int, str]:
    """The objective of each run that has one, as text."""
    external = [run.id for run in runs if run.origin.is_external]
    summaries = store.summaries(db, external) if external else {}
    return {id_: str(found) for id_, found in objectives_of_runs(db, runs, summaries).items()}


def _group_by_trial(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[int, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.trial.id, []).append(run)
    return list(groups.values())
