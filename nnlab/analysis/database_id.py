"""The id of a database in figures and reports: it finds the database, and reveals no path."""

import hashlib
from collections.abc import Sequence

from nnlab import store

_DIGITS = 12


def database_id(db: store.Database, runs: Sequence[int]) -> str:
    """Twelve hexadecimal digits that identify the database of some runs; "" without a run.

    They are a hash of the microsecond at which the first of the runs was queued, so that another
    database that contains these runs, such as a copy, has the same id.
    """
    first = store.runs(db, run_ids=[min(runs)]) if runs else ()
    if not first:
        return ""
    stamp = f"{first[0].id} {store.creation_stamp(first[0].created_at)}"
    return hashlib.sha256(stamp.encode()).hexdigest()[:_DIGITS]
