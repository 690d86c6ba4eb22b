"""Times in logs: Unix seconds that may be damaged."""

import math
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_utc(seconds: object) -> datetime | None:
    """The time of Unix seconds; None if they are no number or far outside of the calendar.

    >>> to_utc(0.5), to_utc(1e300), to_utc(float("nan")), to_utc("now")
    (datetime.datetime(1970, 1, 1, 0, 0, 0, 500000, tzinfo=datetime.timezone.utc), None, None, None)
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return _EPOCH + timedelta(seconds=seconds) if math.isfinite(seconds) else None
    except OverflowError:
        return None
