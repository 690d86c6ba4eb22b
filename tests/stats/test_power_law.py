"""Power laws: known parameters, scipy's curve_fit, and the coverage of the intervals."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from nnlab.stats.power_law import PowerLaw, fit_power_law

BUDGETS = np.array([50.0, 100.0, 200.0, 400.0, 800.0])
Samples = list[tuple[float, list[float]]]


def samples(
    rng: np.random.Generator, seeds: int, limit: float, *, noise: float = 0.1, exponent: float = 0.7
) -> Samples:
    means = limit + 5 * BUDGETS**-exponent
    values = means[:, None] * (1 + noise * rng.standard_normal((len(BUDGETS), seeds)))
    return list(zip(BUDGETS.tolist(), values.tolist(), strict=True))


def by_scipy(data: Samples) -> NDArray[np.float64]:
    def model(x: NDArray[np.float64], a: float, b: float, c: float) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.log(a + b * x**-c)
        return result

    means = np.log([np.mean(values) for _, values in data])
    sigma = [1 / math.sqrt(len(values)) for _, values in data]
    bounds = ([0.0, 0.0, 0.0], [1.0, 1e4, 10.0])
    tolerances = {"xtol": 1e-13, "ftol": 1e-13, "gtol": 1e-13}
    start = (0.01, 5.0, 0.7)
    x = np.array([budget for budget, _ in data])
    return np.asarray(curve_fit(model, x, means, start, sigma, bounds=bounds, **tolerances)[0])


def test_exact_data_give_their_parameters() -> None:
    fit = fit_power_law([(x, [0.02 + 5 * x**-0.7] * 2) for x in BUDGETS.tolist()])
    assert fit.limit == pytest.approx(0.02, rel=1e-4)
    assert fit.scale == pytest.approx(5.0, rel=1e-4)
    assert fit.exponent == pytest.approx(0.7, rel=1e-4)
    assert fit(400.0) == pytest.approx(0.02 + 5 * 400**-0.7, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_fit_is_that_of_scipy(seed: int) -> None:
    data = samples(np.random.default_rng(seed), 5, 0.03)
    # Different numbers of seeds are different weights.
    data[0] = (data[0][0], data[0][1][:2])
    fit = fit_power_law(data)
    assert (fit.limit, fit.scale, fit.exponent) == pytest.approx(tuple(by_scipy(data)), rel=1e-3)


def test_a_limit_is_not_negative() -> None:
    """The points bend downwards, which a negative limit would describe."""
    fit = fit_power_law([(x, [5 * x**-0.7 - 0.01] * 2) for x in BUDGETS.tolist()])
    assert fit.limit == 0.0
    assert fit.limit_bounds is not None
    assert fit.limit_bounds[0] == 0.0


def test_the_curve_has_the_fit_within_its_bounds() -> None:
    fit = fit_power_law(samples(np.random.default_rng(1), 5, 0.02))
    for x, y, low, high in (*fit.curve, fit.doubled):
        assert y == pytest.approx(fit(x), rel=1e-9)
        assert 0 < low <= y <= high
    assert fit.curve[0][0] == pytest.approx(50)
    assert fit.curve[-1][0] == pytest.approx(800)
    assert fit.doubled[0] == pytest.approx(1600)


@pytest.mark.parametrize(
    ("limit", "exponent", "seeds"), [(0.02, 0.7, 5), (0.0, 0.7, 5), (0.0, 0.4, 3)]
)
def test_intervals_cover_the_exponent_and_the_curve(
    limit: float, exponent: float, seeds: int
) -> None:
    rng = np.random.default_rng(0)
    fits = [fit_power_law(samples(rng, seeds, limit, exponent=exponent)) for _ in range(80)]

    def covers(fit: PowerLaw) -> bool:
        low, high = fit.exponent_bounds or (math.nan, math.nan)
        return low <= exponent <= high

    # 76 are expected; fewer than 70 have a probability below 0.4 %.
    assert sum(map(covers, fits)) >= 70
    last = limit + 5 * 800**-exponent
    assert sum(fit.curve[-1][2] <= last <= fit.curve[-1][3] for fit in fits) >= 70


def test_the_test_of_fit_holds_its_level_and_finds_another_shape() -> None:
    rng = np.random.default_rng(0)
    p = [fit_power_law(samples(rng, 5, 0.02)).lack_of_fit_p or 0.0 for _ in range(60)]
    assert sum(value < 0.05 for value in p) <= 8
    waves = [(x, [v * (1 + 0.5 * (-1) ** i) for v in values])
             for i, (x, values) in enumerate(samples(rng, 5, 0.02))]  # fmt: skip
    assert (fit_power_law(waves).lack_of_fit_p or 1.0) < 1e-3


def test_three_budgets_are_fitted_without_a_limit() -> None:
    fit = fit_power_law(samples(np.random.default_rng(0), 4, 0.0)[:3])
    assert not fit.has_limit
    assert (fit.limit, fit.limit_bounds) == (0.0, None)
    assert fit.exponent_bounds is not None


def test_one_seed_has_intervals_from_the_residuals() -> None:
    fit = fit_power_law(samples(np.random.default_rng(0), 1, 0.02))
    assert fit.df == 2
    assert fit.exponent_bounds is not None
    assert fit.lack_of_fit_p is None
    exact = fit_power_law([*samples(np.random.default_rng(0), 1, 0.0)[:2], (200.0, [0.2])])
    assert exact.df == 1


def test_equal_means_determine_no_exponent() -> None:
    fit = fit_power_law([(x, [0.45, 0.5, 0.55]) for x in BUDGETS.tolist()])
    assert fit.exponent_bounds == (0.0, math.inf)
    assert fit(800.0) == pytest.approx(0.5, rel=1e-2)


@pytest.mark.parametrize(
    "data",
    [
        [(1.0, [0.5]), (2.0, [0.4])],
        [(1.0, [0.5]), (2.0, [0.4]), (3.0, [0.0])],
        [(0.0, [0.5]), (2.0, [0.4]), (3.0, [0.3])],
    ],
)
def test_too_few_or_zero_numbers_are_refused(data: Samples) -> None:
    with pytest.raises(ValueError, match="power law"):
        fit_power_law(data)
