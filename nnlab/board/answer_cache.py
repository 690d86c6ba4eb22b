"""Answers that take long to compute, such as rankings: kept for all clients while valid."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_ANSWERS = 64


@dataclass(slots=True)
class _CachedAnswer:
    """An answer, and the time and the version of the database from which it was computed.

    The lock is held while it is computed.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    version: int | None = None
    computed_at: float = float("-inf")
    values: Mapping[str, Any] = field(default_factory=dict)


class AnswerCache:
    """The newest answers by request; each is computed again after the database has changed.

    While the database changes all the time, equal requests within some seconds get the same answer.
    Clients that ask at the same time wait for one computation.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read_version: Callable[[], int] | None = None
        self._answers: OrderedDict[Hashable, _CachedAnswer] = OrderedDict()
        self._lock = threading.Lock()

    def follow_changes(self, read_version: Callable[[], int]) -> None:
        """Keeps answers as long as `read_version` returns the same number."""
        self._read_version = read_version

    def answer(
        self, request: Hashable, compute: Callable[[], Mapping[str, Any]], *, max_age: float
    ) -> Mapping[str, Any]:
        """The answer to a request, with its `age` in seconds, and whether it `is_current`.

        An answer that is not current was computed before the last change of the database.

        Args:
            request: what identifies the answer.
            compute: computes it.
            max_age: an older answer is computed again unless it is current, in seconds.
        """
        with self._lock:
            cached = self._answers.setdefault(request, _CachedAnswer())
            self._answers.move_to_end(request)
            while len(self._answers) > _MAX_ANSWERS:
                self._answers.popitem(last=False)
        with cached.lock:
            version = None if self._read_version is None else self._read_version()
            is_same = version is not None and version == cached.version
            started_at = self._clock()
            if not is_same and started_at - cached.computed_at >= max_age:
                cached.values = compute()
                # What changes while it is computed counts as a change after it.
                cached.computed_at, cached.version = started_at, version
            return {
                **cached.values,
                "age": self._clock() - cached.computed_at,
                "is_current": cached.version == version,
            }
