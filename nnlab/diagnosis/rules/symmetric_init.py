"""NN306: detects initialisations that make all units of a layer equal."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.model_facts import has_equal_units, is_linear, remedy_for_model
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# Outputs with a smaller standard deviation are equal up to rounding.
_ZERO_SPREAD = 1e-6
_WELL_TRAINED = 0.8


@dataclass(frozen=True, slots=True)
class SymmetricInit:
    """Symmetric initialisation: all weights are equal at the start, so equal units stay equal.

    Detects: all weights start at zero (or at one other value), so every unit of a layer has the
    same output and the same gradient.

    Why it matters: a layer of any width then works like a single unit. With ReLU not even that:
    only the biases of the last layer change.

    What to try: `--init msra` for ReLU and similar activations, `--init xavier` for tanh and
    sigmoid, which are both random; zeros are for biases only.
    """

    code: ClassVar[str] = "NN306"
    name: ClassVar[str] = "symmetric initialisation"
    remedy: ClassVar[str] = "--init msra (relu) or --init xavier (tanh, sigmoid)"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the inspection of the model, the setting, or the probe's first measurements."""
        sds = context.values_by_layer_at_start("activation_sd")
        is_zero = (
            context.setting.get("init") == "zeros" or context.numeric_setting("init_scale") == 0.0
        )
        is_equal = has_equal_units(context)
        if is_zero:
            is_equal = not is_linear(context)
        elif is_equal is None:
            is_random = "init" in context.setting
            has_spread = not sds or any(sd > _ZERO_SPREAD for sd in sds.values())
            is_equal = not (is_random or has_spread)
        if not is_equal:
            return None
        trained = context.learned_fraction is not None and context.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.WARNING if trained else Severity.ERROR,
            0.97 if is_zero or has_equal_units(context) else 0.6,
            1,
            "all weights were equal at the start, so all units of a layer stay equal",
            {"layers_without_spread": float(sum(sd <= _ZERO_SPREAD for sd in sds.values()))},
            remedy=remedy_for_model(
                context,
                self.remedy,
                "random weights, by torch's own initialisation or nn.init.kaiming_normal_;"
                " zeros for biases only",
            ),
        )
