"""What is done to the inputs: measured on the training split alone, applied to all splits.

All arithmetic is in float64, a chunk of examples at a time: a set of small integers is never in
memory as doubles.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnlab.engine.data.dataset import ROUNDING_TOLERANCE
from nnlab.errors import DataError

FloatArray = NDArray[np.float64]
InputTransform = Callable[[FloatArray], FloatArray]

# Added to each variance before its root is divided by, in mean variances: directions in which
# the data hardly varies are noise, and stay small.
ZCA_EPS = 1e-3
# A covariance has the square of so many entries, and its decomposition costs the cube.
ZCA_MOST_FEATURES = 4096

_CHUNK = 1 << 22  # numbers


@dataclass(frozen=True, slots=True)
class Affine:
    """(x - shift) / scale, per feature, or per channel of images."""

    shift: FloatArray
    scale: FloatArray

    def __call__(self, examples: FloatArray) -> FloatArray:
        """Treats a chunk of examples."""
        return (examples - self.shift) / self.scale


@dataclass(frozen=True, slots=True)
class Whitening:
    """(x - mean) W with W symmetric [d, d], features in a row."""

    mean: FloatArray
    matrix: FloatArray

    def __call__(self, examples: FloatArray) -> FloatArray:
        """Treats a chunk of examples."""
        flat = examples.reshape(len(examples), -1)
        return ((flat - self.mean) @ self.matrix).reshape(examples.shape)


def fit_input_transform(
    name: str, examples: NDArray[Any], rows: NDArray[np.int64]
) -> InputTransform:
    """Measures a treatment on some rows.

    Args:
        name: a row of the catalogue of inputs.
        examples: [n, features] or [n, channels, height, width].
        rows: those of the training split.

    Raises:
        DataError: too many features to whiten.
    """
    return FIT_FUNCTIONS[name](examples, rows)


def transform_rows(
    treatment: InputTransform, examples: NDArray[Any], rows: NDArray[np.int64], dtype: DTypeLike
) -> NDArray[Any]:
    """The treated examples of some rows, [rows, ...] in a number format of their own."""
    treated = np.empty((len(rows), *examples.shape[1:]), dtype)
    done = 0
    for chunk in _float64_chunks(examples, rows):
        treated[done : done + len(chunk)] = treatment(chunk)
        done += len(chunk)
    return treated


def mean_and_sd(examples: NDArray[Any], rows: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Of some rows, per feature or channel, of shape [1, features] or [1, channels, 1, 1]."""
    axes = _reduction_axes(examples)
    count = len(rows) * int(np.prod([examples.shape[axis] for axis in axes[1:]]))
    sums = (chunk.sum(axis=axes, keepdims=True) for chunk in _float64_chunks(examples, rows))
    mean = _sum_arrays(sums) / count
    with np.errstate(over="ignore", under="ignore"):
        squares = (
            ((chunk - mean) ** 2).sum(axis=axes, keepdims=True)
            for chunk in _float64_chunks(examples, rows)
        )
        sd = np.sqrt(_sum_arrays(squares) / count)
    if (sd == 0).any() or not np.isfinite(sd).all():
        # Squares of very small or very large numbers leave the range of a double.
        sd = np.where(
            (sd == 0) | ~np.isfinite(sd), _overflow_safe_sd(examples, rows, mean, count), sd
        )
    return mean, sd


def _overflow_safe_sd(
    examples: NDArray[Any], rows: NDArray[np.int64], mean: FloatArray, count: int
) -> FloatArray:
    """The sd in units of the largest deviation: 0 only where all values are equal."""
    axes = _reduction_axes(examples)
    largest = np.max(
        [
            np.abs(chunk - mean).max(axis=axes, keepdims=True)
            for chunk in _float64_chunks(examples, rows)
        ],
        axis=0,
    )
    unit = np.where(largest > 0, largest, 1.0)
    squares = (
        (((chunk - mean) / unit) ** 2).sum(axis=axes, keepdims=True)
        for chunk in _float64_chunks(examples, rows)
    )
    return unit * np.sqrt(_sum_arrays(squares) / count)


