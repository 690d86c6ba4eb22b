"""Files of runs by their id, for readers that do not trust the database."""

from pathlib import Path

from sqlalchemy import select

from nnlab.errors import OutputError, UnknownName
from nnlab.records import Run
from nnlab.store.artifact_folders import run_folder
from nnlab.store.database import Database
from nnlab.store.tables import artifact


def artifact_ids(db: Database, run_id: int) -> dict[str, int]:
    """The ids of the files of a run, by kind."""
    query = select(artifact.c.kind, artifact.c.id).where(artifact.c.run_id == run_id)
    with db.read() as connection:
        return {row.kind: row.id for row in connection.execute(query)}


def artifact_path(db: Database, run: Run, artifact_id: int) -> Path:
    """The path of a file of a run, with links followed.

    Raises:
        UnknownName: the run has no such file, or it no longer exists.
        OutputError: it is not in the folder of the run, or the folder is not on this machine.
    """
    query = select(artifact.c.path).where(artifact.c.run_id == run.id, artifact.c.id == artifact_id)
    with db.read() as connection:
        stored_path = connection.execute(query).scalar()
    if stored_path is None:
        raise UnknownName("artifact", str(artifact_id), ())
    run_folder(db, run, run.artifacts)  # refuses places that nnlab has not created
    if run.artifacts is not None and "://" in run.artifacts:
        raise OutputError(f"run {run.id}: its files are not on this machine")
    root = Path(db.address.artifacts if run.artifacts is None else run.artifacts)
    try:
        own_folder = (root / str(run.id)).resolve()
        path = (root / str(stored_path)).resolve()
    except (OSError, ValueError, RuntimeError):  # a zero byte, or links in a circle
        raise UnknownName("artifact", str(artifact_id), ()) from None
    if not path.is_relative_to(own_folder):
        raise OutputError(f"run {run.id}: a file of it is recorded outside of its folder")
    if not path.is_file():
        raise UnknownName("artifact", str(artifact_id), ())
    return path
