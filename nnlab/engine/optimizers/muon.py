"""Muon: orthogonalised momentum for the weights of hidden layers, AdamW for other parameters."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.engine.optimizers.param_groups import ParamGroups, collect_gradients, parameter_depths

# Coefficients of the quintic a x + b x^3 + c x^5 of Jordan et al. 2024, which drives singular
# values towards 1 fastest.
_NEWTON_SCHULZ_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_NEWTON_SCHULZ_ITERATIONS = 5
# Root mean square of an AdamW step, so that one lr suits all groups: Liu et al. 2025, eq. 4.
ADAMW_RMS = 0.2


class Muon(Optimizer):
    """Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".

    Groups with `orthogonal` set contain weights [out, ...], flattened to matrices [out, rest].
    Their step is the polar factor of the Nesterov momentum, with a root mean square of about 0.2.
    The other groups use AdamW. Weight decay is decoupled in all groups.
    """

    def __init__(
        self,
        groups: ParamGroups,
        *,
        lr: float,
        momentum: float,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps}
        super().__init__(groups, {**defaults, "weight_decay": 0.0, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Makes one update from the current gradients."""
        del closure
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            if group["weight_decay"]:
                torch._foreach_mul_(parameters, 1.0 - group["lr"] * group["weight_decay"])
            if group["orthogonal"]:
                for parameter, gradient in zip(
                    parameters, collect_gradients(parameters), strict=True
                ):
                    self._orthogonal_step(parameter, gradient, group)
            else:
                self._adam(parameters, group)

    def _orthogonal_step(
        self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]
    ) -> None:
        """The orthogonalised momentum step of one weight."""
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum = state["momentum_buffer"].lerp_(gradient, 1.0 - group["momentum"])
        nesterov = gradient.lerp(momentum, group["momentum"]).flatten(1)
        scale = ADAMW_RMS * max(nesterov.shape) ** 0.5
        step = orthogonalize(nesterov).view_as(parameter)
        parameter.add_(step, alpha=-group["lr"] * scale)

    def _adam(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        """Adam's step, Kingma and Ba 2015, algorithm 1; weight decay has been applied already."""
        gradients = collect_gradients(parameters)
        states = [self._adam_state(p) for p in parameters]
        for state in states:
            state["step"] += 1
        # Step counts within a group differ only if parameters were unfrozen later.
        for count in sorted({state["step"] for state in states}):
            indices = [i for i, state in enumerate(states) if state["step"] == count]
            self._adam_same_step_count(
                [parameters[i] for i in indices],
                [gradients[i] for i in indices],
                [states[i] for i in indices],
                group,
            )

    def _adam_state(self, parameter: torch.Tensor) -> dict[str, Any]:
        """The step count and moments of a parameter, created at its first step."""
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        return state

    def _adam_same_step_count(
        self,
        parameters: list[torch.Tensor],
        gradients: list[torch.Tensor],
        states: list[dict[str, Any]],
        group: dict[str, Any],
    ) -> None:
        """Adam's step for parameters that have the same step count."""
        beta1, beta2 = group["betas"]
        count = states[0]["step"]
        means = [state["exp_avg"] for state in states]
        squares = [state["exp_avg_sq"] for state in states]
        torch._foreach_lerp_(means, gradients, 1.0 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1.0 - beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, (1.0 - beta2**count) ** 0.5)
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_addcdiv_(parameters, means, roots, value=-group["lr"] / (1.0 - beta1**count))


def orthogonalize(matrix: torch.Tensor) -> torch.Tensor:
    """The approximate polar factor U V' of a matrix U S V', by five Newton-Schulz iterations.

    The singular values of the result are between 0.7 and 1.2 instead of 1; Jordan et al. 2024
    found no disadvantage.

    Args:
        matrix: [..., rows, columns], at least single precision.
    """
    a, b, c = _NEWTON_SCHULZ_COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x: torch.Tensor = matrix.mT if tall else matrix
    x = x / torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(_NEWTON_SCHULZ_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def split_hidden_weights(groups: ParamGroups, model: nn.Module) -> ParamGroups:
    """Splits groups into hidden-layer weights, for Muon, and other parameters, for AdamW.

    The head and embeddings use AdamW, as Jordan et al. advise, since their inputs or outputs
    stand for single tokens or classes. A model of one layer consists of a head only.
    """
    hidden = hidden_weight_ids(model)
    split: ParamGroups = []
    for group in groups:
        for orthogonal in (True, False):
            parameters = [p for p in group["params"] if (id(p) in hidden) is orthogonal]
            if parameters:
                split.append({**group, "params": parameters, "orthogonal": orthogonal})
    return split


def hidden_weight_ids(model: nn.Module) -> set[int]:
    """The ids of weights with two or more dimensions that are not of the head or an embedding."""
    depths = parameter_depths(model)
    top = max(depths.values())
    return {
        id(parameter)
        for module_name, module in model.named_modules()
        for name, parameter in module.named_parameters(prefix=module_name, recurse=False)
        if parameter.ndim >= 2
        and name.endswith("weight")  # excludes position embeddings and class tokens
        and depths.get(name, top) < top  # a tied weight has a depth under its first name only
        and not isinstance(module, nn.Embedding)
    }
