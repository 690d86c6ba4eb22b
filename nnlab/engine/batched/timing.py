"""Time of an epoch per run, for a single run and for several numbers of batched runs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch

from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.batched.memory import max_batched_runs
from nnlab.engine.batches import steps_per_epoch
from nnlab.engine.data.prepare import PreparedData, SplitTensors
from nnlab.engine.loop import train
from nnlab.engine.memory import is_out_of_memory
from nnlab.engine.session import Session, build_session
from nnlab.records import Status
from nnlab.settings import RunConfig

# Numbers of batched runs (widths) that are measured in turn, until larger ones are no faster.
WIDTHS = (4, 16, 64, 256, 512)
# Limits for the number of batches of the longer of two excerpts. The difference of their times
# gives the time of a step; the remainder is the fixed time of an epoch (its probe).
MAX_STEPS, MIN_STEPS = 8, 3
# Time limits in seconds: of the longer excerpt, and of all measurements of one width.
EXCERPT_SECONDS, SECONDS_PER_WIDTH = 0.1, 0.4
REPEATS = 5
# Wider batches are measured only while one of the last two widths reduced the time to this ratio.
REQUIRED_TIME_RATIO = 0.97


def seconds_by_width(config: RunConfig, max_width: int) -> Mapping[int, float]:
    """Seconds per epoch and run, by the number of runs that are trained together (the width).

    The times are estimated from excerpts of an epoch. A single run is timed again next to each
    width, because the speed of a shared machine changes from one second to the next.

    Args:
        config: the config of one of the runs; only `grouping.group_key` of it matters.
        max_width: no width above the first that is at least as large is measured.

    Returns:
        Seconds by width, where width 1 is a single run. Widths that do not fit into memory are
        left out.
    """
    session = build_session(replace(config, early_stop=0))
    memory_limit = max_batched_runs(session)
    timer = _ExcerptTimer.create(session)
    single_times: list[float] = []
    ratios: dict[int, float] = {}
    for width in (width for width in WIDTHS if width <= memory_limit):
        try:
            times, ratio = timer.compare_with_single(session, width)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            break
        single_times += times
        ratios[width] = ratio
        if width >= max_width or _stopped_improving(list(ratios.values())):
            break
    if not single_times:
        single_times = [timer.estimate_epoch_seconds(session, 1)]
    session.data = timer.full_data
    single_seconds = median(single_times)
    return {1: single_seconds} | {width: ratio * single_seconds for width, ratio in ratios.items()}


def _stopped_improving(ratios: Sequence[float]) -> bool:
    """Whether neither of the last two widths was faster than all widths before it."""
    measured = [1.0, *ratios]
    return len(measured) > 2 and all(
        measured[index] > REQUIRED_TIME_RATIO * min(measured[:index])
        for index in (len(measured) - 2, len(measured) - 1)
    )


@dataclass(frozen=True, slots=True)
class _ExcerptTimer:
    """Times excerpts of an epoch.

    `steps` is the number of steps of a full epoch, `step_seconds` the approximate time of one
    step of a single run.
    """

    full_data: PreparedData
    steps: int
    step_seconds: float

    @classmethod
    def create(cls, session: Session) -> "_ExcerptTimer":
        """A timer for the data of a session, after a warm-up that is not counted."""
        full_data, batch_size = session.data, session.batch_size
        session.data = _take_excerpt(full_data, MIN_STEPS * batch_size)
        _time_excerpt(session, 1)
        seconds = _time_excerpt(session, 1) / MIN_STEPS
        return cls(full_data, steps_per_epoch(len(full_data.train), batch_size), seconds)

    def compare_with_single(self, session: Session, width: int) -> tuple[list[float], float]:
        """Epoch times of a single run, and the median ratio of a batched run's time to them."""
        single_times: list[float] = []
        ratios: list[float] = []
        start = time.perf_counter()
        session.data = _take_excerpt(self.full_data, session.batch_size)
        _time_excerpt(session, width)  # warm-up: the first call is slow
        while len(ratios) < 2 or (
            len(ratios) < REPEATS and time.perf_counter() - start < SECONDS_PER_WIDTH
        ):
            single_times.append(self.estimate_epoch_seconds(session, 1))
            ratios.append(self.estimate_epoch_seconds(session, width) / width / single_times[-1])
        return single_times, median(ratios)

    def estimate_epoch_seconds(self, session: Session, width: int) -> float:
        """Seconds of a full epoch of `width` runs, extrapolated linearly from two excerpts."""
        affordable_steps = int(EXCERPT_SECONDS / (width * self.step_seconds))
        excerpt_steps = min(max(affordable_steps, MIN_STEPS), MAX_STEPS, self.steps)
        seconds = []
        for steps in dict.fromkeys((1, excerpt_steps)):
            session.data = _take_excerpt(self.full_data, steps * session.batch_size)
            seconds.append(_time_excerpt(session, width))
        if excerpt_steps == 1:
            return seconds[0] * self.steps
        step_seconds = max((seconds[1] - seconds[0]) / (excerpt_steps - 1), 0.0)
        return seconds[1] + (self.steps - excerpt_steps) * step_seconds


def _time_excerpt(session: Session, width: int) -> float:
    return _time_single_run(session) if width == 1 else _time_batched_runs(session, width)


def _time_single_run(session: Session) -> float:
    fresh = _fresh_session(session)
    _synchronize(session.device)
    start = time.perf_counter()
    next(train(fresh))
    _synchronize(session.device)
    return time.perf_counter() - start


def _time_batched_runs(session: Session, width: int) -> float:
    batched_runs = BatchedRuns([_fresh_session(session) for _ in range(width)])
    _synchronize(session.device)
    start = time.perf_counter()
    batched_runs.train_epoch()
    _synchronize(session.device)
    return time.perf_counter() - start


def _fresh_session(session: Session) -> Session:
    """A copy of the session at epoch 0; weights do not affect the time and are not reset."""
    fresh = replace(session, epoch=0, val_losses=[], selected_epoch=0, status=Status.RUNNING)
    fresh.improved_epoch = 0
    return fresh


def _take_excerpt(data: PreparedData, examples: int) -> PreparedData:
    """The first training examples, and the same share of the validation split."""
    share = min(examples / len(data.train), 1.0)

    def take_first(part: SplitTensors, count: int) -> SplitTensors:
        return SplitTensors(part.examples[:count], part.targets[:count])

    val_examples = max(round(share * len(data.val)), 1)
    return replace(
        data, train=take_first(data.train, examples), val=take_first(data.val, val_examples)
    )


def _synchronize(device: torch.device) -> None:
    """Waits until a GPU has executed all pending operations."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
