"""`Buckets`: the minimum, maximum and mean of neighbouring values of a curve.

A bucket of one value is the value itself, so short curves and details of long ones have the same
form as long curves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnlab.store import CurveRows

    Column = NDArray[np.float64]

# What a bucket has of each of its x values: that of its first and of its last row.
X_NAMES: Final = ("position", "step", "epoch", "time")
_VALUE_COLUMNS: Final = ("count", "finite", "low", "high", "total", "first", "last")


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Columns with an entry per bucket, in the order of the curve.

    `count` is the number of values, `finite` that of the finite ones; `low`, `high` and `total`
    (the sum) are those of the finite ones and NaN if there are none. `first` and `last` are the
    first and the last value. `position_first`, `position_last`, and for samples `step_first`,
    `epoch_last` and so on are the x values of the first and last row, NaN where one is missing.
    Every bucket but the last has `size` values.
    """

    size: int
    columns: "Mapping[str, Column]"

    def __len__(self) -> int:
        return len(self.columns["count"])

    def __getitem__(self, name: str) -> "Column":
        return self.columns[name]

    def has(self, x_name: str) -> bool:
        """Whether some bucket has an x value of this name."""
        column = self.columns.get(f"{x_name}_first")
        return column is not None and bool(np.isfinite(column).any())

    @property
    def total_count(self) -> int:
        """The number of values in all buckets."""
        return int(self["count"].sum())

    @property
    def mean(self) -> "Column":
        """The mean of the finite values of each bucket; NaN without any."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self["total"] / self["finite"]

    def middle(self, x_name: str) -> "Column":
        """The x value in the middle of each bucket."""
        first = self[f"{x_name}_first"]
        return first + (self[f"{x_name}_last"] - first) / 2

    def part(self, begin: int, end: int | None = None) -> "Buckets":
        """The buckets from one index to another, which is excluded."""
        return Buckets(self.size, {k: column[begin:end] for k, column in self.columns.items()})

    def merged(self, factor: int) -> "Buckets":
        """Buckets that each combine `factor` neighbours."""
        if factor == 1 or len(self) == 0:
            return self
        starts = np.arange(0, len(self), factor)
        ends = np.append(starts[1:], len(self)) - 1
        columns = {}
        for name, column in self.columns.items():
            if name in ("count", "finite"):
                columns[name] = np.add.reduceat(column, starts)
            elif name == "total":
                sums = np.add.reduceat(np.nan_to_num(column, nan=0.0), starts)
                columns[name] = np.where(np.add.reduceat(self["finite"], starts) > 0, sums, np.nan)
            elif name in ("low", "high"):
                reduce = np.fmin if name == "low" else np.fmax
                columns[name] = reduce.reduceat(column, starts)
            else:
                columns[name] = column[starts if name.endswith("first") else ends]
        return Buckets(self.size * factor, columns)

    def limited(self, most: int) -> "Buckets":
        """At most `most` buckets; those but the last stay the same while values are appended."""
        factor = 1
        while -(-len(self) // factor) > most:
            factor *= 2
        return self.merged(factor)

    def followed_by(self, more: "Buckets") -> "Buckets":
        """These buckets and further ones of the same size."""
        if len(self) == 0:
            return more
        names = self.columns.keys()
        return Buckets(
            self.size, {name: np.concatenate([self[name], more[name]]) for name in names}
        )


def buckets_of_rows(rows: "CurveRows", size: int) -> Buckets:
    """The buckets of the rows of a curve, `size` rows in each.

    Samples that later ones replaced are left out (see `store.visible_samples`).

    Raises:
        ValueError: a value is not a number.
    """
    columns = {"position": rows.positions, "value": rows.values}
    columns |= {"step": rows.steps, "epoch": rows.epochs, "time": rows.times}
    arrays = {
        name: np.asarray(column, dtype=np.float64)
        for name, column in columns.items()
        if len(column) == len(rows.positions)
    }
    if "step" in arrays and len(arrays["step"]):
        kept = _visible(arrays["step"])
        if not kept.all():
            arrays = {name: column[kept] for name, column in arrays.items()}
    return _single_values(arrays).merged(size)


def _visible(steps: "Column") -> "NDArray[np.bool_]":
    """Which samples are not replaced: those whose step is below all later ones."""
    later = np.fmin.accumulate(np.append(steps[1:], np.inf)[::-1])[::-1]
    result: NDArray[np.bool_] = ~(steps >= later)
    return result


def _single_values(arrays: "Mapping[str, Column]") -> Buckets:
    values = arrays["value"]
    is_finite = np.isfinite(values)
    finite = np.where(is_finite, values, np.nan)
    columns = {"count": np.ones(len(values)), "finite": is_finite.astype(np.float64)}
    columns |= {"low": finite, "high": finite, "total": finite, "first": values, "last": values}
    for name in X_NAMES:
        if name in arrays:
            columns |= {f"{name}_first": arrays[name], f"{name}_last": arrays[name]}
    return Buckets(1, columns)


def has_valid_columns(columns: "Mapping[str, Column]") -> bool:
    """Whether columns that were read from a file can be those of `Buckets`."""
    required = {*_VALUE_COLUMNS, "position_first", "position_last"}
    optional = {f"{name}_{end}" for name in X_NAMES for end in ("first", "last")}
    if not required <= columns.keys() <= required | optional:
        return False
    shapes = {column.shape for column in columns.values()}
    types = {column.dtype for column in columns.values()}
    return len(shapes) == 1 and len(shapes.pop()) == 1 and types == {np.dtype(np.float64)}
