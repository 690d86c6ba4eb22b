"""NN405: notes that validation loss is lower than training loss, and the likely reason."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import dropout_rate
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import low_median
from nnlab.records import Finding, Severity

# At a confidence of one half: the relative difference to training loss.
_SHARE_BELOW = 0.1
# The settings that increase training loss but not validation loss.
TRAIN_LOSS_HANDICAPS = (
    "dropout", "channel_dropout", "dropconnect", "stochastic_depth", "augment", "mixup", "cutmix",
    "label_smoothing", "label_noise",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValidationBetter:
    """Validation better than training: usually no fault, but the reason should be known.

    Detects: over the second half of the run validation loss was lower than training loss by more
    than a tenth.

    Why it matters: dropout, augmentation, mixup and label smoothing increase training loss but not
    validation loss, and in early epochs training loss is an average over weights that were still
    worse: then this is expected. Without them, the validation split is easier than the training
    split, or contains training examples.

    What to try: nothing, if one of these explains it; `--exact-train` measures training loss
    without them. Otherwise look for rows in both splits, and split by time or by source.
    """

    code: ClassVar[str] = "NN405"
    name: ClassVar[str] = "validation better"
    remedy: ClassVar[str] = "--exact-train; look for rows that both splits share"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs both losses over six epochs."""
        pair = context.loss_pair
        if pair is None or len(pair) < 6 or min(min(pair.val), min(pair.train)) <= 0:
            return None
        second_half = slice(len(pair) // 2, None)
        below = [
            1.0 - v / t for v, t in zip(pair.val[second_half], pair.train[second_half], strict=True)
        ]
        confidence = combine_confidences(
            hill(low_median(below), _SHARE_BELOW), hill(len(pair), 4.0)
        )
        handicaps = [
            name
            for name in TRAIN_LOSS_HANDICAPS
            if context.numeric_setting(name) or _is_switched_on(context, name)
        ]
        if not handicaps and dropout_rate(context) > 0:
            handicaps = ["dropout"]  # in the code of the model
        reason = (
            f"training is measured with {', '.join(handicaps)}, which explains it"
            if handicaps
            else "the validation split seems easier, or contains training examples"
        )
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            pair.epochs[second_half][0],
            f"validation loss {pair.last_val:.4g} is below training loss; {reason}",
            {"below": low_median(below), "handicaps": float(len(handicaps))},
        )


def _is_switched_on(context: RuleContext, field: str) -> bool:
    value = context.setting.get(field)
    return isinstance(value, str) and value not in ("", "none")
