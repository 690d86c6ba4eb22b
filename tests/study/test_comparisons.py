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
    ["once probe/rise 2e-3", "once train/loss 0.2", "epochs to 12", "since best val/loss"],
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
    ],
)
def test_what_is_wrong_is_told(table: dict[str, Any], message: str) -> None:
    problems: list[str] = []
    assert parse_comparisons([{"metric": "val/loss", **table}], ARMS, problems) == ()
    assert message in "\n".join(problems)


def test_all_problems_are_told_at_once() -> None:
    problems: list[str] = []
    parse_comparisons([{"metric": "x", "arm": "e", "at": "noon"}, {}], ARMS, problems)
    assert len(problems) > 3
    assert {line.split(":")[0] for line in problems} == {"decide 1", "decide 2"}
