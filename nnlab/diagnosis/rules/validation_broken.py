"""NN404: detects a validation split with wrong labels, or with too few examples."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.chance_level import (
    FAST_PROGRESS,
    early_training_progress,
    validation_at_chance,
)
from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.loss_pair import LossPair
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: the standard error of the accuracy.
_STANDARD_ERROR = 0.05
_MIN_FALL = 0.3
# The progress of training in three epochs below which memorisation explains it.
_SLOW_PROGRESS = 0.2


@dataclass(frozen=True, slots=True)
class ValidationUnreliable:
    """Validation unreliable: the split is wrong, or too small to be informative.

    Detects: validation never left chance level, although training learned in its first three epochs
    already, when it has hardly seen an example twice; or the validation split is so small that the
    standard error of its accuracy is at least five points. Training that learns slowly while
    validation stays at chance level memorises, or generalises later (grokking); it is reported as
    overfitting.

    Why it matters: in the first case every selection by validation is arbitrary: the labels of the
    split are probably shuffled, shifted by one, or encoded differently than in training. In the
    second case small differences between epochs and settings are chance.

    What to try: look at examples of the validation split with their labels; create both splits
    with the same function. If the split is small: a larger `--val-fraction`, more seeds, and
    comparisons by `nnlab compare`.
    """

    code: ClassVar[str] = "NN404"
    name: ClassVar[str] = "validation unreliable"
    remedy: ClassVar[str] = "check the validation labels; a larger --val-fraction"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs both losses; the sampling error needs the size of the split."""
        pair, val_minimum = context.loss_pair, context.val_minimum
        if (
            pair is not None
            and val_minimum is not None
            and _training_learned(context, pair)
            and validation_at_chance(context.history, pair, val_minimum)
        ):
            progress = early_training_progress(context.history, pair)
            return make_finding(
                self,
                Severity.ERROR,
                combine_confidences(
                    hill(len(pair), 3.0),
                    hill(progress - _SLOW_PROGRESS, FAST_PROGRESS - _SLOW_PROGRESS),
                ),
                pair.epochs[0],
                f"validation never left chance level (loss {val_minimum.minimum:.4g} at best) while"
                f" training learned ({pair.train[0]:.4g} to {val_minimum.train_end:.4g})",
                {"best_val_loss": pair.best_val, "final_train_loss": val_minimum.train_end},
            )
        size, accuracy = context.accuracy_examples, context.median_of_last("val/accuracy")
        if size is None or accuracy is None or not 0 < accuracy < 1:
            return None
        error = math.sqrt(accuracy * (1 - accuracy) / size)
        return make_finding(
            self,
            Severity.INFO,
            hill(error, _STANDARD_ERROR),
            None,
            f"only {size:.0f} validation examples: an accuracy of {accuracy:.3f} has an uncertainty"
            f" of about ±{2 * error:.3f}",
            {"val_examples": size, "standard_error": error},
        )


def _training_learned(context: RuleContext, pair: LossPair) -> bool:
    """Whether training loss decreased enough to expect an effect on validation."""
    return (
        context.train_trend is not None and context.train_trend.fall >= _MIN_FALL and len(pair) >= 3
    )
