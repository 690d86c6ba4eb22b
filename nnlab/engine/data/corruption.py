"""Problems made hard on purpose: fewer classes, fewer examples, wrong labels."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.config.class_selection import class_indices
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split import strata
from nnlab.engine.seeds import derive_seed
from nnlab.errors import DataError


def keep_classes(dataset: Dataset, text: str) -> Dataset:
    """The examples of the classes that a text names, relabelled from 0; names are kept.

    Raises:
        ConfigError: a part of the text names no class, or fewer than two are left.
        DataError: the targets are numbers, not classes.
    """
    if dataset.task != "classification":
        raise DataError(f"--classes {text}: the targets of {dataset.name} are numbers")
    chosen = class_indices(text, dataset.classes)
    keep = np.isin(dataset.targets, chosen)
    place = np.searchsorted(chosen, dataset.targets[keep])
    cut = len(keep) - dataset.own_test
    return replace(
        dataset,
        examples=dataset.examples[keep],
        targets=place.astype(np.int64),
        classes=tuple(dataset.classes[index] for index in chosen),
        own_test=int(keep[cut:].sum()),
        own_val=int(keep[cut - dataset.own_val : cut].sum()),
    )


def subsample_train_rows(
    dataset: Dataset, train: NDArray[np.int64], size: int, seed: int
) -> NDArray[np.int64]:
    """The first `size` training rows of a fixed order, ascending.

    The order is random but for this: every beginning of it holds each class (or tenth of the
    targets) in its share, to within one example. So a smaller size lies inside a larger one.

    Args:
        dataset: whose targets are shared out.
        train: rows of the training split, [n].
        size: how many of them.
        seed: of the order.

    Raises:
        DataError: there are not as many.
    """
    if size > len(train):
        raise DataError(
            f"--train-size {size:,}: the training split of {dataset.name} has {len(train):,}"
            " examples",
            hint="ask for fewer, or lower --val-fraction and --test-fraction",
        )
    draw = np.random.Generator(np.random.PCG64(derive_seed(seed, "train_size")))
    order = draw.permutation(len(train))
    groups = strata(dataset, dataset.targets[train])[order]
    # The i-th example of a stratum of n stands at (i + 0.5) / n of the way through it; strata
    # that are level are taken in a random order.
    way = np.empty(len(order))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        way[members] = (np.arange(len(members)) + 0.5) / len(members)
    ranked = np.lexsort((draw.random(len(order)), way))
    return np.sort(train[order[ranked[:size]]])


def add_label_noise(dataset: Dataset, train: NDArray[np.int64], share: float, seed: int) -> Dataset:
    """The data set with a share of its training labels wrong, each another class at random.

    Every row has one rank and one wrong label, whatever the share: labels that are wrong at 10 %
    are wrong at 20 %, with the same class.

    Args:
        dataset: a classification.
        train: rows of the training split, [n]; no other label is touched.
        share: of the training labels, in [0, 1); rounded to whole labels.
        seed: of the draw.
    """
    if share == 0:
        return dataset
    draw = np.random.Generator(np.random.PCG64(derive_seed(seed, "label_noise")))
    rank = draw.random(len(dataset.targets))
    away = draw.integers(1, len(dataset.classes), len(dataset.targets))
    wrong = train[np.argsort(rank[train], kind="stable")[: round(share * len(train))]]
    targets = dataset.targets.copy()
    targets[wrong] = (targets[wrong] + away[wrong]) % len(dataset.classes)
    return replace(dataset, targets=targets)
