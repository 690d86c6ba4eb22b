"""Outputs of each layer of an untrained model: whether the signal explodes, shrinks or holds."""

from dataclasses import dataclass

import torch

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.hooks import record_outputs
from nnlab.engine.session import Session
from nnlab.errors import UsageError

# The signal counts as exploded or shrunk if the last layer's standard deviation differs from the
# first layer's by this factor.
SIGNAL_LOSS_FACTOR = 10.0


@dataclass(frozen=True, slots=True)
class LayerOutputs:
    """Mean, standard deviation and a random sample of the outputs of each hidden activation."""

    means: tuple[float, ...]
    standard_deviations: tuple[float, ...]
    samples: tuple[tuple[float, ...], ...]

    @property
    def signal_trend(self) -> str:
        """`explodes`, `shrinks` or `holds`: the last standard deviation against the first."""
        first, last = self.standard_deviations[0], self.standard_deviations[-1]
        if not last < float("inf") or last > SIGNAL_LOSS_FACTOR * first:
            return "explodes"
        return "shrinks" if last < first / SIGNAL_LOSS_FACTOR or last == 0.0 else "holds"


@torch.no_grad()
def measure_layer_outputs(
    session: Session, *, examples: int = 512, sample_size: int = 2000
) -> LayerOutputs:
    """Records the outputs for the first training examples in a new session's model.

    Args:
        session: not trained yet.
        examples: number of training examples.
        sample_size: number of outputs per layer in the random sample for a histogram.

    Raises:
        UsageError: the model has no activation.
    """
    layers = [
        module for module in session.model.modules() if isinstance(module, ACTIVATION_MODULES)
    ]
    if not layers:
        raise UsageError(f"--model {session.config.model} has no hidden layer to measure")
    with record_outputs(layers) as calls:
        # In training mode, since batch normalisation has no running statistics yet.
        session.model.train()(session.data.train.examples[:examples])
    outputs = [output.flatten().double() for _, output in calls]
    return LayerOutputs(
        tuple(values.mean().item() for values in outputs),
        tuple(values.std().item() for values in outputs),
        tuple(tuple(_random_sample(values, sample_size).tolist()) for values in outputs),
    )


def _random_sample(values: torch.Tensor, sample_size: int) -> torch.Tensor:
    """`sample_size` values at random positions, the same ones at every call.

    Evenly spaced positions would come from few units.
    """
    generator = torch.Generator().manual_seed(0)
    return values[torch.randperm(len(values), generator=generator)[:sample_size].to(values.device)]
