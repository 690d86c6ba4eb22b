"""NN403: detects validation rows that are also in the training split."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: the fraction and the number of rows.
_SHARE, _ROWS = 0.02, 3.0
# In data with duplicates some overlap is expected, up to this multiple of the duplicated fraction.
_EXPECTED_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class SplitOverlap:
    """Splits overlap: rows of the validation split are also in the training split.

    Detects: validation rows have an exact duplicate in the training split more often than training
    rows have one among themselves.

    Why it matters: the model memorises such rows instead of predicting them. Validation is then
    better than on any new data, and settings that memorise best are selected.

    What to try: remove duplicates before splitting; split by the group that makes rows similar
    (patient, video, document) instead of by row.
    """

    code: ClassVar[str] = "NN403"
    name: ClassVar[str] = "splits overlap"
    remedy: ClassVar[str] = "remove duplicates before splitting, or split by group"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the statistics of the data, which every run with a probe stores."""
        overlap, repeated = context.data_statistic("overlap"), context.data_statistic("repeated")
        size = context.data_statistic("val")
        if overlap is None or repeated is None or size is None:
            return None
        excess, rows = overlap - _EXPECTED_FACTOR * repeated, overlap * size
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(hill(excess, _SHARE), hill(rows, _ROWS)),
            None,
            f"{overlap:.1%} of the validation rows are also in the training split",
            {"overlap": overlap, "repeated_in_training": repeated, "rows": rows},
        )
