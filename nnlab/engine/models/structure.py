"""The layers of any model: which module holds which parameter, and which one is the head."""

from torch import nn

from nnlab.errors import UserCodeError


def parameter_layer_names(model: nn.Module) -> tuple[str, ...]:
    """Names of the modules that hold parameters themselves, in order of registration.

    Each parameter is in exactly one of them; a shared parameter counts for the first module. If
    the model itself holds parameters, its name "" comes first.
    """
    seen: set[int] = set()
    layers = []
    for name, module in model.named_modules():
        new_ids = {id(p) for p in module.parameters(recurse=False)} - seen
        if new_ids:
            layers.append(name)
        seen |= new_ids
    return tuple(layers)


def head_layer_name(model: nn.Module) -> str:
    """Name of the last layer with a weight of two or more dimensions, which computes the outputs.

    Raises:
        UserCodeError: no layer has such a weight.
    """
    for layer in reversed(parameter_layer_names(model)):
        if any(p.ndim >= 2 for p in model.get_submodule(layer).parameters(recurse=False)):
            return layer
    raise UserCodeError("the model has no layer with a weight matrix, so it has no head")


def count_trainable_parameters(model: nn.Module) -> int:
    """The number of trainable weights and biases."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
