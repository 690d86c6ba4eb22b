"""The scoring of the corpus: the truth by true risk, the simple rules, counts and calibration."""

import pytest
from diagnosis.baselines import BASELINES
from diagnosis.score import (
    ConfusionCounts,
    DiagnosedSpecimen,
    calibration_bins,
    count_correct_first,
    count_false_alarms,
    count_overfitting,
    finding_outcomes,
    truth_of,
)
from diagnosis.specimen import Specimen, TrainedSpecimen

from nnlab.records import Finding, Severity


def trained(
    risk: list[float],
    train: list[float] | None = None,
    truth: str | None = None,
    group: str = "torch",
    accepted: tuple[str, ...] = (),
) -> TrainedSpecimen:
    losses = train or [2.0 - i / len(risk) for i in range(len(risk))]
    curves = {
        "train/loss": list(enumerate(losses, start=1)),
        "val/loss": list(enumerate(risk, start=1)),
    }
    specimen = Specimen("a kind", "fitted", truth, {}, 1, accepted, group)
    return TrainedSpecimen(specimen, {}, curves, list(enumerate(risk, start=1)))


def u_shape(last: float) -> list[float]:
    falling = [2.0 - i / 10 for i in range(10)]
    return falling + [1.0 + (last - 1.0) * i / 29 for i in range(30)]


@pytest.mark.parametrize(
    ("last", "truth"), [(1.3, "NN101"), (1.08, "NN101"), (1.035, None), (1.01, ""), (1.0, "")]
)
def test_the_true_risk_decides(last: float, truth: str | None) -> None:
    assert truth_of(trained(u_shape(last)))[0] == truth


def test_a_rise_of_both_losses_is_not_overfitting() -> None:
    assert truth_of(trained(u_shape(1.3), train=u_shape(1.3)))[0] is None


def test_a_rise_within_the_oscillation_is_not_counted() -> None:
    risk = [2.0 - i / 10 for i in range(10)] + [1.2 + 0.2 * (-1) ** i for i in range(31)]
    assert truth_of(trained(risk))[0] is None


def test_a_diverged_risk_is_not_counted() -> None:
    assert truth_of(trained([1.0, 0.9, float("nan")]))[0] is None


def test_the_few_epochs_of_a_fine_tuning_are_not_smoothed() -> None:
    truth, excess = truth_of(trained([0.5, 0.55, 0.6], train=[0.5, 0.3, 0.1]))
    assert truth == "NN101"
    assert excess == pytest.approx(0.2)


def test_the_excess_is_a_ratio_of_medians() -> None:
    excess = truth_of(trained(u_shape(1.3)))[1]
    # The last four of 40 values are 1.269, 1.279, 1.290 and 1.3, and the lowest four 1.0, 1.010,
    # 1.021 and 1.031 or 1.1; the upper of the two middle values is taken.
    assert excess == pytest.approx(1.2897 / 1.0207 - 1, abs=1e-3)


@pytest.mark.parametrize(
    ("rule", "val", "train", "expected"),
    [
        ("end 4 %", [2.0, 1.0, 1.05], [2.0, 1.0, 0.5], True),
        ("end 4 %", [2.0, 1.0, 1.03], [2.0, 1.0, 0.5], False),
        ("end 4 %", [2.0, 1.0, 1.05], [2.0, 1.0, 1.5], False),
        ("5 % of the range", [2.0, 1.0, 1.08], [2.0, 1.0, 0.5], True),
        ("5 % of the range", [2.0, 1.0, 1.07], [2.0, 1.0, 0.5], False),
        ("tail 10 %", [2.0, 1.0, *18 * [1.2], 5.0], [2.0, *20 * [0.5]], True),
        ("tail 10 %", [2.0, *18 * [1.0], 1.0, 1.2, 1.05], [2.0, *21 * [0.5]], False),
        ("tail 10 %", [2.0, 1.0, *18 * [1.2]], [2.0, 0.5, *18 * [0.4]], True),
    ],
)
def test_simple_rules(rule: str, val: list[float], train: list[float], expected: bool) -> None:
    if expected and train[1] == train[-1]:
        train = [*train[:2], *[value - 0.1 for value in train[2:]]]
    assert BASELINES[rule](train, val) is expected


def finding(code: str, confidence: float, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(code, "", severity, confidence, None, "", "", {})


def diagnosed(run: TrainedSpecimen, *findings: Finding) -> DiagnosedSpecimen:
    truth, excess = truth_of(run)
    return DiagnosedSpecimen(run, truth, excess, findings)


def test_either_finding_of_overfitting_counts() -> None:
    runs = [
        diagnosed(trained(u_shape(1.3)), finding("NN101", 0.9)),
        diagnosed(trained(u_shape(1.3)), finding("NN107", 0.9)),
        diagnosed(trained(u_shape(1.3)), finding("NN103", 0.9)),
        diagnosed(trained(u_shape(1.0)), finding("NN101", 0.9)),
        diagnosed(trained(u_shape(1.0))),
        diagnosed(trained(u_shape(1.035)), finding("NN101", 0.9)),
    ]
    counts = count_overfitting(runs)
    assert counts == ConfusionCounts(2, 1, 1, 1)
    assert counts.precision == pytest.approx(2 / 3)
    assert counts.recall == pytest.approx(2 / 3)
    assert counts.f1 == pytest.approx(2 / 3)


def test_accepted_codes_are_correct_first_findings() -> None:
    fault = trained(u_shape(1.0), truth="NN202", group="nnlab", accepted=("NN201",))
    runs = [
        diagnosed(fault, finding("NN201", 0.9)),
        diagnosed(fault, finding("NN203", 0.9)),
        diagnosed(fault),
    ]
    correct, faults, confusions = count_correct_first(runs)
    assert (correct, faults) == (1, 3)
    assert confusions == {("NN202", "NN203"): 1, ("NN202", "nothing"): 1}


def test_notes_are_no_false_alarms() -> None:
    healthy = trained(u_shape(1.0), truth="", group="ugly")
    runs = [
        diagnosed(healthy, finding("NN105", 0.9, Severity.INFO)),
        diagnosed(healthy, finding("NN202", 0.9)),
    ]
    assert count_false_alarms(runs) == (1, 2, {"NN202": 1})


def test_only_overfitting_is_judged_where_only_the_true_risk_is_known() -> None:
    run = diagnosed(trained(u_shape(1.3)), finding("NN101", 0.8), finding("NN202", 0.7))
    assert [(f.code, correct) for f, correct in finding_outcomes([run])] == [("NN101", True)]


def test_bins_compare_stated_and_observed_shares() -> None:
    outcomes = [(0.92, True), (0.94, True), (0.96, False), (0.55, False)]
    low, high = calibration_bins(outcomes)
    assert (low.low, low.count, low.right) == (0.5, 1, 0.0)
    assert high.confidence == pytest.approx(0.94)
    assert high.right == pytest.approx(2 / 3)
