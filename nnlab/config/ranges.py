"""Ranges of one field: `lo..hi`, with `:N` for so many values and `:log` or `:lin`.

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

from nnlab.config import parse_value, setting_fields
from nnlab.errors import ConfigError
from nnlab.objective import format_exact

_DIGITS = 6
_DIGITS_OF_A_DOUBLE = 17

_RANGE_PATTERN = re.compile(
    r"^(?P<low>[^.:]*\.?[^.:]*)\.\.(?P<high>[^:]+)(?P<how>(?::[a-z0-9]+)*)$"
)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, even in their logarithm if `log`, whole ones if `whole`.

    `count` is how many values were asked for, None where it was not said.
    """

    low: float
    high: float
    log: bool
    whole: bool
    count: int | None = None

    def __str__(self) -> str:
        """As it is typed, with the spacing said, so that it means the same for ever."""
        count = f":{self.count}" if self.count else ""
        return f"{self.low!r}..{self.high!r}{count}:{'log' if self.log else 'lin'}"

    def at(self, share: float) -> float:
        """The number at a share of the way, from 0 to 1.

        >>> round(Range(0.001, 0.1, log=True, whole=False).at(0.5), 6)
        0.01
        """
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return math.exp(low + share * (high - low))
        return self.low + share * (self.high - self.low)

    def share(self, value: float) -> float:
        """How far along the way a number is: what `at` takes.

        >>> round(Range(0.001, 0.1, log=True, whole=False).share(0.01), 6)
        0.5
        """
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def values(self) -> tuple[float, ...]:
        """As many values as were asked for; else one a decade, each whole number, or five.

        Whole numbers are exact. Others have six digits, or as many as their spacing needs. All lie
        inside the range; where it does not hold so many numbers, some of them are equal.
        """
        count = self.count or self._default_count()
        if self.whole:
            values: list[float] = [self._integer_at(i, count - 1) for i in range(count)]
        else:
            exact = [self.low, *(self.at(i / (count - 1)) for i in range(1, count - 1)), self.high]
            gaps = [after - before for before, after in pairwise(exact)]
            # 0.01, not 0.010000000000000002: what is shown is what is trained.
            inner = [
                round_to_spacing(value, digits=_DIGITS, spacing=min(gaps[i], gaps[i + 1]))
                for i, value in enumerate(exact[1:-1])
            ]
            values = [self.low, *inner, self.high]
        return tuple(min(max(value, self.low), self.high) for value in values)

    def _integer_at(self, step: int, steps: int) -> int:
        """The whole number after so many of all steps; linear ones do not pass through floats."""
        if self.log and 0 < step < steps:
            return round(self.at(step / steps))
        low, high = int(self.low), int(self.high)
        return low + round(Fraction(step * (high - low), steps))

    def integer_at(self, share: float) -> int:
        """The whole number at a share of the way, where each has a slice of equal length.

        >>> [Range(1, 4, log=False, whole=True).whole_in_slice(s) for s in (0.0, 0.3, 0.999)]
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
    """A value with a number of significant digits.

    It has more where they would not resolve a tenth of the spacing: then a thousandth of it.

    >>> rounded(0.123456789, digits=4, spacing=0.1)
    0.1235
    >>> rounded(0.100000312, digits=4, spacing=1e-7)
    0.100000312
    """
    if value == 0.0:
        return 0.0
    first = math.floor(math.log10(abs(value)))
    if spacing > 0 and 10.0 ** (first + 1 - digits) > spacing / 10:
        digits = min(_DIGITS_OF_A_DOUBLE, first + 1 - math.floor(math.log10(spacing / 1000)))
    return float(f"{value:.{digits}g}")


def is_range(name: str, item: object) -> bool:
    """Whether what was given for a field is a range of numbers."""
    numeric = setting_fields()[name].base in (int, float)
    return numeric and isinstance(item, str) and _RANGE_PATTERN.match(item) is not None


def parse_range(name: str, text: str) -> Range:
    """`lo..hi[:N][:log|:lin]`: log by itself when it spans two decades or more.

    Raises:
        ConfigError: it is no range, or its ends are out of the field's limits.
    """
    flag = setting_fields()[name].flag
    match = _RANGE_PATTERN.match(text)
    assert match is not None
    low, high = (parse_value(name, match[end]) for end in ("low", "high"))
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    words = [word for word in match["how"].split(":") if word]
    _check_suffixes(flag, text, words)
    if not low < high:
        told = f"a range rises, but {format_exact(low)} is not below {format_exact(high)}"
        raise ConfigError([f"{flag} {text}: {told}"])
    log = "log" in words or ("lin" not in words and low > 0 and high / low >= 100)
    if log and low <= 0:
        raise ConfigError([f"{flag} {text}: a log range starts above 0, got {format_exact(low)}"])
    count = next((int(word) for word in words if word.isdecimal()), None)
    if count is not None and not 2 <= count <= 1000:
        raise ConfigError([f"{flag} {text}: a range has 2 to 1000 values, got {count}"])
    return Range(low, high, log, setting_fields()[name].base is int, count)


def _check_suffixes(flag: str, text: str, words: Sequence[str]) -> None:
    unknown = [word for word in words if not word.isdecimal() and word not in ("log", "lin")]
    if unknown or len(words) > 2:
        raise ConfigError(
            [f"{flag} {text}: a range is lo..hi, lo..hi:N, lo..hi:log or lo..hi:N:lin"]
        )
