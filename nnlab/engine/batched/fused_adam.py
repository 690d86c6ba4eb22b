"""Adam with torch's fused kernel: on a CPU one pass over memory per row instead of nine."""

from collections.abc import Sequence
from itertools import pairwise
from operator import add

import torch

from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.required_setting import required
from nnlab.settings import RunConfig

FUSED_OPTIMIZERS = ("adam", "adamw", "amsgrad")

# beta1, beta2, eps, weight decay.
AdamHyperparameters = tuple[float, float, float, float]
TensorLists = tuple[list[torch.Tensor], ...]


class FusedAdam:
    """Steps of adam, adamw or amsgrad for all runs, each with its own hyperparameters.

    One kernel call updates a list of tensors with the same hyperparameters, so the rows of runs
    with equal hyperparameters and step counts form one list. If there is weight decay, each row
    is split in two, because it applies to the weights only. The tensors are views of the storage
    and of `moments`: create a new object whenever either is replaced.
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
        bounds = (0, layout.weights_end, layout.size) if decays else (0, layout.size)
        tensors = [storage.values, storage.gradients, moments["exp_avg"], moments["exp_avg_sq"]]
        if self._amsgrad:
            tensors.append(moments["max_exp_avg_sq"])
        self._parts: list[tuple[list[AdamHyperparameters], list[TensorLists]]] = []
        for index, (begin, end) in enumerate(pairwise(bounds)):
            hyperparameters = [
                _adam_hyperparameters(config, decays=index == 0) for config in configs
            ]
            columns = [tensor[:, begin:end].unbind() for tensor in tensors]
            rows = [tuple([tensor] for tensor in row) for row in zip(*columns, strict=True)]
            self._parts.append((hyperparameters, rows))

    def step(self, counts: Sequence[int], lr: Sequence[float]) -> None:
        """Updates every row from its gradients.

        Args:
            counts: steps of each run, including this one.
            lr: learning rate of each run.
        """
        steps = {count: torch.tensor(float(count)) for count in set(counts)}
        for hyperparameters, rows in self._parts:
            groups: dict[tuple[int, float, AdamHyperparameters], TensorLists] = {}
            for key, tensors in zip(
                zip(counts, lr, hyperparameters, strict=True), rows, strict=True
            ):
                group = groups.get(key)
                groups[key] = tensors if group is None else tuple(map(add, group, tensors))
            for (count, rate, (beta1, beta2, eps, decay)), lists in groups.items():
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
    decay = config.weight_decay or 0.0 if decays else 0.0
    return required(config.beta1), required(config.beta2), required(config.eps), decay
