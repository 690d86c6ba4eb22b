"""The part of a training script that initialises the weights."""

from collections.abc import Callable, Mapping

from nnlab.exchange.training_script.activations import gain_text
from nnlab.exchange.training_script.code_text import Lines, block, number
from nnlab.settings import RunConfig

# Source of the fan of a weight tensor [out, in, *kernel].
_FANS = {"in": "layer.weight[0].numel()", "out": "layer.weight[:, 0].numel()"}


def initialization_lines(config: RunConfig) -> Lines:
    """The lines that initialise `model` and move it to the device."""
    name = _initializer_name(config)
    statement, description = INITIALIZERS[name](config)
    lines = [
        f"# Initial weights: {description}",
        "layers = [m for m in model if isinstance(m, (nn.Linear, nn.Conv2d))]",
    ]
    lines.append('weights = generator("weights")')
    lines.append("for layer in layers:")
    if "gain" in statement:
        lines.append(f"    gain = {_gain(config)}")
    lines += [
        f"    {statement}",
        f"    nn.init.constant_(layer.bias, {number(config.bias_init or 0.0)})",
    ]
    lines.append("model.to(device, dtype)")
    return [*lines, *_lsuv_lines(config)] if name == "lsuv" else lines


def _gain(config: RunConfig) -> str:
    """Source of the gain of `layer`, that of a hidden layer or 1 for the last one."""
    if config.activation is None:
        return "1.0"  # the only layer
    from nnlab.engine.models.layers import hidden_gain

    gain = gain_text(hidden_gain(config))
    return gain if gain == "1.0" else f"1.0 if layer is layers[-1] else {gain}"


def _initializer_name(config: RunConfig) -> str:
    """The initializer of a config; that of `default` depends on the activation."""
    if config.init != "default":
        return config.init or "msra"
    from nnlab.engine.initializers import get_initializer

    return get_initializer(config).__name__


def _scaled(config: RunConfig, text: str) -> str:
    """Source of a factor times `init_scale`."""
    scale = 1.0 if config.init_scale is None else config.init_scale
    return text if scale == 1.0 else f"{number(scale)} * {text}"


def _msra(config: RunConfig) -> tuple[str, str]:
    fan = config.fan or "in"
    deviation = f"{_scaled(config, 'gain')} / math.sqrt({_FANS[fan]})"
    return (
        f"nn.init.normal_(layer.weight, 0, {deviation}, generator=weights)",
        f"MSRA (He et al. 2015), normal with sd gain / sqrt(fan_{fan}).",
    )


def _torch_function(function: str, description: str) -> Callable[[RunConfig], tuple[str, str]]:
    def make(config: RunConfig) -> tuple[str, str]:
        gain = _scaled(config, "gain")
        return f"nn.init.{function}(layer.weight, {gain}, generator=weights)", description

    return make


def _normal(config: RunConfig) -> tuple[str, str]:
    scale = number(config.init_scale)
    return (
        f"nn.init.normal_(layer.weight, 0, {scale}, generator=weights)",
        f"normal with sd {scale}, whatever the width of the layer.",
    )


def _uniform(config: RunConfig) -> tuple[str, str]:
    scale = number(config.init_scale)
    return (
        f"nn.init.uniform_(layer.weight, -{scale}, {scale}, generator=weights)",
        f"uniform between -{scale} and {scale}, whatever the width of the layer.",
    )


def _zeros(config: RunConfig) -> tuple[str, str]:
    del config
    return "nn.init.zeros_(layer.weight)", "all 0, so that every unit learns the same."


def _lsuv(config: RunConfig) -> tuple[str, str]:
    del config
    return (
        "nn.init.orthogonal_(layer.weight, generator=weights)",
        "LSUV (Mishkin and Matas 2016), orthogonal and then scaled layer by layer.",
    )


# Source of the statement that fills `layer.weight`, and what it does; by name.
INITIALIZERS: Mapping[str, Callable[[RunConfig], tuple[str, str]]] = {
    "msra": _msra,
    "xavier": _torch_function(
        "xavier_uniform_",
        "Xavier (Glorot and Bengio 2010), uniform with sd gain sqrt(2 / (fan_in + fan_out)).",
    ),
    "xavier_normal": _torch_function(
        "xavier_normal_",
        "Xavier (Glorot and Bengio 2010), normal with sd gain sqrt(2 / (fan_in + fan_out)).",
    ),
    "orthogonal": _torch_function("orthogonal_", "orthonormal rows or columns times the gain."),
    "lsuv": _lsuv,
    "normal": _normal,
    "uniform": _uniform,
    "zeros": _zeros,
}


def _lsuv_lines(config: RunConfig) -> Lines:
    target = number(1.0 if config.init_scale is None else config.init_scale)
    return block(f"""
        model.eval()
        for layer in layers:  # scaled until the outputs of the layer have sd {target}
            deviations = []
            hook = layer.register_forward_hook(
                lambda module, inputs, outputs: deviations.append(outputs.std().item())
            )
            with torch.no_grad():
                for _ in range(10):
                    model(x_train[:512])
                    if deviations[-1] == 0 or abs(deviations[-1] - {target}) <= 0.01 * {target}:
                        break
                    layer.weight.mul_({target} / deviations[-1])
            hook.remove()
    """)
