"""`run.watch`: statistics of layers, gradients and updates of a model in a user's own loop."""

import pytest
import torch
from recorded_programs import stored_samples, values_of
from torch import nn

import nnlab


def model_and_optimizer() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    torch.manual_seed(1)
    optimizer.zero_grad()
    model(torch.randn(16, 4)).square().mean().backward()
    optimizer.step()


def test_the_statistics_are_those_of_the_step(db: str) -> None:
    model, optimizer = model_and_optimizer()
    with nnlab.init("s") as run:
        run.watch(model, every=1)
        before = [p.detach().clone() for p in model.parameters()]
        step(model, optimizer)
        run.log({"train/loss": 1.0}, step=5)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        after = [p.detach().clone() for p in model.parameters()]
    torch.manual_seed(1)
    with torch.no_grad():
        outputs = torch.relu(torch.randn(16, 4) @ before[0].T + before[1])
    total = torch.cat([g.flatten() for g in gradients]).norm().item()
    assert values_of(db, "train/grad_norm") == [pytest.approx(total, rel=1e-5)]
    assert values_of(db, "probe/grad_norm/2") == [
        pytest.approx(gradients[2].norm().item(), rel=1e-5)
    ]
    assert values_of(db, "probe/update_ratio/1") == [
        pytest.approx(((after[0] - before[0]).norm() / before[0].norm()).item(), rel=1e-4)
    ]
    assert values_of(db, "probe/activation_sd/1") == [pytest.approx(outputs.std().item(), rel=1e-4)]
    assert values_of(db, "probe/zeros/1") == [
        pytest.approx((outputs == 0).float().mean().item(), rel=1e-5)
    ]
    assert len(values_of(db, "probe/saturated/2")) == 1


def test_every_sets_the_steps_and_evaluations_are_not_measured(db: str) -> None:
    model, optimizer = model_and_optimizer()
    with nnlab.init("s") as run:
        run.watch(model, every=3)
        for number in range(7):
            model.eval()
            with torch.no_grad():
                model(torch.zeros(2, 4))
            model.train()
            step(model, optimizer)
            run.log({"x": 1.0}, step=number)
        run.unwatch()
        step(model, optimizer)
    # A measurement has the last step that was logged before it.
    assert [s.step for s in stored_samples(db, "train/grad_norm")] == [0, 2, 5]


def test_training_is_unchanged(db: str) -> None:
    plain, optimizer = model_and_optimizer()
    for _ in range(5):
        step(plain, optimizer)
    watched, optimizer = model_and_optimizer()
    with nnlab.init("s") as run:
        run.watch(watched, every=1)
        for _ in range(5):
            step(watched, optimizer)
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_optimizer_is_not_measured(db: str) -> None:
    model, _ = model_and_optimizer()
    other, optimizer = model_and_optimizer()
    with nnlab.init("s") as run:
        run.watch(model, every=1)
        step(other, optimizer)
    assert values_of(db, "train/grad_norm") == []


def test_a_handle_that_records_nothing_watches_nothing(db: str) -> None:
    model, optimizer = model_and_optimizer()
    with nnlab.init("s", mode="off") as run:
        run.watch(model)
        step(model, optimizer)
    assert not model._forward_pre_hooks
