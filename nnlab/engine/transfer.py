"""Transfer of weights: reading them from a file, loading them by name and shape, freezing."""

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from nnlab.engine.models import head_layer_name
from nnlab.errors import CheckpointError, ConfigError
from nnlab.io.files import open_regular

ALL_BUT_HEAD = "all-but-head"

# Prefixes that wrappers add to parameter names: DataParallel, torch.compile.
_WRAPPER_PREFIXES = ("module.", "_orig_mod.")
# Keys under which training scripts store the weights.
_STATE_DICT_KEYS = ("selected_weights", "state_dict", "model_state_dict", "model")
_MAX_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class WeightLoadReport:
    """The result of loading weights: the names of tensors by what happened to them.

    `matched` were copied. `shape_mismatches` have a name, the shape in the file and the shape in
    the model. `missing` are in the model only, `unexpected` in the file only. `reinitialized`
    belong to a head that starts anew because its outputs are other classes.
    """

    matched: tuple[str, ...]
    shape_mismatches: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    reinitialized: tuple[str, ...] = ()

    def __str__(self) -> str:
        skipped = len(self.shape_mismatches) + len(self.missing) + len(self.reinitialized)
        parts = [f"{len(self.matched)} of {len(self.matched) + skipped} tensors loaded"]
        if self.reinitialized:
            parts.append(
                "the head is re-initialised for other data or classes: "
                + _format_names(self.reinitialized)
            )
        parts += [
            f"{name} is re-initialised: its shape is {list(file_shape)} in the file,"
            f" {list(model_shape)} in the model"
            for name, file_shape, model_shape in self.shape_mismatches[:_MAX_NAMES_SHOWN]
        ]
        if self.missing:
            parts.append(f"not in the file: {_format_names(self.missing)}")
        if self.unexpected:
            parts.append(f"not used: {_format_names(self.unexpected)}")
        return "; ".join(parts)


