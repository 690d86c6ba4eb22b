"""`--opt sign-sgd`: every weight moves by lr in the direction of its momentum."""

import torch
from torch import nn, optim

from nnlab.plugins import OptimizerPlugin, RunConfig, build_param_groups


class SignSGD(optim.Optimizer):
    """Bernstein et al. 2018, algorithm 2: signSGD with momentum (Signum)."""

    def __init__(self, groups: list, *, lr: float, momentum: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1.0 - group["momentum"])
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                parameter.add_(state["momentum"].sign(), alpha=-group["lr"])


def build(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return SignSGD(build_param_groups(model, config), lr=config.lr, momentum=config.momentum)


SIGN_SGD = OptimizerPlugin(
    name="sign-sgd",
    summary="the sign of the momentum, so that each weight moves by lr",
    source="Bernstein et al. 2018, algorithm 2",
    defaults={"lr": 3e-3, "momentum": 0.9, "weight_decay": 0.0},
    build=build,
)
