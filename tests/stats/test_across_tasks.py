"""Methods across tasks: hand-computed values, and coverage of the intervals."""

import numpy as np
import pytest
from scipy import stats

from nnlab.stats.across_tasks import compare_methods, iqm

A = {"x": [0.9, 0.8, 1.0], "y": [10.0, 9.0, 8.0]}
B = {"x": [0.5, 0.6, 0.7], "y": [1.0, 2.0, 9.0], "only b": [1.0]}


def test_scores_are_scaled_task_by_task_and_the_best_comes_first() -> None:
    first, second = compare_methods({"b": B, "a": A}, higher=True)
    assert (first.name, second.name) == ("a", "b")
    assert (first.tasks, first.runs) == (2, 6)
    scores = [0.8, 0.6, 1.0, 1.0, 8 / 9, 7 / 9]
    assert first.iqm == pytest.approx(stats.trim_mean(scores, 0.25))
    assert first.low < first.iqm < first.high
    assert first.improvement_probability is None
    # On x all nine pairs, on y seven of nine and one tie.
    assert second.improvement_probability == pytest.approx((1 + 7.5 / 9) / 2)


def test_lower_is_better_turns_all_round() -> None:
    a, b = ({task: [-v for v in values] for task, values in of.items()} for of in (A, B))
    turned = {"a": a, "b": b}
    assert compare_methods(turned, higher=False) == compare_methods({"a": A, "b": B}, higher=True)


def test_a_profile_falls_from_one() -> None:
    first, _ = compare_methods({"a": A, "b": B}, higher=True)
    assert first.profile[0] == 1.0
    assert list(first.profile) == sorted(first.profile, reverse=True)


def test_a_run_without_a_value_is_as_bad_as_the_worst() -> None:
    lost = {"x": [0.9, float("nan"), 1.0], "y": [10.0, 9.0, 8.0]}
    (first, _) = compare_methods({"a": lost, "b": B}, higher=True)
    assert first.runs == 6
    assert first.profile[1] == pytest.approx(5 / 6)


def test_the_middle_half() -> None:
    assert iqm([-1000.0, 1.0, 2.0, 1000.0]) == 1.5


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="two methods"):
        compare_methods({"a": A}, higher=True)
    with pytest.raises(ValueError, match="no task"):
        compare_methods({"a": A, "b": {"z": [1.0]}}, higher=True)


def test_intervals_of_the_probability_cover_a_half_for_equal_methods() -> None:
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(40):
        methods = {
            name: {task: draw.normal(size=10).tolist() for task in "xyz"} for name in ("a", "b")
        }
        _, second = compare_methods(methods, higher=True)
        # The first was chosen as the better of two equals: only its lower bound can be wrong.
        covered += (
            second.improvement_probability_low is not None
            and second.improvement_probability_low <= 0.5
        )
    assert covered >= 34
