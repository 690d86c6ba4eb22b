"""Lion: every weight moves by the same amount, in the direction of the sign of its momentum."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from nnlab.engine.optimizers.param_groups import ParamGroups, collect_gradients


class Lion(Optimizer):
    """Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.

    The update is -lr sign(beta1 m + (1 - beta1) g); then m becomes beta2 m + (1 - beta2) g. Weight
    decay is decoupled: the weights are multiplied by 1 - lr weight_decay.
    """

    def __init__(self, groups: ParamGroups, *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Makes one update from the current gradients."""
        del closure
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._update(parameters, group)

    def _update(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        gradients = collect_gradients(parameters)
        momenta = [self._momentum(p) for p in parameters]
        lr, (beta1, beta2) = group["lr"], group["betas"]
        directions = torch._foreach_lerp(momenta, gradients, 1.0 - beta1)
        torch._foreach_sign_(directions)
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, 1.0 - lr * group["weight_decay"])
        torch._foreach_add_(parameters, directions, alpha=-lr)
        torch._foreach_lerp_(momenta, gradients, 1.0 - beta2)

    def _momentum(self, parameter: torch.Tensor) -> torch.Tensor:
        state = self.state[parameter]
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(parameter)
        momentum: torch.Tensor = state["exp_avg"]
        return momentum
