"""NN404."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.chance_level import validation_at_chance
from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.loss_pair import LossPair
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# One standard error of the accuracy that is worth a confidence of one half.
_STANDARD_ERROR = 0.05
_MIN_FALL = 0.3


@dataclass(frozen=True, slots=True)
class ValidationUnreliable:
    """Validation unreliable: the split is broken, or too small to tell.

    What it finds: validation never left chance level while training learned; or so few examples
    validate that their own sampling error, one standard error of the accuracy, is five points
    or more.

    Why it matters: the first makes every choice by validation a lottery: labels of that split are
    likely shuffled, shifted by one, or coded otherwise than in training. The second only
    means that small differences between epochs and settings are luck.

    What to try: look at examples of the validation split with their labels; build both splits by
    one function. Where it is small: a larger `--val-fraction`, more seeds, differences judged
    by `nnlab compare`.
    """

    code: ClassVar[str] = "NN404"
    name: ClassVar[str] = "validation unreliable"
    remedy: ClassVar[str] = "check the validation labels; a larger --val-fraction"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs both losses; the sampling error needs the size of the split."""
        pair, turn = case.pair, case.val_minimum
        if (
            pair is not None
            and turn is not None
            and _training_learned(case, pair)
            and validation_at_chance(case.history, pair, turn)
        ):
            return make_finding(
                self,
                Severity.ERROR,
                combine_confidences(hill(len(pair), 3.0)),
                pair.epochs[0],
                f"validation never left chance level (loss {turn.minimum:.4g} at best) while"
                f" training learned ({pair.train[0]:.4g} to {turn.train_end:.4g})",
                {"best_val_loss": pair.best_val, "final_train_loss": turn.train_end},
            )
        size, accuracy = case.data_statistic("val"), case.median_of_last("val/accuracy")
        if size is None or accuracy is None or not 0 < accuracy < 1:
            return None
        error = math.sqrt(accuracy * (1 - accuracy) / size)
        return make_finding(
            self,
            Severity.INFO,
            hill(error, _STANDARD_ERROR),
            None,
            f"{size:.0f} examples validate: an accuracy of {accuracy:.3f} is known to about"
            f" ±{2 * error:.3f}",
            {"val_examples": size, "standard_error": error},
        )


def _training_learned(case: RuleContext, pair: LossPair) -> bool:
    """Whether training fell by so much that validation had something to follow."""
    return case.training is not None and case.training.fall >= _MIN_FALL and len(pair) >= 3
