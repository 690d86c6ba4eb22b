"""NN307: detects dropout rates that are too high for the network to learn."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import dropout_rate, remedy_for_model
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# One half is the rate of Hinton et al. 2012 for hidden layers.
_USUAL_RATE, _EXCESS_RATE = 0.5, 0.1
_UNLEARNED = 0.2


@dataclass(frozen=True, slots=True)
class DropoutTooHigh:
    """Dropout too high: too few units are left to learn with.

    Detects: more than half of the units are dropped in each step, and training is far from the
    lowest possible loss.

    Why it matters: dropout trades fit for robustness. At such rates hardly any signal passes, and
    the network underfits regardless of its size.

    What to try: `--dropout 0.2` to 0.5 in fully connected layers, 0.1 to 0.2 for channels; a wider
    network if the rate must be higher.
    """

    code: ClassVar[str] = "NN307"
    name: ClassVar[str] = "dropout too high"
    remedy: ClassVar[str] = "--dropout 0.2"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the setting, or the inspection of the model."""
        rate = dropout_rate(context)
        trend = context.train_trend
        if rate <= _USUAL_RATE or trend is None:
            return None
        unlearned = (
            1.0 - context.learned_fraction
            if context.learned_fraction is not None
            else 1.0 - max(trend.fall, 0.0)
        )
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(
                hill(rate - _USUAL_RATE, _EXCESS_RATE), hill(unlearned, _UNLEARNED)
            ),
            1,
            f"dropout {rate:g} leaves too few units to learn: training loss went from"
            f" {trend.first:.4g} to {trend.end:.4g} only",
            {"dropout": rate, "left_to_learn": unlearned},
            remedy=_argument_remedy(context)
            or remedy_for_model(context, self.remedy, "dropout of 0.2"),
        )


def _argument_remedy(context: RuleContext) -> str | None:
    """The option of the argument of a user's model that sets the rate; None without one."""
    for key, value in context.setting.items():
        is_rate = key.startswith("model.") and ("drop" in key or key == "model.p")
        if is_rate and isinstance(value, int | float) and value > _USUAL_RATE:
            return f"--{key} 0.2"
    return None
