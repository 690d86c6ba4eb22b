"""Penalties on the weights: their value, their gradient, and their relation to weight decay."""

import pytest
import torch
from torch import nn

from nnlab.engine import penalties
from nnlab.settings import RunConfig


def model(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    return layers.to(dtype)


def weights(of: nn.Module) -> list[torch.Tensor]:
    return [parameter for parameter in of.parameters() if parameter.ndim >= 2]


def test_without_penalties_there_is_nothing_to_add() -> None:
    assert penalties.build(RunConfig(), model()) is None


def test_a_model_without_weight_matrices_has_nothing_to_penalise() -> None:
    assert penalties.build(RunConfig(l1=0.1), nn.BatchNorm1d(3)) is None


def test_the_elastic_net_by_hand() -> None:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, -4.0]]))
        layer.bias.fill_(100.0)
    penalty = penalties.build(RunConfig(l1=0.1, l2=0.01), layer)
    assert penalty is not None
    assert penalty().item() == pytest.approx(0.1 * 7 + 0.01 / 2 * 25)
    penalty().backward()  # type: ignore[no-untyped-call]
    assert layer.weight.grad is not None
    assert layer.weight.grad.flatten().tolist() == pytest.approx([0.1 + 0.03, -0.1 - 0.04])
    assert layer.bias.grad is None


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_the_gradient_is_l1_sign_w_plus_l2_w_and_biases_and_scales_go_free(
    l1: float, l2: float
) -> None:
    of = model(torch.float64)
    penalty = penalties.build(RunConfig(l1=l1, l2=l2), of)
    assert penalty is not None
    penalty().backward()  # type: ignore[no-untyped-call]
    for parameter in of.parameters():
        if parameter.ndim >= 2:
            assert parameter.grad is not None
            assert torch.allclose(parameter.grad, l1 * parameter.sign() + l2 * parameter)
        else:
            assert parameter.grad is None


def test_a_weight_of_zero_is_not_moved_by_l1() -> None:
    layer = nn.Linear(2, 2)
    nn.init.zeros_(layer.weight)
    penalty = penalties.build(RunConfig(l1=1.0, l2=1.0), layer)
    assert penalty is not None
    penalty().backward()  # type: ignore[no-untyped-call]
    assert layer.weight.grad is not None
    assert not layer.weight.grad.any()


def after_steps(make: type[torch.optim.Optimizer], l2: float, decay: float) -> list[torch.Tensor]:
    """The weights after some steps of an optimizer: l2 in the loss, or decay in the optimizer."""
    of = model(torch.float64)
    groups = [
        {"params": weights(of), "weight_decay": decay},
        {"params": [p for p in of.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = make(groups, lr=0.05)  # type: ignore[call-arg]
    penalty = penalties.build(RunConfig(l2=l2), of)
    generator = torch.Generator().manual_seed(3)
    for _ in range(5):
        examples = torch.randn(6, 1, 4, 4, generator=generator, dtype=torch.float64)
        loss = of(examples).square().mean()
        if penalty is not None:
            loss = loss + penalty()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [weight.detach() for weight in weights(of)]


def close(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.allclose(a, b, atol=1e-12) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_l2_in_the_loss_is_weight_decay_in_the_gradient(make: type[torch.optim.Optimizer]) -> None:
    assert close(after_steps(make, 0.1, 0.0), after_steps(make, 0.0, 0.1))
    assert not close(after_steps(make, 0.1, 0.0), after_steps(make, 0.0, 0.0))


def test_l2_in_the_loss_is_not_the_decoupled_decay_of_adamw() -> None:
    coupled = after_steps(torch.optim.Adam, 0.1, 0.0)
    decoupled = after_steps(torch.optim.AdamW, 0.0, 0.1)
    farthest = max((a - b).abs().max() for a, b in zip(coupled, decoupled, strict=True))
    assert farthest > 0.01
