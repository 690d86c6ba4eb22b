"""NN405."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.smoothing import low_median
from nnlab.records import Finding, Severity

# The share below training loss worth a confidence of one half.
_SHARE_BELOW = 0.1
# What makes training loss worse than the model is.
TRAIN_LOSS_HANDICAPS = (
    "dropout", "channel_dropout", "dropconnect", "stochastic_depth", "augment", "mixup", "cutmix",
    "label_smoothing", "label_noise",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValidationBetter:
    """Validation better than training: mostly no fault, and worth knowing why.

    What it finds: over the second half of the run validation loss stayed below training loss by
    more than a tenth.

    Why it matters: with dropout, augmentation, mixup or label smoothing training loss is measured
    under a handicap that validation does not have, and in early epochs it is an average over
    weights that were still worse: then all is well. Without them validation is easier than
    training, or some of it was trained on.

    What to try: nothing, where one of these explains it; `--exact-train` measures training
    without the handicap. Else look for rows in both splits and for a split by time or by
    source.
    """

    code: ClassVar[str] = "NN405"
    name: ClassVar[str] = "validation better"
    remedy: ClassVar[str] = "--exact-train; look for rows that both splits share"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs both losses, six epochs."""
        pair = case.pair
        if pair is None or len(pair) < 6 or min(min(pair.val), min(pair.train)) <= 0:
            return None
        half = slice(len(pair) // 2, None)
        below = [1.0 - v / t for v, t in zip(pair.val[half], pair.train[half], strict=True)]
        confidence = combine_confidences(
            hill(low_median(below), _SHARE_BELOW), hill(len(pair), 4.0)
        )
        handicaps = [
            name
            for name in TRAIN_LOSS_HANDICAPS
            if case.number(name) or _is_switched_on(case, name)
        ]
        why = (
            f"training is measured with {', '.join(handicaps)}: all is well"
            if handicaps
            else "validation looks easier than training, or was trained on"
        )
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            pair.epochs[half][0],
            f"validation loss {pair.last_val:.4g} lies below training loss; {why}",
            {"below": low_median(below), "handicaps": float(len(handicaps))},
        )


def _is_switched_on(case: RuleContext, field: str) -> bool:
    value = case.setting.get(field)
    return isinstance(value, str) and value not in ("", "none")
