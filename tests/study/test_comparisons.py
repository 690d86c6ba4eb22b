"""Comparisons of a claim are parsed completely, or refused with every problem."""

from typing import Any

import pytest

from nnlab.records import Comparison
from nnlab.study.comparisons import parse_comparisons

ARMS = ("a", "b", "c", "d")


def read(**table: Any) -> Comparison:
    problems: list[str] = []
    (comparison,) = parse_comparisons([{"metric": "val/loss", **table}], ARMS, problems)
    assert problems == []
    return comparison


@pytest.mark.parametrize(
    ("table", "scale", "arms", "bounds"),
    [
        ({"higher": "a", "lower": "b"}, "difference", ("a", "b"), (0.0, None)),
        ({"higher": "a", "lower": "b", "margin": -0.1}, "difference", ("a", "b"), (-0.1, None)),
        ({"higher": "a", "lower": "b", "scale": "ratio"}, "ratio", ("a", "b"), (1.0, None)),
        ({"higher": ["a", "b"], "lower": ["c", "d"]}, "difference", ARMS, (0.0, None)),
        ({"same": ["a", "b"], "margin": 0.1}, "difference", ("a", "b"), (-0.1, 0.1)),
        ({"same": ["a", "b"], "margin": 2, "scale": "ratio"}, "ratio", ("a", "b"), (0.5, 2.0)),
        ({"arm": "c", "above": 1, "below": 2}, "difference", ("c",), (1.0, 2.0)),
        ({"spread": "d", "below": 0.1}, "spread", ("d",), (None, 0.1)),
    ],
)
def test_every_kind_of_comparison_is_read(
    table: dict[str, Any], scale: str, arms: tuple[str, ...], bounds: tuple[float, float]
) -> None:
    result = read(**table)
    assert (result.scale, result.arms, (result.above, result.below)) == (scale, arms, bounds)
    assert result.at == "selected"
    assert result.says


