"""Dates and times in the cells of a table, converted to days or to their parts."""

import datetime
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import DATE_PARTS

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}:\d{2}")
_NUMERIC = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[T ]+(.+))?")
_NAMED_FORMATS = ("%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")
_TIME_FORMATS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p")
_FIRST_DAY = datetime.datetime(1970, 1, 1)
_SECONDS_PER_DAY = 86400.0
# The orders of the numbers in a date; years come first in ISO 8601.
ORDERS = ("ymd", "dmy", "mdy")


def looks_like_date(text: str) -> bool:
    """Whether a text begins like a date or a time, neither a number nor a category."""
    return _DATE.match(text) is not None


def date_order(texts: Sequence[str]) -> str | None:
    """The order of day, month and year in which all texts are dates; None if there is none.

    Dates such as 3/4/2024 are read with the month first only if no other order fits.

    >>> date_order(["23.11.2026"]), date_order(["11/23/2026"]), date_order(["2026-11-23", "x"])
    ('dmy', 'mdy', None)
    """
    return next(
        (order for order in ORDERS if all(parse_date(text, order) is not None for text in texts)),
        None,
    )


def parse_date(text: str, order: str) -> datetime.datetime | None:
    """The time that a text describes, without its zone; a time of day is one of 1970-01-01."""
    match = _NUMERIC.fullmatch(text)
    try:
        if match is not None:
            return _numeric_date(match, order)
        return _named_date(text)
    except (ValueError, OverflowError):
        return None


def date_features(times: Sequence[datetime.datetime | None], *, parts: bool) -> NDArray[np.float64]:
    """Days since 1970 [n, 1], or year, month, day, weekday (0 is Monday) and hour [n, 5].

    None becomes NaN.
    """
    width = len(DATE_PARTS) if parts else 1
    features = np.full((len(times), width), np.nan)
    for row, time in enumerate(times):
        if time is None:
            continue
        if parts:
            hour = time.hour + time.minute / 60 + time.second / 3600
            features[row] = (time.year, time.month, time.day, time.weekday(), hour)
        else:
            features[row] = (time - _FIRST_DAY).total_seconds() / _SECONDS_PER_DAY
    return features


def _numeric_date(match: "re.Match[str]", order: str) -> datetime.datetime:
    numbers = dict(zip(order, match.groups()[:3], strict=True))
    year_digits = len(numbers["y"])
    if year_digits not in (2, 4) or len(numbers["d"]) > 2:
        raise ValueError("not a year")
    if order == "ymd" and year_digits == 2:
        raise ValueError("a year of two digits is the last number")
    year = int(numbers["y"])
    if year_digits == 2:
        year += 1900 if year >= 69 else 2000  # as in strptime
    day = datetime.datetime(year, int(numbers["m"]), int(numbers["d"]))
    return _add_time(day, match.group(4))


def _add_time(day: datetime.datetime, time: str | None) -> datetime.datetime:
    if not time:
        return day
    iso = datetime.datetime.fromisoformat(f"2000-01-01 {time}") if ":" in time else None
    if iso is None:
        raise ValueError("not a time")
    if iso.tzinfo is not None:
        offset = iso.utcoffset() or datetime.timedelta()
        iso = iso.replace(tzinfo=None) - offset
    return day + (iso - datetime.datetime(2000, 1, 1))


def _named_date(text: str) -> datetime.datetime | None:
    for pattern in (*_NAMED_FORMATS, *_TIME_FORMATS):
        try:
            time = datetime.datetime.strptime(text, pattern)
        except ValueError:
            continue
        return time if "%Y" in pattern else time.replace(year=1970)
    return None
