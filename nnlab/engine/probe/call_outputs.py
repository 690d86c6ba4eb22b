"""Statistics of the outputs of activations that a user's model calls as functions, or repeatedly.

`layer_outputs` measures activations that are modules, each called once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nnlab.engine.hooks import eval_mode
from nnlab.engine.layer_statistics import evenly_spaced_indices
from nnlab.engine.probe.deferred import DeferredMetrics
from nnlab.engine.probe.function_calls import (
    ACTIVATION_FUNCTIONS,
    preserved_random_state,
    rows_by_example,
)
from nnlab.engine.probe.layer_outputs import MAX_PROBED_LAYERS, PROBE_BATCH_SIZE, LayerGroup

# Modules with a faster path in evaluation, whose results differ by rounding from those of a pass
# that is observed.
_MODULES_WITH_FAST_PATH = (
    nn.MultiheadAttention,
    nn.TransformerEncoder,
    nn.TransformerEncoderLayer,
)


class CallProbe:
    """Records the outputs of the calls of one kind of activation; as `LayerProbe` otherwise."""

    def __init__(
        self,
        model: nn.Module,
        examples: torch.Tensor,
        kind: type[nn.Module],
        calls: int,
        *,
        can_record: bool,
    ) -> None:
        """Configures what is recorded.

        Args:
            model: the model.
            examples: the fixed batch, used if evaluations are not recorded.
            kind: of the activations.
            calls: of this kind in a pass.
            can_record: whether evaluations can be recorded; not possible for a compiled model.
        """
        self._model, self._examples, self._kind = model, examples, kind
        self._numbers = [i + 1 for i in evenly_spaced_indices(calls, MAX_PROBED_LAYERS)]
        self._can_record = can_record and not any(
            isinstance(module, _MODULES_WITH_FAST_PATH) for module in model.modules()
        )
        self._outputs: Mapping[int, torch.Tensor] = {}

    @contextmanager
    def record_passes(self) -> Iterator[None]:
        """While this context is open, the first pass of the model is recorded."""
        if not self._can_record:
            yield
            return
        with self._record():
            yield

    def deferred_metrics(self) -> list[DeferredMetrics]:
        """The recorded statistics; if nothing was recorded, those of the fixed batch."""
        if not self._outputs:
            with (
                torch.no_grad(),
                preserved_random_state(self._examples.device),
                eval_mode(self._model) as model,
                self._record(),
            ):
                model(self._examples)
        by_shape: dict[torch.Size, list[int]] = {}
        for number, output in self._outputs.items():
            by_shape.setdefault(output.shape, []).append(number)
        groups = [
            LayerGroup(numbers, torch.stack([self._outputs[n] for n in numbers]), self._kind)
            for numbers in by_shape.values()
        ]
        self._outputs = {}
        return [group.deferred_metrics() for group in groups]

    @contextmanager
    def _record(self) -> Iterator[None]:
        recorder = _OutputRecorder(self._kind, self._numbers)
        hook = self._model.register_forward_pre_hook(recorder.begin_pass)
        try:
            with recorder:
                yield
        finally:
            hook.remove()
        self._outputs = recorder.outputs


class _OutputRecorder(TorchFunctionMode):
    """Copies the outputs of some calls of one kind of activation, in the first pass."""

    def __init__(self, kind: type[nn.Module], numbers: Sequence[int]) -> None:
        super().__init__()
        self._kind, self._numbers = kind, frozenset(numbers)
        self._remaining, self._examples = max(numbers), 0
        self._count = 0
        self.outputs: dict[int, torch.Tensor] = {}

    def begin_pass(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Reads the size of the batch from the inputs of the model."""
        del model
        if self._examples:
            self._remaining = 0  # a further pass
        self._examples = len(inputs[0])

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls the function and records its output."""
        del types
        result = func(*args, **(kwargs or {}))
        if self._remaining and ACTIVATION_FUNCTIONS.get(func) is self._kind:
            self._record(result)
        return result

    def _record(self, result: Any) -> None:
        rows = rows_by_example(result, self._examples)
        if rows is None:
            return
        self._count, self._remaining = self._count + 1, self._remaining - 1
        if self._count in self._numbers:
            examples = min(self._examples, PROBE_BATCH_SIZE)
            kept = rows.detach()[: len(rows) // self._examples * examples]
            dtype = torch.promote_types(kept.dtype, torch.float32)
            self.outputs[self._count] = kept.to(dtype, copy=True)