@pytest.mark.parametrize(
    "at",
    [
        "once probe/rise 2e-3",
        "once train/loss 0.2",
        "epochs to 12",
        "gradients 40",
        "gradients to 0.2",
        "since best val/loss",
    ],
)
def test_moments_with_a_number_or_a_metric_are_read(at: str) -> None:
    assert read(arm="a", above=0, at=at).at == at


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "give higher and lower"),
        ({"arm": "e", "above": 0}, "unknown arm 'e'"),
        ({"arm": "a"}, "give a bound"),
        ({"arm": "a", "above": 2, "below": 1}, "must be less"),
        ({"arm": "a", "above": "much"}, "must be a number"),
        ({"higher": ["a", "b"], "lower": "c"}, "pairs of arms"),
        ({"same": ["a", "b"]}, "needs a margin"),
        ({"spread": "a", "above": 1}, "spread needs below"),
        ({"arm": "a", "above": 0, "at": "lunch"}, "at must be one of"),
        ({"arm": "a", "above": 0, "at": "once 0.2"}, "at must be one of"),
        ({"arm": "a", "above": 0, "at": "since best"}, "at must be one of"),
        ({"arm": "a", "above": 0, "at": "seconds 1e"}, "at must be one of"),
        ({"arm": "a", "above": 0, "scale": "log"}, "difference or ratio"),
        ({"arm": "a", "above": -1, "scale": "ratio"}, "above 0"),
        ({"arm": "a", "above": 0, "hihger": "b"}, "higher"),
        ({"arm": "a", "above": 0, "metric": 3}, "metric must name"),
        ({"arm": "a", "above": 0, "at": "gradients"}, "at must be one of"),
        ({"arm": "a", "above": 0, "at": ["last", "first"]}, "one moment for each metric"),
        ({"arm": "a", "above": 0, "expected": "much"}, "expected must be a number"),
        ({"arm": "a", "above": 0, "expected": 0.1}, "expected and expected_from belong together"),
        ({"arm": "a", "above": 0, "expected_from": "x"}, "belong together"),
        ({"arm": "a", "above": 0, "expected": 1, "expected_from": 3}, "expected_from must be text"),
        ({"arm": "a", "above": 0, "pilot_sd": -1}, "pilot_sd is a standard deviation"),
        ({"arm": "a", "above": float("nan")}, "above must be finite, got nan"),
        ({"arm": "a", "above": 10**400}, "above must be finite, got 1000"),
        ({"arm": "a", "above": 0, "pilot_sd": float("inf")}, "pilot_sd must be finite, got inf"),
        ({"arm": "a", "above": 0, "at": "gradients 1e400"}, "at must be one of"),
        ({"arm": "a", "above": 0, "metric": "pair/barier"}, "did you mean 'pair/barrier'"),
        (
            {"arm": "a", "above": 0, "metric": "pair/barrier / val/loss", "at": "last"},
            'at is "selected"',
        ),
        (
            {"arm": "a", "above": 1, "scale": "ratio", "expected": 0, "expected_from": "x"},
            "expected is a factor or spread above 0",
        ),
    ],
)
def test_what_is_wrong_is_told(table: dict[str, Any], message: str) -> None:
    problems: list[str] = []
    assert parse_comparisons([{"metric": "val/loss", **table}], ARMS, problems) == ()
    assert message in "\n".join(problems)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"correlate": ["x"]}, "correlate must name two metrics"),
        ({"correlate": ["x", 3]}, "correlate must name two metrics"),
        (
            {"metric": "val/loss"},
            "needs arm, whose trials vary, and above or below, without metric",
        ),
        ({"scale": "ratio"}, "a rank correlation is a number from -1 to 1"),
        ({"above": 2}, "the bounds of a rank correlation are from -1 to 1"),
        ({"above": None}, "give a bound"),
        ({"arm": ["a", "b", "c"]}, "two arms are compared"),
        ({"expected": 1.5, "expected_from": "x"}, "expected is a rank correlation from -1 to 1"),
    ],
)
def test_errors_of_a_rank_correlation(table: dict[str, Any], message: str) -> None:
    problems: list[str] = []
    valid = {"correlate": ["probe/sharpness", "val/loss"], "arm": "a", "above": 0.3}
    merged = {key: value for key, value in {**valid, **table}.items() if value is not None}
    assert parse_comparisons([merged], ARMS, problems) == ()
    assert message in "\n".join(problems)


def test_a_rank_correlation_has_two_metrics_and_moments() -> None:
    problems: list[str] = []
    table = {"correlate": ["probe/sharpness", "val/loss"], "arm": "a", "above": 0.3}
    same, different = parse_comparisons(
        [table, {**table, "at": ["epoch 3", "epochs to 0.5"]}], ARMS, problems
    )
    assert problems == []
    assert (same.metric, same.at, same.other_metric, same.other_at, same.scale) == (
        *("probe/sharpness", "selected", "val/loss", "selected", "correlation"),
    )
    assert (different.at, different.other_at) == ("epoch 3", "epochs to 0.5")


def test_the_expectation_is_read_and_is_no_part_of_the_test() -> None:
    test = {"higher": "a", "lower": "b"}
    plain = read(**test)
    expecting = read(**test, expected=0.02, expected_from="A paper, table 9", pilot_sd=0.011)
    assert (expecting.expected, expecting.expected_from, expecting.pilot_sd) == (
        *(0.02, "A paper, table 9", 0.011),
    )
    assert expecting != plain
    assert expecting.without_expectation == plain


def test_a_subclaim_does_not_decide() -> None:
    problems: list[str] = []
    table = {"metric": "val/loss", "arm": "a", "above": 0}
    (comparison,) = parse_comparisons([table], ARMS, problems, decides=False)
    assert not comparison.decides
    parse_comparisons([{**table, "arm": "e"}], ARMS, problems, decides=False)
    assert problems[0].startswith("subclaim 1: unknown arm")


def test_all_problems_are_told_at_once() -> None:
    problems: list[str] = []
    parse_comparisons([{"metric": "x", "arm": "e", "at": "noon"}, {}], ARMS, problems)
    assert len(problems) > 3
    assert {line.split(":")[0] for line in problems} == {"decide 1", "decide 2"}
