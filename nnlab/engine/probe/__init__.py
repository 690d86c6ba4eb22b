"""Measurements of a model in training: layer outputs, update ratios, gradient noise, sensitivity.

Metrics are named `probe/<statistic>/<layer>`, with layers numbered from 1, the first hidden layer.
The statistics are activation_mean, activation_sd, zeros (fraction of outputs that are 0), dead
(fraction of units that are 0 for the whole batch) and saturated (fraction of a tanh's or sigmoid's
outputs beyond the saturation bounds). They are computed for one fixed batch, the first rows of the
validation split, and recorded while that split is evaluated anyway. A user's model may call
activations as functions, or one module several times; the calls are then numbered instead
(`probe.call_outputs`). Three further metrics describe the last step of the epoch:
`probe/update_ratio`, the norm of the update relative to the weights, `probe/gradient_noise`
(`engine.noise_scale`) and `probe/gradient_ratio`, the gradient of the first layer relative to that
of the last one (`probe.gradient_ratio`).

`full` adds for each layer `probe/grad_norm/<layer>`, on the first rows of the training split, and
`probe/update_ratio/<layer>`; for up to eight layers also the quantiles of these gradients and of
the weights, `probe/grad_quantile_25/<layer>` and `probe/weight_quantile_25/<layer>`
(`probe.quantiles`). `sensitivity` adds `probe/rise` and `probe/sharpness` after each epoch and, as
`probe/start_rise` and `probe/start_sharpness`, before the first (`probe.sensitivity`).

With the first epoch the metrics of the data, `data/…` (`engine.data.checks`), are reported, and
some metrics of the untrained model: `probe/start_loss`, `probe/start_<statistic>/<layer>` and, with
`full`, `probe/start_weight_quantile_25/<layer>`; the facts `probe/model_…` about its modules
(`probe.model_inspection`), and `probe/start_gradient_ratio` of its first step; for a user-defined
model trained with cross entropy also `probe/start_probability_outputs`, which is 1 if its outputs
are probabilities instead of logits, else 0.

Probes do not affect training.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from nnlab.engine import losses
from nnlab.engine.data.prepare import PreparedData
from nnlab.engine.hooks import eval_mode, record_outputs
from nnlab.engine.layer_statistics import evenly_spaced_indices
from nnlab.engine.loss_landscape import LossLandscape
from nnlab.engine.models.user_defined import is_user_defined
from nnlab.engine.probe.call_outputs import CallProbe
from nnlab.engine.probe.deferred import DeferredMetrics, fetch_metrics
from nnlab.engine.probe.function_calls import FunctionCalls, observe_pass
from nnlab.engine.probe.gradient_noise import GradientNoiseProbe
from nnlab.engine.probe.gradient_ratio import gradient_ratio
from nnlab.engine.probe.last_step import LastStepProbe
from nnlab.engine.probe.layer_outputs import MAX_PROBED_LAYERS, PROBE_BATCH_SIZE, LayerProbe
from nnlab.engine.probe.model_inspection import inspect_model, used_weights
from nnlab.engine.probe.quantiles import layer_quantiles
from nnlab.engine.probe.sensitivity import SENSITIVITY_EXAMPLES, measure_sensitivity
from nnlab.settings import RunConfig

__all__ = [
    "MAX_PROBED_LAYERS",
    "PROBE_BATCH_SIZE",
    "STEPS_PER_LAYER_PROBE",
    "STEPS_PER_STEP_PROBE",
    "Probe",
    "build",
]

# Number of steps of a small model after which the probe of the layers, and that of a step, is
# affordable: both together cost about 2 % (docs/log.md).
STEPS_PER_LAYER_PROBE, STEPS_PER_STEP_PROBE = 100, 100

# The layer statistics that are also reported for the untrained model.
_REPORTED_AT_START = ("activation_sd", "dead", "saturated")

_NO_RECORDING = nullcontext()
# Tolerance for the sum of a softmax, which also holds in half precision.
_SUM_TOLERANCE = 1e-2


class Probe:
    """Measures one model; created by `build`."""

    def __init__(
        self,
        model: nn.Module,
        examples: torch.Tensor,
        *,
        gradient_landscape: LossLandscape | None = None,
        sensitivity_landscape: LossLandscape | None = None,
        initial_landscape: LossLandscape | None = None,
        data_checks: Callable[[], Mapping[str, float]] = dict,
        epoch_interval: int = 1,
        step_interval: int = 1,
        last_epoch: int = 0,
        can_record: bool = True,
        expects_logits: bool = False,
        observes_calls: bool = False,
    ) -> None:
        """Configures what is measured, and how often.

        Args:
            model: the measured model.
            examples: the fixed batch, used if no evaluation can be recorded.
            gradient_landscape: where the gradients and weights of each layer are measured, if
                they are.
            sensitivity_landscape: where the sensitivity of the loss is measured, if it is.
            initial_landscape: where the loss of the untrained model is measured.
            data_checks: measures the data.
            epoch_interval: epochs between measurements.
            step_interval: epochs between measurements of the last step, a multiple of
                `epoch_interval`.
            last_epoch: the last epoch, which is always measured.
            can_record: whether hooks can record the model's passes; not possible for a compiled
                model.
            expects_logits: whether to check that the outputs are logits.
            observes_calls: whether the model may call activations as functions, or its modules in
                another order than that of their registration.
        """
        self._model = model
        self._gradient_landscape = gradient_landscape
        self._sensitivity_landscape = sensitivity_landscape
        self._epoch_interval, self._step_interval = epoch_interval, step_interval
        self._last_epoch, self._can_record = last_epoch, can_record
        self._initial_landscape, self._data_checks = initial_landscape, data_checks
        self._expects_logits = expects_logits
        self._examples = examples
        self._layer_probe: LayerProbe | CallProbe = LayerProbe(model, examples)
        self._observes_calls = self._is_unobserved = observes_calls
        self._weights = used_weights(model)
        self._last_step_probe = LastStepProbe(model, per_layer=gradient_landscape is not None)
        self._gradient_noise_probe = GradientNoiseProbe(model)
        self._deferred: list[DeferredMetrics] = []

    def measures_epoch(self, epoch: int) -> bool:
        """Whether an epoch is measured: by `epoch_interval`, and always the first and the last."""
        return self._is_measured(epoch, self._epoch_interval)

    def measures_last_step(self, epoch: int) -> bool:
        """Whether the last step of an epoch is measured too."""
        return self._is_measured(epoch, self._step_interval)

    def measure_before_training(self) -> dict[str, float]:
        """The metrics of the data and of the untrained model."""
        values = dict(self._data_checks())
        facts = inspect_model(self._model, self._observe_model())
        values |= {f"probe/model_{name}": value for name, value in facts.items()}
        initial = self._measure_untrained_model()
        if self._sensitivity_landscape is not None:
            initial |= measure_sensitivity(self._sensitivity_landscape)
        if self._gradient_landscape is not None:
            metrics = fetch_metrics(self._weight_quantiles())
            initial |= {name.removeprefix("probe/"): value for name, value in metrics.items()}
        return values | {f"probe/start_{name}": value for name, value in initial.items()}

    def _measure_untrained_model(self) -> dict[str, float]:
        """The loss, and the statistics of the fixed batch that depend on the initialisation."""
        if self._initial_landscape is None:
            return {}
        model = self._initial_landscape.model
        heads = [model] if self._expects_logits and self._can_record else []
        try:
            with eval_mode(model), record_outputs(heads) as outputs:
                loss = self._initial_landscape.loss_value()
            metrics = fetch_metrics(self._layer_probe.deferred_metrics())
        except Exception:
            if not self._observes_calls:
                raise
            return {}  # a user's model may reject this batch and accept those of the training
        values = {name.removeprefix("probe/"): value for name, value in metrics.items()}
        reported = {n: v for n, v in values.items() if n.partition("/")[0] in _REPORTED_AT_START}
        if outputs:
            reported["probability_outputs"] = float(_are_probabilities(outputs[-1][1]))
        return {"loss": loss, **reported}

    def _observe_model(self) -> FunctionCalls | None:
        """The functions that the model calls in one pass; None if there was none, or it failed.

        Then it is known which activations to measure, and in which order the weights are used.
        """
        if not self._is_unobserved:
            return None
        self._is_unobserved = False
        observed = observe_pass(self._model, self._examples)
        if observed is None:
            return None
        calls, modules = observed
        self._weights = used_weights(self._model, modules)
        kind = calls.measured_kind
        is_covered = isinstance(self._layer_probe, LayerProbe) and self._layer_probe.covers(calls)
        if kind is not None and not is_covered:
            self._layer_probe = CallProbe(
                self._model,
                self._examples,
                kind,
                calls.hidden.count(kind),
                can_record=self._can_record,
            )
        return calls

    def record_gradients(self, *, is_first: bool = False) -> None:
        """Measures the gradients of a step before they are clipped; `is_first` of the training."""
        self._observe_model()  # if the run was resumed
        name = "start_gradient_ratio" if is_first else "gradient_ratio"
        self._deferred += gradient_ratio(self._weights, name)

    def before_last_step(self) -> None:
        """Stores the weights before the epoch's last step."""
        self._last_step_probe.save_weights()

    def record_last_step(self) -> AbstractContextManager[None]:
        """While this context is open, the passes of the epoch's last step are recorded."""
        return self._record_gradient_noise() if self._can_record else _NO_RECORDING

    @contextmanager
    def _record_gradient_noise(self) -> Iterator[None]:
        with self._gradient_noise_probe.record_passes():
            yield
        self._deferred += self._gradient_noise_probe.deferred_metrics()

    def after_last_step(self) -> None:
        """Measures how far the last step moved the weights."""
        self._deferred += self._last_step_probe.measure()

    def record_evaluation(self) -> AbstractContextManager[None]:
        """While this context is open, the first output of each layer is recorded."""
        self._observe_model()  # if the run was resumed
        return self._layer_probe.record_passes() if self._can_record else _NO_RECORDING

    def collect_metrics(self) -> dict[str, float]:
        """All metrics of the epoch that has just ended."""
        deferred = [*self._layer_probe.deferred_metrics(), *self._deferred]
        if self._gradient_landscape is not None:
            deferred += self._weight_quantiles()
            deferred += layer_gradient_metrics(self._gradient_landscape)
        self._deferred = []
        values = fetch_metrics(deferred)
        if self._sensitivity_landscape is not None:
            sensitivity = measure_sensitivity(self._sensitivity_landscape)
            values |= {f"probe/{name}": value for name, value in sensitivity.items()}
        return values

    def _weight_quantiles(self) -> list[DeferredMetrics]:
        return layer_quantiles("weight", dict(enumerate(layer_weights(self._model), start=1)))

    def _is_measured(self, epoch: int, interval: int) -> bool:
        return (epoch - 1) % interval == 0 or epoch == self._last_epoch


