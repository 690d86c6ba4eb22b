"""L-BFGS: torch.optim's, with a strong Wolfe line search."""

import torch
from torch import nn, optim

from nnlab.engine.optimizers.closure_optimizer import ClosureOptimizer, LossClosure


class LBFGS(ClosureOptimizer, optim.LBFGS):
    """Nocedal and Wright 2006, algorithms 7.5 (two-loop recursion) and 3.5 (line search).

    Args:
        parameters: all that it moves.
        memory: how many past steps shape the next.
        iterations: most iterations in a step, each with a gradient or several.
    """

    def __init__(self, parameters: list[nn.Parameter], *, memory: int, iterations: int) -> None:
        super().__init__(
            parameters,
            lr=1.0,  # where the line search begins: the whole quasi-Newton step
            max_iter=iterations,
            # Torch's own 1.25 gradients an iteration would end a step in a long line search.
            max_eval=25 * iterations,
            history_size=memory,
            line_search_fn="strong_wolfe",
        )

    def step(self, loss_of: LossClosure) -> torch.Tensor:  # type: ignore[override]
        """At most `iterations` of L-BFGS; fewer where the gradient has all but vanished."""

        def closure() -> torch.Tensor:
            self.zero_grad(set_to_none=True)
            loss = loss_of()
            loss.backward()  # type: ignore[no-untyped-call]
            self._count(gradients=1)
            return loss.detach()

        loss: torch.Tensor = optim.LBFGS.step(self, closure)  # type: ignore[no-untyped-call]
        return loss
