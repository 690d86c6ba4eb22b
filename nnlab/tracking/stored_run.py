"""The database side of a recorded run: it is created, resumed, or joined in a script's process."""

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from nnlab import store
from nnlab.errors import DatabaseLocked, UsageError
from nnlab.io.files import cache_dir
from nnlab.provenance.environment import masked_command_line
from nnlab.records import Objective, Origin, Run, Setting, Source, Status
from nnlab.tracking.call_spool import CallSpool, run_identity

Resume = Literal["allow", "must", "never"]
ResultT = TypeVar("ResultT")

# How long the writer's thread waits for another writer before it spools.
BUSY_SECONDS = 1.0
# How long `nnlab.init` waits for a locked database.
_OPENING_SECONDS = 30.0
# The kind of the source rows that hold the ids which users gave to their runs.
_ID_KIND = "recorded"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The run that `nnlab.init` asks for."""

    study: str
    setting: Setting
    nested_setting: Mapping[str, Any] | None
    seed: int | None
    name: str | None
    tags: tuple[str, ...]
    objective: Objective | None
    id: str | None
    resume: Resume | None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that this process records.

    `folder` has the files of the run. `joined` is set if a parent process executes the run as a
    script, renews its lease and ends it. `resumed` is set if an earlier attempt logged something.
    """

    db: store.Database
    claim: store.Claim
    folder: Path
    joined: bool
    resumed: bool

    @property
    def run(self) -> Run:
        """The run as it was claimed."""
        return self.claim.run

    def open_spool(self) -> CallSpool:
        """The spool of this attempt: in the run's folder or, if that disk is full, in the cache."""
        name = f"samples-{self.claim.attempt_id}.waiting"
        paths = (self.folder / name, spool_cache_folder(self.db) / str(self.run.id) / name)
        return CallSpool(paths, {"samples_of": run_identity(self.run)})


def spool_cache_folder(db: store.Database) -> Path:
    """The folder in the user's cache for spool files of a database."""
    target = hashlib.sha256(db.address.portable_target.encode()).hexdigest()[:16]
    return cache_dir() / "spool" / target


def open_for_recording(target: str) -> store.Database:
    """Opens the database, which is created if it does not exist.

    Raises:
        StoreError, UsageError: it cannot be opened or created.
    """
    return retry_while_locked(
        lambda: store.open_database(target, write=True, create=True, busy_seconds=BUSY_SECONDS)
    )


def retry_while_locked(action: Callable[[], ResultT]) -> ResultT:
    """The result of an action, repeated while another process locks the database.

    Raises:
        DatabaseLocked: it was locked for too long.
    """
    deadline = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            return action()
        except DatabaseLocked:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def create_or_resume(db: store.Database, request: RunRequest) -> StoredRun:
    """Claims the run that a request means.

    Raises:
        UsageError: the run to resume does not exist, must not exist, or is being recorded by
            another process; or the study has fixed trials.
        StoreError: the database cannot be written.
    """
    run = retry_while_locked(lambda: _find_run(db, request))
    resumed = run is not None
    if run is None:
        run = retry_while_locked(lambda: _create_run(db, request))
    claim = retry_while_locked(lambda: _claim(db, run.id))
    folder = store.run_folder(db, claim.run, None)
    folder.create()
    return StoredRun(db, claim, Path(folder.display_name).absolute(), joined=False, resumed=resumed)


def _find_run(db: store.Database, request: RunRequest) -> Run | None:
    if request.id is None:
        if request.resume not in ("allow", "must"):
            return None
        run = store.unfinished_run(
            db, request.study, request.setting, seed=request.seed, name=request.name
        )
        if run is None and request.resume == "must":
            raise UsageError(
                f"there is no interrupted run of this config in the study '{request.study}'",
                hint='resume="allow" creates one',
            )
        return run
    run = _run_with_id(db, request.id)
    if run is None and request.resume == "must":
        raise UsageError(f"there is no run {request.id}", hint='resume="allow" creates it')
    if run is not None and request.resume not in ("allow", "must"):
        raise UsageError(
            f"run {request.id} exists already", hint='resume="allow" continues it, or give no id'
        )
    if run is not None and not run.origin.is_external:
        raise UsageError(f"run {request.id} was trained by nnlab and cannot be recorded")
    return run


def _run_with_id(db: store.Database, run_id: str) -> Run | None:
    source = store.find_source(db, _ID_KIND, run_id)
    number = source.run_id if source is not None else _number(run_id)
    runs = () if number is None else store.runs(db, run_ids=[number])
    return runs[0] if runs else None


def _number(run_id: str) -> int | None:
    digits = run_id.removeprefix("#")
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 18 else None


def _create_run(db: store.Database, request: RunRequest) -> Run:
    if request.id is not None and _number(request.id) is not None:
        raise UsageError(
            f"there is no run {request.id}, and nnlab numbers runs itself",
            hint="give no id, or a text as id",
        )
    spec = store.ExternalRunSpec(
        study=request.study,
        setting=request.setting,
        origin=Origin.RECORDED,
        seed=request.seed,
        nested_setting=request.nested_setting,
        name=request.name,
        tags=request.tags,
        objective=request.objective,
    )
    with db.transaction():
        run = store.create_external_run(db, spec)
        if request.id is not None:
            store.put_source(
                db,
                Source(
                    run_id=run.id,
                    kind=_ID_KIND,
                    external_id=request.id,
                    location=masked_command_line(),
                    imported_at=datetime.now(UTC),
                    position=None,
                    metric_names={},
                ),
            )
    return run


def _claim(db: store.Database, run_id: int) -> store.Claim:
    for _ in range(2):
        (run,) = store.runs(db, run_ids=[run_id])
        if run.status is not Status.RUNNING:
            store.reopen_run(db, run_id)
        claim = store.claim(
            db,
            run_ids=[run_id],
            pid=os.getpid(),
            command=masked_command_line(),
            hostname=socket.gethostname(),
        )
        if claim is not None:
            return claim
    raise UsageError(
        f"run {run_id} is being recorded by another process", hint="give that process time to end"
    )


def join_script_run(variables: Mapping[str, str]) -> StoredRun | None:
    """The run that a parent process executes as a script, given by its environment variables.

    None if there is none, or if another process of the script has joined it.

    Raises:
        StoreError: the database cannot be opened, or the run was removed.
    """
    run_id, attempt = _number(variables.get("NNLAB_RUN", "")), variables.get("NNLAB_ATTEMPT", "")
    target, folder = variables.get("NNLAB_DB"), variables.get("NNLAB_DIR")
    if run_id is None or not attempt.isdecimal() or not target or not folder:
        return None
    if not _mark_joined(Path(folder)):
        return None
    db = open_for_recording(target)
    runs = store.runs(db, run_ids=[run_id])
    if not runs:
        db.close()
        return None
    claim = store.Claim(runs[0], int(attempt))
    resumed = store.next_seq(db, run_id) > 0
    return StoredRun(db, claim, Path(folder), joined=True, resumed=resumed)


def _mark_joined(folder: Path) -> bool:
    """Tells the parent process that this process logs; False if another living process does."""
    marker = folder / "joined"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError, ValueError):
            pid = int(marker.read_text())
            if pid == os.getpid() or _is_alive(pid):
                return False
        marker.write_text(f"{os.getpid()}\n")
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
