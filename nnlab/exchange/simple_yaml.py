"""Parser of the part of YAML that Lightning and MLflow write, without tags and aliases.

Block and flow collections and all kinds of scalars are understood. A value with a tag of a Python
object is left out, and so is an alias, of which a short file could expand to a huge value.
"""

import re

from nnlab.exchange.log_reader import Audit, JsonValue
from nnlab.exchange.yaml_scalars import BLANKS, FlowParser, plain_scalar, quoted_scalar

MAX_DEPTH = 30
_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*+"|'(?:[^']|'')*+'|[^\s"'\[\]{},#&*!|>%@`?-][^\n]{0,300}?"""
    r"""|[?-][^\s][^\n]{0,300}?)[ ]{0,20}:(?:\s+(?P<rest>.*))?$""",
    re.ASCII,
)
_PROPERTY = re.compile(r"(?P<sign>[!&])(?P<name>[^\s]*)\s*", re.ASCII)
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.ASCII)
# Tags of plain data; Lightning writes tuples and ordered dictionaries in this way.
_DATA_TAGS = ("!python/tuple", "!map", "!seq", "!str", "!int", "!float", "!bool", "!null", "!set")


def parse_yaml(text: str, audit: Audit) -> dict[str, JsonValue]:
    """The mapping in a YAML text; what is not understood is left out and noted.

    Raises:
        ValueError: the text is not a mapping of the supported part of YAML.

    >>> parse_yaml("{lr: 0.1, layers: [1, 2]}", Audit())
    {'lr': 0.1, 'layers': [1, 2]}
    """
    parser = _Parser(text, audit)
    value = parser.block(0, 0)
    if isinstance(value, dict):
        return value
    if value is None or value is _LEFT_OUT:
        return {}
    raise ValueError("the text is not a mapping")


class _LeftOut(str):
    """The value of a node that is not taken over."""

    __slots__ = ()


_LEFT_OUT = _LeftOut("")


