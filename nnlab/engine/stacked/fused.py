"""Adam by torch's own fused kernel, a row at a time: on a CPU one pass over memory, not nine."""

from collections.abc import Sequence
from itertools import pairwise

import torch

from nnlab.config import RunConfig
from nnlab.engine.stacked.storage import Storage

OPTIMIZERS = ("adam", "adamw", "amsgrad")

# The parts of one tensor's row, each in a list of its own, as the kernel wants it.
Parts = list[list[torch.Tensor]]


class FusedAdam:
    """Steps of adam, adamw or amsgrad for the runs of a stack, each with its own numbers.

    Weights decay and the rest does not: where they do, a row is two parts. The moments are the
    stack's; made anew whenever the stack's rows are.
    """

    def __init__(
        self, opt: str, storage: Storage, moments: dict[str, torch.Tensor], *, decays: bool
    ) -> None:
        self._step = torch._fused_adamw_ if opt == "adamw" else torch._fused_adam_
        self._largest = opt == "amsgrad"
        edges = (
            (0, storage.layout.weights, storage.layout.size) if decays else (0, storage.layout.size)
        )
        parts = list(pairwise(edges))
        tensors = [storage.values, storage.gradients, moments["exp_avg"], moments["exp_avg_sq"]]
        if self._largest:
            tensors.append(moments["max_exp_avg_sq"])
        self._rows: list[tuple[Parts, ...]] = [
            tuple([[tensor[row, begin:end]] for begin, end in parts] for tensor in tensors)
            for row in range(storage.count)
        ]
        self._decays = (True, False)[: len(parts)]

    def step(
        self, counts: Sequence[int], lr: Sequence[float], configs: Sequence[RunConfig]
    ) -> None:
        """One update of every row from its gradients; `counts` include it."""
        for row, count, rate, config in zip(self._rows, counts, lr, configs, strict=True):
            values, gradients, mean, square, *largest = row
            assert config.beta1 is not None
            assert config.beta2 is not None
            assert config.eps is not None
            steps = torch.tensor(float(count))
            for part, decays in enumerate(self._decays):
                self._step(
                    values[part],
                    gradients[part],
                    mean[part],
                    square[part],
                    largest[0][part] if largest else [],
                    [steps],
                    lr=rate,
                    beta1=config.beta1,
                    beta2=config.beta2,
                    weight_decay=config.weight_decay or 0.0 if decays else 0.0,
                    eps=config.eps,
                    amsgrad=self._largest,
                    maximize=False,
                )
