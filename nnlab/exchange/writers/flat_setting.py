"""A nested setting as texts with dotted names, for tools whose parameters are texts."""

import json
from collections.abc import Mapping

from nnlab.exchange.log_reader import JsonValue


def flat_setting(config: Mapping[str, JsonValue], prefix: str = "") -> dict[str, str]:
    """The texts of all values; lists are JSON.

    >>> flat_setting({"lr": 0.1, "model": {"layers": [1, 2], "norm": None, "bias": True}})
    {'lr': '0.1', 'model.layers': '[1, 2]', 'model.norm': 'None', 'model.bias': 'True'}
    """
    flat: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= flat_setting(value, f"{prefix}{name}.")
        else:
            is_scalar = value is None or isinstance(value, str | int | float)
            flat[f"{prefix}{name}"] = str(value) if is_scalar else json.dumps(value)
    return flat
