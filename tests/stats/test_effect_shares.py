"""The shares of the variance of full grids against the analysis of variance of statsmodels."""

import numpy as np
import pytest

from nnlab.stats.variance_shares import VarianceMethod, variance_shares

OPTIMIZERS, RATES = ("sgd", "adam"), (0.001, 0.03, 30.0)
# Means with a strong interaction: one optimizer fails at the smallest, the other at the largest lr.
MEANS = {
    ("sgd", 0.001): 0.62, ("sgd", 0.03): 0.95, ("sgd", 30.0): 0.40,
    ("adam", 0.001): 0.95, ("adam", 0.03): 1.0, ("adam", 30.0): 0.60,
}  # fmt: skip

Cells = dict[tuple[str, float], dict[int, float]]


def cells(seeds: int) -> Cells:
    draw = np.random.default_rng(seeds)
    return {
        place: {seed: mean + float(draw.normal(0, 0.05)) for seed in range(seeds)}
        for place, mean in MEANS.items()
    }


def computed(values: Cells) -> dict[tuple[str, ...], float]:
    result = variance_shares(
        [{"opt": opt, "lr": lr} for opt, lr in values], [dict(of) for of in values.values()]
    )
    assert result.method is VarianceMethod.ANOVA
    for share in result.shares:
        assert share.low <= share.share <= share.high
    return {share.fields: share.share for share in result.shares}


def by_hand(values: Cells) -> dict[tuple[str, ...], float]:
    """The sums of squares of the cell means, over their sum."""
    means = np.array(
        [[np.mean(list(values[opt, lr].values())) for lr in RATES] for opt in OPTIMIZERS]
    )
    rows = means.mean(axis=1, keepdims=True) - means.mean()
    columns = means.mean(axis=0, keepdims=True) - means.mean()
    rest = means - means.mean() - rows - columns
    squares = {
        ("opt",): 3 * float((rows**2).sum()),
        ("lr",): 2 * float((columns**2).sum()),
        ("opt", "lr"): float((rest**2).sum()),
    }
    return {fields: value / sum(squares.values()) for fields, value in squares.items()}


@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_shares_are_those_of_the_cell_means(seeds: int) -> None:
    values = cells(seeds)
    if seeds > 1:
        assert computed(values) == pytest.approx(by_hand(values))
        return
    result = variance_shares([{"opt": o, "lr": r} for o, r in values], list(values.values()))
    assert {s.fields: s.share for s in result.shares} == pytest.approx(by_hand(values))


def test_a_diverged_run_only_removes_its_own_value() -> None:
    values = cells(10)
    del values["sgd", 30.0][4]
    assert computed(values) == pytest.approx(by_hand(values))


@pytest.mark.parametrize("seeds", [3, 10])
def test_shares_are_those_of_statsmodels(seeds: int) -> None:
    formula = pytest.importorskip("statsmodels.formula.api", exc_type=ImportError)
    anova = pytest.importorskip("statsmodels.stats.anova", exc_type=ImportError)
    pandas = pytest.importorskip("pandas")
    values = cells(seeds)
    rows = [(opt, str(lr), y) for (opt, lr), of in values.items() for y in of.values()]
    data = pandas.DataFrame(rows, columns=["opt", "lr", "y"])
    table = anova.anova_lm(formula.ols("y ~ C(opt) * C(lr)", data).fit())
    squares = table["sum_sq"].drop("Residual")
    expected = dict(zip([("opt",), ("lr",), ("opt", "lr")], squares / squares.sum(), strict=True))
    assert computed(values) == pytest.approx(expected)
