"""NN306."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.rule import finding
from nnlab.diagnose.rule_context import Case
from nnlab.records import Finding, Severity

# Outputs that differ by no more than rounding.
_STILL = 1e-6
_WELL = 0.8


@dataclass(frozen=True, slots=True)
class ZeroInit:
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

    def check(self, case: Case) -> Finding | None:
        """Needs the setting, or the probe's numbers of the first epoch."""
        sds = case.at_start("activation_sd")
        zero = case.setting.get("init") == "zeros" or case.number("init_scale") == 0.0
        known_otherwise = "init" in case.setting and not zero
        if not zero and (known_otherwise or not sds or any(sd > _STILL for sd in sds.values())):
            return None
        trained = case.learned is not None and case.learned > _WELL
        return finding(
            self,
            Severity.WARNING if trained else Severity.ERROR,
            0.97 if zero else 0.6,
            1,
            "all weights began alike, so all units of a layer stay alike",
            {"layers_without_spread": float(sum(sd <= _STILL for sd in sds.values()))},
        )
