"""Answers that take long to compute, such as rankings: kept for some seconds, for all clients."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_ANSWERS = 64


@dataclass(slots=True)
class _CachedAnswer:
    """An answer with the time at which it was computed; the lock is held while it is computed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    computed_at: float = float("-inf")
    values: Mapping[str, Any] = field(default_factory=dict)


class AnswerCache:
    """The newest answers by request; equal requests within some seconds get the same answer.

    Clients that ask at the same time wait for one computation.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[Hashable, _CachedAnswer] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, request: Hashable, compute: Callable[[], Mapping[str, Any]], *, max_age: float
    ) -> Mapping[str, Any]:
        """The answer to a request, with its `age` in seconds.

        Args:
            request: what identifies the answer.
            compute: computes it.
            max_age: an older answer is computed again, in seconds.
        """
        with self._lock:
            cached = self._answers.setdefault(request, _CachedAnswer())
            self._answers.move_to_end(request)
            while len(self._answers) > _MAX_ANSWERS:
                self._answers.popitem(last=False)
        with cached.lock:
            if self._clock() - cached.computed_at >= max_age:
                started_at = self._clock()
                cached.values = compute()
                # Its age counts from the snapshot of the database that it was computed from.
                cached.computed_at = started_at
            return {**cached.values, "age": self._clock() - cached.computed_at}
