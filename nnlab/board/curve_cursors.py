"""What a page has of its curves already, so that an update sends only what is new."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Final, NamedTuple

from nnlab.board.curve_lines import CurveLine

# Lines that are remembered for all pages together; a page that was forgotten gets whole lines.
_MAX_LINES: Final = 100_000


class SentLine(NamedTuple):
    """A line as it was sent: what identifies it, how many points it had, and of how many values.

    `stored` is how far its curves were stored; None if they were not read completely.
    """

    stored: Hashable | None
    version: tuple[object, ...]
    length: int
    points: int


# By metric and key of the line.
SentLines = Mapping[tuple[str, str], SentLine]


class CurveCursors:
    """The lines that were sent, by a word that the page sends back; the oldest are forgotten."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, tuple[Hashable, SentLines]] = OrderedDict()
        self._line_count = 0
        self._lock = threading.Lock()

    def sent(self, cursor: str, request: Hashable) -> SentLines:
        """The lines that the page has; none if it asked for something else before."""
        with self._lock:
            earlier, lines = self._sent.get(cursor, (None, {}))
        return lines if earlier == request else {}

    def add(self, request: Hashable, lines: SentLines) -> str:
        """The cursor for lines that are sent now."""
        cursor = secrets.token_hex(8)
        with self._lock:
            self._sent[cursor] = request, lines
            self._line_count += len(lines) + 1
            while self._line_count > _MAX_LINES and len(self._sent) > 1:
                _, (_, forgotten) = self._sent.popitem(last=False)
                self._line_count -= len(forgotten) + 1
        return cursor


def kept_points(line: CurveLine, sent: SentLine | None) -> int | None:
    """How many points of a line the page keeps; None if it has the line as it is.

    The last point is sent again, because more values may have been added to it.
    """
    if sent is None or sent.version != line.version or not line.is_sorted:
        return 0
    if (sent.length, sent.points) == (len(line), line.points):
        return None
    return max(0, min(sent.length, len(line)) - 1)


def sent_line(line: CurveLine, stored: Hashable | None) -> SentLine:
    """The record of a line that is sent."""
    return SentLine(stored, line.version, len(line), line.points)
