"""What optimizers without a learning rate share: they ask for the loss again, at a cost."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.optim import Optimizer

# A fresh forward pass over the same batch, with the same dropout masks each time.
LossClosure = Callable[[], torch.Tensor]


@dataclass(frozen=True, slots=True)
class EvaluationCounts:
    """What was computed: forward passes alone, gradients (a pass there and back), and products.

    A product of the Hessian with a vector costs about two gradients: Pearlmutter 1994.
    """

    losses: int = 0
    gradients: int = 0
    products: int = 0


class ClosureOptimizer(Optimizer):
    """An optimizer that finds the length of its steps itself; `cost` is since `reset_cost`."""

    cost = EvaluationCounts()

    def step(self, loss_of: LossClosure) -> torch.Tensor:  # type: ignore[override]
        """One update; answers with the loss before it, a scalar.

        Args:
            loss_of: the loss of the batch with its graph, by a fresh forward pass each time.
        """
        raise NotImplementedError

    def reset_evaluation_counts(self) -> None:
        """Counts from zero again."""
        self.cost = EvaluationCounts()

    def _count(self, *, losses: int = 0, gradients: int = 0, products: int = 0) -> None:
        self.cost = replace(
            self.cost,
            losses=self.cost.losses + losses,
            gradients=self.cost.gradients + gradients,
            products=self.cost.products + products,
        )
