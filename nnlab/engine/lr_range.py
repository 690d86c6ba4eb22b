"""The learning rate range test of Smith 2017, section 3.3: the loss while the lr increases."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nnlab.engine.batches import batch_bounds
from nnlab.engine.loop import forward_backward, optimizer_step, prepare_epoch
from nnlab.engine.optimizers import set_lr
from nnlab.engine.seeds import make_generator
from nnlab.engine.session import Session

# Decay rate of the losses' moving average, with bias correction (Kingma and Ba 2015, sec. 3).
SMOOTHING = 0.9
# The test ends when the smoothed loss exceeds this multiple of its minimum.
DIVERGENCE_FACTOR = 4.0


@dataclass(frozen=True, slots=True)
class LRRangeTest:
    """Learning rate, batch loss before the update, and smoothed loss of each step."""

    lrs: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]

    @property
    def best(self) -> int:
        """The index of the step with the lowest smoothed loss."""
        return min(range(len(self.smoothed)), key=self.smoothed.__getitem__)


def run_lr_range_test(session: Session, *, low: float, high: float, steps: int) -> LRRangeTest:
    """Trains a new session while lr increases geometrically from `low` to `high`.

    Ends early if the loss diverges. The session cannot be used for training afterwards.

    Args:
        session: not trained yet.
        low: lr of the first step.
        high: lr of the last step.
        steps: number of optimizer steps, at least 2.
    """
    lrs: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    moving_average = 0.0
    for step, (examples, targets) in zip(range(steps), _endless_batches(session), strict=False):
        lr = low * (high / low) ** (step / (steps - 1))
        set_lr(session.optimizer, lr)
        outputs = forward_backward(session, examples, targets)
        with torch.no_grad():
            loss = session.eval_loss(outputs.float(), targets).item()
        if not math.isfinite(loss):
            break
        moving_average = SMOOTHING * moving_average + (1 - SMOOTHING) * loss
        lrs.append(lr)
        losses.append(loss)
        smoothed.append(moving_average / (1 - SMOOTHING ** (step + 1)))
        if smoothed[-1] > DIVERGENCE_FACTOR * min(smoothed):
            break
        optimizer_step(session)
    return LRRangeTest(tuple(lrs), tuple(losses), tuple(smoothed))


def _endless_batches(session: Session) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of the training split in training order, epoch after epoch without end."""
    part, epoch = session.data.train, 0
    while True:
        epoch += 1
        generator = prepare_epoch(session, epoch)
        order = torch.randperm(
            len(part), generator=make_generator(session.config.seed, "order", epoch)
        ).to(session.device)
        for begin, end in batch_bounds(len(part), session.batch_size):
            rows = order[begin:end]
            examples = part.examples.index_select(0, rows)
            if session.augmentation is not None and generator is not None:
                examples = session.augmentation(examples, generator)
            yield examples, part.targets.index_select(0, rows)
