"""The reference results are written and read without loss, and may be missing."""

from pathlib import Path

from nnlab.study.builtin import builtin_study_names
from nnlab.study.reference_results import (
    ReferenceComparison,
    ReferenceResult,
    reference_results,
    reference_results_text,
)


def test_they_are_read_as_written(tmp_path: Path) -> None:
    comparisons = (
        ReferenceComparison("a is higher", 0.1, 0.05, 0.15, 8, "supported"),
        ReferenceComparison("b is higher", 0.1, None, None, 1, "cannot tell", decides=False),
    )
    result = ReferenceResult("a machine", "supported", 8, 16, 12.5, comparisons)
    path = tmp_path / "results.json"
    path.write_text(reference_results_text("a machine", {"lecture/relu": result}))
    assert reference_results(path) == {"lecture/relu": result}


def test_a_missing_file_has_no_results(tmp_path: Path) -> None:
    assert reference_results(tmp_path / "none.json") == {}


def test_those_of_nnlab_are_of_its_studies() -> None:
    assert set(reference_results()) <= set(builtin_study_names())
