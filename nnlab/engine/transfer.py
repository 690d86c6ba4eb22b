"""Beginning with the weights of another run: read, fitted by name and shape, frozen, set free."""

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nnlab.engine.models import head_layer_name
from nnlab.errors import CheckpointError, ConfigError
from nnlab.io.files import open_regular

ALL_BUT_HEAD = "all-but-head"

# What wraps a model and so its names: DataParallel, torch.compile.
_WRAPPER_PREFIXES = ("module.", "_orig_mod.")
# Under which a training script may keep the weights.
_STATE_DICT_KEYS = ("selected_weights", "state_dict", "model_state_dict", "model")
_MAX_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class WeightLoadReport:
    """What became of weights: names of tensors that fitted, that did not, that were left over.

    `reshaped` has a name with the shape in the file and the model's own; `renewed` are those of a
    head that begins anew because it is to tell other classes apart.
    """

    matched: tuple[str, ...]
    shape_mismatches: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    reinitialized: tuple[str, ...] = ()

    def __str__(self) -> str:
        left = len(self.shape_mismatches) + len(self.missing) + len(self.reinitialized)
        told = [f"{len(self.matched)} of {len(self.matched) + left} tensors taken over"]
        if self.reinitialized:
            told.append(
                f"the head begins anew for other classes: {_format_names(self.reinitialized)}"
            )
        told += [
            f"{name} begins anew: {list(theirs)} there, {list(ours)} here"
            for name, theirs, ours in self.shape_mismatches[:_MAX_NAMES_SHOWN]
        ]
        if self.missing:
            told.append(f"not there: {_format_names(self.missing)}")
        if self.unexpected:
            told.append(f"not used: {_format_names(self.unexpected)}")
        return "; ".join(told)


