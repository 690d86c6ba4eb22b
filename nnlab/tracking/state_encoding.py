"""The bytes of a checkpoint of a recorded run: plain values, arrays and tensors, without pickle.

A checkpoint is the length of a JSON text, the text, the arrays as npz or the tensors as torch's
format, and the SHA-256 of all of it. Tensors are loaded with `weights_only`, arrays without pickle.
"""

import hashlib
import io
import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Mapping
from typing import Any

from nnlab.errors import CheckpointError, UsageError

_LENGTH = struct.Struct("<QQQ")  # of the text, the arrays and the tensors
_MARK = "__nnlab__"
_MAX_DEPTH = 64
_DAMAGED = (
    ValueError, KeyError, TypeError, AttributeError, EOFError, struct.error, RuntimeError,
    RecursionError, pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip


class _Encoder:
    """Replaces arrays and tensors in a state by references to them."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self.tensors: dict[str, Any] = {}
        self._torch = sys.modules.get("torch")
        self._numpy = sys.modules.get("numpy")

    def encode(self, value: Any, path: str, depth: int = 0) -> Any:
        if depth > _MAX_DEPTH:
            raise UsageError(f"checkpoint: {path} is nested too deeply")
        if value is None or type(value) in (bool, int, float, str):
            return value
        if callable(state_dict := getattr(value, "state_dict", None)):
            return self.encode(state_dict(), path, depth + 1)
        if isinstance(value, Mapping):
            items = [
                [
                    self.encode(key, path, depth + 1),
                    self.encode(item, f"{path}[{key!r}]", depth + 1),
                ]
                for key, item in value.items()
            ]
            return {_MARK: "dict", "items": items}
        if isinstance(value, list | tuple):
            items = [self.encode(v, f"{path}[{n}]", depth + 1) for n, v in enumerate(value)]
            return items if type(value) is list else {_MARK: "tuple", "items": items}
        if isinstance(value, set | frozenset):
            return {_MARK: "set", "items": [self.encode(v, path, depth + 1) for v in value]}
        if isinstance(value, bytes):
            return {_MARK: "bytes", "hex": value.hex()}
        return self._encode_array(value, path)

    def _encode_array(self, value: Any, path: str) -> Any:
        torch, numpy = self._torch, self._numpy
        if torch is not None and isinstance(value, torch.Tensor):
            name = str(len(self.tensors))
            self.tensors[name] = value.detach()
            return {_MARK: "tensor", "name": name}
        if torch is not None and isinstance(value, torch.dtype | torch.device):
            return {_MARK: type(value).__name__, "text": str(value).removeprefix("torch.")}
        if numpy is not None and isinstance(value, numpy.generic) and value.dtype.kind in "biuf":
            return value.item()
        if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind != "O":
            name = str(len(self.arrays))
            self.arrays[name] = value
            return {_MARK: "array", "name": name}
        if isinstance(value, bool | int | float | str):  # a subclass, such as an enum
            kinds = (int, float, str)
            return next(kind(value) for kind in kinds if isinstance(value, kind))
        raise UsageError(
            f"checkpoint: {path} is a {type(value).__name__}; only tensors, arrays, plain values"
            " and objects with state_dict() can be restored safely",
            hint="save what is needed of it as numbers, texts, lists and dicts",
        )


def encode_state(state: Any) -> bytes:
    """The content of a checkpoint file.

    Raises:
        UsageError: the state has values of other types.
    """
    encoder = _Encoder()
    text = json.dumps(encoder.encode(state, "state")).encode()
    arrays = tensors = b""
    if encoder.arrays:
        import numpy as np

        buffer = io.BytesIO()
        np.savez(buffer, **encoder.arrays)
        arrays = buffer.getvalue()
    if encoder.tensors:
        import torch

        buffer = io.BytesIO()
        torch.save(encoder.tensors, buffer)
        tensors = buffer.getvalue()
    content = _LENGTH.pack(len(text), len(arrays), len(tensors)) + text + arrays + tensors
    return content + hashlib.sha256(content).digest()


def check_state(content: bytes, name: str) -> None:
    """Checks that a checkpoint is complete.

    Raises:
        CheckpointError: it is damaged.
    """
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        raise CheckpointError(f"{name} is damaged: its checksum does not match")


def decode_state(content: bytes, name: str) -> Any:
    """The state in a checkpoint file; tensors are on the CPU.

    Raises:
        CheckpointError: the file is damaged.
    """
    check_state(content, name)
    try:
        text_end, arrays_end = _LENGTH.size, 0
        sizes = _LENGTH.unpack_from(content)
        text_end += sizes[0]
        arrays_end = text_end + sizes[1]
        tree = json.loads(content[_LENGTH.size : text_end])
        arrays = _load_arrays(content[text_end:arrays_end])
        tensors = _load_tensors(content[arrays_end : arrays_end + sizes[2]])
        return _decode(tree, arrays, tensors)
    except _DAMAGED as error:
        raise CheckpointError(f"{name} is not a checkpoint of nnlab: {error}") from None


def _load_arrays(content: bytes) -> Mapping[str, Any]:
    if not content:
        return {}
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _load_tensors(content: bytes) -> Mapping[str, Any]:
    if not content:
        return {}
    import torch

    loaded: Mapping[str, Any] = torch.load(
        io.BytesIO(content), map_location="cpu", weights_only=True
    )
    return loaded


def _decode(value: Any, arrays: Mapping[str, Any], tensors: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    match value[_MARK]:
        case "dict":
            return {
                _decode(key, arrays, tensors): _decode(item, arrays, tensors)
                for key, item in value["items"]
            }
        case "tuple":
            return tuple([_decode(item, arrays, tensors) for item in value["items"]])
        case "set":
            return {_decode(item, arrays, tensors) for item in value["items"]}
        case "bytes":
            return bytes.fromhex(value["hex"])
        case "array":
            return arrays[value["name"]]
        case "tensor":
            return tensors[value["name"]]
        case "dtype" | "device" as kind:
            import torch

            return (
                torch.device(value["text"])
                if kind == "device"
                else getattr(torch, str(value["text"]))
            )
        case other:
            raise ValueError(f"unknown kind of value {other!r}")
