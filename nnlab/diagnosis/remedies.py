"""Remedies: changes of the setting that findings propose, and that `nnlab remedy` tests."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnosis.calibration import has_strength
from nnlab.diagnosis.priority import group_symptoms, sort_by_priority
from nnlab.diagnosis.remedy_proposals import Changes, propose_changes
from nnlab.records import Finding, Scalar, Setting, Severity

# A finding with weaker evidence may be false.
_SURE = 0.75


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the setting, proposed by the finding `finding_code`.

    `changes` are fields as a user would set them; fields that depend on them get their defaults.
    """

    name: str
    changes: Changes
    finding_code: str


def remedies_for(findings: Sequence[Finding], setting: Setting) -> tuple[Remedy, ...]:
    """The remedies for the findings of a run, in the order in which to try them, each change once.

    The remedies of sure findings come first, causes in their order. An uncertain cause may be
    false: its remedies follow those of the sure findings that it would explain. A symptom
    disappears with its cause. Its remedies are therefore proposed, after all others, only if the
    cause is uncertain or if no change of the setting remedies it.

    Args:
        findings: the findings of the run, in any order.
        setting: the setting of the run.
    """
    remedies: dict[tuple[tuple[str, Scalar], ...], Remedy] = {}
    for finding in _in_order_of_trial(findings, setting):
        for name, changes in propose_changes(finding, setting):
            differing = _differing(changes, setting)
            if differing:
                key = tuple(sorted(differing.items(), key=lambda item: item[0]))
                remedies.setdefault(key, Remedy(name, changes, finding.code))
    return tuple(remedies.values())


def _differing(changes: Changes, setting: Setting) -> Changes:
    return {name: value for name, value in changes.items() if setting.get(name) != value}


def _in_order_of_trial(findings: Sequence[Finding], setting: Setting) -> list[Finding]:
    """The findings whose remedies are tried: sure causes, uncertain ones, and their symptoms.

    Findings of severity info are tried only if there are no others.
    """
    serious = [finding for finding in findings if finding.severity is not Severity.INFO]
    if not serious:
        return [group.finding for group in group_symptoms(findings)]
    sure = [finding for finding in serious if has_strength(finding, _SURE)]
    causes = [group.finding for group in group_symptoms(serious)]
    uncertain = [finding for finding in causes if finding not in sure]
    treated: list[Finding] = []
    explained: list[Finding] = []
    for group in group_symptoms([finding for finding in serious if finding not in uncertain]):
        if group.finding in sure:
            treated.append(group.finding)
            explained += group.symptoms if _has_remedy(group.finding, setting) else ()
    treated += uncertain
    others = [f for f in sort_by_priority(serious) if f not in treated and f not in explained]
    return [*treated, *others]


def _has_remedy(finding: Finding, setting: Setting) -> bool:
    """Whether a change of the setting may remedy a finding."""
    return any(_differing(changes, setting) for _, changes in propose_changes(finding, setting))
