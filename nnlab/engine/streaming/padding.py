"""The default collate function: like torch's, but sequences of unequal lengths are padded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import default_collate, default_convert

from nnlab.engine.targets.output_shape import IGNORED_CLASS
from nnlab.errors import DataError

_TARGET_KEYS = ("targets", "labels")


@dataclass(frozen=True, slots=True)
class PaddedCollate:
    """Collates items (inputs, targets), dicts or inputs alone into a batch.

    Tensors whose first dimensions differ become [batch, longest, ...]: inputs are padded with
    `pad_token`, and integer targets with -100, which torch's losses ignore.
    """

    pad_token: int = 0

    def __call__(self, items: Sequence[Any]) -> Any:
        """The batch of some items.

        Raises:
            DataError: the shapes of the items differ in another way; the message has the shapes.
        """
        first = items[0]
        if isinstance(first, tuple | list) and len(first) == 2:
            inputs, targets = zip(*items, strict=True)
            return (
                self._collate(inputs, "the inputs", None),
                self._collate(targets, "the targets", IGNORED_CLASS),
            )
        return self._collate(items, "the items", None)

    def _collate(self, values: Sequence[Any], name: str, ignored: int | None) -> Any:
        first = values[0]
        if isinstance(first, Mapping):
            return {
                key: self._collate(
                    [value[key] for value in values],
                    f"'{key}'",
                    IGNORED_CLASS if key in _TARGET_KEYS else ignored,
                )
                for key in first
            }
        if isinstance(first, tuple | list) and not hasattr(first, "_fields"):
            if any(len(value) != len(first) for value in values):
                values = [torch.as_tensor(value) for value in values]
                return self._pad(values, name, ignored)
            parts = zip(*values, strict=True)
            return tuple(self._collate(part, name, ignored) for part in parts)
        tensors: list[Any] = [default_convert(value) for value in values]  # type: ignore[no-untyped-call]
        if isinstance(tensors[0], torch.Tensor) and len({t.shape for t in tensors}) > 1:
            return self._pad(tensors, name, ignored)
        return default_collate(tensors)

    def _pad(self, tensors: Sequence[torch.Tensor], name: str, ignored: int | None) -> torch.Tensor:
        shapes = sorted({tuple(tensor.shape) for tensor in tensors})
        if any(not shape for shape in shapes) or len({shape[1:] for shape in shapes}) > 1:
            raise _shapes_error(name, shapes, "differ in more than their first dimension")
        if ignored is None:
            return pad_sequence(list(tensors), True, float(self.pad_token))
        if tensors[0].is_floating_point():
            raise _shapes_error(name, shapes, "differ, and numbers have no value that is ignored")
        return pad_sequence(list(tensors), True, float(ignored))


def _shapes_error(name: str, shapes: Sequence[tuple[int, ...]], problem: str) -> DataError:
    listed = ", ".join(str(list(shape)) for shape in shapes[:4])
    return DataError(
        f"{name} of a batch have the shapes {listed}, which {problem}",
        hint="make the items equal in shape, or return a DataLoader with a collate_fn",
    )
