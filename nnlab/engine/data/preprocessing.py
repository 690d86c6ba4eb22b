"""Transformations of the inputs, fitted on the training split and applied to all splits.

All arithmetic is in float64, on one chunk of examples at a time, so that a data set of small
integers is never in memory as float64.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnlab.engine.data.dataset import ROUNDING_TOLERANCE
from nnlab.errors import DataError

FloatArray = NDArray[np.float64]
InputTransform = Callable[[FloatArray], FloatArray]

# Added to each variance, relative to the mean variance, so that directions with little variance,
# which are noise, are not amplified.
ZCA_EPS = 1e-3
# The covariance has this number squared of entries, and its decomposition takes cubic time.
ZCA_MAX_FEATURES = 4096

_CHUNK_NUMBERS = 1 << 22


@dataclass(frozen=True, slots=True)
class Affine:
    """(x - shift) / scale, per feature, or per channel of images."""

    shift: FloatArray
    scale: FloatArray

    def __call__(self, examples: FloatArray) -> FloatArray:
        """Transforms a chunk of examples."""
        return (examples - self.shift) / self.scale


@dataclass(frozen=True, slots=True)
class Whitening:
    """(x - mean) W with a symmetric matrix W [d, d], on flattened examples."""

    mean: FloatArray
    matrix: FloatArray

    def __call__(self, examples: FloatArray) -> FloatArray:
        """Transforms a chunk of examples."""
        flat = examples.reshape(len(examples), -1)
        return ((flat - self.mean) @ self.matrix).reshape(examples.shape)


def fit_input_transform(
    name: str,
    examples: NDArray[Any],
    rows: NDArray[np.int64],
    unchanged_features: Sequence[bool] = (),
) -> InputTransform:
    """Fits a transformation on the training rows.

    Args:
        name: name of a choice in `nnlab.catalogue.inputs`.
        examples: [n, features] or [n, channels, height, width].
        rows: the rows of the training split.
        unchanged_features: marks features [features] that are indices of categories and stay as
            they are; empty if there are none.

    Raises:
        DataError: too many features for ZCA whitening.
    """
    kept = np.array(unchanged_features, bool)
    if not kept.any():
        return FIT_FUNCTIONS[name](examples, rows)
    if kept.all():
        return unchanged
    return _extend(FIT_FUNCTIONS[name](examples[:, ~kept], rows), ~kept)


def _extend(transform: InputTransform, transformed: NDArray[np.bool_]) -> InputTransform:
    """A transformation of some features [features] as one of all, which keeps the others."""
    features = len(transformed)
    if isinstance(transform, Affine):
        shift, scale = np.zeros((1, features)), np.ones((1, features))
        shift[:, transformed], scale[:, transformed] = transform.shift, transform.scale
        return Affine(shift, scale)
    if isinstance(transform, Whitening):
        mean, matrix = np.zeros(features), np.eye(features)
        mean[transformed] = transform.mean
        matrix[np.ix_(transformed, transformed)] = transform.matrix
        return Whitening(mean, matrix)
    return transform


def transform_rows(
    transform: InputTransform, examples: NDArray[Any], rows: NDArray[np.int64], dtype: DTypeLike
) -> NDArray[Any]:
    """The transformed examples of some rows, [rows, ...], in the given dtype."""
    transformed = np.empty((len(rows), *examples.shape[1:]), dtype)
    done = 0
    for chunk in _float64_chunks(examples, rows):
        transformed[done : done + len(chunk)] = transform(chunk)
        done += len(chunk)
    return transformed


def mean_and_sd(examples: NDArray[Any], rows: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Mean and sd of some rows, per feature [1, features] or per channel [1, channels, 1, 1]."""
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
        # Squares of very small or very large numbers are out of range for float64.
        sd = np.where(
            (sd == 0) | ~np.isfinite(sd), _overflow_safe_sd(examples, rows, mean, count), sd
        )
    return mean, sd


def _overflow_safe_sd(
    examples: NDArray[Any], rows: NDArray[np.int64], mean: FloatArray, count: int
) -> FloatArray:
    """The sd, computed relative to the largest deviation; 0 only if all values are equal."""
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
    """Minimum and maximum of some rows, in the shape of `mean_and_sd`."""
    axes = _reduction_axes(examples)
    lows, highs = [], []
    for chunk in _float64_chunks(examples, rows):
        lows.append(chunk.min(axis=axes, keepdims=True))
        highs.append(chunk.max(axis=axes, keepdims=True))
    return np.min(lows, axis=0), np.max(highs, axis=0)


def is_constant(magnitude: FloatArray, spread: FloatArray) -> NDArray[np.bool_]:
    """Whether features are constant up to rounding, relative to their magnitude; elementwise.

    Args:
        magnitude: means or largest absolute values, of either sign.
        spread: sds or ranges, of the same shape.
    """
    return spread <= ROUNDING_TOLERANCE * np.abs(magnitude)


def _reduction_axes(examples: NDArray[Any]) -> tuple[int, ...]:
    return (0, *range(2, examples.ndim))


def _float64_chunks(examples: NDArray[Any], rows: NDArray[np.int64]) -> Iterator[FloatArray]:
    size = max(1, _CHUNK_NUMBERS // max(1, int(np.prod(examples.shape[1:]))))
    for begin in range(0, len(rows), size):
        yield examples[rows[begin : begin + size]].astype(np.float64)


def _sum_arrays(parts: Iterator[FloatArray]) -> FloatArray:
    total = next(parts)
    for part in parts:
        total = total + part
    return total


def _standardise(examples: NDArray[Any], rows: NDArray[np.int64]) -> InputTransform:
    """To mean 0 and sd 1; a feature that is constant on the training split becomes 0, not NaN."""
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
    """The divisors of centred features: `scale`, or 1 for a constant feature.

    A feature that is constant up to rounding is divided by infinity, which makes it exactly 0;
    otherwise its rounding errors would be scaled up.
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


def unchanged(examples: FloatArray) -> FloatArray:
    """The examples themselves: the transformation of `--inputs none`."""
    return examples


def _identity(_: NDArray[Any], __: NDArray[np.int64]) -> InputTransform:
    return unchanged


def _zca(examples: NDArray[Any], rows: NDArray[np.int64]) -> InputTransform:
    """W = U (L + eps)^(-1/2) U', with U L U' the covariance (Bell and Sejnowski 1997).

    A constant feature has variance 0 and becomes 0.
    """
    features = int(np.prod(examples.shape[1:]))
    if features > ZCA_MAX_FEATURES:
        raise DataError(
            f"--inputs zca supports at most {ZCA_MAX_FEATURES:,} features, this data set has"
            f" {features:,}",
            hint="use --inputs standardise",
        )
    flat = examples.reshape(len(examples), features)
    means, sds = mean_and_sd(flat, rows)
    if is_constant(means, sds).all():
        return Affine(means.reshape(1, *examples.shape[1:]), np.array(np.inf))
    # Squares of very small or very large numbers would be out of range for float64.
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
