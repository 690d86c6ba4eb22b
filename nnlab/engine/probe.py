"""What happens inside a model, measured after epochs on one fixed batch of the training split.

Names are `probe/<what>/<layer>`, layers numbered from 1, the first hidden one:
activation_mean, activation_sd, zeros (share of the outputs that are 0), dead (share of the units
that are 0 for the whole batch), saturated (share of a tanh's or sigmoid's outputs at their ends).
Beside them `probe/update_ratio`, how far the epoch's last step moved the weights, of their size.
`full` adds for each layer of weights `probe/grad_norm/<layer>` and `probe/update_ratio/<layer>`,
and `probe/gradient_noise`: the noise scale of McCandlish et al. 2018 (appendix A.1), in examples.

The pass is in evaluation mode and without a gradient, so it changes nothing that is trained.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine import losses
from nnlab.engine.activations import MODULES
from nnlab.engine.listening import heard
from nnlab.engine.losses import Loss

# Examples in the fixed batch.
BATCH = 64
# A look costs about as much as a step of a small model: so many steps make it under 2 %.
STEPS_A_LOOK = 80
# Deeper models are measured at so many layers, evenly spread, the first and the last among them.
MOST_LAYERS = 8

# What a squashing function puts out when its slope has all but gone: (below, above).
_ENDS: Mapping[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-0.99, 0.99),
    nn.Sigmoid: (0.01, 0.99),
}


class Probe:
    """Looks into one model; made by `build`."""

    def __init__(
        self,
        model: nn.Module,
        examples: torch.Tensor,
        targets: torch.Tensor,
        loss: Loss | None,
        *,
        every: int = 1,
        last: int = 0,
    ) -> None:
        """With `loss` gradients are measured too; `every` and `last` are those of `due`."""
        self._every, self._last = every, last
        self._model = model
        self._examples, self._targets = examples, targets
        self._loss = loss
        self._weights = [p for p in model.parameters() if p.ndim >= 2]
        self._before: list[torch.Tensor] = []
        self._updates: list[torch.Tensor] = []
        found = [module for module in model.modules() if isinstance(module, MODULES)]
        self._layers = [found[place] for place in _spread(len(found), MOST_LAYERS)]
        self._numbers = [place + 1 for place in _spread(len(found), MOST_LAYERS)]

    def due(self, epoch: int) -> bool:
        """Whether an epoch is measured: the first, each `every`-th after it, and the last."""
        return (epoch - 1) % self._every == 0 or epoch == self._last

    def before_last_step(self) -> None:
        """Notes the weights before the epoch's last step."""
        self._before = [weight.detach().clone() for weight in self._weights]

    def after_last_step(self) -> None:
        """Notes how far that step moved them: [moved, size] of each weight."""
        with torch.no_grad():
            now: list[torch.Tensor] = [weight.detach() for weight in self._weights]
            moved = torch._foreach_norm(torch._foreach_sub(now, self._before))
            size = torch._foreach_norm(self._before)
            self._updates = [torch.stack(list(moved)), torch.stack(list(size))]

    def measure(self) -> dict[str, float]:
        """The metrics of the epoch that is over."""
        values = self._activations() | self._update_ratios()
        if self._loss is not None:
            values |= self._gradients(self._loss)
        return values

    def _activations(self) -> dict[str, float]:
        training = self._model.training
        try:
            with torch.no_grad(), heard(self._layers) as found:
                # After an evaluation it is in this mode already, and walking a model costs time.
                (self._model.eval() if training else self._model)(self._examples)
        finally:
            if training:
                self._model.train()
        outputs = [output for _, output in found]
        if len(outputs) != len(self._layers):
            return {}  # a user's model may leave a layer out, or pass through one twice
        table = _statistics(self._layers, outputs)
        return {
            f"probe/{name}/{number}": value
            for number, layer, row in zip(self._numbers, self._layers, table, strict=True)
            for name, value in zip(_NAMES, row, strict=True)
            if name != "saturated" or type(layer) in _ENDS
        }

    def _update_ratios(self) -> dict[str, float]:
        if not self._updates:
            return {}
        moved, size = self._updates
        whole = torch.linalg.vector_norm(moved) / torch.linalg.vector_norm(size)
        if self._loss is None:
            return {"probe/update_ratio": whole.item()}
        ratios = (moved / size).tolist()
        each = {f"probe/update_ratio/{n}": ratio for n, ratio in enumerate(ratios, start=1)}
        return {"probe/update_ratio": whole.item()} | each

    def _gradients(self, loss: Loss) -> dict[str, float]:
        """Norms of the gradient of each layer of weights on the batch, and the noise in it."""
        training = self._model.training
        self._model.eval()
        try:
            whole = self._gradient(loss, slice(None))
            half = len(self._targets) // 2
            parts = [self._gradient(loss, slice(half)), self._gradient(loss, slice(half, 2 * half))]
        finally:
            self._model.train(training)
        norms = torch.stack(torch._foreach_norm(whole)).tolist()
        moving = [n for n, w in enumerate(self._weights, start=1) if w.requires_grad]
        values = {f"probe/grad_norm/{n}": norm for n, norm in zip(moving, norms, strict=True)}
        return values | {"probe/gradient_noise": _noise_scale(parts, half)}

    def _gradient(self, loss: Loss, rows: slice) -> list[torch.Tensor]:
        """The gradient of the mean loss over some rows of the batch, by weight."""
        targets = self._targets[rows]
        value = loss(self._model(self._examples[rows]), targets)
        weights = [weight for weight in self._weights if weight.requires_grad]
        return list(torch.autograd.grad(value, weights, allow_unused=False))


