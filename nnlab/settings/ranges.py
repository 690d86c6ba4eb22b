"""Ranges of a numeric field: `lo..hi`, optionally `:N` values and `:log` or `:lin` spacing.

>>> parse_range("lr", "1e-4..1e-1")
Range(low=0.0001, high=0.1, log=True, whole=False, count=None)
>>> str(parse_range("depth", "1..4"))
'1..4:lin'
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from nnlab.errors import ConfigError
from nnlab.objective import format_exact
from nnlab.settings.numbers import parse_number
from nnlab.settings.parsing import parse_field_value
from nnlab.settings.registry import SettingField, setting_field

_DIGITS = 6
_DIGITS_OF_A_DOUBLE = 17

_RANGE_PATTERN = re.compile(
    r"^(?P<low>[^.:]*\.?[^.:]*)\.\.(?P<high>[^:]+)(?P<suffixes>(?::[a-z0-9]+)*)$"
)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, spaced evenly or (`log`) logarithmically; integers if `whole`.

    `count` is the requested number of values, None if the text does not contain it.
    """

    low: float
    high: float
    log: bool
    whole: bool
    count: int | None = None

    def __str__(self) -> str:
        """The text of the range with explicit spacing, so that its meaning never changes."""
        count = f":{self.count}" if self.count else ""
        return f"{self.low!r}..{self.high!r}{count}:{'log' if self.log else 'lin'}"

    def at(self, share: float) -> float:
        """The number at a fraction of the range, from 0 to 1.

        >>> round(Range(0.001, 0.1, log=True, whole=False).at(0.5), 6)
        0.01
        """
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return math.exp(low + share * (high - low))
        return self.low + share * (self.high - self.low)

    def share(self, value: float) -> float:
        """The fraction of the range at which a number lies: the inverse of `at`.

        >>> round(Range(0.001, 0.1, log=True, whole=False).share(0.01), 6)
        0.5
        """
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def values(self) -> tuple[float, ...]:
        """`count` values; by default one per decade, every integer (up to 20), or five.

        Integers are exact. Other values have six significant digits, or as many as their spacing
        requires. All lie inside the range. Values repeat if the range contains fewer than `count`
        integers.
        """
        count = self.count or self._default_count()
        if self.whole:
            values: list[float] = [self._integer_at(i, count - 1) for i in range(count)]
        else:
            exact = [self.low, *(self.at(i / (count - 1)) for i in range(1, count - 1)), self.high]
            gaps = [after - before for before, after in pairwise(exact)]
            # 0.01, not 0.010000000000000002: the displayed value is exactly the one in training.
            inner = [
                round_to_spacing(value, digits=_DIGITS, spacing=min(gaps[i], gaps[i + 1]))
                for i, value in enumerate(exact[1:-1])
            ]
            values = [self.low, *inner, self.high]
        return tuple(min(max(value, self.low), self.high) for value in values)

    def _integer_at(self, step: int, steps: int) -> int:
        """The integer after `step` of `steps`; linear ranges are computed without floats."""
        if self.log and 0 < step < steps:
            return round(self.at(step / steps))
        low, high = int(self.low), int(self.high)
        return low + round(Fraction(step * (high - low), steps))

    def integer_at(self, share: float) -> int:
        """The integer at a fraction of the range, which is divided equally among its integers.

        >>> [Range(1, 4, log=False, whole=True).integer_at(s) for s in (0.0, 0.3, 0.999)]
        [1, 2, 4]
        """
        if self.log:
            wide = Range(self.low - 0.5, self.high + 0.5, log=True, whole=False)
            number = round(wide.at(share))
        else:
            low, high = int(self.low), int(self.high)
            number = round(low - Fraction(1, 2) + Fraction(share) * (high - low + 1))
        return int(min(max(number, self.low), self.high))

    def _default_count(self) -> int:
        if self.log:
            return max(2, round(math.log10(self.high / self.low)) + 1)
        if self.whole and self.high - self.low < 20:
            return int(self.high - self.low) + 1
        return 5


def round_to_spacing(value: float, *, digits: int, spacing: float) -> float:
    """A value rounded to a number of significant digits.

    If these do not resolve a tenth of the spacing, it is rounded to a thousandth of the spacing.

    >>> round_to_spacing(0.123456789, digits=4, spacing=0.1)
    0.1235
    >>> round_to_spacing(0.100000312, digits=4, spacing=1e-7)
    0.100000312
    """
    if value == 0.0:
        return 0.0
    first = math.floor(math.log10(abs(value)))
    if spacing > 0 and 10.0 ** (first + 1 - digits) > spacing / 10:
        digits = min(_DIGITS_OF_A_DOUBLE, first + 1 - math.floor(math.log10(spacing / 1000)))
    return float(f"{value:.{digits}g}")


def is_range(name: str, item: object) -> bool:
    """Whether an item in the list of a field's values is a range of numbers."""
    return is_field_range(setting_field(name), item)


def is_field_range(field: SettingField, item: object) -> bool:
    """Whether an item in the list of a field's values is a range of numbers; see `is_range`."""
    if not field.takes_ranges or not isinstance(item, str):
        return False
    match = _RANGE_PATTERN.match(item)
    if match is None or field.base in (int, float):
        return match is not None
    # The argument has no declared type: `../weights` is a text.
    return parse_number(match["low"]) is not None and parse_number(match["high"]) is not None


def parse_range(name: str, text: str) -> Range:
    """The range that `lo..hi[:N][:log|:lin]` describes.

    The spacing is logarithmic by default if the range spans two decades or more.

    Raises:
        ConfigError: the text is not a range, or its ends exceed the limits of the field.
    """
    return parse_field_range(setting_field(name), text)


def parse_field_range(field: SettingField, text: str) -> Range:
    """The range that a text describes as a value of a field; see `parse_range`."""
    flag = field.flag
    match = _RANGE_PATTERN.match(text)
    if match is None:
        raise ConfigError([f"{flag} {text}: not a range, which is lo..hi"])
    low, high = _parse_end(field, match["low"]), _parse_end(field, match["high"])
    words = [word for word in match["suffixes"].split(":") if word]
    _check_suffixes(flag, text, words)
    if not low < high:
        raise ConfigError(
            [f"{flag} {text}: {format_exact(low)} is not less than {format_exact(high)}"]
        )
    log = "log" in words or ("lin" not in words and low > 0 and high / low >= 100)
    if log and low <= 0:
        raise ConfigError(
            [f"{flag} {text}: a log range must start above 0, got {format_exact(low)}"]
        )
    count = next((int(word) for word in words if word.isdecimal()), None)
    if count is not None and not 2 <= count <= 1000:
        raise ConfigError([f"{flag} {text}: a range must have 2 to 1000 values, got {count}"])
    is_whole = isinstance(low, int) and isinstance(high, int)
    return Range(low, high, log, is_whole, count)


def _parse_end(field: SettingField, text: str) -> int | float:
    value = parse_field_value(field, text)
    if not isinstance(value, int | float):
        raise ConfigError([f"{field.flag}: a range needs numbers, got {text}"])
    return value


def _check_suffixes(flag: str, text: str, words: Sequence[str]) -> None:
    unknown = [word for word in words if not word.isdecimal() and word not in ("log", "lin")]
    if unknown or len(words) > 2:
        raise ConfigError(
            [f"{flag} {text}: a range is lo..hi, lo..hi:N, lo..hi:log or lo..hi:N:lin"]
        )
