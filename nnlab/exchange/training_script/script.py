"""Puts the parts of a training script together."""

from collections.abc import Mapping

from nnlab.exchange.training_script.code_text import Lines, block, number
from nnlab.exchange.training_script.data import data_lines, loader_name
from nnlab.exchange.training_script.facts import ScriptFacts, read_script_facts
from nnlab.exchange.training_script.initialization import initialization_lines
from nnlab.exchange.training_script.limits import check_expressible
from nnlab.exchange.training_script.loop import loop_lines
from nnlab.exchange.training_script.loss import loss_lines, metric_lines
from nnlab.exchange.training_script.model import dropout_lines, model_lines
from nnlab.exchange.training_script.optimizer import optimizer_lines
from nnlab.exchange.training_script.schedule import schedule_lines
from nnlab.io.escaping import escape_terminal
from nnlab.settings import RunConfig

_DEVICES: Mapping[str, str] = {
    "auto": 'torch.device("cuda" if torch.cuda.is_available() else "cpu")',
    "cpu": 'torch.device("cpu")  # "cuda" for a GPU',
}
# Imports that only some scripts need, by what their text contains.
_STANDARD_IMPORTS = ("copy", "hashlib", "math")


def training_script(config: RunConfig, command: str) -> str:
    """The training of a resolved config as a Python script that imports no nnlab.

    The script prints `epoch N` and pairs of metric and value for each epoch, as nnlab stores them.

    Args:
        config: resolved.
        command: the command that writes the script, for a comment.

    Raises:
        ConfigError: a plain script cannot express the config; the message names the settings.
        DataError: the data set cannot be used.
    """
    check_expressible(config)
    facts = read_script_facts(config)
    body = "\n".join(_body(config, facts))
    imports = [f"import {module}" for module in _STANDARD_IMPORTS if f"{module}." in body]
    from_torch = ["from torch.nn import functional"] if "functional." in body else []
    head = [
        f'"""{config.model} on {config.data}, trained by {config.opt}, without nnlab.',
        "",
        "It prints the metrics that nnlab stores for each epoch of the run, equal up to rounding.",
        '"""',
        "",
        f"# Written by {escape_terminal(command)}",
        *imports,
        "",
        *("import numpy as np", "import torch"),
        f"from sklearn.datasets import {loader_name(config)}",
        *("from torch import nn", *from_torch),
        "",
    ]
    return "\n".join([*head, body, ""])


def _body(config: RunConfig, facts: ScriptFacts) -> Lines:
    return [
        *_device_lines(config),
        *("", "", *_generator_lines(config), "", ""),
        f"# The data: {config.data}.",
        *data_lines(config, facts),
        "",
        *_spaced_definitions(dropout_lines(config)),
        "# The model.",
        *model_lines(config, facts),
        "",
        *initialization_lines(config),
        "",
        *loss_lines(config, facts),
        "",
        *optimizer_lines(config),
        *schedule_lines(config, facts),
        *("", "", *metric_lines(config, facts), "", ""),
        *loop_lines(config, facts),
    ]


def _device_lines(config: RunConfig) -> Lines:
    device = _DEVICES.get(config.device, f"torch.device({config.device!r})")
    return block(f"""
        # Where the tensors are, and the type of their numbers. The old torch.FloatTensor is float32
        # on the CPU, and torch.cuda.FloatTensor is float32 on a GPU: x.type(torch.cuda.FloatTensor)
        # is x.to("cuda", torch.float32) today.
        device = {device}
        dtype = torch.{config.dtype}
    """)


def _generator_lines(config: RunConfig) -> Lines:
    return block(f"""
        # Every random choice follows from the seed of the run, its purpose and the epoch.
        def generator(purpose, epoch=0, layer=0, device="cpu"):
            text = f"{number(config.seed)}/{{purpose}}/{{epoch}}/{{layer}}"
            digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
            return torch.Generator(device).manual_seed(int.from_bytes(digest, "big") >> 1)
    """)


def _spaced_definitions(lines: Lines) -> Lines:
    """Definitions after a further empty line, as PEP 8 wants."""
    return ["", *lines] if lines else []
