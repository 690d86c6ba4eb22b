"""Steps of trackers whose calls may name no step."""

from typing import Any


class StepCounter:
    """Gives a value without a step the one after the last step of its metric.

    The trackers themselves store such values at step 0, all of them, so that no curve is left.
    """

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def step(self, metric: str, step: Any) -> int:
        """The step of a value: the given one, or else the next one of the metric.

        Args:
            metric: the name of the metric.
            step: a number, a tensor with one element, or None.

        >>> counter = StepCounter()
        >>> counter.step("loss", None), counter.step("loss", None), counter.step("loss", 9)
        (0, 1, 9)
        >>> counter.step("loss", None), counter.last
        (10, 10)
        """
        number = self._next.get(metric, 0) if step is None else int(step)
        self._next[metric] = number + 1
        return number

    @property
    def last(self) -> int:
        """The largest step of all metrics; 0 if there is none."""
        return max(self._next.values(), default=1) - 1
