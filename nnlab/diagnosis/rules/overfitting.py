"""NN101: detects validation loss that rises while training loss keeps falling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.loss_pair import LossPair
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.val_minimum import ValMinimum
from nnlab.records import Finding, History, Severity


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Overfitting: validation loss has risen from its minimum while training loss kept falling.

    Detects: validation loss left its minimum for good and ended above it while training loss kept
    falling. The end is the last tenth of the epochs. The rise must exceed the noise from epoch to
    epoch, what other validation examples would change, and a few percent of the minimum and of the
    decrease before (more if training loss is not below validation loss). The onset is the epoch of
    the minimum, after which validation no longer improved.

    Why it matters: every epoch after the onset made the model worse on unseen data. The weights of
    the last epoch are worse than those of the best epoch.

    What to try: stop early and keep the best epoch; more data or augmentation; dropout; weight
    decay; a smaller network. If accuracy still improves, the network only becomes overconfident,
    which label smoothing or a calibration of its outputs corrects.
    """

    code: ClassVar[str] = "NN101"
    name: ClassVar[str] = "overfitting"
    remedy: ClassVar[str] = (
        "stop at the best epoch; or dropout, weight decay, augmentation, more data"
    )

    def check(self, context: RuleContext) -> Finding | None:
        """Needs `train/loss` (or `train/loss_exact`) and `val/loss` with three validations."""
        pair, val_minimum = context.loss_pair, context.val_minimum
        if pair is None or val_minimum is None:
            return None
        return make_finding(
            self,
            Severity.WARNING,
            context.val_increase,
            val_minimum.onset,
            _message(val_minimum, context.history),
            _evidence(pair, val_minimum),
        )


def _message(val_minimum: ValMinimum, history: History) -> str:
    amount = f" by {val_minimum.rise_relative:.0%}" if val_minimum.minimum > 0 else ""
    text = (
        f"validation loss rose{amount} after epoch {val_minimum.onset} "
        f"({val_minimum.minimum:.4g} to {val_minimum.end:.4g}) while training loss kept falling "
        f"({val_minimum.train_at_onset:.4g} to {val_minimum.train_end:.4g})"
    )
    if _accuracy_still_improves(history, val_minimum.onset):
        text += "; accuracy still improves, so the model is only becoming overconfident"
    return text


def _accuracy_still_improves(history: History, onset: int) -> bool:
    """Whether accuracy in the second half of the epochs after the onset exceeds that before."""
    curve = history.get("val/accuracy")
    if not curve:
        return False
    before = [value for epoch, value in curve if epoch <= onset]
    after = [value for epoch, value in curve if epoch > onset]
    late = sorted(after[len(after) // 2 :])
    return bool(before and late) and late[len(late) // 2] > max(before[-3:])


def _evidence(pair: LossPair, val_minimum: ValMinimum) -> Mapping[str, float]:
    return {
        "best_val_loss": pair.best_val,
        "best_epoch": float(pair.best_epoch),
        "final_val_loss": pair.last_val,
        "rise": val_minimum.rise,
        "rise_relative": val_minimum.rise_relative,
        "rise_share_of_gain": val_minimum.rise_share,
        "rise_in_standard_errors": val_minimum.rise_in_standard_errors,
        "train_loss_at_onset": val_minimum.train_at_onset,
        "final_train_loss": val_minimum.train_end,
        "train_fall_relative": val_minimum.train_fall_relative,
        "gap": val_minimum.end - val_minimum.train_end,
        "epochs_since_onset": float(pair.last_epoch - val_minimum.onset),
        "validations_since_onset": float(val_minimum.validations_since),
    }
