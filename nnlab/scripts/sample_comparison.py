"""Compares what executions of a script have logged: the first values that differ, and resumes."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nnlab.records import Sample

# The samples of a run in the order in which they were logged, with the number of their log call.
LoggedSamples = Sequence[tuple[int, Sample]]
# What identifies a value: its metric, its step and epoch, and how often that was logged before.
_Key = tuple[str, int | None, float | None, int]

# Words in names of quantities that depend on the machine and are never repeated exactly.
_MACHINE_WORDS = frozenset(
    (
        "time", "seconds", "sec", "secs", "ms", "duration", "elapsed", "runtime", "eta", "wall",
        "throughput", "speed", "fps", "timestamp", "gpu", "cpu", "memory", "mem", "power", "system",
        "energy", "cost", "flops", "latency",
    )
)  # fmt: skip
_WORDS = re.compile(r"[/_.\-\s]+")


@dataclass(frozen=True, slots=True)
class SampleDifference:
    """A value that differs: None where it was not logged. `step` and `epoch` as logged."""

    metric: str
    step: int | None
    epoch: float | None
    first: float | None
    second: float | None

    @property
    def position(self) -> str:
        """Where it was logged, in words."""
        if self.step is not None:
            return f"at step {self.step:,}"
        return "" if self.epoch is None else f"in epoch {self.epoch:g}"

    @property
    def relative(self) -> float | None:
        """The relative difference; None if one value is missing or not finite."""
        if self.first is None or self.second is None:
            return None
        difference = relative_difference(self.first, self.second)
        return difference if math.isfinite(difference) else None


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """How many log calls and values were compared, and the first value that differs."""

    calls: int
    values: int
    difference: SampleDifference | None
    largest: float


@dataclass(frozen=True, slots=True)
class Resume:
    """A point at which a run was resumed.

    Attributes:
        step: the first step after it; None if it logged none.
        last_step: the last step before it.
        repeated: the number of values that were logged both before and after it.
        difference: the first of them that differs; `first` is the value before.
    """

    step: int | None
    last_step: int | None
    repeated: int
    difference: SampleDifference | None

    @property
    def joins(self) -> bool | None:
        """Whether the curves join; None if no value was repeated."""
        return None if self.repeated == 0 else self.difference is None


def is_reproducible(metric: str) -> bool:
    """Whether a metric does not measure the machine.

    >>> is_reproducible("train/loss"), is_reproducible("train_samples_per_second")
    (True, False)
    """
    words = set(_WORDS.split(metric.lower()))
    return not (words & _MACHINE_WORDS or {"per", "second"} <= words or {"it", "s"} <= words)


def compare_executions(
    first: LoggedSamples, second: LoggedSamples, *, tolerance: float = 0.0
) -> SampleComparison:
    """Compares two executions log call by log call, as far as both have logged.

    Args:
        first: what the first execution has logged.
        second: what the second has logged.
        tolerance: the largest relative difference that is no difference.
    """
    values, largest = 0, 0.0
    pairs = list(zip(_calls(first), _calls(second), strict=False))
    for index, (call, other_call) in enumerate(pairs):
        for key in dict.fromkeys((*call, *other_call)):
            values += 1
            difference = _relative(call.get(key), other_call.get(key))
            largest = max(largest, difference)
            if difference > tolerance:
                metric, step, epoch, _ = key
                first_difference = SampleDifference(
                    metric, step, epoch, call.get(key), other_call.get(key)
                )
                return SampleComparison(index + 1, values, first_difference, largest)
    return SampleComparison(len(pairs), values, None, largest)


def compare_with_stored(
    stored: LoggedSamples, executed: LoggedSamples, *, tolerance: float = 0.0
) -> SampleComparison:
    """Compares an execution with the newest stored values at the same steps."""
    stored_values = _by_key(stored)
    keys = [(key, value) for key, value in _by_key(executed).items() if key in stored_values]
    largest = 0.0
    for index, (key, value) in enumerate(keys):
        difference = _relative(stored_values[key], value)
        largest = max(largest, difference)
        if difference > tolerance:
            metric, step, epoch, _ = key
            first_difference = SampleDifference(metric, step, epoch, stored_values[key], value)
            return SampleComparison(index + 1, index + 1, first_difference, largest)
    return SampleComparison(len(keys), len(keys), None, largest)


def find_resumes(
    logged: LoggedSamples, attempt_starts: Sequence[float], *, tolerance: float = 0.0
) -> tuple[Resume, ...]:
    """The resumes of a run, and whether its curves join there.

    A resume is where a later attempt begins, or where a step is smaller than the last one.

    Args:
        logged: what the run has logged.
        attempt_starts: when its attempts began, in Unix seconds.
        tolerance: the largest relative difference that is no difference.
    """
    segments = list(_segments(logged, sorted(attempt_starts)[1:]))
    resumes = []
    for index in range(1, len(segments)):
        before = _by_key([item for segment in segments[:index] for item in segment])
        after = _by_key(segments[index])
        # Values without a step or an epoch are not known to be repetitions.
        repeated = [key for key in after if key in before and key[1:3] != (None, None)]
        difference = None
        for key in repeated:
            if _relative(before[key], after[key]) > tolerance:
                metric, step, epoch, _ = key
                difference = SampleDifference(metric, step, epoch, before[key], after[key])
                break
        steps = [item.step for _, item in segments[index] if item.step is not None]
        earlier = [item.step for _, item in segments[index - 1] if item.step is not None]
        resumes.append(
            Resume(
                steps[0] if steps else None,
                earlier[-1] if earlier else None,
                len(repeated),
                difference,
            )
        )
    return tuple(resumes)


def relative_difference(first: float, second: float) -> float:
    """The relative difference of two numbers: 0 if both are NaN, infinite if only one is finite."""
    if first == second or (math.isnan(first) and math.isnan(second)):
        return 0.0
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.inf
    return abs(first - second) / max(abs(first), abs(second))


def _relative(first: float | None, second: float | None) -> float:
    return math.inf if first is None or second is None else relative_difference(first, second)


def _calls(logged: LoggedSamples) -> list[dict[_Key, float]]:
    """The reproducible values of each log call that has any."""
    calls: dict[int, list[tuple[int, Sample]]] = {}
    for seq, sample in logged:
        if is_reproducible(sample.metric):
            calls.setdefault(seq, []).append((seq, sample))
    return [_by_key(call) for call in calls.values()]


def _by_key(logged: Iterable[tuple[int, Sample]]) -> dict[_Key, float]:
    """The reproducible values by metric and position; of those that a resume repeats the newest."""
    values: dict[_Key, float] = {}
    for segment in _segments(list(logged), ()):
        counts: Counter[tuple[str, int | None, float | None]] = Counter()
        for _, sample in segment:
            if not is_reproducible(sample.metric):
                continue
            position = (
                sample.metric,
                sample.step,
                None if sample.step is not None else sample.epoch,
            )
            values[(*position, counts[position])] = sample.value
            counts[position] += 1
    return values


def _segments(
    logged: LoggedSamples, later_starts: Sequence[float]
) -> Iterator[list[tuple[int, Sample]]]:
    """The samples, divided where a later attempt begins or the step of a metric goes back."""
    segment: list[tuple[int, Sample]] = []
    last_steps: dict[str, int] = {}
    starts = list(later_starts)
    for seq, sample in logged:
        began = False
        while starts and sample.time is not None and sample.time >= starts[0]:
            starts.pop(0)
            began = True
        went_back = sample.step is not None and sample.step < last_steps.get(sample.metric, -1)
        if segment and (began or went_back):
            yield segment
            segment, last_steps = [], {}
        segment.append((seq, sample))
        if sample.step is not None:
            last_steps[sample.metric] = sample.step
    if segment:
        yield segment
