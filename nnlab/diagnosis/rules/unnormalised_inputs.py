"""NN401: detects input features with very large or very different scales."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: a mean or sd, and a ratio of sds.
_LARGE_SCALE, _SD_RATIO = 10.0, 30.0
# In a run that learned this fraction, on validation too, the finding is only an info.
_WELL_TRAINED = 0.9


@dataclass(frozen=True, slots=True)
class UnnormalisedInputs:
    """Inputs not normalised: features have very different or very large scales.

    Detects: the mean or standard deviation of an input feature of the model is far from 0 and 1,
    or the standard deviation of one feature is many times that of another. It is an info if
    training and validation accuracy (or r2) are high nevertheless.

    Why it matters: the loss is then steep in some weights and flat in others, so that no learning
    rate suits both: training is slow, or it diverges.

    What to try: `--inputs standardise`, the default; for tables with outliers, clip or take
    logarithms first.
    """

    code: ClassVar[str] = "NN401"
    name: ClassVar[str] = "inputs not normalised"
    remedy: ClassVar[str] = "--inputs standardise"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the statistics of the data, which every run with a probe stores."""
        mean, sd = context.data_statistic("mean"), context.data_statistic("sd")
        sd_ratio = context.data_statistic("sd_ratio")
        if mean is None or sd is None or sd_ratio is None:
            return None
        largest = max(mean, sd)
        confidence = max(
            hill(largest, _LARGE_SCALE), hill(sd_ratio, _SD_RATIO) if largest > 3 else 0.0
        )
        # A good fit of the training split alone does not show that the scale did no harm.
        learned = [context.learned_fraction, context.val_learned_fraction]
        known = [fraction for fraction in learned if fraction is not None]
        trained = bool(known) and min(known) > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(confidence),
            1,
            f"inputs have means up to {mean:.3g} and standard deviations up to {sd:.3g},"
            f" {sd_ratio:.3g} times the smallest",
            {"largest_mean": mean, "largest_sd": sd, "sd_ratio": sd_ratio},
        )
