"""From a data set to tensors on a device: split, treated by what the training split shows."""

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
from nnlab.engine.data.dataset import Dataset, has_one_value
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.errors import DataError

# What the prepared data follow from, beside the device and the width of a number.
_DATA_FIELDS = (
    "data", "samples", "data_noise", "data_seed", "data_version", "classes", "train_size",
    "label_noise", "inputs", "val_fraction", "test_fraction", "split_seed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SplitTensors:
    """One split on the device: examples [n, ...] and targets, [n] classes or [n, 1] numbers."""

    examples: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A data set ready to train on.

    `target_scale` turns an error in the loss's units into the target's own: targets of a
    regression are standardised on the training split, so that one learning rate fits all.
    `checks` gives those of `nnlab.engine.data.checks`, measured when first asked for.
    """

    task: Task
    in_shape: tuple[int, ...]
    outputs: int
    train: SplitTensors
    val: SplitTensors
    test: SplitTensors
    fingerprint: str
    target_scale: float = 1.0
    checks: Callable[[], Mapping[str, float]] = dict

    def channels_last(self) -> "PreparedData":
        """The same with the channels of its images last in memory; shapes stay as they are."""

        def moved(part: SplitTensors) -> SplitTensors:
            examples = part.examples.contiguous(memory_format=torch.channels_last)
            return replace(part, examples=examples)

        return replace(self, train=moved(self.train), val=moved(self.val), test=moved(self.test))


def prepare_data(config: RunConfig, device: torch.device) -> PreparedData:
    """Reads, splits and treats the data set of a resolved config.

    Runs that follow each other mostly want the same data: the last are kept and shared. Nobody
    changes them in place.

    Raises:
        DataError: the data set cannot be used.
    """
    asked = {name: getattr(config, name) for name in _DATA_FIELDS}
    dtype = "float64" if config.dtype == "float64" else "float32"
    return _prepare_cached(RunConfig(**asked, dtype=dtype), device)


@lru_cache(maxsize=1)
def _prepare_cached(config: RunConfig, device: torch.device) -> PreparedData:
    arranged = read_and_split(config)
    dataset, rows = arranged.dataset, arranged.rows
    treatment = preprocessing.fit_input_transform(config.inputs, dataset.examples, rows.train)
    targets, target_scale = _standardise_targets(dataset, rows.train)
    wide = config.dtype == "float64"
    dtype = torch.float64 if wide else torch.float32

    def part(chosen: NDArray[np.int64]) -> SplitTensors:
        treated = preprocessing.transform_rows(
            treatment, dataset.examples, chosen, np.float64 if wide else np.float32
        )
        kind = torch.int64 if dataset.task == "classification" else dtype
        return SplitTensors(
            torch.from_numpy(treated).to(device),
            torch.from_numpy(targets[chosen]).to(device, kind),
        )

    train, val = part(rows.train), part(rows.val)
    classes = dataset.outputs if dataset.task == "classification" else 0
    return PreparedData(
        dataset.task,
        dataset.in_shape,
        dataset.outputs,
        train,
        val,
        part(rows.test),
        arranged.fingerprint,
        target_scale,
        cache(
            partial(measure_checks, train, val, classes, suspicious_data.count_suspicious(dataset))
        ),
    )


def _standardise_targets(
    dataset: Dataset, train: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | NDArray[np.float64], float]:
    if dataset.task == "classification":
        return np.asarray(dataset.targets, np.int64), 1.0
    targets = np.asarray(dataset.targets, np.float64)
    if has_one_value(targets[train]):
        raise DataError(
            f"{dataset.name}: all targets of the training split are {float(targets[train][0])!r};"
            " there is nothing to learn",
            hint="a target with different values, or another --split-seed or --train-size",
        )
    with np.errstate(over="ignore"):
        mean, sd = targets[train].mean(), targets[train].std()
    if not 0 < sd < np.inf:  # squares of such small or large numbers leave the range of a double
        sd = preprocessing.mean_and_sd(targets[:, None], train)[1].item()
    return ((targets - mean) / sd)[:, None], float(sd)