def min_and_max(examples: NDArray[Any], rows: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """The smallest and the largest value of some rows, shaped as `mean_and_sd`."""
    axes = _reduction_axes(examples)
    lows, highs = [], []
    for chunk in _float64_chunks(examples, rows):
        lows.append(chunk.min(axis=axes, keepdims=True))
        highs.append(chunk.max(axis=axes, keepdims=True))
    return np.min(lows, axis=0), np.max(highs, axis=0)


def is_constant(magnitude: FloatArray, spread: FloatArray) -> NDArray[np.bool_]:
    """Where a spread is nothing but rounding: at most `ROUNDING_TOLERANCE` of the magnitude, in any unit.

    Args:
        magnitude: a mean or a largest absolute value, of either sign.
        spread: an sd or a range, of the same shape.
    """
    return spread <= ROUNDING_TOLERANCE * np.abs(magnitude)


def _reduction_axes(examples: NDArray[Any]) -> tuple[int, ...]:
    return (0, *range(2, examples.ndim))


def _float64_chunks(examples: NDArray[Any], rows: NDArray[np.int64]) -> Iterator[FloatArray]:
    size = max(1, _CHUNK // max(1, int(np.prod(examples.shape[1:]))))
    for begin in range(0, len(rows), size):
        yield examples[rows[begin : begin + size]].astype(np.float64)


def _sum_arrays(parts: Iterator[FloatArray]) -> FloatArray:
    total = next(parts)
    for part in parts:
        total = total + part
    return total


def _standardise(examples: NDArray[Any], rows: NDArray[np.int64]) -> InputTransform:
    """A feature that is constant on the training split becomes 0, not NaN."""
    mean, sd = mean_and_sd(examples, rows)
    return Affine(mean, _divisors(examples, rows, mean, sd, sd))


def _centre(examples: NDArray[Any], rows: NDArray[np.int64]) -> InputTransform:
    mean, sd = mean_and_sd(examples, rows)
    return Affine(mean, _divisors(examples, rows, mean, sd, np.ones_like(mean)))


def _divisors(
    examples: NDArray[Any],
    rows: NDArray[np.int64],
    mean: FloatArray,
    sd: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    """What a centred feature is divided by: `scale`, or for a constant feature 1.

    A feature that differs from a constant by rounding alone is divided by infinity, which makes it
    exactly 0: otherwise it would be a feature of a tiny unit.
    """
    constant = is_constant(mean, sd)
    if not constant.any():
        return scale
    low, high = min_and_max(examples, rows)
    return np.where(constant, np.where(low == high, 1.0, np.inf), scale)


def _minmax(examples: NDArray[Any], rows: NDArray[np.int64]) -> InputTransform:
    """To [0, 1] on the training split; a constant feature becomes 0."""
    low, high = min_and_max(examples, rows)
    span = high - low
    constant = is_constant(np.maximum(np.abs(low), np.abs(high)), span)
    return Affine(low, np.where(constant, np.where(span == 0, 1.0, np.inf), span))


def _identity(_: NDArray[Any], __: NDArray[np.int64]) -> InputTransform:
    return lambda chunk: chunk


def _zca(examples: NDArray[Any], rows: NDArray[np.int64]) -> InputTransform:
    """W = U (L + eps)^(-1/2) U', with U L U' the covariance (Bell and Sejnowski 1997).

    A constant feature has variance 0 and becomes 0.
    """
    features = int(np.prod(examples.shape[1:]))
    if features > ZCA_MOST_FEATURES:
        raise DataError(
            f"--inputs zca takes {ZCA_MOST_FEATURES:,} features at most, these have {features:,}",
            hint="--inputs standardise",
        )
    flat = examples.reshape(len(examples), features)
    means, sds = mean_and_sd(flat, rows)
    if is_constant(means, sds).all():
        return Affine(means.reshape(1, *examples.shape[1:]), np.array(np.inf))
    # Squares of very small or very large numbers would leave the range of a double.
    largest = float(sds.max())
    unit = 1.0 if 1e-100 < largest < 1e100 else largest
    mean = _sum_arrays(chunk.sum(axis=0) for chunk in _float64_chunks(flat, rows)) / len(rows)
    centred = ((chunk - mean) / unit for chunk in _float64_chunks(flat, rows))
    covariance = _sum_arrays(chunk.T @ chunk for chunk in centred) / len(rows)
    variances, directions = np.linalg.eigh(covariance)
    eps = ZCA_EPS * float(np.trace(covariance)) / features
    scales = 1 / np.sqrt(np.maximum(variances, 0.0) + eps)
    return Whitening(mean, (directions * scales) @ directions.T / unit)


FIT_FUNCTIONS: Mapping[str, Callable[[NDArray[Any], NDArray[np.int64]], InputTransform]] = {
    "standardise": _standardise,
    "centre": _centre,
    "minmax": _minmax,
    "zca": _zca,
    "none": _identity,
}
