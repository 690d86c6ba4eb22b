"""NN302: detects gradients with a very large or strongly growing norm."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import is_user_model
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.val_minimum import bounded_ratio
from nnlab.records import Finding, Severity

# At a confidence of one half: the gradient norm, and its growth factor.
_LARGE_NORM, _GROWTH = 100.0, 50.0
_WELL_TRAINED = 0.8
_REMEDY_OF_USER_MODEL = "--clip 1; a lower learning rate; a normalisation layer in the model"


@dataclass(frozen=True, slots=True)
class ExplodingGradients:
    """Exploding gradients: the gradient norm is very large or grew many times.

    Detects: the gradient norm is far larger than a mean loss over normalised inputs gives, or it
    grew by a large factor during the run.

    Why it matters: a step is the learning rate times the gradient: one that is a thousand times
    too long undoes all steps before it.

    What to try: `--clip 1`; a lower learning rate or warmup; a smaller initialisation or a
    normalisation layer; normalised inputs.
    """

    code: ClassVar[str] = "NN302"
    name: ClassVar[str] = "exploding gradients"
    remedy: ClassVar[str] = "--clip 1; a lower learning rate; --norm batch"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs `train/grad_norm`."""
        norm, first = (
            context.median_of_last("train/grad_norm"),
            context.first_value("train/grad_norm"),
        )
        if norm is None or first is None or context.setting.get("reduction") == "sum":
            return None
        trained = context.learned_fraction is not None and context.learned_fraction > _WELL_TRAINED
        growth = bounded_ratio(norm, first)
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(
                max(
                    hill(norm, _LARGE_NORM),
                    combine_confidences(hill(growth, _GROWTH), hill(norm, _LARGE_NORM / 10)),
                )
            ),
            1,
            f"the gradient norm is {norm:.3g}, and was {first:.3g} in the first epoch",
            {"grad_norm": norm, "first_grad_norm": first},
            remedy=_REMEDY_OF_USER_MODEL if is_user_model(context) else None,
        )
