"""Samples in the order of their times, for tools that store each metric separately."""

import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice

from nnlab.records import Sample

# More samples are sorted in a temporary file.
_IN_MEMORY = 100_000


def in_time_order(samples: Iterable[Sample]) -> Iterator[Sample]:
    """The samples by time, then by step; of equal ones the order stays. All are read first.

    >>> [s.value for s in in_time_order([Sample("a", 2.0, time=2.0), Sample("b", 1.0, time=1.0)])]
    [1.0, 2.0]
    """
    remaining = iter(samples)
    first = list(islice(remaining, _IN_MEMORY))
    if len(first) < _IN_MEMORY:
        yield from sorted(first, key=_time_and_step)
        return
    # A database without a name is a temporary file that SQLite deletes.
    with closing(sqlite3.connect("", isolation_level=None)) as sorter:
        sorter.execute("CREATE TABLE sample (metric, value, step, epoch, time)")
        sorter.execute("BEGIN")
        sorter.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?)", chain(first, remaining))
        del first
        rows = sorter.execute(
            "SELECT * FROM sample ORDER BY ifnull(time, 0), ifnull(step, 0), rowid"
        )
        for metric, value, step, epoch, time in rows:
            # SQLite stores NaN as NULL.
            yield Sample(metric, math.nan if value is None else value, step, epoch, time)


def _time_and_step(sample: Sample) -> tuple[float, int]:
    return sample.time or 0.0, sample.step or 0
