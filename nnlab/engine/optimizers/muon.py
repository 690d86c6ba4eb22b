"""Muon: momentum made orthogonal, for the weights of hidden layers; AdamW for all the rest."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.engine.optimizers.param_groups import ParamGroups, collect_gradients, parameter_depths

# The quintic a x + b x^3 + c x^5 that pulls singular values towards 1 fastest: Jordan et al. 2024.
_NEWTON_SCHULZ_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_NEWTON_SCHULZ_ITERATIONS = 5
# A step's root mean square as AdamW has it, so that one lr serves both: Liu et al. 2025, eq. 4.
ADAMW_RMS = 0.2


class Muon(Optimizer):
    """Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".

    Groups with `orthogonal` true hold weights [out, ...], flattened to matrices [out, rest];
    their step is the polar factor of Nesterov's momentum, about 0.2 in root mean square. The
    other groups are AdamW's. Weight decay is decoupled in all.
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
        """One update from the gradients that are there."""
        del closure
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            if group["weight_decay"]:
                torch._foreach_mul_(parameters, 1.0 - group["lr"] * group["weight_decay"])
            if group["orthogonal"]:
                for parameter in parameters:
                    self._orthogonal_step(parameter, group)
            else:
                self._adam(parameters, group)

    def _orthogonal_step(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        """The orthogonal step of one weight."""
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        mean = state["momentum_buffer"].lerp_(gradient, 1.0 - group["momentum"])
        ahead = gradient.lerp(mean, group["momentum"]).flatten(1)
        scale = ADAMW_RMS * max(ahead.shape) ** 0.5
        step = orthogonalize(ahead).view_as(parameter)
        parameter.add_(step, alpha=-group["lr"] * scale)

    def _adam(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        """Adam's step, Kingma and Ba 2015, algorithm 1; the decay is off already."""
        gradients = collect_gradients(parameters)
        states = [self._moments(p) for p in parameters]
        for state in states:
            state["step"] += 1
        # All parameters of a group have a gradient at the same steps, but for those set free late.
        for count in sorted({state["step"] for state in states}):
            chosen = [i for i, state in enumerate(states) if state["step"] == count]
            self._adam_same_step_count(
                [parameters[i] for i in chosen],
                [gradients[i] for i in chosen],
                [states[i] for i in chosen],
                group,
            )

    def _moments(self, parameter: torch.Tensor) -> dict[str, Any]:
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
        """Adam's step for parameters that have taken the same number of steps."""
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
    """About the polar factor U V' of a matrix U S V', by five Newton-Schulz iterations.

    Singular values end between 0.7 and 1.2, not at 1: Jordan et al. 2024 found that no worse.

    Args:
        matrix: [..., rows, columns], in any floating type of single precision or more.
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
    """Parts the weights of hidden layers, which Muon turns, from all else, which is AdamW's.

    The head and embeddings stay with AdamW, as Jordan et al. advise: their inputs or outputs are
    one unit at a time. A model of one layer has nothing but a head.
    """
    hidden = hidden_weight_ids(model)
    parted: ParamGroups = []
    for group in groups:
        for orthogonal in (True, False):
            chosen = [p for p in group["params"] if (id(p) in hidden) is orthogonal]
            if chosen:
                parted.append({**group, "params": chosen, "orthogonal": orthogonal})
    return parted


def hidden_weight_ids(model: nn.Module) -> set[int]:
    """The ids of the weights, two or more dimensions, of layers that are no head or embedding."""
    depths = parameter_depths(model)
    top = max(depths.values())
    return {
        id(parameter)
        for module_name, module in model.named_modules()
        for name, parameter in module.named_parameters(prefix=module_name, recurse=False)
        if parameter.ndim >= 2
        and name.endswith("weight")  # no learned places, no class token
        and depths.get(name, top) < top  # a tied weight goes by its first name alone
        and not isinstance(module, nn.Embedding)
    }
