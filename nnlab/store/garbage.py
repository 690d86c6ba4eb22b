"""Deletes removed runs and studies permanently, and files that no run refers to."""

import contextlib
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Table, delete, or_, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import NnlabError, OutputError
from nnlab.io.files import open_regular
from nnlab.io.folders import folder_at
from nnlab.store.address import Address, FileAddress
from nnlab.store.constructs import in_ids
from nnlab.store.database import Database
from nnlab.store.folder_marker import (
    FOLDER_MISSING,
    delete_external_folder,
    reason_to_keep,
    reason_to_keep_external,
)
from nnlab.store.removal import running_run_ids
from nnlab.store.serialization import timestamp_from_text
from nnlab.store.tables import (
    artifact,
    attempt,
    environment,
    finding,
    gate,
    metric,
    point,
    run,
    sample,
    source,
    study,
    summary,
    trial,
)

# A backup of an upgrade can be deleted after this time.
BACKUP_AGE = timedelta(days=7)

_TEMPORARY_FILES = re.compile(r"checkpoint-\d+(-\d+)?\.pt|\..+\.\d+\.part|\d+\.waiting")
_SQLITE_HEADER = b"SQLite format 3\0"
_BACKUP_SUFFIX = re.compile(r"\.backup-\w+-(\d{8}T\d{6}\.\d+Z)")


