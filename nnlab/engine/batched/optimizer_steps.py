"""Update rules of the optimizers for all batched runs.

Each rule has the same terms as in `nnlab.engine.optimizers`, on tensors [runs, size]. A
hyperparameter is a number if all runs share it, which is faster, otherwise a column [runs, 1].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from nnlab.engine.batched.parameter_storage import ParameterLayout
from nnlab.settings import RunConfig

ScalarOrColumn = float | torch.Tensor

# The names of the state tensors of each optimizer, as in torch and in checkpoints.
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
# Optimizers whose update depends on the number of steps.
STEP_COUNTING_OPTIMIZERS = frozenset(STATE_NAMES) - {"sgd", "momentum", "nesterov", "lion"}

# The default `momentum_decay` of torch.optim.NAdam, which is not an option here.
_NADAM_MOMENTUM_DECAY = 0.004


@dataclass(slots=True)
class StepState:
    """The state that an update reads and writes besides parameters and gradients.

    Args:
        layout: the columns of a row.
        moments: state tensors [runs, size], by the names in `STATE_NAMES`.
        count: number of steps, including this one.
        hyperparameters: momentum, beta1, beta2, eps and weight_decay; also by `state[name]`.
        momentum_products: the product of the momenta so far (nadam only).
        nesterov: whether momentum is Nesterov's.
    """

    layout: ParameterLayout
    moments: dict[str, torch.Tensor]
    count: ScalarOrColumn
    hyperparameters: Mapping[str, ScalarOrColumn]
    momentum_products: ScalarOrColumn = 1.0
    nesterov: bool = field(default=False)

    def __getitem__(self, name: str) -> ScalarOrColumn:
        return self.hyperparameters[name]

    @property
    def uses_weight_decay(self) -> bool:
        """Whether any run has weight decay."""
        decay = self["weight_decay"]
        return bool(decay.any()) if isinstance(decay, torch.Tensor) else decay != 0.0


# Updates parameters in place: (parameters, gradients, lr, state). Gradients are overwritten.
UpdateRule = Callable[[torch.Tensor, torch.Tensor, ScalarOrColumn, StepState], None]


def _sgd(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    parameters.sub_(gradients.mul_(lr))


def _momentum(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    velocity = state.moments["momentum_buffer"].mul_(state["momentum"]).add_(gradients)
    direction = gradients.add_(velocity * state["momentum"]) if state.nesterov else velocity
    parameters.sub_(direction * lr)


def _adagrad(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    total = state.moments["sum"].addcmul_(gradients, gradients)
    parameters.sub_(gradients.mul_(lr).div_(total.sqrt().add_(state["eps"])))


def _rmsprop(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    denominator = (
        _update_square_mean(state.moments["square_avg"], gradients, state["beta2"])
        .sqrt()
        .add_(state["eps"])
    )
    velocity = (
        state.moments["momentum_buffer"].mul_(state["momentum"]).add_(gradients.div_(denominator))
    )
    parameters.sub_(velocity * lr)


def _adadelta(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    denominator = (
        _update_square_mean(state.moments["square_avg"], gradients, state["beta2"])
        .add(state["eps"])
        .sqrt_()
    )
    delta = state.moments["acc_delta"].add(state["eps"]).sqrt_().div_(denominator).mul_(gradients)
    _update_square_mean(state.moments["acc_delta"], delta, state["beta2"])
    parameters.sub_(delta.mul_(lr))


def _adam(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    _adam_update(parameters, gradients, lr, state)


def _adamw(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _apply_decoupled_decay(parameters, lr, state)
    _adam_update(parameters, gradients, lr, state)


def _amsgrad(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    mean, square = _update_moments(gradients, state)
    largest = state.moments["max_exp_avg_sq"]
    torch.maximum(largest, square, out=largest)
    _adam_step(parameters, mean, largest, lr, state)


def _nadam(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    mean, square = _update_moments(gradients, state)
    momentum, next_momentum = (
        _nadam_momentum(state, state.count),
        _nadam_momentum(state, state.count + 1),
    )
    # torch stores the product in single precision and computes with the rounded value.
    state.momentum_products = _to_float64(
        _to_float32(state.momentum_products) * _to_float32(momentum)
    )
    denominator = (
        square.div(_cast_like(1 - state["beta2"] ** state.count, parameters))
        .sqrt_()
        .add_(state["eps"])
    )
    gradient_rate = _cast_like(lr * (1 - momentum) / (1 - state.momentum_products), parameters)
    mean_rate = _cast_like(
        lr * next_momentum / (1 - state.momentum_products * next_momentum), parameters
    )
    parameters.sub_((gradients.mul_(gradient_rate).add_(mean * mean_rate)).div_(denominator))


def _radam(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    mean, square = _update_moments(gradients, state)
    # rho_inf, rho_t and the rectification term as in the paper.
    bias_correction = 1 - state["beta2"] ** state.count
    rho_inf = 2 / (1 - state["beta2"]) - 1
    rho_t = rho_inf - 2 * state.count * state["beta2"] ** state.count / bias_correction
    is_rectifiable = torch.as_tensor(rho_t > 5.0)
    rho = torch.as_tensor(rho_t, dtype=torch.float64).clamp(min=5.0)
    rectification = torch.sqrt(
        (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho) * bias_correction
    )
    denominator = square.sqrt().add_(state["eps"])
    # While the variance estimate is unreliable, the step is that of momentum alone.
    scale = torch.where(
        is_rectifiable.to(parameters.device),
        _to_tensor(rectification, parameters) / denominator,
        torch.ones_like(denominator),
    )
    parameters.sub_(mean * _cast_like(lr / (1 - state["beta1"] ** state.count), parameters) * scale)


def _adamax(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    _add_coupled_decay(parameters, gradients, state)
    mean = _update_mean(state.moments["exp_avg"], gradients, state["beta1"])
    largest = state.moments["exp_inf"].mul_(state["beta2"])
    torch.maximum(largest, gradients.abs().add_(state["eps"]), out=largest)
    parameters.sub_(
        mean.div(largest).mul_(_cast_like(lr / (1 - state["beta1"] ** state.count), parameters))
    )


def _lion(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    mean = state.moments["exp_avg"]
    direction = torch.lerp(mean, gradients, _lerp_weight(state["beta1"], parameters)).sign_()
    _apply_decoupled_decay(parameters, lr, state)
    parameters.sub_(direction.mul_(lr))
    _update_mean(mean, gradients, state["beta2"])


def _muon(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    from nnlab.engine.optimizers.muon import ADAMW_RMS, orthogonalize

    _apply_decoupled_decay(parameters, lr, state)
    hidden_end = state.layout.hidden_end
    hidden_gradients = gradients[:, :hidden_end]
    mean = _update_mean(
        state.moments["momentum_buffer"][:, :hidden_end], hidden_gradients, state["momentum"]
    )
    nesterov_gradients = torch.lerp(
        hidden_gradients, mean, _to_tensor(state["momentum"], parameters)
    )
    rate = lr if isinstance(lr, float) else lr[:, :1]
    for part in state.layout.slices:
        if part.end > hidden_end:
            break
        matrices = torch.unflatten(
            nesterov_gradients[:, part.begin : part.end], 1, part.shape
        ).flatten(2)
        scale = ADAMW_RMS * max(matrices.shape[1:]) ** 0.5
        parameters[:, part.begin : part.end].sub_(
            orthogonalize(matrices).flatten(1).mul_(scale * rate)
        )
    other_moments = {name: moments[:, hidden_end:] for name, moments in state.moments.items()}
    other_rate = lr if isinstance(lr, float) or lr.shape[1] == 1 else lr[:, hidden_end:]
    other_state = StepState(state.layout, other_moments, state.count, state.hyperparameters)
    _adam_update(parameters[:, hidden_end:], gradients[:, hidden_end:], other_rate, other_state)


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
    """One number if all runs have the same value, else a column [runs, 1]; None counts as 0."""
    numbers = [0.0 if value is None else float(value) for value in values]
    if len(set(numbers)) == 1:
        return numbers[0]
    return torch.tensor(numbers, dtype=like.dtype, device=like.device)[:, None]


def optimizer_hyperparameters(
    configs: Sequence[RunConfig], like: torch.Tensor
) -> Mapping[str, ScalarOrColumn]:
    """momentum, beta1, beta2, eps and weight_decay of the runs."""
    names = ("momentum", "beta1", "beta2", "eps", "weight_decay")
    return {
        name: scalar_or_column([getattr(config, name) for config in configs], like)
        for name in names
    }


def _add_coupled_decay(parameters: torch.Tensor, gradients: torch.Tensor, state: StepState) -> None:
    """Adds weight decay to the gradients (an L2 penalty)."""
    if state.uses_weight_decay:
        weights = state.layout.weights_end
        gradients[:, :weights].add_(parameters[:, :weights] * state["weight_decay"])


def _apply_decoupled_decay(parameters: torch.Tensor, lr: ScalarOrColumn, state: StepState) -> None:
    """Shrinks the weights directly: decoupled weight decay (Loshchilov and Hutter 2019)."""
    if state.uses_weight_decay:
        weights = state.layout.weights_end
        rate = lr if isinstance(lr, float) or lr.shape[1] == 1 else lr[:, :weights]
        parameters[:, :weights].mul_(1 - rate * state["weight_decay"])


def _update_mean(mean: torch.Tensor, gradients: torch.Tensor, beta: ScalarOrColumn) -> torch.Tensor:
    return mean.lerp_(gradients, _lerp_weight(beta, gradients))


def _update_square_mean(
    mean: torch.Tensor, gradients: torch.Tensor, beta: ScalarOrColumn
) -> torch.Tensor:
    mean.mul_(beta)
    if isinstance(beta, torch.Tensor):
        return mean.add_(gradients.square().mul_(1 - beta))
    return mean.addcmul_(gradients, gradients, value=1 - beta)


def _update_moments(gradients: torch.Tensor, state: StepState) -> tuple[torch.Tensor, torch.Tensor]:
    mean = _update_mean(state.moments["exp_avg"], gradients, state["beta1"])
    return mean, _update_square_mean(state.moments["exp_avg_sq"], gradients, state["beta2"])


def _adam_update(
    parameters: torch.Tensor, gradients: torch.Tensor, lr: ScalarOrColumn, state: StepState
) -> None:
    mean, square = _update_moments(gradients, state)
    _adam_step(parameters, mean, square, lr, state)


def _adam_step(
    parameters: torch.Tensor,
    mean: torch.Tensor,
    square: torch.Tensor,
    lr: ScalarOrColumn,
    state: StepState,
) -> None:
    """Kingma and Ba 2015, algorithm 1."""
    denominator = square.sqrt()
    denominator.div_(_cast_like((1 - state["beta2"] ** state.count) ** 0.5, parameters)).add_(
        state["eps"]
    )
    rate = _cast_like(lr / (1 - state["beta1"] ** state.count), parameters)
    if isinstance(rate, float):
        parameters.addcdiv_(mean, denominator, value=-rate)
    else:
        parameters.sub_(torch.div(mean, denominator, out=denominator).mul_(rate))


def _nadam_momentum(state: StepState, count: ScalarOrColumn) -> ScalarOrColumn:
    """The momentum schedule of Dozat 2016, which rises towards beta1."""
    decay: ScalarOrColumn = 0.96 ** (count * _NADAM_MOMENTUM_DECAY)
    return state["beta1"] * (1 - 0.5 * decay)


def _lerp_weight(beta: ScalarOrColumn, like: torch.Tensor) -> float | torch.Tensor:
    """The weight of the new value in a running mean, in the dtype that `lerp` requires."""
    return _cast_like(1 - beta, like)


def _cast_like(number: ScalarOrColumn, like: torch.Tensor) -> ScalarOrColumn:
    """A column in the dtype of the parameters; a number is returned unchanged."""
    return number.to(like.dtype) if isinstance(number, torch.Tensor) else number


def _to_float32(number: ScalarOrColumn) -> torch.Tensor:
    return torch.as_tensor(number, dtype=torch.float32)


def _to_float64(number: torch.Tensor) -> ScalarOrColumn:
    return number.double() if number.ndim else float(number)


def _to_tensor(number: ScalarOrColumn, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(number, dtype=like.dtype, device=like.device)
