"""Adam by torch's own fused kernel, a row at a time: on a CPU one pass over memory, not nine."""

from collections.abc import Sequence
from itertools import pairwise
from operator import add

import torch

from nnlab.config import RunConfig
from nnlab.engine.batched.parameter_storage import ParameterStorage

FUSED_OPTIMIZERS = ("adam", "adamw", "amsgrad")

# What an update depends on beside the gradients: beta1, beta2, eps, weight decay.
AdamHyperparameters = tuple[float, float, float, float]
TensorLists = tuple[list[torch.Tensor], ...]


class FusedAdam:
    """Steps of adam, adamw or amsgrad for the runs of a stack, each with its own numbers.

    The kernel takes a list of tensors that share their numbers: a row of a run that has its own
    is a list of one. Weights decay and the rest does not: where they do, a row is two parts. The
    moments are the stack's; made anew whenever the stack's rows are.
    """

    def __init__(
        self,
        opt: str,
        storage: ParameterStorage,
        moments: dict[str, torch.Tensor],
        configs: Sequence[RunConfig],
    ) -> None:
        self._step = torch._fused_adamw_ if opt == "adamw" else torch._fused_adam_
        self._amsgrad = opt == "amsgrad"
        layout = storage.layout
        decays = any(config.weight_decay for config in configs)
        edges = (0, layout.weights, layout.size) if decays else (0, layout.size)
        tensors = [storage.values, storage.gradients, moments["exp_avg"], moments["exp_avg_sq"]]
        if self._amsgrad:
            tensors.append(moments["max_exp_avg_sq"])
        self._parts: list[tuple[list[AdamHyperparameters], list[TensorLists]]] = []
        for place, (begin, end) in enumerate(pairwise(edges)):
            numbers = [_adam_hyperparameters(config, decays=place == 0) for config in configs]
            columns = [tensor[:, begin:end].unbind() for tensor in tensors]
            rows = [tuple([one] for one in row) for row in zip(*columns, strict=True)]
            self._parts.append((numbers, rows))

    def step(self, counts: Sequence[int], lr: Sequence[float]) -> None:
        """One update of every row from its gradients; `counts` include it."""
        steps = {count: torch.tensor(float(count)) for count in set(counts)}
        for numbers, rows in self._parts:
            alike: dict[tuple[int, float, AdamHyperparameters], TensorLists] = {}
            for key, row in zip(zip(counts, lr, numbers, strict=True), rows, strict=True):
                known = alike.get(key)
                alike[key] = row if known is None else tuple(map(add, known, row))
            for (count, rate, (beta1, beta2, eps, decay)), lists in alike.items():
                values, gradients, mean, square, *largest = lists
                self._step(
                    values,
                    gradients,
                    mean,
                    square,
                    largest[0] if largest else [],
                    [steps[count]] * len(values),
                    lr=rate,
                    beta1=beta1,
                    beta2=beta2,
                    weight_decay=decay,
                    eps=eps,
                    amsgrad=self._amsgrad,
                    maximize=False,
                )


def _adam_hyperparameters(config: RunConfig, *, decays: bool) -> AdamHyperparameters:
    assert config.beta1 is not None
    assert config.beta2 is not None
    assert config.eps is not None
    decay = config.weight_decay or 0.0 if decays else 0.0
    return config.beta1, config.beta2, config.eps, decay
