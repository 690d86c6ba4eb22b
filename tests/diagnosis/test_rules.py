"""Each rule on the smallest history with its fault, and on the same history without it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nnlab.diagnosis import RuleContext, SeedsDisagree, diagnose
from nnlab.diagnosis.smoothing import oscillation_sd
from nnlab.diagnosis.trend import measure_trend
from nnlab.records import Curve, Finding, History, Severity

N = 30
# Names of metrics as keywords: __ stands for /.
Curves = Mapping[str, Sequence[float] | float]


def history(curves: Curves) -> History:
    """A metric given as one number is of the first epoch alone."""
    result = {}
    for name, values in curves.items():
        listed = [values] if isinstance(values, int | float) else list(values)
        metric = name.replace("__", "/")
        result[metric] = Curve(metric, tuple(range(1, len(listed) + 1)), tuple(map(float, listed)))
    return History(result)


def falling(end: float, start: float = 1.1, rate: float = 8.0, n: int = N) -> list[float]:
    return [end + (start - end) * math.exp(-rate * i / n) for i in range(n)]


def steady(start: float, end: float, n: int = N) -> list[float]:
    return [start + (end - start) * i / (n - 1) for i in range(n)]


def learning(end: float = 0.95, start: float = 0.4) -> list[float]:
    return [end - (end - start) * math.exp(-8 * i / N) for i in range(N)]


HEALTHY: dict[str, Any] = {
    "train__loss": falling(0.15),
    "val__loss": falling(0.18),
    "train__accuracy": learning(0.96),
    "val__accuracy": learning(0.95),
    "lr": [0.001 * (1 + math.cos(math.pi * i / N)) for i in range(N)],
    "train__grad_norm": [0.5] * N,
    "probe__update_ratio": [1e-3] * N,
    "probe__start_loss": 1.2,
    **{f"probe__{when}activation_sd__{n}": 0.6 for when in ("", "start_") for n in (1, 2, 3)},
    **{f"probe__{when}dead__{n}": 0.05 for when in ("", "start_") for n in (1, 2, 3)},
    "data__train": 1000, "data__val": 500, "data__classes": 3, "data__majority": 0.35,
    "data__minority": 0.3, "data__missing_classes": 0, "data__constant": 0, "data__duplicates": 0,
    "data__repeated": 0.0, "data__overlap": 0.0, "data__mean": 0.05, "data__sd": 1.0,
    "data__sd_ratio": 1.5,
}  # fmt: skip
RARE: dict[str, Any] = {"data__classes": 2, "data__majority": 0.99}
STUCK: dict[str, Any] = {
    "train__loss": [1.1 - 1e-4 * i for i in range(N)],
    "val__loss": [1.1] * N,
    "train__accuracy": [0.35] * N,
    "val__accuracy": [0.34] * N,
}


def test_a_healthy_run_has_no_finding() -> None:
    assert diagnose(history(HEALTHY), {"model": "mlp", "dropout": 0.0}) == ()


def find(code: str, curves: Curves, setting: Mapping[str, Any]) -> Finding | None:
    return next((f for f in diagnose(history(curves), setting) if f.code == code), None)


FAULTS: dict[str, tuple[str, Curves, Mapping[str, Any]]] = {
    "a gap from the start": (
        "NN103",
        {"val__loss": falling(0.6), "val__accuracy": learning(0.75, 0.35)},
        {},
    ),
    "converged far from the goal": (
        "NN104",
        {
            "train__loss": falling(0.8, rate=20),
            "val__loss": falling(0.82, rate=20),
            "train__accuracy": learning(0.55),
            "val__accuracy": learning(0.55),
        },
        {"model": "linear"},
    ),
    "cut while both fall": (
        "NN105",
        {
            "train__loss": steady(1.1, 0.5),
            "val__loss": steady(1.1, 0.55),
            "val__accuracy": steady(0.4, 0.8),
            "lr": [1e-3] * N,
        },
        {},
    ),
    "at chance": ("NN106", STUCK, {}),
    "at chance with a rare class": (
        "NN106",
        # The loss is the entropy of 1 % against 99 %.
        {"train__loss": [0.056] * N, "train__accuracy": [0.99] * N, **RARE},
        {},
    ),
    "nan": ("NN201", {"train__loss": [1.0, 3.0, math.nan]}, {}),
    "ends far above": ("NN201", {"train__loss": [1.0, 0.5, *steady(1, 9, 28)]}, {}),
    "swings": (
        "NN202",
        {
            "train__loss": [0.6 + 0.3 * (-1) ** i for i in range(N)],
            "train__accuracy": [0.7] * N,
        },
        {"batch_size": 64},
    ),
    "thrown far by the first steps": (
        "NN202",
        {**STUCK, "train__loss": [40.0, *[1.1] * 29]},
        {},
    ),
    "units died": (
        "NN202",
        {**STUCK, "probe__dead__2": [0.9] * N},
        {},
    ),
    "slow and even": (
        "NN203",
        {
            "train__loss": steady(1.1, 1.0),
            "train__accuracy": steady(0.35, 0.45),
            "probe__update_ratio": [5e-6] * N,
        },
        {},
    ),
    "one example a step": (
        "NN204",
        {
            "train__loss": [0.6 + 0.3 * (-1) ** i for i in range(N)],
            "train__accuracy": [0.7] * N,
        },
        {"batch_size": 1},
    ),
    "wanders at a constant rate": (
        "NN205",
        {
            "train__loss": [max(1.1 - 0.1 * i, 0.3) + 0.01 * (-1) ** i for i in range(N)],
            "train__accuracy": learning(0.88),
            "lr": [0.1] * N,
        },
        {},
    ),
    "gradients of the first layer": (
        "NN301",
        {**STUCK, **{f"probe__grad_norm__{n}": [10.0 ** (n - 9)] * N for n in range(1, 9)}},
        {"activation": "sigmoid"},
    ),
    "deep and squashing": ("NN301", STUCK, {"activation": "sigmoid", "depth": 10, "norm": "none"}),
    "long gradients": ("NN302", {**STUCK, "train__grad_norm": [5e3] * N}, {}),
    "dead from the start": (
        "NN303",
        {**STUCK, "probe__dead__2": [1.0] * N, "probe__start_dead__2": 1.0},
        {},
    ),
    "saturated": ("NN304", {**STUCK, "probe__start_saturated__1": 0.9}, {"activation": "tanh"}),
    "shrinks": (
        "NN305",
        {**STUCK, "probe__start_activation_sd__3": 1e-4},
        {"init": "normal", "norm": "none"},
    ),
    "explodes": (
        "NN305",
        {**STUCK, "probe__start_activation_sd__3": 900.0},
        {"init": "normal", "norm": "none"},
    ),
    "xavier on relu": (
        "NN305",
        {**STUCK, "probe__start_activation_sd__3": 0.005},
        {"init": "xavier", "init_gain": 1.0, "activation": "relu", "norm": "none"},
    ),
    "zeros": ("NN306", STUCK, {"init": "zeros"}),
    "dropout": ("NN307", STUCK, {"dropout": 0.95}),
    "softmax twice": (
        "NN308",
        {
            "train__loss": falling(0.6, 1.1),
            "val__loss": falling(0.62, 1.1),
            "train__accuracy": learning(0.96),
        },
        {"model": "model.py:Net"},
    ),
    "outputs that are probabilities": ("NN308", {"probe__start_probability_outputs": 1.0}, {}),
    "raw inputs": (
        "NN401",
        {**STUCK, "data__mean": 300.0, "data__sd": 900.0, "data__sd_ratio": 5000.0},
        {},
    ),
    "a class is missing": ("NN402", {"data__missing_classes": 1}, {}),
    "a class of one row": ("NN402", {"data__single_row_classes": 1}, {}),
    "a column that numbers the rows": ("NN402", {"data__id_columns": 1}, {}),
    "one class in the majority": ("NN402", {"data__majority": 0.97}, {}),
    "constant features": ("NN402", {"data__constant": 4}, {}),
    "rows in both splits": ("NN403", {"data__overlap": 0.4}, {}),
    "labels of validation shuffled": (
        "NN404",
        {"val__loss": steady(1.1, 2.5), "val__accuracy": [0.33, 0.35, 0.32] * 10},
        {},
    ),
    "few examples validate": ("NN404", {"data__val": 12}, {}),
    "validation better": ("NN405", {"val__loss": [0.6 * v for v in falling(0.15)]}, {}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_health_is_not(name: str) -> None:
    code, changed, setting = FAULTS[name]
    finding = find(code, {**HEALTHY, **changed}, setting)
    assert finding is not None, [f.code for f in diagnose(history({**HEALTHY, **changed}), setting)]
    assert 0.5 <= finding.confidence <= 1
    assert finding.message
    assert find(code, HEALTHY, {}) is None


NEIGHBOURS: dict[str, tuple[str, Curves, Mapping[str, Any]]] = {
    "a tiny loss that swings": (
        "NN202",
        {"train__loss": [0.001 * (1 + 0.5 * (-1) ** i) + falling(0)[i] for i in range(N)]},
        {},
    ),
    "dead units in a run that learns": ("NN303", {"probe__dead__2": [0.7] * N}, {}),
    "layers that saturate late": ("NN304", {"probe__saturated__1": [*[0.0] * 20, *[0.9] * 10]}, {}),
    "batch norm resets the scale": (
        "NN305",
        {"probe__start_activation_sd__3": 900.0},
        {"norm": "batch"},
    ),
    "a sum has long gradients": ("NN302", {"train__grad_norm": [5e3] * N}, {"reduction": "sum"}),
    "a usual dropout": ("NN307", STUCK, {"dropout": 0.5}),
    "our own models end in logits": (
        "NN308",
        {
            "train__loss": falling(0.6, 1.1),
            "val__loss": falling(0.62, 1.1),
            "train__accuracy": learning(0.96),
        },
        {"model": "mlp"},
    ),
    "a set that repeats itself": ("NN403", {"data__overlap": 0.1, "data__repeated": 0.3}, {}),
    "an even pace and a good end": ("NN203", {"train__loss": steady(1.1, 0.05)}, {}),
    "few images with many pixels each": ("NN404", {"data__val": 12, "data__classes": 0}, {}),
    "labels that are noisy": (
        "NN104",
        {"train__accuracy": learning(0.78), "train__loss": falling(0.6, rate=20)},
        {"model": "linear", "label_noise": 0.2},
    ),
    "a rare class that accuracy does not show": (
        "NN106",
        {"train__loss": falling(0.02, 0.3), "train__accuracy": [0.99] * N, **RARE},
        {"loss": "cross_entropy"},
    ),
    "a rare class, converged": (
        "NN104",
        {"train__loss": falling(0.005, rate=20), "train__accuracy": [0.99] * N, **RARE},
        {"model": "linear", "loss": "cross_entropy"},
    ),
    "outputs that are logits": ("NN308", {"probe__start_probability_outputs": 0.0}, {}),
    "a loss that was learned before": ("NN106", {"train__loss": [0.02] * N}, {}),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_what_only_looks_like_a_fault_is_none(name: str) -> None:
    code, changed, setting = NEIGHBOURS[name]
    finding = find(code, {**HEALTHY, **changed}, setting)
    assert finding is None or finding.severity is Severity.INFO


def test_a_run_thrown_about_that_came_back_is_only_told() -> None:
    back = find("NN202", {**HEALTHY, "train__loss": [9.0, *falling(0.15)[1:]]}, {})
    assert back is not None
    assert back.severity is Severity.INFO


@pytest.mark.parametrize("floor", [0.3133, 0.5514, 1.4612])
def test_the_floor_of_a_softmax_taken_twice_by_the_loss_alone(floor: float) -> None:
    """ln(1 + (C - 1) / e) of 2, 3 and 10 classes."""
    alone = history({"train__loss": falling(floor + 1e-4, floor * 1.5, rate=12)})
    assert [f.code for f in diagnose(alone) if f.code == "NN308"] == ["NN308"]


def test_seeds_that_fail_while_others_learn_disagree() -> None:
    rule = SeedsDisagree()
    good = history(HEALTHY)
    bad = history({**HEALTHY, **STUCK})
    seeds = [(good, diagnose(good)), (good, ()), (bad, diagnose(bad))]
    text = rule.check_seeds(seeds, "val/accuracy:max")
    assert text is not None
    assert text.message.startswith("1 of 3 seeds")
    assert rule.check_seeds([(good, ())] * 3, "val/accuracy:max") is None
    assert rule.check_seeds(seeds[:2], "val/accuracy:max") is None


def test_seeds_in_two_groups_disagree() -> None:
    runs = [
        (history({"val__loss": falling(end), "val__accuracy": learning()}), ())
        for end in (0.1, 0.11, 0.12, 0.6)
    ]
    text = SeedsDisagree().check_seeds(runs, "val/loss:min")
    assert text is not None
    assert text.evidence["highest"] > 5 * text.evidence["lowest"]


def test_a_case_knows_what_was_learned() -> None:
    case = RuleContext(history(HEALTHY))
    assert case.learned_fraction == pytest.approx((0.96 - 0.35) / 0.65, abs=0.01)
    assert case.chance_accuracy == 0.35
    rare = {"train__accuracy": [0.99] * 3, "train__loss": [0.028] * 3, **RARE}
    assert RuleContext(history(rare)).learned_fraction == pytest.approx(0.5, abs=0.01)
    assert RuleContext(history(rare), {"loss": "bce"}).learned_fraction == pytest.approx(0)
    assert RuleContext(history({"train__r2": [0.2, 0.8, 0.79, 0.81]})).learned_fraction == 0.8
    assert (
        RuleContext(history({"train__accuracy": [0.5]})).learned_fraction is None
    )  # what chance is, is unknown
    assert RuleContext(History()).train_trend is None


def test_the_entropy_of_the_classes_is_measured_or_the_least_that_it_can_be() -> None:
    assert RuleContext(history({"data__entropy": 1.5, "data__majority": 0.5})).class_entropy == 1.5
    least = RuleContext(history({"data__majority": 0.5, "data__classes": 4})).class_entropy
    assert least == pytest.approx(math.log(2))
    assert RuleContext(history({"data__majority": 1.0})).class_entropy == 0
    assert RuleContext(History()).class_entropy is None


def test_wobble_is_the_sd_of_noise_and_nothing_of_a_slope() -> None:
    assert oscillation_sd(steady(3, 1)) == pytest.approx(0, abs=1e-12)
    assert oscillation_sd([1.0, 2.0]) == 0
    assert oscillation_sd([0.0, 1.0] * 20) == pytest.approx(1.4826 / math.sqrt(1.5))


def test_a_trend_by_hand() -> None:
    trend = measure_trend(Curve("l", tuple(range(1, 5)), (4.0, 3.0, 2.0, 1.0)))
    assert trend is not None
    assert (trend.first, trend.best, trend.fall) == (4.0, 1.0, 0.75)
    assert trend.late_fall_share == pytest.approx(1 / 3)
    assert measure_trend(Curve("l", (1,), (math.nan,))) is None
