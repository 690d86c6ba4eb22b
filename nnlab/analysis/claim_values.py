"""The verdict on a study's claim as plain values with stable keys (docs/formats.md), for JSON."""

from dataclasses import asdict
from typing import Any

from nnlab import store
from nnlab.analysis.deciding_seeds import planned_power, undecided_text
from nnlab.analysis.fairness import fairness_notes
from nnlab.analysis.scope import Scope
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, evaluate_claim
from nnlab.records import Study
from nnlab.stats.claims import Verdict


def claim_values_of_scope(db: store.Database, scope: Scope) -> dict[str, Any] | None:
    """The verdict on the claim of the only study of a scope; None if there is no such claim."""
    studies = [study for study in store.all_studies(db) if study.id in (scope.studies or ())]
    if len(studies) != 1 or not studies[0].comparisons:
        return None
    study_verdict = evaluate_claim(db, studies[0])
    return None if study_verdict is None else claim_values(studies[0], study_verdict)


def claim_values(study: Study, study_verdict: StudyVerdict) -> dict[str, Any]:
    """The claim, its verdict, its comparisons, notes on fairness, and the published results."""
    unfinished = study_verdict.unfinished
    return {
        "claim": study.claim,
        "verdict": str(study_verdict.verdict),
        "unfinished": unfinished,
        "comparisons": [
            _comparison_values(result, len(study.seeds), is_finished=not unfinished)
            for result in study_verdict.results
        ],
        "fairness": list(fairness_notes(study, study_verdict)),
        "pilot": None if study.pilot is None else asdict(study.pilot),
        "published": [asdict(result) for result in study.published],
    }


def _comparison_values(
    result: ComparisonResult, seeds: int, *, is_finished: bool
) -> dict[str, Any]:
    comparison, test = result.comparison, result.test
    is_undecided = is_finished and test.verdict is Verdict.CANNOT_TELL
    return {
        "says": comparison.says,
        "decides": comparison.decides,
        "verdict": str(test.verdict),
        "found": test.mean,
        "low": test.low,
        "high": test.high,
        "n": test.n,
        "missing": result.missing,
        "p": test.p,
        "above": comparison.above,
        "below": comparison.below,
        "expected": comparison.expected,
        "expected_from": comparison.expected_from or None,
        "planned_power": planned_power(comparison, seeds),
        "would_decide": undecided_text(result) if is_undecided else None,
    }
