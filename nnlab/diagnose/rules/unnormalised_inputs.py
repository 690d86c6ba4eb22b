"""NN401."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# A mean or sd, and a ratio of sds, worth a confidence of one half.
_LARGE_SCALE, _SD_RATIO = 10.0, 30.0
# Where so much was learned all the same it is only worth knowing.
_WELL_TRAINED = 0.8


@dataclass(frozen=True, slots=True)
class UnnormalisedInputs:
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

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the numbers of the data, which every run with a probe stores."""
        mean, sd, spread = (
            case.data_statistic("mean"),
            case.data_statistic("sd"),
            case.data_statistic("sd_ratio"),
        )
        if mean is None or sd is None or spread is None:
            return None
        far = max(mean, sd)
        confidence = max(hill(far, _LARGE_SCALE), hill(spread, _SD_RATIO) if far > 3 else 0.0)
        trained = case.learned_fraction is not None and case.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(confidence),
            1,
            f"inputs have means up to {mean:.3g} and sds up to {sd:.3g}, {spread:.3g} times the"
            " smallest",
            {"largest_mean": mean, "largest_sd": sd, "sd_ratio": spread},
        )