def build(config: RunConfig, model: nn.Module, data: PreparedData, steps: int) -> Probe | None:
    """The probe of a resolved config with the data that it measures on; None for `none`.

    If an epoch has few `steps`, the `light` probe skips epochs to limit its cost.
    """
    if config.probe == "none":
        return None
    train, loss = data.train, losses.build_eval_loss(config, task=data.task)

    def landscape(rows: int) -> LossLandscape:
        return LossLandscape(model, loss, train.examples[:rows], train.targets[:rows])

    # The rows of some data sets are sorted by class, and the loss of one class says little.
    initial_rows = evenly_spaced_indices(len(data.val), PROBE_BATCH_SIZE)
    light = config.probe == "light"
    epoch_interval = math.ceil(STEPS_PER_LAYER_PROBE / steps)
    return Probe(
        model,
        data.val.examples[:PROBE_BATCH_SIZE],
        gradient_landscape=landscape(PROBE_BATCH_SIZE) if config.probe == "full" else None,
        sensitivity_landscape=landscape(SENSITIVITY_EXAMPLES)
        if config.probe == "sensitivity"
        else None,
        initial_landscape=LossLandscape(
            model, loss, data.val.examples[initial_rows], data.val.targets[initial_rows]
        ),
        data_checks=data.checks,
        epoch_interval=epoch_interval if light else 1,
        step_interval=epoch_interval * math.ceil(STEPS_PER_STEP_PROBE / (steps * epoch_interval))
        if light
        else 1,
        last_epoch=config.epochs,
        can_record=not config.compile,
        # Built-in models return logits; one of a user or a plugin may end in a softmax.
        expects_logits=is_user_defined(model) and config.loss == "cross_entropy",
        observes_calls=is_user_defined(model),
    )


