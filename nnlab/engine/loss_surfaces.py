"""Losses of two weights with known minima and saddle points, for drawing the paths of optimizers.

The functions use arithmetic only, so that they accept numbers, arrays and tensors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Point = tuple[float, float]
StationaryKind = Literal["minimum", "local minimum", "saddle point"]


@dataclass(frozen=True, slots=True)
class StationaryPoint:
    """A point at which the gradient is 0."""

    at: Point
    kind: StationaryKind


@dataclass(frozen=True, slots=True)
class LossSurface:
    """A loss f(x, y), and how its paths are drawn by default.

    Attributes:
        title: its name in figures.
        formula: f as text.
        function: f of numbers, numpy arrays or tensors.
        stationary: its minima and saddle points in the drawn area; titles describe the first.
        start: where the paths begin.
        xlim: the ends of the drawn area.
        ylim: likewise.
        steps: the number of steps.
        gradient_lr: the learning rate of optimizers whose step is proportional to the gradient.
        step_lr: the learning rate of optimizers whose step has about the length of the rate.
        shows: what it shows, in one sentence.
    """

    title: str
    formula: str
    function: Callable[[Any, Any], Any]
    stationary: tuple[StationaryPoint, ...]
    start: Point
    xlim: Point
    ylim: Point
    steps: int
    gradient_lr: float
    step_lr: float
    shows: str

    @property
    def lowest(self) -> float:
        """The loss at the global minimum."""
        return min(float(self.function(*point.at)) for point in self.stationary)


def _minimum(x: float, y: float) -> StationaryPoint:
    return StationaryPoint((x, y), "minimum")


def _local_minimum(x: float, y: float) -> StationaryPoint:
    return StationaryPoint((x, y), "local minimum")


def _saddle(x: float, y: float) -> StationaryPoint:
    return StationaryPoint((x, y), "saddle point")


SURFACES: Final[Mapping[str, LossSurface]] = {
    "rosenbrock": LossSurface(
        "Rosenbrock",
        "(1 - x)² + 100 (y - x²)²",  # Rosenbrock 1960
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        (_minimum(1.0, 1.0),),
        start=(-1.2, 1.0),
        xlim=(-1.7, 1.5),
        ylim=(-0.8, 1.9),
        steps=1000,
        gradient_lr=0.001,
        step_lr=0.05,
        shows="a curved valley: the way down is short, the way along its ground long",
    ),
    "saddle": LossSurface(
        "Saddle",
        "x²/2 - y²/2 + y⁴/4",
        lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
        (_saddle(0.0, 0.0), _minimum(0.0, 1.0), _minimum(0.0, -1.0)),
        start=(-1.6, 0.001),
        xlim=(-1.8, 1.1),
        ylim=(-1.45, 1.45),
        steps=120,
        gradient_lr=0.1,
        step_lr=0.05,
        shows="a saddle point: the gradient is almost 0, and the loss stays on a plateau",
    ),
    "ravine": LossSurface(
        "Ravine",
        "(x²/10 + 10 y²)/2",
        lambda x, y: (x**2 / 10 + 10 * y**2) / 2,
        (_minimum(0.0, 0.0),),
        start=(-9.0, 1.2),
        xlim=(-10.5, 4.0),
        ylim=(-1.7, 1.7),
        steps=200,
        gradient_lr=0.18,
        step_lr=0.3,
        shows="ill conditioning: a rate that is stable across the ravine is slow along it",
    ),
    "quadratic": LossSurface(
        "Quadratic",
        "(x² + 4 y²)/2",
        lambda x, y: (x**2 + 4 * y**2) / 2,
        (_minimum(0.0, 0.0),),
        start=(-1.8, 0.9),
        xlim=(-2.1, 1.1),
        ylim=(-1.2, 1.2),
        steps=80,
        gradient_lr=0.1,
        step_lr=0.1,
        shows="a well conditioned minimum, which all optimizers reach",
    ),
    "minima": LossSurface(
        "Two minima",
        "(x² - 1)² + 0.3 x + 2 y²",
        lambda x, y: (x**2 - 1) ** 2 + 0.3 * x + 2 * y**2,
        (
            _minimum(-1.0355787140888537, 0.0),
            _local_minimum(0.9601495555191055, 0.0),
            _saddle(0.07542915856974822, 0.0),
        ),
        start=(1.7, 0.8),
        xlim=(-1.8, 2.0),
        ylim=(-1.1, 1.2),
        steps=120,
        gradient_lr=0.03,
        step_lr=0.05,
        shows="a local minimum: momentum may carry an optimizer across the barrier",
    ),
    "himmelblau": LossSurface(
        "Himmelblau",
        "(x² + y - 11)² + (x + y² - 7)²",  # Himmelblau 1972
        lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        (
            _minimum(3.0, 2.0),
            _minimum(-2.805118086952745, 3.131312518250573),
            _minimum(-3.779310253377747, -3.2831859912861696),
            _minimum(3.5844283403304917, -1.8481265269644036),
            _saddle(-3.0730257507643897, -0.08135304428796751),
            _saddle(3.385154183607021, 0.07385187983774928),
            _saddle(-0.12796134673068005, -1.9537149802445766),
            _saddle(0.08667750455539634, 2.884254701174776),
        ),
        start=(0.5, -0.6),
        xlim=(-5.2, 5.2),
        ylim=(-5.0, 5.0),
        steps=120,
        gradient_lr=0.008,
        step_lr=0.15,
        shows="four equally good minima: the optimizer decides which one is found",
    ),
}
