"""The part of a training script that builds the model, an nn.Sequential."""

import math
from collections.abc import Callable, Mapping

from nnlab.exchange.training_script.activations import ACTIVATION_MODULES
from nnlab.exchange.training_script.code_text import Lines, block, call, number
from nnlab.exchange.training_script.facts import ScriptFacts
from nnlab.settings import RunConfig, hidden_widths

# The defaults of torch, which are left out.
_NORM_EPS, _NORM_MOMENTUM = 1e-5, 0.1

NORMS_OF_FEATURES = ("batch", "layer", "group", "rms")
NORMS_OF_IMAGES = ("batch", "layer", "group", "instance")


def model_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The lines that define `model`, on the CPU with torch's own initial weights."""
    layers = LAYER_FUNCTIONS[config.model](config, facts)
    return ["model = nn.Sequential(", *(f"    {', '.join(layer)}," for layer in layers), ")"]


def dropout_lines(config: RunConfig) -> Lines:
    """The dropout layers that `model` uses; nothing without dropout."""
    kinds = []
    if config.dropout:
        kinds.append(("Dropout", "nn.Dropout", "dropout", "x"))
    if config.channel_dropout:
        kinds.append(("ChannelDropout", "nn.Dropout2d", "channel_dropout", "x[:, :, :1, :1]"))
    lines = [line for kind in kinds for line in _dropout_class(*kind)]
    if not kinds:
        return []
    lines += ["def seed_masks(epoch):"]
    for name, *_ in kinds:
        lines += block(
            f"""
            for number, layer in enumerate(m for m in model if isinstance(m, {name})):
                layer.generator = generator(layer.purpose, epoch, number, device)
            """,
            depth=1,
        )
    return [*lines, "", ""]


def has_dropout(config: RunConfig) -> bool:
    """Whether the model has masks that are seeded in each epoch."""
    return bool(config.dropout or config.channel_dropout)


def _dropout_class(name: str, torch_name: str, purpose: str, shape_like: str) -> Lines:
    lines = block(f"""
        # {torch_name} with a generator of its own, so that the masks of an epoch can be repeated.
        class {name}(nn.Module):
            purpose = "{purpose}"

            def __init__(self, p):
                super().__init__()
                self.p = p

            def forward(self, x):
                if not self.training:
                    return x
                keep = 1 - self.p
                mask = torch.empty_like({shape_like}).bernoulli_(keep, generator=self.generator)
                return x * (mask / keep)  # so that the expectation stays
    """)
    return [*lines, "", ""]


def _mlp_layers(config: RunConfig, facts: ScriptFacts) -> list[Lines]:
    layers: list[Lines] = [["nn.Flatten()"]] if facts.is_image else []
    inputs = math.prod(facts.in_shape)
    for width in hidden_widths(config):
        linear = f"nn.Linear({number(inputs)}, {number(width)})"
        layers.append([linear, *_post_layers(config, width, images=False)])
        inputs = width
    return [*layers, [f"nn.Linear({number(inputs)}, {number(facts.num_outputs)})"]]


def _linear_layers(config: RunConfig, facts: ScriptFacts) -> list[Lines]:
    del config
    inputs = math.prod(facts.in_shape)
    flatten = [["nn.Flatten()"]] if facts.is_image else []
    return [*flatten, [f"nn.Linear({number(inputs)}, {number(facts.num_outputs)})"]]


def _cnn_layers(config: RunConfig, facts: ScriptFacts) -> list[Lines]:
    layers: list[Lines] = []
    channels = facts.in_shape[0]
    width, depth = config.width or 1, config.depth or 1
    for block_index in range(depth):
        out_channels = width << block_index
        for _ in range(2):
            convolution = f"nn.Conv2d({number(channels)}, {number(out_channels)}, 3, padding=1)"
            layers.append([convolution, *_post_layers(config, out_channels, images=True)])
            channels = out_channels
        if block_index < depth - 1:
            layers.append(["nn.MaxPool2d(2)"])
    layers.append(["nn.AdaptiveAvgPool2d(1)", "nn.Flatten()"])
    return [*layers, [f"nn.Linear({number(channels)}, {number(facts.num_outputs)})"]]


LAYER_FUNCTIONS: Mapping[str, Callable[[RunConfig, ScriptFacts], list[Lines]]] = {
    "mlp": _mlp_layers,
    "linear": _linear_layers,
    "cnn": _cnn_layers,
}


def _post_layers(config: RunConfig, channels: int, *, images: bool) -> Lines:
    """The modules after a hidden layer, in the order of `nnlab.engine.models.layers`."""
    modules = [ACTIVATION_MODULES[config.activation or "identity"](config)]
    if config.norm not in (None, "none"):
        norm = _norm(config, channels, images=images)
        modules = [*modules, norm] if config.norm_place == "after" else [norm, *modules]
    if config.channel_dropout:
        modules.append(f"ChannelDropout({number(config.channel_dropout)})")
    if config.dropout:
        modules.append(f"Dropout({number(config.dropout)})")
    return modules


def _norm(config: RunConfig, channels: int, *, images: bool) -> str:
    count = number(channels)
    eps = "" if config.norm_eps == _NORM_EPS else f"eps={number(config.norm_eps)}"
    if config.norm == "batch":
        momentum = config.norm_momentum
        momentum_text = "" if momentum == _NORM_MOMENTUM else f"momentum={number(momentum)}"
        return call(f"nn.BatchNorm{2 if images else 1}d", count, eps, momentum_text)
    if config.norm == "group":
        return call("nn.GroupNorm", number(config.norm_groups), count, eps)
    if config.norm == "instance":
        return call("nn.GroupNorm", count, count, eps)
    if config.norm == "layer":
        return call("nn.GroupNorm", "1", count, eps) if images else call("nn.LayerNorm", count, eps)
    return call("nn.RMSNorm", count, f"eps={number(config.norm_eps)}")
