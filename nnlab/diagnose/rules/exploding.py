"""NN302."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.val_minimum import bounded_ratio
from nnlab.records import Finding, Severity

# A length, and a growth, worth a confidence of one half.
_LARGE_NORM, _GROWTH = 100.0, 50.0
_WELL_TRAINED = 0.8


@dataclass(frozen=True, slots=True)
class ExplodingGradients:
    """Exploding gradients: they are very long, or grew many times.

    What it finds: the gradient norm is far beyond what a mean loss of normalised inputs gives, or
    grew by a large factor over the run.

    Why it matters: a step is the learning rate times the gradient: one that is a thousand times
    too long undoes all steps before it.

    What to try: `--clip 1`; a lower learning rate or warmup; a smaller initialisation or a
    normalisation layer; normalised inputs.
    """

    code: ClassVar[str] = "NN302"
    name: ClassVar[str] = "exploding gradients"
    remedy: ClassVar[str] = "--clip 1; a lower learning rate; --norm batch"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs `train/grad_norm`."""
        norm, first = case.median_of_last("train/grad_norm"), case.first("train/grad_norm")
        if norm is None or first is None or case.setting.get("reduction") == "sum":
            return None
        trained = case.learned_fraction is not None and case.learned_fraction > _WELL_TRAINED
        grown = bounded_ratio(norm, first)
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(
                max(
                    hill(norm, _LARGE_NORM),
                    combine_confidences(hill(grown, _GROWTH), hill(norm, _LARGE_NORM / 10)),
                )
            ),
            1,
            f"the gradient is {norm:.3g} long, and was {first:.3g} in the first epoch",
            {"grad_norm": norm, "first_grad_norm": first},
        )
