"""Diagnosis during training: shows confident findings, and stops the run on chosen codes."""

import time
from bisect import bisect_right
from collections.abc import Callable

from nnlab import store
from nnlab.diagnosis import diagnose, group_symptoms
from nnlab.diagnosis.calibration import has_strength
from nnlab.diagnosis.codes import parse_codes
from nnlab.records import Curve, Epoch, Finding, History, Run, Severity

# Findings whose evidence has at least this strength are shown before the run has ended.
MIN_STRENGTH = 0.9
# Diagnosing takes at most this share of the elapsed time.
_MAX_TIME_SHARE = 0.02
# With `stop_on` a run is diagnosed after each of its first epochs, then at intervals of a tenth of
# the epochs so far.
_CHECKED_FIRST_EPOCHS = 10


class LiveDiagnosis:
    """Diagnoses one run: shows confident findings, and stops the run on the codes of `stop_on`."""

    def __init__(
        self, db: store.AnyDatabase, run: Run, note: Callable[[str], None], *, after: int
    ) -> None:
        """Reads the history of a resumed run.

        Args:
            db: where the run is stored.
            run: the run.
            note: shows a line about the run.
            after: the last epoch that is not trained again; stored values of later epochs are
                ignored, so that a resumed run is diagnosed like an uninterrupted one.
        """
        self._run, self._note = run, note
        self._stop_codes = parse_codes(str(run.trial.setting.get("stop_on") or ""))
        self._points: dict[str, tuple[list[int], list[float]]] = {}
        self._shown_codes: set[str] = set()
        self._next_check = time.perf_counter() + 1.0
        if after:
            for metric, curve in store.history(db, run.id).curves.items():
                count = bisect_right(curve.epochs, after)
                self._points[metric] = (list(curve.epochs[:count]), list(curve.values[:count]))

    def check_epoch(self, epoch: Epoch) -> str | None:
        """The reason to stop the run after this epoch, or None; also shows confident findings."""
        for metric, value in epoch.values.items():
            epochs, values = self._points.setdefault(metric, ([], []))
            epochs.append(epoch.number)
            values.append(value)
        may_stop = bool(self._stop_codes) and _is_stop_check_due(epoch.number)
        begin = time.perf_counter()
        if not may_stop and begin < self._next_check:
            return None
        findings = self._findings()
        spent = time.perf_counter() - begin
        self._next_check = begin + max(1.0, spent / _MAX_TIME_SHARE)
        # The epochs at which a run may stop do not depend on the time, so that a repeated run
        # stops at the same epoch.
        if may_stop:
            for finding in findings:
                if finding.code in self._stop_codes:
                    return f"stopped on {finding.code} {finding.name}: {finding.message}"
        for group in group_symptoms(findings):
            self._show(group.finding)
        return None

    def _findings(self) -> tuple[Finding, ...]:
        curves = {
            metric: Curve(metric, tuple(epochs), tuple(values))
            for metric, (epochs, values) in self._points.items()
        }
        return diagnose(History(curves), self._run.trial.setting)

    def _show(self, finding: Finding) -> None:
        is_certain = has_strength(finding, MIN_STRENGTH) and finding.severity is not Severity.INFO
        if is_certain and finding.code not in self._shown_codes:
            self._shown_codes.add(finding.code)
            self._note(f"{finding.code} {finding.name}: {finding.message}")


def _is_stop_check_due(epoch: int) -> bool:
    return epoch <= _CHECKED_FIRST_EPOCHS or epoch % (epoch // _CHECKED_FIRST_EPOCHS) == 0