def read_weights(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors in a file, by name; loading executes no code from the file.

    Accepts a `.safetensors` file, a state_dict, a checkpoint of nnlab, or a dictionary with a
    state_dict under a common key.

    Raises:
        CheckpointError: the file cannot be read, or contains no tensors.
    """
    content = _load_safetensors(path) if path.suffix == ".safetensors" else _load_pickle(path)
    for key in _STATE_DICT_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} contains no weights but a {type(content).__name__}")
    tensors = {str(n): value for n, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise CheckpointError(f"{path} contains no weights: none of its entries is a tensor")
    return tensors


def load_weights_file(model: nn.Module, path: Path, *, new_head: bool = False) -> str:
    """Loads the weights in a file, and returns a line that describes which tensors matched.

    Args:
        model: gets the weights.
        path: a file that `read_weights` accepts.
        new_head: keep the head's own initial weights.

    Raises:
        CheckpointError: the file cannot be read, or nothing in it matches the model.
    """
    return str(load_matching_weights(model, read_weights(path), new_head=new_head))


def load_matching_weights(
    model: nn.Module, weights: Mapping[str, torch.Tensor], *, new_head: bool = False
) -> WeightLoadReport:
    """Copies tensors into a model where name and shape match; other parameters stay unchanged.

    Names that are not in the model are also tried without the prefixes of DataParallel and
    torch.compile.

    Args:
        model: whose parameters and buffers are overwritten.
        weights: tensors by name.
        new_head: keep the head's own initial weights, because its outputs have another meaning.

    Raises:
        CheckpointError: no tensor matches.
    """
    state = model.state_dict()
    weights = {
        name if name in state else _strip_wrapper_prefixes(name): value
        for name, value in weights.items()
    }
    head_prefix = f"{_head_module_name(model)}." if new_head else None
    reinitialized = tuple(
        name for name in state if head_prefix is not None and name.startswith(head_prefix)
    )
    loadable = {name: tensor for name, tensor in state.items() if name not in reinitialized}
    matched = [n for n in loadable if n in weights and weights[n].shape == loadable[n].shape]
    if not any(loadable[name].is_floating_point() for name in matched):
        raise CheckpointError(
            f"no tensor matches: the file has {_format_names(tuple(weights))};"
            f" the model has {_format_names(tuple(loadable))}",
            hint="use the --model, --width and --depth with which the weights were trained",
        )
    with torch.no_grad():
        for name in matched:
            loadable[name].copy_(weights[name])
    return WeightLoadReport(
        tuple(matched),
        tuple(
            (n, tuple(weights[n].shape), tuple(loadable[n].shape))
            for n in loadable
            if n in weights and n not in matched
        ),
        tuple(n for n in loadable if n not in weights),
        tuple(n for n in weights if n not in state),
        reinitialized,
    )


def freeze(model: nn.Module, pattern: str) -> None:
    """Freezes parameters: all except the head's, or those whose names match a pattern.

    Args:
        model: whose `requires_grad` flags are set.
        pattern: `all-but-head`, or name patterns joined by +, such as `0.*+3.weight`.

    Raises:
        ConfigError: a pattern matches no name, or all parameters match.
    """
    parameters = dict(model.named_parameters())
    matches = _matching_names(model, pattern, tuple(parameters))
    problems = [
        f"--freeze {part} matches no parameter; there are {_format_names(tuple(parameters))}"
        for part, names in matches.items()
        if not names
    ]
    frozen = {name for names in matches.values() for name in names}
    if len(frozen) == len(parameters):
        problems.append(f"--freeze {pattern} leaves no parameter to train")
    if problems:
        raise ConfigError(problems, hint=f"the parameters are {', '.join(parameters)}")
    for name in frozen:
        parameters[name].requires_grad = False


def set_frozen_to_eval(model: nn.Module, pattern: str) -> None:
    """Sets frozen modules with buffers to evaluation mode; to be called after `model.train()`.

    This preserves the running statistics of normalisation layers, the vectors of a spectral norm
    and other state that changes in training mode. Their submodules keep their own mode, so dropout
    inside a frozen block stays active.

    Args:
        model: after `freeze` with the same pattern.
        pattern: as in `freeze`. A module without parameters is frozen if the pattern matches all
            of its buffers.
    """
    buffers = tuple(name for name, _ in model.named_buffers())
    matching = {
        name for names in _matching_names(model, pattern, buffers).values() for name in names
    }
    for prefix, module in model.named_modules():
        own_buffers = {name for name, _ in module.named_buffers(prefix, recurse=False)}
        trainable = [parameter.requires_grad for parameter in module.parameters(recurse=False)]
        frozen = not any(trainable) if trainable else own_buffers <= matching
        if own_buffers and frozen:
            module.training = False


def unfreeze(model: nn.Module) -> None:
    """Makes every parameter trainable."""
    for parameter in model.parameters():
        parameter.requires_grad = True


def _matching_names(
    model: nn.Module, pattern: str, names: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    """For each part of a pattern, the names that match it."""
    if pattern == ALL_BUT_HEAD:
        head = _head_module_name(model)
        # In a model of one layer the head is the model itself, and its tensors have no prefix.
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
    """The name of the head, including a parametrised weight such as that of a spectral norm."""
    return head_layer_name(model).partition("parametrizations.")[0].rstrip(".")


def _load_pickle(path: Path) -> Any:
    """The content of a file written by torch.save, loaded with `weights_only`."""
    try:
        with open_regular(path) as file:
            data = file.read()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    # A checkpoint of nnlab ends in the SHA-256 of its content.
    if hashlib.sha256(data[:-32]).digest() == data[-32:]:
        data = data[:-32]
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  damaged files can raise any exception
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise CheckpointError(
                f"{path} contains more than weights: loading it could run code, so nnlab does not",
                hint="save only the weights: torch.save(model.state_dict(), ...)",
            ) from None
        raise CheckpointError(
            f"{path} is not a file with weights, or is damaged",
            hint="torch.save(model.state_dict(), ...) writes one",
        ) from None


def _load_safetensors(path: Path) -> Any:
    try:
        open_regular(path).close()  # rejects a FIFO, on which the package would block
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from None


def _strip_wrapper_prefixes(name: str) -> str:
    """A parameter's name without the prefixes of DataParallel and torch.compile."""
    while name.startswith(_WRAPPER_PREFIXES):
        name = name.partition(".")[2]
    return name


def _format_names(names: tuple[str, ...]) -> str:
    """The first names of a list, and the number of the others."""
    more = f" and {len(names) - _MAX_NAMES_SHOWN} more" if len(names) > _MAX_NAMES_SHOWN else ""
    return ", ".join(names[:_MAX_NAMES_SHOWN]) + more
