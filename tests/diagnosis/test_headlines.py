"""The findings that tables show, and the summary of overfitting over seeds."""

import pytest

from nnlab.diagnosis.headlines import (
    affected_seeds_text,
    headline_findings,
    onsets_by_code,
    table_findings,
)
from nnlab.records import Finding, Severity


def make_finding(
    code: str, severity: Severity = Severity.WARNING, onset: int | None = 5
) -> Finding:
    return Finding(code, "", severity, 0.9, onset, "", "", {})


PLATEAU = make_finding("NN102", Severity.INFO)
OVERFITS = make_finding("NN101")


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_plateau_is_a_flag_though_it_is_no_warning() -> None:
    notes = make_finding("NN105", Severity.INFO)
    assert codes(table_findings([PLATEAU, notes])) == ["NN102"]
    assert codes(table_findings([OVERFITS, notes])) == ["NN101"]


@pytest.mark.parametrize(
    "cause",
    [
        make_finding("NN401"),
        make_finding("NN202"),
        make_finding("NN201", Severity.ERROR),
        make_finding("NN106", Severity.ERROR),
        make_finding("NN204"),
        make_finding("NN204", Severity.INFO),
    ],
    ids=lambda finding: f"{finding.code} {finding.severity}",
)
def test_noise_inputs_and_larger_faults_keep_it_out_of_headlines(cause: Finding) -> None:
    assert headline_findings([cause, OVERFITS]) == ()
    assert headline_findings([cause, PLATEAU]) == ()
    assert "NN102" not in codes(table_findings([cause, PLATEAU]))
    assert "NN101" in codes(table_findings([cause, OVERFITS])), "a warning stays in the table"


def test_inputs_that_did_no_harm_are_no_cause() -> None:
    assert headline_findings([make_finding("NN401", Severity.INFO), OVERFITS]) == (OVERFITS,)


def test_memorisation_is_a_headline_unless_overfitting_explains_it() -> None:
    memorises = make_finding("NN107", onset=7)
    assert headline_findings([memorises]) == (memorises,)
    assert headline_findings([OVERFITS, memorises]) == (OVERFITS,)
    assert onsets_by_code([[memorises], [OVERFITS, memorises]]) == {"NN101": (5,), "NN107": (7,)}
    assert affected_seeds_text("NN107", [7], 3) == "1 of 3 seeds memorises (from epoch 7)"


def test_onsets_by_code_counts_runs() -> None:
    runs = [
        [OVERFITS],
        [],
        [PLATEAU],
        [make_finding("NN202"), OVERFITS],
        [make_finding("NN101", onset=9)],
    ]
    assert onsets_by_code(runs) == {"NN101": (5, 9), "NN102": (5,)}
    assert onsets_by_code([[], []]) == {}


@pytest.mark.parametrize(
    ("code", "onsets", "seeds", "text"),
    [
        ("NN101", [20, 12, 14], 10, "3 of 10 seeds overfit (median onset: epoch 14)"),
        ("NN101", [8], 10, "1 of 10 seeds overfits (from epoch 8)"),
        ("NN101", [8], 1, "overfits from epoch 8"),
        ("NN102", [3, 9], 2, "2 of 2 seeds plateau (median onset: epoch 3)"),
        ("NN102", [12], 1, "plateau since epoch 12"),
        ("NN102", [], 4, ""),
    ],
)
def test_seeds_text(code: str, onsets: list[int], seeds: int, text: str) -> None:
    assert affected_seeds_text(code, onsets, seeds) == text
