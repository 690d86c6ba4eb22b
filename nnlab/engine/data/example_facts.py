"""What a batch with one example says about streamed data: shape, kind of targets, content."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nnlab.catalogue import Task
from nnlab.engine.data.user_values import has_state, is_loader, is_map_style
from nnlab.engine.random_state import preserved_random_states, seed_random_numbers
from nnlab.engine.seeds import derive_seed
from nnlab.errors import DataError

_TASK_BY_DIMENSIONS: Sequence[Task] = ("classification", "token_classification", "segmentation")
_INPUT_KEYS = ("inputs",)
_TARGET_KEYS = ("targets", "labels")


@dataclass(frozen=True, slots=True)
class ExampleFacts:
    """The properties of a batch.

    `in_shape` is the shape of one example, None if the inputs are not one tensor. `task` is None if
    there are no targets from which it can be inferred.
    """

    in_shape: tuple[int, ...] | None
    task: Task | None
    num_targets: int


def split_batch(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets of a batch or an item; the targets are None if there are none."""
    if isinstance(batch, Mapping):
        targets = next((batch[key] for key in _TARGET_KEYS if key in batch), None)
        inputs = next((batch[key] for key in _INPUT_KEYS if key in batch), None)
        if inputs is None:
            inputs = {key: value for key, value in batch.items() if key not in _TARGET_KEYS}
        return inputs, targets
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    return batch, None


def describe_example(name: str, batch: Any) -> ExampleFacts:
    """The properties of a batch with one example.

    Raises:
        DataError: the targets are not a tensor of numbers.
    """
    inputs, targets = split_batch(batch)
    in_shape = tuple(inputs.shape[1:]) if isinstance(inputs, torch.Tensor) else None
    task = infer_task(batch, is_batch=True)
    if targets is None or isinstance(targets, Mapping):
        return ExampleFacts(in_shape, task, 0)
    if not isinstance(targets, torch.Tensor):
        raise DataError(
            f"{name}: the targets of a batch are a {type(targets).__name__}, not a tensor",
            hint="return targets as tensors or numbers; classes are numbered from 0",
        )
    return ExampleFacts(in_shape, task, targets.shape[1] if targets.ndim == 2 else 1)


def read_first_item(name: str, value: Any, seed: int = 0) -> Any:
    """The first item of a data set, or the first batch of a loader that is no DataLoader.

    A data set that saves its state is afterwards as it was before.

    Args:
        name: of the data, for messages.
        value: a data set, a DataLoader or another loader.
        seed: of the random numbers of the item.

    Raises:
        DataError: there are no examples.
    """
    dataset = value.dataset if is_loader(value) else value
    if callable(set_epoch := getattr(dataset, "set_epoch", None)):
        set_epoch(0)
    state = copy.deepcopy(dataset.state_dict()) if has_state(dataset) else None
    with preserved_random_states():
        seed_random_numbers(derive_seed(seed, "item"))
        try:
            return dataset[0] if is_map_style(dataset) else next(iter(dataset))
        except (StopIteration, IndexError):
            raise DataError(f"{name} has no examples") from None
        finally:
            if state is not None:
                dataset.load_state_dict(state)


def infer_task(item: Any, *, is_batch: bool) -> Task | None:
    """The kind of the targets of an item, or of a batch; None if it cannot be inferred.

    Without targets, a tensor of numbers is reconstructed. Numbers are regression. One class is
    classification, and classes of two dimensions are those of pixels. A sequence of classes belongs
    to tokens, or is a set of tags if all are 0 or 1 and the inputs are no tokens.
    """
    inputs, targets = split_batch(item)
    if targets is None:
        return "reconstruction" if _is_number(inputs) else None
    if isinstance(targets, Mapping | str):
        return None
    array = np.asarray(targets)
    if array.dtype.kind == "f":
        return "regression"
    dimensions = array.ndim - is_batch
    if array.dtype.kind not in "bui" or dimensions > 2:
        return None
    if dimensions == 1 and _is_number(inputs) and set(np.unique(array).tolist()) <= {0, 1}:
        return "multilabel"
    return _TASK_BY_DIMENSIONS[dimensions]


def _is_number(inputs: Any) -> bool:
    """Whether inputs are one tensor or array of floating-point numbers."""
    is_array = hasattr(inputs, "dtype")
    return is_array and np.asarray(inputs).dtype.kind == "f"


def hash_value(value: Any) -> bytes:
    """A hash of an item: equal on all machines for equal numbers up to their last digits."""
    digest = hashlib.sha256()
    _update(digest, value)
    return digest.digest()


def _update(digest: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic | float | int):
        array = np.asarray(value)
        digest.update(f"{array.dtype.kind}{array.shape}".encode())
        if array.dtype.kind == "f":
            # Decoders and transforms may round differently on another machine.
            mantissa, exponent = np.frexp(array.astype(np.float64))
            array = np.round(mantissa, 3) * np.exp2(np.clip(exponent, -1000, 1000))
        digest.update(np.ascontiguousarray(array).tobytes())
    elif isinstance(value, Mapping):
        for key in value:
            digest.update(str(key).encode())
            _update(digest, value[key])
    elif isinstance(value, tuple | list):
        for part in value:
            _update(digest, part)
    elif isinstance(value, str | bytes):
        digest.update(value.encode() if isinstance(value, str) else value)
    else:
        digest.update(type(value).__name__.encode())
