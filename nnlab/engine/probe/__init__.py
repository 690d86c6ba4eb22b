"""What happens inside a model, measured after epochs.

Names are `probe/<what>/<layer>`, layers numbered from 1, the first hidden one:
activation_mean, activation_sd, zeros (share of the outputs that are 0), dead (share of the units
that are 0 for the whole batch), saturated (share of a tanh's or sigmoid's outputs at their ends).
They are of one fixed batch, the first rows of the validation split, and heard while that split is
evaluated anyway. Beside them are two numbers of the epoch's last step: `probe/update_ratio`, how
far it moved the weights, of their size, and `probe/gradient_noise` (`engine.gradient_noise`).
`full` adds for each layer of weights `probe/grad_norm/<layer>`, on the first rows of the training
split, and `probe/update_ratio/<layer>`; `sensitivity` adds `probe/rise` and `probe/sharpness`
after each epoch and, as `probe/start_rise` and `probe/start_sharpness`, before the first
(`sensitivity`). With the first epoch come the numbers of the data, `data/…`
(`engine.data.checks`), and some of the untrained model: `probe/start_loss` and
`probe/start_<what>/<layer>`; of a user's own model that is trained with cross entropy also
`probe/start_probability_outputs`, 1 where its outputs are probabilities and not logits, else 0.

Nothing here changes what is trained.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine import losses
from nnlab.engine.data.prepare import PreparedData
from nnlab.engine.hooks import eval_mode, record_outputs
from nnlab.engine.loss_landscape import LossLandscape
from nnlab.engine.probe.deferred import DeferredMetrics, fetch_metrics
from nnlab.engine.probe.gradient_noise import GradientNoiseProbe
from nnlab.engine.probe.last_step import LastStepProbe
from nnlab.engine.probe.layer_outputs import MAX_PROBED_LAYERS, PROBE_BATCH_SIZE, LayerProbe
from nnlab.engine.probe.sensitivity import SENSITIVITY_EXAMPLES, measure_sensitivity

__all__ = [
    "MAX_PROBED_LAYERS",
    "PROBE_BATCH_SIZE",
    "STEPS_PER_LAYER_PROBE",
    "STEPS_PER_STEP_PROBE",
    "Probe",
    "build",
]

# So many steps of a small model pay for a look at the layers, and so many for one at a step: of
# both together about 2 % (docs/log.md).
STEPS_PER_LAYER_PROBE, STEPS_PER_STEP_PROBE = 100, 100

# Of the numbers of the layers these are told of the untrained model too.
_REPORTED_AT_START = ("activation_sd", "dead", "saturated")

_NO_RECORDING = nullcontext()
# How far the sum of a softmax may be from 1, in half precision too.
_SUM_TOLERANCE = 1e-2


class Probe:
    """Looks into one model; made by `build`."""

    def __init__(
        self,
        model: nn.Module,
        examples: torch.Tensor,
        *,
        full: LossLandscape | None = None,
        sensitive: LossLandscape | None = None,
        begins: LossLandscape | None = None,
        checks: Callable[[], Mapping[str, float]] = dict,
        every: int = 1,
        every_step: int = 1,
        last: int = 0,
        hears: bool = True,
        expects_logits: bool = False,
    ) -> None:
        """What is measured, and how often.

        Args:
            model: what is looked into.
            examples: the fixed batch, for where no evaluation is heard.
            full: where the gradient of each layer is measured.
            sensitive: where the sensitivity of the loss is measured.
            begins: where the model is looked at before the first epoch.
            checks: measures the data.
            every: epochs from one look to the next.
            every_step: epochs from one look at the last step to the next, a multiple of `every`.
            last: the last epoch.
            hears: whether the model's own passes can be heard; those of a compiled one cannot.
            expects_logits: whether to check that the outputs are logits.
        """
        self._model, self._gradient_landscape, self._sensitivity_landscape = model, full, sensitive
        self._every, self._every_step, self._last, self._can_record = every, every_step, last, hears
        self._initial_landscape, self._data_checks = begins, checks
        self._expects_logits = expects_logits
        self._layers = LayerProbe(model, examples)
        self._step = LastStepProbe(model, each=full is not None)
        self._noise = GradientNoiseProbe(model)
        self._waiting: list[DeferredMetrics] = []

    def measures_epoch(self, epoch: int) -> bool:
        """Whether an epoch is measured: the first, each `every`-th after it, and the last."""
        return self._is_due(epoch, self._every)

    def measures_last_step(self, epoch: int) -> bool:
        """Whether its last step is measured too."""
        return self._is_due(epoch, self._every_step)

    def measure_before_training(self) -> dict[str, float]:
        """What is measured before the first epoch, and of the data."""
        values = dict(self._data_checks())
        started = self._measure_untrained_model()
        if self._sensitivity_landscape is not None:
            started |= measure_sensitivity(self._sensitivity_landscape)
        return values | {f"probe/start_{name}": value for name, value in started.items()}

    def _measure_untrained_model(self) -> dict[str, float]:
        """The loss of the fixed batch, and what tells an initialisation from later harm."""
        if self._initial_landscape is None:
            return {}
        model = self._initial_landscape.model
        heads = [model] if self._expects_logits and self._can_record else []
        with self._layers.record_passes(), eval_mode(model), record_outputs(heads) as outputs:
            loss = self._initial_landscape.value()
        found = fetch_metrics(self._layers.waiting())
        values = {name.removeprefix("probe/"): value for name, value in found.items()}
        kept = {n: v for n, v in values.items() if n.partition("/")[0] in _REPORTED_AT_START}
        if outputs:
            kept["probability_outputs"] = float(_are_probabilities(outputs[-1][1]))
        return {"loss": loss, **kept}

    def before_last_step(self) -> None:
        """Notes the weights before the epoch's last step."""
        self._step.before()

    def record_last_step(self) -> AbstractContextManager[None]:
        """While it is open, the passes of the epoch's last step are heard."""
        return self._record_gradient_noise() if self._can_record else _NO_RECORDING

    @contextmanager
    def _record_gradient_noise(self) -> Iterator[None]:
        with self._noise.record_passes():
            yield
        self._waiting += self._noise.waiting()

    def after_last_step(self) -> None:
        """Notes how far that step moved them."""
        self._waiting += self._step.after()

    def record_evaluation(self) -> AbstractContextManager[None]:
        """While it is open, what each layer puts out first is kept."""
        return self._layers.record_passes() if self._can_record else _NO_RECORDING

    def measure(self) -> dict[str, float]:
        """The metrics of the epoch that is over."""
        waiting = [*self._layers.waiting(), *self._waiting]
        if self._gradient_landscape is not None:
            waiting.append(layer_gradient_norms(self._gradient_landscape))
        self._waiting = []
        values = fetch_metrics(waiting)
        if self._sensitivity_landscape is not None:
            found = measure_sensitivity(self._sensitivity_landscape)
            values |= {f"probe/{name}": value for name, value in found.items()}
        return values

    def _is_due(self, epoch: int, every: int) -> bool:
        return (epoch - 1) % every == 0 or epoch == self._last


