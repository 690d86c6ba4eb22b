"""Which finding comes first, and which ones are only symptoms of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.records import Finding, Severity

# Causes before what follows from them: what is wrong with the start of a run, with the output,
# with the data, with the steps, with the end.
ORDER = (
    "NN306", "NN308", "NN305", "NN304", "NN301", "NN401", "NN307", "NN201", "NN302", "NN202",
    "NN303", "NN203", "NN106", "NN404", "NN403", "NN204", "NN402", "NN104", "NN103", "NN101",
    "NN501", "NN405", "NN102", "NN205", "NN105",
)  # fmt: skip
# What is only worth knowing of the data comes after what is worth knowing of the run.
_LAST = frozenset({"NN402", "NN404", "NN401"})

_NOT_LEARNING = frozenset({"NN106", "NN104", "NN105", "NN203", "NN205", "NN303", "NN405", "NN103"})
_THROWN_ABOUT = frozenset({"NN201", "NN202", "NN204", "NN302", "NN205"})

# What a finding explains: these are folded under it.
SYMPTOMS: Mapping[str, frozenset[str]] = {
    "NN306": _NOT_LEARNING | {"NN301"},
    "NN308": _NOT_LEARNING - {"NN303"},
    "NN305": _NOT_LEARNING | _THROWN_ABOUT | {"NN301", "NN304"},
    "NN304": _NOT_LEARNING | {"NN301", "NN302"},
    "NN301": _NOT_LEARNING,
    "NN303": _NOT_LEARNING - {"NN303"},
    "NN401": _NOT_LEARNING | _THROWN_ABOUT | {"NN305", "NN304", "NN101", "NN102"},
    "NN307": _NOT_LEARNING,
    "NN201": _NOT_LEARNING | _THROWN_ABOUT - {"NN201"} | {"NN101", "NN102", "NN404"},
    "NN302": _NOT_LEARNING | _THROWN_ABOUT - {"NN302", "NN201"},
    "NN202": _NOT_LEARNING | {"NN303"} | _THROWN_ABOUT - {"NN202", "NN201"} | {"NN101", "NN102"},
    "NN203": frozenset({"NN106", "NN104", "NN105"}),
    "NN106": frozenset({"NN104", "NN105", "NN103", "NN405", "NN205", "NN102", "NN101"}),
    "NN404": frozenset({"NN101", "NN102", "NN103", "NN405", "NN204"}),
    "NN403": frozenset({"NN405"}),
    "NN204": frozenset({"NN205", "NN101", "NN102", "NN105"}),
    "NN103": frozenset({"NN102"}),
    "NN101": frozenset({"NN102", "NN103"}),
}


@dataclass(frozen=True, slots=True)
class Folded:
    """A finding, and the other findings of its run that follow from it."""

    finding: Finding
    symptoms: tuple[Finding, ...]


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Causes before their symptoms; what is only worth knowing comes last."""
    return tuple(sorted(findings, key=_place))


def folded(findings: Sequence[Finding]) -> tuple[Folded, ...]:
    """The findings of a run with symptoms put under the first cause that explains them.

    A symptom of a symptom is put under the same cause.
    """
    heads: list[tuple[Finding, list[Finding]]] = []
    for finding in in_order(findings):
        for head, symptoms in heads:
            if any(_explains(cause, finding) for cause in (head, *symptoms)):
                symptoms.append(finding)
                break
        else:
            heads.append((finding, []))
    return tuple(Folded(head, tuple(symptoms)) for head, symptoms in heads)


def _explains(cause: Finding, finding: Finding) -> bool:
    """Whether a finding follows from another; what is only worth knowing explains nothing."""
    return cause.severity is not Severity.INFO and finding.code in SYMPTOMS.get(cause.code, ())


def _place(finding: Finding) -> tuple[bool, int, float]:
    place = ORDER.index(finding.code) if finding.code in ORDER else len(ORDER)
    info = finding.severity is Severity.INFO
    return info, place + (len(ORDER) if info and finding.code in _LAST else 0), -finding.confidence
