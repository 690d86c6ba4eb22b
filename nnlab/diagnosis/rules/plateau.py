"""NN102: detects validation loss that stops improving while training loss keeps falling."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.chance_level import validation_at_chance
from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.plateau import Plateau, measure_plateau
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# The value of each criterion at a confidence of one half.
_SHARE_OF_RUN = 0.25
_VALIDATIONS = 5.0
_TRAIN_FALL_RELATIVE, _TRAIN_FALL_SHARE = 0.25, 0.1
_TRAIN_FALL_STANDARD_ERRORS = 2.0
# A training loss with a smaller relative decrease did not fall, however small its range is.
_MIN_FALL = 0.02


@dataclass(frozen=True, slots=True)
class ValidationPlateau:
    """Validation plateau: validation loss no longer changes while training loss keeps falling.

    Detects: after an improvement, validation loss stayed within 2 % of its total decrease for at
    least a quarter of the run, while training loss fell by another quarter of its value or tenth
    of its range, and by more than its noise. The onset is the first epoch of the plateau.

    Why it matters: nothing is lost yet, but the epochs since then did not improve the model on
    unseen data, and such a plateau is an early sign of overfitting.

    What to try: fewer epochs; dropout, weight decay or augmentation; a lower learning rate or a
    decay if training loss is noisy.
    """

    code: ClassVar[str] = "NN102"
    name: ClassVar[str] = "validation plateau"
    remedy: ClassVar[str] = "fewer epochs; or dropout, weight decay, augmentation"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the same losses as overfitting; None if overfitting is detected."""
        pair, val_minimum = context.loss_pair, context.val_minimum
        if pair is None or val_minimum is None or (plateau := measure_plateau(pair)) is None:
            return None
        confidence = combine_confidences(
            hill(plateau.validations_since / len(pair), _SHARE_OF_RUN),
            hill(plateau.validations_since, _VALIDATIONS),
            hill(
                max(
                    plateau.train_fall_relative / _TRAIN_FALL_RELATIVE,
                    plateau.train_fall_share / _TRAIN_FALL_SHARE,
                ),
                1.0,
            ),
            hill(plateau.train_fall_relative, _MIN_FALL),
            hill(plateau.train_fall_in_standard_errors, _TRAIN_FALL_STANDARD_ERRORS),
        )
        if context.val_increase >= MIN_CONFIDENCE or validation_at_chance(
            context.history, pair, val_minimum
        ):
            return None
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            plateau.onset,
            _message(plateau),
            {
                "best_val_loss": pair.best_val,
                "best_epoch": float(pair.best_epoch),
                "final_val_loss": pair.last_val,
                "level": plateau.level,
                "val_change_relative": plateau.val_change_relative,
                "train_loss_at_onset": plateau.train_at_onset,
                "final_train_loss": plateau.train_end,
                "train_fall_relative": plateau.train_fall_relative,
                "epochs_since_onset": float(pair.last_epoch - plateau.onset),
                "validations_since_onset": float(plateau.validations_since),
            },
        )


def _message(plateau: Plateau) -> str:
    return (
        f"plateau since epoch {plateau.onset}: "
        f"validation {100 * plateau.val_change_relative:+.1f} %, "
        f"training {-100 * plateau.train_fall_relative:+.0f} % "
        f"({plateau.train_at_onset:.4g} to {plateau.train_end:.4g})"
    )
