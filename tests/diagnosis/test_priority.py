"""The order of findings of one run, and which of them is shown as the symptom of which."""

import pytest

from nnlab.diagnosis import RULES, group_symptoms
from nnlab.diagnosis.priority import PRIORITY, SYMPTOM_CODES
from nnlab.diagnosis.seeds_disagree import SeedsDisagree
from nnlab.records import Finding, Severity

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR


def finding(code: str, severity: Severity = WARNING, confidence: float = 0.9) -> Finding:
    return Finding(code, "", severity, confidence, 1, "", "", {})


def heads(*findings: Finding) -> list[str]:
    return [group.finding.code for group in group_symptoms(findings)]


ORDERS = {
    "raw inputs make the loss so steep that it diverges": ("NN401", "NN201"),
    "raw inputs make every learning rate too high": ("NN401", "NN202"),
    "the large outputs of raw inputs kill units": ("NN401", "NN303"),
    "raw inputs saturate the first layer": ("NN401", "NN304"),
    "raw inputs change the scale of every layer": ("NN401", "NN305"),
    "raw inputs give long gradients": ("NN401", "NN302"),
    "raw inputs may prevent learning": ("NN401", "NN106"),
    "with long steps units die": ("NN202", "NN303"),
    "with long steps validation swings": ("NN202", "NN204"),
    "with long steps nothing is learned": ("NN202", "NN106"),
    "dead units pass no gradient": ("NN303", "NN106"),
    "with a low rate nothing is learned yet": ("NN203", "NN106"),
    "gradients that vanish train nothing": ("NN301", "NN106"),
    "a run at chance level has not converged": ("NN106", "NN104"),
    "a minimum of a loss that swings is chance": ("NN204", "NN101"),
    "a loss that swings has no plateau": ("NN204", "NN102"),
    "a softmax at the end slows training": ("NN308", "NN106"),
    "wrong labels make validation worse": ("NN404", "NN101"),
}


@pytest.mark.parametrize("reason", ORDERS)
def test_a_cause_comes_before_its_symptom_and_explains_it(reason: str) -> None:
    cause, symptom = ORDERS[reason]
    assert heads(finding(symptom, confidence=0.95), finding(cause, confidence=0.6)) == [cause]


def test_raw_inputs_are_named_before_infos_on_the_run() -> None:
    infos = [finding(code, INFO) for code in ("NN105", "NN102", "NN204", "NN302", "NN401")]
    assert heads(*infos)[0] == "NN401"


def test_infos_come_last_and_explain_nothing() -> None:
    assert heads(finding("NN202", INFO), finding("NN101")) == ["NN101", "NN202"]
    assert heads(finding("NN401", INFO), finding("NN101")) == ["NN101", "NN401"]


def test_every_rule_has_a_place_in_the_order() -> None:
    codes = {rule.code for rule in RULES} | {SeedsDisagree.code}
    assert set(PRIORITY) == codes
    assert len(PRIORITY) == len(set(PRIORITY))
    assert set(SYMPTOM_CODES) <= codes
    for cause, symptoms in SYMPTOM_CODES.items():
        # Which of NN101 and NN103 describes a run is decided by the rules themselves.
        later = PRIORITY[PRIORITY.index(cause) :]
        assert symptoms - {"NN103"} <= set(later), cause
