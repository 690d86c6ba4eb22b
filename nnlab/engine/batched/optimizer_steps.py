"""One optimizer step for every run of a stack, on rows of all their parameters.

Each update is the rule of `nnlab.engine.optimizers`, term by term, on [runs, size] tensors. A
hyperparameter is a number where the runs share it, which is faster, and a column [runs, 1] where
they do not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from nnlab.config import RunConfig
from nnlab.engine.batched.parameter_storage import ParameterLayout

ScalarOrColumn = float | torch.Tensor

# What torch calls the state of each optimizer, in a checkpoint too.
STATE_NAMES: Mapping[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum_buffer",),
    "nesterov": ("momentum_buffer",),
    "adagrad": ("sum",),
    "rmsprop": ("square_avg", "momentum_buffer"),
    "adadelta": ("square_avg", "acc_delta"),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "amsgrad": ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "nadam": ("exp_avg", "exp_avg_sq"),
    "radam": ("exp_avg", "exp_avg_sq"),
    "adamax": ("exp_avg", "exp_inf"),
    "lion": ("exp_avg",),
    "muon": ("momentum_buffer", "exp_avg", "exp_avg_sq"),
}
# Those whose rule knows how many steps there were.
STEP_COUNTING_OPTIMIZERS = frozenset(STATE_NAMES) - {"sgd", "momentum", "nesterov", "lion"}

# torch's own, which are no options here: the drift of nadam's momentum.
_NADAM_MOMENTUM_DECAY = 0.004


@dataclass(slots=True)
class StepState:
    """What an update reads and writes besides parameters and gradients.

    Args:
        layout: the columns.
        state: moments by torch's names, [runs, size].
        count: steps taken, the one under way included.
        numbers: momentum, beta1, beta2, eps and weight_decay.
        products: nadam's product of momenta.
    """

    layout: ParameterLayout
    state: dict[str, torch.Tensor]
    count: ScalarOrColumn
    numbers: Mapping[str, ScalarOrColumn]
    products: ScalarOrColumn = 1.0
    nesterov: bool = field(default=False)

    def __getitem__(self, name: str) -> ScalarOrColumn:
        return self.numbers[name]

    @property
    def decays(self) -> bool:
        """Whether any weight decays."""
        decay = self["weight_decay"]
        return bool(decay.any()) if isinstance(decay, torch.Tensor) else decay != 0.0


UpdateRule = Callable[[torch.Tensor, torch.Tensor, ScalarOrColumn, StepState], None]


def _sgd(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    p.sub_(g.mul_(lr))


def _momentum(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    moving = s.state["momentum_buffer"].mul_(s["momentum"]).add_(g)
    ahead = g.add_(moving * s["momentum"]) if s.nesterov else moving
    p.sub_(ahead * lr)


def _adagrad(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    total = s.state["sum"].addcmul_(g, g)
    p.sub_(g.mul_(lr).div_(total.sqrt().add_(s["eps"])))


def _rmsprop(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    size = _update_square_mean(s.state["square_avg"], g, s["beta2"]).sqrt().add_(s["eps"])
    moving = s.state["momentum_buffer"].mul_(s["momentum"]).add_(g.div_(size))
    p.sub_(moving * lr)


def _adadelta(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    size = _update_square_mean(s.state["square_avg"], g, s["beta2"]).add(s["eps"]).sqrt_()
    delta = s.state["acc_delta"].add(s["eps"]).sqrt_().div_(size).mul_(g)
    _update_square_mean(s.state["acc_delta"], delta, s["beta2"])
    p.sub_(delta.mul_(lr))


def _adam(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    _adam_update(p, g, lr, s)


def _adamw(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _apply_decoupled_decay(p, lr, s)
    _adam_update(p, g, lr, s)


def _amsgrad(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    mean, square = _update_moments(g, s)
    largest = s.state["max_exp_avg_sq"]
    torch.maximum(largest, square, out=largest)
    _adam_step(p, mean, largest, lr, s)


def _nadam(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    mean, square = _update_moments(g, s)
    now, following = _nadam_momentum(s, s.count), _nadam_momentum(s, s.count + 1)
    # torch keeps the product in single precision, and computes with what that leaves.
    s.products = _to_float64(_to_float32(s.products) * _to_float32(now))
    size = square.div(_cast_like(1 - s["beta2"] ** s.count, p)).sqrt_().add_(s["eps"])
    of_gradient = _cast_like(lr * (1 - now) / (1 - s.products), p)
    of_mean = _cast_like(lr * following / (1 - s.products * following), p)
    p.sub_((g.mul_(of_gradient).add_(mean * of_mean)).div_(size))


def _radam(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    mean, square = _update_moments(g, s)
    left = 1 - s["beta2"] ** s.count
    longest = 2 / (1 - s["beta2"]) - 1
    length = longest - 2 * s.count * s["beta2"] ** s.count / left
    known = torch.as_tensor(length > 5.0)
    safe = torch.as_tensor(length, dtype=torch.float64).clamp(min=5.0)
    rectified = torch.sqrt(
        (safe - 4) * (safe - 2) * longest / ((longest - 4) * (longest - 2) * safe) * left
    )
    size = square.sqrt().add_(s["eps"])
    # Before the variance can be told, the step is that of momentum alone.
    scale = torch.where(known.to(p.device), _to_tensor(rectified, p) / size, torch.ones_like(size))
    p.sub_(mean * _cast_like(lr / (1 - s["beta1"] ** s.count), p) * scale)


def _adamax(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    _add_coupled_decay(p, g, s)
    mean = _update_mean(s.state["exp_avg"], g, s["beta1"])
    largest = s.state["exp_inf"].mul_(s["beta2"])
    torch.maximum(largest, g.abs().add_(s["eps"]), out=largest)
    p.sub_(mean.div(largest).mul_(_cast_like(lr / (1 - s["beta1"] ** s.count), p)))


def _lion(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    mean = s.state["exp_avg"]
    direction = torch.lerp(mean, g, _lerp_weight(s["beta1"], p)).sign_()
    _apply_decoupled_decay(p, lr, s)
    p.sub_(direction.mul_(lr))
    _update_mean(mean, g, s["beta2"])


def _muon(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    from nnlab.engine.optimizers.muon import ADAMW_RMS, orthogonalize

    _apply_decoupled_decay(p, lr, s)
    hidden = s.layout.hidden
    turning = g[:, :hidden]
    mean = _update_mean(s.state["momentum_buffer"][:, :hidden], turning, s["momentum"])
    ahead = torch.lerp(turning, mean, _to_tensor(s["momentum"], p))
    rate = lr if isinstance(lr, float) else lr[:, :1]
    for slot in s.layout.slots:
        if slot.end > hidden:
            break
        matrices = torch.unflatten(ahead[:, slot.begin : slot.end], 1, slot.shape).flatten(2)
        scale = ADAMW_RMS * max(matrices.shape[1:]) ** 0.5
        p[:, slot.begin : slot.end].sub_(orthogonalize(matrices).flatten(1).mul_(scale * rate))
    rest = {name: moments[:, hidden:] for name, moments in s.state.items()}
    others = lr if isinstance(lr, float) or lr.shape[1] == 1 else lr[:, hidden:]
    part = StepState(s.layout, rest, s.count, s.numbers)
    _adam_update(p[:, hidden:], g[:, hidden:], others, part)


UPDATE_RULES: Mapping[str, UpdateRule] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _momentum,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adadelta": _adadelta,
    "adam": _adam,
    "adamw": _adamw,
    "amsgrad": _amsgrad,
    "nadam": _nadam,
    "radam": _radam,
    "adamax": _adamax,
    "lion": _lion,
    "muon": _muon,
}


def scalar_or_column(values: Sequence[float | None], like: torch.Tensor) -> ScalarOrColumn:
    """One number where all runs have the same, else a column [runs, 1]."""
    numbers = [0.0 if value is None else float(value) for value in values]
    if len(set(numbers)) == 1:
        return numbers[0]
    return torch.tensor(numbers, dtype=like.dtype, device=like.device)[:, None]


def optimizer_hyperparameters(
    configs: Sequence[RunConfig], like: torch.Tensor
) -> Mapping[str, ScalarOrColumn]:
    """The hyperparameters of the runs' optimizers."""
    names = ("momentum", "beta1", "beta2", "eps", "weight_decay")
    return {
        name: scalar_or_column([getattr(config, name) for config in configs], like)
        for name in names
    }


