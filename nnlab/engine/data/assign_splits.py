"""The splits of a data set as a config specifies: stratified, by group, by time, from a file."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.group_split import fold_by_group, parse_times, split_by_group, split_by_time
from nnlab.engine.data.split import (
    TEST,
    VAL,
    SplitRows,
    draw_folds,
    draw_split_codes,
    num_drawn_rows,
    split_rows,
)
from nnlab.engine.data.split_columns import SplitColumns
from nnlab.engine.data.split_file import read_split_file
from nnlab.errors import DataError
from nnlab.settings import RunConfig


def assign_splits(dataset: Dataset, config: RunConfig) -> SplitRows:
    """The rows of each split; with `folds`, the validation split is the fold of the run's seed.

    Raises:
        DataError: the splits cannot be drawn as configured.
    """
    if config.split_file is not None:
        if dataset.num_provided_test or dataset.num_provided_val:
            raise DataError(
                f"{dataset.name} has splits of its own, which --split-file cannot change"
            )
        return read_split_file(config.split_file, len(dataset), config.split_version)
    if config.folds is None:
        codes = _drawn_codes(dataset, config, val=config.val_fraction)
        return split_rows(dataset, codes)
    if dataset.num_provided_val:
        raise DataError(
            f"{dataset.name} has a validation split of its own, which --folds would replace"
        )
    codes = _drawn_codes(dataset, config, val=0.0)
    fold = config.seed % config.folds
    codes[_folds(dataset, config, codes) == fold] = VAL
    return split_rows(dataset, codes)


def rows_before_folds(rows: SplitRows) -> SplitRows:
    """The splits with the validation fold as a part of the training split: equal for all folds."""
    train = np.sort(np.concatenate((rows.train, rows.val)))
    return replace(rows, train=train, val=rows.val[:0])


def _drawn_codes(dataset: Dataset, config: RunConfig, *, val: float) -> NDArray[np.int8]:
    """The split of each row that belongs to no split of the data set itself."""
    count = num_drawn_rows(dataset)
    val = 0.0 if dataset.num_provided_val else val
    test = 0.0 if dataset.num_provided_test else config.test_fraction or 0.0
    if config.split_by is not None:
        groups = dataset.split_cells[config.split_by][:count]
        return split_by_group(groups, val=val, test=test, seed=config.split_seed)
    if config.split_by_time is not None:
        cells = dataset.split_cells[config.split_by_time][:count]
        return split_by_time(parse_times(cells.tolist(), config.split_by_time), val=val, test=test)
    stratify = SplitColumns.of(config).stratify
    return draw_split_codes(
        dataset, val=val, test=test, seed=config.split_seed, stratify_by=stratify
    )


def _folds(dataset: Dataset, config: RunConfig, codes: NDArray[np.int8]) -> NDArray[np.int64]:
    """The fold of each row; -1 for the rows of the test split."""
    folds = config.folds or 1
    if config.split_by is None:
        stratify = SplitColumns.of(config).stratify
        return draw_folds(dataset, codes, folds=folds, seed=config.split_seed, stratify_by=stratify)
    fold = np.full(len(codes), -1, np.int64)
    free = np.flatnonzero(codes != TEST)
    groups = dataset.split_cells[config.split_by][free]
    fold[free] = fold_by_group(groups, folds=folds, seed=config.split_seed)
    return fold
