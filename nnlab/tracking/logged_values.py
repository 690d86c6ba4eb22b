"""Values of log calls: snapshots taken in the caller's thread, numbers made in the writer's."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from numbers import Number
from typing import Any, NamedTuple

from nnlab.tracking.media import Media
from nnlab.tracking.notes import note_once

# Values of these types cannot change after the call.
IMMUTABLE_TYPES = frozenset({float, int, bool, str, type(None)})
_MAX_DEPTH = 8
_MAX_TEXT = 10_000


# The fields of a LoggedCall: making a plain tuple costs a fraction of making that.
WaitingCall = tuple[float, int | None, float | None, Mapping[str, Any]]


class LoggedCall(NamedTuple):
    """One call of `log`: time in Unix seconds, and the values."""

    time: float
    step: int | None
    epoch: float | None
    values: Mapping[str, Any]


class DeviceScalar(NamedTuple):
    """A copy of a number that is still on a device; `ready` is an event of its stream, or None."""

    tensor: Any
    ready: Any


@dataclass(frozen=True, slots=True)
class DeviceVector:
    """Numbers that are still on a device, and the function that makes metrics of them."""

    tensor: Any
    to_metrics: Callable[[Sequence[float]], Mapping[str, float]]
    ready: Any = None


@dataclass(slots=True)
class ConvertedValues:
    """The content of one log call, by kind."""

    numbers: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)


def snapshot_values(values: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """A copy that later changes of tensors, arrays and nested mappings do not affect.

    A tensor on a device is copied there without waiting for the device.
    """
    return {
        str(name): value if type(value) in IMMUTABLE_TYPES else _snapshot(value, depth)
        for name, value in values.items()
    }


def _snapshot(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return snapshot_values(value, depth + 1)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _snapshot_tensor(torch, value)
    if isinstance(value, Media):
        return value.snapshot()
    # Arrays of numpy without dimensions can change; its scalars cannot.
    is_array = getattr(value, "ndim", None) is not None and callable(getattr(value, "copy", None))
    if is_array and getattr(value, "size", 0) == 1:
        return value.item()
    return value


def _snapshot_tensor(torch: Any, tensor: Any) -> Any:
    if tensor.numel() != 1:
        return tensor
    if tensor.device.type == "cpu":
        return tensor.item()
    copy = tensor.detach().clone()
    return DeviceScalar(copy, stream_event(torch, copy))


def stream_event(torch: Any, tensor: Any) -> Any:
    """An event after which a tensor of a side stream is complete; None for the default stream.

    The writer's thread copies in the default stream, which does not wait for other streams.
    """
    if tensor.device.type != "cuda":
        return None
    stream = torch.cuda.current_stream(tensor.device)
    is_default = stream == torch.cuda.default_stream(tensor.device)
    return None if is_default else stream.record_event()


def fetch_device_numbers(calls: Iterable[LoggedCall]) -> dict[int, list[float]]:
    """The numbers of all tensors in the calls, by the id of the tensor.

    There is one copy to the host for each device and type, not one for each number.
    """
    groups: dict[Any, list[Any]] = {}
    for value in (value for call in calls for value in _device_values(call.values)):
        if value.ready is not None:
            value.ready.synchronize()
        groups.setdefault((value.tensor.device, value.tensor.dtype), []).append(value.tensor)
    numbers: dict[int, list[float]] = {}
    for tensors in groups.values():
        torch = sys.modules["torch"]
        vectors = [tensor.reshape(-1) for tensor in tensors]
        host = iter(torch.cat(vectors).to("cpu").tolist())
        for tensor, vector in zip(tensors, vectors, strict=True):
            numbers[id(tensor)] = list(islice(host, len(vector)))
    return numbers


def _device_values(values: Mapping[str, Any]) -> Iterator[DeviceScalar | DeviceVector]:
    for value in values.values():
        if type(value) in (DeviceScalar, DeviceVector):
            yield value
        elif type(value) is dict:
            yield from _device_values(value)


def convert_values(
    values: Mapping[str, Any], device_numbers: Mapping[int, Sequence[float]], separator: str = "."
) -> ConvertedValues:
    """The values of a call by kind, with the names of nested mappings joined.

    A value that is of no kind is left out, and a note names it once.
    """
    converted = ConvertedValues()
    _convert_into(converted, values, "", device_numbers, separator)
    return converted


def _convert_into(
    converted: ConvertedValues,
    values: Mapping[str, Any],
    prefix: str,
    device_numbers: Mapping[int, Sequence[float]],
    separator: str,
) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        kind = type(value)
        if kind is float:
            converted.numbers[name] = value
        elif value is None:
            continue
        elif kind is dict:
            _convert_into(converted, value, name + separator, device_numbers, separator)
        elif kind is DeviceScalar:
            _put_number(converted, name, device_numbers[id(value.tensor)][0])
        elif kind is DeviceVector:
            converted.numbers |= value.to_metrics(device_numbers[id(value.tensor)])
        elif isinstance(value, str):
            converted.texts[name] = value[:_MAX_TEXT]
        elif isinstance(value, Media):
            converted.media[name] = value
        elif _is_media_list(value):
            converted.media |= {f"{name}/{n}": item for n, item in enumerate(value)}
        elif isinstance(value, Number) or hasattr(value, "__float__"):
            _put_number(converted, name, value)
        else:
            _note_unsupported(name, value)


def _is_media_list(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(item, Media) for item in value)
    )


def _put_number(converted: ConvertedValues, name: str, value: Any) -> None:
    try:
        converted.numbers[name] = float(value)
    except OverflowError:
        converted.numbers[name] = float("inf") if value > 0 else float("-inf")
    except (TypeError, ValueError, RuntimeError):
        _note_unsupported(name, value)


def _note_unsupported(name: str, value: Any) -> None:
    shape = getattr(value, "shape", None)
    of_shape = f" of shape {tuple(shape)}" if isinstance(shape, tuple) and shape else ""
    note_once(
        f"log: {name!r} is not recorded: a number, a text or nnlab.Image, Table or Histogram is"
        f" needed, not {type(value).__name__}{of_shape}"
    )
