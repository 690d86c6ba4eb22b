"""NN303: detects dead ReLU units in a network that does not learn."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import model_fact, remedy_for_model, starts_dead_of_biases
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: the fraction of dead units, and the fraction not learned.
_DEAD, _UNLEARNED = 0.6, 0.5


@dataclass(frozen=True, slots=True)
class DeadUnits:
    """Dead ReLUs: units that are 0 for every example, in a network that does not learn.

    Detects: in some layer most units are 0 for the whole probe batch, and training has stalled far
    from the lowest possible loss. Dead units alone are no fault: networks that learn well have
    some.

    Why it matters: a ReLU that is 0 for every example has no gradient and cannot recover. If a
    whole layer is dead, the layers before it no longer learn.

    What to try: a lower learning rate or warmup; biases at 0; `--activation leaky_relu`; `--norm
    batch`; `--init msra`.
    """

    code: ClassVar[str] = "NN303"
    name: ClassVar[str] = "dead units"
    remedy: ClassVar[str] = "a lower learning rate; --activation leaky_relu; --norm batch"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the probe's measurements of the layers."""
        dead = context.values_by_layer("dead", last=True)
        if not dead:
            return None
        worst = max(dead, key=dead.__getitem__)
        unlearned = (
            1.0 - max(context.learned_fraction, context.val_learned_fraction or 0.0)
            if context.learned_fraction is not None
            else _stalled_fraction(context)
        )
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(hill(dead[worst], _DEAD), hill(unlearned, _UNLEARNED)),
            1,
            f"{dead[worst]:.0%} of the units of layer {worst} are dead, and training has stalled"
            + _bias_text(context),
            {"dead": dead[worst], "layer": float(worst), "left_to_learn": unlearned},
            remedy=remedy_for_model(context, self.remedy, _remedy_in_model(context)),
        )


def _bias_text(context: RuleContext) -> str:
    """The mean of the biases at the start, if units are dead because of it."""
    if not starts_dead_of_biases(context):
        return ""
    return f"; the biases of a layer start at {model_fact(context, 'bias_mean'):.3g}"


def _remedy_in_model(context: RuleContext) -> str:
    starts_at_zero = "biases that start at 0; " if _bias_text(context) else ""
    return f"{starts_at_zero}nn.LeakyReLU; a normalisation layer; or a lower --lr"


def _stalled_fraction(context: RuleContext) -> float:
    """What training loss did not fall, if it could have; 0 for two epochs, which show no stall."""
    trend = context.train_trend
    return 0.0 if trend is None or len(trend) < 3 else 1.0 - min(max(trend.fall, 0.0) * 2, 1.0)
