"""Power laws a + b x^-c fitted to an error or a loss over a budget, with intervals.

The logarithms of the means over seeds are fitted by least squares, so that relative errors count
equally at small and large budgets (as in Hoffmann et al. 2022, section 3.3). The limit a, which is
reached with an infinite budget, and b are not negative. The intervals are profile likelihood
intervals: they contain each value at which the best fit is not significantly worse. Their unit is
the pooled relative standard deviation over seeds, with its degrees of freedom. Unlike intervals of
the delta method they remain valid where the limit is estimated as 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.stats.paired import CONFIDENCE_LEVEL
from nnlab.stats.student_t import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# With fewer different budgets the limit cannot be estimated, and is taken as 0.
MIN_BUDGETS_FOR_LIMIT = 4
MIN_BUDGETS = 3
# The grid of exponents, and of a / b for multiples of the smallest budget, for the intervals.
_EXPONENTS, _MIN_EXPONENT, _MAX_EXPONENT = 600, 0.01, 10.0
_RATIOS, _MIN_RATIO, _MAX_RATIO = 120, 1e-5, 1e3
_CURVE_POINTS = 60

Bounds = tuple[float, float]
# A budget, the fitted value, and its bounds (NaN if unknown).
CurvePoint = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """The fit y = limit + scale * x^-exponent; bounds are 95 % intervals, None if unknown.

    An upper bound of the exponent is infinite, and a lower one 0, if no bound was found. `curve`
    holds x, y and the bounds of y, equally spaced on a logarithmic axis, and `doubled` those at
    twice the largest budget. `df` are the degrees of
    freedom of the relative standard deviation `relative_sd` over seeds. `lack_of_fit_p` tests
    whether the means deviate from the power law by more than their standard errors; None if this
    cannot be tested.
    """

    limit: float
    scale: float
    exponent: float
    limit_bounds: Bounds | None
    exponent_bounds: Bounds | None
    relative_sd: float
    df: int
    lack_of_fit_p: float | None
    curve: tuple[CurvePoint, ...]
    doubled: CurvePoint
    has_limit: bool

    def __call__(self, x: float) -> float:
        """The fitted value at a budget."""
        return self.limit + self.scale * math.exp(-self.exponent * math.log(x))


def fit_power_law(samples: Sequence[tuple[float, Sequence[float]]]) -> PowerLaw:
    """The power law through the mean values at each budget.

    Args:
        samples: budgets, positive and different, each with the positive values of its seeds.

    Raises:
        ValueError: there are fewer than three budgets, or a number is not positive.
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    if len(samples) < MIN_BUDGETS:
        raise ValueError(f"a power law needs at least {MIN_BUDGETS} different budgets")
    x = np.array([budget for budget, _ in samples], dtype=np.float64)
    means = np.array([math.fsum(values) / len(values) for _, values in samples])
    if not (np.isfinite(x).all() and np.isfinite(means).all() and min(x.min(), means.min()) > 0):
        raise ValueError("a power law needs positive budgets and positive mean values")
    weights = np.array([len(values) for _, values in samples], dtype=np.float64)
    has_limit = len(samples) >= MIN_BUDGETS_FOR_LIMIT
    smallest = float(x.min())
    problem = _Problem(np.log(x / smallest), np.log(means), weights)
    grid = problem.grid(has_limit=has_limit)
    ratio, exponent = problem.best_fit(grid, has_limit=has_limit)
    residuals = problem.residual_sum(ratio, exponent)
    scale = math.exp(problem.log_scale(ratio, exponent))
    variance, df = _relative_variance(samples)
    parameters = 3 if has_limit else 2
    lack_of_fit = _lack_of_fit_p(residuals, len(samples) - parameters, variance, df)
    if df == 0 and len(samples) > parameters:
        # One seed each: the deviations from the fit measure the noise.
        df = len(samples) - parameters
        variance = residuals / df
    region = grid.region(residuals, variance, df) if df else None
    fit = (ratio, scale, exponent)
    return PowerLaw(
        ratio * scale,
        scale * smallest**exponent,
        exponent,
        None if region is None or not has_limit else region.limit_bounds(),
        None if region is None else region.exponent_bounds(),
        math.sqrt(variance),
        df,
        lack_of_fit,
        _curve(np.geomspace(x.min(), x.max(), _CURVE_POINTS), smallest, fit, region),
        _curve(2 * x.max(keepdims=True), smallest, fit, region)[0],
        has_limit,
    )


