"""The batches of an epoch: bounds and number, for the training loop and for planning code.

Importing this module does not import torch.
"""


def batch_bounds(examples: int, batch_size: int) -> tuple[tuple[int, int], ...]:
    """Bounds [begin, end) of each batch of an epoch.

    A last batch of a single example is merged into the batch before it, because batch
    normalisation cannot compute a variance from one example. With a batch size of 1 every batch
    has one example.

    >>> batch_bounds(9, 4)
    ((0, 4), (4, 9))
    >>> batch_bounds(3, 1)
    ((0, 1), (1, 2), (2, 3))
    """
    starts = list(range(0, examples, batch_size))
    if batch_size > 1 and len(starts) > 1 and examples - starts[-1] == 1:
        starts.pop()
    return tuple(zip(starts, [*starts[1:], examples], strict=True))


def steps_per_epoch(examples: int, batch_size: int | str | None) -> int:
    """The number of optimizer steps in an epoch.

    Args:
        examples: number of examples in the training split.
        batch_size: as configured; `full` or None is one batch of all examples.

    >>> steps_per_epoch(65, 64), steps_per_epoch(66, 64), steps_per_epoch(65, "full")
    (1, 2, 1)
    """
    size = batch_size if isinstance(batch_size, int) else examples
    return len(batch_bounds(examples, max(1, size)))
