"""What the layers of a model put out in a forward pass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

Heard = list[tuple[nn.Module, torch.Tensor]]


@contextmanager
def heard(layers: Sequence[nn.Module]) -> Iterator[Heard]:
    """While it is open, every call of one of the layers is added with its output, in order."""
    found: Heard = []

    def hear(layer: nn.Module, given: object, output: torch.Tensor) -> None:
        del given
        found.append((layer, output))

    hooks = [layer.register_forward_hook(hear) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
