"""NN102."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.chance_level import validation_at_chance
from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.plateau import Plateau, measure_plateau
from nnlab.diagnose.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.val_increase import TRAIN_FALL_STANDARD_ERRORS, val_increase_confidence
from nnlab.records import Finding, Severity

# Each is the value at which its ground is worth a confidence of one half.
_SHARE_OF_RUN = 0.25
_VALIDATIONS = 5.0
_TRAIN_FALL_RELATIVE, _TRAIN_FALL_SHARE = 0.25, 0.1
# Below this share of its value a training loss has not fallen either, however small its range.
_MIN_FALL = 0.02


@dataclass(frozen=True, slots=True)
class ValidationPlateau:
    """Validation plateau: validation loss stands still while training loss keeps falling.

    What it finds: after it had improved, validation loss stayed within 2 % of all it had gained
    for at least a quarter of the run, while training loss fell on by a quarter of its value or a
    tenth of its range, and by more than its own noise. The onset is where the standstill began.

    Why it matters: nothing is lost yet, but the epochs since then bought nothing on unseen
    data, and a standstill of this kind is the early sign of overfitting.

    What to try: fewer epochs; dropout, weight decay or augmentation; a lower learning rate or a
    decay where training loss is noisy.
    """

    code: ClassVar[str] = "NN102"
    name: ClassVar[str] = "validation plateau"
    remedy: ClassVar[str] = "fewer epochs; or dropout, weight decay, augmentation"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the same losses as overfitting, and is silent where that is found."""
        pair, turn = case.pair, case.val_minimum
        if pair is None or turn is None or (flat := measure_plateau(pair)) is None:
            return None
        confidence = combine_confidences(
            hill(flat.since / len(pair), _SHARE_OF_RUN),
            hill(flat.since, _VALIDATIONS),
            hill(
                max(
                    flat.train_fall_relative / _TRAIN_FALL_RELATIVE,
                    flat.train_fall_share / _TRAIN_FALL_SHARE,
                ),
                1.0,
            ),
            hill(flat.train_fall_relative, _MIN_FALL),
            hill(flat.train_fall_in_standard_errors, TRAIN_FALL_STANDARD_ERRORS),
        )
        if val_increase_confidence(turn) >= MIN_CONFIDENCE or validation_at_chance(
            case.history, pair, turn
        ):
            return None
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            flat.onset,
            _message(flat),
            {
                "best_val_loss": pair.best_val,
                "best_epoch": float(pair.best_epoch),
                "final_val_loss": pair.last_val,
                "level": flat.level,
                "val_change_relative": flat.val_change_relative,
                "train_loss_at_onset": flat.train_at_onset,
                "final_train_loss": flat.train_end,
                "train_fall_relative": flat.train_fall_relative,
                "epochs_since_onset": float(pair.last_epoch - flat.onset),
                "validations_since_onset": float(flat.since),
            },
        )


def _message(flat: Plateau) -> str:
    return (
        f"plateau since epoch {flat.onset}: validation {100 * flat.val_change_relative:+.1f} %, "
        f"training {-100 * flat.train_fall_relative:+.0f} % "
        f"({flat.train_at_onset:.4g} to {flat.train_end:.4g})"
    )
