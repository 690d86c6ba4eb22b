"""From a data set to tensors on a device: split, scaled by the training split alone."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.config import RunConfig
from nnlab.engine.data import read
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split import split
from nnlab.errors import DataError


@dataclass(frozen=True, slots=True)
class Part:
    """One split on the device: examples [n, ...] and targets, [n] classes or [n, 1] numbers."""

    examples: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set ready to train on.

    `target_scale` turns an error in the loss's units into the target's own: targets of a
    regression are standardised on the training split, so that one learning rate fits all.
    """

    task: Task
    in_shape: tuple[int, ...]
    outputs: int
    train: Part
    val: Part
    test: Part
    fingerprint: str
    target_scale: float = 1.0


def prepare(config: RunConfig, device: torch.device) -> Prepared:
    """Reads, splits and scales the data set of a config.

    Raises:
        DataError: the data set cannot be used.
    """
    dataset = read(config.data)
    if dataset.version != config.data_version:
        raise DataError(
            f"{config.data} has changed since this run was set up:"
            f" its content's hash was {config.data_version}, now it is {dataset.version}",
            hint="run the same `nnlab train` line again: the new content makes a new trial",
        )
    rows = split(
        dataset, val=config.val_fraction, test=config.test_fraction, seed=config.split_seed
    )
    shift, scale = _scaling(dataset.examples[rows.train], config.inputs)
    examples = (dataset.examples - shift) / scale
    targets, target_scale = _scaled_targets(dataset, rows.train)
    dtype = torch.float64 if config.dtype == "float64" else torch.float32

    def part(chosen: NDArray[np.int64]) -> Part:
        kind = torch.int64 if dataset.task == "classification" else dtype
        return Part(
            torch.from_numpy(examples[chosen]).to(device, dtype),
            torch.from_numpy(targets[chosen]).to(device, kind),
        )

    return Prepared(
        dataset.task,
        dataset.in_shape,
        dataset.outputs,
        part(rows.train),
        part(rows.val),
        part(rows.test),
        dataset.fingerprint(rows.train, rows.val, rows.test),
        target_scale,
    )


def _scaling(
    train: NDArray[np.float64], inputs: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What to subtract and divide by, per feature, or per channel of images.

    A feature that is constant on the training split keeps its scale: it becomes zero, not NaN.
    """
    over = (0,) if train.ndim == 2 else (0, *range(2, train.ndim))
    mean = train.mean(axis=over, keepdims=True)
    sd = train.std(axis=over, keepdims=True)
    constant = sd <= 1e-12 * np.maximum(np.abs(mean), 1.0)
    match inputs:
        case "standardise":
            return mean, np.where(constant, 1.0, sd)
        case "centre":
            return mean, np.ones_like(sd)
        case _:
            return np.zeros_like(mean), np.ones_like(sd)


def _scaled_targets(
    dataset: Dataset, train: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | NDArray[np.float64], float]:
    if dataset.task == "classification":
        return np.asarray(dataset.targets, np.int64), 1.0
    targets = np.asarray(dataset.targets, np.float64)
    mean, sd = targets[train].mean(), targets[train].std()
    scale = float(sd) if sd > 0 else 1.0
    return ((targets - mean) / scale)[:, None], scale
