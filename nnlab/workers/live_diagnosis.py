"""What can be said of a run while it is trained."""

import time
from bisect import bisect_right
from collections.abc import Callable

from nnlab import store
from nnlab.diagnose import diagnose, group_symptoms
from nnlab.diagnose.codes import parse_codes
from nnlab.records import Curve, Epoch, Finding, History, Run, Severity

# A finding so sure is shown before the run is over.
MIN_CONFIDENCE = 0.9
# Looking costs at most this share of the time that goes by.
_MAX_TIME_SHARE = 0.02
# With `stop_on` a run is looked at in each of its first epochs, then each tenth of its length.
_CHECKED_FIRST_EPOCHS = 10


class LiveDiagnosis:
    """Watches one run: shows findings that are certain, and ends it on those it is to stop on."""

    def __init__(
        self, db: store.AnyDatabase, run: Run, tell: Callable[[str], None], *, after: int
    ) -> None:
        """Reads what is known of the run already, for one that goes on.

        Args:
            db: where the run is stored.
            run: the run.
            tell: shows a line beside the run.
            after: the last epoch that is not trained again; what is stored of later ones must not
                be seen before they have been.
        """
        self._run, self._tell = run, tell
        self._stops = parse_codes(str(run.trial.setting.get("stop_on") or ""))
        self._points: dict[str, tuple[list[int], list[float]]] = {}
        self._told: set[str] = set()
        self._next_look = time.perf_counter() + 1.0
        if after:
            for metric, curve in store.history(db, run.id).curves.items():
                kept = bisect_right(curve.epochs, after)
                self._points[metric] = (list(curve.epochs[:kept]), list(curve.values[:kept]))

    def check_epoch(self, epoch: Epoch) -> str | None:
        """Why the run is to end after this epoch, or None; tells what is certain on the way."""
        for metric, value in epoch.values.items():
            epochs, values = self._points.setdefault(metric, ([], []))
            epochs.append(epoch.number)
            values.append(value)
        must = bool(self._stops) and _is_stop_check_due(epoch.number)
        begun = time.perf_counter()
        if not must and begun < self._next_look:
            return None
        found = self._findings()
        spent = time.perf_counter() - begun
        self._next_look = begun + max(1.0, spent / _MAX_TIME_SHARE)
        # Only what the number of the epoch decides may end a run: a run that is trained again
        # must end where it did.
        if must:
            for finding in found:
                if finding.code in self._stops:
                    return f"stopped on {finding.code} {finding.name}: {finding.message}"
        for one in group_symptoms(found):
            self._show(one.finding)
        return None

    def _findings(self) -> tuple[Finding, ...]:
        curves = {
            metric: Curve(metric, tuple(epochs), tuple(values))
            for metric, (epochs, values) in self._points.items()
        }
        return diagnose(History(curves), self._run.trial.setting)

    def _show(self, finding: Finding) -> None:
        certain = finding.confidence >= MIN_CONFIDENCE and finding.severity is not Severity.INFO
        if certain and finding.code not in self._told:
            self._told.add(finding.code)
            self._tell(f"{finding.code} {finding.name}: {finding.message}")


def _is_stop_check_due(number: int) -> bool:
    return number <= _CHECKED_FIRST_EPOCHS or number % (number // _CHECKED_FIRST_EPOCHS) == 0
