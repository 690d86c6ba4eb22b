"""Objectives of studies, and the directions and limits of metrics.

This module is separate from the other records because settings and catalogues need only these
types, and must import fast.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float | bool | None
Setting = Mapping[str, Scalar]
Direction = Literal["min", "max"]

# Metrics `eval/DATA@VERSION/...` of other data than a run's own, stored by `nnlab evaluate`.
EVALUATION_PREFIX = "eval/"

_HIGHER_IS_BETTER = frozenset({"accuracy", "r2"})

# The smallest and the largest value that a metric can have.
Limits = tuple[float, float]
UNLIMITED: Limits = (-math.inf, math.inf)
# Fractions from 0 to 1, and quantities that are never negative, such as all losses of the
# catalogue. A user-defined loss with negative values is recognised by its values.
_FRACTION_METRICS = frozenset(
    {"accuracy", "error_rate", "precision", "recall", "f1", "auc", "auroc"}
    | {"top5", "top5_accuracy", "dead", "zeros", "saturated"}
)
_NONNEGATIVE_METRICS = frozenset(
    {"loss", "mse", "rmse", "mae", "perplexity", "lr", "grad_norm", "epoch", "joules"}
    | {"activation_sd", "update_ratio", "gradient_noise"}
)


def format_exact(number: float) -> str:
    """The shortest usual text of a number that parses to exactly that number.

    It is used for settings, commands and files.

    >>> format_exact(0.1), format_exact(10.0), format_exact(2 / 3), format_exact(20240101)
    ('0.1', '10', '0.6666666666666666', '20240101')
    """
    if isinstance(number, int):
        return str(number)
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def direction_of(metric: str) -> Direction:
    """The direction in which a metric improves, derived from the last part of its name.

    >>> direction_of("val/loss"), direction_of("val/accuracy")
    ('min', 'max')
    """
    quantity = metric.rsplit("/", 1)[-1].removesuffix("_exact")
    return "max" if quantity in _HIGHER_IS_BETTER else "min"


def limits_of(metric: str) -> Limits:
    """The smallest and largest value that a metric can have; infinite if there is no limit.

    An unknown metric has no limits.

    >>> limits_of("val/accuracy"), limits_of("train/loss"), limits_of("val/r2")
    ((0.0, 1.0), (0.0, inf), (-inf, 1.0))
    """
    parts = metric.split("/")
    # In `probe/dead/2` the last part is the number of a layer.
    quantity = parts[-2] if parts[-1].isdigit() and len(parts) > 1 else parts[-1]
    quantity = quantity.removesuffix("_exact")
    if quantity in _FRACTION_METRICS:
        return 0.0, 1.0
    if quantity == "r2":
        return -math.inf, 1.0
    return (0.0, math.inf) if quantity in _NONNEGATIVE_METRICS else UNLIMITED


@dataclass(frozen=True, slots=True)
class Objective:
    """The objective of a study: a metric such as `val/accuracy` and a direction.

    >>> Objective.parse("val/loss")
    Objective(metric='val/loss', direction='min')
    >>> str(Objective.parse("val/accuracy:max"))
    'val/accuracy:max'
    """

    metric: str
    direction: Direction

    @classmethod
    def parse(cls, text: str) -> "Objective":
        """The objective of a text `metric` or `metric:min|max`.

        Raises:
            ValueError: the text has another form.
        """
        metric, _, direction = text.partition(":")
        if not metric:
            raise ValueError(f"no metric in {text!r}")
        match direction:
            case "":
                return cls(metric, direction_of(metric))
            case "min":
                return cls(metric, "min")
            case "max":
                return cls(metric, "max")
            case _:
                raise ValueError(f"the direction is min or max, got {direction!r}")

    def __str__(self) -> str:
        return f"{self.metric}:{self.direction}"

    def is_better(self, candidate: float, incumbent: float) -> bool:
        """Whether `candidate` is strictly better; a number is better than NaN, NaN never is."""
        if math.isnan(candidate):
            return False
        if math.isnan(incumbent):
            return True
        return candidate < incumbent if self.direction == "min" else candidate > incumbent
