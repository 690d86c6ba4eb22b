"""Activations and dropout that a model calls as functions, recorded during one forward pass.

Hooks see modules only. A user's model may call `torch.relu` itself, or one module several times.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nnlab.engine.hooks import eval_mode, record_outputs

# The module that computes the same as each function.
ACTIVATION_FUNCTIONS: Mapping[Callable[..., Any], type[nn.Module]] = {
    function: module
    for module, functions in (
        (nn.ReLU, (functional.relu, torch.relu, torch.relu_, torch.Tensor.relu)),
        (nn.ReLU, (functional.relu_, torch.Tensor.relu_)),
        (nn.ReLU6, (functional.relu6,)),
        (nn.LeakyReLU, (functional.leaky_relu, functional.leaky_relu_)),
        (nn.PReLU, (functional.prelu, torch.prelu, torch.Tensor.prelu)),
        (nn.ELU, (functional.elu, functional.elu_)),
        (nn.SELU, (functional.selu, functional.selu_, torch.selu)),
        (nn.CELU, (functional.celu, functional.celu_, torch.celu)),
        (nn.GELU, (functional.gelu,)),
        (nn.SiLU, (functional.silu,)),
        (nn.Mish, (functional.mish,)),
        (nn.Softplus, (functional.softplus,)),
        (nn.Tanh, (functional.tanh, torch.tanh, torch.tanh_)),
        (nn.Tanh, (torch.Tensor.tanh, torch.Tensor.tanh_)),
        (nn.Sigmoid, (functional.sigmoid, torch.sigmoid, torch.sigmoid_, torch.special.expit)),
        (nn.Sigmoid, (torch.Tensor.sigmoid, torch.Tensor.sigmoid_)),
        (nn.Hardswish, (functional.hardswish,)),
        (nn.Hardsigmoid, (functional.hardsigmoid,)),
        (nn.Hardtanh, (functional.hardtanh, functional.hardtanh_)),
        (nn.Softsign, (functional.softsign,)),
        (nn.Softmax, (functional.softmax, torch.softmax, torch.Tensor.softmax)),
        (nn.LogSoftmax, (functional.log_softmax, torch.log_softmax, torch.Tensor.log_softmax)),
    )
    for function in functions
}
_DROPOUT_FUNCTIONS = frozenset(
    (
        *(functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d),
        *(functional.alpha_dropout, functional.feature_alpha_dropout, torch.dropout),
    )
)
_NORM_FUNCTIONS = frozenset(
    (
        *(functional.batch_norm, functional.layer_norm, functional.group_norm),
        *(functional.instance_norm, functional.rms_norm),
    )
)
# They end a model or compute the weights of attention, and are no activations of hidden layers.
_NORMALISING = (nn.Softmax, nn.LogSoftmax)


@dataclass(frozen=True, slots=True)
class FunctionCalls:
    """The calls of one forward pass in their order.

    `hidden` are the kinds of the activations whose outputs have one or more rows per example,
    without the one that gives the output of the model. `output` is the kind of that, None if the
    model ends otherwise. `dropout` is the highest rate, 0 without dropout; `norms` is the number of
    normalisations.
    """

    hidden: tuple[type[nn.Module], ...] = ()
    output: type[nn.Module] | None = None
    dropout: float = 0.0
    norms: int = 0

    @property
    def measured_kind(self) -> type[nn.Module] | None:
        """The most frequent kind; gates and other functions are not compared with it."""
        counts = Counter(self.hidden)
        return max(counts, key=counts.__getitem__) if counts else None


class FunctionCallRecorder(TorchFunctionMode):
    """Records the calls of a pass in which it is active; they return what they return without it.

    Give it to `with`, and call `calls` afterwards.
    """

    def __init__(self, examples: int) -> None:
        """`examples` is the size of the batch."""
        super().__init__()
        self._examples = examples
        self._activations: list[tuple[type[nn.Module], torch.Tensor]] = []
        self._dropout, self._norms = 0.0, 0

    def calls(self, outputs: object) -> FunctionCalls:
        """The calls of the pass that returned `outputs`."""
        hidden = [
            kind
            for kind, result in self._activations
            if result is not outputs
            and kind not in _NORMALISING
            and rows_by_example(result, self._examples) is not None
        ]
        ends = [kind for kind, result in self._activations if result is outputs]
        return FunctionCalls(tuple(hidden), ends[-1] if ends else None, self._dropout, self._norms)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls the function and records it."""
        del types
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if (kind := ACTIVATION_FUNCTIONS.get(func)) is not None:
            self._activations.append((kind, result))
        elif func in _DROPOUT_FUNCTIONS:
            rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            self._dropout = max(self._dropout, float(rate))
        elif func in _NORM_FUNCTIONS:
            self._norms += 1
        return result


def observe_pass(
    model: nn.Module, examples: torch.Tensor
) -> tuple[FunctionCalls, list[nn.Module]] | None:
    """The calls of a pass over examples, and the modules with weights in the order of their calls.

    The pass is in evaluation mode and changes neither the mode nor the random numbers. None if the
    model raises an error.
    """
    modules = [m for m in model.modules() if any(True for _ in m.parameters(recurse=False))]
    recorder = FunctionCallRecorder(len(examples))
    try:
        with (
            torch.no_grad(),
            preserved_random_state(examples.device),
            eval_mode(model),
            record_outputs(modules) as recorded,
            recorder,
        ):
            outputs = model(examples)
    except Exception:  # noqa: BLE001 (a user's code; if it is broken, training says so)
        return None
    return recorder.calls(outputs), [module for module, _ in recorded]


@contextmanager
def preserved_random_state(device: torch.device) -> Iterator[None]:
    """Restores the global random numbers of the CPU and of a device on exit."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def rows_by_example(result: object, examples: int) -> torch.Tensor | None:
    """The result with examples (or several rows of each) first; None if it has no such dimension.

    >>> rows_by_example(torch.zeros(5, 3, 2), 3).shape
    torch.Size([3, 5, 2])
    """
    if not isinstance(result, torch.Tensor) or result.ndim < 2 or not result.is_floating_point():
        return None
    if not examples or not result.numel():
        return None
    if result.shape[0] % examples == 0:
        return result
    return result.transpose(0, 1) if result.shape[1] == examples else None