def _add_coupled_decay(p: torch.Tensor, g: torch.Tensor, s: StepState) -> None:
    """Weight decay as a part of the gradient."""
    if s.decays:
        weights = s.layout.weights
        g[:, :weights].add_(p[:, :weights] * s["weight_decay"])


def _apply_decoupled_decay(p: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    """Decoupled weight decay."""
    if s.decays:
        weights = s.layout.weights
        rate = lr if isinstance(lr, float) or lr.shape[1] == 1 else lr[:, :weights]
        p[:, :weights].mul_(1 - rate * s["weight_decay"])


def _update_mean(mean: torch.Tensor, g: torch.Tensor, memory: ScalarOrColumn) -> torch.Tensor:
    return mean.lerp_(g, _lerp_weight(memory, g))


def _update_square_mean(
    mean: torch.Tensor, g: torch.Tensor, memory: ScalarOrColumn
) -> torch.Tensor:
    mean.mul_(memory)
    if isinstance(memory, torch.Tensor):
        return mean.add_(g.square().mul_(1 - memory))
    return mean.addcmul_(g, g, value=1 - memory)


def _update_moments(g: torch.Tensor, s: StepState) -> tuple[torch.Tensor, torch.Tensor]:
    mean = _update_mean(s.state["exp_avg"], g, s["beta1"])
    return mean, _update_square_mean(s.state["exp_avg_sq"], g, s["beta2"])


def _adam_update(p: torch.Tensor, g: torch.Tensor, lr: ScalarOrColumn, s: StepState) -> None:
    mean, square = _update_moments(g, s)
    _adam_step(p, mean, square, lr, s)


def _adam_step(
    p: torch.Tensor, mean: torch.Tensor, square: torch.Tensor, lr: ScalarOrColumn, s: StepState
) -> None:
    """Kingma and Ba 2015, algorithm 1."""
    size = square.sqrt()
    size.div_(_cast_like((1 - s["beta2"] ** s.count) ** 0.5, p)).add_(s["eps"])
    rate = _cast_like(lr / (1 - s["beta1"] ** s.count), p)
    if isinstance(rate, float):
        p.addcdiv_(mean, size, value=-rate)
    else:
        p.sub_(torch.div(mean, size, out=size).mul_(rate))


def _nadam_momentum(s: StepState, count: ScalarOrColumn) -> ScalarOrColumn:
    """Dozat 2016: it rises towards beta1."""
    falling: ScalarOrColumn = 0.96 ** (count * _NADAM_MOMENTUM_DECAY)
    return s["beta1"] * (1 - 0.5 * falling)


def _lerp_weight(memory: ScalarOrColumn, like: torch.Tensor) -> float | torch.Tensor:
    """How far a mean moves; `lerp` takes a tensor of its own format."""
    return _cast_like(1 - memory, like)


def _cast_like(number: ScalarOrColumn, like: torch.Tensor) -> ScalarOrColumn:
    """A column in the format of the parameters; a number stays one."""
    return number.to(like.dtype) if isinstance(number, torch.Tensor) else number


def _to_float32(number: ScalarOrColumn) -> torch.Tensor:
    return torch.as_tensor(number, dtype=torch.float32)


def _to_float64(number: torch.Tensor) -> ScalarOrColumn:
    return number.double() if number.ndim else float(number)


def _to_tensor(number: ScalarOrColumn, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(number, dtype=like.dtype, device=like.device)
