"""Confidences of warnings are calibrated: monotone, within limits, and not for notes."""

import pytest
from diagnosis.fit_calibration import STRENGTHS, fit_knots

from nnlab.diagnosis.calibration import (
    KNOTS,
    KNOTS_BY_CODE,
    calibrated_confidence,
    has_strength,
    interpolate,
)
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rules import RULES
from nnlab.records import Finding, Severity


@pytest.mark.parametrize("code", ["NN101", "NN202"])
def test_more_evidence_never_lowers_the_confidence(code: str) -> None:
    strengths = [i / 100 for i in range(50, 101)]
    confidences = [calibrated_confidence(code, strength) for strength in strengths]
    assert confidences == sorted(confidences)
    assert min(confidences) >= 0.5
    assert max(confidences) < 1.0


def test_the_knots_begin_where_findings_are_reported() -> None:
    for knots in (KNOTS, *KNOTS_BY_CODE.values()):
        strengths = [strength for strength, _ in knots]
        assert strengths[0] == MIN_CONFIDENCE
        assert strengths == sorted(set(strengths))


@pytest.mark.parametrize(
    ("strength", "expected"), [(0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.85), (0.95, 0.9)]
)
def test_confidence_is_linear_between_knots(strength: float, expected: float) -> None:
    knots = ((0.5, 0.6), (0.7, 0.8), (0.9, 0.9))
    assert interpolate(strength, knots) == pytest.approx(expected)


def test_only_warnings_and_errors_are_calibrated() -> None:
    rule = RULES[0]
    note = make_finding(rule, Severity.INFO, 0.62, None, "", {})
    warning = make_finding(rule, Severity.WARNING, 0.62, None, "", {})
    assert note is not None
    assert warning is not None
    assert note.confidence == 0.62
    assert warning.confidence == calibrated_confidence(rule.code, 0.62)


def test_weak_evidence_is_not_reported_whatever_its_calibrated_confidence() -> None:
    assert make_finding(RULES[0], Severity.WARNING, 0.499, None, "", {}) is None


def test_the_fit_finds_the_shares_of_correct_findings() -> None:
    outcomes = [
        (strength, number < share * 100)
        for strength, share in zip(STRENGTHS, (0.6, 0.7, 0.8, 0.85, 0.9, 0.95), strict=True)
        for number in range(100)
    ]
    fitted = [share for _, share in fit_knots(outcomes)]
    assert fitted == pytest.approx([0.6, 0.7, 0.8, 0.85, 0.9, 0.95], abs=0.02)


@pytest.mark.parametrize("code", ["NN101", "NN202"])
@pytest.mark.parametrize("severity", list(Severity))
def test_thresholds_on_the_strength_hold_after_calibration(code: str, severity: Severity) -> None:
    for strength, expected in ((0.9, True), (0.95, True), (0.899, False), (0.5, False)):
        is_note = severity is Severity.INFO
        confidence = strength if is_note else calibrated_confidence(code, strength)
        finding = Finding(code, "", severity, confidence, None, "", "", {})
        assert has_strength(finding, 0.9) is expected


def test_findings_of_plugins_are_not_calibrated() -> None:
    assert calibrated_confidence("NN901", 0.62) == 0.62
    assert calibrated_confidence("ACME001", 0.62) == 0.62
    finding = Finding("ACME001", "", Severity.WARNING, 0.91, None, "", "", {})
    assert has_strength(finding, 0.9)
