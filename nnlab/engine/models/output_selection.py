"""Selection of one tensor among the outputs of a model: `--output NAME|INDEX`.

Models may return a tuple, a list, a dictionary, a dataclass or a ModelOutput of transformers. The
selection is a forward hook, so that the weights keep their names.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig

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
        del inputs
        return self.select(output, training=module.training)

    def select(self, output: object, *, training: bool) -> object:
        """The selected tensor.

        Some models return a tensor for evaluation and several outputs in training, so that a
        selection need not apply outside of training.

        Raises:
            UserCodeError: there is no such output, or it is not clear which one to use.
        """
        if isinstance(output, torch.Tensor) and not (self.selected is not None and training):
            return output
        outputs = named_outputs(output)
        if self.selected is not None:
            return self._find(output, outputs, self.selected)
        tensors = {name: v for name, v in outputs.items() if isinstance(v, torch.Tensor)}
        if _DEFAULT_NAME in tensors:
            return tensors[_DEFAULT_NAME]
        if not tensors:
            return output  # the check of the shape reports its type
        if len(tensors) == 1 and type(output) not in (tuple, list):
            return next(iter(tensors.values()))
        raise UserCodeError(
            f"--model {self.model} returns several outputs: {describe_output(output)};"
            f" --output {next(iter(tensors))} uses one of them"
        )

    def _find(self, output: object, outputs: Mapping[str, object], selected: str) -> object:
        name = _normalised_index(selected, output)
        if name not in outputs:
            problem = "has no such output; it returns" if outputs else "returns only"
            raise UserCodeError(
                f"--output {selected}: --model {self.model} {problem} {describe_output(output)}"
            )
        return outputs[name]


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


def select_output(model: nn.Module, config: RunConfig) -> None:
    """Makes a model return one of its outputs from now on."""
    selection = OutputSelection(config.model, config.model_output)
    # Hooks of the outermost module are compiled apart from it, which only costs time.
    hook: Any = selection
    if config.compile:
        hook = torch.compiler.disable(selection.__call__)  # type: ignore[no-untyped-call]
    model.register_forward_hook(hook)
