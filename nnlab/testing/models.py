"""`ModelContract`: shapes, gradients, weights that follow from the seed, saving."""

import io
from typing import ClassVar

import torch
from torch import nn

from nnlab.engine import models
from nnlab.engine.seeds import make_generator
from nnlab.testing.choices import ChoiceContract

Shape = tuple[int, ...]


class ModelContract(ChoiceContract):
    """A model of `--model`; set `choice` to its name.

    Attributes:
        in_shapes: shapes of examples that the model accepts: (features,) or (channels, height,
            width). `settings` must name a data set of such examples if they are not tables.
    """

    kind: ClassVar[str] = "model"
    in_shapes: ClassVar[tuple[Shape, ...]] = ((4,), (13,))

    def build(self, name: str, in_shape: Shape, outputs: int = 3, seed: int = 0) -> nn.Module:
        """A model for examples of a shape."""
        config = self.make_config(name, seed=seed)
        return models.build(config, in_shape, outputs, make_generator(seed, "weights"))

    def test_it_returns_one_output_per_class(self, name: str) -> None:
        """In training and evaluation, for a class or for a number as the target."""
        for shape in self.in_shapes:
            for outputs in (1, 3):
                model = self.build(name, shape, outputs)
                for training in (True, False):
                    values = model.train(training)(_examples(shape))
                    assert values.shape == (6, outputs)
                    assert bool(values.isfinite().all())

    def test_every_parameter_has_a_gradient(self, name: str) -> None:
        """No layer is unused, and no gradient is infinite or undefined."""
        for shape in self.in_shapes:
            model = self.build(name, shape)
            model(_examples(shape)).square().sum().backward()
            for parameter_name, parameter in model.named_parameters():
                assert parameter.grad is not None, f"{parameter_name} has no gradient"
                assert bool(parameter.grad.isfinite().all()), parameter_name

    def test_its_weights_follow_from_the_seed(self, name: str) -> None:
        """And not from the state of torch's global generator."""
        shape = self.in_shapes[0]
        torch.manual_seed(1)
        expected = _weights(self.build(name, shape))
        torch.manual_seed(2)
        assert torch.equal(_weights(self.build(name, shape)), expected)
        assert not torch.equal(_weights(self.build(name, shape, seed=1)), expected)

    def test_its_saved_weights_give_the_same_outputs(self, name: str) -> None:
        """`state_dict` holds everything that its outputs depend on in evaluation."""
        shape = self.in_shapes[0]
        model, copy = self.build(name, shape), self.build(name, shape, seed=1)
        saved = io.BytesIO()
        torch.save(model.state_dict(), saved)
        saved.seek(0)
        copy.load_state_dict(torch.load(saved, weights_only=True))
        examples = _examples(shape)
        assert torch.equal(copy.eval()(examples), model.eval()(examples))


def _examples(shape: Shape) -> torch.Tensor:
    return torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))


def _weights(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()
