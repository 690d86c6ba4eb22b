"""The batches of an epoch: their bounds and their number, for the loop and all that plans by it.

Importing this does not need torch.
"""


def batch_bounds(examples: int, batch_size: int) -> tuple[tuple[int, int], ...]:
    """Bounds [begin, end) of each batch of an epoch.

    A last batch of a single example joins the batch before it, because batch normalisation has no
    variance to compute from one example. With a batch size of 1 every batch has one example.

    >>> batch_bounds(9, 4)
    ((0, 4), (4, 9))
    >>> batch_bounds(3, 1)
    ((0, 1), (1, 2), (2, 3))
    """
    begins = list(range(0, examples, batch_size))
    if batch_size > 1 and len(begins) > 1 and examples - begins[-1] == 1:
        begins.pop()
    return tuple(zip(begins, [*begins[1:], examples], strict=True))


def steps_per_epoch(examples: int, batch_size: int | str | None) -> int:
    """The number of optimizer steps in an epoch.

    Args:
        examples: in the training split.
        batch_size: the setting's; `full` or None is one batch of all examples.

    >>> steps_per_epoch(65, 64), steps_per_epoch(66, 64), steps_per_epoch(65, "full")
    (1, 2, 1)
    """
    size = batch_size if isinstance(batch_size, int) else examples
    return len(batch_bounds(examples, max(1, size)))
