"""The part of a training script that makes the optimizer."""

from collections.abc import Callable, Mapping, Sequence

from nnlab.exchange.training_script.code_text import Lines, block, number
from nnlab.settings import RunConfig


def optimizer_lines(config: RunConfig) -> Lines:
    """The lines that define `optimizer`."""
    lines: Lines = []
    parameters = "model.parameters()"
    if config.weight_decay:
        parameters = "groups"
        lines = block(f"""
            # Weight decay of the weights, not of biases and the scales of normalisation layers.
            decayed = [p for p in model.parameters() if p.ndim >= 2]
            others = [p for p in model.parameters() if p.ndim < 2]
            groups = [
                {{"params": decayed, "weight_decay": {number(config.weight_decay)}}},
                {{"params": others, "weight_decay": 0.0}},
            ]
        """)
    name, arguments = OPTIMIZER_CALLS[config.opt](config)
    texts = [parameters, *(f"{key}={value}" for key, value in arguments.items())]
    lines.append("# The optimizer, of parameters that are on their device already.")
    return [*lines, f"optimizer = {_fit_call(f'torch.optim.{name}', texts)}"]


def _fit_call(function: str, arguments: Sequence[str]) -> str:
    """A call, with the arguments on a line of their own if it is long."""
    text = ", ".join(arguments)
    return f"{function}({text})" if len(text) < _LONG_CALL else f"{function}(\n    {text}\n)"


def needs_closure(config: RunConfig) -> bool:
    """Whether the optimizer evaluates the loss of a batch repeatedly."""
    return config.opt == "lbfgs"


# Characters of arguments that are too many for the line of the assignment.
_LONG_CALL = 68

OptimizerCall = tuple[str, dict[str, str]]


def _sgd(config: RunConfig) -> OptimizerCall:
    arguments = {"lr": number(config.lr)}
    if config.momentum:
        arguments["momentum"] = number(config.momentum)
    if config.opt == "nesterov":
        arguments["nesterov"] = "True"
    return "SGD", arguments | _fused(config)


def _adam(name: str, **further: str) -> Callable[[RunConfig], OptimizerCall]:
    def make(config: RunConfig) -> OptimizerCall:
        return name, _moments(config) | further | _fused(config)

    return make


def _unfused_adam(name: str) -> Callable[[RunConfig], OptimizerCall]:
    return lambda config: (name, _moments(config))


def _moments(config: RunConfig) -> dict[str, str]:
    return {
        "lr": number(config.lr),
        "betas": f"({number(config.beta1)}, {number(config.beta2)})",
        "eps": number(config.eps),
    }


def _adagrad(config: RunConfig) -> OptimizerCall:
    return "Adagrad", {"lr": number(config.lr), "eps": number(config.eps)}


def _rmsprop(config: RunConfig) -> OptimizerCall:
    arguments = {
        "lr": number(config.lr),
        "alpha": number(config.beta2),
        "eps": number(config.eps),
        "momentum": number(config.momentum),
    }
    return "RMSprop", arguments


def _adadelta(config: RunConfig) -> OptimizerCall:
    arguments = {
        "lr": number(config.lr),
        "rho": number(config.beta2),
        "eps": number(config.eps),
    }
    return "Adadelta", arguments


def _lbfgs(config: RunConfig) -> OptimizerCall:
    iterations = number(config.inner_steps)
    arguments = {
        "max_iter": iterations,
        "max_eval": f"25 * {iterations}",
        "history_size": number(config.memory),
        "line_search_fn": '"strong_wolfe"',
    }
    return "LBFGS", arguments


def _fused(config: RunConfig) -> dict[str, str]:
    """One kernel for all parameters, where nnlab uses it; the result differs by rounding."""
    return {} if config.device == "mps" else {"fused": "True"}


# The class of torch.optim and its arguments as source, by optimizer.
OPTIMIZER_CALLS: Mapping[str, Callable[[RunConfig], OptimizerCall]] = {
    "sgd": _sgd,
    "momentum": _sgd,
    "nesterov": _sgd,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adadelta": _adadelta,
    "adam": _adam("Adam"),
    "adamw": _adam("AdamW"),
    "amsgrad": _adam("Adam", amsgrad="True"),
    "nadam": _unfused_adam("NAdam"),
    "radam": _unfused_adam("RAdam"),
    "adamax": _unfused_adam("Adamax"),
    "lbfgs": _lbfgs,
}
