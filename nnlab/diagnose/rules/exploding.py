"""NN302."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.rule import finding
from nnlab.diagnose.rule_context import Case
from nnlab.diagnose.val_minimum import ratio
from nnlab.records import Finding, Severity

# A length, and a growth, worth a confidence of one half.
_LONG, _GROWN = 100.0, 50.0
_WELL = 0.8


@dataclass(frozen=True, slots=True)
class Exploding:
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

    def check(self, case: Case) -> Finding | None:
        """Needs `train/grad_norm`."""
        norm, first = case.typical("train/grad_norm"), case.first("train/grad_norm")
        if norm is None or first is None or case.setting.get("reduction") == "sum":
            return None
        trained = case.learned is not None and case.learned > _WELL
        grown = ratio(norm, first)
        return finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            weakest(max(ramp(norm, _LONG), weakest(ramp(grown, _GROWN), ramp(norm, _LONG / 10)))),
            1,
            f"the gradient is {norm:.3g} long, and was {first:.3g} in the first epoch",
            {"grad_norm": norm, "first_grad_norm": first},
        )
