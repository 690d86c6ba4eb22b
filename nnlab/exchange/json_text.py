"""Parsing of JSON from elsewhere: bounded numbers and depth, and flat dotted names."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nnlab.exchange.log_reader import Audit, JsonValue
from nnlab.exchange.metric_table import clean_name, clean_text

MAX_DEPTH = 50
# Without a limit, one long name would be repeated for each value inside the object.
_MAX_PREFIX = 2000
_MAX_CONFIG_DEPTH = 20
_MAX_CONFIG_VALUES = 20_000


class JsonParser:
    """Parses the JSON texts of a log; NaN and Infinity are accepted, as Python writes them.

    Of equal keys in an object the last counts, which is noted.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def parse(self, text: str) -> JsonValue:
        """The value of a JSON text.

        Raises:
            ValueError: the text is not JSON, is nested too deeply, or has a number of thousands of
                digits.
        """
        try:
            value: JsonValue = self._decoder.decode(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return value

    def _object(self, pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        values = dict(pairs)
        if len(values) != len(pairs):
            self._audit.add("duplicate-keys", "of equal keys in a JSON object, the last was read")
        return values


def parse_json(text: str | bytes, audit: Audit) -> JsonValue:
    """The value of one JSON text, as `JsonParser.parse`; bytes that are no UTF-8 are replaced."""
    if isinstance(text, bytes):
        text = _decode(text, audit)
    return JsonParser(audit).parse(text)


def numbers_and_texts(
    values: Mapping[str, JsonValue], audit: Audit, *, separator: str = "."
) -> Mapping[str, JsonValue]:
    """All scalars of nested objects by their dotted names; lists are left out and noted.

    >>> numbers_and_texts({"a": 1, "b": {"c": 2}}, Audit())
    {'a': 1, 'b.c': 2}
    """
    for value in values.values():
        if isinstance(value, dict | list):
            break
    else:
        return values
    flat: dict[str, JsonValue] = {}
    for name, value in _leaves(values, separator, audit):
        if isinstance(value, list):
            audit.add("not-imported", "lists are not metrics")
        else:
            flat[name] = value
    return flat


def clean_config(config: object, audit: Audit) -> dict[str, JsonValue]:
    """A configuration of bounded depth and size, with clean names; empty if it is no object.

    >>> clean_config({"lr": 0.1, "model": {"layers": [1, 2]}}, Audit())
    {'lr': 0.1, 'model': {'layers': [1, 2]}}
    """
    budget = _Budget(_MAX_CONFIG_VALUES)
    value = _clean_value(config, audit, budget, 0)
    if budget.left < 0:
        audit.add("large-config", f"only {_MAX_CONFIG_VALUES:,} values of the configuration")
    return value if isinstance(value, dict) else {}


@dataclass
class _Budget:
    left: int


def _clean_value(value: object, audit: Audit, budget: _Budget, depth: int) -> JsonValue:
    budget.left -= 1
    if depth >= _MAX_CONFIG_DEPTH:
        audit.add("large-config", "parts of the configuration that are nested too deeply")
        return None
    if isinstance(value, dict):
        cleaned: dict[str, JsonValue] = {}
        for key, item in value.items():
            if budget.left < 0:
                break
            cleaned[clean_name(str(key), audit)] = _clean_value(item, audit, budget, depth + 1)
        return cleaned
    if isinstance(value, list | tuple):
        return [
            _clean_value(item, audit, budget, depth + 1) for item in value[: max(0, budget.left)]
        ]
    if isinstance(value, str):
        return clean_text(value, audit)
    if isinstance(value, int) and abs(value) >= 1 << 64:
        audit.add("large-config", "integers of more than 64 bits in the configuration")
        return None
    return value if isinstance(value, int | float | bool) else None


def _leaves(
    values: Mapping[str, JsonValue], separator: str, audit: Audit
) -> Iterator[tuple[str, JsonValue]]:
    """Names and values of all leaves, without recursion."""
    pending = [iter(values.items())]
    prefixes = [""]
    while pending:
        for key, value in pending[-1]:
            if not isinstance(value, dict):
                yield prefixes[-1] + str(key), value
            elif isinstance(value.get("_type"), str):
                audit.add("not-imported", "images, tables and other media")
            elif len(pending) >= MAX_DEPTH or len(key) + len(prefixes[-1]) > _MAX_PREFIX:
                audit.add("not-imported", "objects that are nested too deeply or have long names")
            else:
                pending.append(iter(value.items()))
                prefixes.append(f"{prefixes[-1]}{key}{separator}")
                break
        else:
            pending.pop()
            prefixes.pop()


def _decode(text: bytes, audit: Audit) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        audit.add("invalid-utf-8", "bytes that are not UTF-8 were replaced")
        return text.decode("utf-8-sig", "replace")
