"""Data sets as tensors on a device: read, split and preprocessed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine.data import preprocessing, suspicious_data
from nnlab.engine.data.checks import measure_checks
from nnlab.engine.data.dataset import Dataset, FeatureColumn, has_one_value
from nnlab.engine.data.embeddings import index_features
from nnlab.engine.data.number_range import check_prepared, check_prepared_targets
from nnlab.engine.data.preprocessing import InputTransform
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.data.table_options import TABLE_FIELDS
from nnlab.errors import DataError
from nnlab.settings import RunConfig

# The fields that determine the prepared data, besides the device and the dtype.
_DATA_FIELDS = (
    "data", "samples", "data_noise", "data_seed", "data_version", "classes", "rotate",
    "train_size", "label_noise", "inputs", "val_fraction", "test_fraction", "split_seed",
    "stratify_by", "split_by", "split_by_time", "split_file", "split_version", "folds",
    *TABLE_FIELDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SplitTensors:
    """One split on the device: examples [n, ...] and targets.

    Targets are classes [n], [n, T] or [n, H, W], numbers or tags [n, k], or the examples
    themselves.
    """

    examples: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A data set ready to train on.

    Regression targets are standardised on the training split, so that default learning rates fit.
    `target_scale` converts an error in standardised units to the unit of the target, and
    `target_mean` is the target whose standardised value is 0. `checks` returns the metrics of
    `nnlab.engine.data.checks`, computed at the first call. With several targets, `target_scales`
    and `target_means` have one number for each, and the other two are not used. `output_shape` is
    the shape of one output of the model, and `dtype` the floating dtype of model and metrics; the
    examples may be tokens. `input_transform`, `classes`, `columns`
    and the names are what predictions for new examples need besides the model.
    """

    task: Task
    in_shape: tuple[int, ...]
    num_outputs: int
    train: SplitTensors
    val: SplitTensors
    test: SplitTensors
    fingerprint: str
    target_scale: float = 1.0
    checks: Callable[[], Mapping[str, float]] = dict
    target_mean: float = 0.0
    input_transform: InputTransform = preprocessing.unchanged
    classes: tuple[str, ...] = ()
    columns: tuple[FeatureColumn, ...] = ()
    target_name: str = ""
    output_shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    target_names: tuple[str, ...] = ()
    target_scales: tuple[float, ...] = ()
    target_means: tuple[float, ...] = ()
    vocabulary: tuple[str, ...] = ()
    pad_token: int | None = None

    @property
    def keeps_outputs(self) -> bool:
        """Whether the outputs of a split are few enough to be kept: one vector per example."""
        return self.task in ("classification", "regression", "multilabel")

    @property
    def mean_of_targets(self) -> float | tuple[float, ...]:
        """The targets whose standardised value is 0: one number, or one for each target."""
        return self.target_means or self.target_mean

    @property
    def scale_of_targets(self) -> float | tuple[float, ...]:
        """The units of the targets per standardised unit: one number, or one for each target."""
        return self.target_scales or self.target_scale

    def channels_last(self) -> "PreparedData":
        """A copy with images in the channels-last memory format; the shapes do not change."""

        def convert(part: SplitTensors) -> SplitTensors:
            examples = part.examples.contiguous(memory_format=torch.channels_last)
            return replace(part, examples=examples)

        return replace(
            self, train=convert(self.train), val=convert(self.val), test=convert(self.test)
        )


def prepare_data(config: RunConfig, device: torch.device) -> PreparedData:
    """Reads, splits and preprocesses the data set of a resolved config.

    The last result is cached and shared, because consecutive runs mostly use the same data.
    Callers must not change it in place.

    Raises:
        DataError: the data set cannot be used.
    """
    data_settings = {name: getattr(config, name) for name in _DATA_FIELDS}
    dtype = "float64" if config.dtype == "float64" else "float32"
    seed = 0 if config.folds is None else config.seed % config.folds
    return _prepare_cached(RunConfig(**data_settings, dtype=dtype, seed=seed), device)


