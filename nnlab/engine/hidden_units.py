"""Permutations of hidden units: networks that differ by them compute the same function.

Two networks are aligned by matching their weights (Ainsworth et al. 2023, "Git Re-Basin", algorithm
1): the units of one network are permuted so that its weights are as close as possible to those of
the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.activations import ACTIVATION_MODULES, Maxout
from nnlab.engine.models.dropout import ChannelDropout, DropConnect, Dropout
from nnlab.engine.models.layers import GlobalAveragePool
from nnlab.engine.models.norms import ImageRMSNorm
from nnlab.errors import UsageError

StateDict = Mapping[str, torch.Tensor]
Permutation = torch.Tensor

_LINEAR_MODULES = (nn.Linear, DropConnect, nn.Conv2d)
_NORM_MODULES = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm),
    ImageRMSNorm,
)
# Modules that treat every unit alike, and have no tensor with an entry for each unit.
_ELEMENTWISE_MODULES = (
    *(module for module in ACTIVATION_MODULES if module is not Maxout),
    *(nn.Identity, nn.MaxPool2d, GlobalAveragePool, Dropout, ChannelDropout),
)
_MAX_SWEEPS = 100
# A permutation is replaced only by one that is better by more than rounding.
_MIN_IMPROVEMENT = 1e-9


@dataclass(frozen=True, slots=True)
class UnitAxis:
    """An axis of a tensor of a state dict that has one entry for each unit of a hidden layer.

    `is_parameter` is False for buffers such as running means, which are permuted but not matched.
    """

    tensor: str
    axis: int
    is_parameter: bool = True


HiddenLayer = tuple[UnitAxis, ...]


def hidden_layers(model: nn.Module) -> tuple[HiddenLayer, ...]:
    """The hidden layers of a feed-forward model: each with all axes that its units have.

    The first axis of a layer is the one of the weight that computes it. A linear model has none.

    Args:
        model: a sequence of linear layers or convolutions, normalisations, elementwise activations.

    Raises:
        UsageError: the units of the model cannot be permuted independently of each other.
    """
    layers: list[list[UnitAxis]] = []
    units = 0
    for name, module in _modules_in_order(model):
        if isinstance(module, _LINEAR_MODULES):
            if layers:
                _check_inputs(name, module, units)
                layers[-1].append(UnitAxis(f"{name}.weight", 1))
            units = len(module.weight)
            layers.append(
                [UnitAxis(f"{name}.{tensor}", 0) for tensor, _ in module.named_parameters()]
            )
        elif isinstance(module, _NORM_MODULES):
            if layers:
                _check_norm(name, module, units)
                layers[-1] += _norm_axes(name, module)
        elif not _is_elementwise(module) and not (isinstance(module, nn.Flatten) and not layers):
            raise _cannot_align(name, module)
    return tuple(tuple(layer) for layer in layers[:-1])  # the last one computes the outputs


def permute_units(
    layers: Sequence[HiddenLayer], weights: StateDict, permutations: Sequence[Permutation]
) -> dict[str, torch.Tensor]:
    """The weights of a network whose units are permuted: the same function as before.

    Args:
        layers: of the model.
        weights: its state dict.
        permutations: for each layer an index tensor [units]; unit i of the result is unit
            `permutation[i]` of `weights`.
    """
    permuted = dict(weights)
    for layer, permutation in zip(layers, permutations, strict=True):
        for unit_axis in layer:
            tensor = permuted[unit_axis.tensor]
            permuted[unit_axis.tensor] = tensor.index_select(
                unit_axis.axis, permutation.to(tensor.device)
            )
    return permuted


def match_units(
    layers: Sequence[HiddenLayer], reference: StateDict, weights: StateDict
) -> tuple[Permutation, ...]:
    """The permutations of units that bring weights close to those of a reference network.

    Maximises the inner product of the two weights, which minimises their distance. One layer after
    the other is solved exactly as a linear assignment until none changes. It starts twice, from the
    given order and from layers matched by their incoming weights alone, which finds every permuted
    copy of the reference; the better result is returned. The distance is never larger than before.

    Args:
        layers: of the model that both belong to.
        reference: the state dict that stays.
        weights: the state dict whose units are to be permuted by `permute_units`.
    """
    if not layers:
        return ()
    identity = [torch.arange(len(reference[layer[0].tensor])) for layer in layers]
    forward = list(identity)
    for index in range(len(layers)):
        forward[index] = _best_permutation(
            _unit_similarity(layers, index, reference, weights, forward, incoming_only=True)
        )
    candidates = [_improve(layers, reference, weights, start) for start in (identity, forward)]
    similarities = [_similarity(layers, reference, weights, each) for each in candidates]
    return tuple(candidates[similarities.index(max(similarities))])


def _improve(
    layers: Sequence[HiddenLayer],
    reference: StateDict,
    weights: StateDict,
    start: Sequence[Permutation],
) -> list[Permutation]:
    """Permutations that no change of a single layer improves, by coordinate descent."""
    permutations = list(start)
    for _ in range(_MAX_SWEEPS):
        changed = False
        for index in range(len(layers)):
            similarity = _unit_similarity(layers, index, reference, weights, permutations)
            best = _best_permutation(similarity)
            gain = _assigned_sum(similarity, best) - _assigned_sum(similarity, permutations[index])
            if gain > _MIN_IMPROVEMENT * similarity.abs().max():
                permutations[index], changed = best, True
        if not changed:
            break
    return permutations


def _unit_similarity(
    layers: Sequence[HiddenLayer],
    index: int,
    reference: StateDict,
    weights: StateDict,
    permutations: Sequence[Permutation],
    *,
    incoming_only: bool = False,
) -> torch.Tensor:
    """Inner products of the weights of each unit of a layer with those of each unit of another.

    Args:
        layers: of the model.
        index: of the layer.
        reference: the weights of the rows.
        weights: those of the columns; the units of all other layers are permuted first.
        permutations: of the layers; the one of this layer is not used.
        incoming_only: leave out the weights that the next layer multiplies the units with.
    """
    others = [p if i != index else torch.arange(len(p)) for i, p in enumerate(permutations)]
    permuted = permute_units(layers, weights, others)
    units = len(permutations[index])
    total = torch.zeros(units, units, dtype=torch.float64)
    for unit_axis in layers[index]:
        if unit_axis.is_parameter and not (incoming_only and unit_axis.axis == 1):
            rows, columns = (_by_unit(state, unit_axis) for state in (reference, permuted))
            total += rows @ columns.T
    return total


def _by_unit(weights: StateDict, unit_axis: UnitAxis) -> torch.Tensor:
    """The numbers of a tensor that belong to each unit: [units, n]."""
    tensor = weights[unit_axis.tensor].detach().cpu().double()
    return tensor.movedim(unit_axis.axis, 0).reshape(tensor.shape[unit_axis.axis], -1)


def _best_permutation(similarity: torch.Tensor) -> Permutation:
    """The column that is assigned to each row so that the sum of the entries is largest."""
    from scipy.optimize import linear_sum_assignment  # its import takes longer than most commands

    _, columns = linear_sum_assignment(similarity.numpy(), maximize=True)
    return torch.from_numpy(columns)


def _assigned_sum(similarity: torch.Tensor, permutation: Permutation) -> float:
    return similarity[torch.arange(len(permutation)), permutation].sum().item()


def _similarity(
    layers: Sequence[HiddenLayer],
    reference: StateDict,
    weights: StateDict,
    permutations: Sequence[Permutation],
) -> float:
    """The inner product of the reference and the permuted weights, over all permuted tensors."""
    permuted = permute_units(layers, weights, permutations)
    names = {unit_axis.tensor for layer in layers for unit_axis in layer if unit_axis.is_parameter}
    return sum(
        (reference[name].double() * permuted[name].double()).sum().item() for name in sorted(names)
    )


def _modules_in_order(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The names and modules of a sequence, with those of the sequences in it."""
    if not isinstance(model, nn.Sequential):
        yield prefix, model
        return
    for name, module in model.named_children():
        yield from _modules_in_order(module, f"{prefix}.{name}" if prefix else name)