class _Parser:
    def __init__(self, text: str, audit: Audit) -> None:
        self._lines = [line.rstrip(BLANKS + "\r") for line in text.split("\n")]
        self._number = 0
        self._audit = audit

    def block(self, indent: int, depth: int) -> JsonValue:
        """The node whose first line is indented by at least `indent`; None if there is none."""
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        line = self._peek()
        if line is None or (column := _indent_of(line)) < indent:
            return None
        text = line[column:]
        if text == "-" or text.startswith("- "):
            return self._sequence(column, depth)
        if _KEY.match(text):
            return self._mapping(column, depth)
        self._number += 1
        return self._value(text, column - 1, depth)

    def _peek(self) -> str | None:
        """The next line that has content."""
        while self._number < len(self._lines):
            line = self._lines[self._number]
            text = line.strip(BLANKS)
            is_directive = line.startswith("%") or line in ("---", "...")
            if text and not text.startswith("#") and not is_directive:
                if "\t" in line[: _indent_of(line) + 1]:
                    raise ValueError("a tab as indentation")
                return line
            self._number += 1
        return None

    def _mapping(self, column: int, depth: int) -> dict[str, JsonValue]:
        items: dict[str, JsonValue] = {}
        while (line := self._peek()) is not None and _indent_of(line) == column:
            match = _KEY.match(line[column:])
            if match is None:
                raise ValueError(f"line {self._number + 1} has no key")
            self._number += 1
            key = match["key"]
            name = quoted_scalar(key) if key[0] in "\"'" else key
            if name in items:
                self._audit.add("duplicate-keys", "of equal keys in a mapping, the last was read")
            value = self._value(match["rest"] or "", column, depth, in_mapping=True)
            if value is not _LEFT_OUT:
                items[name] = value
        self._check_indent(column)
        return items

    def _sequence(self, column: int, depth: int) -> list[JsonValue]:
        items: list[JsonValue] = []
        while (line := self._peek()) is not None and _indent_of(line) == column:
            text = line[column:]
            if text != "-" and not text.startswith("- "):
                break  # A key at the same indentation ends a sequence in a mapping.
            # The item is parsed as a block that begins where its text does.
            self._lines[self._number] = " " * (column + 1) + text[1:]
            if text == "-":
                self._number += 1
            value = self.block(column + 1, depth + 1)
            if value is not _LEFT_OUT:
                items.append(value)
        return items

    def _check_indent(self, column: int) -> None:
        line = self._peek()
        if line is not None and _indent_of(line) > column:
            raise ValueError(f"line {self._number + 1} is indented too far")

    def _value(self, rest: str, column: int, depth: int, *, in_mapping: bool = False) -> JsonValue:
        """The value whose first line has the text `rest`; further lines are indented more."""
        is_kept = True
        while match := _PROPERTY.match(rest):
            rest = rest[match.end() :]
            if match["sign"] == "!" and match["name"] not in _DATA_TAGS:
                is_kept = False
        value = self._untagged_value(rest, column, depth, in_mapping=in_mapping)
        if not is_kept:
            self._audit.add("yaml-tag", "values of Python objects in a YAML file were left out")
            return _LEFT_OUT
        return value

    def _untagged_value(self, rest: str, column: int, depth: int, *, in_mapping: bool) -> JsonValue:
        if not rest or rest.startswith("#"):
            line = self._peek()
            # The items of a sequence in a mapping may have the indentation of its key.
            if in_mapping and line is not None and _indent_of(line) == column:
                return self.block(column, depth + 1) if line[column:][:2] in ("-", "- ") else None
            return self.block(column + 1, depth + 1)
        if rest[0] in "|>":
            return self._block_scalar(column, folded=rest[0] == ">")
        if rest[0] in "\"'":
            return self._quoted(rest)
        if rest[0] in "[{":
            return self._flow(rest)
        if rest[0] == "*":
            self._audit.add("yaml-alias", "aliases in a YAML file were left out")
            return _LEFT_OUT
        return self._plain(rest, column)

    def _plain(self, text: str, column: int) -> JsonValue:
        parts = [_COMMENT.sub("", text)]
        while (line := self._peek()) is not None and _indent_of(line) > column:
            parts.append(_COMMENT.sub("", line.strip(BLANKS)))
            self._number += 1
        return plain_scalar(parts[0]) if len(parts) == 1 else " ".join(parts)

    def _quoted(self, text: str) -> str:
        quote = text[0]
        pair = _ESCAPED_PAIR if quote == '"' else _QUOTE_PAIR
        lines = [text]
        # Pairs such as '' never span lines, so that each line is looked at once.
        rest = pair.sub(_two_spaces, text[1:])
        while quote not in rest:
            if self._number >= len(self._lines):
                raise ValueError("a quoted text without its end")
            lines.append(self._lines[self._number])
            rest = pair.sub(_two_spaces, lines[-1])
            self._number += 1
        end = rest.index(quote) + (2 if len(lines) == 1 else 1)
        return quoted_scalar("\n".join([*lines[:-1], lines[-1][:end]]))

    def _flow(self, text: str) -> JsonValue:
        parts = [_COMMENT.sub("", text)]
        open_brackets = _open_brackets(parts[0])
        while open_brackets > 0:
            if self._number >= len(self._lines):
                raise ValueError("a flow collection without its end")
            parts.append(self._lines[self._number].strip(BLANKS))
            open_brackets += _open_brackets(parts[-1])
            self._number += 1
        return FlowParser(" ".join(parts)).parse()

    def _block_scalar(self, column: int, *, folded: bool) -> str:
        lines: list[str] = []
        while self._number < len(self._lines):
            line = self._lines[self._number]
            if line and _indent_of(line) <= column:
                break
            lines.append(line)
            self._number += 1
        width = min((_indent_of(line) for line in lines if line), default=0)
        return (" " if folded else "\n").join(line[width:] for line in lines).strip(BLANKS)


_ESCAPED_PAIR = re.compile(r"\\.")
_QUOTE_PAIR = re.compile("''")


def _two_spaces(_: re.Match[str]) -> str:
    return "  "


def _open_brackets(text: str) -> int:
    """The number of brackets that a line opens and does not close."""
    return text.count("[") + text.count("{") - text.count("]") - text.count("}")


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
