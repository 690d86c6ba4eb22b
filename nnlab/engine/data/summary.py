"""What is in a data set as a config wants it: measured on the raw values, nothing drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.preprocessing import is_constant, mean_and_sd, min_and_max
from nnlab.engine.data.split_dataset import SplitDataset
from nnlab.engine.data.suspicious_data import id_columns, single_row_classes

_CHANNEL_NAMES: Mapping[int, tuple[str, ...]] = {
    1: ("grey",),
    3: ("red", "green", "blue"),
    4: ("red", "green", "blue", "alpha"),
}


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """A feature, or a channel of images, over the training split, in its own unit."""

    name: str
    kind: str
    mean: float
    sd: float
    low: float
    high: float
    constant: bool


@dataclass(frozen=True, slots=True)
class TargetStatistics:
    """The targets of a regression in one split, in their own unit."""

    split: str
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What is in a data set.

    `counts` holds for each class how many examples it has in each split; `sizes` the examples
    of each split; `own` the splits that the set brings. `noise_floor` is an mse, in the target's
    unit squared; `targets` is empty for classes. `single_row_classes` and `id_columns` are names
    (`nnlab.engine.data.suspicious_data`).
    """

    sizes: Mapping[str, int]
    own: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    targets: tuple[TargetStatistics, ...]
    features: tuple[FeatureStatistics, ...]
    noise_floor: float | None
    single_row_classes: tuple[str, ...]
    id_columns: tuple[str, ...]


def summarise_dataset(arranged: SplitDataset) -> DatasetSummary:
    """Counts and measures a data set and its splits."""
    dataset = arranged.dataset
    rows = {"train": arranged.rows.train, "val": arranged.rows.val, "test": arranged.rows.test}
    own = {"val": dataset.own_val, "test": dataset.own_test}
    classes = dataset.task == "classification"
    return DatasetSummary(
        {split: len(chosen) for split, chosen in rows.items()},
        tuple(split for split, count in own.items() if count),
        _class_counts(dataset.classes, dataset.targets, rows) if classes else {},
        () if classes else _target_statistics(dataset.targets, rows),
        _feature_statistics(arranged),
        dataset.noise_floor,
        single_row_classes(dataset),
        id_columns(dataset),
    )


def _class_counts(
    classes: tuple[str, ...], targets: NDArray[Any], rows: Mapping[str, NDArray[np.int64]]
) -> Mapping[str, Mapping[str, int]]:
    found = {s: np.bincount(targets[chosen], minlength=len(classes)) for s, chosen in rows.items()}
    return {
        name: {split: int(counts[place]) for split, counts in found.items()}
        for place, name in enumerate(classes)
    }


def _target_statistics(
    targets: NDArray[Any], rows: Mapping[str, NDArray[np.int64]]
) -> tuple[TargetStatistics, ...]:
    return tuple(
        TargetStatistics(split, float(y.mean()), float(y.std()), float(y.min()), float(y.max()))
        for split, y in ((split, targets[chosen]) for split, chosen in rows.items())
    )


def _feature_statistics(arranged: SplitDataset) -> tuple[FeatureStatistics, ...]:
    examples, train = arranged.dataset.examples, arranged.rows.train
    mean, sd = mean_and_sd(examples, train)
    low, high = min_and_max(examples, train)
    measured = (mean, sd, low, high, is_constant(mean, sd))
    flat = (array.reshape(-1).tolist() for array in measured)
    return tuple(
        FeatureStatistics(name, kind, *numbers)
        for (name, kind), numbers in zip(
            _feature_names_and_kinds(arranged), zip(*flat, strict=True), strict=True
        )
    )


def _feature_names_and_kinds(arranged: SplitDataset) -> list[tuple[str, str]]:
    """The name and the kind of each feature or channel."""
    dataset = arranged.dataset
    count = dataset.in_shape[0]
    if len(dataset.in_shape) > 1:
        numbered = tuple(f"channel {place}" for place in range(count))
        return [(name, "channel") for name in _CHANNEL_NAMES.get(count, numbered)]
    if dataset.columns:
        return [
            (name, "category" if column.values else "number")
            for column in dataset.columns
            for name in column.features
        ]
    return [(str(place), "number") for place in range(count)]
