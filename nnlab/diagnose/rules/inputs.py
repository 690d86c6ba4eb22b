"""NN401."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.rule import finding
from nnlab.diagnose.rule_context import Case
from nnlab.records import Finding, Severity

# A mean or sd, and a ratio of sds, worth a confidence of one half.
_FAR, _SPREAD = 10.0, 30.0
# Where so much was learned all the same it is only worth knowing.
_WELL = 0.8


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs not normalised: features have very different or very large scales.

    What it finds: as the model gets them, a feature's mean or sd lies far from 0 and 1, or the sd
    of one is very many times that of another.

    Why it matters: the loss is then steep in some weights and flat in others, so that no learning
    rate fits both: training is slow, or it diverges.

    What to try: `--inputs standardise`, the default; for tables with outliers clip or take
    logarithms first.
    """

    code: ClassVar[str] = "NN401"
    name: ClassVar[str] = "inputs not normalised"
    remedy: ClassVar[str] = "--inputs standardise"

    def check(self, case: Case) -> Finding | None:
        """Needs the numbers of the data, which every run with a probe stores."""
        mean, sd, spread = case.fact("mean"), case.fact("sd"), case.fact("sd_ratio")
        if mean is None or sd is None or spread is None:
            return None
        far = max(mean, sd)
        confidence = max(ramp(far, _FAR), ramp(spread, _SPREAD) if far > 3 else 0.0)
        trained = case.learned is not None and case.learned > _WELL
        return finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            weakest(confidence),
            1,
            f"inputs have means up to {mean:.3g} and sds up to {sd:.3g}, {spread:.3g} times the"
            " smallest",
            {"largest_mean": mean, "largest_sd": sd, "sd_ratio": spread},
        )
