"""Names and values of metrics as readers take them over from a log: bounded, without controls."""

import hashlib
import math
import re

from nnlab.exchange.log_reader import Audit
from nnlab.io.escaping import replace_controls

MAX_NAME = 500
MAX_METRICS = 20_000
MAX_TEXT = 10_000
# So many notes name a metric; the others are counted together.
_MAX_NAMED_NOTES = 20
_NOT_A_NUMBER_WORDS = frozenset({"", "none", "null", "na", "n/a", "-"})
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_TEXT_CONSTANTS = {
    "True": True, "true": True, "False": False, "false": False, "None": None, "null": None,
}  # fmt: skip
_SPECIAL_NUMBERS = {
    "nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf,
    "infinity": math.inf, "+infinity": math.inf, "-infinity": -math.inf,
}  # fmt: skip


class MetricNames:
    """The names of the metrics of one run: each is cleaned once, and their number is limited."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._names: dict[str, str | None] = {}
        self._without_numbers: set[str] = set()

    def get(self, name: str) -> str | None:
        """The name to store; None if the run has too many metrics or the name is empty."""
        try:
            return self._names[name]
        except KeyError:
            pass
        if len(self._names) >= MAX_METRICS:
            self._audit.add("too-many-metrics", f"only {MAX_METRICS:,} metrics of a run are read")
            return None
        cleaned = self._names[name] = clean_name(name, self._audit) or None
        return cleaned

    def note_not_a_number(self, name: str) -> None:
        """Notes that a value of this name is no number and was left out."""
        names = self._without_numbers
        if name in names or len(names) < _MAX_NAMED_NOTES:
            names.add(name)
            self._audit.add("not-a-number", f"values of {name} that are not numbers")
        else:
            self._audit.add("not-a-number", "values of other names that are not numbers")


def clean_name(name: str, audit: Audit) -> str:
    r"""A name without control characters, of at most `MAX_NAME` characters.

    >>> clean_name("val\x1b[2J/loss", Audit())
    'val\ufffd[2J/loss'
    """
    if not name.isprintable():
        name = replace_controls(name)
        audit.add("control-characters", "control characters in names were replaced")
    if len(name) > MAX_NAME:
        # The digest keeps long names with the same beginning apart.
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
        name = f"{name[: MAX_NAME - 13]}~{digest}"
        audit.add("long-name", f"names of more than {MAX_NAME} characters were cut")
    return name.strip()


def clean_text(text: str, audit: Audit) -> str:
    """A text of a configuration or tag: of bounded length, and without lone surrogates."""
    if len(text) > MAX_TEXT:
        audit.add("long-text", f"texts of more than {MAX_TEXT:,} characters were cut")
        text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def number_of(value: object) -> float | None:
    """The number that a value of JSON states; None if it is no number.

    Tools write NaN and infinity as text, because JSON has neither.

    >>> number_of(3), number_of(True), number_of("NaN"), number_of("text"), number_of(10**400)
    (3.0, 1.0, nan, None, inf)
    """
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and len(value) <= 9:
        return _SPECIAL_NUMBERS.get(value.strip().lower())
    return None


def parse_text_value(text: str) -> str | int | float | bool | None:
    """The value that a tool stored as text in a configuration; other texts stay texts.

    >>> [parse_text_value(text) for text in ("0.1", "True", "3", "adam")]
    [0.1, True, 3, 'adam']
    """
    if text in _TEXT_CONSTANTS:
        return _TEXT_CONSTANTS[text]
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    return float(text) if len(text) <= 40 and _DECIMAL.fullmatch(text) else text


def number_or_text_number(value: object) -> float | None:
    """The number that a value states, also as text; None if it is no number.

    The APIs of MLflow and Comet write some numbers as text.

    >>> number_or_text_number("0.5"), number_or_text_number(3), number_or_text_number("x")
    (0.5, 3.0, None)
    """
    number = number_of(value)
    if number is None and isinstance(value, str):
        try:
            return parse_value(value)
        except ValueError:
            return None
    return number


def parse_value(text: str) -> float | None:
    """The number in a cell of a table, where `50%` is 0.5; None if the cell has no value.

    Raises:
        ValueError: the text is neither a number nor a usual word for a missing value.

    >>> parse_value(" 1e-3"), parse_value("12.5%"), parse_value(""), parse_value("inf")
    (0.001, 0.125, None, inf)
    """
    try:
        # The usual case first: this function is called for each cell of large files.
        number = float(text)
    except ValueError:
        text = text.strip()
        if text.lower() in _NOT_A_NUMBER_WORDS:
            return None
        if not text.endswith("%"):
            raise
        number = float(text[:-1]) / 100
    # Python also accepts `1_0` and digits of other scripts.
    if "_" in text or not text.isascii():
        raise ValueError(f"{text[:40]!r} is not a number") from None
    return number


def parse_step(value: float) -> int | None:
    """The step that a number states; None if it is not a whole number of 63 bits.

    >>> parse_step(3.0), parse_step(-1.0), parse_step(1.5), parse_step(1e30)
    (3, -1, None, None)
    """
    if not -(2.0**63) <= value < 2.0**63 or value != math.floor(value):
        return None
    return int(value)
