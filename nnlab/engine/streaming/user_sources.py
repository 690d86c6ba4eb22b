"""Streamed data from a user's function: data sets and loaders of torch, opened as sources."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Subset, TensorDataset

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine.data.assign_splits import assign_splits
from nnlab.engine.data.corruption import subsample_train_rows
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.example_facts import ExampleFacts, describe_example, hash_value
from nnlab.engine.data.user_values import UserSplits, is_indexed, is_loader, named_classes
from nnlab.engine.streaming.batch_source import BatchSource
from nnlab.engine.streaming.iterable_parts import open_iterable
from nnlab.engine.streaming.known_targets import read_targets
from nnlab.engine.streaming.map_batches import LoadingOptions, MapBatches
from nnlab.engine.streaming.map_parts import (
    MapPart,
    map_part,
    row_plan,
    sampler_plan,
    training_order,
)
from nnlab.engine.streaming.padding import PaddedCollate
from nnlab.engine.streaming.record import StreamedData
from nnlab.engine.streaming.seeded_items import SeededItems
from nnlab.errors import DataError
from nnlab.settings import RunConfig

# A smaller data set is read once to stratify its splits and to count its classes.
MAX_ITEMS_READ_FOR_TARGETS = 10_000
_VALIDATION_EPOCH = 0  # validation examples are the same in each epoch


@dataclass(frozen=True, slots=True)
class _Opened:
    """A source, a batch with one example, hashes of some items, and notes."""

    source: BatchSource
    example: Any
    items_hash: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _SplitPart:
    """The training part with the rows of the splits that are drawn from it."""

    part: MapPart
    targets: NDArray[Any] | None
    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def open_user_data(config: RunConfig, splits: UserSplits, loading: LoadingOptions) -> StreamedData:
    """The data sets and loaders that a user's function returned, as sources.

    Items are never transformed: they reach the model as the user's code makes them.

    Raises:
        DataError: a split is missing, or the data does not fit the settings.
    """
    _check_settings(config)
    pad_token = int(splits.properties.get("pad_token") or 0)
    opened: dict[str, _Opened] = {}
    targets: NDArray[Any] | None = None
    train = splits.parts["train"]
    if is_indexed(train):
        drawn = _split_rows(config, splits, map_part(train, loading, pad_token))
        targets = drawn.targets
        opened["train"] = _open_train(config, drawn)
        for name, rows in (("val", drawn.val), ("test", drawn.test)):
            if name not in splits.parts and len(rows):
                opened[name] = _open_rows(config, drawn.part, rows)
    else:
        opened["train"] = _open_iterable(config, "train", train, loading, pad_token)
    for name in ("val", "test"):
        value = splits.parts.get(name)
        if value is None:
            continue
        if is_indexed(value):
            opened[name] = _open_evaluated(config, map_part(value, loading, pad_token))
        else:
            opened[name] = _open_iterable(config, name, value, loading, pad_token)
    return _assemble(config, splits, opened, targets)


def check_has_validation(name: str, splits: UserSplits) -> None:
    """Checks that there is a validation split, or data to draw it from.

    Raises:
        DataError: there is none; the message says what to return.
    """
    train = splits.parts["train"]
    if "val" in splits.parts:
        return
    if is_indexed(train) and map_part(train, LoadingOptions(), 0).can_be_split:
        return
    kind = "a DataLoader with a sampler of its own" if is_indexed(train) else type(train).__name__
    raise DataError(
        f"{name} returns only training data, and {kind} cannot be split",
        hint="return a pair (train, val), or a dict with train, val and optionally test",
    )


def _check_settings(config: RunConfig) -> None:
    unsupported = {
        "--label-noise": config.label_noise,
        "--classes": config.classes,
        "--rotate": config.rotate,
    }
    used = [option for option, value in unsupported.items() if value]
    if used:
        raise DataError(
            f"{', '.join(used)} cannot be used with data that is streamed from {config.data}",
            hint="change the data set in the function instead",
        )


def _split_rows(config: RunConfig, splits: UserSplits, part: MapPart) -> _SplitPart:
    """The rows of the training data, and of the splits that are drawn from it.

    A split file, folds, and the seed of the split have the same effect as on data in memory.
    """
    count = len(part.items)
    every_row = np.arange(count)
    targets = read_targets(part.items, MAX_ITEMS_READ_FOR_TARGETS)
    has_all = is_loader(splits.parts["train"]) or "test" in splits.parts
    if "val" in splits.parts and has_all:
        none = every_row[:0]
        return _SplitPart(part, targets, _subsample(config, every_row, targets), none, none)
    provided = {name: int(name in splits.parts) for name in ("val", "test")}
    stand_in = _stand_in(config, count, targets, provided)
    rows = assign_splits(stand_in, config)
    notes: tuple[str, ...] = ()
    if targets is None:
        notes = (
            "the splits are not stratified: the targets are unknown without reading the items",
        )
    val = rows.val if not provided["val"] else rows.val[:0]
    test = rows.test if not provided["test"] else rows.test[:0]
    return _SplitPart(part, targets, _subsample(config, rows.train, targets), val, test, notes)


def _stand_in(
    config: RunConfig, count: int, targets: NDArray[Any] | None, provided: Mapping[str, int]
) -> Dataset:
    """A data set with the targets and without examples, of which the splits are drawn."""
    if targets is None or targets.ndim > 1:
        targets = np.zeros(count, np.int64)
    extra = sum(provided.values())
    padded = np.concatenate((targets, np.repeat(targets[:1], extra)))
    task: Task = "regression" if padded.dtype.kind == "f" else "classification"
    return Dataset(
        config.data,
        task,
        np.empty((len(padded), 0)),
        padded,
        num_provided_test=provided["test"],
        num_provided_val=provided["val"],
    )


def _subsample(
    config: RunConfig, rows: NDArray[np.int64], targets: NDArray[Any] | None
) -> NDArray[np.int64]:
    if config.train_size is None:
        return rows
    count = int(rows.max()) + 1
    stand_in = _stand_in(
        config, count, None if targets is None else targets[:count], {"val": 0, "test": 0}
    )
    return subsample_train_rows(stand_in, rows, config.train_size, config.split_seed)


def _open_train(config: RunConfig, drawn: _SplitPart) -> _Opened:
    part, rows = drawn.part, drawn.train
    if part.can_be_split:
        labels = None
        if config.sampling == "balanced":
            labels = _labels(config, drawn)
        order = training_order(config.seed, rows, config.sampling, labels)
        size = _batch_size(config, len(rows))
        plan, batches = row_plan(part, rows, size, order if part.is_shuffled else None)
        return _opened_rows(config, part, rows, plan, batches, drawn.notes)
    if config.sampling == "balanced":
        raise DataError(f"--sampling balanced: the DataLoader of {config.data} has its own sampler")
    plan, num_batches = sampler_plan(part, _batch_size(config, len(rows)), config.seed)
    return _opened_rows(config, part, rows, plan, num_batches, drawn.notes)


def _labels(config: RunConfig, drawn: _SplitPart) -> NDArray[np.int64]:
    targets = drawn.targets
    if targets is None or targets.ndim > 1 or targets.dtype.kind == "f":
        raise DataError(
            f"--sampling balanced needs the class of each training example of {config.data}",
            hint="give the data set an attribute `targets` with one class number per item",
        )
    return targets[drawn.train].astype(np.int64)


def _open_rows(config: RunConfig, part: MapPart, rows: NDArray[np.int64]) -> _Opened:
    plan, batches = row_plan(part, rows, _batch_size(config, len(rows)), None)
    return _opened_rows(config, part, rows, plan, batches, (), _VALIDATION_EPOCH)


def _open_evaluated(config: RunConfig, part: MapPart) -> _Opened:
    """A validation or test part with batches of its own; its order does not matter."""
    rows = np.arange(len(part.items))
    if part.can_be_split:
        size = part.batch_size or _batch_size(config, len(rows))
        plan, batches = row_plan(part, rows, size, None)
        return _opened_rows(config, part, rows, plan, batches, (), _VALIDATION_EPOCH)
    plan, num_batches = sampler_plan(part, part.batch_size or 1, config.seed)
    return _opened_rows(config, part, rows, plan, num_batches, (), _VALIDATION_EPOCH)


def _opened_rows(
    config: RunConfig,
    part: MapPart,
    rows: NDArray[np.int64],
    plan: Any,
    batches: int | None,
    notes: tuple[str, ...],
    random_epoch: int | None = None,
) -> _Opened:
    if not len(rows):
        raise DataError(f"{config.data} has no examples")
    items = SeededItems(
        part.items, part.collate, config.seed, is_random=not _is_deterministic(part)
    )
    source = MapBatches(
        items,
        plan,
        batches_per_epoch=batches,
        num_examples=len(rows) if part.can_be_split else None,
        loading=part.loading,
        random_epoch=random_epoch,
    )
    # The same items for each seed of the run.
    fixed = SeededItems(part.items, _unchanged, 0)
    checked = sorted({int(rows[0]), int(rows[len(rows) // 2]), int(rows[-1])})
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes())
    digest.update(hash_value([fixed[0, [row]] for row in checked]))
    is_batched = part.batch_sampler is not None and next(iter(plan(1)), None)
    first: Any = [int(rows[0])] if not is_batched or isinstance(is_batched, list) else is_batched
    return _Opened(source, items[0, first], digest.digest(), notes)


def _is_deterministic(part: MapPart) -> bool:
    """Whether reading draws no random numbers, so that they need not be seeded for each item."""
    dataset = part.items
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return type(dataset) is TensorDataset and isinstance(part.collate, PaddedCollate)


def _unchanged(items: Any) -> Any:
    return items


def _batch_size(config: RunConfig, count: int) -> int:
    """The number of examples of a batch; the loader's own is the default of the setting."""
    size = config.batch_size
    return min(size, count) if isinstance(size, int) else count


