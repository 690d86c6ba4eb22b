"""What `define` says about metrics: the metric on their x axis, and whether lower is better."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from nnlab.errors import UsageError
from nnlab.objective import Direction, direction_of
from nnlab.store import UserDirection

_GOALS: Mapping[str, UserDirection] = {
    "min": "min", "minimize": "min", "max": "max", "maximize": "max", "none": "none",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """A definition of the metrics that match a pattern such as `val/*`."""

    pattern: str
    x: str | None
    goal: UserDirection | None
    summary: Direction | None


def parse_definition(
    pattern: str, x: str | None, goal: str | None, summary: str | None
) -> MetricDefinition:
    """The definition of arguments of `define`.

    Raises:
        UsageError: the goal is none of min, max, none, minimize and maximize.
    """
    if goal is not None and goal not in _GOALS:
        raise UsageError(f"goal is min, max or none, not {goal!r}")
    kinds = (summary or "").split(",")
    extreme = next((kind for kind in kinds if kind in ("min", "max")), None)
    if extreme is None and "best" in kinds and goal is not None:
        extreme = "max" if _GOALS[goal] == "max" else "min"
    kept: Direction | None = "min" if extreme == "min" else "max" if extreme == "max" else None
    return MetricDefinition(pattern, x, None if goal is None else _GOALS[goal], kept)


class MetricDefinitions:
    """The definitions of a run; the newest that matches a metric is the one that counts."""

    def __init__(self) -> None:
        self._definitions: list[MetricDefinition] = []
        self._by_metric: dict[str, MetricDefinition | None] = {}
        self._last_x: dict[str, float] = {}
        self.extremes: dict[str, float] = {}

    def add(self, definition: MetricDefinition) -> None:
        """Adds a definition."""
        self._definitions.append(definition)
        self._by_metric.clear()

    def of(self, metric: str) -> MetricDefinition | None:
        """The definition of a metric; None if no pattern matches."""
        if metric not in self._by_metric:
            matches = (d for d in reversed(self._definitions) if fnmatchcase(metric, d.pattern))
            self._by_metric[metric] = next(matches, None)
        return self._by_metric[metric]

    def new_direction(self, metric: str) -> UserDirection | None:
        """The direction to store for a metric that is logged for the first time.

        `summary="max"` states a direction only if the metric's name has none.
        """
        definition = self.of(metric)
        if definition is None:
            return None
        if definition.goal is not None:
            return definition.goal
        return definition.summary if direction_of(metric) is None else None

    def position(
        self, metric: str, values: Mapping[str, float], step: int | None, epoch: float | None
    ) -> tuple[int | None, float | None]:
        """The step and the epoch of a metric in a call with these values."""
        definition = self.of(metric)
        if definition is None or definition.x is None:
            return step, epoch
        x = values.get(definition.x, self._last_x.get(definition.x))
        if x is None or not math.isfinite(x):
            return step, epoch
        if definition.x.rpartition("/")[2] in ("epoch", "epochs"):
            return step, x
        return (int(x), epoch) if x == int(x) else (step, epoch)

    def note_values(self, values: Mapping[str, float]) -> None:
        """Remembers the values of a call that later calls refer to."""
        if not self._definitions:
            return
        x_metrics = {definition.x for definition in self._definitions if definition.x}
        for metric, value in values.items():
            if metric in x_metrics:
                self._last_x[metric] = value
                continue
            definition = self.of(metric)
            if definition is not None and definition.summary is not None and value == value:
                best = min if definition.summary == "min" else max
                key = f"{metric}.{definition.summary}"
                self.extremes[key] = best(value, self.extremes.get(key, value))
