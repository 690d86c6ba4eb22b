"""NN402: reports useless features, identifier columns, and rare or missing classes in the data."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: the excess of the largest class over an even share, relative to the
# largest possible excess.
_IMBALANCE = 0.7
# Increasing numbers may also be times, whose order carries information.
_IDENTIFIER_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class DataFaults:
    """Data: useless features, identifier columns, rare or missing classes.

    Detects: features that are constant or duplicates of another; a table column that numbers its
    rows (whole numbers that increase with every row, or a different text in each); one class that
    makes up most of the training split; a class that has a single row or is missing from training
    or validation.

    Why it matters: constant and duplicated features only cost time. An identifier lets the network
    memorise rows, and carries no information about new data. With a majority class, accuracy is
    high without learning. A class that is missing from a split is not learned or not validated at
    all.

    What to try: drop such features; collect more examples of the rare class, or weight it; read
    the loss instead of the accuracy; split so that every class is in every split. `nnlab data
    show` names the columns and classes.
    """

    code: ClassVar[str] = "NN402"
    name: ClassVar[str] = "data"
    remedy: ClassVar[str] = (
        "split by class; read the loss, not the accuracy; drop constant features"
    )

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the statistics of the data, which every run with a probe stores."""
        messages, evidence, confidence, severity = [], {}, 0.0, Severity.INFO
        majority, classes = context.data_statistic("majority"), context.data_statistic("classes")
        missing = context.data_statistic("missing_classes") or 0.0
        if missing:
            messages.append(
                f"{_count_text(missing, 'class', 'classes')} missing from training or validation"
            )
            evidence["missing_classes"], confidence, severity = missing, 0.99, Severity.WARNING
        if single := context.data_statistic("single_row_classes"):
            messages.append(f"{_count_text(single, 'class has', 'classes have')} a single row")
            evidence["single_row_classes"], confidence, severity = single, 0.99, Severity.WARNING
        if identifiers := context.data_statistic("id_columns"):
            messages.append(
                f"{_count_text(identifiers, 'column looks', 'columns look')} like an identifier"
            )
            evidence["id_columns"], confidence = (
                identifiers,
                max(confidence, _IDENTIFIER_CONFIDENCE),
            )
            severity = Severity.WARNING
        if majority is not None and classes:
            excess = (majority - 1 / classes) / (1 - 1 / classes)
            if (imbalance := combine_confidences(hill(excess, _IMBALANCE))) >= MIN_CONFIDENCE:
                messages.append(f"{majority:.0%} of the training split are of one class")
                evidence["majority"], confidence = majority, max(confidence, imbalance)
                severity = Severity.WARNING
        for name, adjective in (("constant", "constant"), ("duplicates", "duplicated")):
            if count := context.data_statistic(name):
                messages.append(f"{_count_text(count, 'feature', 'features')} {adjective}")
                evidence[f"{name}_features"], confidence = count, max(confidence, 0.9)
        return make_finding(self, severity, confidence, None, "; ".join(messages), evidence)


def _count_text(count: float, singular: str, plural: str) -> str:
    return f"{count:.0f} {singular if count == 1 else plural}"