def _open_iterable(
    config: RunConfig, name: str, value: Any, loading: LoadingOptions, pad_token: int
) -> _Opened:
    if config.sampling == "balanced" and name == "train":
        raise DataError(f"--sampling balanced: the items of {config.data} have no index")
    size = config.batch_size
    if not isinstance(size, int):
        raise DataError(f"--batch-size full cannot be used with {config.data}, which is streamed")
    part = open_iterable(
        name,
        value,
        loading,
        batch_size=size,
        seed=config.seed,
        pad_token=pad_token,
        fixed_epoch=None if name == "train" else _VALIDATION_EPOCH,
    )
    notes = part.notes
    if name == "train" and not part.source.can_start_inside_epoch:
        notes = (
            *notes,
            f"{config.data} cannot be continued inside an epoch: its data has no state_dict;"
            " an interrupted run repeats the epoch",
        )
    return _Opened(part.source, part.example, hash_value(name), notes)


def _assemble(
    config: RunConfig,
    splits: UserSplits,
    opened: Mapping[str, _Opened],
    targets: NDArray[Any] | None,
) -> StreamedData:
    example = opened["train"].example
    facts = describe_example(config.data, example)
    task: Task = config.task or facts.task or "unsupervised"  # type: ignore[assignment]
    classes = find_classes(splits, targets if task == "classification" else None)
    num_outputs = _num_outputs(config, splits, task, classes, facts)
    has_fixed_shape = task in ("classification", "regression", "multilabel")
    shape = (num_outputs,) if has_fixed_shape else None
    digest = hashlib.sha256(str(config.data_version).encode())
    for name in sorted(opened):
        digest.update(f"{name} {opened[name].source.num_examples}".encode())
        digest.update(opened[name].items_hash)
    return StreamedData(
        task,
        opened["train"].source,
        opened["val"].source,
        opened["test"].source if "test" in opened else None,
        num_outputs,
        facts.in_shape if task == "reconstruction" else shape,
        facts.in_shape,
        example,
        digest.hexdigest()[:16],
        classes,
        notes=tuple(dict.fromkeys(note for part in opened.values() for note in part.notes)),
    )


