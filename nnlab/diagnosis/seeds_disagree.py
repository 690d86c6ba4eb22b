"""NN501: detects trials whose seeds lead to very different results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import low_median
from nnlab.diagnosis.val_minimum import bounded_ratio
from nnlab.objective import Objective
from nnlab.records import Finding, History, Severity

# At a confidence of one half: the widest gap between neighbouring results as a fraction of their
# range, and this range relative to the improvement during training.
_GAP, _RANGE = 0.4, 0.2
# At a confidence of one half: the range of accuracies, and that of other results relative to their
# median. A fine-tuned model improves so little that its improvement alone is no measure.
_ACCURACY_RANGE, _RELATIVE_RANGE = 0.04, 0.15
_MIN_SEEDS = 3
# A validation split with wrong labels says nothing about the training.
_NO_FAILURE_CODES = frozenset({"NN404"})


@dataclass(frozen=True, slots=True)
class SeedsDisagree:
    """Seeds disagree: with the same setting some seeds train well and others do not.

    Detects: some seeds of a trial diverged or did not learn while others did; or the results form
    groups that are far apart compared with their size and with the total improvement during
    training.

    Why it matters: the setting is at the edge of stability. The mean over such seeds describes
    none of them, and a single lucky seed would have hidden the problem.

    What to try: a lower learning rate or warmup; gradient clipping; another initialisation or a
    normalisation layer; more seeds before drawing conclusions.
    """

    code: ClassVar[str] = "NN501"
    name: ClassVar[str] = "seeds disagree"
    remedy: ClassVar[str] = "a lower learning rate; warmup; --clip 1; --norm batch"

    def check(self, context: RuleContext) -> Finding | None:
        """Always None: a single run does not show this problem (see `check_seeds`)."""
        del context
        return None

    def check_seeds(
        self, runs: Sequence[tuple[History, Sequence[Finding]]], objective: str
    ) -> Finding | None:
        """The finding on the runs of one trial with different seeds, or None.

        Args:
            runs: the history and the findings of each run, at least three.
            objective: the metric to compare, as `metric:min|max`.
        """
        if len(runs) < _MIN_SEEDS:
            return None
        failed = sum(
            any(
                finding.severity is Severity.ERROR and finding.code not in _NO_FAILURE_CODES
                for finding in findings
            )
            for _, findings in runs
        )
        if 0 < failed < len(runs):
            return make_finding(
                self,
                Severity.WARNING,
                combine_confidences(0.95),
                None,
                f"{failed} of {len(runs)} seeds diverged or did not learn, the others learned",
                {"broken": float(failed), "seeds": float(len(runs))},
            )
        return self._check_groups(runs, objective) if not failed else None

    def _check_groups(
        self, runs: Sequence[tuple[History, Sequence[Finding]]], objective: str
    ) -> Finding | None:
        parsed = Objective.parse(objective)
        results, improvements = [], []
        for history, _ in runs:
            curve = history.get(parsed.metric)
            values = [v for v in curve.values if math.isfinite(v)] if curve else []
            if not values:
                return None
            best = min(values) if parsed.direction == "min" else max(values)
            results.append(best)
            improvements.append(abs(best - values[0]))
        results.sort()
        spread = results[-1] - results[0]
        improvement = max(low_median(improvements), 1e-12)
        gap = max(b - a for a, b in pairwise(results))
        gap_share = gap / spread if spread > 0 else 0.0
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(
                hill(spread / improvement, _RANGE),
                hill(gap_share, _GAP),
                hill(spread, _ACCURACY_RANGE)
                if parsed.metric.endswith("accuracy")
                else hill(bounded_ratio(spread, abs(low_median(results))), _RELATIVE_RANGE),
                hill(len(runs), 2.5),
            ),
            None,
            f"{parsed.metric} of {len(runs)} seeds lies between {results[0]:.4g} and"
            f" {results[-1]:.4g}, in separate groups",
            {"lowest": results[0], "highest": results[-1], "widest_gap": gap},
        )
