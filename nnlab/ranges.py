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

from nnlab.config import choosables, parse_value
from nnlab.errors import ConfigError

_RANGE = re.compile(r"^(?P<low>[^.:]*\.?[^.:]*)\.\.(?P<high>[^:]+)(?P<how>(?::[a-z0-9]+)*)$")


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
        """As many values as were asked for; else one a decade, each whole number, or five."""
        count = self.count or self._natural_count()
        inner = [self.at(i / (count - 1)) for i in range(1, count - 1)]
        # 0.01, not 0.010000000000000002: what is shown is what is trained.
        found = [self.low, *(float(f"{value:.6g}") for value in inner), self.high]
        return tuple(round(value) if self.whole else value for value in found)

    def _natural_count(self) -> int:
        if self.log:
            return max(2, round(math.log10(self.high / self.low)) + 1)
        if self.whole and self.high - self.low < 20:
            return int(self.high - self.low) + 1
        return 5


def is_range(name: str, item: object) -> bool:
    """Whether what was given for a field is a range of numbers."""
    numeric = choosables()[name].base in (int, float)
    return numeric and isinstance(item, str) and _RANGE.match(item) is not None


def parse_range(name: str, text: str) -> Range:
    """`lo..hi[:N][:log|:lin]`: log by itself when it spans two decades or more.

    Raises:
        ConfigError: it is no range, or its ends are out of the field's limits.
    """
    flag = choosables()[name].flag
    match = _RANGE.match(text)
    assert match is not None
    low, high = (parse_value(name, match[end]) for end in ("low", "high"))
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    words = [word for word in match["how"].split(":") if word]
    _check_words(flag, text, words)
    if not low < high:
        raise ConfigError([f"{flag} {text}: a range rises, but {low:g} is not below {high:g}"])
    log = "log" in words or ("lin" not in words and low > 0 and high / low >= 100)
    if log and low <= 0:
        raise ConfigError([f"{flag} {text}: a log range starts above 0, got {low:g}"])
    count = next((int(word) for word in words if word.isdecimal()), None)
    if count is not None and not 2 <= count <= 1000:
        raise ConfigError([f"{flag} {text}: a range has 2 to 1000 values, got {count}"])
    return Range(low, high, log, choosables()[name].base is int, count)


def _check_words(flag: str, text: str, words: Sequence[str]) -> None:
    unknown = [word for word in words if not word.isdecimal() and word not in ("log", "lin")]
    if unknown or len(words) > 2:
        raise ConfigError(
            [f"{flag} {text}: a range is lo..hi, lo..hi:N, lo..hi:log or lo..hi:N:lin"]
        )
