"""What can be wrong with data, in numbers: metrics `data/…` of the first epoch.

They are measured once, on the splits as the model gets them: sizes (`data/train`, `data/val`),
`data/classes`, the shares of the largest and the smallest class in training (`data/majority`,
`data/minority`), the entropy of the class frequencies in training, in nats (`data/entropy`),
classes that training or validation lacks (`data/missing_classes`), features of
one value (`data/constant`) and features that equal another (`data/duplicates`), the share of
training rows that occur twice (`data/repeated`), the share of validation rows that training has
too (`data/overlap`), and how far inputs are from mean 0 and sd 1: the largest |mean| and sd of
a feature (`data/mean`, `data/sd`) and the ratio of the largest sd to the smallest
(`data/sd_ratio`). Of the whole data set, before it is split, are classes with a single row
(`data/single_row_classes`) and columns that look like identifiers (`data/id_columns`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import torch

# Rows that are looked at together, so that large sets need little memory beside.
_CHUNK_ROWS = 4096


class ExamplesAndTargets(Protocol):
    """Examples [n, ...] and their targets."""

    @property
    def examples(self) -> torch.Tensor:
        """As the model gets them."""

    @property
    def targets(self) -> torch.Tensor:
        """Classes [n], or numbers [n, 1]."""


def measure_checks(
    train: ExamplesAndTargets,
    val: ExamplesAndTargets,
    classes: int,
    of_dataset: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, float]:
    """Measures two splits; `classes` is 0 for regression, `of_dataset` is added (`suspicious`)."""
    x, y = train.examples, train.targets
    found = {
        **of_dataset,
        "train": float(len(x)),
        "val": float(len(val.examples)),
        **_measure_features(x),
    }
    prints, val_prints = _row_hashes(x), _row_hashes(val.examples)
    known, counts = torch.unique(prints, dim=0, return_counts=True)
    found["repeated"] = float(counts[counts > 1].sum() / len(x))
    found["overlap"] = _overlap_share(known, val_prints)
    if classes:
        found |= _measure_classes(y, val.targets, classes)
    return {f"data/{name}": value for name, value in found.items()}


def _measure_features(x: torch.Tensor) -> dict[str, float]:
    """Features of tables and sequences; channels of images."""
    images = x.ndim == 4
    over = (0, 2, 3) if images else 0
    variance, mean = torch.var_mean(x, over, correction=0)
    sd, mean = variance.sqrt().double().flatten(), mean.double().flatten()
    if bool((sd == 0).any()):
        # Squares of very small numbers are 0 in single precision.
        sd = torch.where(sd == 0, x.double().var(over, correction=0).sqrt().flatten(), sd)
    # Relative to the feature's own magnitude: its unit may be as small as it likes.
    still = sd <= 1e-6 * mean.abs()
    moving = sd[~still]
    twins = 0
    if x.ndim == 2 and len(moving) > 1:
        twins = len(moving) - len(torch.unique(_row_hashes(x[:, ~still].T), dim=0))
    return {
        "constant": float(still.sum()),
        "duplicates": float(twins),
        "mean": float(mean.abs().max()),
        "sd": float(sd.max()),
        "sd_ratio": float(moving.max() / moving.min()) if len(moving) else 1.0,
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
    """Two numbers for each row, equal where rows are equal and else, for all that is likely, not.

    Products with integers drawn at random, summed in whole numbers: no rounding depends on the
    place of a row.
    """
    draw = torch.Generator().manual_seed(0)
    factors = torch.randint(1, 2**31, (2, x[0].numel()), generator=draw).to(x.device)
    parts = []
    for rows in torch.split(x, _CHUNK_ROWS):
        bits = rows.flatten(1).contiguous().float().view(torch.int32).long()
        parts.append(torch.stack([(bits * factor).sum(1) for factor in factors], dim=1))
    return torch.cat(parts)


def _overlap_share(known: torch.Tensor, rows: torch.Tensor) -> float:
    """The share of `rows` that are among the `known` ones, which do not repeat."""
    if not len(rows):
        return 0.0
    wanted = set(map(tuple, known.tolist()))
    return sum(tuple(row) in wanted for row in rows.tolist()) / len(rows)
