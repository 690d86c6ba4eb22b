"""Selection of one tensor among the outputs of a model: `--output NAME|INDEX`.

Models may return a tuple, a list, a dictionary, a dataclass or a ModelOutput of transformers. The
selection is a forward hook, so that the weights keep their names.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.errors import UserCodeError

# The output of models in transformers that is used unless another one is selected.
_DEFAULT_NAME = "logits"


@dataclass(frozen=True, slots=True)
class OutputSelection:
    """A forward hook that replaces the outputs of a model by one of them.

    Attributes:
        model: the value of `--model`, for messages.
        selected: a name or an index; None to use `logits`, or the only tensor.
    """

    model: str
    selected: str | None = None

    def __call__(self, module: nn.Module, inputs: tuple[object, ...], output: object) -> object:
        """The selected tensor; this is the signature of torch's forward hooks."""
        del module, inputs
        return self.select(output)

    def select(self, output: object) -> object:
        """The selected tensor.

        Raises:
            UserCodeError: there is no such output, or it is not clear which one to use.
        """
        if isinstance(output, torch.Tensor) and self.selected is None:
            return output
        outputs = named_outputs(output)
        if not outputs:
            if self.selected is None:
                return output  # the check of the shape reports its type
            raise UserCodeError(
                f"--output {self.selected}: --model {self.model} returns"
                f" {describe_output(output)}, without names or indices"
            )
        if self.selected is not None:
            name = _normalised_index(self.selected, output)
            if name in outputs:
                return outputs[name]
            raise UserCodeError(
                f"--output {self.selected}: --model {self.model} has no such output; it returns"
                f" {describe_output(output)}"
            )
        tensors = {name: v for name, v in outputs.items() if isinstance(v, torch.Tensor)}
        if _DEFAULT_NAME in tensors:
            return tensors[_DEFAULT_NAME]
        if len(tensors) == 1:
            return next(iter(tensors.values()))
        raise UserCodeError(
            f"--model {self.model} returns several outputs: {describe_output(output)};"
            f" --output {next(iter(tensors or outputs))} uses one of them"
        )


def named_outputs(output: object) -> Mapping[str, object]:
    """The outputs of a model by name or index; empty if it is not a collection of outputs."""
    if isinstance(output, Mapping):
        return {str(name): value for name, value in output.items()}
    if dataclasses.is_dataclass(output):
        fields = dataclasses.fields(output)
        return {field.name: getattr(output, field.name) for field in fields}
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return dict(zip(output._fields, output, strict=True))
    if isinstance(output, tuple | list):
        return {str(index): value for index, value in enumerate(output)}
    return {}


def describe_output(output: object) -> str:
    """The type of an output, or its names with their shapes: `logits [2, 10], hidden [2, 64]`."""
    if isinstance(output, torch.Tensor):
        return str(list(output.shape))
    parts = [
        f"{name} {list(value.shape)}"
        if isinstance(value, torch.Tensor)
        else f"{name} ({type(value).__name__})"
        for name, value in named_outputs(output).items()
    ]
    return ", ".join(parts) or f"an object of type {type(output).__name__}"


def _normalised_index(selected: str, output: object) -> str:
    """The name that a selection stands for: an index may be negative, or that of a named tuple."""
    names = list(named_outputs(output))
    if selected in names or not selected.lstrip("-").isdecimal() or isinstance(output, dict):
        return selected
    index = int(selected)
    return names[index] if -len(names) <= index < len(names) else selected


def select_output(model: nn.Module, name: str, selected: str | None) -> None:
    """Makes a model return one of its outputs from now on."""
    model.register_forward_hook(OutputSelection(name, selected))
