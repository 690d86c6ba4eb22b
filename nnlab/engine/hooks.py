"""Context managers that record the outputs of layers and switch a model to evaluation mode."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

RecordedOutputs = list[tuple[nn.Module, torch.Tensor]]


@contextmanager
def record_outputs(layers: Sequence[nn.Module]) -> Iterator[RecordedOutputs]:
    """Records every call of one of the layers, with its output, in order."""
    recorded: RecordedOutputs = []

    def record(layer: nn.Module, inputs: object, output: torch.Tensor) -> None:
        del inputs
        recorded.append((layer, output))

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield recorded
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Sets a model to evaluation mode, and afterwards restores the mode of each module.

    The modes can differ: a frozen layer is in evaluation mode inside a model that is trained.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training
