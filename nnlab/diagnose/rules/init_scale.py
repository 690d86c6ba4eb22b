"""NN305."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# Decades between first and last layer worth a confidence of one half; more of them where the
# setting says that the initialisation is one that holds.
_DECADES, _DECADES_DEFAULT_INIT, _MAX_DECADES = 0.7, 1.5, 6.0
_WELL_TRAINED = 0.9


@dataclass(frozen=True, slots=True)
class InitScale:
    """Initialisation too small or too large: the signal shrinks or explodes from layer to layer.

    What it finds: before training the sd of what the deepest layer puts out is a small part,
    or many times, of what the first layer puts out.

    Why it matters: a signal that shrinks carries nothing about the example to the end, and
    gradients shrink alike on their way back; one that explodes saturates the loss, and the
    first steps throw the weights about.

    What to try: `--init msra` for relu and its kin, `--init xavier` for tanh and sigmoid, without
    `--init-scale`; or `--norm batch`, which resets the scale of each layer. `nnlab probe
    init` draws what each does.
    """

    code: ClassVar[str] = "NN305"
    name: ClassVar[str] = "initialisation scale"
    remedy: ClassVar[str] = (
        "--init msra or xavier without --init-scale; or --norm batch; see nnlab probe init"
    )

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the probe's numbers of the first epoch, of two layers or more."""
        sds = case.layers_at_start("activation_sd")
        if len(sds) < 2 or case.setting.get("norm") not in (None, "none"):
            return None
        (first, *_, last) = sds.values()
        if not math.isfinite(last) or not 0 < first < math.inf:
            return None
        factor = last / first
        decades = abs(math.log10(factor)) if factor > 0 else _MAX_DECADES
        trained = case.learned_fraction is not None and case.learned_fraction > _WELL_TRAINED
        word = "explodes" if factor > 1 else "shrinks"
        scale = max(case.number("init_scale") or 1.0, 1e-12)
        named = case.setting.get("init") in ("normal", "uniform") or scale != 1.0
        half = _DECADES if named else _DECADES_DEFAULT_INIT
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            combine_confidences(hill(decades, half)),
            1,
            f"the signal {word} from layer to layer: sd {first:.3g} in the first, {last:.3g} in"
            " the last",
            {"first_sd": first, "last_sd": last, "layers": float(len(sds))},
        )
