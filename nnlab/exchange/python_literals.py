"""Parser of dictionaries as Python prints them, which some exports contain; nothing is executed."""

import ast
import math

from nnlab.exchange.log_reader import JsonValue

MAX_TEXT = 100_000
_MAX_DEPTH = 20
_NUMBERS = {"nan": math.nan, "NaN": math.nan, "inf": math.inf, "Infinity": math.inf}


def parse_python_dict(text: str) -> dict[str, JsonValue]:
    """The dictionary of a text; values that are no literals, such as calls, are None.

    >>> parse_python_dict("{'lr': 0.1, 'loss': nan, 'sizes': (1, -2), 'fn': object()}")
    {'lr': 0.1, 'loss': nan, 'sizes': [1, -2], 'fn': None}

    Raises:
        ValueError: the text is too long or is no dictionary.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"longer than {MAX_TEXT:,} characters")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError("not a dictionary") from None
    value = _value_of(node, 0)
    if isinstance(value, dict):
        return value
    raise ValueError("not a dictionary")


def _value_of(node: ast.expr, depth: int) -> JsonValue:
    if depth > _MAX_DEPTH:
        return None
    match node:
        case ast.Constant(value=str() | int() | float() | bool() | None):
            value: JsonValue = node.value  # type: ignore[assignment]
            return value
        case ast.Name(id=name):
            return _NUMBERS.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _value_of(operand, depth + 1)
            return -number if isinstance(number, int | float) else None
        case ast.Dict(keys=keys, values=values):
            return {
                str(_value_of(key, depth + 1)): _value_of(value, depth + 1)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_value_of(item, depth + 1) for item in items]
    return None