def _relative_variance(samples: Sequence[tuple[float, Sequence[float]]]) -> tuple[float, int]:
    """The variance of relative deviations from the mean, pooled over budgets, and its df."""
    squares, df = 0.0, 0
    for _, values in samples:
        mean = math.fsum(values) / len(values)
        squares += math.fsum((value / mean - 1) ** 2 for value in values)
        df += len(values) - 1
    return (squares / df if df else math.nan), df


def _lack_of_fit_p(residuals: float, df_fit: int, variance: float, df: int) -> float | None:
    if df_fit <= 0 or df == 0 or variance == 0:
        return None
    from scipy.stats import f  # here, because importing scipy takes longer than most commands

    return float(f.sf(residuals / df_fit / variance, df_fit, df))


@dataclass(frozen=True, slots=True)
class _Problem:
    """Logarithmic means over multiples of the smallest budget, with numbers of seeds (shape [k]).

    `u` holds the logarithms of the multiples. Of them, ratio = a / b is of the same order of
    magnitude for all exponents.
    """

    u: "Floats"
    log_means: "Floats"
    weights: "Floats"

    def shape_of(self, ratio: "float | Floats", exponent: "float | Floats") -> "Floats":
        """log(ratio + x^-exponent), shape [..., k]."""
        import numpy as np  # here for the same reason

        c = np.asarray(exponent, dtype=np.float64)[..., None]
        shape: Floats = np.log(np.asarray(ratio, dtype=np.float64)[..., None] + np.exp(-c * self.u))
        return shape

    def log_scale(self, ratio: float, exponent: float) -> float:
        """The logarithm of b that fits best with the other parameters."""
        offsets = self.log_means - self.shape_of(ratio, exponent)
        return float((offsets * self.weights).sum() / self.weights.sum())

    def residual_sum(self, ratio: float, exponent: float) -> float:
        """The weighted sum of squared residuals with the best b."""
        offsets = self.log_means - self.shape_of(ratio, exponent)
        offsets = offsets - (offsets * self.weights).sum() / self.weights.sum()
        return float((offsets**2 * self.weights).sum())

    def best_fit(self, grid: "_Grid", *, has_limit: bool) -> tuple[float, float]:
        """The ratio a / b and the exponent of the best fit."""
        import numpy as np  # here for the same reason
        from scipy.optimize import least_squares

        at = int(np.argmin(grid.residuals))
        start = [float(grid.ratios[at]), float(grid.exponents[at])]
        roots = np.sqrt(self.weights)

        def residuals(parameters: "Floats") -> "Floats":
            ratio = float(parameters[0]) if has_limit else 0.0
            offsets = self.log_means - self.shape_of(ratio, float(parameters[-1]))
            centred: Floats = roots * (
                offsets - (offsets * self.weights).sum() / self.weights.sum()
            )
            return centred

        result = least_squares(
            residuals,
            start if has_limit else start[1:],
            bounds=(
                ([0.0] if has_limit else []) + [_MIN_EXPONENT],
                ([_MAX_RATIO] if has_limit else []) + [_MAX_EXPONENT],
            ),
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
        ratio = float(result.x[0]) if has_limit else 0.0
        exponent = float(result.x[-1])
        # The solver stays inside its bounds, but a limit of exactly 0 may fit as well.
        if self.residual_sum(0.0, exponent) <= self.residual_sum(ratio, exponent) + 1e-12:
            ratio = 0.0
        candidates = [(ratio, exponent), (start[0], start[1])]
        return min(candidates, key=lambda pair: self.residual_sum(*pair))

    def grid(self, *, has_limit: bool) -> "_Grid":
        """All pairs of exponents and ratios with their residual sums."""
        import numpy as np  # here for the same reason

        exponents = np.geomspace(_MIN_EXPONENT, _MAX_EXPONENT, _EXPONENTS)
        ratios = (
            np.concatenate([[0.0], np.geomspace(_MIN_RATIO, _MAX_RATIO, _RATIOS)])
            if has_limit
            else np.zeros(1)
        )
        c, rho = (part.ravel() for part in np.meshgrid(exponents, ratios))
        offsets = self.log_means - self.shape_of(rho, c)
        log_scales = (offsets * self.weights).sum(axis=1) / self.weights.sum()
        residuals = ((offsets - log_scales[:, None]) ** 2 * self.weights).sum(axis=1)
        return _Grid(c, rho, log_scales, residuals, self.weights.sum())


@dataclass(frozen=True, slots=True)
class _Grid:
    """Pairs of parameters with the best scale, and their residual sums (or what is left of them).

    In a region, `residuals` is how much the sum may still increase by a change of the scale.
    """

    exponents: "Floats"
    ratios: "Floats"
    log_scales: "Floats"
    residuals: "Floats"
    total_weight: float

    def region(self, best: float, variance: float, df: int) -> "_Grid":
        """The part of the grid in which the fit is not significantly worse than the best one."""
        import numpy as np  # here for the same reason

        allowed = t_quantile(df, (1 + CONFIDENCE_LEVEL) / 2) ** 2 * variance
        slack = allowed - (self.residuals - min(best, float(self.residuals.min())))
        inside = slack >= 0
        inside[int(np.argmin(self.residuals))] = True
        return _Grid(
            self.exponents[inside],
            self.ratios[inside],
            self.log_scales[inside],
            np.maximum(slack[inside], 0.0),
            self.total_weight,
        )

    def exponent_bounds(self) -> Bounds:
        """The smallest and the largest exponent; 0 or infinite at the end of the grid."""
        low, high = float(self.exponents.min()), float(self.exponents.max())
        is_low, is_high = low <= _MIN_EXPONENT * 1.001, high >= _MAX_EXPONENT * 0.999
        return 0.0 if is_low else low, math.inf if is_high else high

    def limit_bounds(self) -> Bounds:
        """The smallest and the largest limit."""
        import numpy as np  # here for the same reason

        reach = np.sqrt(self.residuals / self.total_weight)
        low = self.ratios * np.exp(self.log_scales - reach)
        high = self.ratios * np.exp(self.log_scales + reach)
        return float(low.min()), float(high.max())

    def value_bounds(self, u: "Floats") -> tuple["Floats", "Floats"]:
        """The smallest and the largest value at logarithmic multiples (shape [m])."""
        import numpy as np  # here for the same reason

        reach = np.sqrt(self.residuals / self.total_weight)[:, None]
        shape = np.log(self.ratios[:, None] + np.exp(-self.exponents[:, None] * u))
        centre = self.log_scales[:, None] + shape
        return np.exp((centre - reach).min(axis=0)), np.exp((centre + reach).max(axis=0))


def _curve(
    budgets: "Floats", smallest: float, fit: tuple[float, float, float], region: _Grid | None
) -> tuple[CurvePoint, ...]:
    """The fitted values at budgets; `fit` holds a / b, b and the exponent, as in `_Problem`."""
    import numpy as np  # here for the same reason

    ratio, scale, exponent = fit
    u = np.log(budgets / smallest)
    values = scale * (ratio + np.exp(-exponent * u))
    if region is None:
        low = high = np.full_like(values, np.nan)
    else:
        low, high = region.value_bounds(u)
        # The grid may miss the best fit by less than its spacing.
        low, high = np.minimum(low, values), np.maximum(high, values)
    return tuple(
        (float(x), float(y), float(bottom), float(top))
        for x, y, bottom, top in zip(budgets, values, low, high, strict=True)
    )
