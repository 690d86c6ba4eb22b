"""A forecast of how long the training of several studies still takes."""

import time
from collections.abc import Callable, Mapping

from nnlab.stats import format_duration

# Earlier, the time of a few epochs would be extrapolated to hours.
_MIN_SECONDS = 2.0


class TrainingForecast:
    """Predicts the time left from the time that the training has taken so far.

    `weights` is how long each study takes relative to the others; `clock` returns seconds.
    """

    def __init__(
        self, weights: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._weights = dict(weights)
        self._clock = clock
        self._started_at = clock()
        self._done = 0.0

    def finish(self, study: str) -> None:
        """Counts a study as trained."""
        self._done += self._weights[study]

    def time_left(self, study: str, fraction: float = 0.0) -> str:
        """The time left when a fraction of a study is trained, as text; empty if it is unknown.

        >>> seconds = iter([0.0, 60.0])
        >>> forecast = TrainingForecast({"a": 1.0, "b": 3.0}, lambda: next(seconds))
        >>> forecast.time_left("a", 0.5)
        'about 7 min left'
        """
        done = self._done + fraction * self._weights[study]
        elapsed = self._clock() - self._started_at
        if not done or elapsed < _MIN_SECONDS:
            return ""
        left = sum(self._weights.values()) - done
        return f"about {format_duration(elapsed * left / done)} left"
