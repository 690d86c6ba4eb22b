"""NN103."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.smoothing import low_median
from nnlab.diagnose.val_minimum import bounded_ratio
from nnlab.records import Finding, Severity

# Shares of the validation loss, and of all examples, worth a confidence of one half.
_GAP, _ACCURACY_GAP, _STANDARD_ERRORS = 0.2, 0.07, 3.0
# One standard error where the size of the split is unknown.
_DEFAULT_SAMPLING_ERROR = 0.02


@dataclass(frozen=True, slots=True)
class GeneralisationGap:
    """Generalisation gap: validation was worse than training from the start.

    What it finds: validation accuracy lay far below training accuracy, and its loss far above,
    already when training had only begun, and the gap never closed. It did not come from
    training too long.

    Why it matters: validation comes from elsewhere than training, or is harder: a choice made by
    it is a choice for other data than the model learns from.

    What to try: compare the splits (`nnlab data show`): are they shuffled, from one source,
    treated alike? Augmentation that covers the difference; more training data like that of
    validation.
    """

    code: ClassVar[str] = "NN103"
    name: ClassVar[str] = "generalisation gap"
    remedy: ClassVar[str] = "compare the splits: nnlab data show; shuffle before splitting"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the losses and accuracies of both splits, six epochs."""
        pair, turn = case.pair, case.val_minimum
        if pair is None or turn is None or len(pair) < 6 or min(pair.val) <= 0:
            return None
        early = slice(max(1, len(pair) // 10), max(3, len(pair) // 5 + 1))
        gaps = [v - t for v, t in zip(pair.val[early], pair.train[early], strict=True)]
        began = bounded_ratio(low_median(gaps), low_median(pair.val[early]))
        ended = bounded_ratio(turn.end - turn.train_end, turn.end)
        apart = self._accuracy_gap(case, pair.epochs[early])
        if apart is None:  # losses alone may be on scales of their own
            return None
        confidence = combine_confidences(
            hill(began, _GAP),
            hill(ended, _GAP),
            hill(apart, _ACCURACY_GAP),
            hill(apart / _sampling_error(case), _STANDARD_ERRORS),
        )
        return make_finding(
            self,
            Severity.WARNING,
            confidence,
            pair.epochs[0],
            f"validation loss is {turn.end:.4g} against {turn.train_end:.4g} in training, and was"
            " apart from the first epochs on",
            {"gap_early": began, "gap_end": ended, "accuracy_gap_early": apart},
        )

    def _accuracy_gap(self, case: RuleContext, epochs: Sequence[int]) -> float | None:
        """How far validation accuracy lay below training accuracy in these epochs."""
        train, val = case.history.get("train/accuracy"), case.history.get("val/accuracy")
        if not train or not val:
            return None
        known, reached = dict(train), dict(val)
        apart = [known[e] - reached[e] for e in epochs if e in known and e in reached]
        return low_median(apart) if apart else None


def _sampling_error(case: RuleContext) -> float:
    """One standard error of the validation accuracy, which a few examples alone may explain."""
    size, accuracy = case.data_statistic("val"), case.median_of_last("val/accuracy")
    if size is None or accuracy is None:
        return _DEFAULT_SAMPLING_ERROR
    return max(math.sqrt(accuracy * (1 - accuracy) / size), 1 / size)
