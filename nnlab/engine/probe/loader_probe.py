"""The probe of a run over loaders: facts about its model, and the gradients of its layers.

It measures during the steps of the training only, since the batches cannot be read twice.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from nnlab.engine.hooks import record_outputs
from nnlab.engine.models.user_defined import is_user_defined
from nnlab.engine.probe.deferred import fetch_metrics
from nnlab.engine.probe.function_calls import FunctionCallRecorder
from nnlab.engine.probe.gradient_ratio import gradient_ratio
from nnlab.engine.probe.model_inspection import inspect_model, used_weights


class LoaderProbe:
    """Measures `probe/model_…`, `probe/start_gradient_ratio` and `probe/gradient_ratio`."""

    def __init__(self, model: nn.Module, *, can_record: bool, clips_values: bool) -> None:
        """Configures what is measured.

        Args:
            model: the model.
            can_record: whether a pass can be observed; not possible for a compiled model.
            clips_values: whether single gradients are clipped in place, which changes their ratio.
        """
        self._model = model
        self._observes = can_record and is_user_defined(model)
        self._clips_values = clips_values
        self._weights = used_weights(model)
        self._start: dict[str, float] = {}
        self._last: dict[str, float] = {}

    @contextmanager
    def record_first_step(self) -> Iterator[None]:
        """While this context is open, the forward pass of the first step is observed."""
        if not self._observes:
            facts = inspect_model(self._model)
            yield
        else:
            modules = [m for m in self._model.modules() if [*m.parameters(recurse=False)]]
            # The size of the batch is unknown: a result counts if it has a first dimension.
            recorder = FunctionCallRecorder(1)
            with record_outputs([self._model, *modules]) as recorded, recorder:
                yield
            outputs = [output for module, output in recorded if module is self._model]
            facts = inspect_model(self._model, recorder.calls(outputs[-1] if outputs else None))
            called = [module for module, _ in recorded if module is not self._model]
            self._weights = used_weights(self._model, called)
        self._start = {f"probe/model_{name}": value for name, value in facts.items()}

    def after_first_backward(self) -> None:
        """Measures the gradients of the first step."""
        self._start |= fetch_metrics(gradient_ratio(self._weights, "start_gradient_ratio"))

    def metrics(self) -> Mapping[str, float]:
        """The metrics of an epoch after its last step."""
        return {**self._start, **self._current_ratio()}

    def start_epoch(self) -> None:
        """Forgets the metrics of the previous epoch."""
        self._start, self._last = {}, {}

    def state_dict(self) -> Mapping[str, Any]:
        """What a checkpoint needs: the order of the weights, and the metrics of this epoch."""
        used = {id(weight) for weight in self._weights}
        names = {id(p): name for name, p in self._model.named_parameters() if id(p) in used}
        return {
            "weights": [names[id(weight)] for weight in self._weights],
            "start": dict(self._start),
            "last": dict(self._current_ratio()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self._weights = tuple(self._model.get_parameter(name) for name in state["weights"])
        self._start, self._last = dict(state["start"]), dict(state["last"])

    def _current_ratio(self) -> Mapping[str, float]:
        """That of the last step; of a run resumed after it, the stored one."""
        if self._clips_values:
            return {}
        return fetch_metrics(gradient_ratio(self._weights)) or self._last
