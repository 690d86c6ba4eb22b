"""What tests a claim is stored without loss, also as older versions wrote it; damage is found."""

import json

import pytest

from nnlab.records import Comparison, Pilot, PublishedResult
from nnlab.store.claim_json import ClaimEvidence, claim_from_json, claim_to_json

PLAIN = Comparison("a is higher", "val/loss", "last", "difference", ("a", "b"), 0.0, None)
FULL = Comparison(
    "they agree", "probe/sharpness", "epoch 1", "correlation", ("a",), 0.3, None, decides=False,
    other_metric="val/loss", other_at="last", expected=0.6, expected_from="A paper", pilot_sd=0.1,
)  # fmt: skip
PILOT = Pilot((0, 1), "Wider grid.")
PUBLISHED = PublishedResult("It helps.", "A paper", "mixed", "https://example.org")


@pytest.mark.parametrize(
    "evidence",
    [
        ClaimEvidence(),
        ClaimEvidence((PLAIN,)),
        ClaimEvidence((PLAIN, FULL)),
        ClaimEvidence((PLAIN,), PILOT),
        ClaimEvidence((FULL,), None, (PUBLISHED, PUBLISHED)),
    ],
)
def test_it_is_read_as_stored(evidence: ClaimEvidence) -> None:
    assert claim_from_json(claim_to_json(evidence)) == evidence


def test_a_study_without_the_new_keys_is_stored_as_before() -> None:
    older = {
        "says": "a is higher", "metric": "val/loss", "at": "last", "scale": "difference",
        "arms": ["a", "b"], "above": 0.0, "below": None,
    }  # fmt: skip
    assert json.loads(claim_to_json(ClaimEvidence((PLAIN,))) or "") == [older]
    assert claim_from_json(json.dumps([older])) == ClaimEvidence((PLAIN,))
    assert claim_to_json(ClaimEvidence()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"scale": "magic"}, {"above": "much"}, {"above": True}, {"arms": [1]}, {"says": 3},
        {"extra": 1}, {"expected": "x"}, {"other_metric": None},
    ],
)  # fmt: skip
def test_damaged_comparisons_are_refused(change: dict[str, object]) -> None:
    stored = json.loads(claim_to_json(ClaimEvidence((PLAIN,))) or "")
    with pytest.raises((TypeError, ValueError, KeyError)):
        claim_from_json(json.dumps([{**stored[0], **change}]))


@pytest.mark.parametrize(
    "change",
    [
        {"pilot": {"seeds": ["0"], "notes": ""}},
        {"pilot": {"seeds": [0]}},
        {"published": [{"result": "x", "source": "y", "verdict": "certain", "url": ""}]},
        {"published": [{"result": 1, "source": "y", "verdict": "mixed", "url": ""}]},
    ],
)
def test_damaged_evidence_is_refused(change: dict[str, object]) -> None:
    stored = json.loads(claim_to_json(ClaimEvidence((PLAIN,), PILOT, (PUBLISHED,))) or "")
    with pytest.raises((TypeError, ValueError, KeyError)):
        claim_from_json(json.dumps({**stored, **change}))
