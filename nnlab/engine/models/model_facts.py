"""`ModelFacts`: what a model must know about its data besides the shape of an example."""

from dataclasses import dataclass

import torch

from nnlab.catalogue import DENSE_TASKS, Task


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The properties of the data that determine the outputs of a model.

    `output_shape` is the shape of one output. `vocab_size` is the size of the vocabulary if the
    examples are tokens, otherwise 0. `task` is the kind of targets, and `pad_token` the id of the
    padding of tokens, if there is one.
    """

    output_shape: tuple[int, ...]
    vocab_size: int = 0
    task: Task = "classification"
    pad_token: int | None = None

    @property
    def has_output_per_position(self) -> bool:
        """Whether there is an output for each token or pixel."""
        return self.task in DENSE_TASKS

    @property
    def is_causal(self) -> bool:
        """Whether an output may depend on its own and earlier tokens only."""
        return self.task == "language_modeling"

    def zeros(self, count: int, in_shape: tuple[int, ...]) -> torch.Tensor:
        """Examples [count, ...] of the type of the data, to call a new model with."""
        dtype = torch.int64 if self.vocab_size else torch.float32
        return torch.zeros(count, *in_shape, dtype=dtype)