@dataclass(frozen=True, slots=True)
class Garbage:
    """What can be deleted: the ids of removed runs and studies, folders, files, and their size.

    `run_folders` belong to removed runs, `orphan_folders` to runs that are not in the database.
    `leftover_files` are checkpoints of ended runs, and partly written files of processes that died.
    `total_bytes` is the size of all these files. `external_folders` lists the removed runs whose
    files are outside of the database's own folder, with their location. `kept_folders` are folders
    that look like those of removed or unknown runs but are not deleted, with the reason.
    """

    run_ids: tuple[int, ...]
    study_ids: tuple[int, ...]
    run_folders: tuple[Path, ...]
    orphan_folders: tuple[Path, ...]
    leftover_files: tuple[Path, ...]
    backup_files: tuple[Path, ...]
    total_bytes: int
    external_folders: tuple[tuple[int, str], ...] = ()
    kept_folders: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(
            self.run_ids
            or self.study_ids
            or self.orphan_folders
            or self.leftover_files
            or self.backup_files
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file and folder that can be deleted."""
        own = (*self.run_folders, *self.orphan_folders, *self.leftover_files, *self.backup_files)
        return (*map(str, own), *(f"{place}/{run_id}" for run_id, place in self.external_folders))


def find_garbage(db: Database, *, now: datetime | None = None) -> Garbage:
    """Finds what `collect_garbage` would delete."""
    # Folders first: a run that is queued after this scan has no folder in it.
    folders, kept = _scan_run_folders(db)
    with db.read() as connection:
        created_at = {
            run_id: _timestamp_or_none(text)
            for run_id, text in connection.execute(select(run.c.id, run.c.created_at))
        }
        runs = _query_ids(connection, select(run.c.id).where(run.c.removed_at.is_not(None)))
        studies = _query_ids(connection, select(study.c.id).where(study.c.removed_at.is_not(None)))
        ended = _query_ids(
            connection,
            select(run.c.id).where(
                run.c.removed_at.is_(None), run.c.status.in_(("finished", "diverged"))
            ),
        )
        places = connection.execute(
            select(run.c.id, run.c.artifacts)
            .where(
                run.c.removed_at.is_not(None),
                run.c.artifacts.is_not(None),
                run.c.started_at.is_not(None),
            )
            .order_by(run.c.id)
        ).all()
    removed: list[Path] = []
    orphans: list[Path] = []
    for run_id, path in sorted(folders.items()):
        if run_id in created_at and run_id not in runs:
            continue
        if reason := reason_to_keep(path, run_id, created_at.get(run_id)):
            kept.append((str(path), reason))
        else:
            (removed if run_id in created_at else orphans).append(path)
    external = []
    for run_id, place in places:
        reason, is_unreachable = _check_external_folder(run_id, place, created_at[run_id])
        if reason is None:
            external.append((run_id, place))
        elif reason:
            kept.append((f"{place}/{run_id}", reason))
        if is_unreachable:
            # The row is kept: without it nothing would refer to the files.
            runs = tuple(removed_id for removed_id in runs if removed_id != run_id)
    leftovers = tuple(
        path
        for run_id in ended
        if run_id in folders
        for path in _training_leftovers(folders[run_id])
    )
    backups = tuple(_old_backups(db.address, now or datetime.now(UTC)))
    return Garbage(
        runs,
        studies,
        tuple(removed),
        tuple(orphans),
        leftovers,
        backups,
        total_size((*removed, *orphans, *leftovers, *backups)),
        tuple(external),
        tuple(kept),
    )


def _timestamp_or_none(text: str | None) -> datetime | None:
    """The timestamp of a text; None if there is none or it cannot be read."""
    try:
        return timestamp_from_text(text)
    except (ValueError, TypeError):
        return None


def _check_external_folder(
    run_id: int, place: str, created_at: datetime | None
) -> tuple[str | None, bool]:
    """Why a folder outside of the database's own is kept, and whether its place is unreachable.

    The reason is None if the folder can be deleted, and empty if there is none.
    """
    try:
        folder = folder_at(place).within(str(run_id))
        reason = reason_to_keep_external(folder, place, run_id, created_at)
    except NnlabError as error:
        return f"it cannot be read: {error.message}", True
    return ("" if reason == FOLDER_MISSING else reason), False


def collect_garbage(db: Database, garbage: Garbage) -> int:
    """Deletes garbage, files first; returns the number of bytes that were freed.

    A run that was restored since is kept. While runs are trained the database file is not
    rewritten: the space of deleted rows is then reused instead of freed.

    Raises:
        OutputError: a file cannot be deleted; the rows of all runs are kept.
        StoreError: the database cannot be written.
    """
    before = db.size()
    freed = 0
    # `_delete_rows` deletes in an order that breaks no reference; checking would read all points.
    with db.write(check_foreign_keys=False) as connection:
        # Under the lock, so that no run is restored whose files are partly deleted.
        runs = _still_removed(connection, run, garbage.run_ids)
        restored = set(garbage.run_ids) - set(runs)
        for path in (*garbage.run_folders, *garbage.orphan_folders):
            # Checked again: it may have been replaced while the user was asked.
            run_id = int(path.name)
            if run_id not in restored and reason_to_keep(path, run_id, None) is None:
                freed += _delete(path)
        for path in (*garbage.leftover_files, *garbage.backup_files):
            freed += _delete(path)
        for run_id, place in garbage.external_folders:
            if run_id in runs:
                delete_external_folder(folder_at(place).within(str(run_id)))
                folder_at(place).remove_incomplete_files()
        _delete_rows(connection, runs, _still_removed(connection, study, garbage.study_ids))
        idle = not running_run_ids(connection)
    if idle:
        db.vacuum()
    return freed + max(before - db.size(), 0)


def total_size(paths: Iterable[Path]) -> int:
    """The size in bytes of files and of all files in folders; symbolic links count as 0."""
    return sum(
        _file_size(file)
        for path in paths
        if not path.is_symlink()
        for file in (path, *path.rglob("*"))
    )


def _file_size(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError:
        return 0  # deleted meanwhile
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def existing_run_folders(db: Database, run_ids: Iterable[int]) -> tuple[Path, ...]:
    """The existing folders of these runs; symbolic links are left out."""
    if db.address.artifacts.is_symlink():
        return ()
    folders = (db.address.artifacts / str(run_id) for run_id in run_ids)
    return tuple(path for path in folders if path.is_dir() and not path.is_symlink())


def _scan_run_folders(db: Database) -> tuple[dict[int, Path], list[tuple[str, str]]]:
    """The folders named by a run id, and symbolic links of such names with the reason to keep them.

    Other files and folders are ignored.
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
    """Whether another database may use the same folder: then a run id is ambiguous."""
    if not isinstance(address, FileAddress):
        return False
    path = address.path  # `runs` and `runs.db` have one folder
    return (path.with_suffix("") if path.suffix == ".db" else address.sibling(".db")).is_file()


def _training_leftovers(folder: Path) -> Iterator[Path]:
    """The files of an ended run that only its training needed."""
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
    """Whether a file is a SQLite database, and not a symbolic link."""
    try:
        with open_regular(file, follow_links=False) as content:
            return content.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
    except OSError:
        return False


def _backup_time(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:  # not a timestamp, so not one of nnlab's backups
        return datetime.max.replace(tzinfo=UTC)


def _query_ids(connection: Connection, query: Select[Any]) -> tuple[int, ...]:
    return tuple(connection.execute(query).scalars())


def _still_removed(connection: Connection, table: Table, ids: Iterable[int]) -> tuple[int, ...]:
    condition = table.c.removed_at.is_not(None)
    return _query_ids(
        connection,
        select(table.c.id).where(condition, in_ids(table.c.id, ids)).order_by(table.c.id),
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
            hint="files deleted before it are gone; correct its permissions and repeat",
        ) from error
    return size


def _delete_rows(connection: Connection, runs: tuple[int, ...], studies: tuple[int, ...]) -> None:
    trials = _query_ids(connection, select(run.c.trial_id).distinct().where(in_ids(run.c.id, runs)))
    # In this order no row refers to a deleted one.
    for table in (point, summary, sample, source, finding, artifact, attempt):
        connection.execute(delete(table).where(in_ids(table.c.run_id, runs)))
    # SQLite may reuse the id: a child must not seem to descend from the new run.
    connection.execute(update(run).where(in_ids(run.c.parent_id, runs)).values(parent_id=None))
    connection.execute(delete(run).where(in_ids(run.c.id, runs)))
    connection.execute(
        # Also a ledger whose study was removed and then created again under the same name.
        delete(gate).where(
            gate.c.removed_at.is_not(None),
            or_(
                in_ids(gate.c.study_id, studies),
                gate.c.study_id.in_(select(study.c.id).where(study.c.removed_at.is_(None))),
            ),
        )
    )
    connection.execute(
        delete(trial).where(
            # Of a removed study also those of which only the ledger was left.
            or_(in_ids(trial.c.id, trials), in_ids(trial.c.study_id, studies)),
            trial.c.id.not_in(select(run.c.trial_id)),
            # The ledger of a study says what was tested, also after the runs of a trial are gone.
            trial.c.id.not_in(select(gate.c.candidate_trial_id)),
            trial.c.id.not_in(
                select(gate.c.baseline_trial_id).where(gate.c.baseline_trial_id.is_not(None))
            ),
        )
    )
    if runs:
        has_summary = select(summary.c.run_id).where(summary.c.metric_id == metric.c.id).exists()
        connection.execute(delete(metric).where(~has_summary))
        used = select(attempt.c.environment_id).where(attempt.c.environment_id.is_not(None))
        connection.execute(delete(environment).where(environment.c.id.not_in(used)))
    connection.execute(
        delete(study).where(
            in_ids(study.c.id, studies), study.c.id.not_in(select(trial.c.study_id))
        )
    )
