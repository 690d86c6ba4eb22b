"""The range test of Smith 2017, section 3.3: the loss while the learning rate grows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nnlab.engine.batches import batch_bounds
from nnlab.engine.loop import forward_backward, optimizer_step, prepare_epoch
from nnlab.engine.optimizers import set_lr
from nnlab.engine.seeds import make_generator
from nnlab.engine.session import Session

# Memory of the running mean of the losses, corrected for its start (Kingma and Ba 2015, sec. 3).
SMOOTHING = 0.9
# The test is over once the smoothed loss is so many times its best.
DIVERGENCE_FACTOR = 4.0


@dataclass(frozen=True, slots=True)
class LRRangeTest:
    """Learning rates, the loss of each step's batch before the step, and the smoothed losses."""

    lrs: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]

    @property
    def best(self) -> int:
        """The step at which the smoothed loss is lowest."""
        return min(range(len(self.smoothed)), key=self.smoothed.__getitem__)


def run_lr_range_test(session: Session, *, low: float, high: float, steps: int) -> LRRangeTest:
    """Trains a fresh session while lr grows from `low` to `high` by one factor a step.

    Ends early once the loss has diverged. The session's weights are spent by it.
    """
    lrs: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for step, (examples, targets) in zip(range(steps), _endless_batches(session), strict=False):
        lr = low * (high / low) ** (step / (steps - 1))
        set_lr(session.optimizer, lr)
        outputs = forward_backward(session, examples, targets)
        with torch.no_grad():
            loss = session.measured(outputs.float(), targets).item()
        if not math.isfinite(loss):
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        lrs.append(lr)
        losses.append(loss)
        smoothed.append(mean / (1 - SMOOTHING ** (step + 1)))
        if smoothed[-1] > DIVERGENCE_FACTOR * min(smoothed):
            break
        optimizer_step(session)
    return LRRangeTest(tuple(lrs), tuple(losses), tuple(smoothed))


def _endless_batches(session: Session) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of the training split without end, in the order that training would take."""
    part, number = session.data.train, 0
    while True:
        number += 1
        draw = prepare_epoch(session, number)
        order = torch.randperm(
            len(part), generator=make_generator(session.config.seed, "order", number)
        ).to(session.device)
        for begin, end in batch_bounds(len(part), session.batch_size):
            rows = order[begin:end]
            examples = part.examples.index_select(0, rows)
            if session.augment is not None and draw is not None:
                examples = session.augment(examples, draw)
            yield examples, part.targets.index_select(0, rows)
