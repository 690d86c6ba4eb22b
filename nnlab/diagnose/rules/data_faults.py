"""NN402."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# How far the majority is beyond an even share, of what it could be, for one half.
_IMBALANCE = 0.7
# An increasing number may also be a time, whose order means something.
_IDENTIFIER_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class DataFaults:
    """Data: useless features, identifiers among them, classes that are rare or missing.

    What it finds: features of one value or equal to another; a column of a table that numbers its
    rows (whole numbers that increase with every row, or a different text in each); one class holds
    most of the training split; a class has a single row, or is missing from training or
    validation.

    Why it matters: constant and duplicated features only cost time; an identifier lets the network
    remember rows, and on new data it says nothing. With one class in the majority accuracy looks
    high for a guess, and a class that a split lacks is not learned or not validated at all.

    What to try: drop such features; more examples of the rare class, or weigh it; read the loss
    and not the accuracy; split so that every class is in every split. `nnlab data show` names the
    columns and classes.
    """

    code: ClassVar[str] = "NN402"
    name: ClassVar[str] = "data"
    remedy: ClassVar[str] = (
        "split by class; read the loss, not the accuracy; drop constant features"
    )

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the numbers of the data, which every run with a probe stores."""
        told, evidence, sure, severity = [], {}, 0.0, Severity.INFO
        majority, classes = case.data_statistic("majority"), case.data_statistic("classes")
        missing = case.data_statistic("missing_classes") or 0.0
        if missing:
            told.append(
                f"{_count_text(missing, 'class', 'classes')} missing from training or validation"
            )
            evidence["missing_classes"], sure, severity = missing, 0.99, Severity.WARNING
        if single := case.data_statistic("single_row_classes"):
            told.append(f"{_count_text(single, 'class has', 'classes have')} a single row")
            evidence["single_row_classes"], sure, severity = single, 0.99, Severity.WARNING
        if identifiers := case.data_statistic("id_columns"):
            told.append(
                f"{_count_text(identifiers, 'column looks', 'columns look')} like an identifier"
            )
            evidence["id_columns"], sure = identifiers, max(sure, _IDENTIFIER_CONFIDENCE)
            severity = Severity.WARNING
        if majority is not None and classes:
            beyond = (majority - 1 / classes) / (1 - 1 / classes)
            if (imbalance := combine_confidences(hill(beyond, _IMBALANCE))) >= MIN_CONFIDENCE:
                told.append(f"{majority:.0%} of the training split are of one class")
                evidence["majority"], sure = majority, max(sure, imbalance)
                severity = Severity.WARNING
        for name, word in (("constant", "constant"), ("duplicates", "duplicated")):
            if count := case.data_statistic(name):
                told.append(f"{_count_text(count, 'feature', 'features')} {word}")
                evidence[f"{name}_features"], sure = count, max(sure, 0.9)
        return make_finding(self, severity, sure, None, "; ".join(told), evidence)


def _count_text(count: float, one: str, many: str) -> str:
    return f"{count:.0f} {one if count == 1 else many}"
