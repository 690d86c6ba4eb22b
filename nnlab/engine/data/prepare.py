"""Data sets as tensors on a device: read, split and preprocessed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.config import RunConfig
from nnlab.engine.data import preprocessing, suspicious_data
from nnlab.engine.data.checks import measure_checks
from nnlab.engine.data.dataset import Dataset, FeatureColumn, has_one_value
from nnlab.engine.data.number_range import check_prepared, check_prepared_targets
from nnlab.engine.data.preprocessing import InputTransform
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.data.table_options import TABLE_FIELDS
from nnlab.errors import DataError

# The fields that determine the prepared data, besides the device and the dtype.
_DATA_FIELDS = (
    "data", "samples", "data_noise", "data_seed", "data_version", "classes", "train_size",
    "label_noise", "inputs", "val_fraction", "test_fraction", "split_seed", "stratify_by",
    "split_by", "split_by_time", "split_file", "split_version", "folds", *TABLE_FIELDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SplitTensors:
    """One split on the device: examples [n, ...], and targets [n] (classes) or [n, 1] (numbers)."""

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
    `nnlab.engine.data.checks`, computed at the first call. `input_transform`, `classes`, `columns`
    and `target_name` are what predictions for new examples need besides the model.
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
    with np.errstate(over="ignore", invalid="ignore"):
        transform = preprocessing.fit_input_transform(config.inputs, dataset.examples, rows.train)
    targets, target_mean, target_scale = _standardise_targets(dataset, rows.train)
    is_double = config.dtype == "float64"
    if dataset.task == "regression":
        check_prepared_targets(dataset, targets, np.float64 if is_double else np.float32)
    dtype = torch.float64 if is_double else torch.float32

    def split_tensors(split_rows: NDArray[np.int64]) -> SplitTensors:
        # Numbers that are too large are reported by their column, not by numpy's warnings.
        with np.errstate(over="ignore", invalid="ignore"):
            examples = preprocessing.transform_rows(
                transform, dataset.examples, split_rows, np.float64 if is_double else np.float32
            )
        check_prepared(dataset, split_rows, examples, config.inputs)
        target_dtype = torch.int64 if dataset.task == "classification" else dtype
        return SplitTensors(
            torch.from_numpy(examples).to(device),
            torch.from_numpy(targets[split_rows]).to(device, target_dtype),
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
        target_scale,
        cache(partial(measure_checks, train, val, num_classes, suspicious)),
        target_mean,
        transform,
        dataset.classes,
        dataset.columns,
        dataset.target_name,
    )


def _standardise_targets(
    dataset: Dataset, train: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | NDArray[np.float64], float, float]:
    """Targets [n] (classes) or standardised [n, 1] (numbers), their mean and their scale.

    Raises:
        DataError: all training targets are equal.
    """
    if dataset.task == "classification":
        return np.asarray(dataset.targets, np.int64), 0.0, 1.0
    targets = np.asarray(dataset.targets, np.float64)
    if has_one_value(targets[train]):
        raise DataError(
            f"{dataset.name}: all targets of the training split are {float(targets[train][0])!r};"
            " there is nothing to learn",
            hint="use a target with different values, or another --split-seed or --train-size",
        )
    with np.errstate(over="ignore"):
        mean, sd = targets[train].mean(), targets[train].std()
    if not 0 < sd < np.inf:  # squares of such small or large numbers are out of range for float64
        sd = preprocessing.mean_and_sd(targets[:, None], train)[1].item()
    with np.errstate(over="ignore", invalid="ignore"):
        standardised = ((targets - mean) / sd)[:, None]
    return standardised, float(mean), float(sd)
