"""What a network does to a signal before it is trained: the outputs of each layer at the start."""

from dataclasses import dataclass

import torch

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.hooks import record_outputs
from nnlab.engine.session import Session
from nnlab.errors import UsageError

# A layer whose sd is smaller or larger than the first one's by this factor has lost the signal.
SIGNAL_LOSS_FACTOR = 10.0


@dataclass(frozen=True, slots=True)
class LayerOutputs:
    """Mean and sd of what each hidden activation puts out, and a sample of its outputs."""

    means: tuple[float, ...]
    sds: tuple[float, ...]
    samples: tuple[tuple[float, ...], ...]

    @property
    def word(self) -> str:
        """What happens to the signal from the first layer to the last: its sd, compared."""
        first, last = self.sds[0], self.sds[-1]
        if not last < float("inf") or last > SIGNAL_LOSS_FACTOR * first:
            return "explodes"
        return "shrinks" if last < first / SIGNAL_LOSS_FACTOR or last == 0.0 else "holds"


@torch.no_grad()
def measure_layer_outputs(
    session: Session, *, examples: int = 512, kept: int = 2000
) -> LayerOutputs:
    """Puts the first training examples through the fresh model of a session.

    `kept` numbers of each layer are kept for a histogram, drawn at random.

    Raises:
        UsageError: the model has no activation.
    """
    layers = [
        module for module in session.model.modules() if isinstance(module, ACTIVATION_MODULES)
    ]
    if not layers:
        raise UsageError(f"--model {session.config.model} has no hidden layer to look at")
    with record_outputs(layers) as found:
        # Batch normalisation has no running statistics yet: it takes those of the batch.
        session.model.train()(session.data.train.examples[:examples])
    flat = [output.flatten().double() for _, output in found]
    return LayerOutputs(
        tuple(values.mean().item() for values in flat),
        tuple(values.std().item() for values in flat),
        tuple(tuple(_random_sample(values, kept).tolist()) for values in flat),
    )


def _random_sample(values: torch.Tensor, kept: int) -> torch.Tensor:
    """So many values at random, always the same ones: evenly spaced they would be of few units."""
    draw = torch.Generator().manual_seed(0)
    return values[torch.randperm(len(values), generator=draw)[:kept].to(values.device)]
