"""Facts about a model before training, as metrics `probe/model_<fact>`.

They are read from its modules and weights, and for a user's model also from the functions that one
forward pass calls (`probe.function_calls`). The rules of the diagnosis read them where a setting
says nothing about the model. A fact of value 0 is not reported.

- `weight_layers`: the number of weights with two or more dimensions, each once, without those of
  embeddings and of containers.
- `activations_<kind>`: how many activations of each kind hidden layers have, such as `relu`.
- `output_<kind>`: 1 if the model ends in an activation of this kind.
- `dropout`: the highest rate; `norms`: the number of normalisation layers.
- `symmetric_layers`: the number of weights of hidden layers whose units all start equal;
  `symmetric_head`: 1 if the last weight treats all of its inputs alike.
- `smallest_gain`, `largest_gain`: the sd of the weights of a hidden layer, times the root of the
  number of its inputs. Around 1.4 suits relu.
- `bias_mean`, `bias_sd`: of the hidden layer whose biases have the largest absolute mean.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import nn

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.models.dropout import DropoutBase
from nnlab.engine.probe.function_calls import FunctionCalls

_DROPOUT_MODULES = (nn.modules.dropout._DropoutNd, DropoutBase)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
# A weight is symmetric if its units differ by less than this share of their size.
_EQUAL = 1e-6


def inspect_model(model: nn.Module, calls: FunctionCalls | None = None) -> dict[str, float]:
    """The facts by name, without the prefix; see the module.

    Args:
        model: before training, on any device.
        calls: the functions that a forward pass called; None reads activations from the modules.
    """
    kinds = _module_kinds(model) if calls is None else Counter(calls.hidden)
    facts = {f"activations_{kind.__name__.lower()}": float(n) for kind, n in kinds.items()}
    if calls is not None and calls.output is not None:
        facts[f"output_{calls.output.__name__.lower()}"] = 1.0
    norms = sum(_is_norm(module) for module in model.modules())
    if calls is not None:
        norms = max(norms, calls.norms)
    rates = [*_dropout_rates(model), calls.dropout if calls is not None else 0.0]
    facts |= {"dropout": max(rates), "norms": float(norms), **_weight_facts(model)}
    facts = {name: value for name, value in facts.items() if value and math.isfinite(value)}
    return {"weight_layers": float(len(_layers(model))), **facts}


def used_weights(
    model: nn.Module, order: Sequence[nn.Module] | None = None
) -> tuple[nn.Parameter, ...]:
    """The weights with two or more dimensions, each once, in the order of their use.

    Args:
        model: the model.
        order: its modules in the order of their calls; None is the order of registration. Weights
            of modules that were not called are left out, unless fewer than two would be left.
    """
    registered = [p for p in model.parameters() if _is_weight(p)]
    if order is None:
        return tuple(registered)
    called = dict.fromkeys(
        p for module in order for p in module.parameters(recurse=False) if _is_weight(p)
    )
    return tuple(called if len(called) > 1 else registered)


def _is_weight(parameter: nn.Parameter) -> bool:
    return not nn.parameter.is_lazy(parameter) and parameter.ndim >= 2


def _module_kinds(model: nn.Module) -> Counter[type[nn.Module]]:
    return Counter(type(m) for m in model.modules() if isinstance(m, ACTIVATION_MODULES))


def _is_norm(module: nn.Module) -> bool:
    """Whether a module normalises: torch's layers and those of users have `Norm` in their names."""
    return "norm" in type(module).__name__.lower() and not any(module.children())


def _dropout_rates(model: nn.Module) -> Iterator[float]:
    for module in model.modules():
        rate: object = 0.0
        if isinstance(module, _DROPOUT_MODULES):
            rate = module.p
        elif isinstance(module, nn.MultiheadAttention) or (
            isinstance(module, nn.RNNBase) and module.num_layers > 1
        ):
            rate = module.dropout
        elif hasattr(module, "drop_prob"):  # stochastic depth in packages
            rate = module.drop_prob
        if isinstance(rate, int | float):
            yield float(rate)


def _is_layer(module: nn.Module) -> bool:
    """Whether a module is no container, whose own parameters are embeddings of positions, say."""
    return isinstance(module, nn.MultiheadAttention) or not any(True for _ in module.children())


def _layers(model: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """The weights of layers with their biases, each weight once, without embeddings."""
    layers: dict[nn.Parameter, torch.Tensor | None] = {}
    for module in model.modules():
        if isinstance(module, _EMBEDDINGS) or not _is_layer(module):
            continue
        for name, parameter in module.named_parameters(recurse=False):
            if _is_weight(parameter):
                bias = getattr(module, name.replace("weight", "bias"), None)
                is_bias = isinstance(bias, nn.Parameter) and bias.ndim == 1
                layers.setdefault(parameter, bias if is_bias else None)
    return list(layers.items())


@torch.no_grad()
def _weight_facts(model: nn.Module) -> dict[str, float]:
    """Symmetric layers, gains and biases, copied from the device at once."""
    layers = _layers(model)
    if not layers:
        return {}
    weights = [weight.flatten(1).float() for weight, _ in layers]
    biases = [bias.float() for _, bias in layers[:-1] if bias is not None]
    columns = [
        *(_spread_of_rows(weight) for weight in (*weights[:-1], weights[-1].T)),
        *(w.std(correction=0) * math.sqrt(w.shape[1]) for w in weights[:-1]),
        *(bias.mean() for bias in biases),
        *(bias.std(correction=0) for bias in biases),
    ]
    numbers = iter(torch.stack(columns).tolist())
    spreads = list(islice(numbers, len(weights)))
    gains = list(islice(numbers, len(weights) - 1))
    means, sds = list(islice(numbers, len(biases))), list(numbers)
    facts = {
        "symmetric_layers": float(sum(spread <= _EQUAL for spread in spreads[:-1])),
        "symmetric_head": float(spreads[-1] <= _EQUAL),
    }
    if biases:
        mean, sd = max(zip(means, sds, strict=True), key=lambda pair: abs(pair[0]))
        facts |= {"bias_mean": mean, "bias_sd": sd}
    if gains:
        facts |= {"smallest_gain": min(gains), "largest_gain": max(gains)}
    return facts


def _spread_of_rows(rows: torch.Tensor) -> torch.Tensor:
    """The largest difference between two rows, relative to the largest element; 0 for zeros."""
    size = rows.abs().amax()
    return (rows - rows[:1]).abs().amax() / size.clamp(min=torch.finfo(rows.dtype).tiny)
