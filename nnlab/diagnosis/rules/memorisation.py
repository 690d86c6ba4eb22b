"""NN107: detects training examples that are memorised: validation accuracy falls meanwhile."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.accuracy_drop import AccuracyDrop, measure_accuracy_drop
from nnlab.diagnosis.chance_level import (
    FAST_PROGRESS,
    early_training_progress,
    validation_at_chance,
)
from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# Training accuracy above this, and its excess at a confidence of one half.
_FITTED, _FITTED_EXCESS = 0.9, 0.035
# At a confidence of one half: the rise of training accuracy since the best validation accuracy, the
# drop of the latter, and the drop in standard errors, without and with a validation loss that rose.
_TRAIN_RISE, _DROP = 0.05, 0.015
_STANDARD_ERRORS, _STANDARD_ERRORS_WITH_LOSS = 1.4, 0.8
# The gap of the accuracies at the end, at a confidence of one half.
_GAP = 0.05


@dataclass(frozen=True, slots=True)
class Memorisation:
    """Memorisation: the training examples are learned by heart, and validation accuracy falls.

    Detects: training accuracy rose to nearly 1 after the epoch of the best validation accuracy,
    while validation accuracy fell below its best by more than its sampling error; or training
    accuracy reached nearly 1 although a known share of the training labels is wrong; or while
    validation stayed at chance level. The onset is the epoch of the best validation accuracy.

    Why it matters: what is learned after the onset, such as wrong labels, does not hold for other
    examples. The weights of the last epoch are worse than those of the best epoch.

    What to try: stop early and keep the best epoch; correct or remove wrong labels; more data or
    augmentation; label smoothing; weight decay; dropout; a smaller network.
    """

    code: ClassVar[str] = "NN107"
    name: ClassVar[str] = "memorisation"
    remedy: ClassVar[str] = (
        "stop at the best epoch; check the training labels; or weight decay, dropout, more data"
    )

    def check(self, context: RuleContext) -> Finding | None:
        """Needs both accuracies at three common epochs; the losses add confidence."""
        drop = measure_accuracy_drop(
            context.history.get("train/accuracy"),
            context.history.get("val/accuracy"),
            context.accuracy_examples or context.val_examples,
        )
        if drop is None:
            return None
        fell, wrong_labels = (
            _confidence_of_drop(context, drop),
            _confidence_of_wrong_labels(context, drop),
        )
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(
                hill(drop.end_train - _FITTED, _FITTED_EXCESS),
                hill(drop.end_train - drop.end_val, _GAP),
                max(fell, wrong_labels, _confidence_at_chance(context)),
            ),
            drop.best_epoch,
            _message(drop, wrong_labels),
            {
                "best_val_accuracy": drop.best_val,
                "final_val_accuracy": drop.end_val,
                "drop": drop.drop,
                "drop_in_standard_errors": drop.drop_in_standard_errors,
                "train_accuracy_at_best": drop.train_at_best,
                "final_train_accuracy": drop.end_train,
            },
        )


def _message(drop: AccuracyDrop, wrong_labels: float) -> str:
    change = "fell" if drop.drop > 0 else "stayed"
    text = (
        f"training accuracy rose to {drop.end_train:.3f} while validation accuracy {change}"
        f" ({drop.best_val:.3f} after epoch {drop.best_epoch}, {drop.end_val:.3f} at the end)"
    )
    if wrong_labels >= MIN_CONFIDENCE:
        text += "; wrong labels of the training split are learned too"
    return text


def _confidence_of_drop(context: RuleContext, drop: AccuracyDrop) -> float:
    """The confidence that validation accuracy fell while training accuracy rose."""
    return min(
        hill(drop.end_train - drop.train_at_best, _TRAIN_RISE),
        hill(drop.drop, _DROP),
        max(
            hill(drop.drop_in_standard_errors, _STANDARD_ERRORS),
            min(
                hill(drop.drop_in_standard_errors, _STANDARD_ERRORS_WITH_LOSS), context.val_increase
            ),
        ),
    )


def _confidence_of_wrong_labels(context: RuleContext, drop: AccuracyDrop) -> float:
    """The confidence that wrong labels are fitted, whose share the setting states."""
    share = context.numeric_setting("label_noise") or 0.0
    return hill(drop.end_train - (1.0 - share), share / 2) if share > 0 else 0.0


def _confidence_at_chance(context: RuleContext) -> float:
    """1 if validation stays at chance level although its labels are right, otherwise 0.

    Training that learns fast would have learned what holds for validation too, if its labels were
    right (NN404).
    """
    pair, val_minimum = context.loss_pair, context.val_minimum
    if pair is None or val_minimum is None:
        return 0.0
    memorises = early_training_progress(
        context.history, pair
    ) < FAST_PROGRESS and validation_at_chance(context.history, pair, val_minimum)
    return 1.0 if memorises else 0.0
