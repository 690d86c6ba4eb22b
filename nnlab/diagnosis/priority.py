"""The order of findings, and the grouping of symptoms under the finding that causes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.records import Finding, Severity

# Causes before their consequences: faults of the model that no input changes (equal weights, the
# output), of the inputs, which change the scale of every layer, of the initialisation, of the
# steps, and of the end of training.
PRIORITY = (
    "NN306", "NN308", "NN401", "NN305", "NN304", "NN301", "NN307", "NN201", "NN302", "NN202",
    "NN303", "NN203", "NN106", "NN404", "NN403", "NN204", "NN402", "NN104", "NN103", "NN101",
    "NN107", "NN501", "NN405", "NN102", "NN205", "NN105",
)  # fmt: skip
# Infos on the data come after infos on the run.
_DATA_INFO_CODES = frozenset({"NN402", "NN404"})

_NOT_LEARNING_CODES = frozenset(
    {"NN106", "NN104", "NN105", "NN203", "NN205", "NN303", "NN405", "NN103"}
)
_INSTABILITY_CODES = frozenset({"NN201", "NN202", "NN204", "NN302", "NN205"})

# The codes that a finding explains, which are shown as its symptoms.
SYMPTOM_CODES: Mapping[str, frozenset[str]] = {
    "NN306": _NOT_LEARNING_CODES | {"NN301"},
    "NN308": _NOT_LEARNING_CODES - {"NN303"},
    "NN305": _NOT_LEARNING_CODES | _INSTABILITY_CODES | {"NN301", "NN304"},
    "NN304": _NOT_LEARNING_CODES | {"NN301", "NN302"},
    "NN301": _NOT_LEARNING_CODES,
    "NN303": _NOT_LEARNING_CODES - {"NN303"},
    "NN401": _NOT_LEARNING_CODES
    | _INSTABILITY_CODES
    | {"NN305", "NN304", "NN101", "NN102", "NN107"},
    "NN307": _NOT_LEARNING_CODES,
    "NN201": _NOT_LEARNING_CODES
    | _INSTABILITY_CODES - {"NN201"}
    | {"NN101", "NN102", "NN107", "NN404"},
    "NN302": _NOT_LEARNING_CODES | _INSTABILITY_CODES - {"NN302", "NN201"},
    "NN202": _NOT_LEARNING_CODES
    | {"NN303"}
    | _INSTABILITY_CODES - {"NN202", "NN201", "NN302"}
    | {"NN101", "NN102", "NN107"},
    "NN203": frozenset({"NN106", "NN104", "NN105"}),
    "NN106": frozenset({"NN104", "NN105", "NN103", "NN405", "NN205", "NN102", "NN101", "NN107"}),
    "NN404": frozenset({"NN101", "NN102", "NN103", "NN107", "NN405", "NN204"}),
    "NN403": frozenset({"NN405"}),
    "NN204": frozenset({"NN205", "NN101", "NN102", "NN105", "NN107"}),
    "NN103": frozenset({"NN102"}),
    "NN101": frozenset({"NN102", "NN103", "NN107"}),
    "NN107": frozenset({"NN102"}),
}


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """A finding and the findings of the same run that are its symptoms."""

    finding: Finding
    symptoms: tuple[Finding, ...]


def sort_by_priority(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with causes before their symptoms, and those of severity info last."""
    return tuple(sorted(findings, key=_sort_key))


def group_symptoms(findings: Sequence[Finding]) -> tuple[FindingGroup, ...]:
    """The findings of a run, each symptom grouped under the first cause that explains it.

    A symptom of a symptom is grouped under the same cause.
    """
    heads: list[tuple[Finding, list[Finding]]] = []
    for finding in sort_by_priority(findings):
        for head, symptoms in heads:
            if any(_explains(cause, finding) for cause in (head, *symptoms)):
                symptoms.append(finding)
                break
        else:
            heads.append((finding, []))
    return tuple(FindingGroup(head, tuple(symptoms)) for head, symptoms in heads)


def _explains(cause: Finding, finding: Finding) -> bool:
    """Whether a finding is a symptom of another; findings of severity info have no symptoms."""
    return cause.severity is not Severity.INFO and finding.code in SYMPTOM_CODES.get(cause.code, ())


def _sort_key(finding: Finding) -> tuple[bool, int, float]:
    rank = PRIORITY.index(finding.code) if finding.code in PRIORITY else len(PRIORITY)
    is_info = finding.severity is Severity.INFO
    return (
        is_info,
        rank + (len(PRIORITY) if is_info and finding.code in _DATA_INFO_CODES else 0),
        -finding.confidence,
    )
