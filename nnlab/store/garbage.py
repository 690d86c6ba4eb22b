"""Deletes for good what was removed, and files that nothing refers to any more."""

import contextlib
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from nnlab.errors import NnlabError, OutputError
from nnlab.io.files import open_regular
from nnlab.io.folders import folder_at
from nnlab.store.address import Address, FileAddress
from nnlab.store.database import Database
from nnlab.store.folder_marker import (
    FOLDER_MISSING,
    delete_external_folder,
    reason_to_keep,
    reason_to_keep_external,
)
from nnlab.store.removal import running_run_ids
from nnlab.store.rows import ID_LIST, bind_ids
from nnlab.store.serialization import timestamp_from_text

# From then on the backup of an upgrade is old.
BACKUP_AGE = timedelta(days=7)

_TEMPORARY_FILES = re.compile(r"checkpoint-\d+\.pt|\..+\.\d+\.part|\d+\.waiting")
_SQLITE_HEADER = b"SQLite format 3\0"
_BACKUP_SUFFIX = re.compile(r"\.backup-\w+-(\d{8}T\d{6}\.\d+Z)")


@dataclass(frozen=True, slots=True)
class Garbage:
    """What can be deleted: removed runs and studies by number, folders, backups, and its size.

    `folders` are those of removed runs, `orphans` those of runs that are not in the database,
    `leftovers` checkpoints of runs that are over, and files half written by a process that died.
    `size` is that of all these files, in bytes. `elsewhere` are removed runs whose files are not in
    the database's own folder, with where they are. `kept` are folders that look like those of
    removed or unknown runs and are not deleted, with the reason.
    """

    runs: tuple[int, ...]
    studies: tuple[int, ...]
    folders: tuple[Path, ...]
    orphans: tuple[Path, ...]
    leftovers: tuple[Path, ...]
    backups: tuple[Path, ...]
    size: int
    elsewhere: tuple[tuple[int, str], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.runs or self.studies or self.orphans or self.leftovers or self.backups)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file and folder that would be deleted."""
        own = (*self.folders, *self.orphans, *self.leftovers, *self.backups)
        return (*map(str, own), *(f"{place}/{run_id}" for run_id, place in self.elsewhere))


def find_garbage(db: Database, *, now: datetime | None = None) -> Garbage:
    """Looks for what `collect_garbage` would delete."""
    # Folders first: a run that is queued after this look cannot have had one in it.
    folders, kept = _scan_run_folders(db)
    with db.read() as connection:
        queued = {
            number: _timestamp_or_none(at)
            for number, at in connection.exec_driver_sql("SELECT id, created_at FROM run")
        }
        runs = _query_ids(connection, "SELECT id FROM run WHERE removed_at IS NOT NULL")
        studies = _query_ids(connection, "SELECT id FROM study WHERE removed_at IS NOT NULL")
        over = _query_ids(
            connection,
            "SELECT id FROM run WHERE removed_at IS NULL AND status IN ('finished', 'diverged')",
        )
        places = connection.exec_driver_sql(
            "SELECT id, artifacts FROM run WHERE removed_at IS NOT NULL AND artifacts IS NOT NULL"
            " AND started_at IS NOT NULL ORDER BY id"
        ).fetchall()
    removed: list[Path] = []
    orphans: list[Path] = []
    for number, path in sorted(folders.items()):
        if number in queued and number not in runs:
            continue
        if why := reason_to_keep(path, number, queued.get(number)):
            kept.append((str(path), why))
        else:
            (removed if number in queued else orphans).append(path)
    elsewhere = []
    for number, place in places:
        why, unreachable = _check_external_folder(number, place, queued[number])
        if why is None:
            elsewhere.append((number, place))
        elif why:
            kept.append((f"{place}/{number}", why))
        if unreachable:
            # Without its row nobody would find its files again.
            runs = tuple(run for run in runs if run != number)
    leftovers = tuple(
        path for run in over if run in folders for path in _training_leftovers(folders[run])
    )
    backups = tuple(_old_backups(db.address, now or datetime.now(UTC)))
    size = total_size((*removed, *orphans, *leftovers, *backups))
    return Garbage(
        runs,
        studies,
        tuple(removed),
        tuple(orphans),
        leftovers,
        backups,
        size,
        tuple(elsewhere),
        tuple(kept),
    )


def _timestamp_or_none(text: str | None) -> datetime | None:
    """A moment, or None where a database of somebody else says none."""
    try:
        return timestamp_from_text(text)
    except (ValueError, TypeError):
        return None


def _check_external_folder(
    run_id: int, place: str, created_at: datetime | None
) -> tuple[str | None, bool]:
    """Why a folder in another place is kept, and whether that place does not answer.

    None where it is to be deleted; empty where there is nothing to delete.
    """
    try:
        folder = folder_at(place).within(str(run_id))
        why = reason_to_keep_external(folder, place, run_id, created_at)
    except NnlabError as error:
        return f"it cannot be looked at: {error.message}", True
    return ("" if why == FOLDER_MISSING else why), False


def collect_garbage(db: Database, garbage: Garbage) -> int:
    """Deletes what was found, files first; returns by how many bytes database and files shrank.

    A run that was brought back since stays. What stays of the file's room inside the database
    (while runs are trained it is not rewritten) is used again.

    Raises:
        OutputError: a file cannot be deleted; the rows of all runs are kept.
        StoreError: the database cannot be written.
    """
    before = db.size()
    freed = 0
    # In the order of `_DELETE_RUN_ROWS` no reference breaks, and checking each would read all points.
    with db.write(references=False) as connection:
        # Under the lock, so that nobody brings back a run whose files are half gone.
        runs = _still_removed(connection, "run", garbage.runs)
        back = set(garbage.runs) - set(runs)
        for path in (*garbage.folders, *garbage.orphans):
            # Looked at once more: it may have been exchanged while the user was asked.
            if int(path.name) not in back and reason_to_keep(path, int(path.name), None) is None:
                freed += _delete(path)
        for path in (*garbage.leftovers, *garbage.backups):
            freed += _delete(path)
        for run_id, place in garbage.elsewhere:
            if run_id in runs:
                delete_external_folder(folder_at(place).within(str(run_id)))
                folder_at(place).tidy()
        _delete_rows(connection, runs, _still_removed(connection, "study", garbage.studies))
        idle = not running_run_ids(connection)
    if idle:
        db.vacuum()
    return freed + max(before - db.size(), 0)


def total_size(paths: Iterable[Path]) -> int:
    """The bytes of files, and of all files in folders; links count as nothing."""
    return sum(
        _file_size(file)
        for path in paths
        if not path.is_symlink()
        for file in (path, *path.rglob("*"))
    )


def _file_size(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0  # deleted meanwhile
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def existing_run_folders(db: Database, run_ids: Iterable[int]) -> tuple[Path, ...]:
    """The folders of artifacts and checkpoints that these runs have; links are none."""
    if db.address.artifacts.is_symlink():
        return ()
    folders = (db.address.artifacts / str(number) for number in run_ids)
    return tuple(path for path in folders if path.is_dir() and not path.is_symlink())


def _scan_run_folders(db: Database) -> tuple[dict[int, Path], list[tuple[str, str]]]:
    """Folders named by a run's number, and links in their place with the reason to keep them.

    Whatever else lies there is not ours to judge.
    """
    folders: dict[int, Path] = {}
    kept: list[tuple[str, str]] = []
    place = db.address.artifacts
    if place.is_symlink():
        return {}, [(str(place), "it is a symbolic link: nothing in it is deleted")]
    if _shares_artifacts_folder(db.address):
        return {}, []
    with contextlib.suppress(OSError):
        for folder in place.iterdir():
            name = folder.name
            if not (name.isascii() and name.isdigit() and str(int(name)) == name):
                continue
            if folder.is_symlink():
                kept.append((str(folder), "it is a symbolic link"))
            elif folder.is_dir():
                folders[int(name)] = folder
    return folders, kept


def _shares_artifacts_folder(address: Address) -> bool:
    """Whether another database may have runs there too: whose a number means cannot be told."""
    if not isinstance(address, FileAddress):
        return False
    path = address.path  # `runs` and `runs.db` have one folder
    return (path.with_suffix("") if path.suffix == ".db" else address.beside(".db")).is_file()


def _training_leftovers(folder: Path) -> Iterator[Path]:
    """What a run that is over had for its training only."""
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            if _TEMPORARY_FILES.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                yield path


def _old_backups(address: Address, now: datetime) -> Iterator[Path]:
    if not isinstance(address, FileAddress):
        return
    path = address.path
    with contextlib.suppress(OSError):
        for file in sorted(path.parent.iterdir()):
            stamp = _BACKUP_SUFFIX.fullmatch(file.name.removeprefix(path.name))
            if stamp and now - _backup_time(stamp[1]) > BACKUP_AGE and _is_sqlite(file):
                yield file


def _is_sqlite(file: Path) -> bool:
    """Whether it is a database, as every backup is, and no link."""
    try:
        with open_regular(file, follow_links=False) as content:
            return content.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
    except OSError:
        return False


def _backup_time(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:  # no moment, so no backup of ours
        return datetime.max.replace(tzinfo=UTC)


def _query_ids(connection: Connection, sql: str, *bound: object) -> tuple[int, ...]:
    return tuple(number for (number,) in connection.exec_driver_sql(sql, bound))


def _still_removed(connection: Connection, table: str, numbers: Iterable[int]) -> tuple[int, ...]:
    return _query_ids(
        connection,
        f"SELECT id FROM {table} WHERE removed_at IS NOT NULL AND id IN {ID_LIST} ORDER BY id",  # noqa: S608
        bind_ids(numbers),
    )


def _delete(path: Path) -> int:
    """Deletes a file or a folder; returns its size."""
    size = total_size([path])
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise OutputError(
            f"cannot delete {path}: {error.strerror}",
            hint="what was deleted before it is gone; mend its permissions and repeat",
        ) from error
    return size


_TRIALS_OF_RUNS = f"SELECT DISTINCT trial_id FROM run WHERE id IN {ID_LIST}"  # noqa: S608

# In this order no row refers to one that is gone; a bound value is the numbers of runs.
_DELETE_RUN_ROWS = (
    f"DELETE FROM point WHERE run_id IN {ID_LIST}",  # noqa: S608
    f"DELETE FROM summary WHERE run_id IN {ID_LIST}",  # noqa: S608
    f"DELETE FROM finding WHERE run_id IN {ID_LIST}",  # noqa: S608
    f"DELETE FROM artifact WHERE run_id IN {ID_LIST}",  # noqa: S608
    f"DELETE FROM attempt WHERE run_id IN {ID_LIST}",  # noqa: S608
    # Its number may be given to a new run: a child must not seem to come from that.
    f"UPDATE run SET parent_id = NULL WHERE parent_id IN {ID_LIST}",  # noqa: S608
    f"DELETE FROM run WHERE id IN {ID_LIST}",  # noqa: S608
)
_DELETE_UNUSED_ROWS = (
    "DELETE FROM metric WHERE NOT EXISTS (SELECT 1 FROM summary WHERE metric_id = metric.id)",
    "DELETE FROM environment WHERE id NOT IN"
    " (SELECT environment_id FROM attempt WHERE environment_id IS NOT NULL)",
)


def _delete_rows(connection: Connection, runs: tuple[int, ...], studies: tuple[int, ...]) -> None:
    trials = _query_ids(connection, _TRIALS_OF_RUNS, bind_ids(runs))
    for statement in _DELETE_RUN_ROWS:
        connection.exec_driver_sql(statement, (bind_ids(runs),))
    connection.exec_driver_sql(
        f"DELETE FROM trial WHERE id IN {ID_LIST} AND id NOT IN (SELECT trial_id FROM run)",  # noqa: S608
        (bind_ids(trials),),
    )
    if runs:
        for statement in _DELETE_UNUSED_ROWS:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        f"DELETE FROM study WHERE id IN {ID_LIST}"  # noqa: S608
        " AND id NOT IN (SELECT study_id FROM trial)",
        (bind_ids(studies),),
    )
