"""What the layers of a model put out in a forward pass, and passes that train nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

RecordedOutputs = list[tuple[nn.Module, torch.Tensor]]


@contextmanager
def record_outputs(layers: Sequence[nn.Module]) -> Iterator[RecordedOutputs]:
    """While it is open, every call of one of the layers is added with its output, in order."""
    found: RecordedOutputs = []

    def hear(layer: nn.Module, given: object, output: torch.Tensor) -> None:
        del given
        found.append((layer, output))

    hooks = [layer.register_forward_hook(hear) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """While it is open the model is in evaluation mode; then each module in the mode it was in.

    A frozen layer is in evaluation mode inside a model that is trained.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training
