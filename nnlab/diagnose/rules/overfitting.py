"""NN101."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.chance_level import validation_at_chance
from nnlab.diagnose.loss_pair import LossPair
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.val_increase import val_increase_confidence
from nnlab.diagnose.val_minimum import ValMinimum
from nnlab.records import Finding, History, Severity


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Overfitting: validation loss has risen from its best while training loss kept falling.

    What it finds: validation loss left its minimum for good and ended above it, by more than its
    scatter and by a part of what training had gained, while training loss went on falling. The
    onset is the epoch of the minimum: after it validation no longer improved.

    Why it matters: every epoch after the onset made the model worse on data that it has not
    seen. The last epoch's weights are worse than those of the best epoch.

    What to try: stop early and keep the best epoch; more data or augmentation; dropout; weight
    decay; a smaller network. Where accuracy still improves the network only grows too sure of
    itself: label smoothing or a calibration of its outputs mends that.
    """

    code: ClassVar[str] = "NN101"
    name: ClassVar[str] = "overfitting"
    remedy: ClassVar[str] = (
        "stop at the best epoch; or dropout, weight decay, augmentation, more data"
    )

    def check(self, case: RuleContext) -> Finding | None:
        """Needs `train/loss` (or `train/loss_exact`) and `val/loss`, three validations or more."""
        pair, turn = case.pair, case.val_minimum
        if pair is None or turn is None or validation_at_chance(case.history, pair, turn):
            return None
        return make_finding(
            self,
            Severity.WARNING,
            val_increase_confidence(turn),
            turn.onset,
            _message(turn, case.history),
            _evidence(pair, turn),
        )


def _message(turn: ValMinimum, history: History) -> str:
    by = f" by {turn.rise_relative:.0%}" if turn.minimum > 0 else ""
    text = (
        f"validation loss rose{by} after epoch {turn.onset} "
        f"({turn.minimum:.4g} to {turn.end:.4g}) while training loss kept falling "
        f"({turn.train_at_onset:.4g} to {turn.train_end:.4g})"
    )
    if _accuracy_still_improves(history, turn.onset):
        text += "; accuracy still improves, so its probabilities grow too sure"
    return text


def _accuracy_still_improves(history: History, onset: int) -> bool:
    """True when the later half of the epochs since the onset is more accurate than the onset."""
    curve = history.get("val/accuracy")
    if not curve:
        return False
    before = [value for epoch, value in curve if epoch <= onset]
    after = [value for epoch, value in curve if epoch > onset]
    late = sorted(after[len(after) // 2 :])
    return bool(before and late) and late[len(late) // 2] > max(before[-3:])


def _evidence(pair: LossPair, turn: ValMinimum) -> Mapping[str, float]:
    return {
        "best_val_loss": pair.best_val,
        "best_epoch": float(pair.best_epoch),
        "final_val_loss": pair.last_val,
        "rise": turn.rise,
        "rise_relative": turn.rise_relative,
        "rise_share_of_gain": turn.rise_share,
        "rise_in_standard_errors": turn.rise_in_standard_errors,
        "train_loss_at_onset": turn.train_at_onset,
        "final_train_loss": turn.train_end,
        "train_fall_relative": turn.train_fall_relative,
        "gap": turn.end - turn.train_end,
        "epochs_since_onset": float(pair.last_epoch - turn.onset),
        "validations_since_onset": float(turn.since),
    }
