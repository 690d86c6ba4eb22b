"""Scalars and flow collections (`[1, 2]`, `{a: 1}`) of the YAML subset of `simple_yaml`."""

import math
import re

from nnlab.exchange.log_reader import JsonValue

# White space of YAML; that of Python includes, for example, the no-break space.
BLANKS = " \t\n"
_MAX_FLOW_DEPTH = 20
_CONSTANTS: dict[str, JsonValue] = {
    "": None, "~": None, "null": None, "true": True, "yes": True, "on": True, "false": False,
    "no": False, "off": False, ".nan": math.nan, ".inf": math.inf, "+.inf": math.inf,
    "-.inf": -math.inf,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\n[ \t]*|(.))"
    r"|[ \t]*\n[ \t\n]*"
)
_LINE_ENDS = re.compile(r"[ \t]*\n[ \t\n]*")
_ESCAPED = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_COLON = re.compile(r"[ \t\n]*:")
_FLOW_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>[\[\]{},])|(?P<double>"(?:[^"\\]|\\.)*+")|(?P<single>'(?:[^']|'')*+')"""
    r"""|(?P<plain>[^\[\]{},"'\s](?:[^\[\]{},:]|:(?!\s))*+))""",
    re.DOTALL | re.ASCII,
)


def plain_scalar(text: str) -> JsonValue:
    """The value of a plain scalar: a constant, a number or the text itself.

    >>> plain_scalar("0.1"), plain_scalar("1e-3"), plain_scalar("null"), plain_scalar("adam")
    (0.1, 0.001, None, 'adam')
    """
    text = text.strip(BLANKS)
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if len(text) <= 400 and _FLOAT.fullmatch(text) else text


def quoted_scalar(text: str) -> str:
    r"""The text of a scalar in single or double quotes; line ends in it are folded to spaces.

    >>> quoted_scalar("'it''s'"), quoted_scalar('"a\\tb"')
    ("it's", 'a\tb')
    """
    quote, content = text[0], text[1:-1]
    if quote == "'":
        return _LINE_ENDS.sub(_fold, content).replace("''", "'")
    return _ESCAPE.sub(_unescape, content)


def _fold(match: re.Match[str]) -> str:
    """A line end in a quoted text is a space; of several line ends, all but one are kept."""
    return "\n" * (match[0].count("\n") - 1) or " "


def _unescape(match: re.Match[str]) -> str:
    if not match[0].startswith("\\"):
        return _fold(match)
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return _ESCAPED.get(match[4] or "", match[4] or "")


class FlowParser:
    """Parses a flow collection.

    Raises:
        ValueError: the text is not a flow collection of the subset.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0

    def parse(self) -> JsonValue:
        """The list or mapping."""
        value = self._value(self._next(), 0)
        if self._text[self._end :].strip(BLANKS):
            raise ValueError("text after a flow collection")
        return value

    def _next(self) -> re.Match[str]:
        match = _FLOW_TOKEN.match(self._text, self._end)
        if match is None:
            raise ValueError("an incomplete flow collection")
        self._end = match.end()
        return match

    def _value(self, token: re.Match[str], depth: int) -> JsonValue:
        if depth > _MAX_FLOW_DEPTH:
            raise ValueError("nested too deeply")
        if token["sign"] == "[":
            return self._list(depth)
        if token["sign"] == "{":
            return self._mapping(depth)
        if token["sign"]:
            raise ValueError(f"unexpected {token['sign']}")
        return (
            plain_scalar(token["plain"])
            if token["plain"]
            else quoted_scalar(token[0].strip(BLANKS))
        )

    def _list(self, depth: int) -> list[JsonValue]:
        items: list[JsonValue] = []
        while (token := self._next())["sign"] != "]":
            items.append(self._value(token, depth + 1))
            if (token := self._next())["sign"] == "]":
                break
            if token["sign"] != ",":
                raise ValueError("a comma is missing")
        return items

    def _mapping(self, depth: int) -> dict[str, JsonValue]:
        items: dict[str, JsonValue] = {}
        while (token := self._next())["sign"] != "}":
            if token["sign"]:
                raise ValueError(f"unexpected {token['sign']}")
            key = (
                token["plain"].strip(BLANKS)
                if token["plain"]
                else quoted_scalar(token[0].strip(BLANKS))
            )
            colon = _COLON.match(self._text, self._end)
            if colon is None:
                raise ValueError("a colon is missing")
            self._end = colon.end()
            token = self._next()
            if not token["sign"] or token["sign"] in "[{":
                items[key] = self._value(token, depth + 1)
                token = self._next()
            else:
                items[key] = None
            if token["sign"] == "}":
                break
            if token["sign"] != ",":
                raise ValueError("a comma is missing")
        return items