@lru_cache(maxsize=1)
def _prepare_cached(config: RunConfig, device: torch.device) -> PreparedData:
    split_dataset = read_and_split(config)
    dataset, rows = split_dataset.dataset, split_dataset.rows
    transform = fit_transform(config.inputs, dataset, rows.train)
    targets, means, scales = standardise_targets(dataset, rows.train)
    is_double = config.dtype == "float64"
    if dataset.task == "regression" and targets is not None:
        check_prepared_targets(dataset, targets, np.float64 if is_double else np.float32)
    dtype = torch.float64 if is_double else torch.float32

    def split_tensors(split_rows: NDArray[np.int64]) -> SplitTensors:
        if dataset.has_tokens:
            array = dataset.examples[split_rows]
        else:
            # Numbers that are too large are reported by their column, not by numpy's warnings.
            with np.errstate(over="ignore", invalid="ignore"):
                array = preprocessing.transform_rows(
                    transform, dataset.examples, split_rows, np.float64 if is_double else np.float32
                )
            check_prepared(dataset, split_rows, array, config.inputs)
        examples = torch.from_numpy(array).to(device)
        if targets is None:
            return SplitTensors(examples, examples)
        target_dtype = torch.int64 if dataset.task in ("classification", *DENSE_TASKS) else dtype
        return SplitTensors(
            examples, torch.from_numpy(targets[split_rows]).to(device, target_dtype)
        )

    train, val = split_tensors(rows.train), split_tensors(rows.val)
    num_classes = dataset.num_outputs if dataset.task == "classification" else 0
    suspicious = suspicious_data.count_suspicious(dataset)
    return PreparedData(
        dataset.task,
        dataset.in_shape,
        dataset.num_outputs,
        train,
        val,
        split_tensors(rows.test),
        split_dataset.fingerprint,
        scales[0] if len(scales) == 1 else 1.0,
        cache(
            partial(
                measure_checks, train, val, num_classes, suspicious, index_features(dataset.columns)
            )
        ),
        means[0] if len(means) == 1 else 0.0,
        transform,
        dataset.classes,
        dataset.columns,
        dataset.target_name,
        dataset.output_shape,
        dtype,
        dataset.target_names,
        scales if len(scales) > 1 else (),
        means if len(means) > 1 else (),
        dataset.vocabulary,
        dataset.pad_token,
    )


def fit_transform(inputs: str, dataset: Dataset, train: NDArray[np.int64]) -> InputTransform:
    """The transform of the examples of a data set, fitted on its training rows.

    Token ids stay whole numbers, and so do the indices of embedded categories.

    Args:
        inputs: the name of a choice in `nnlab.catalogue.inputs`.
        dataset: the data set.
        train: the rows of the training split.

    Raises:
        DataError: too many features for ZCA whitening.
    """
    name = "none" if dataset.has_tokens else inputs
    is_index = index_features(dataset.columns)
    with np.errstate(over="ignore", invalid="ignore"):
        return preprocessing.fit_input_transform(name, dataset.examples, train, is_index)


def standardise_targets(
    dataset: Dataset, train: NDArray[np.int64]
) -> tuple[NDArray[Any] | None, tuple[float, ...], tuple[float, ...]]:
    """The targets, their means and their scales: of numbers, standardised to [n, k].

    Raises:
        DataError: all training targets are equal.
    """
    if dataset.targets is None or dataset.task != "regression":
        targets = dataset.targets
        if dataset.task in ("classification", *DENSE_TASKS):
            targets = np.asarray(targets, np.int64)
        return targets, (0.0,), (1.0,)
    numbers = np.asarray(dataset.targets, np.float64)
    columns = numbers[:, None] if numbers.ndim == 1 else numbers
    names = dataset.target_names or ("",) * columns.shape[1]
    moments = [
        _mean_and_scale(dataset, f" '{name}'" if name else "", column, train)
        for name, column in zip(names, columns.T, strict=True)
    ]
    means, scales = (tuple(values) for values in zip(*moments, strict=True))
    with np.errstate(over="ignore", invalid="ignore"):
        standardised = (columns - np.array(means)) / np.array(scales)
    return standardised, means, scales


def _mean_and_scale(
    dataset: Dataset, name: str, targets: NDArray[np.float64], train: NDArray[np.int64]
) -> tuple[float, float]:
    """The mean and the sd of one target [n] in the training split."""
    if has_one_value(targets[train]):
        raise DataError(
            f"{dataset.name}: all targets{name} of the training split are"
            f" {float(targets[train][0])!r}; there is nothing to learn",
            hint="use a target with different values, or another --split-seed or --train-size",
        )
    with np.errstate(over="ignore"):
        mean, sd = targets[train].mean(), targets[train].std()
    if not 0 < sd < np.inf:  # squares of such small or large numbers are out of range for float64
        sd = preprocessing.mean_and_sd(targets[:, None], train)[1].item()
    return float(mean), float(sd)
