"""NN305: detects initialisations with which the signal shrinks or explodes over the layers."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import (
    has_normalisation,
    model_fact,
    remedy_for_model,
    starts_dead_of_biases,
)
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# Decades between the first and last layer at a confidence of one half; more are needed if the
# initialisation is one that preserves the scale.
_DECADES, _DECADES_DEFAULT_INIT, _MAX_DECADES = 0.7, 1.5, 6.0
_WELL_TRAINED = 0.9
# The sd of the weights times the root of the number of inputs, of usual initialisations: torch's
# own gives 0.58, that of He et al. for relu 1.4.
_USUAL_GAINS = (0.25, 2.5)
# Activations whose layers keep the scale with a gain of 1, as xavier has it: tanh settles at a
# scale of its own.
_ACTIVATIONS_OF_GAIN_ONE = ("tanh", "sigmoid", "identity", "selu")


@dataclass(frozen=True, slots=True)
class InitScale:
    """Initialisation too small or too large: the signal shrinks or explodes from layer to layer.

    Detects: before training, the standard deviation of the last layer's outputs is a small
    fraction, or a large multiple, of that of the first layer's.

    Why it matters: a signal that shrinks carries no information about the example to the output,
    and gradients shrink in the same way on their way back. A signal that explodes saturates the
    loss, and the first steps change the weights far too much.

    What to try: `--init msra` for ReLU and similar activations, `--init xavier` for tanh and
    sigmoid, without `--init-scale` and `--init-gain`; or `--norm batch`, which resets the scale of
    each layer. `nnlab probe init` plots the effect of each.
    """

    code: ClassVar[str] = "NN305"
    name: ClassVar[str] = "initialisation scale"
    remedy: ClassVar[str] = (
        "--init msra or xavier without --init-scale; or --norm batch; see nnlab probe init"
    )

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the probe's measurements of two or more layers in the first epoch."""
        sds = context.values_by_layer_at_start("activation_sd")
        if len(sds) < 2 or has_normalisation(context) or starts_dead_of_biases(context):
            return None
        (first, *_, last) = sds.values()
        if not math.isfinite(last) or not 0 < first < math.inf:
            return None
        factor = last / first
        decades = abs(math.log10(factor)) if factor > 0 else _MAX_DECADES
        trained = context.learned_fraction is not None and context.learned_fraction > _WELL_TRAINED
        verb = "explodes" if factor > 1 else "shrinks"
        half = _DECADES if _is_unscaled(context) else _DECADES_DEFAULT_INIT
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(hill(decades, half)),
            1,
            f"the signal {verb} from layer to layer: sd {first:.3g} in the first, {last:.3g} in"
            " the last",
            {"first_sd": first, "last_sd": last, "layers": float(len(sds))},
            remedy=remedy_for_model(
                context,
                self.remedy,
                "nn.init.kaiming_normal_ (relu) or xavier_uniform_ (tanh, sigmoid) for the weights;"
                " or a normalisation layer after each",
            ),
        )


def _is_unscaled(context: RuleContext) -> bool:
    """Whether the initialisation is not one that preserves the scale."""
    if "init" in context.setting:
        scale = max(context.numeric_setting("init_scale") or 1.0, 1e-12)
        ignores_activation = (
            context.numeric_setting("init_gain") is not None
            and context.setting.get("activation") not in _ACTIVATIONS_OF_GAIN_ONE
        )
        return (
            context.setting["init"] in ("normal", "uniform") or scale != 1.0 or ignores_activation
        )
    smallest, largest = (model_fact(context, name) for name in ("smallest_gain", "largest_gain"))
    if smallest is None or largest is None:
        return "init_scale" in context.setting
    return smallest < _USUAL_GAINS[0] or largest > _USUAL_GAINS[1]