def build(
    config: RunConfig,
    model: nn.Module,
    examples: torch.Tensor,
    targets: torch.Tensor,
    steps: int,
) -> Probe | None:
    """The probe that a resolved config asks for, over the first rows of the training split.

    Where an epoch has fewer `steps` than pay for a look, the light one skips epochs.
    """
    if config.probe == "none":
        return None
    full = config.probe == "full"
    return Probe(
        model,
        examples[:BATCH],
        targets[:BATCH],
        losses.measured(config) if full else None,
        every=1 if full else math.ceil(STEPS_A_LOOK / steps),
        last=config.epochs,
    )


_NAMES = ("activation_mean", "activation_sd", "zeros", "dead", "saturated")


@torch.no_grad()
def _statistics(layers: Sequence[nn.Module], outputs: Sequence[torch.Tensor]) -> list[list[float]]:
    """The numbers of `_NAMES` for what each layer put out.

    Layers of one kind and shape are measured together: on small models an operation costs more
    than its arithmetic.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, (layer, output) in enumerate(zip(layers, outputs, strict=True)):
        alike.setdefault((_ENDS.get(type(layer)), output.shape), []).append(place)
    found = [
        _of_alike(torch.stack([outputs[place] for place in places]), ends)
        for (ends, _), places in alike.items()
    ]
    rows = torch.cat(found).tolist() if found else []
    places = [place for group in alike.values() for place in group]
    return [row for _, row in sorted(zip(places, rows, strict=True))]


def _of_alike(outputs: torch.Tensor, ends: object) -> torch.Tensor:
    """The numbers of `_NAMES` for layers of one shape: [layers, n, ...] gives [layers, 5]."""
    count = outputs[0].numel()
    variance, mean = torch.var_mean(outputs.flatten(1), dim=1)
    channels = 2 if outputs.ndim == 5 else outputs.ndim - 1
    others = [place for place in range(1, outputs.ndim) if place != channels]
    alive = torch.count_nonzero(outputs, dim=others)
    zeros = 1.0 - alive.sum(1) / count
    dead = 1.0 - torch.count_nonzero(alive, dim=1) / alive.shape[1]
    saturated = zeros
    if isinstance(ends, tuple):
        beyond = (outputs < ends[0]) | (outputs > ends[1])
        saturated = torch.count_nonzero(beyond.flatten(1), dim=1) / count
    return torch.stack([mean, variance.sqrt(), zeros, dead, saturated], dim=1)


def _noise_scale(parts: list[list[torch.Tensor]], size: int) -> float:
    """tr(covariance) / |gradient|², from the gradients of two batches of one size.

    Unbiased for both numbers; nan where the gradient cannot be told from its noise.
    """
    one, other = (torch.cat([part.flatten() for part in parts[i]]) for i in (0, 1))
    small = (one.square().sum() + other.square().sum()).item() / 2
    large = ((one + other) / 2).square().sum().item()
    signal = 2 * large - small
    noise = (small - large) * 2 * size
    return noise / signal if signal > 0 else math.nan


def _spread(count: int, most: int) -> list[int]:
    """Places of at most so many of `count`, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]
