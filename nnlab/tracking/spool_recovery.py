"""Stores the spool files that earlier processes left behind because they ended too early."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from nnlab import store
from nnlab.errors import LeaseLost
from nnlab.records import Run, Status
from nnlab.tracking.call_delivery import STORE_ERRORS, error_text
from nnlab.tracking.call_spool import (
    call_batches,
    run_identity,
    spool_files,
    spool_header,
    spooled_end,
)
from nnlab.tracking.notes import note
from nnlab.tracking.stored_run import spool_cache_folder


def recover_spooled_runs(db: store.Database) -> int:
    """Stores the spooled samples of runs that no process records; returns the number of files.

    A file that belongs to another database, or that cannot be stored now, is left in place.
    """
    recovered = 0
    for path in _all_spool_files(db):
        with suppress(LeaseLost):
            try:
                recovered += _recover(db, path)
            except STORE_ERRORS as error:
                note(f"{path} is not stored: {error_text(error)}")
                return recovered
    return recovered


def recover_run(db: store.Database, run: Run, folder: Path) -> None:
    """Stores the spooled samples of earlier attempts at a run that this process has claimed.

    Raises:
        StoreError: they cannot be stored; the files are left in place.
    """
    for place in (folder, spool_cache_folder(db) / str(run.id)):
        for path in spool_files(place):
            _recover(db, path, is_claimed=True)


def _all_spool_files(db: store.Database) -> Iterator[Path]:
    for place in (db.address.artifacts, spool_cache_folder(db)):
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False):
                    yield from spool_files(Path(entry.path))


def _recover(db: store.Database, path: Path, *, is_claimed: bool = False) -> bool:
    """Stores one file and removes it; returns whether it was one of a run without a process."""
    run, end = _run_of(db, path), spooled_end(path)
    # A file with an end is complete, whether or not the process that recorded it lives.
    if run is None or (run.status is Status.RUNNING and not is_claimed and end is None):
        return False
    writer = store.SampleWriter(db, run.id)
    for batch in call_batches(path):
        writer.write(batch)
    writer.complete_points()
    attempt_id = None if is_claimed else store.lease_holder(db, run.id)
    if attempt_id is not None:  # the process could not store the end of the run
        status = Status(str(end["status"])) if end else Status.INTERRUPTED
        store.release_run(
            db,
            store.Claim(run, attempt_id),
            status,
            reason=_text(end, "reason"),
            traceback=_text(end, "traceback"),
        )
    path.unlink()
    return True


def _run_of(db: store.Database, path: Path) -> Run | None:
    identity = spool_header(path).get("samples_of")
    run_id = identity.get("run") if isinstance(identity, dict) else None
    if type(run_id) is not int:
        return None
    runs = store.runs(db, run_ids=[run_id])
    return runs[0] if runs and run_identity(runs[0]) == identity else None


def _text(end: object, name: str) -> str | None:
    value = end.get(name) if isinstance(end, dict) else None
    return value if isinstance(value, str) else None
