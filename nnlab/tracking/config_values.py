"""Converts the config of a user's program: to plain nested values, and to a flat setting."""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import Any

from nnlab.errors import UsageError
from nnlab.io.redaction import MASK, is_secret_name
from nnlab.objective import Scalar

_MAX_DEPTH = 16
# A longer text is a value that was logged by mistake, not a setting.
_MAX_TEXT = 2000
# The address in the text of an object differs in every process.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def config_mapping(config: object) -> dict[str, Any]:
    """The plain nested values of a config.

    Args:
        config: a mapping (also of OmegaConf), a dataclass, an argparse Namespace, or another object
            with attributes.

    Raises:
        UsageError: it is none of these.
    """
    values = _as_mapping(config)
    if values is None:
        raise UsageError(
            f"config must be a mapping, a dataclass or a namespace, not a {type(config).__name__}",
            hint='nnlab.init(config={"lr": 0.1})',
        )
    return {str(name): plain_value(value, str(name)) for name, value in values.items()}


def _as_mapping(value: object) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, type | FunctionType | ModuleType | str | bytes):
        return None
    # absl flags and pydantic models convert themselves.
    for method in ("flag_values_dict", "model_dump"):
        if callable(convert := getattr(value, method, None)):
            converted = convert()
            return converted if isinstance(converted, Mapping) else None
    if callable(items := getattr(value, "items", None)) and hasattr(value, "keys"):
        return dict(items())
    attributes = getattr(value, "__dict__", None)
    return attributes if isinstance(attributes, dict) and type(value) is not object else None


def plain_value(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value of JSON for a value of a config; the values of secrets are masked.

    Mappings and dataclasses become dicts, sequences lists, numbers of numpy and torch Python's, and
    other objects their text without addresses.
    """
    if value is None or isinstance(value, bool | int | float):
        return value.value if isinstance(value, Enum) else value
    if name and is_secret_name(name):
        return MASK
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if depth < _MAX_DEPTH:
        if (nested := _nested_value(value)) is not None:
            return {str(k): plain_value(v, str(k), depth + 1) for k, v in nested.items()}
        if isinstance(value, list | tuple) or _is_list_config(value):
            return [plain_value(item, "", depth + 1) for item in value]
        if isinstance(value, set | frozenset):
            return sorted((plain_value(item, "", depth + 1) for item in value), key=str)
        if callable(to_list := getattr(value, "tolist", None)):  # numpy and torch
            return plain_value(to_list(), name, depth + 1)
    return _text_of(value)


def _nested_value(value: Any) -> Mapping[Any, Any] | None:
    """The content of a nested config; other objects with attributes are shown as text."""
    if isinstance(value, Mapping) or dataclasses.is_dataclass(value):
        return _as_mapping(value)
    is_namespace = type(value).__name__ in ("Namespace", "SimpleNamespace", "DictConfig")
    return _as_mapping(value) if is_namespace else None


def _is_list_config(value: Any) -> bool:
    return type(value).__name__ == "ListConfig"


def _text_of(value: Any) -> str:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, type | FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  the code of an object of the user
        text = f"<{type(value).__name__}>"
    return _ADDRESS.sub("", text)[:_MAX_TEXT]


def flat_setting(nested: Mapping[str, Any]) -> dict[str, Scalar]:
    """The setting with dotted names; lists are JSON text.

    >>> flat_setting({"lr": 0.1, "model": {"layers": 2, "widths": [8, 4]}})
    {'lr': 0.1, 'model.layers': 2, 'model.widths': '[8, 4]'}
    """
    flat: dict[str, Scalar] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            if not value:
                flat[name] = "{}"
            flat |= {f"{name}.{inner}": item for inner, item in flat_setting(value).items()}
        elif isinstance(value, list):
            flat[name] = json.dumps(value)
        elif isinstance(value, float) and not math.isfinite(value):
            flat[name] = str(value)
        else:
            flat[name] = value
    return flat


def split_seed(setting: Mapping[str, Scalar]) -> tuple[int | None, dict[str, Scalar]]:
    """The seed, and the setting without it: runs that differ in the seed belong to one trial.

    >>> split_seed({"lr": 0.1, "seed": 3}), split_seed({"seed": "fixed"})
    ((3, {'lr': 0.1}), (None, {'seed': 'fixed'}))
    """
    seed = setting.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool):
        return None, dict(setting)
    return seed, {name: value for name, value in setting.items() if name != "seed"}


def is_nested(config: Mapping[str, Any]) -> bool:
    """Whether the flat setting loses the form of a config."""
    return any(isinstance(value, Mapping | list) for value in config.values())
