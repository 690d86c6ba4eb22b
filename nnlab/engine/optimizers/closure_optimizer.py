"""The base class of optimizers that evaluate the loss several times per step."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.optim import Optimizer

# The loss of a new forward pass over the same batch, with the same dropout masks at each call.
LossClosure = Callable[[], torch.Tensor]


@dataclass(frozen=True, slots=True)
class EvaluationCounts:
    """The number of evaluations: of the loss alone, of gradients, of Hessian-vector products.

    A gradient takes a forward and a backward pass. A Hessian-vector product costs about as much as
    two gradients (Pearlmutter 1994).
    """

    loss_evaluations: int = 0
    gradient_evaluations: int = 0
    hessian_vector_products: int = 0


class ClosureOptimizer(Optimizer):
    """An optimizer that determines its own step length, without a learning rate.

    `evaluation_counts` counts from the last call of `reset_evaluation_counts`.
    """

    evaluation_counts = EvaluationCounts()

    def step(self, closure: LossClosure) -> torch.Tensor:  # type: ignore[override]
        """Makes one update and returns the loss before it, a scalar.

        Args:
            closure: computes the loss of the batch, with its graph, in a new forward pass per
                call.
        """
        raise NotImplementedError

    def reset_evaluation_counts(self) -> None:
        """Sets all counts to 0."""
        self.evaluation_counts = EvaluationCounts()

    def _add_counts(self, *, losses: int = 0, gradients: int = 0, products: int = 0) -> None:
        counts = self.evaluation_counts
        self.evaluation_counts = EvaluationCounts(
            counts.loss_evaluations + losses,
            counts.gradient_evaluations + gradients,
            counts.hessian_vector_products + products,
        )
