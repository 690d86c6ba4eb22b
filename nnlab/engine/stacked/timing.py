"""How long a run takes alone and in stacks of several widths: measured on this device."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from nnlab.config import RunConfig
from nnlab.engine.data.prepare import Part, Prepared
from nnlab.engine.loop import train
from nnlab.engine.memory import is_short
from nnlab.engine.session import Session, start
from nnlab.engine.stacked.memory import most_runs
from nnlab.engine.stacked.stack import Stack
from nnlab.records import Status

# Runs in a stack that are tried, one after another until more of them no longer help.
WIDTHS = (4, 16, 64, 256, 512)
# Batches that are trained for a measurement, as many times as `REPEATS` says; fewer where a run
# alone takes longer than so many seconds for them.
STEPS = 8
REPEATS = 3
SECONDS = 0.05
# A wider stack must be so much faster than the widest before it to be worth a look at the next.
GAIN = 0.97


def seconds_by_width(config: RunConfig, most: int) -> Mapping[int, float]:
    """Seconds that an excerpt of an epoch takes, for each run, by how many are trained together.

    Args:
        config: of one of the runs; what they have in common decides (`grouping.key_of`).
        most: a width that suffices. Where no tried width is as large the next larger is tried.

    Returns:
        By width, 1 being a run alone. A width that memory does not hold is left out.
    """
    session = start(replace(config, early_stop=0, probe="none"))
    held = most_runs(session)
    whole = session.data
    session.data = _excerpt(whole, session.batch_size)
    _alone(session)  # first calls load and allocate
    steps = min(max(int(SECONDS / _alone(session)), 1), STEPS)
    session.data = _excerpt(whole, steps * session.batch_size)
    found = {1: _fastest(lambda: _alone(session))}
    for width in (width for width in WIDTHS if width <= held):
        stacked = _stacked_or_none(session, width)
        if stacked is None:
            break
        found[width] = stacked / width
        if width >= most or found[width] > GAIN * min(list(found.values())[:-1]):
            break
    return found


def _stacked_or_none(session: Session, width: int) -> float | None:
    try:
        return _fastest(lambda: _together(session, width))
    except Exception as error:
        if not is_short(error):
            raise
        return None


def _fastest(timed: Callable[[], float]) -> float:
    """The shortest of a few times: what is more is another process's."""
    found: list[float] = []
    while len(found) < REPEATS and (len(found) < 2 or sum(found) < REPEATS * SECONDS):
        found.append(timed())
    return min(found)


def _alone(session: Session) -> float:
    fresh = _fresh(session)
    _wait(session.device)
    begun = time.perf_counter()
    next(train(fresh))
    _wait(session.device)
    return time.perf_counter() - begun


def _together(session: Session, width: int) -> float:
    stack = Stack([_fresh(session) for _ in range(width)])
    _wait(session.device)
    begun = time.perf_counter()
    stack.epoch()
    _wait(session.device)
    return time.perf_counter() - begun


def _fresh(session: Session) -> Session:
    """The same before its first epoch; weights may be those of any time."""
    return replace(session, epoch=0, val_losses=[], selected_epoch=0, status=Status.RUNNING)


def _excerpt(data: Prepared, examples: int) -> Prepared:
    """The first training examples, and as large a share of the validation split."""
    share = min(examples / len(data.train), 1.0)

    def first(part: Part, count: int) -> Part:
        return Part(part.examples[:count], part.targets[:count])

    validated = max(round(share * len(data.val)), 1)
    return replace(data, train=first(data.train, examples), val=first(data.val, validated))


def _wait(device: torch.device) -> None:
    """Until all that was asked of a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
