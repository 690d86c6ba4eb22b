"""NN301: detects gradients that vanish in the first layers of a deep network."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

_SQUASHING_ACTIVATIONS = ("sigmoid", "tanh", "softsign", "hardsigmoid")
# At a confidence of one half: decades between the gradients of the first and last layer, and depth.
_DECADES, _DEPTH = 1.5, 4.0
_LEARNED_LIMIT, _WELL_TRAINED = 0.5, 0.8


@dataclass(frozen=True, slots=True)
class VanishingGradients:
    """Vanishing gradients: the first layers of a deep network hardly learn.

    Detects: the gradient of the first layer is a small fraction of that of the last layer (with
    `--probe full`); or a deep network of sigmoid or tanh activations, without normalisation or
    residual connections, does not leave chance level.

    Why it matters: the slope of a sigmoid is at most a quarter, and a gradient is a product of
    such slopes: after ten layers about a millionth is left. The layers near the input keep their
    random weights.

    What to try: `--activation relu` with `--init msra`; `--norm batch`; fewer layers; a residual
    network.
    """

    code: ClassVar[str] = "NN301"
    name: ClassVar[str] = "vanishing gradients"
    remedy: ClassVar[str] = "--activation relu --init msra; --norm batch; fewer layers"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the probe; the gradients of each layer need `--probe full`."""
        norms = context.values_by_layer("grad_norm", last=True)
        saturates = context.setting.get("activation") in _SQUASHING_ACTIVATIONS
        if len(norms) >= 3:
            (first, *_, last) = norms.values()
            confidence = (
                combine_confidences(hill(-math.log10(first / last), _DECADES))
                if 0 < first < last
                else 0.0
            )
            return self._make_finding(
                context, confidence, {"first_grad_norm": first, "last_grad_norm": last}
            )
        depth = context.numeric_setting("depth") or float(
            len(context.values_by_layer("activation_sd"))
        )
        if (
            not saturates
            or context.learned_fraction is None
            or context.setting.get("norm") not in (None, "none")
        ):
            return None
        confidence = combine_confidences(
            hill(depth, _DEPTH), hill(_LEARNED_LIMIT - context.learned_fraction, _LEARNED_LIMIT / 3)
        )
        return self._make_finding(
            context, confidence, {"depth": depth, "learned": context.learned_fraction}
        )

    def _make_finding(
        self, context: RuleContext, confidence: float, evidence: dict[str, float]
    ) -> Finding | None:
        trained = context.learned_fraction is not None and context.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            confidence,
            1,
            "gradients vanish on the way to the first layers: "
            + ", ".join(
                f"{name.replace('_', ' ')} {value:.3g}" for name, value in evidence.items()
            ),
            evidence,
        )
