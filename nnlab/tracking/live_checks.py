"""Diagnosis of a recorded run: while it logs, and at its end."""

import os
import time
from collections.abc import Callable

from nnlab.diagnosis import group_symptoms
from nnlab.diagnosis.calibration import has_strength
from nnlab.diagnosis.codes import parse_codes
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.errors import UnknownName
from nnlab.records import Axis, Finding, History, Severity
from nnlab.tracking.notes import note

# Findings whose evidence has at least this strength are shown before the run has ended.
_MIN_STRENGTH = 0.9
_FIRST_CHECK_SECONDS = 2.0
# Diagnosing takes at most this share of the time.
_MAX_TIME_SHARE = 0.005


class LiveChecks:
    """Shows certain findings once, and notes when a finding of NNLAB_STOP_ON appears."""

    def __init__(self, read_history: Callable[[], tuple[History, Axis]]) -> None:
        """Diagnoses nothing yet.

        Args:
            read_history: returns the curves so far.
        """
        self._read_history = read_history
        self._shown: set[str] = set()
        self._next_check = time.monotonic() + _FIRST_CHECK_SECONDS
        self._stop_codes: frozenset[str] = frozenset()
        if text := os.environ.get("NNLAB_STOP_ON"):
            try:
                self._stop_codes = parse_codes(text)
            except UnknownName as error:
                note(f"NNLAB_STOP_ON: {error.message}")

    def check(self) -> str | None:
        """The reason to stop the run, or None; diagnoses only when it is due."""
        begin = time.monotonic()
        if begin < self._next_check:
            return None
        findings = diagnose_external(*self._read_history())
        spent = time.monotonic() - begin
        self._next_check = begin + max(_FIRST_CHECK_SECONDS, spent / _MAX_TIME_SHARE)
        for group in group_symptoms(findings):
            self._show(group.finding)
        for finding in findings:
            if finding.code in self._stop_codes:
                return f"stopped on {finding.code} {finding.name}: {finding.message}"
        return None

    def _show(self, finding: Finding) -> None:
        is_certain = has_strength(finding, _MIN_STRENGTH) and finding.severity is not Severity.INFO
        if is_certain and finding.code not in self._shown:
            self._shown.add(finding.code)
            note(f"{finding.code} {finding.name}: {finding.message}")
