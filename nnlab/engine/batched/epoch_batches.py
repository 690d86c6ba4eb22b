"""The batches of an epoch of batched runs: their examples, and the outputs of all of them."""

from collections.abc import Sequence

import torch

from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.seeds import make_generator
from nnlab.engine.session import Session


def draw_example_orders(sessions: Sequence[Session], examples: int) -> torch.Tensor:
    """The order in which each run visits the examples, [runs, examples]."""
    rows = [
        torch.randperm(
            examples,
            generator=make_generator(session.config.seed, "order", session.epoch + 1),
        )
        for session in sessions
    ]
    return torch.stack(rows)


def gather_batch(
    sessions: Sequence[Session],
    part: SplitTensors,
    rows: torch.Tensor,
    targets: torch.Tensor,
    generators: Sequence[torch.Generator],
) -> tuple[torch.Tensor, torch.Tensor]:
    """The examples [runs, n, ...] of each run's next batch, augmented, and their targets.

    Args:
        sessions: the runs.
        part: the split to take examples from.
        rows: the rows of each run's batch, [runs, n].
        targets: of these rows, [runs, n, ...].
        generators: for the augmentation of each run; empty if no run augments.
    """
    examples = part.examples.index_select(0, rows.flatten()).view(
        *rows.shape, *part.examples.shape[1:]
    )
    if not generators:
        return examples, targets
    augmented = [
        _augment_batch(*arguments)
        for arguments in zip(sessions, examples, targets, generators, strict=True)
    ]
    run_examples, run_targets = zip(*augmented, strict=True)
    return torch.stack(run_examples), torch.stack(run_targets)


def _augment_batch(
    session: Session, examples: torch.Tensor, targets: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch of one run after augmentation and mixing."""
    if session.augmentation is not None:
        examples = session.augmentation(examples, generator)
    if session.batch_mixer is not None:
        examples, targets = session.batch_mixer(examples, targets, generator)
    return examples, targets


class BatchedEpochAccumulator:
    """The outputs [runs, n, c] and the targets of all batches of an epoch."""

    def __init__(self, targets: torch.Tensor, outputs: int, dtype: torch.dtype) -> None:
        self.targets = targets
        self.outputs = targets.new_empty((*targets.shape[:2], outputs), dtype=dtype)
        self._mixed_targets: torch.Tensor | None = None

    def add(self, begin: int, end: int, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Adds a batch; targets of mixed examples are class probabilities instead of classes."""
        self.outputs[:, begin:end] = outputs.detach()
        if targets.ndim > self.targets.ndim:
            if self._mixed_targets is None:
                self._mixed_targets = torch.empty_like(self.outputs)
            self._mixed_targets[:, begin:end] = targets
            if end == self.outputs.shape[1]:
                self.targets = self._mixed_targets
