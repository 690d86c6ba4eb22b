"""NN403."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# The share and the number of rows worth a confidence of one half.
_SHARE, _ROWS = 0.02, 3.0
# Sets that repeat themselves do so across splits: so many times that share is expected.
_EXPECTED_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class SplitOverlap:
    """Splits overlap: rows of the validation split are in the training split too.

    What it finds: more validation rows have an exact twin in training than rows of training have
    among themselves.

    Why it matters: what was trained on is remembered, not predicted: validation looks better than
    any new data will, and settings that remember best win.

    What to try: remove duplicates before splitting; split by whatever makes rows alike (patient,
    video, document) instead of by row.
    """

    code: ClassVar[str] = "NN403"
    name: ClassVar[str] = "splits overlap"
    remedy: ClassVar[str] = "remove duplicates before splitting, or split by group"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the numbers of the data, which every run with a probe stores."""
        overlap, repeated = case.data_statistic("overlap"), case.data_statistic("repeated")
        size = case.data_statistic("val")
        if overlap is None or repeated is None or size is None:
            return None
        excess, rows = overlap - _EXPECTED_FACTOR * repeated, overlap * size
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(hill(excess, _SHARE), hill(rows, _ROWS)),
            None,
            f"{overlap:.1%} of the validation rows are in the training split too",
            {"overlap": overlap, "repeated_in_training": repeated, "rows": rows},
        )