def _are_probabilities(outputs: torch.Tensor) -> bool:
    """Whether every row of outputs [n, classes] is a distribution over at least two classes."""
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return False
    sums = outputs.double().sum(1)
    return bool((outputs >= 0).all() and ((sums - 1).abs() < _SUM_TOLERANCE).all())


def layer_weights(model: nn.Module) -> list[nn.Parameter]:
    """The weights of the layers, which are numbered from 1 in this order; biases are left out."""
    return [parameter for parameter in model.parameters() if parameter.ndim >= 2]


def layer_gradient_metrics(landscape: LossLandscape) -> list[DeferredMetrics]:
    """`probe/grad_norm/<layer>` and the gradient's quantiles of each trainable layer.

    The gradient is computed in evaluation mode.
    """
    with eval_mode(landscape.model):
        gradients = dict(zip(landscape.parameters, landscape.gradient(), strict=True))
    by_layer = {
        number: gradients[weight]
        for number, weight in enumerate(layer_weights(landscape.model), start=1)
        if weight in gradients
    }
    if not by_layer:
        return []
    names = [f"probe/grad_norm/{number}" for number in by_layer]
    norms = torch.stack(torch._foreach_norm(list(by_layer.values())))
    return [
        DeferredMetrics((norms,), lambda numbers: dict(zip(names, numbers, strict=True))),
        *layer_quantiles("grad", by_layer),
    ]
