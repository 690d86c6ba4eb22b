"""NN103."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.case import Case
from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.rule import finding
from nnlab.diagnose.smoothing import low_median
from nnlab.diagnose.turning import ratio
from nnlab.records import Finding, Severity

# Shares of the validation loss, and of all examples, worth a confidence of one half.
_GAP, _APART = 0.5, 0.15


@dataclass(frozen=True, slots=True)
class Gap:
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

    def check(self, case: Case) -> Finding | None:
        """Needs the losses and accuracies of both splits, six epochs."""
        pair, turn = case.pair, case.turn
        if pair is None or turn is None or len(pair) < 6 or min(pair.val) <= 0:
            return None
        early = slice(1, max(3, len(pair) // 5))
        gaps = [v - t for v, t in zip(pair.val[early], pair.train[early], strict=True)]
        level = low_median(pair.val[early])
        began = ratio(low_median(gaps), level)
        ended = ratio(turn.end - turn.train_end, turn.end)
        apart = self._accuracies_apart(case)
        if apart is None:  # losses alone may be on scales of their own
            return None
        confidence = weakest(ramp(began, _GAP), ramp(ended, _GAP), ramp(apart, _APART))
        return finding(
            self,
            Severity.WARNING,
            confidence,
            pair.epochs[0],
            f"validation loss is {turn.end:.4g} against {turn.train_end:.4g} in training, and was"
            " apart from the first epochs on",
            {"gap_early": began, "gap_end": ended, "accuracy_gap_early": apart},
        )

    def _accuracies_apart(self, case: Case) -> float | None:
        """How far validation accuracy lay below training accuracy in the first epochs."""
        train, val = case.history.get("train/accuracy"), case.history.get("val/accuracy")
        if not train or not val:
            return None
        reach = max(3, len(val) // 5)
        known = dict(train)
        apart = [known[e] - v for e, v in list(val)[1:reach] if e in known and v == v]
        return low_median(apart) if apart else None