def _check_inputs(name: str, module: nn.Module, units: int) -> None:
    """Checks that a layer has one input for each unit of the layer before it.

    Raises:
        UsageError: it has more, or is a convolution in groups.
    """
    inputs = module.get_parameter("weight").shape[1]
    if inputs != units:
        raise _cannot_align(name, module)


def _check_norm(name: str, module: nn.Module, units: int) -> None:
    """Checks that a normalisation treats all units alike.

    Raises:
        UsageError: it normalises groups of several units.
    """
    if isinstance(module, nn.GroupNorm) and module.num_groups not in (1, units):
        raise _cannot_align(name, module)


def _norm_axes(name: str, module: nn.Module) -> list[UnitAxis]:
    axes = [UnitAxis(f"{name}.{tensor}", 0) for tensor, _ in module.named_parameters()]
    return axes + [
        UnitAxis(f"{name}.{tensor}", 0, is_parameter=False)
        for tensor, buffer in module.named_buffers()
        if buffer.ndim == 1
    ]


def _is_elementwise(module: nn.Module) -> bool:
    """Whether a module treats all units alike; a PReLU may have a slope for each of them."""
    shared_slope = not isinstance(module, nn.PReLU) or module.num_parameters == 1
    return isinstance(module, _ELEMENTWISE_MODULES) and shared_slope


def _cannot_align(name: str, module: nn.Module) -> UsageError:
    described = f"{type(module).__name__} ({name})" if name else type(module).__name__
    return UsageError(
        f"hidden units cannot be matched: {described} does not treat all units alike",
        hint="networks of type mlp and cnn can be aligned, with any activation but maxout and any"
        " --norm but group",
    )
