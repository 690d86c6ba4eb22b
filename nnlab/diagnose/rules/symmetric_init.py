"""NN306."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# Outputs that differ by no more than rounding.
_ZERO_SPREAD = 1e-6
_WELL_TRAINED = 0.8


@dataclass(frozen=True, slots=True)
class SymmetricInit:
    """Symmetric initialisation: all weights began alike, and units that are alike stay so.

    What it finds: weights begin at zero (or at one value), so every unit of a layer puts out the
    same and gets the same gradient.

    Why it matters: a layer of any width then works like a single unit, and behind relu not even
    that: nothing moves but the last biases.

    What to try: `--init msra` for relu and its kin, `--init xavier` for tanh and sigmoid, both
    drawn at random; zeros are for biases.
    """

    code: ClassVar[str] = "NN306"
    name: ClassVar[str] = "symmetric initialisation"
    remedy: ClassVar[str] = "--init msra (relu) or --init xavier (tanh, sigmoid)"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the setting, or the probe's numbers of the first epoch."""
        sds = case.layers_at_start("activation_sd")
        zero = case.setting.get("init") == "zeros" or case.number("init_scale") == 0.0
        known_otherwise = "init" in case.setting and not zero
        if not zero and (
            known_otherwise or not sds or any(sd > _ZERO_SPREAD for sd in sds.values())
        ):
            return None
        trained = case.learned_fraction is not None and case.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.WARNING if trained else Severity.ERROR,
            0.97 if zero else 0.6,
            1,
            "all weights began alike, so all units of a layer stay alike",
            {"layers_without_spread": float(sum(sd <= _ZERO_SPREAD for sd in sds.values()))},
        )
