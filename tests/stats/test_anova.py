"""Analysis of variance: a published example, least squares, and simulated coverage."""

import itertools
import math

import numpy as np
import pytest

from nnlab.stats.anova import AnovaTable, analysis_of_variance

Cells = dict[tuple[int, ...], dict[int, float]]

# Tooth length of guinea pigs by supplement (orange juice, ascorbic acid) and dose (0.5, 1, 2 mg):
# Crampton 1947, `ToothGrowth` of R, whose `summary(aov(len ~ supp * factor(dose)))` is tested here.
TOOTH_GROWTH: dict[tuple[int, ...], list[float]] = {
    (0, 0): [15.2, 21.5, 17.6, 9.7, 14.5, 10.0, 8.2, 9.4, 16.5, 9.7],
    (0, 1): [19.7, 23.3, 23.6, 26.4, 20.0, 25.2, 25.8, 21.2, 14.5, 27.3],
    (0, 2): [25.5, 26.4, 22.4, 24.5, 24.8, 30.9, 26.4, 27.3, 29.4, 23.0],
    (1, 0): [4.2, 11.5, 7.3, 5.8, 6.4, 10.0, 11.2, 11.2, 5.2, 7.0],
    (1, 1): [16.5, 16.5, 15.2, 17.3, 22.5, 17.3, 13.6, 14.5, 18.8, 15.5],
    (1, 2): [23.6, 18.5, 33.9, 25.5, 26.4, 32.5, 26.7, 21.5, 23.3, 29.5],
}


def numbered(values: dict[tuple[int, ...], list[float]], *, shared: bool) -> Cells:
    """Values by seed: the same seeds in every cell, or other ones in each."""
    start = itertools.count()
    return {
        place: dict(enumerate(of)) if shared else {next(start): value for value in of}
        for place, of in values.items()
    }


def by_factors(table: AnovaTable) -> dict[tuple[int, ...], float]:
    return {effect.factors: effect.share for effect in table.effects}


def test_sums_of_squares_are_those_of_a_published_example() -> None:
    table = analysis_of_variance(numbered(TOOTH_GROWTH, shared=False), (2, 3))
    squares = {effect.factors: effect.sum_of_squares for effect in table.effects}
    assert squares == pytest.approx({(0,): 205.35, (1,): 2426.43, (0, 1): 108.32}, abs=0.005)
    assert [effect.df for effect in table.effects] == [1, 2, 2]
    assert table.residual_df == 54
    assert table.residual * 54 == pytest.approx(712.1, abs=0.05)
    (supplement,) = (effect for effect in table.effects if effect.factors == (0,))
    assert supplement.sum_of_squares / table.residual == pytest.approx(15.572, abs=0.001)  # R's F
    assert supplement.share == pytest.approx(205.35 / (205.35 + 2426.434 + 108.319), abs=1e-4)
    assert table.means[1] == pytest.approx((10.605, 19.735, 26.1))


def test_seeds_that_all_cells_share_are_blocks() -> None:
    """R: `aov(len ~ supp * factor(dose) + factor(seed))`, its residual here by numpy."""
    cells = numbered(TOOTH_GROWTH, shared=True)
    table = analysis_of_variance(cells, (2, 3))
    rows = [(place, seed) for place in cells for seed in cells[place]]
    design = np.array(
        [
            [float(place == other) for other in cells]
            + [float(seed == other) for other in range(1, 10)]
            for place, seed in rows
        ]
    )
    y = np.array([cells[place][seed] for place, seed in rows])
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert table.residual_df == 45
    assert table.residual == pytest.approx(float(((y - fitted) ** 2).sum()) / 45)


def test_three_factors_split_as_nested_least_squares_does() -> None:
    draw = np.random.default_rng(0)
    counts = (2, 3, 4)
    cells: Cells = {
        place: dict(enumerate(draw.normal(size=2).tolist())) for place in np.ndindex(*counts)
    }
    table = analysis_of_variance(cells, counts)
    means = np.array([sum(seeds.values()) / 2 for seeds in cells.values()])
    places = np.array(list(cells))

    def explained(*groups: tuple[int, ...]) -> float:
        columns = [np.ones(len(places))]
        for group in groups:
            keys = [tuple(place[list(group)]) for place in places]
            columns += [np.array([key == other for key in keys], float) for other in set(keys)]
        x = np.stack(columns, axis=1)
        left = means - x @ np.linalg.lstsq(x, means, rcond=None)[0]
        return float(((means - means.mean()) ** 2).sum() - (left**2).sum())

    total = float(((means - means.mean()) ** 2).sum())
    for effect in table.effects:
        alone = explained(*((factor,) for factor in effect.factors))
        squares = alone if len(effect.factors) == 1 else explained(effect.factors) - alone
        assert effect.share == pytest.approx(squares / total, abs=1e-9)


def test_unequal_numbers_of_seeds_keep_the_means_of_cells() -> None:
    cells: Cells = {(0,): {0: 1.0, 1: 3.0, 2: 2.0}, (1,): {0: 6.0}, (2,): {0: 4.0, 1: 4.0}}
    table = analysis_of_variance(cells, (3,))
    assert table.means == ((2.0, 6.0, 4.0),)
    assert by_factors(table) == {(0,): 1.0}
    assert table.residual == pytest.approx(2 / 3)
    assert table.residual_df == 3


def test_one_seed_has_shares_and_no_interval() -> None:
    table = analysis_of_variance({(i, j): {0: 3.0 * i + j} for i in (0, 1) for j in (0, 1)}, (2, 2))
    assert by_factors(table) == pytest.approx({(0,): 0.9, (1,): 0.1, (0, 1): 0.0})
    assert all(math.isnan(effect.low) and math.isnan(effect.high) for effect in table.effects)


def test_without_noise_the_interval_is_the_share() -> None:
    cells: Cells = {(i,): {0: float(i), 1: float(i)} for i in range(3)}
    (effect,) = analysis_of_variance(cells, (3,)).effects
    assert (effect.low, effect.share, effect.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("cells", [{(0,): {0: 1.0}, (1,): {}}, {(0,): {0: 1.0}}])
def test_an_empty_cell_is_an_error(cells: Cells) -> None:
    with pytest.raises(ValueError, match="not full"):
        analysis_of_variance(cells, (2,))


@pytest.mark.parametrize("size", [3.0, 1.0, 0.3])
def test_the_interval_contains_the_share_and_covers_the_true_one(size: float) -> None:
    draw = np.random.default_rng(1)
    a, b = np.linspace(-1, 1, 3)[:, None], np.linspace(-1, 1, 2)[None, :]
    means = size * (a + 0.8 * b + a * b)
    total = float(((means - means.mean()) ** 2).sum())
    truth = {(0,): 2 * float(((size * a) ** 2).sum()) / total}
    covered = 0
    for _ in range(300):
        values = means[..., None] + draw.normal(size=(3, 2, 3))
        cells = {place: dict(enumerate(values[place].tolist())) for place in np.ndindex(3, 2)}
        for effect in analysis_of_variance(cells, (3, 2)).effects:
            assert 0 <= effect.low <= effect.share <= effect.high <= 1
            if effect.factors == (0,):
                covered += effect.low <= truth[(0,)] <= effect.high
    assert covered / 300 >= 0.9 - 3 * math.sqrt(0.9 * 0.1 / 300)
