"""The table of batched layers, and the construction of one module that runs all models at once.

A batched layer computes for every run what the corresponding layer computes for a single run.
Features have the shape [runs, n, features]. Images have the shape [n, runs * channels, height,
width]: the channels of the runs are concatenated, so that torch's grouped convolutions and
normalisations apply.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.batched.layers.elementwise import (
    BatchedFlatten,
    BatchedGlobalAverage,
    BatchedPaddedShortcut,
    BatchedPReLU,
)
from nnlab.engine.batched.layers.noise import BatchedDropConnect, BatchedNoise
from nnlab.engine.batched.layers.norms import (
    BatchedBatchNorm,
    BatchedFeatureNorm,
    BatchedGroupNorm,
    BatchedImageRMSNorm,
)
from nnlab.engine.batched.layers.weight_layers import (
    BatchedConv2d,
    BatchedLinear,
    BatchedWeightLayer,
    SquaredGradientNorms,
)
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.models.dropout import ChannelDropout, DropConnect, Dropout, StochasticDepth
from nnlab.engine.models.layers import GlobalAveragePool
from nnlab.engine.models.norms import ImageRMSNorm
from nnlab.engine.models.resnet import PaddedShortcut, ResidualBlock

__all__ = [
    "BATCHED_LAYERS",
    "BatchedNoise",
    "BatchedWeightLayer",
    "SquaredGradientNorms",
    "build_batched",
    "is_batchable",
]

# Makes a batched layer from the storage, the layer's name and the corresponding layer of each run.
LayerFactory = Callable[[ParameterStorage, str, Sequence[Any]], nn.Module]


def _from_first_layer(kind: Callable[[ParameterStorage, str, Any], nn.Module]) -> LayerFactory:
    """For layers whose settings are those of the first run: only their parameters differ."""
    return lambda storage, name, solo_layers: kind(storage, name, solo_layers[0])


def _from_storage_only(kind: Callable[[ParameterStorage, str], nn.Module]) -> LayerFactory:
    """For layers that have no settings besides their parameters."""
    return lambda storage, name, _: kind(storage, name)


BATCHED_LAYERS: Mapping[type[nn.Module], LayerFactory] = {
    nn.Linear: _from_storage_only(BatchedLinear),
    nn.Conv2d: _from_first_layer(BatchedConv2d),
    nn.BatchNorm1d: _from_first_layer(BatchedBatchNorm),
    nn.BatchNorm2d: _from_first_layer(BatchedBatchNorm),
    nn.LayerNorm: _from_first_layer(BatchedFeatureNorm),
    nn.RMSNorm: _from_first_layer(BatchedFeatureNorm),
    nn.GroupNorm: _from_first_layer(BatchedGroupNorm),
    ImageRMSNorm: _from_first_layer(BatchedImageRMSNorm),
    nn.PReLU: _from_storage_only(BatchedPReLU),
    nn.Flatten: _from_storage_only(BatchedFlatten),
    GlobalAveragePool: _from_storage_only(BatchedGlobalAverage),
    PaddedShortcut: _from_first_layer(BatchedPaddedShortcut),
    Dropout: BatchedNoise,
    ChannelDropout: BatchedNoise,
    StochasticDepth: BatchedNoise,
    DropConnect: BatchedDropConnect,
}

# Layers that work on single numbers or single images, so that the layer of one run serves all.
_REUSABLE_LAYERS = (*ACTIVATION_MODULES, nn.Identity, nn.MaxPool2d)
# Modules that only connect their children.
_CONTAINERS = (nn.Sequential, ResidualBlock)


def is_batchable(model: nn.Module) -> bool:
    """Whether every layer of a model has a batched counterpart."""
    return all(
        type(module) in (*BATCHED_LAYERS, *_REUSABLE_LAYERS, *_CONTAINERS)
        for module in model.modules()
    )


def build_batched(models: Sequence[nn.Module], storage: ParameterStorage) -> nn.Module:
    """One module that computes the outputs of all models, which must have the same structure.

    Args:
        models: the model of each run.
        storage: the parameters and buffers of the models.
    """
    return _build_module(copy.copy(models[0]), "", models, storage)


def _build_module(
    module: nn.Module, name: str, models: Sequence[nn.Module], storage: ParameterStorage
) -> nn.Module:
    make_layer = BATCHED_LAYERS.get(type(module))
    if make_layer is not None:
        return make_layer(storage, name, [model.get_submodule(name) for model in models])
    container = copy.copy(module)
    container._modules = {
        part: _build_module(child, f"{name}.{part}" if name else part, models, storage)
        for part, child in module._modules.items()
        if child is not None
    }
    return container
