"""NN308."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.case import Case
from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.rule import finding
from nnlab.records import Finding, Severity

_USUAL_CLASSES = (2, 3, 4, 5, 6, 8, 10, 20, 100, 1000)
# How far above its floor the loss may stand for one half, with and without an accuracy.
_NEAR, _NEAR_ALONE, _ROUNDING = 0.4, 0.004, 0.002
_UNKNOWN = 0.7
# A loss that never fell has found no floor.
_FELL = 0.03


@dataclass(frozen=True, slots=True)
class OutputLoss:
    """Output and loss do not fit: a softmax stands before a loss that takes one itself.

    What it finds: accuracy is high, but the loss stays at or above ln(1 + (C-1)/e), the least
    that cross entropy can be when what it gets are probabilities of C classes and not logits.

    Why it matters: the gradient is squeezed twice: training is slow, and the loss says little
    about how sure the network is.

    What to try: remove the softmax (or sigmoid) at the end of the model: `cross_entropy` takes
    logits; or train with `--loss nll` and a log-softmax.
    """

    code: ClassVar[str] = "NN308"
    name: ClassVar[str] = "output and loss do not fit"
    remedy: ClassVar[str] = "end the model in logits, without a softmax"

    def check(self, case: Case) -> Finding | None:
        """Needs training loss, and the number of classes or an accuracy."""
        trend, accuracy = case.training, case.typical("train/accuracy")
        if trend is None or len(trend) < 3 or trend.best <= 0:
            return None
        if case.number("label_smoothing") or _mixed(case):
            return None
        known = case.fact("classes")
        classes = [int(known)] if known else _USUAL_CLASSES
        floor, count = min(
            ((math.log1p((c - 1) / math.e), c) for c in classes),
            key=lambda one: abs(trend.best / one[0] - 1),
        )
        above = trend.best / floor - 1
        if above < -_ROUNDING or trend.fall < _FELL:
            return None
        if accuracy is None:
            sure = min(_UNKNOWN, 1.0 - ramp(above, _NEAR_ALONE))
        else:
            # A model that is right so often and as unsure as that would be very badly calibrated.
            missing = floor * (1 + above) + math.log(max(accuracy, 1e-9))
            sure = weakest(ramp(missing, 0.06), ramp(accuracy, 0.4), 1.0 - ramp(above, _NEAR))
        return finding(
            self,
            Severity.WARNING,
            sure,
            1,
            f"training loss stands at {trend.best:.4g}, near the floor {floor:.4g} of a softmax"
            f" before cross entropy with {count} classes",
            {"floor": floor, "classes": float(count), "best_train_loss": trend.best},
        )


def _mixed(case: Case) -> bool:
    return bool(case.number("mixup") or case.number("cutmix"))
