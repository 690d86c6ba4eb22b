"""NN501: what only several runs of one trial show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.smoothing import low_median
from nnlab.objective import Objective
from nnlab.records import Finding, History, Severity

# The widest gap between neighbouring outcomes, of the whole range of what the seeds moved over,
# and the range relative to what training gained, worth a confidence of one half.
_GAP, _RANGE = 0.4, 0.2
_MIN_SEEDS = 3


@dataclass(frozen=True, slots=True)
class SeedsDisagree:
    """Seeds disagree: with the same setting some seeds train well and others do not.

    What it finds: some seeds of a trial diverged or did not learn while others did, or the
    outcomes fall into groups that are far apart, compared with all that training gained.

    Why it matters: the setting stands at an edge; a mean over such seeds describes none of them,
    and one lucky seed would have hidden it.

    What to try: a lower learning rate or warmup; gradient clipping; another initialisation or a
    normalisation layer; more seeds before anything is concluded.
    """

    code: ClassVar[str] = "NN501"
    name: ClassVar[str] = "seeds disagree"
    remedy: ClassVar[str] = "a lower learning rate; warmup; --clip 1; --norm batch"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs three seeds of a trial: one run alone shows nothing of it."""
        del case
        return None

    def check_seeds(
        self, seeds: Sequence[tuple[History, Sequence[Finding]]], objective: str
    ) -> Finding | None:
        """Looks at the runs of one trial.

        Args:
            seeds: history and findings of each.
            objective: `metric:min|max`, what they are compared by.
        """
        if len(seeds) < _MIN_SEEDS:
            return None
        broken = sum(any(f.severity is Severity.ERROR for f in of) for _, of in seeds)
        if 0 < broken < len(seeds):
            return make_finding(
                self,
                Severity.WARNING,
                combine_confidences(0.95),
                None,
                f"{broken} of {len(seeds)} seeds diverged or did not learn, the others did",
                {"broken": float(broken), "seeds": float(len(seeds))},
            )
        return self._check_groups(seeds, objective) if not broken else None

    def _check_groups(
        self, seeds: Sequence[tuple[History, Sequence[Finding]]], objective: str
    ) -> Finding | None:
        aim = Objective.parse(objective)
        outcomes, gains = [], []
        for history, _ in seeds:
            curve = history.get(aim.metric)
            values = [v for v in curve.values if math.isfinite(v)] if curve else []
            if not values:
                return None
            best = min(values) if aim.direction == "min" else max(values)
            outcomes.append(best)
            gains.append(abs(best - values[0]))
        outcomes.sort()
        reach = outcomes[-1] - outcomes[0]
        gained = max(low_median(gains), 1e-12)
        gap = max(b - a for a, b in pairwise(outcomes))
        apart = gap / reach if reach > 0 else 0.0
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(
                hill(reach / gained, _RANGE), hill(apart, _GAP), hill(len(seeds), 2.5)
            ),
            None,
            f"{aim.metric} of {len(seeds)} seeds lies between {outcomes[0]:.4g} and"
            f" {outcomes[-1]:.4g}, in groups that are apart",
            {"lowest": outcomes[0], "highest": outcomes[-1], "widest_gap": gap},
        )
