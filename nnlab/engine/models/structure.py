"""The layers of a model, any model: which module holds which parameter."""

from torch import nn

from nnlab.errors import UserCodeError


def parameter_layer_names(model: nn.Module) -> tuple[str, ...]:
    """Names of the modules that hold parameters themselves, in the order they were registered.

    Each parameter is in exactly one of them; one that several modules share counts for the first.
    A model that holds some itself is named "" and comes first.
    """
    seen: set[int] = set()
    layers = []
    for name, module in model.named_modules():
        own = {id(p) for p in module.parameters(recurse=False)} - seen
        if own:
            layers.append(name)
        seen |= own
    return tuple(layers)


def head_layer_name(model: nn.Module) -> str:
    """Name of the last layer with a weight of two or more dimensions: it makes the outputs.

    Raises:
        UserCodeError: no layer has one.
    """
    for layer in reversed(parameter_layer_names(model)):
        if any(p.ndim >= 2 for p in model.get_submodule(layer).parameters(recurse=False)):
            return layer
    raise UserCodeError("the model has no layer with a weight matrix, and so no head")


def count_trainable_parameters(model: nn.Module) -> int:
    """How many numbers the optimizer moves."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
