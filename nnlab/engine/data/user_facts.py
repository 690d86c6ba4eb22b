"""The facts of a user's data sets and loaders, from one item and without iterating over them."""

from typing import Any

from nnlab.catalogue import Task
from nnlab.engine import user_code
from nnlab.engine.data.user_defined import build_user_dataset
from nnlab.engine.data.user_values import (
    UserSplits,
    call_data_function,
    find_user_splits,
    is_indexed,
    is_loader,
    named_classes,
)
from nnlab.settings import DataFacts


def user_data_facts(name: str, *, stream: bool, task: Task | None = None) -> DataFacts:
    """The facts of `file.py:NAME`.

    Arrays, and data sets that are read into memory, are read for this; streamed data is not.

    Args:
        name: the reference.
        stream: whether a data set is streamed although it could be read into memory.
        task: the kind of targets as chosen by the user; None to infer it.

    Raises:
        UserCodeError: the function fails.
        DataError: the data cannot be used.
    """
    value = call_data_function(name)
    splits = find_user_splits(name, value)
    if splits is None or not (stream or splits.streamed_only):
        return build_user_dataset(name, value, task).facts
    return _streamed_facts(name, splits, task)


def _streamed_facts(name: str, splits: UserSplits, chosen_task: Task | None) -> DataFacts:
    # torch, which functions that return arrays do not need
    from nnlab.engine.data.example_facts import infer_task, read_first_item

    train = splits.parts["train"]
    item = read_first_item(name, train)
    is_batch = not (is_indexed(train) or hasattr(train, "__getitem__") or is_loader(train))
    task = chosen_task or infer_task(item, is_batch=is_batch)
    # No test split is drawn from data without an index, or from a loader that comes with others.
    is_complete = not is_indexed(train) or ("val" in splits.parts and is_loader(train))
    has_test = "test" in splits.parts or is_complete
    size, has_own_batches = loader_batch_size(train)
    return DataFacts(
        task or "unsupervised",
        user_code.code_version(name),
        has_test,
        "val" in splits.parts,
        named_classes(splits),
        streamed_only=splits.streamed_only,
        batch_size=size,
        has_own_batches=has_own_batches,
    )


def loader_batch_size(value: Any) -> tuple[int | None, bool]:
    """The batch size of a user's loader, None if it is unknown, and whether it is fixed."""
    if not is_loader(value):
        return None, False
    if not is_indexed(value):
        return value.batch_size, True
    is_plain = type(value.batch_sampler).__name__ == "BatchSampler"
    return getattr(value.batch_sampler, "batch_size", None), not is_plain
