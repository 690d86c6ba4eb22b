"""Shares of variance, against designs whose decomposition is known."""

import itertools

import numpy as np
import pytest

from nnlab.stats.variance_shares import FieldValue, VarianceMethod, variance_shares

Trial = dict[str, FieldValue]


def grid(**values: list[FieldValue]) -> list[Trial]:
    return [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]


def of_one_seed(outcomes: list[float]) -> list[dict[int, float]]:
    return [{0: outcome} for outcome in outcomes]


def shares_by_factors(trials: list[Trial], outcomes: list[float]) -> dict[tuple[str, ...], float]:
    return {
        share.fields: share.share for share in variance_shares(trials, of_one_seed(outcomes)).shares
    }


def sampled(count: int, seed: int) -> list[Trial]:
    """Random combinations of two choices: no full grid."""
    draw = np.random.default_rng(seed)
    return [
        {"a": int(draw.integers(4)), "b": f"word {draw.integers(4)}", "c": float(draw.random())}
        for _ in range(count)
    ]


def test_main_effects_have_the_shares_of_their_variances() -> None:
    """3a + b over signs: variances 9 and 1."""
    trials = grid(a=[-1, 1], b=[-1, 1], seed=[1, 2, 3, 4, 5, 6])
    shares = shares_by_factors(
        trials, [3.0 * float(str(t["a"])) + float(str(t["b"])) for t in trials]
    )
    assert shares[("a",)] == pytest.approx(0.9, abs=0.02)
    assert shares[("b",)] == pytest.approx(0.1, abs=0.02)
    assert shares[("seed",)] < 0.01
    assert shares[("a", "b")] < 0.01


def test_an_interaction_is_the_pairs_alone() -> None:
    trials = grid(opt=["sgd", "adam"], decay=["none", "exp"], seed=list(range(8)))
    same = [float((t["opt"] == "adam") == (t["decay"] == "exp")) for t in trials]
    shares = shares_by_factors(trials, same)
    assert shares[("opt", "decay")] > 0.9
    assert shares[("opt",)] < 0.05


def test_means_say_which_value_is_best_and_numbers_keep_their_order() -> None:
    trials = grid(lr=[0.001, 0.01, 0.1, 10.0], opt=["a", "b"], seed=[0, 1, 2])
    outcomes = [abs(np.log10(t["lr"]) + 2) for t in trials]  # type: ignore[arg-type]
    shares = variance_shares(trials, of_one_seed(outcomes)).shares
    first = next(share for share in shares if share.fields == ("lr",))
    assert list(first.means) == ["0.001", "0.01", "0.1", "10"]
    assert min(first.means, key=first.means.__getitem__) == "0.01"


def test_a_full_grid_with_seeds_is_an_analysis_of_variance() -> None:
    """The shares are those of the cell means, whatever the forest would have learned of them."""
    draw = np.random.default_rng(3)
    trials = grid(lr=[0.001, 0.01, 0.1], opt=["sgd", "adam"])
    means = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 2.0]])
    seeds = [means.flat[i] + 0.05 * draw.normal(size=10) for i in range(6)]
    result = variance_shares(trials, [dict(enumerate(values.tolist())) for values in seeds])
    assert result.method is VarianceMethod.ANOVA
    cells = np.array([values.mean() for values in seeds]).reshape(3, 2)
    total = ((cells - cells.mean()) ** 2).sum()
    lr = 2 * ((cells.mean(axis=1) - cells.mean()) ** 2).sum() / total
    opt = 3 * ((cells.mean(axis=0) - cells.mean()) ** 2).sum() / total
    by_fields = {share.fields: share for share in result.shares}
    assert by_fields["lr",].share == pytest.approx(lr)
    assert by_fields["opt",].share == pytest.approx(opt)
    assert by_fields["lr", "opt"].share == pytest.approx(1 - lr - opt)
    assert all(0 <= s.low < s.share < s.high <= 1 for s in result.shares)


def test_a_share_of_a_sampled_design_lies_inside_its_interval() -> None:
    for seed in range(3):
        trials = sampled(12, seed)
        outcomes = [float(str(t["a"])) + 0.3 * float(str(t["c"])) for t in trials]
        result = variance_shares(trials, of_one_seed(outcomes))
        assert result.method is VarianceMethod.FOREST
        assert all(0 <= s.low <= s.share <= s.high <= 1 for s in result.shares)


def test_noise_alone_has_wide_intervals() -> None:
    draw = np.random.default_rng(0)
    shares = variance_shares(sampled(9, 5), of_one_seed(draw.normal(size=9).tolist())).shares
    assert max(share.high - share.low for share in shares) > 0.3


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
    with pytest.raises(ValueError, match=r"at least|equal"):
        variance_shares(trials, of_one_seed(outcomes))
