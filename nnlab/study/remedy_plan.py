"""What `nnlab remedy` is about to train: remedies, settings, seeds and their cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.diagnosis.remedies import Remedy
from nnlab.objective import Objective, Setting
from nnlab.records import Finding, Run
from nnlab.scripts.script_spec import ScriptSpec


@dataclass(frozen=True, slots=True)
class RemedyProposal:
    """The remedies for the findings of a run, before a budget limits them.

    Attributes:
        objective: the objective by which the remedies are judged.
        findings: the findings of the run.
        remedies: the remedies; their changes are by the names of the setting.
        settings: the settings to train, by name: that of the control, then those of the remedies.
        relative_durations: the duration of a run of each remedy, relative to the original.
        script: the script of the run; None if nnlab trains it.
        notes: what the user should know.
    """

    objective: Objective
    findings: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]
    settings: Mapping[str, Setting]
    relative_durations: Mapping[str, float]
    script: ScriptSpec | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemedyCandidate:
    """A remedy to try, its setting, and the estimated seconds of all its runs."""

    remedy: Remedy
    setting: Setting
    seconds: float


@dataclass(frozen=True, slots=True)
class RemedyPlan:
    """The remedies to try for a run.

    Attributes:
        run: the run that has findings.
        objective: its objective, by which the remedies are judged.
        findings: its findings.
        settings: the settings to train, by name: that of the control, then those of the remedies.
        candidates: the remedies, in the order of `settings`.
        seeds: the number of seeds of each setting.
        control_seconds: the estimated seconds of all control runs.
        script: the script of the run; None if nnlab trains it.
        notes: what the user should know.
    """

    run: Run
    objective: Objective
    findings: tuple[Finding, ...]
    settings: Mapping[str, Setting]
    candidates: tuple[RemedyCandidate, ...]
    seeds: int
    control_seconds: float
    script: ScriptSpec | None = None
    notes: tuple[str, ...] = ()

    @property
    def finding_code(self) -> str:
        """The code of the finding that the first remedies are for."""
        return self.candidates[0].remedy.finding_code
