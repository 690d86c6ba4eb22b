"""Splits by group and by time: all rows of a group, or of a period, are in the same split."""

import datetime
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.split import TEST, TRAIN, VAL
from nnlab.errors import DataError
from nnlab.settings.numbers import parse_number

_FIRST_YEAR = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)


def split_by_group(
    groups: NDArray[np.str_], *, val: float, test: float, seed: int
) -> NDArray[np.int8]:
    """The split of each row: 0 train, 1 val, 2 test; rows of one group share it.

    Groups are drawn in random order until a split has its share of the rows, as nearly as whole
    groups allow.

    Args:
        groups: the group of each row, [n].
        val: share of the rows for validation; 0 for no validation split.
        test: share of the rows for the test split; 0 for no test split.
        seed: seed of the draw.

    Raises:
        DataError: there are fewer groups than splits.
    """
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shares = [(code, share) for code, share in ((TEST, test), (VAL, val)) if share > 0]
    if len(names) <= len(shares):
        raise DataError(
            f"there are {len(names)} groups, but {len(shares) + 1} splits",
            hint="use a column with more values, or an own validation or test set",
        )
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(names))
    code_of_group = np.full(len(names), TRAIN, np.int8)
    free = list(order)
    for position, (code, share) in enumerate(shares):
        rows, target = 0, share * len(groups)
        # Each split after this one, and the training split, keeps at least one group.
        reserved = len(shares) - position
        for group in list(free):
            is_closer = abs(rows + sizes[group] - target) < abs(rows - target)
            if len(free) > reserved and (rows == 0 or is_closer):
                code_of_group[group] = code
                rows += int(sizes[group])
                free.remove(group)
    split: NDArray[np.int8] = code_of_group[index.reshape(-1)]
    return split


def fold_by_group(groups: NDArray[np.str_], *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row; rows of one group share it, and folds have similar sizes.

    Raises:
        DataError: there are fewer groups than folds.
    """
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < folds:
        raise DataError(
            f"{len(names)} groups are left for training and validation, too few for --folds {folds}"
        )
    shuffled = np.random.Generator(np.random.PCG64(seed)).permutation(len(names))
    rows_of_fold = np.zeros(folds, np.int64)
    fold_of_group = np.zeros(len(names), np.int64)
    # The largest groups first, each into the fold with the fewest rows.
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold = int(rows_of_fold.argmin())
        fold_of_group[group] = fold
        rows_of_fold[fold] += sizes[group]
    fold_of_row: NDArray[np.int64] = fold_of_group[index.reshape(-1)]
    return fold_of_row


def split_by_time(times: NDArray[np.float64], *, val: float, test: float) -> NDArray[np.int8]:
    """The split of each row: the earliest rows train, later ones val, the latest test.

    Rows of the same time share a split, so the shares are met as nearly as this allows.

    Args:
        times: the time of each row, [n].
        val: share of the rows for validation; 0 for no validation split.
        test: share of the rows for the test split; 0 for no test split.

    Raises:
        DataError: there are fewer different times than splits.
    """
    count = len(times)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    # The positions at which a split may begin: where the time changes.
    starts = np.flatnonzero(np.diff(ordered) > 0) + 1
    shares = [(code, share) for code, share in ((TEST, test), (VAL, val)) if share > 0]
    if len(starts) < len(shares):
        raise DataError(
            f"the times have {len(starts) + 1} different values, but there are"
            f" {len(shares) + 1} splits"
        )
    split = np.full(count, TRAIN, np.int8)
    end, candidates = count, starts
    for position, (code, share) in enumerate(shares):
        # Each earlier split keeps at least one time.
        usable = candidates[len(shares) - position - 1 :]
        start = int(usable[np.abs(usable - (end - share * count)).argmin()])
        split[order[start:end]] = code
        end, candidates = start, candidates[candidates < start]
    return split


def parse_times(cells: Sequence[str], column: str) -> NDArray[np.float64]:
    """Times as numbers: numbers themselves, or ISO 8601 dates and times in seconds.

    Raises:
        DataError: a cell is neither; the message names the first one.
    """
    numbers = [parse_number(cell) for cell in cells]
    if None not in numbers:
        return np.array(numbers, np.float64)
    seconds = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            moment = datetime.datetime.fromisoformat(cell)
        except ValueError:
            raise DataError(
                f"--split-by-time {column}: '{cell}' in row {row + 1} is neither a number nor an"
                " ISO date such as 2024-03-05 or 2024-03-05 14:30",
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        seconds[row] = (moment - _FIRST_YEAR).total_seconds()
    return seconds