def _num_outputs(
    config: RunConfig,
    splits: UserSplits,
    task: Task,
    classes: tuple[str, ...],
    facts: ExampleFacts,
) -> int:
    """The number of classes, targets, tags or tokens; reconstruction: of numbers, 0 if unknown.

    Raises:
        DataError: the classes or the tokens are unknown.
    """
    if task == "language_modeling":
        count = len(splits.properties.get("vocabulary") or ()) or splits.properties.get(
            "num_outputs"
        )
        if not count:
            raise DataError(
                f"{config.data}: the number of tokens is unknown",
                hint='return a dict with "train", "val" and "vocabulary" or "num_outputs"',
            )
        return int(count)
    if task == "reconstruction":
        return math.prod(facts.in_shape or (0,))
    if task in ("regression", "multilabel"):
        return facts.num_targets
    if task in ("classification", *DENSE_TASKS) and not classes:
        raise DataError(
            f"{config.data}: the number of classes is unknown without reading all items",
            hint="give the data set an attribute `classes` (their names) or `targets`, or return"
            ' a dict with "train", "val" and "classes"',
        )
    return len(classes)


def find_classes(splits: UserSplits, targets: NDArray[Any] | None) -> tuple[str, ...]:
    """The names of the classes; empty if they are unknown."""
    if names := named_classes(splits):
        return names
    count = splits.properties.get("num_outputs")
    if count is None and targets is not None and targets.dtype.kind in "bui":
        count = int(targets.max()) + 1
    return tuple(map(str, range(count or 0)))
