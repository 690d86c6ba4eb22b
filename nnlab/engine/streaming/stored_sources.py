"""Data sets of nnlab, in memory or in files, as sources: the batches of the run in memory."""

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.catalogue import DENSE_TASKS
from nnlab.engine.data import preprocessing
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.prepare import fit_transform, standardise_targets
from nnlab.engine.data.preprocessing import InputTransform
from nnlab.engine.data.split_dataset import SplitDataset, read_and_split
from nnlab.engine.streaming.lazy_dataset import read_lazy_dataset
from nnlab.engine.streaming.lazy_images import LazyImages
from nnlab.engine.streaming.map_batches import LoadingOptions, MapBatches
from nnlab.engine.streaming.map_parts import MapPart, row_plan, training_order
from nnlab.engine.streaming.record import StreamedData
from nnlab.engine.streaming.seeded_items import SeededItems
from nnlab.settings import RunConfig


class StoredItems:
    """A map-style data set of transformed examples and targets, which reads whole batches."""

    def __init__(
        self, dataset: Dataset, targets: NDArray[Any] | None, transform: InputTransform, dtype: Any
    ) -> None:
        """The items of a data set.

        Args:
            dataset: its examples are an array or an object that reads rows of one.
            targets: as the model learns them; None if the input is the target.
            transform: of the inputs; tokens are not transformed.
            dtype: a floating-point type of torch, of the inputs and of targets that are numbers.
        """
        self.examples = dataset.examples
        self.has_tokens = dataset.has_tokens
        self.has_classes = dataset.task in ("classification", *DENSE_TASKS)
        self.targets = targets
        self.transform = transform
        self.dtype = dtype

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, row: int) -> Any:
        """The batch of one item."""
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> Any:
        """The batch of some rows: inputs [b, ...] and targets, or the inputs alone."""
        indices = np.asarray(rows, np.int64)
        if self.has_tokens:
            inputs = torch.from_numpy(self.examples[indices])
        else:
            number_type = np.float64 if self.dtype == torch.float64 else np.float32
            inputs = torch.from_numpy(
                preprocessing.transform_rows(self.transform, self.examples, indices, number_type)
            )
        if self.targets is None:
            return inputs
        targets = torch.from_numpy(self.targets[indices])
        return inputs, targets.to(torch.int64 if self.has_classes else self.dtype)


def open_stored_data(config: RunConfig, loading: LoadingOptions) -> StreamedData:
    """A data set whose batches equal those of the run in memory.

    Raises:
        DataError: the data set cannot be used, or has changed since the run was set up.
    """
    split = read_and_split(config, read_lazy_dataset)
    dataset, rows = split.dataset, split.rows
    transform = fit_transform(config.inputs, dataset, rows.train)
    targets, means, scales = standardise_targets(dataset, rows.train)
    dtype = torch.float64 if config.dtype == "float64" else torch.float32
    stored = StoredItems(dataset, targets, transform, dtype)
    items = SeededItems(stored, _unchanged, config.seed, is_random=False)
    part = MapPart(stored, _unchanged, loading)
    labels = None
    if dataset.task == "classification" and targets is not None:
        labels = np.asarray(targets[rows.train], np.int64)
    order = training_order(config.seed, rows.train, config.sampling, labels)

    def source(split_rows: NDArray[np.int64], *, is_train: bool) -> MapBatches:
        size = config.batch_size if isinstance(config.batch_size, int) else len(split_rows)
        plan, count = row_plan(part, split_rows, size, order if is_train else None)
        return MapBatches(
            items,
            plan,
            batches_per_epoch=count,
            num_examples=len(split_rows),
            loading=loading,
        )

    return StreamedData(
        dataset.task,
        source(rows.train, is_train=True),
        source(rows.val, is_train=False),
        source(rows.test, is_train=False),
        dataset.num_outputs,
        dataset.output_shape,
        dataset.in_shape,
        stored[int(rows.train[0])],
        _fingerprint(split),
        dataset.classes,
        scales[0] if len(scales) == 1 else 1.0,
        means[0] if len(means) == 1 else 0.0,
        transform,
        dataset.columns,
        dataset.target_name,
        dataset.notes,
        dataset.target_names,
        scales if len(scales) > 1 else (),
        means if len(means) > 1 else (),
        dataset.vocabulary,
        dataset.pad_token,
    )


def _unchanged(batch: Any) -> Any:
    return batch


def _fingerprint(split: SplitDataset) -> str:
    """That of the data in memory; of a folder of images, the hash of its files and the splits."""
    original = split.unfolded or split
    dataset = original.dataset
    examples: object = dataset.examples
    if not isinstance(examples, LazyImages):
        return split.fingerprint
    digest = hashlib.sha256(str(dataset.version).encode())
    for rows in (original.rows.train, original.rows.val, original.rows.test):
        digest.update(f"{len(rows)} ".encode() + np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()[:16]
