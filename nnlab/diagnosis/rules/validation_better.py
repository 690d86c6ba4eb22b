"""NN405: notes that validation loss is lower than training loss, and the likely reason."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import dropout_rate
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import low_median
from nnlab.records import Finding, Severity

# At a confidence of one half: the relative difference to training loss, and that of the accuracies
# in standard errors.
_SHARE_BELOW, _STANDARD_ERRORS = 0.1, 2.0
# The settings that increase training loss but not validation loss.
TRAIN_LOSS_HANDICAPS = (
    "dropout", "channel_dropout", "dropconnect", "stochastic_depth", "augment", "mixup", "cutmix",
    "label_smoothing", "label_noise",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValidationBetter:
    """Validation better than training: usually no fault, but the reason should be known.

    Detects: over the second half of the run validation loss was lower than training loss by more
    than a tenth. If the size of the validation split is known, its accuracy must be higher by more
    than chance explains.

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
        handicaps = [
            name
            for name in TRAIN_LOSS_HANDICAPS
            if context.numeric_setting(name) or _is_switched_on(context, name)
        ]
        if not handicaps and dropout_rate(context) > 0:
            handicaps = ["dropout"]  # in the code of the model
        confidence = combine_confidences(
            hill(low_median(below), _SHARE_BELOW), hill(len(pair), 4.0)
        )
        if confidence < MIN_CONFIDENCE:
            return None
        if not handicaps:
            confidence = min(confidence, _significance(context))
        is_explained = bool(handicaps) or _is_less_accurate(context)
        if handicaps:
            reason = f"training is measured with {', '.join(handicaps)}, which explains it"
        elif is_explained:
            reason = (
                "accuracy is not higher, so training loss contains what validation loss does not,"
                " such as label smoothing or a penalty"
            )
        else:
            reason = "the validation split seems easier, or contains training examples"
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            pair.epochs[second_half][0],
            f"validation loss {pair.last_val:.4g} is below training loss; {reason}",
            {"below": low_median(below), "handicaps": float(len(handicaps))},
            remedy=_remedy(context, is_explained=is_explained),
        )


def _remedy(context: RuleContext, *, is_explained: bool) -> str:
    """What to try; the option does not exist for curves of other programs."""
    if not is_explained:
        rows = "look for rows that both splits share"
        return ValidationBetter.remedy if context.setting else rows
    option = "; --exact-train measures training loss without it" if context.setting else ""
    return f"nothing, if that explains it{option}"


def _is_switched_on(context: RuleContext, field: str) -> bool:
    value = context.setting.get(field)
    return isinstance(value, str) and value not in ("", "none")


def _is_less_accurate(context: RuleContext) -> bool:
    """Whether validation accuracy is below training accuracy although its loss is lower."""
    train = context.median_of_last("train/accuracy")
    val = context.median_of_last("val/accuracy")
    return train is not None and val is not None and val < train


def _significance(context: RuleContext) -> float:
    """The confidence that the split is easier by more than chance; 1 if its size is unknown."""
    size, val = context.accuracy_examples, context.median_of_last("val/accuracy")
    train = context.median_of_last("train/accuracy")
    if size is None or val is None or train is None or val < train:
        return 1.0
    error = max(math.sqrt(train * (1 - train) / size), 1 / size)
    return hill((val - train) / error, _STANDARD_ERRORS)
