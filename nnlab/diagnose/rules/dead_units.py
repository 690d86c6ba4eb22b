"""NN303."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# The share of dead units, and of what was not learned, worth a confidence of one half.
_DEAD, _UNLEARNED = 0.6, 0.5


@dataclass(frozen=True, slots=True)
class DeadUnits:
    """Dead ReLUs: units that are 0 for every example, in a network that does not learn.

    What it finds: in some layer most units are 0 for the whole probe batch, and training is
    stalled far from what there is to learn. Dead units alone are no fault: networks that
    learn well have some.

    Why it matters: a relu that is 0 everywhere has no gradient and cannot come back; when a whole
    layer is dead nothing before it learns any more.

    What to try: a lower learning rate or warmup; biases at 0; `--activation leaky_relu`; `--norm
    batch`; `--init msra`.
    """

    code: ClassVar[str] = "NN303"
    name: ClassVar[str] = "dead units"
    remedy: ClassVar[str] = "a lower learning rate; --activation leaky_relu; --norm batch"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the probe's numbers of the layers."""
        dead = case.layers("dead", last=True)
        if not dead:
            return None
        worst = max(dead, key=dead.__getitem__)
        stalled = (
            1.0 - case.learned_fraction
            if case.learned_fraction is not None
            else _stalled_fraction(case)
        )
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(hill(dead[worst], _DEAD), hill(stalled, _UNLEARNED)),
            1,
            f"{dead[worst]:.0%} of the units of layer {worst} are dead, and training has stalled",
            {"dead": dead[worst], "layer": float(worst), "left_to_learn": stalled},
        )


def _stalled_fraction(case: RuleContext) -> float:
    trend = case.training
    return 0.0 if trend is None else 1.0 - min(max(trend.fall, 0.0) * 2, 1.0)
