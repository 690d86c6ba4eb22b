"""How long a run takes alone and in stacks of several widths: measured on this device."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch

from nnlab.config import RunConfig
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.batched.memory import max_batched_runs
from nnlab.engine.batches import steps_per_epoch
from nnlab.engine.data.prepare import PreparedData, SplitTensors
from nnlab.engine.loop import train
from nnlab.engine.memory import is_out_of_memory
from nnlab.engine.session import Session, build_session
from nnlab.records import Status

# Runs in a stack that are tried, one after another until more of them no longer help.
WIDTHS = (4, 16, 64, 256, 512)
# Batches of the longer of the two excerpts at most and at least. What the two differ in is the time
# of a step, what they have in common that of an epoch as such (its probe).
MAX_STEPS, MIN_STEPS = 8, 3
# So long may the longer excerpt take, in seconds, and all that is measured of a width.
EXCERPT_SECONDS, SECONDS_PER_WIDTH = 0.1, 0.4
REPEATS = 5
# A wider stack must be so much faster than those before it, or the next, to be worth a look beyond.
REQUIRED_TIME_RATIO = 0.97


def seconds_by_width(config: RunConfig, most: int) -> Mapping[int, float]:
    """Seconds that an epoch takes, for each run, by how many are trained together.

    Judged by excerpts of an epoch. A run alone is timed again beside each width, for a machine
    that others use is not as fast from one second to the next.

    Args:
        config: of one of the runs; what they have in common decides (`grouping.key_of`).
        most: a width that suffices. Where no tried width is as large the next larger is tried.

    Returns:
        By width, 1 being a run alone. A width that memory does not hold is left out.
    """
    session = build_session(replace(config, early_stop=0))
    held = max_batched_runs(session)
    excerpts = _ExcerptTimer.of(session)
    alone: list[float] = []
    shares: dict[int, float] = {}
    for width in (width for width in WIDTHS if width <= held):
        try:
            beside, share = excerpts.compared(session, width)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            break
        alone += beside
        shares[width] = share
        if width >= most or _stopped_improving(list(shares.values())):
            break
    if not alone:
        alone = [excerpts.estimate_epoch_seconds(session, 1)]
    session.data = excerpts.whole
    one = median(alone)
    return {1: one} | {width: share * one for width, share in shares.items()}


def _stopped_improving(shares: Sequence[float]) -> bool:
    """Whether neither of the last two widths was better than what came before it."""
    tried = [1.0, *shares]
    return len(tried) > 2 and all(
        tried[place] > REQUIRED_TIME_RATIO * min(tried[:place])
        for place in (len(tried) - 2, len(tried) - 1)
    )


@dataclass(frozen=True, slots=True)
class _ExcerptTimer:
    """The whole data, how many steps an epoch of it has, and how long one of them takes alone."""

    whole: PreparedData
    all_steps: int
    step_seconds: float

    @classmethod
    def of(cls, session: Session) -> "_ExcerptTimer":
        """Tried once, so that first calls have loaded and allocated what they need."""
        whole, size = session.data, session.batch_size
        session.data = _take_excerpt(whole, MIN_STEPS * size)
        _time_excerpt(session, 1)
        seconds = _time_excerpt(session, 1) / MIN_STEPS
        return cls(whole, steps_per_epoch(len(whole.train), size), seconds)

    def compared(self, session: Session, width: int) -> tuple[list[float], float]:
        """Times of a run alone, and what share of such a time a run in a stack takes."""
        alone: list[float] = []
        shares: list[float] = []
        begun = time.perf_counter()
        session.data = _take_excerpt(self.whole, session.batch_size)
        _time_excerpt(session, width)  # what is first is slow
        while len(shares) < 2 or (
            len(shares) < REPEATS and time.perf_counter() - begun < SECONDS_PER_WIDTH
        ):
            alone.append(self.estimate_epoch_seconds(session, 1))
            shares.append(self.estimate_epoch_seconds(session, width) / width / alone[-1])
        return alone, median(shares)

    def estimate_epoch_seconds(self, session: Session, width: int) -> float:
        """Seconds of a whole epoch, along the line through the times of two excerpts."""
        fitting = int(EXCERPT_SECONDS / (width * self.step_seconds))
        many = min(max(fitting, MIN_STEPS), MAX_STEPS, self.all_steps)
        taken = []
        for steps in dict.fromkeys((1, many)):
            session.data = _take_excerpt(self.whole, steps * session.batch_size)
            taken.append(_time_excerpt(session, width))
        if many == 1:
            return taken[0] * self.all_steps
        step = max((taken[1] - taken[0]) / (many - 1), 0.0)
        return taken[1] + (self.all_steps - many) * step


def _time_excerpt(session: Session, width: int) -> float:
    return _time_single_run(session) if width == 1 else _time_batched_runs(session, width)


def _time_single_run(session: Session) -> float:
    fresh = _fresh_session(session)
    _synchronize(session.device)
    begun = time.perf_counter()
    next(train(fresh))
    _synchronize(session.device)
    return time.perf_counter() - begun


def _time_batched_runs(session: Session, width: int) -> float:
    stack = BatchedRuns([_fresh_session(session) for _ in range(width)])
    _synchronize(session.device)
    begun = time.perf_counter()
    stack.epoch()
    _synchronize(session.device)
    return time.perf_counter() - begun


def _fresh_session(session: Session) -> Session:
    """The same before its first epoch; weights may be those of any time."""
    fresh = replace(session, epoch=0, val_losses=[], selected_epoch=0, status=Status.RUNNING)
    fresh.improved_epoch = 0
    return fresh


def _take_excerpt(data: PreparedData, examples: int) -> PreparedData:
    """The first training examples, and as large a share of the validation split."""
    share = min(examples / len(data.train), 1.0)

    def first(part: SplitTensors, count: int) -> SplitTensors:
        return SplitTensors(part.examples[:count], part.targets[:count])

    validated = max(round(share * len(data.val)), 1)
    return replace(data, train=first(data.train, examples), val=first(data.val, validated))


def _synchronize(device: torch.device) -> None:
    """Until all that was asked of a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
