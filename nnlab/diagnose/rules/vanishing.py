"""NN301."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

_SQUASHING_ACTIVATIONS = ("sigmoid", "tanh", "softsign", "hardsigmoid")
# Decades between the gradients of first and last layer, and layers, worth one half.
_DECADES, _DEPTH = 1.5, 4.0
_LEARNED_LIMIT, _WELL_TRAINED = 0.5, 0.8


@dataclass(frozen=True, slots=True)
class VanishingGradients:
    """Vanishing gradients: the first layers of a deep network hardly learn.

    What it finds: the gradient of the first layer is a small part of that of the last (with
    `--probe full`); or a deep network of squashing activations, without normalisation or
    shortcuts, does not leave chance level while its signal has no spread left.

    Why it matters: the slope of a sigmoid is at most a quarter, and a gradient is a product of
    such slopes: after ten layers a millionth is left. The layers near the input keep their
    random weights.

    What to try: `--activation relu` with `--init msra`; `--norm batch`; fewer layers; a residual
    network.
    """

    code: ClassVar[str] = "NN301"
    name: ClassVar[str] = "vanishing gradients"
    remedy: ClassVar[str] = "--activation relu --init msra; --norm batch; fewer layers"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the probe; the gradients by layer come with `--probe full`."""
        norms = case.layers("grad_norm", last=True)
        squashes = case.setting.get("activation") in _SQUASHING_ACTIVATIONS
        if len(norms) >= 3:
            (first, *_, last) = norms.values()
            sure = (
                combine_confidences(hill(-math.log10(first / last), _DECADES))
                if 0 < first < last
                else 0.0
            )
            return self._told(case, sure, {"first_grad_norm": first, "last_grad_norm": last})
        depth = case.number("depth") or float(len(case.layers("activation_sd")))
        if (
            not squashes
            or case.learned_fraction is None
            or case.setting.get("norm") not in (None, "none")
        ):
            return None
        sure = combine_confidences(
            hill(depth, _DEPTH), hill(_LEARNED_LIMIT - case.learned_fraction, _LEARNED_LIMIT / 3)
        )
        return self._told(case, sure, {"depth": depth, "learned": case.learned_fraction})

    def _told(self, case: RuleContext, sure: float, evidence: dict[str, float]) -> Finding | None:
        trained = case.learned_fraction is not None and case.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            sure,
            1,
            "gradients vanish on their way to the first layers: "
            + ", ".join(
                f"{name.replace('_', ' ')} {value:.3g}" for name, value in evidence.items()
            ),
            evidence,
        )
