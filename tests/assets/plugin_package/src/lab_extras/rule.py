"""`nnlab explain LAB001`: training that ends after very few epochs."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.plugins import Finding, RuleContext, Severity, make_finding

FEW_EPOCHS = 5


@dataclass(frozen=True)
class ShortTraining:
    """Short training: too few epochs to judge a setting.

    Detects: fewer than five epochs.

    Why it matters: settings that learn slowly look bad, although they may be better.

    What to try: more epochs.
    """

    code: ClassVar[str] = "LAB001"
    name: ClassVar[str] = "short training"
    remedy: ClassVar[str] = "--epochs 20"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs a training loss."""
        curve = context.history.get("train/loss")
        if curve is None or not curve.epochs or curve.epochs[-1] >= FEW_EPOCHS:
            return None
        last = curve.epochs[-1]
        return make_finding(
            self, Severity.WARNING, 0.95, last, f"only {last} epochs", {"epochs": float(last)}
        )


SHORT_TRAINING = ShortTraining()
