"""The epoch and the step that a line of a script's output names, and the rest of the line."""

import re
from dataclasses import dataclass

_NOT_A_PART = r"(?<![\w./@-])"
_FRACTION = r"(?:\s*/\s*(?P<{}>\d+)|\s+of\s+\d+)?"
# Epoch 3/10, Epoch [3/10], epoch=3, Epoch: [3][ 10/5005], Epoch(train) [3][10/500], epoch 003
_EPOCH = re.compile(
    _NOT_A_PART
    + r"epoch(?:\((?:train|val|test)\))?\s*[:=#]?\s*[\[(]?\s*(?P<epoch>\d+(?:\.\d+)?)"
    + _FRACTION.format("epochs")
    + r"\s*[\])]?(?![\w.])",
    re.IGNORECASE,
)
_STEP = re.compile(
    _NOT_A_PART
    + r"(?:global[_ ]?step|train[_ ]?step|step|iter(?:ation)?|it|batch|update)\s*[:=#]?\s*[\[(]?\s*"
    + r"(?P<step>\d+)"
    + _FRACTION.format("steps")
    + r"\s*[\])]?(?![\w.])",
    re.IGNORECASE,
)
# [10/5005], [ 6400/60000 (11%)] after an epoch
_OF_EPOCH = re.compile(r"[\[(]\s*(?P<step>\d+)\s*/\s*(?P<steps>\d+)\s*(?:\(\s*\d+%\s*\))?\s*[\])]")
# [1, 2000] loss: 2.1
_PAIR = re.compile(r"^\s*\[\s*(?P<epoch>\d+)\s*,\s*(?P<step>\d+)\s*\]")
# [10] train-logloss:0.5
_ROUND = re.compile(r"^\s*\[(?P<step>\d+)\]\s")
_GAP = " | "


@dataclass(frozen=True, slots=True)
class LinePosition:
    """What a line says about its position; `rest` is the line without it.

    `epoch` has no decimals in the text if `is_count`: it counts from 0 or 1. `steps` is the number
    of steps of an epoch.
    """

    rest: str
    epoch: float | None = None
    is_count: bool = False
    step: int | None = None
    steps: int | None = None


def find_position(line: str) -> LinePosition:
    """The epoch and the step in a line."""
    if match := _PAIR.search(line):
        rest = _without(line, match)
        return LinePosition(rest, float(match["epoch"]), True, int(match["step"]))
    epoch: float | None = None
    is_count = False
    if match := _EPOCH.search(line):
        epoch, is_count = float(match["epoch"]), "." not in match["epoch"]
        line = _without(line, match)
    match = _STEP.search(line) or (_OF_EPOCH.search(line) if epoch is not None else None)
    match = match or _ROUND.search(line)
    if match is None:
        return LinePosition(line, epoch, is_count)
    steps = match.groupdict().get("steps")
    return LinePosition(
        _without(line, match),
        epoch,
        is_count,
        _bounded(match["step"]),
        None if steps is None else _bounded(steps),
    )


def _without(line: str, match: "re.Match[str]") -> str:
    return line[: match.start()] + _GAP + line[match.end() :]


def _bounded(digits: str) -> int | None:
    return int(digits) if len(digits) <= 15 else None


class PositionCounter:
    """Counts epochs from 1 and steps from the start of the run, whatever a script prints."""

    def __init__(self) -> None:
        self.epoch: float | None = None
        self._offset: int | None = None
        self._base = 0
        self._last_step = 0
        self._epoch_of_step: float | None = None

    def advance(self, position: LinePosition) -> tuple[int | None, float | None]:
        """The step and the epoch of a line, which follows the earlier lines."""
        if position.epoch is not None:
            self._set_epoch(position.epoch, is_count=position.is_count)
        if position.step is None:
            return None, self.epoch
        return self._total_step(position.step, position.steps), self.epoch

    def _set_epoch(self, epoch: float, *, is_count: bool) -> None:
        if is_count and self._offset is None:
            self._offset = 1 if epoch == 0 else 0
        self.epoch = epoch + (self._offset or 0) if is_count else epoch

    def _total_step(self, step: int, steps: int | None) -> int:
        is_new_epoch = self._epoch_of_step is not None and self.epoch != self._epoch_of_step
        if is_new_epoch and step <= self._last_step:
            # The steps are counted in each epoch.
            self._base += steps if steps is not None else self._last_step
        self._last_step, self._epoch_of_step = step, self.epoch
        return self._base + step
