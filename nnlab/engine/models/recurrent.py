"""Recurrent networks for tokens, signals and rows of images: lstm and gru."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from nnlab.engine.initializers import initialize_weights_
from nnlab.engine.models.dropout import Dropout
from nnlab.engine.models.layers import initialize_layer
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.tokens import TokenEmbedding, last_token, real_tokens
from nnlab.engine.required_setting import required
from nnlab.errors import DataError
from nnlab.settings import RunConfig


class SequenceSteps(nn.Module):
    """An example as a sequence of vectors: the values of a signal, or the rows of an image."""

    def __init__(self, in_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.images = len(in_shape) == 3
        self.size = in_shape[0] * in_shape[2] if self.images else 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, features] to [n, features, 1]; [n, c, h, w] to [n, h, c · w]."""
        return x.transpose(1, 2).flatten(2) if self.images else x[:, :, None]


class RecurrentLayer(nn.Module):
    """One layer of torch's LSTM or GRU, without its final state."""

    def __init__(self, cell: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, T, inputs] to [n, T, width]."""
        outputs: torch.Tensor = self.cell(x)[0]
        return outputs


class RecurrentNetwork(nn.Module):
    """Steps or embedded tokens, recurrent layers, and a linear layer.

    The network reads forwards only, so an output depends on no later token and on no padding that
    follows it. One output per example is computed from the last token that is no padding.
    """

    def __init__(
        self, steps: nn.Module, layers: list[nn.Module], head: nn.Linear, facts: ModelFacts
    ) -> None:
        super().__init__()
        self.steps = steps
        self.layers = nn.Sequential(*layers)
        self.head = head
        self.has_tokens = facts.vocab_size > 0
        self.pad_token = facts.pad_token
        self.has_output_per_position = facts.has_output_per_position

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [n, T] or other examples to [n, T, outputs] or [n, outputs]."""
        states = self.layers(self.steps(x))
        if not self.has_output_per_position:
            if self.has_tokens:
                states = last_token(states, real_tokens(x, self.pad_token))
            else:
                states = states[:, -1]
        outputs: torch.Tensor = self.head(states)
        return outputs


def build(
    cell_type: type[nn.LSTM | nn.GRU],
    config: RunConfig,
    in_shape: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    *,
    facts: ModelFacts,
) -> nn.Module:
    """`depth` recurrent layers of `width` units, with dropout after each of them.

    Raises:
        DataError: there are outputs for each position, but the examples have other positions.
    """
    width = required(config.width)
    steps: nn.Module
    if facts.vocab_size:
        # torch's own embeddings have sd 1, which is the scale of standardised inputs too.
        steps = TokenEmbedding(facts.vocab_size, width, generator, sd=1.0)
        size = width
    else:
        steps = SequenceSteps(in_shape)
        size = steps.size
        _check_positions(config, in_shape, facts)
    layers: list[nn.Module] = []
    for layer_index in range(required(config.depth)):
        cell = cell_type(size, width, batch_first=True)
        _initialize_cell(cell, config, generator)
        layers.append(RecurrentLayer(cell))
        if config.dropout:
            layers.append(Dropout(config.dropout, layer_index))
        size = width
    head = initialize_layer(nn.Linear(width, outputs), config, generator, gain=1.0)
    return RecurrentNetwork(steps, layers, head, facts)


def _check_positions(config: RunConfig, in_shape: tuple[int, ...], facts: ModelFacts) -> None:
    if facts.has_output_per_position and facts.output_shape[:-1] != in_shape:
        raise DataError(
            f"--model {config.model} has one output for each value of a signal: {config.data} has"
            f" examples of shape {list(in_shape)} and outputs of shape {list(facts.output_shape)}"
        )


@torch.no_grad()
def _initialize_cell(cell: nn.LSTM | nn.GRU, config: RunConfig, generator: torch.Generator) -> None:
    """Initialises the matrix of each gate as configured, and the biases.

    The bias of an LSTM's forget gate is 1 higher, so that a new network remembers (Jozefowicz et
    al. 2015, section 2.2).
    """
    width = cell.hidden_size
    for name, parameter in cell.named_parameters():
        if parameter.ndim == 2:
            for gate in torch.split(parameter, width):
                initialize_weights_(gate, config, generator, gain=1.0)
        else:
            parameter.fill_((config.bias_init or 0.0) if name.startswith("bias_ih") else 0.0)
            if isinstance(cell, nn.LSTM) and name.startswith("bias_ih"):
                parameter[width : 2 * width] += 1.0  # the gates are in, forget, cell, out


build_lstm: Callable[..., nn.Module] = partial(build, nn.LSTM)
build_gru: Callable[..., nn.Module] = partial(build, nn.GRU)
