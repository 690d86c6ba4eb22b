"""Descriptions of errors in a model: the user's line, the failing layer, the traceback."""

import ast
import functools
import inspect
import sys
import textwrap
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from nnlab.engine.user_code import display_path, is_user_file, locate_user_error
from nnlab.errors import NnlabError
from nnlab.io.redaction import mask_secrets

# Longer tracebacks come from endless recursion; the beginning and the end are kept.
MAX_TRACEBACK_CHARS = 8_000

# Parts of torch's messages about an index that is not an integer or is out of range.
_INDEX_ERRORS = (
    "arguments for embedding",
    "index out of range in self",
    "tensors used as indices must be long",
    "only applicable to index tensor",
)
_INTEGER_INPUT_HINT = (
    "token IDs must be the integers from the data:"
    " train with --inputs none, and call x.long() in forward"
)


def describe_error(error: BaseException) -> str:
    """One line: the user's file and line, the error, and the failing layer with its input.

    >>> describe_error(ValueError("odd batch"))
    'ValueError: odd batch'
    """
    message = locate_user_error(error) or f"{type(error).__name__}: {error}".removesuffix(": ")
    line = message.strip().splitlines()[0]
    layer = describe_failing_layer(error)
    if layer is not None:
        line = f"{line} - in layer {layer}"
    if any(phrase in str(error) for phrase in _INDEX_ERRORS):
        line = f"{line} - {_INTEGER_INPUT_HINT}"
    return line


def describe_failing_layer(error: BaseException) -> str | None:
    """The innermost module in which an error was raised, and the shapes of its inputs.

    For example `net.2 (Linear(in_features=64, out_features=10, bias=True)) got [32, 128]`, where
    the name is relative to the outermost module. None if the error was raised outside of modules,
    or in the outermost module itself.
    """
    calls = list(_module_calls(error))
    if len(calls) < 2:
        return None
    model, (layer, inputs) = calls[0][0], calls[-1]
    name = next((name for name, module in model.named_modules() if module is layer), "")
    if not name:
        return None
    text = repr(layer)
    description = text if "\n" not in text else type(layer).__name__
    shapes = ", ".join(str(list(value.shape)) for value in inputs if hasattr(value, "shape"))
    got = f" got {shapes}" if shapes else ""
    expected = _expected_shape(layer)
    return f"{name} ({description}){got}" + (f", expects {expected}" if got and expected else "")


def _expected_shape(layer: Any) -> str | None:
    """The shape of the input that a layer of torch accepts, such as `[n, ..., 64]`; else None."""
    kind = type(layer).__name__
    if kind in ("Linear", "Bilinear"):
        return f"[n, ..., {getattr(layer, 'in_features', getattr(layer, 'in1_features', '?'))}]"
    if kind.startswith(("Conv", "BatchNorm", "InstanceNorm")) and kind[-2:] in ("1d", "2d", "3d"):
        channels = getattr(layer, "in_channels", getattr(layer, "num_features", "?"))
        sizes = ("length", "height, width", "depth, height, width")[int(kind[-2]) - 1]
        return f"[n, {channels}, {sizes}]" if kind != "BatchNorm1d" else f"[n, {channels}, ...]"
    if kind == "LayerNorm":
        return f"[n, ..., {', '.join(map(str, layer.normalized_shape))}]"
    if kind in ("LSTM", "GRU", "RNN"):
        return f"[..., {layer.input_size}]"
    return None


def forward_location(model: Any) -> str | None:
    """The user's line that returns the outputs of a model: `model.py, line 9, in forward`.

    The first line of the method if it has several returns; None if it is not in a user's file.
    """
    return return_location(type(model).forward)


def return_location(code: Any) -> str | None:
    """The user's line that returns the result of a call: `losses.py, line 9, in focal`.

    The first line of the function if it has several returns; None if it is not in a user's file.

    Args:
        code: a function, a partial, a module of torch, or another object that can be called.
    """
    while isinstance(code, functools.partial):
        code = code.func
    if not inspect.isroutine(code):
        code = getattr(type(code), "forward", None) or type(code).__call__
    function = inspect.unwrap(code)
    try:
        filename = inspect.getsourcefile(function)
        if filename is None or not is_user_file(filename):
            return None
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return None
    returns = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Return)]
    line = first + returns[0] - 1 if len(returns) == 1 else first
    return f"{display_path(filename)}, line {line}, in {function.__name__}"


def location_suffix(code: Any) -> str:
    """`return_location` as the end of a message; empty if it is not known."""
    location = return_location(code)
    return "" if location is None else f" - {location}"


def _module_calls(error: BaseException) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The modules that were being called, outermost first, with their positional inputs."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    for frame in _traceback_frames(error):
        # torch's frame around each forward method: `_call_impl(self, *args, **kwargs)`.
        if frame.f_code.co_name == "_call_impl":
            module = frame.f_locals.get("self")
            if isinstance(module, torch.nn.Module):
                yield module, tuple(frame.f_locals.get("args", ()))


def _traceback_frames(error: BaseException) -> Iterator[FrameType]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield frame


def format_traceback(error: BaseException) -> str:
    """The traceback of an error in Python's format, without secrets, at most 8,000 characters.

    If the user's own code is in the traceback, only its frames and the last frame are shown,
    without those of nnlab, torch and Python. For an error of nnlab with a cause, the cause is
    shown.
    """
    if isinstance(error, NnlabError) and error.__cause__ is not None:
        error = error.__cause__
    summary = traceback.TracebackException.from_exception(error, compact=True)
    user_frames = [frame for frame in summary.stack if is_user_file(frame.filename)]
    if user_frames:
        last = summary.stack[-1]
        summary.stack = traceback.StackSummary.from_list(
            user_frames if user_frames[-1] is last else [*user_frames, last]
        )
    text = mask_secrets("".join(summary.format()).rstrip())
    if len(text) <= MAX_TRACEBACK_CHARS:
        return text
    half = MAX_TRACEBACK_CHARS // 2
    return f"{text[:half]}\n  ...\n{text[-half:]}"
