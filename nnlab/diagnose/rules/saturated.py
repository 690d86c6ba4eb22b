"""NN304."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# The share of outputs worth a confidence of one half.
_SATURATED_SHARE = 0.3
_WELL_TRAINED = 0.95


@dataclass(frozen=True, slots=True)
class SaturatedActivations:
    """Saturated activations: most outputs stand at the ends of a tanh or sigmoid.

    What it finds: already in the first epoch most outputs of some layer are within a hundredth of
    the ends of its activation. Layers that saturate late in a run that learns well are no
    fault.

    Why it matters: at its ends a tanh or sigmoid has no slope: no gradient passes, and the layers
    before it do not learn.

    What to try: a smaller initialisation (`--init xavier`); normalised inputs; `--norm batch`;
    relu.
    """

    code: ClassVar[str] = "NN304"
    name: ClassVar[str] = "saturated activations"
    remedy: ClassVar[str] = "--init xavier; --norm batch; --activation relu"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the probe's numbers of the layers."""
        saturated = case.layers_at_start("saturated")
        if not saturated:
            return None
        worst = max(saturated, key=saturated.__getitem__)
        trained = case.learned_fraction is not None and case.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(hill(saturated[worst], _SATURATED_SHARE)),
            1,
            f"{saturated[worst]:.0%} of the outputs of layer {worst} are at the ends of its"
            " activation in the first epoch",
            {"saturated": saturated[worst], "layer": float(worst)},
        )
