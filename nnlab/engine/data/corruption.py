"""Modifications that make a data set harder: fewer classes, fewer examples, wrong labels."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split import strata
from nnlab.engine.seeds import derive_seed
from nnlab.errors import DataError
from nnlab.settings.class_selection import class_indices


def keep_classes(dataset: Dataset, text: str) -> Dataset:
    """The examples of the selected classes, relabelled from 0, with the names of the classes.

    Args:
        dataset: a classification data set.
        text: the selection, as in `--classes`.

    Raises:
        ConfigError: the selection has an unknown class, or fewer than two classes.
        DataError: the targets are numbers, not classes.
    """
    if dataset.task != "classification":
        raise DataError(f"--classes {text}: the targets of {dataset.name} are numbers")
    class_ids = class_indices(text, dataset.classes)
    keep = np.isin(dataset.target_array, class_ids)
    labels = np.searchsorted(class_ids, dataset.target_array[keep])
    test_start = len(keep) - dataset.num_provided_test
    return replace(
        dataset,
        examples=dataset.examples[keep],
        targets=labels.astype(np.int64),
        classes=tuple(dataset.classes[index] for index in class_ids),
        split_cells={name: cells[keep] for name, cells in dataset.split_cells.items()},
        num_provided_test=int(keep[test_start:].sum()),
        num_provided_val=int(keep[test_start - dataset.num_provided_val : test_start].sum()),
    )


def subsample_train_rows(
    dataset: Dataset, train: NDArray[np.int64], size: int, seed: int
) -> NDArray[np.int64]:
    """A stratified subset of the training rows, ascending.

    The rows are the first `size` of a random order in which every prefix contains each class (or
    decile of the targets) in proportion, to within one example. A smaller subset is therefore
    part of a larger one.

    Args:
        dataset: the data set whose targets are stratified.
        train: rows of the training split, [n].
        size: number of rows to keep.
        seed: seed of the order.

    Raises:
        DataError: the training split has fewer rows.
    """
    if size > len(train):
        raise DataError(
            f"--train-size {size:,}: the training split of {dataset.name} has {len(train):,}"
            " examples",
            hint="request fewer, or lower --val-fraction and --test-fraction",
        )
    rng = np.random.Generator(np.random.PCG64(derive_seed(seed, "train_size")))
    order = rng.permutation(len(train))
    group_ids = strata(dataset, train)[order]
    # The i-th example of a stratum of n examples has the rank (i + 0.5) / n; equal ranks of
    # different strata are put into a random order.
    rank = np.empty(len(order))
    for group in np.unique(group_ids):
        members = np.flatnonzero(group_ids == group)
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    stratified_order = np.lexsort((rng.random(len(order)), rank))
    return np.sort(train[order[stratified_order[:size]]])


def add_label_noise(dataset: Dataset, train: NDArray[np.int64], share: float, seed: int) -> Dataset:
    """The data set with a share of its training labels replaced by a random other class.

    The order of the rows and their wrong labels do not depend on the share: labels that are wrong
    at 10 % are wrong at 20 %, with the same class.

    Args:
        dataset: a classification data set.
        train: rows of the training split, [n]; the labels of other rows are not changed.
        share: share of the training labels, in [0, 1); the number of labels is rounded.
        seed: seed of the random choices.
    """
    if share == 0:
        return dataset
    rng = np.random.Generator(np.random.PCG64(derive_seed(seed, "label_noise")))
    rank = rng.random(len(dataset))
    label_shift = rng.integers(1, len(dataset.classes), len(dataset))
    wrong_rows = train[np.argsort(rank[train], kind="stable")[: round(share * len(train))]]
    targets = dataset.target_array.copy()
    targets[wrong_rows] = (targets[wrong_rows] + label_shift[wrong_rows]) % len(dataset.classes)
    return replace(dataset, targets=targets)
