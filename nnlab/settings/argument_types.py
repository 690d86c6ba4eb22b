"""Types of the arguments of user code: parsing of values, by annotation, default or their text.

An annotation is text, so that a source can be read without executing it. `int`, `float`, `bool`,
`str`, `None`, `Optional`, unions, `Literal`, and lists and tuples of these types can be set.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlab.objective import Scalar, format_exact
from nnlab.settings.numbers import parse_number

# The text that stands for None in a stored setting, where None means that a field is absent.
NONE_TEXT = "none"

_INTEGER = re.compile(r"[+-]?\d+")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_NOUNS: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
}
_SCALAR_NAMES: dict[str, type] = {kind.__name__: kind for kind in _NOUNS}
_SEQUENCES = frozenset(("list", "List", "tuple", "Tuple", "Sequence"))


@dataclass(frozen=True, slots=True)
class ArgumentType:
    """What values an argument accepts.

    Attributes:
        kinds: the accepted types (of the items of a sequence); none if the text of a value decides.
        literals: the accepted values of a `Literal`.
        optional: whether `none` stands for None.
        sequence: `list` or `tuple` if the argument is one, otherwise None.
        is_settable: False for types that no text can express, such as a module.
    """

    kinds: tuple[type, ...] = ()
    literals: tuple[Scalar, ...] = ()
    optional: bool = False
    sequence: type | None = None
    is_settable: bool = True

    @property
    def base(self) -> type:
        """The type of a single value: int or float if it is a number, otherwise str or bool."""
        if self.sequence or self.literals or not self.kinds or str in self.kinds:
            return str
        return next(kind for kind in (float, int, bool) if kind in self.kinds)

    @property
    def may_be_number(self) -> bool:
        """Whether a range of numbers can be given."""
        return not self.sequence and not self.literals and (not self.kinds or self.base is not str)

    @property
    def requirement(self) -> str:
        """What a value must be, in words."""
        if self.literals:
            nouns = [", ".join(_literal_text(value) for value in self.literals)]
        else:
            nouns = [_NOUNS[kind] for kind in self.kinds] or ["a number, true, false or text"]
            if self.sequence:
                nouns = [f"a list such as 8,16 ({' or '.join(nouns)} each)"]
        return " or ".join([*nouns, *([NONE_TEXT] if self.optional else [])])

    def parse(self, value: object) -> Scalar:
        """The value in the form in which it is stored: a list is text, None is `none`.

        Raises:
            ValueError: the value has another type.
        """
        if self.optional and (value is None or str(value).lower() == NONE_TEXT):
            return NONE_TEXT
        if self.sequence is not None:
            items = _split_sequence(value)
            return ",".join(_stored_text(self._parse_item(item)) for item in items)
        return self._parse_item(value)

    def convert(self, value: Scalar) -> object:
        """The argument that a stored value stands for."""
        if self.optional and value == NONE_TEXT:
            return None
        if self.sequence is not None:
            return self.sequence(self._parse_item(item) for item in _split_sequence(value))
        return self._parse_item(value)

    def _parse_item(self, value: object) -> Scalar:
        if self.literals:
            text = _stored_text(value)
            for literal in self.literals:
                if _literal_text(literal) == text:
                    return literal
            return _refuse(value)
        if not self.kinds:
            return infer_value(value)
        for kind in (bool, int, float, str):
            if kind not in self.kinds:
                continue
            # In a union with float, 8.0 is not a whole number.
            if kind is int and float in self.kinds and not _INTEGER.fullmatch(str(value)):
                continue
            parsed = _PARSERS[kind](value)
            if parsed is not None:
                return parsed
        return _refuse(value)


def infer_value(value: object) -> Scalar:
    """A value whose text decides about its type.

    >>> [infer_value(text) for text in ("8", "0.5", "true", "relu")]
    [8, 0.5, True, 'relu']
    """
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    if text in ("true", "false"):
        return _WORDS[text]
    integer = _parse_integer(text) if _INTEGER.fullmatch(text) else None
    number = parse_number(text) if integer is None else integer
    return text if number is None else number


def _parse_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else _WORDS.get(str(value).lower())


def _parse_integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    text = str(value)
    if text.isascii() and _INTEGER.fullmatch(text):
        return int(text)
    number = parse_number(text)
    is_whole = number is not None and number.is_integer() and abs(number) < 2**53
    return int(number) if number is not None and is_whole else None


def _parse_float(value: object) -> float | None:
    return None if isinstance(value, bool) else parse_number(str(value))


def _parse_text(value: object) -> str | None:
    return _stored_text(value) if isinstance(value, str | bool | int | float) else None


_PARSERS: dict[type, Callable[[object], Scalar]] = {
    bool: _parse_bool,
    int: _parse_integer,
    float: _parse_float,
    str: _parse_text,
}


def _refuse(value: object) -> Scalar:
    raise ValueError(f"got {_stored_text(value) or 'nothing'}")


def _split_sequence(value: object) -> Sequence[object]:
    if isinstance(value, list | tuple):
        return value
    text = str(value).strip()
    if text[:1] + text[-1:] in ("[]", "()"):
        text = text[1:-1].rstrip(", ")
    return [part.strip() for part in text.split(",")]


def _stored_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_exact(value) if isinstance(value, float) else str(value)


def _literal_text(value: Scalar) -> str:
    return NONE_TEXT if value is None else _stored_text(value)


def type_of_annotation(annotation: str) -> ArgumentType | None:
    """The type that an annotation describes; None if its names are not those of known types.

    >>> type_of_annotation("int | None") == ArgumentType((int,), optional=True)
    True
    >>> type_of_annotation("nn.Module") is None
    True
    """
    try:
        node = ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    return _type_of_node(node)


def type_of_default(default: object) -> ArgumentType:
    """The type of an argument without annotation, from its default.

    A whole number as default does not exclude fractions: `dropout=0`.
    """
    match default:
        case None:
            return ArgumentType(optional=True)
        case bool() | float() | str():
            return ArgumentType((type(default),))
        case int():
            return ArgumentType((int, float))
        case list() | tuple():
            kinds = tuple(dict.fromkeys(type(item) for item in default))
            are_scalars = all(kind in _NOUNS for kind in kinds)
            return ArgumentType(
                kinds if are_scalars else (), sequence=type(default), is_settable=are_scalars
            )
    return ArgumentType(is_settable=False)


def _type_of_node(node: ast.expr) -> ArgumentType | None:
    match node:
        case ast.Constant(value=None):
            return ArgumentType(optional=True)
        case ast.Constant(value=str(text)):
            return type_of_annotation(text)
        case ast.BinOp(op=ast.BitOr()):
            return _union([node.left, node.right])
        case ast.Subscript():
            return _type_of_subscript(_last_name(node.value), node.slice)
    name = _last_name(node)
    if name in _SCALAR_NAMES:
        return ArgumentType((_SCALAR_NAMES[name],))
    if name in _SEQUENCES:
        return ArgumentType(sequence=_sequence_type(name))
    return ArgumentType() if name in ("Any", "object") else None


def _type_of_subscript(name: str, argument: ast.expr) -> ArgumentType | None:
    parts = argument.elts if isinstance(argument, ast.Tuple) else [argument]
    match name:
        case "Optional":
            return _union([*parts, ast.Constant(None)])
        case "Union":
            return _union(parts)
        case "Literal":
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            scalars = [v for v in values if isinstance(v, bool | int | float | str)]
            is_known = len(scalars) + values.count(None) == len(parts)
            return (
                ArgumentType(literals=tuple(scalars), optional=None in values) if is_known else None
            )
        case "Annotated" | "Final":
            return _type_of_node(parts[0])
    if name not in _SEQUENCES:
        return None
    items = [p for p in parts if not (isinstance(p, ast.Constant) and p.value is ...)]
    item_type = _union(items)
    if item_type is None or item_type.sequence or item_type.literals or item_type.optional:
        return None
    return ArgumentType(item_type.kinds, sequence=_sequence_type(name))


def _sequence_type(name: str) -> type:
    return list if name.lower() == "list" else tuple


def _union(nodes: Sequence[ast.expr]) -> ArgumentType | None:
    """The type that accepts the values of all; None for unions of lists with other types."""
    types = [_type_of_node(node) for node in nodes]
    described = [kind for kind in types if kind is not None]
    if len(described) < len(types):
        return None
    optional = any(kind.optional for kind in described)
    concrete = [kind for kind in described if kind.kinds or kind.literals or kind.sequence]
    if len(concrete) == 1:
        only = concrete[0]
        return ArgumentType(only.kinds, only.literals, optional, only.sequence)
    if any(kind.literals or kind.sequence for kind in concrete):
        return None
    kinds = tuple(dict.fromkeys(k for kind in concrete for k in kind.kinds))
    return ArgumentType(kinds, optional=optional)


def _last_name(node: ast.expr) -> str:
    """The last part of a dotted name: `typing.Optional` is `Optional`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