def read_weights(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors in a file, by name; nothing in the file is run.

    A state_dict, a checkpoint of nnlab, or a dictionary that holds a state_dict under a usual
    name; with the safetensors package also a `.safetensors` file.

    Raises:
        CheckpointError: the file cannot be read, or holds no tensors.
    """
    content = _load_safetensors(path) if path.suffix == ".safetensors" else _load_pickle(path)
    for key in _STATE_DICT_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds no weights but a {type(content).__name__}")
    tensors = {str(n): value for n, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise CheckpointError(f"{path} holds no weights: no entry of it is a tensor")
    return tensors


def load_matching_weights(
    model: nn.Module, weights: Mapping[str, torch.Tensor], *, new_head: bool = False
) -> WeightLoadReport:
    """Copies tensors into a model where name and shape agree; the rest stays as it was drawn.

    Where a name is not the model's, it is tried without what DataParallel and torch.compile put
    before it.

    Args:
        model: takes the tensors over.
        weights: by name.
        new_head: leave the head as it was drawn: its outputs mean something else.

    Raises:
        CheckpointError: none agrees.
    """
    state = model.state_dict()
    weights = {
        name if name in state else _strip_wrapper_prefixes(name): value
        for name, value in weights.items()
    }
    head = f"{_head_module_name(model)}." if new_head else None
    renewed = tuple(name for name in state if head is not None and name.startswith(head))
    ours = {name: tensor for name, tensor in state.items() if name not in renewed}
    matched = [n for n in ours if n in weights and weights[n].shape == ours[n].shape]
    if not any(ours[name].is_floating_point() for name in matched):
        raise CheckpointError(
            f"no tensor fits: the file has {_format_names(tuple(weights))}; the model {_format_names(tuple(ours))}",
            hint="the same --model, --width and --depth as the weights were trained with",
        )
    with torch.no_grad():
        for name in matched:
            ours[name].copy_(weights[name])
    return WeightLoadReport(
        tuple(matched),
        tuple(
            (n, tuple(weights[n].shape), tuple(ours[n].shape))
            for n in ours
            if n in weights and n not in matched
        ),
        tuple(n for n in ours if n not in weights),
        tuple(n for n in weights if n not in state),
        renewed,
    )


def freeze(model: nn.Module, pattern: str) -> None:
    """Keeps parameters as they are: all but the head's, or those whose names fit a pattern.

    Args:
        model: whose `requires_grad` is set.
        pattern: `all-but-head`, or patterns of names joined by +, as `0.*+3.weight`.

    Raises:
        ConfigError: a pattern fits no name, or they fit all of them.
    """
    named = dict(model.named_parameters())
    fitting = _matching_names(model, pattern, tuple(named))
    problems = [
        f"--freeze {part} fits no parameter; there are {_format_names(tuple(named))}"
        for part, names in fitting.items()
        if not names
    ]
    chosen = {name for names in fitting.values() for name in names}
    if len(chosen) == len(named):
        problems.append(f"--freeze {pattern} leaves nothing to train")
    if problems:
        raise ConfigError(problems, hint=f"the parameters are {', '.join(named)}")
    for name in chosen:
        named[name].requires_grad = False


def set_frozen_to_eval(model: nn.Module, pattern: str) -> None:
    """Puts frozen modules that have buffers into evaluation mode; call it after `model.train()`.

    Running statistics of a normalisation, the vectors of a spectral norm and other state that
    changes in training mode then stay what they were. Modules inside keep their own mode, so that
    dropout in a frozen block still drops.

    Args:
        model: after `freeze` with the same pattern.
        pattern: as in `freeze`. A module without parameters is frozen if the pattern fits all of
            its buffers.
    """
    buffers = tuple(name for name, _ in model.named_buffers())
    fitting = {
        name for names in _matching_names(model, pattern, buffers).values() for name in names
    }
    for prefix, module in model.named_modules():
        own = {name for name, _ in module.named_buffers(prefix, recurse=False)}
        trainable = [parameter.requires_grad for parameter in module.parameters(recurse=False)]
        frozen = not any(trainable) if trainable else own <= fitting
        if own and frozen:
            module.training = False


def unfreeze(model: nn.Module) -> None:
    """Lets every parameter move."""
    for parameter in model.parameters():
        parameter.requires_grad = True


def _matching_names(
    model: nn.Module, pattern: str, names: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    """The names that each part of a pattern fits."""
    if pattern == ALL_BUT_HEAD:
        head = _head_module_name(model)
        # The head of a model of one layer is the model itself, whose tensors have no prefix.
        return {
            pattern: tuple(
                name
                for name in names
                if not (name.startswith(f"{head}.") if head else "." not in name)
            )
        }
    return {
        part: tuple(name for name in names if fnmatchcase(name, part))
        for part in pattern.split("+")
    }


def _head_module_name(model: nn.Module) -> str:
    """The name of the head; a parametrised weight, as of a spectral norm, is a part of it."""
    return head_layer_name(model).partition("parametrizations.")[0].rstrip(".")


def _load_pickle(path: Path) -> Any:
    try:
        with open_regular(path) as file:
            data = file.read()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    # A checkpoint of ours ends in the checksum of what comes before.
    if hashlib.sha256(data[:-32]).digest() == data[-32:]:
        data = data[:-32]
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  a damaged byte leads the reader to any error
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise CheckpointError(
                f"{path} holds more than weights, and loading it could run code: nnlab does not",
                hint="save the weights alone: torch.save(model.state_dict(), ...)",
            ) from None
        raise CheckpointError(
            f"{path} is no file of weights, or is damaged",
            hint="torch.save(model.state_dict(), ...) writes one",
        ) from None


def _load_safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise CheckpointError(
            f"{path} needs the safetensors package", hint="pip install nnlab[safetensors]"
        ) from None
    try:
        open_regular(path).close()  # the package would wait for a FIFO
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from None


def _strip_wrapper_prefixes(name: str) -> str:
    while name.startswith(_WRAPPER_PREFIXES):
        name = name.partition(".")[2]
    return name


def _format_names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MAX_NAMES_SHOWN} more" if len(names) > _MAX_NAMES_SHOWN else ""
    return ", ".join(names[:_MAX_NAMES_SHOWN]) + more
