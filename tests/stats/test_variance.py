"""Shares of variance, against designs whose decomposition is known."""

import itertools

import numpy as np
import pytest

from nnlab.stats.variance import Value, shares_of

Trial = dict[str, Value]


def grid(**values: list[Value]) -> list[Trial]:
    return [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]


def found(trials: list[Trial], outcomes: list[float]) -> dict[tuple[str, ...], float]:
    return {one.fields: one.share for one in shares_of(trials, outcomes)}


def test_main_effects_have_the_shares_of_their_variances() -> None:
    """3a + b over signs: variances 9 and 1."""
    trials = grid(a=[-1, 1], b=[-1, 1], seed=[1, 2, 3, 4, 5, 6])
    shares = found(trials, [3.0 * float(str(t["a"])) + float(str(t["b"])) for t in trials])
    assert shares[("a",)] == pytest.approx(0.9, abs=0.02)
    assert shares[("b",)] == pytest.approx(0.1, abs=0.02)
    assert shares[("seed",)] < 0.01
    assert shares[("a", "b")] < 0.01


def test_an_interaction_is_the_pairs_alone() -> None:
    trials = grid(opt=["sgd", "adam"], decay=["none", "exp"], seed=list(range(8)))
    same = [float((t["opt"] == "adam") == (t["decay"] == "exp")) for t in trials]
    shares = found(trials, same)
    assert shares[("opt", "decay")] > 0.9
    assert shares[("opt",)] < 0.05


def test_means_say_which_value_is_best_and_numbers_keep_their_order() -> None:
    trials = grid(lr=[0.001, 0.01, 0.1, 10.0], opt=["a", "b"], seed=[0, 1, 2])
    first = next(
        one
        for one in shares_of(trials, [abs(np.log10(t["lr"]) + 2) for t in trials])  # type: ignore[arg-type]
        if one.fields == ("lr",)
    )
    assert list(first.means) == ["0.001", "0.01", "0.1", "10"]
    assert min(first.means, key=first.means.__getitem__) == "0.01"
    assert first.low <= first.share <= first.high + 0.05


def test_noise_alone_has_wide_intervals() -> None:
    draw = np.random.default_rng(0)
    trials = grid(a=[1, 2, 3], b=["x", "y", "z"])
    shares = shares_of(trials, draw.normal(size=9).tolist())
    assert max(one.high - one.low for one in shares) > 0.3


@pytest.mark.parametrize(
    ("trials", "outcomes"),
    [
        ([], []),
        (grid(a=[1, 2, 3]), [1.0, 2.0, 3.0]),
        ([{"a": 1}] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]),
        (grid(a=[1, 2, 3, 4]), [1.0] * 4),
        (grid(a=[1, 2, 3, 4]), [1.0, 2.0, 3.0, float("nan")]),
    ],
)
def test_too_little_to_tell_is_an_error(trials: list[Trial], outcomes: list[float]) -> None:
    with pytest.raises(ValueError, match=r"least|alike"):
        shares_of(trials, outcomes)
