"""NN304: detects tanh or sigmoid layers whose outputs are saturated from the start."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import remedy_for_model
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: the fraction of saturated outputs.
_SATURATED_SHARE = 0.3
_WELL_TRAINED = 0.95


@dataclass(frozen=True, slots=True)
class SaturatedActivations:
    """Saturated activations: most outputs are at the ends of a tanh or sigmoid.

    Detects: already in the first epoch, most outputs of some layer are within a hundredth of the
    limits of its activation. Layers that saturate late in a run that learns well are no fault.

    Why it matters: at its limits a tanh or sigmoid has no slope, so no gradient passes, and the
    layers before it do not learn.

    What to try: a smaller initialisation (`--init xavier`); normalised inputs; `--norm batch`;
    ReLU.
    """

    code: ClassVar[str] = "NN304"
    name: ClassVar[str] = "saturated activations"
    remedy: ClassVar[str] = "--init xavier; --norm batch; --activation relu"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the probe's measurements of the layers."""
        saturated = context.values_by_layer_at_start("saturated")
        if not saturated:
            return None
        worst = max(saturated, key=saturated.__getitem__)
        trained = context.learned_fraction is not None and context.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(hill(saturated[worst], _SATURATED_SHARE)),
            1,
            f"{saturated[worst]:.0%} of the outputs of layer {worst} are at the limits of its"
            " activation in the first epoch",
            {"saturated": saturated[worst], "layer": float(worst)},
            remedy=remedy_for_model(
                context,
                self.remedy,
                "nn.init.xavier_uniform_ for the weights; a normalisation layer; or nn.ReLU",
            ),
        )
