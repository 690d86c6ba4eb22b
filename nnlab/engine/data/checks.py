"""Checks of the data as metrics `data/...`, which are stored with the first epoch of a run.

They are measured once, on the splits after preprocessing:

- `data/train`, `data/val`: sizes of the splits
- `data/classes`: number of classes
- `data/majority`, `data/minority`: shares of the largest and smallest class in training
- `data/entropy`: entropy of the class frequencies in training, in nats
- `data/missing_classes`: classes that are missing in training or validation
- `data/constant`: features with a single value
- `data/duplicates`: features that equal another feature
- `data/repeated`: share of the training rows that occur more than once
- `data/overlap`: share of the validation rows that also occur in training
- `data/mean`, `data/sd`: largest |mean| and largest sd of a feature (inputs should have 0 and 1)
- `data/sd_ratio`: ratio of the largest sd to the smallest

Tokens have no features; single classes are counted only if there is one per example.

Two are measured on the whole data set before it is split: `data/single_row_classes`, classes with
one row, and `data/id_columns`, columns that look like identifiers.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import torch

# Rows that are hashed at a time, which limits the memory for large data sets.
_CHUNK_ROWS = 4096


class ExamplesAndTargets(Protocol):
    """Examples [n, ...] and their targets."""

    @property
    def examples(self) -> torch.Tensor:
        """The inputs of the model."""

    @property
    def targets(self) -> torch.Tensor:
        """Classes [n], numbers or tags [n, k], classes of positions, or the examples."""


def measure_checks(
    train: ExamplesAndTargets,
    val: ExamplesAndTargets,
    classes: int,
    dataset_checks: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, float]:
    """The checks by metric name.

    Args:
        train: the training split.
        val: the validation split.
        classes: number of classes, 0 if examples have no single class.
        dataset_checks: results for the whole data set, from `suspicious_data.count_suspicious`.
    """
    x, y = train.examples, train.targets
    values = {
        **dataset_checks,
        "train": float(len(x)),
        "val": float(len(val.examples)),
        **(_measure_features(x) if x.is_floating_point() else {}),
    }
    hashes, val_hashes = _row_hashes(x), _row_hashes(val.examples)
    unique_hashes, counts = torch.unique(hashes, dim=0, return_counts=True)
    values["repeated"] = float(counts[counts > 1].sum() / len(x))
    values["overlap"] = _overlap_share(unique_hashes, val_hashes)
    if classes:
        values |= _measure_classes(y, val.targets, classes)
    return {f"data/{name}": value for name, value in values.items()}


def _measure_features(x: torch.Tensor) -> dict[str, float]:
    """Statistics over the features of tables and sequences, or over the channels of images."""
    dims = (0, 2, 3) if x.ndim == 4 else 0
    variance, mean = torch.var_mean(x, dims, correction=0)
    sd, mean = variance.sqrt().double().flatten(), mean.double().flatten()
    if bool((sd == 0).any()):
        # In single precision, the squares of very small numbers are 0.
        sd = torch.where(sd == 0, x.double().var(dims, correction=0).sqrt().flatten(), sd)
    # Relative to the magnitude of the feature, because its unit may be arbitrarily small.
    is_constant = sd <= 1e-6 * mean.abs()
    varying_sd = sd[~is_constant]
    num_duplicates = 0
    if x.ndim == 2 and len(varying_sd) > 1:
        num_duplicates = len(varying_sd) - len(
            torch.unique(_row_hashes(x[:, ~is_constant].T), dim=0)
        )
    return {
        "constant": float(is_constant.sum()),
        "duplicates": float(num_duplicates),
        "mean": float(mean.abs().max()),
        "sd": float(sd.max()),
        "sd_ratio": float(varying_sd.max() / varying_sd.min()) if len(varying_sd) else 1.0,
    }


def _measure_classes(y: torch.Tensor, val_y: torch.Tensor, classes: int) -> dict[str, float]:
    counts, val_counts = (torch.bincount(part, minlength=classes) for part in (y, val_y))
    return {
        "classes": float(classes),
        "majority": float(counts.max() / len(y)),
        "minority": float(counts.min() / len(y)),
        "entropy": float(torch.special.entr(counts.double() / len(y)).sum()),
        "missing_classes": float(((counts == 0) | (val_counts == 0)).sum()),
    }


def _row_hashes(x: torch.Tensor) -> torch.Tensor:
    """Two hashes for each row [n, 2]: equal for equal rows, and almost surely different otherwise.

    The bits of each value are multiplied by random integers and summed as integers, so that no
    rounding depends on the position of a row.
    """
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(1, 2**31, (2, x[0].numel()), generator=generator).to(x.device)
    parts = []
    for rows in torch.split(x, _CHUNK_ROWS):
        bits = rows.flatten(1).contiguous().float().view(torch.int32).long()
        parts.append(torch.stack([(bits * factor).sum(1) for factor in factors], dim=1))
    return torch.cat(parts)


def _overlap_share(unique_hashes: torch.Tensor, rows: torch.Tensor) -> float:
    """The share of the hashes `rows` that are among `unique_hashes`."""
    if not len(rows):
        return 0.0
    row_set = set(map(tuple, unique_hashes.tolist()))
    return sum(tuple(row) in row_set for row in rows.tolist()) / len(rows)
