"""Statistics of a data set and its splits, before preprocessing, for `nnlab data show`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import DENSE_TASKS
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.preprocessing import is_constant, mean_and_sd, min_and_max
from nnlab.engine.data.split_dataset import SplitDataset
from nnlab.engine.data.suspicious_data import id_columns, single_row_classes
from nnlab.engine.targets.output_shape import IGNORED_CLASS

_CHANNEL_NAMES: Mapping[int, tuple[str, ...]] = {
    1: ("grey",),
    3: ("red", "green", "blue"),
    4: ("red", "green", "blue", "alpha"),
}


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """Statistics of a feature or an image channel over the training split, in its own unit."""

    name: str
    kind: str
    mean: float
    sd: float
    low: float
    high: float
    constant: bool


@dataclass(frozen=True, slots=True)
class TargetStatistics:
    """Statistics of a regression target in one split, in its own unit.

    `name` is that of one of several targets, otherwise empty.
    """

    split: str
    mean: float
    sd: float
    low: float
    high: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """The statistics of a data set.

    `sizes` are the numbers of examples by split. `counts` are those by class or tag and split; of
    tokens and pixels, the numbers of positions of each class. A language model has none.
    `ignored_share` is the share of positions of the training split that do not count, None if
    targets have no positions. `provided_splits` are the splits that come with the data set.
    `targets` is empty unless targets are numbers. `noise_floor` is an mse, in the squared unit of
    the target.
    `single_row_classes` and `id_columns` are names, see `nnlab.engine.data.suspicious_data`.
    """

    sizes: Mapping[str, int]
    provided_splits: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    targets: tuple[TargetStatistics, ...]
    features: tuple[FeatureStatistics, ...]
    noise_floor: float | None
    single_row_classes: tuple[str, ...]
    id_columns: tuple[str, ...]
    ignored_share: float | None = None


def summarise_dataset(split_dataset: SplitDataset) -> DatasetSummary:
    """The statistics of a data set and its splits."""
    dataset = split_dataset.dataset
    rows = {
        "train": split_dataset.rows.train,
        "val": split_dataset.rows.val,
        "test": split_dataset.rows.test,
    }
    provided = {"val": dataset.num_provided_val, "test": dataset.num_provided_test}
    return DatasetSummary(
        {split: len(split_rows) for split, split_rows in rows.items()},
        tuple(split for split, count in provided.items() if count),
        _class_counts(dataset, rows) if dataset.classes else {},
        _target_statistics(dataset, rows) if dataset.task == "regression" else (),
        _feature_statistics(split_dataset),
        dataset.noise_floor,
        single_row_classes(dataset),
        id_columns(dataset),
        _ignored_share(dataset, split_dataset.rows.train),
    )


def _class_counts(
    dataset: Dataset, rows: Mapping[str, NDArray[np.int64]]
) -> Mapping[str, Mapping[str, int]]:
    classes = dataset.classes
    counts_by_split = {
        split: _count_targets(dataset, split_rows) for split, split_rows in rows.items()
    }
    return {
        name: {split: int(counts[label]) for split, counts in counts_by_split.items()}
        for label, name in enumerate(classes)
    }


def _count_targets(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each class or tag [c] occurs in some rows."""
    targets = dataset.target_array[rows]
    if dataset.task == "multilabel":
        return np.asarray(targets.sum(axis=0, dtype=np.int64))
    counted = targets[targets != IGNORED_CLASS]
    return np.bincount(counted, minlength=len(dataset.classes))


def _ignored_share(dataset: Dataset, train: NDArray[np.int64]) -> float | None:
    """The share of tokens or pixels of the training split that do not count."""
    if dataset.task not in DENSE_TASKS:
        return None
    return float((dataset.target_array[train] == IGNORED_CLASS).mean())


def _target_statistics(
    dataset: Dataset, rows: Mapping[str, NDArray[np.int64]]
) -> tuple[TargetStatistics, ...]:
    targets = dataset.target_array
    columns = targets[:, None] if targets.ndim == 1 else targets
    return tuple(
        TargetStatistics(
            split, float(y.mean()), float(y.std()), float(y.min()), float(y.max()), name
        )
        for name, column in zip(dataset.target_names or ("",), columns.T, strict=True)
        for split, y in ((split, column[split_rows]) for split, split_rows in rows.items())
    )


def _feature_statistics(split_dataset: SplitDataset) -> tuple[FeatureStatistics, ...]:
    examples, train = split_dataset.dataset.examples, split_dataset.rows.train
    if split_dataset.dataset.has_tokens:
        return ()
    mean, sd = mean_and_sd(examples, train)
    low, high = min_and_max(examples, train)
    statistics = (mean, sd, low, high, is_constant(mean, sd))
    flat = (array.reshape(-1).tolist() for array in statistics)
    return tuple(
        FeatureStatistics(name, kind, *numbers)
        for (name, kind), numbers in zip(
            _feature_names_and_kinds(split_dataset), zip(*flat, strict=True), strict=True
        )
    )


def _feature_names_and_kinds(split_dataset: SplitDataset) -> list[tuple[str, str]]:
    """The name and the kind of each feature or channel."""
    dataset = split_dataset.dataset
    count = dataset.in_shape[0]
    if len(dataset.in_shape) > 1:
        numbered = tuple(f"channel {index}" for index in range(count))
        return [(name, "channel") for name in _CHANNEL_NAMES.get(count, numbered)]
    if dataset.columns:
        return [
            (name, "category" if column.is_categorical else "number")
            for column in dataset.columns
            for name in column.feature_names
        ]
    return [(str(index), "number") for index in range(count)]
