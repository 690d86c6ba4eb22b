"""NN307."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

_RATE_FIELDS = ("dropout", "channel_dropout", "dropconnect", "stochastic_depth")
# A half is Hinton's rate for hidden layers.
_USUAL_RATE, _EXCESS_RATE = 0.5, 0.1
_UNLEARNED = 0.2


@dataclass(frozen=True, slots=True)
class DropoutTooHigh:
    """Dropout too high: too little of the network is left to learn.

    What it finds: more than half of the units are dropped in each step, and training is far from
    what there is to learn.

    Why it matters: dropout trades fit for robustness; at such rates hardly any signal passes, and
    the network underfits whatever its size.

    What to try: `--dropout 0.2` to 0.5 in fully connected layers, 0.1 to 0.2 for channels; a
    wider network if it must be more.
    """

    code: ClassVar[str] = "NN307"
    name: ClassVar[str] = "dropout too high"
    remedy: ClassVar[str] = "--dropout 0.2"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the setting."""
        rates = [case.number(name) or 0.0 for name in _RATE_FIELDS]
        rate = max(rates)
        trend = case.training
        if rate <= _USUAL_RATE or trend is None:
            return None
        left = (
            1.0 - case.learned_fraction
            if case.learned_fraction is not None
            else 1.0 - max(trend.fall, 0.0)
        )
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(hill(rate - _USUAL_RATE, _EXCESS_RATE), hill(left, _UNLEARNED)),
            1,
            f"dropout {rate:g} leaves too little to learn with: training stands at"
            f" {trend.end:.4g}, from {trend.first:.4g}",
            {"dropout": rate, "left_to_learn": left},
        )
