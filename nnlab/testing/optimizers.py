"""`OptimizerContract`: an optimizer lowers a quadratic loss, and its state can be saved."""

import io
from typing import ClassVar

import torch
from torch import nn, optim

from nnlab.engine.optimizers import ClosureOptimizer, build
from nnlab.testing.choices import ChoiceContract

_EXAMPLES, _FEATURES, _OUTPUTS = 32, 5, 3


class OptimizerContract(ChoiceContract):
    """An optimizer of `--opt`; set `choice` to its name.

    Attributes:
        steps: updates after which the loss must be lower than at the start.
    """

    kind: ClassVar[str] = "opt"
    steps: ClassVar[int] = 50

    def test_it_lowers_a_quadratic_loss(self, name: str) -> None:
        """Least squares with its default learning rate."""
        model = _small_model()
        optimizer = build(model, self.make_config(name))
        before = _loss(model, 0).item()
        _take_steps(model, optimizer, range(self.steps), same_batch=True)
        after = _loss(model, 0).item()
        assert after < before, f"the loss rose from {before:.4g} to {after:.4g}"

    def test_its_saved_state_continues_bit_for_bit(self, name: str) -> None:
        """`state_dict` holds everything, and torch loads it with `weights_only`."""
        config = self.make_config(name)
        model, copy = _small_model(), _small_model()
        optimizer = build(model, config)
        _take_steps(model, optimizer, range(3))
        saved = io.BytesIO()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, saved)
        saved.seek(0)
        state = torch.load(saved, weights_only=True)
        restored = build(copy, config)
        copy.load_state_dict(state["model"])
        restored.load_state_dict(state["optimizer"])
        _take_steps(model, optimizer, range(3, 6))
        _take_steps(copy, restored, range(3, 6))
        assert torch.equal(_weights(model), _weights(copy))

    def test_it_leaves_frozen_parameters_alone(self, name: str) -> None:
        """Parameters without a gradient keep their values, until they are unfrozen."""
        model = _small_model()
        first = next(model.parameters())
        first.requires_grad_(False)
        optimizer = build(model, self.make_config(name))
        before = first.clone()
        _take_steps(model, optimizer, range(2))
        assert torch.equal(first, before)
        first.requires_grad_(True)
        _take_steps(model, optimizer, range(2, 4))
        assert not torch.equal(first, before)


def _small_model() -> nn.Module:
    """A linear network of two layers; always with the same weights."""
    model = nn.Sequential(nn.Linear(_FEATURES, 6), nn.Linear(6, _OUTPUTS))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
    return model


def _loss(model: nn.Module, batch: int) -> torch.Tensor:
    """The mean squared error on a batch."""
    generator = torch.Generator().manual_seed(batch)
    examples = torch.randn(_EXAMPLES, _FEATURES, generator=generator)
    targets = torch.randn(_EXAMPLES, _OUTPUTS, generator=generator)
    return nn.functional.mse_loss(model(examples), targets)


def _take_steps(
    model: nn.Module, optimizer: optim.Optimizer, steps: range, *, same_batch: bool = False
) -> None:
    for step in steps:
        batch = 0 if same_batch else step
        if isinstance(optimizer, ClosureOptimizer):
            optimizer.step(lambda batch=batch: _loss(model, batch))  # type: ignore[misc]
        else:
            optimizer.zero_grad()
            _loss(model, batch).backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def _weights(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()