def build(config: RunConfig, model: nn.Module, data: PreparedData, steps: int) -> Probe | None:
    """The probe that a resolved config asks for, with the data that it is measured on.

    Where an epoch has fewer `steps` than pay for a look, the light one skips epochs.
    """
    if config.probe == "none":
        return None
    part, loss = data.train, losses.build_eval_loss(config)

    def landscape(rows: int) -> LossLandscape:
        return LossLandscape(model, loss, part.examples[:rows], part.targets[:rows])

    light = config.probe == "light"
    every = math.ceil(STEPS_PER_LAYER_PROBE / steps)
    return Probe(
        model,
        data.val.examples[:PROBE_BATCH_SIZE],
        full=landscape(PROBE_BATCH_SIZE) if config.probe == "full" else None,
        sensitive=landscape(SENSITIVITY_EXAMPLES) if config.probe == "sensitivity" else None,
        begins=LossLandscape(
            model, loss, data.val.examples[:PROBE_BATCH_SIZE], data.val.targets[:PROBE_BATCH_SIZE]
        ),
        checks=data.checks,
        every=every if light else 1,
        every_step=every * math.ceil(STEPS_PER_STEP_PROBE / (steps * every)) if light else 1,
        last=config.epochs,
        hears=not config.compile,
        # Built-in models end in logits; a user's may end in a softmax.
        expects_logits=":" in config.model and config.loss == "cross_entropy",
    )


def _are_probabilities(outputs: torch.Tensor) -> bool:
    """Whether every row of outputs [n, classes] is a distribution over two or more classes."""
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return False
    sums = outputs.double().sum(1)
    return bool((outputs >= 0).all() and ((sums - 1).abs() < _SUM_TOLERANCE).all())


def layer_gradient_norms(landscape: LossLandscape) -> DeferredMetrics:
    """`probe/grad_norm/<layer>` of each layer of weights that moves, in evaluation mode."""
    with eval_mode(landscape.model):
        found = dict(zip(landscape.parameters, landscape.gradient(), strict=True))
    weights = [p for p in landscape.model.parameters() if p.ndim >= 2]
    moving = {f"probe/grad_norm/{n}": found[w] for n, w in enumerate(weights, 1) if w in found}
    norms = torch.stack(torch._foreach_norm(list(moving.values())))
    return DeferredMetrics((norms,), lambda numbers: dict(zip(moving, numbers, strict=True)))
