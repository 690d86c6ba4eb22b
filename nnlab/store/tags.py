"""Changes the tags of runs from outside of them."""

import json
from collections.abc import Iterable

from sqlalchemy import select, update

from nnlab.store.constructs import in_ids
from nnlab.store.database import Database
from nnlab.store.serialization import replace_invalid_unicode, to_json
from nnlab.store.tables import run


def change_tags(
    db: Database, run_ids: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> int:
    """Adds tags to runs and removes others; returns the number of runs that exist.

    A run in training that sets its tags itself replaces them.
    """
    added = tuple(map(replace_invalid_unicode, add))
    removed = set(remove)
    with db.write() as connection:
        rows = connection.execute(
            select(run.c.id, run.c.tags).where(
                in_ids(run.c.id, run_ids), run.c.removed_at.is_(None)
            )
        ).all()
        for run_id, text in rows:
            tags = dict.fromkeys((*json.loads(text), *added))
            kept = [tag for tag in tags if tag not in removed]
            connection.execute(update(run).where(run.c.id == run_id).values(tags=to_json(kept)))
    return len(rows)
